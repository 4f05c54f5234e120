package seller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Deliverer is an ad server that delivers by the agent's clock, as the built-in one
// does: it runs every hour that has passed up to the instant.
type Deliverer interface {
	Deliver(ctx context.Context, through time.Time) error
}

// Tick catches up with the clock: it has the sales desk's policy decide on what is
// due, lets the ad server deliver, starts the media buys whose flight has begun
// and completes those whose flight has ended, once the ad server has been read.
// It also takes over what other processes changed in the catalogue.
// It may be called at any time, as often as wanted; what it starts at the ad server
// goes through the queue. An error concerns single media buys; the others are done.
func (s *Service) Tick(ctx context.Context) error {
	if s.db == nil {
		return nil
	}
	now := s.now()
	errs := []error{s.followCatalogue(ctx), s.decideDue(ctx, now), s.lapseDue(ctx, now)}
	if d, ok := s.adServer.(Deliverer); ok {
		if err := d.Deliver(ctx, now); err != nil {
			errs = append(errs, fmt.Errorf("deliver: %w", err))
		}
	}
	errs = append(errs, s.startDue(ctx, now), s.endDue(ctx, now), s.sendReports(ctx, now))
	return errors.Join(errs...)
}

// startDue moves on the media buys whose flight has begun.
func (s *Service) startDue(ctx context.Context, now time.Time) error {
	rows, err := s.db.Read().MediaBuysStarting(ctx, store.MediaBuysStartingParams{Tenant: s.tenant, StartAt: store.Micros(now)})
	if err != nil {
		return fmt.Errorf("media buys to start: %w", err)
	}
	var errs []error
	for _, r := range rows {
		if err := s.move(ctx, r.MediaBuyID, now, func(b *MediaBuy) []Event { return b.settle(now) }, 0); err != nil {
			errs = append(errs, fmt.Errorf("start media buy %s: %w", r.MediaBuyID, err))
		}
	}
	return errors.Join(errs...)
}

// endDue completes the media buys whose flight has ended, and lets those go that
// never had their creatives.
func (s *Service) endDue(ctx context.Context, now time.Time) error {
	rows, err := s.db.Read().MediaBuysEnding(ctx, store.MediaBuysEndingParams{Tenant: s.tenant, EndAt: store.Micros(now)})
	if err != nil {
		return fmt.Errorf("media buys to end: %w", err)
	}
	var errs []error
	for _, r := range rows {
		err := error(nil)
		if State(r.Status) == StatePendingCreatives {
			err = s.expire(ctx, r.MediaBuyID, now)
		} else {
			err = s.completeFlight(ctx, r.MediaBuyID, now)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("end media buy %s: %w", r.MediaBuyID, err))
		}
	}
	return errors.Join(errs...)
}

// completeFlight completes a media buy once the ad server has shown that it holds
// the order and has reported what it delivered.
func (s *Service) completeFlight(ctx context.Context, mediaBuyID string, now time.Time) error {
	b, err := s.mediaBuy(ctx, s.db.Read(), mediaBuyID)
	if err != nil {
		return err
	}
	held, err := s.adServer.Read(ctx, b.ID)
	if err != nil {
		return err
	}
	if d := adserver.Diff(b.Order(), held); len(d) > 0 {
		return fmt.Errorf("the ad server does not hold the order: %s", d[0])
	}
	reported, err := s.adServer.Delivery(ctx, adserver.DeliveryQuery{OrderID: b.ID, Step: adserver.StepWhole})
	if err != nil {
		return err
	}
	spent := adserver.Sum(reported).Spend
	revision := b.Revision
	return s.move(ctx, mediaBuyID, now, func(b *MediaBuy) []Event {
		if b.Revision != revision {
			return nil // it has been changed since; the next tick reads it again
		}
		to, ok := b.State.After(EventFlightEnded)
		if !ok {
			return nil
		}
		b.State = to
		return []Event{EventFlightEnded}
	}, spent)
}

// move makes a media buy's moves that need nothing of the ad server, in one
// transaction. A media buy with a change on its way is left to the next tick. One
// that ends has spent as much as given.
func (s *Service) move(ctx context.Context, mediaBuyID string, now time.Time, step func(*MediaBuy) []Event, spent money.Micros) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := s.mediaBuy(ctx, tx.Queries, mediaBuyID)
		if err != nil || b.PendingTask != "" {
			return err
		}
		events := step(b)
		if len(events) == 0 {
			return nil
		}
		var done []HistoryEntry
		for _, e := range events {
			done = append(done, HistoryEntry{Actor: "seller", Action: eventAction[e]})
		}
		b.UpdatedAt = now
		if err := s.saveChange(ctx, tx, b, false, "media_buy."+eventAction[events[len(events)-1]], "", "clock", done); err != nil {
			return err
		}
		return s.settleCommitment(ctx, tx, b, b.owed(spent), eventAction[events[len(events)-1]], now)
	})
}

// expire lets a media buy go whose flight was over before its creatives came. The
// ad server is told first, so this is a task of the seller's own.
func (s *Service) expire(ctx context.Context, mediaBuyID string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := s.mediaBuy(ctx, tx.Queries, mediaBuyID)
		if err != nil || b.PendingTask != "" {
			return err
		}
		to, ok := b.State.After(EventRejected)
		if !ok {
			return nil
		}
		b.State, b.RejectionReason = to, "The flight ended before every package had a creative."
		return s.submit(ctx, tx, &Task{
			ID:   id.Derive("task", s.tenant, taskExpire, b.ID, fmt.Sprint(b.Revision)),
			Type: taskExpire, AccountID: b.AccountID, Status: adcp.TaskStatusWorking,
			DecidedBy: "clock", DecidedAt: now, CreatedAt: now, Revision: 1,
			Change: Change{Actor: "clock", Buys: []BuyChange{{
				Buy: b, Done: []HistoryEntry{{Actor: "seller", Action: eventAction[EventRejected], Summary: b.RejectionReason}},
			}}},
		})
	})
}
