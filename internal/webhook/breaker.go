package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/store"
)

// BreakerState is how a receiver is doing.
type BreakerState string

// The states of a receiver's breaker:
//
//	closed    --10 failures in a row--> open
//	open      --its pause is over-----> half_open: one trial
//	half_open --the trial succeeds----> closed
//	half_open --the trial fails-------> open, for twice as long, at most half an hour
//
// A receiver that answers one call in two is slow to reach, but not down: it takes ten
// failures in a row, and the first pause is short.
const (
	Closed   BreakerState = "closed"
	Open     BreakerState = "open"
	HalfOpen BreakerState = "half_open"
)

const (
	tripAfter    = 10
	firstOpen    = 5 * time.Second
	maxOpen      = 30 * time.Minute
	maxOpenTrips = 9 // so many doublings reach maxOpen
)

// breaker is a receiver's row within a transaction.
type breaker struct {
	row store.WebhookReceiver
}

func (o *Outbox) breaker(ctx context.Context, tx *store.Tx, receiver string) (*breaker, error) {
	row, err := tx.WebhookReceiver(ctx, store.WebhookReceiverParams{Tenant: o.cfg.Tenant, Receiver: receiver})
	if errors.Is(err, store.ErrNoRow) {
		return &breaker{store.WebhookReceiver{Tenant: o.cfg.Tenant, Receiver: receiver, State: string(Closed)}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("webhook receiver: %w", err)
	}
	return &breaker{row}, nil
}

// Breaker tells how the receiver at a URL is doing, and until when an open or half
// open breaker stays as it is.
func (o *Outbox) Breaker(ctx context.Context, url string) (BreakerState, time.Time, error) {
	receiver, err := receiverOf(url)
	if err != nil {
		return "", time.Time{}, err
	}
	row, err := o.cfg.Store.Read().WebhookReceiver(ctx, store.WebhookReceiverParams{Tenant: o.cfg.Tenant, Receiver: receiver})
	if errors.Is(err, store.ErrNoRow) {
		return Closed, time.Time{}, nil
	}
	return BreakerState(row.State), store.Time(row.UntilAt), err
}

// free is from when on something may be sent: at once where it is not after now.
func (b *breaker) free() time.Time { return store.Time(b.row.UntilAt) }

// try is called before an attempt. One that comes when a pause is over is the trial.
func (b *breaker) try(ctx context.Context, tx *store.Tx, now time.Time) error {
	if b.row.State == string(Closed) {
		return nil
	}
	// Nobody else tries as long; a trial whose process died is made again after it.
	b.row.State, b.row.UntilAt = string(HalfOpen), store.Micros(now.Add(lease))
	return b.save(ctx, tx)
}

func (b *breaker) succeeded(ctx context.Context, tx *store.Tx) error {
	if b.row.State == string(Closed) && b.row.Failures == 0 {
		return nil
	}
	b.row.State, b.row.Failures, b.row.Trips, b.row.UntilAt = string(Closed), 0, 0, 0
	return b.save(ctx, tx)
}

func (b *breaker) failed(ctx context.Context, tx *store.Tx, now time.Time) error {
	b.row.Failures++
	// One that was under way when the breaker opened changes nothing more.
	if b.row.State == string(HalfOpen) || b.row.State == string(Closed) && b.row.Failures >= tripAfter {
		pause := min(maxOpen, firstOpen<<min(b.row.Trips, maxOpenTrips))
		b.row.State, b.row.UntilAt = string(Open), store.Micros(now.Add(pause))
		b.row.Trips++
	}
	return b.save(ctx, tx)
}

// settled ends a trial that said nothing of the receiver: another may come at once.
func (b *breaker) settled(ctx context.Context, tx *store.Tx) error {
	if b.row.State != string(HalfOpen) {
		return nil
	}
	b.row.UntilAt = 0
	return b.save(ctx, tx)
}

func (b *breaker) save(ctx context.Context, tx *store.Tx) error {
	err := tx.SaveWebhookReceiver(ctx, store.SaveWebhookReceiverParams{
		Tenant: b.row.Tenant, Receiver: b.row.Receiver, State: b.row.State,
		Failures: b.row.Failures, Trips: b.row.Trips, UntilAt: b.row.UntilAt,
	})
	if err != nil {
		return fmt.Errorf("webhook receiver: %w", err)
	}
	return nil
}
