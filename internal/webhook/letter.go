package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// ErrNotDead is what [Outbox.Replay] returns for a notification that was not given
// up, or that there is none of.
var ErrNotDead = errors.New("webhook: there is no such dead letter")

// Letter is a notification as it is kept. It holds no secret.
type Letter struct {
	EventID, Resource, URL string
	IdempotencyKey         string
	// Body is what is sent.
	Body     []byte
	Status   Status
	Attempts int
	// NextAt is when it is tried again, while it is pending.
	CreatedAt, NextAt, EndedAt time.Time
	// LastError is why the last attempt failed, in words of ours.
	LastError string
}

// List gives the newest notifications of a status, or of any where it is empty.
func (o *Outbox) List(ctx context.Context, status Status, limit int) ([]Letter, error) {
	rows, err := o.cfg.Store.Read().WebhookNotifications(ctx, store.WebhookNotificationsParams{
		Tenant: o.cfg.Tenant, Status: string(status), MaxRows: int64(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	letters := make([]Letter, len(rows))
	for i, r := range rows {
		letters[i] = Letter{
			EventID: r.EventID, Resource: r.Resource, URL: r.URL, IdempotencyKey: r.IdempotencyKey,
			Body: []byte(r.Body), Status: Status(r.Status), Attempts: int(r.Attempts),
			CreatedAt: store.Time(r.CreatedAt), NextAt: store.Time(r.NextAt), EndedAt: store.Time(r.EndedAt), LastError: r.LastError,
		}
	}
	return letters, nil
}

// Replay tries a dead letter again, for another 24 hours, after all that its lane
// holds by now. Body and idempotency_key stay what they were.
func (o *Outbox) Replay(ctx context.Context, eventID string) error {
	return o.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.WebhookNotification(ctx, store.WebhookNotificationParams{Tenant: o.cfg.Tenant, EventID: eventID})
		if errors.Is(err, store.ErrNoRow) || err == nil && n.Status != string(Dead) {
			return ErrNotDead
		}
		if err != nil {
			return fmt.Errorf("replay a webhook: %w", err)
		}
		lane := id.Derive("lane", n.URL, n.Resource)
		last, err := tx.WebhookLaneEnd(ctx, store.WebhookLaneEndParams{Tenant: o.cfg.Tenant, Lane: lane})
		if err != nil {
			return fmt.Errorf("replay a webhook: %w", err)
		}
		now := o.cfg.Clock.Now()
		n.Status, n.Position, n.Attempts, n.EndedAt = string(Pending), last+1, 0, 0
		n.NextAt, n.DeadlineAt = store.Micros(now), store.Micros(now.Add(GiveUpAfter))
		if err := o.save(ctx, tx, &n); err != nil {
			return err
		}
		return job.Enqueue(ctx, tx, jobLane, laneJob{o.cfg.Tenant, lane})
	})
}
