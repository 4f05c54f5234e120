package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// ErrNotDead is what [Letters.Replay] returns for a notification that was not given
// up, or that there is none of.
var ErrNotDead = errors.New("webhook: there is no such dead letter")

// ErrNoLetter is what [Letters.Get] returns where there is no such notification.
var ErrNoLetter = errors.New("webhook: there is no such letter")

// Letters is a tenant's notifications as they are kept, for those who look after them.
// They can be read and replayed whether an [Outbox] delivers at the moment or not.
type Letters struct {
	db     *store.DB
	tenant string
	clock  clock.Clock
}

// OpenLetters opens a tenant's letters.
func OpenLetters(db *store.DB, tenant string, c clock.Clock) *Letters { return &Letters{db, tenant, c} }

// Letter is a notification as it is kept. It holds no secret.
type Letter struct {
	EventID, Resource, URL string
	// Scheme is how it is authenticated: RFC9421, HMAC-SHA256 or Bearer.
	Scheme         string
	IdempotencyKey string
	// Body is what is sent, but for the receiver's token.
	Body     []byte
	Status   Status
	Attempts int
	// NextAt is when it is tried again, and DeadlineAt when it is given up, while it
	// is pending.
	CreatedAt, NextAt, DeadlineAt, EndedAt time.Time
	// LastError is why the last attempt failed, in words of ours.
	LastError string
}

// List gives the newest notifications of a status, or of any where it is empty.
func (l *Letters) List(ctx context.Context, status Status, limit int) ([]Letter, error) {
	rows, err := l.db.Read().WebhookNotifications(ctx, store.WebhookNotificationsParams{
		Tenant: l.tenant, Status: string(status), MaxRows: int64(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	letters := make([]Letter, len(rows))
	for i, r := range rows {
		letters[i] = letterOf(r)
	}
	return letters, nil
}

// Get gives one notification.
func (l *Letters) Get(ctx context.Context, eventID string) (Letter, error) {
	r, err := l.db.Read().WebhookNotification(ctx, store.WebhookNotificationParams{Tenant: l.tenant, EventID: eventID})
	if errors.Is(err, store.ErrNoRow) {
		return Letter{}, ErrNoLetter
	}
	if err != nil {
		return Letter{}, fmt.Errorf("webhook %s: %w", eventID, err)
	}
	return letterOf(r), nil
}

func letterOf(r store.WebhookNotification) Letter {
	return Letter{
		EventID: r.EventID, Resource: r.Resource, URL: r.URL, Scheme: r.Scheme, IdempotencyKey: r.IdempotencyKey,
		Body: []byte(r.Body), Status: Status(r.Status), Attempts: int(r.Attempts), CreatedAt: store.Time(r.CreatedAt),
		NextAt: store.Time(r.NextAt), DeadlineAt: store.Time(r.DeadlineAt), EndedAt: store.Time(r.EndedAt), LastError: r.LastError,
	}
}

// Replay tries a dead letter again, for another 24 hours, after all that its lane
// holds by now. Body and idempotency_key stay what they were.
func (l *Letters) Replay(ctx context.Context, eventID string) error {
	return l.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.WebhookNotification(ctx, store.WebhookNotificationParams{Tenant: l.tenant, EventID: eventID})
		if errors.Is(err, store.ErrNoRow) || err == nil && n.Status != string(Dead) {
			return ErrNotDead
		}
		if err != nil {
			return fmt.Errorf("replay a webhook: %w", err)
		}
		last, err := tx.WebhookLaneEnd(ctx, store.WebhookLaneEndParams{Tenant: l.tenant, Lane: n.Lane})
		if err != nil {
			return fmt.Errorf("replay a webhook: %w", err)
		}
		now := l.clock.Now()
		n.Status, n.Position, n.Attempts, n.EndedAt = string(Pending), last+1, 0, 0
		n.NextAt, n.DeadlineAt = store.Micros(now), store.Micros(now.Add(GiveUpAfter))
		if err := save(ctx, tx, &n); err != nil {
			return err
		}
		return job.Enqueue(ctx, tx, jobLane, laneJob{l.tenant, n.Lane})
	})
}
