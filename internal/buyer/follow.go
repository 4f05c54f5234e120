package buyer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Follow brings a campaign up to date with its sellers, all side by side: tasks
// that decide later are looked at, unanswered requests sent again with the same
// key, creatives brought where media buys wait for them, media buys read, and
// their delivery. It returns an error only where the agent itself could not go
// on; a seller that does not answer now is followed the next time.
func (s *Service) Follow(ctx context.Context, campaignID string) error {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return err
	}
	switch State(r.State) {
	case StateBooking, StateLive:
	case StateCompleted, StateFailed:
		return nil
	default:
		return fmt.Errorf("%w: campaign %s is %s and has nothing to follow", ErrState, campaignID, r.State)
	}
	if err := s.each(ctx, r, s.followBooking); err != nil {
		return err
	}
	// A seller's late refusal may have left packages to be booked without others.
	if err := s.placeAll(ctx, r); err != nil {
		return err
	}
	return s.settle(ctx, campaignID)
}

func (s *Service) followBooking(ctx context.Context, b *booking) error {
	over := !s.clock.Now().Before(store.Time(b.campaign.EndAt))
	switch b.state() {
	case BookingReserved, BookingUnconfirmed:
		if err := s.place(ctx, b); err != nil {
			return err
		}
	case BookingSubmitted:
		if err := s.followTask(ctx, b); err != nil {
			return err
		}
	case BookingMismatched:
		if err := s.callOff(ctx, b); err != nil {
			return err
		}
	}
	switch b.state() {
	case BookingBooked:
		return s.followBuy(ctx, b)
	case BookingReserved, BookingUnconfirmed, BookingSubmitted:
		if over {
			return s.lose(ctx, b, "the flight is over and the seller never confirmed", nil)
		}
	case BookingMismatched:
		if over {
			return s.lose(ctx, b, b.Reason+"; the flight is over and the seller never confirmed that it is cancelled", nil)
		}
	}
	return nil
}

// followTask looks at the task by which a seller decides.
func (s *Service) followTask(ctx context.Context, b *booking) error {
	c, err := s.client(b.Seller)
	if err != nil {
		return s.note(ctx, b, b.state(), func() { b.Reason = err.Error() })
	}
	account := s.account(b.campaign.intent)
	task, err := client.Look(ctx, c, adcp.CreateMediaBuy, b.TaskID, &account)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.step(ctx, "task looked at, at "+b.Seller); err != nil {
		return err
	}
	if err != nil {
		return s.later(ctx, b, "a task could not be looked at", err)
	}
	if task.Err != nil {
		return s.lose(ctx, b, s.taskEnded(task.Err), refusalOf(task.Err))
	}
	if !task.Done() || task.Result == nil {
		return nil
	}
	return s.answered(ctx, b, *task.Result)
}

// later leaves to the next time what a seller did not answer now. It is no
// failure of the agent's, so it returns nothing to stop for.
func (s *Service) later(ctx context.Context, b *booking, what string, err error) error {
	s.log.WarnContext(ctx, what, "campaign", b.CampaignID, "seller", b.Seller, "error", s.said(err))
	return nil
}

func (s *Service) taskEnded(err error) string {
	var ended *client.TaskError
	if !errors.As(err, &ended) {
		return s.said(err)
	}
	text := "the seller's task ended as " + shown(ended.Status, 40)
	if ended.Reason != nil {
		text += ": " + shown(ended.Reason.Message, maxReason)
	}
	return text
}

func refusalOf(err error) *adcp.Error {
	var refused *adcp.Error
	errors.As(err, &refused)
	return refused
}

// followBuy reads a media buy, brings its creatives, and reads its delivery. A
// media buy that has ended is closed once its last delivery is in the books.
func (s *Service) followBuy(ctx context.Context, b *booking) error {
	c, err := s.client(b.Seller)
	if err != nil {
		return s.note(ctx, b, b.state(), func() { b.Reason = err.Error() })
	}
	if err := s.bringCreatives(ctx, c, b); err != nil {
		return err
	}
	buy, err := s.readBuy(ctx, c, b)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return s.later(ctx, b, "a media buy could not be read", err)
	}
	if status := string(buy.Status); status != b.Status {
		if err := s.noteStatus(ctx, b, buy); err != nil {
			return err
		}
	}
	if err := s.step(ctx, "media buy read at "+b.Seller); err != nil {
		return err
	}
	return s.readDelivery(ctx, c, b, ended(buy.Status))
}

func (s *Service) noteStatus(ctx context.Context, b *booking, buy adcp.GetMediaBuysResponseMediaBuy) error {
	return s.keep(ctx, b, b.state(), func(tx *store.Tx) error {
		before := b.Status
		b.Status = shown(string(buy.Status), 40)
		switch buy.Status {
		case adcp.MediaBuyStatusRejected:
			b.Reason = "the seller rejected it: " + shown(adcp.Val(buy.RejectionReason), maxReason)
		case adcp.MediaBuyStatusCanceled:
			b.Reason = "canceled"
			if buy.Cancellation != nil {
				b.Reason += ": " + shown(adcp.Val(buy.Cancellation.Reason), maxReason)
			}
		}
		return s.event(ctx, tx, "media_buy."+b.Status, b.MediaBuyID, b.CampaignID, ActorSystem,
			map[string]any{"seller": b.Seller, "from": before, "revision": buy.Revision})
	})
}

// ended reports whether a media buy's status is final.
func ended(status adcp.MediaBuyStatus) bool {
	return slices.Contains([]adcp.MediaBuyStatus{adcp.MediaBuyStatusCompleted, adcp.MediaBuyStatusRejected, adcp.MediaBuyStatusCanceled}, status)
}

var errNoBuy = errors.New("the seller does not know the media buy")

// readBuy reads one media buy as its seller holds it.
func (s *Service) readBuy(ctx context.Context, c *client.Client, b *booking) (adcp.GetMediaBuysResponseMediaBuy, error) {
	account := s.account(b.campaign.intent)
	answer, err := client.Call(ctx, c, adcp.GetMediaBuys, &adcp.GetMediaBuysRequest{Account: &account, MediaBuyIDs: []string{b.MediaBuyID}}, s.retries())
	if err != nil {
		return adcp.GetMediaBuysResponseMediaBuy{}, err
	}
	for _, buy := range answer.MediaBuys {
		if buy.MediaBuyID == b.MediaBuyID {
			return buy, nil
		}
	}
	return adcp.GetMediaBuysResponseMediaBuy{}, errNoBuy
}

// ReadDelivery reads what a campaign's media buys have delivered so far.
func (s *Service) ReadDelivery(ctx context.Context, campaignID string) error {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return err
	}
	return s.each(ctx, r, func(ctx context.Context, b *booking) error {
		if b.state() != BookingBooked {
			return nil
		}
		c, err := s.client(b.Seller)
		if err != nil {
			return s.note(ctx, b, b.state(), func() { b.Reason = err.Error() })
		}
		return s.readDelivery(ctx, c, b, false)
	})
}

// readDelivery reads a media buy's delivery into the books. final closes the
// booking with it and releases what was not delivered.
func (s *Service) readDelivery(ctx context.Context, c *client.Client, b *booking, final bool) error {
	account := s.account(b.campaign.intent)
	answer, err := client.Call(ctx, c, adcp.GetMediaBuyDelivery, &adcp.GetMediaBuyDeliveryRequest{
		Account: &account, MediaBuyIDs: []string{b.MediaBuyID},
	}, s.retries())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return s.later(ctx, b, "delivery could not be read", err)
	}
	if err := s.step(ctx, "delivery read at "+b.Seller); err != nil {
		return err
	}
	rows, problems := deliveredBy(b, answer)
	to := b.state()
	if final {
		to = BookingClosed
	}
	return s.save(ctx, b, to, func(tx *store.Tx, book *ledger) error {
		for _, row := range rows {
			if err := s.postDelivery(ctx, tx, book, b, row); err != nil {
				return err
			}
		}
		for _, p := range problems {
			if err := s.event(ctx, tx, "delivery.questioned", b.MediaBuyID, b.CampaignID, ActorSystem,
				map[string]any{"seller": b.Seller, "problem": p}); err != nil {
				return err
			}
		}
		if !final {
			return nil
		}
		for _, p := range b.packages() {
			if err := book.move(ctx, p.LineID, Committed, Released, book.of(p.LineID, Committed), ActorSystem, "not delivered"); err != nil {
				return err
			}
		}
		return nil
	})
}

// delivered is what a package has delivered, in the campaign's currency.
type delivered struct {
	bookedPackage
	impressions int64
	spend       money.Micros
}

// deliveredBy takes over a delivery report, package by package. What cannot be
// taken is said, and the rest is.
func deliveredBy(b *booking, answer *adcp.GetMediaBuyDeliveryResponse) (rows []delivered, problems []string) {
	for _, d := range answer.MediaBuyDeliveries {
		if d.MediaBuyID != b.MediaBuyID {
			continue
		}
		for _, p := range d.ByPackage {
			packages := b.packages()
			i := slices.IndexFunc(packages, func(known bookedPackage) bool { return known.PackageID == p.PackageID })
			spend, err := money.Parse(p.Spend.String())
			switch {
			case i < 0:
				problems = append(problems, "reports on a package that was not booked: "+shown(p.PackageID, 60))
			case p.Currency != b.campaign.Currency:
				problems = append(problems, fmt.Sprintf("reports package %s in %s, not %s", packages[i].PackageID, shown(p.Currency, 10), b.campaign.Currency))
			case err != nil || spend < 0:
				problems = append(problems, fmt.Sprintf("reports a spend of %s for package %s", shown(p.Spend.String(), 40), packages[i].PackageID))
			default:
				rows = append(rows, delivered{packages[i], floorOf(adcp.Val(p.Impressions)), spend})
			}
		}
	}
	return rows, problems
}

// postDelivery posts what a package has delivered since it was last read. More
// than was booked is not accepted, whatever the seller reports.
func (s *Service) postDelivery(ctx context.Context, tx *store.Tx, book *ledger, b *booking, row delivered) error {
	before, open := book.of(row.LineID, Delivered), book.of(row.LineID, Committed)
	spend := row.spend
	if spend > before+open {
		if err := s.event(ctx, tx, "delivery.questioned", b.MediaBuyID, b.CampaignID, ActorSystem, map[string]any{
			"seller": b.Seller, "problem": fmt.Sprintf("reports %s spent on package %s, of which %s is booked",
				spend.Format(book.currency), row.PackageID, (before + open).Format(book.currency)),
		}); err != nil {
			return err
		}
		spend = before + open
	}
	if spend < before {
		// Corrected downwards. Money that is back is still committed.
		if err := book.move(ctx, row.LineID, Delivered, Committed, before-spend, ActorSystem, b.MediaBuyID+" corrected"); err != nil {
			return err
		}
	} else if err := book.move(ctx, row.LineID, Committed, Delivered, spend-before, ActorSystem, b.MediaBuyID); err != nil {
		return err
	}
	if err := tx.UpsertPackageDelivery(ctx, store.UpsertPackageDeliveryParams{
		Tenant: s.tenant, BookingID: b.BookingID, PackageID: row.PackageID, CampaignID: b.CampaignID, LineID: row.LineID,
		Impressions: row.impressions, Spend: int64(spend), Currency: string(book.currency), ReadAt: store.Micros(s.clock.Now()),
	}); err != nil {
		return fmt.Errorf("delivery of package %s: %w", row.PackageID, err)
	}
	return nil
}
