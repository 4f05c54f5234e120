package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// BookingState is how far one seller's part of a campaign is.
type BookingState string

// The states of a booking.
const (
	// BookingReserved bookings have their money reserved and their request
	// written; it may or may not have been sent.
	BookingReserved BookingState = "reserved"
	// BookingSubmitted bookings wait for the seller, who named a task to follow.
	BookingSubmitted BookingState = "submitted"
	// BookingBooked bookings are media buys, on the terms of the plan.
	BookingBooked BookingState = "booked"
	// BookingMismatched bookings are media buys on other terms than the plan's,
	// about to be cancelled.
	BookingMismatched BookingState = "mismatched"
	// BookingUnconfirmed bookings were sent and never answered. Their money stays
	// reserved, since the seller may have booked; they are asked about again with
	// the same key until the flight is over.
	BookingUnconfirmed BookingState = "unconfirmed"
	// BookingFailed bookings were refused, or cancelled by us before they ran.
	BookingFailed BookingState = "failed"
	// BookingClosed bookings have run, or were ended by the seller; their
	// delivery is final.
	BookingClosed BookingState = "closed"
)

// bookingMoves is the state table of bookings.
var bookingMoves = map[BookingState][]BookingState{
	BookingReserved:    {BookingSubmitted, BookingBooked, BookingMismatched, BookingUnconfirmed, BookingFailed},
	BookingUnconfirmed: {BookingSubmitted, BookingBooked, BookingMismatched, BookingFailed},
	BookingSubmitted:   {BookingBooked, BookingMismatched, BookingFailed},
	BookingMismatched:  {BookingFailed},
	BookingBooked:      {BookingClosed},
}

// decided reports whether the seller has made up its mind, as far as the
// campaign waits for it.
func (s BookingState) decided() bool {
	return s != BookingReserved && s != BookingSubmitted && s != BookingMismatched
}

// Book sends an approved plan to its sellers: one media buy a seller, with all
// its lines. First all the money is reserved, against the authority and in one
// transaction; then all sellers are sent their requests side by side. A seller
// that refuses or fails stops no other, and its money is released. Book returns
// an error only where the agent itself could not go on; what sellers said is in
// the [Report].
func (s *Service) Book(ctx context.Context, campaignID string) error {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return err
	}
	switch State(r.State) {
	case StateApproved:
		if err := s.reserve(ctx, &r); err != nil {
			return err
		}
	case StateBooking:
	case StateLive, StateCompleted:
		return nil
	default:
		return fmt.Errorf("%w: campaign %s is %s, not %s", ErrState, campaignID, r.State, StateApproved)
	}
	if err := s.step(ctx, "reserved"); err != nil {
		return err
	}
	if err := s.placeAll(ctx, r); err != nil {
		return err
	}
	return s.settle(ctx, campaignID)
}

// placeAll sends what is to be sent, and again where a refusal left packages to
// be booked without the refused ones. Each round has fewer packages than the last.
func (s *Service) placeAll(ctx context.Context, r record) error {
	for {
		if err := s.each(ctx, r, s.place); err != nil {
			return err
		}
		rows, err := s.db.Read().Bookings(ctx, store.BookingsParams{Tenant: s.tenant, CampaignID: r.CampaignID})
		if err != nil {
			return fmt.Errorf("bookings of campaign %s: %w", r.CampaignID, err)
		}
		if !slices.ContainsFunc(rows, func(b store.BuyerBooking) bool { return b.State == string(BookingReserved) && b.Tries == 0 }) {
			return nil
		}
	}
}

// reserve writes the requests and reserves the money, all or nothing.
func (s *Service) reserve(ctx context.Context, r *record) error {
	before := *r
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		*r = before
		if err := s.transit(ctx, tx, r, StateBooking, ActorSystem, "the money is reserved"); err != nil {
			return err
		}
		book, err := s.ledger(ctx, tx, r)
		if err != nil {
			return err
		}
		lines, err := tx.PlanLines(ctx, store.PlanLinesParams{Tenant: s.tenant, CampaignID: r.CampaignID})
		if err != nil {
			return fmt.Errorf("lines of campaign %s: %w", r.CampaignID, err)
		}
		bySeller := map[string][]store.BuyerLine{}
		for _, l := range lines {
			bySeller[l.Seller] = append(bySeller[l.Seller], l)
			if err := book.move(ctx, l.LineID, Planned, Reserved, money.Micros(l.Budget), ActorSystem, "sent to "+l.Seller); err != nil {
				return err
			}
		}
		for _, seller := range sortedKeys(bySeller) {
			if err := s.writeBooking(ctx, tx, r, seller, 1, bySeller[seller]); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeBooking stores a booking with the very bytes that will be sent. Attempts
// of one seller differ in their lines, and so in their keys.
func (s *Service) writeBooking(ctx context.Context, tx *store.Tx, r *record, seller string, attempt int64, lines []store.BuyerLine) error {
	key := bookingKey(r.CampaignID, seller, attempt)
	request, err := s.buyRequest(r, seller, key, lines)
	if err != nil {
		return err
	}
	bookingID := id.Derive("booking", r.CampaignID, seller, fmt.Sprint(attempt))
	now := store.Micros(s.clock.Now())
	if err := tx.InsertBooking(ctx, store.InsertBookingParams{
		Tenant: s.tenant, BookingID: bookingID, CampaignID: r.CampaignID, Seller: seller, Attempt: attempt,
		State: string(BookingReserved), IdempotencyKey: key, Request: string(request), CreatedAt: now, UpdatedAt: now,
	}); err != nil {
		return fmt.Errorf("booking at %s: %w", seller, err)
	}
	return s.event(ctx, tx, "booking.reserved", bookingID, r.CampaignID, ActorSystem,
		map[string]any{"seller": seller, "attempt": attempt, "lines": len(lines)})
}

// bookingKey is the idempotency key of one attempt at one seller: it outlives
// the process, so that sending the request again books nothing again.
func bookingKey(campaignID, seller string, attempt int64) string {
	return id.Derive("book", campaignID, seller, fmt.Sprint(attempt))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// booking is one seller's part of a campaign while it is worked on.
type booking struct {
	store.BuyerBooking
	campaign record
}

func (b *booking) state() BookingState { return BookingState(b.State) }

// requested are the packages that were asked for, as the stored request says.
func (b *booking) requested() (request buyRequest, err error) {
	if err := json.Unmarshal([]byte(b.Request), &request); err != nil {
		return request, fmt.Errorf("booking %s: the stored request: %w", b.BookingID, err)
	}
	return request, nil
}

// each works on every booking of a campaign, all sellers side by side.
func (s *Service) each(ctx context.Context, r record, work func(ctx context.Context, b *booking) error) error {
	rows, err := s.db.Read().Bookings(ctx, store.BookingsParams{Tenant: s.tenant, CampaignID: r.CampaignID})
	if err != nil {
		return fmt.Errorf("bookings of campaign %s: %w", r.CampaignID, err)
	}
	failures := make([]error, len(rows))
	var wait sync.WaitGroup
	for i, row := range rows {
		wait.Go(func() { failures[i] = work(ctx, &booking{BuyerBooking: row, campaign: r}) })
	}
	wait.Wait()
	return errors.Join(failures...)
}

// note stores what has become known of a booking, without any effect on money.
func (s *Service) note(ctx context.Context, b *booking, to BookingState, set func()) error {
	return s.keep(ctx, b, to, func(*store.Tx) error {
		set()
		return nil
	})
}

// save stores a booking and what its change does to the money, in one
// transaction. change sets the booking's fields and moves money; it runs again
// when the transaction lost a race.
func (s *Service) save(ctx context.Context, b *booking, to BookingState, change func(tx *store.Tx, book *ledger) error) error {
	return s.keep(ctx, b, to, func(tx *store.Tx) error {
		r, err := s.load(ctx, tx.Queries, b.CampaignID)
		if err != nil {
			return err
		}
		if err := s.touch(ctx, tx, &r); err != nil {
			return err
		}
		book, err := s.ledger(ctx, tx, &r)
		if err != nil {
			return err
		}
		return change(tx, book)
	})
}

// keep is the only writer of bookings: it asks the state table first, and stores
// a change of state with its event.
func (s *Service) keep(ctx context.Context, b *booking, to BookingState, change func(tx *store.Tx) error) error {
	from := b.state()
	if from != to && !slices.Contains(bookingMoves[from], to) {
		return fmt.Errorf("%w: booking %s is %s and cannot become %s", ErrState, b.BookingID, from, to)
	}
	before := b.BuyerBooking
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		b.BuyerBooking = before
		if err := change(tx); err != nil {
			return err
		}
		b.State = string(to)
		n, err := tx.UpdateBooking(ctx, store.UpdateBookingParams{
			State: b.State, Tries: b.Tries, InDoubt: b.InDoubt, TaskID: b.TaskID, MediaBuyID: b.MediaBuyID, Status: b.Status,
			Packages: b.Packages, Creatives: b.Creatives, Reason: b.Reason, UpdatedAt: store.Micros(s.clock.Now()),
			Tenant: s.tenant, BookingID: b.BookingID, Revision: b.Revision,
		})
		if err != nil {
			return fmt.Errorf("booking %s: %w", b.BookingID, err)
		}
		if n != 1 {
			return fmt.Errorf("%w: booking %s", ErrConflict, b.BookingID)
		}
		b.Revision++
		if from == to {
			return nil
		}
		return s.event(ctx, tx, "booking."+string(to), b.BookingID, b.CampaignID, ActorSystem, map[string]any{
			"seller": b.Seller, "from": string(from), "media_buy_id": b.MediaBuyID, "task_id": b.TaskID, "reason": b.Reason,
		})
	})
}

// lines are the plan's lines that a booking asked for, in the order of its packages.
func (s *Service) lines(ctx context.Context, q *store.Queries, b *booking) ([]store.BuyerLine, error) {
	request, err := b.requested()
	if err != nil {
		return nil, err
	}
	rows, err := q.PlanLines(ctx, store.PlanLinesParams{Tenant: s.tenant, CampaignID: b.CampaignID})
	if err != nil {
		return nil, fmt.Errorf("lines of campaign %s: %w", b.CampaignID, err)
	}
	var lines []store.BuyerLine
	for _, p := range request.Packages {
		i := slices.IndexFunc(rows, func(l store.BuyerLine) bool { return l.Seller == b.Seller && l.ProductID == p.ProductID })
		if i < 0 {
			return nil, fmt.Errorf("booking %s asks for product %s, which the plan does not hold", b.BookingID, p.ProductID)
		}
		lines = append(lines, rows[i])
	}
	return lines, nil
}

// settle moves a campaign on once its sellers have decided.
func (s *Service) settle(ctx context.Context, campaignID string) error {
	if err := s.step(ctx, "settle"); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := s.load(ctx, tx.Queries, campaignID)
		if err != nil {
			return err
		}
		rows, err := tx.Bookings(ctx, store.BookingsParams{Tenant: s.tenant, CampaignID: campaignID})
		if err != nil {
			return fmt.Errorf("bookings of campaign %s: %w", campaignID, err)
		}
		var undecided, booked, open int
		for _, b := range rows {
			switch state := BookingState(b.State); {
			case !state.decided():
				undecided++
			case state == BookingBooked:
				booked++
				open++
			case state == BookingUnconfirmed:
				open++
			case state == BookingClosed:
				booked++
			}
		}
		if State(r.State) == StateBooking && undecided == 0 {
			switch {
			case booked > 0:
				err = s.transit(ctx, tx, &r, StateLive, ActorSystem, fmt.Sprintf("%d of %d sellers have booked", booked, sellersOf(rows)))
			case open == 0:
				err = s.transit(ctx, tx, &r, StateFailed, ActorSystem, "no seller has booked")
			}
			if err != nil {
				return err
			}
		}
		if State(r.State) == StateLive && undecided == 0 && open == 0 {
			return s.transit(ctx, tx, &r, StateCompleted, ActorSystem, "every media buy has ended")
		}
		return nil
	})
}

func sellersOf(rows []store.BuyerBooking) int {
	names := map[string]bool{}
	for _, b := range rows {
		names[b.Seller] = true
	}
	return len(names)
}
