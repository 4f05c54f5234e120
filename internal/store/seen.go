package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
)

// Limits of [SeenConfig].
const (
	DefaultSeenLease    = 2 * time.Minute
	DefaultSeenRemember = client.DefaultRemember
)

// SeenConfig says how long webhooks that came in are remembered.
type SeenConfig struct {
	// Tenant keys what is stored. Required.
	Tenant string
	// Clock is the agent's clock, by which what was handled is forgotten; the
	// database's where nil.
	Clock clock.Clock
	// LeaseClock is the clock by which claims run out: real time (the machine's
	// clock, where nil), because that tells a dead process from a slow one.
	LeaseClock clock.Clock
	// Lease is how long a handler may take: a webhook whose process died in it is
	// handed over again after that. [DefaultSeenLease] where zero.
	Lease time.Duration
	// Remember is how long a handled webhook is known again;
	// [DefaultSeenRemember] where zero.
	Remember time.Duration
}

// Seen remembers the webhooks that came in, for a receiver on several processes.
type Seen struct {
	queries *Queries
	config  SeenConfig
	holder  string
	mu      sync.Mutex
	pruned  time.Time
}

var _ client.Seen = (*Seen)(nil)

// Seen gives the memory of webhooks that came in. Each call makes another holder of
// claims: a receiver uses one as long as it runs. Every method is a single statement
// that decides by itself, or one whose condition repeats what was read.
func (db *DB) Seen(cfg SeenConfig) *Seen {
	if cfg.Clock == nil {
		cfg.Clock = db.clock
	}
	if cfg.LeaseClock == nil {
		cfg.LeaseClock = clock.System{}
	}
	if cfg.Lease <= 0 {
		cfg.Lease = DefaultSeenLease
	}
	if cfg.Remember <= 0 {
		cfg.Remember = DefaultSeenRemember
	}
	return &Seen{queries: db.direct, config: cfg, holder: id.New()}
}

// Begin implements [client.Seen].
func (s *Seen) Begin(ctx context.Context, sender, key string) (client.SeenState, error) {
	if err := s.prune(ctx); err != nil {
		return 0, fmt.Errorf("webhook seen: %w", err)
	}
	for range beginAttempts {
		state, decided, err := s.begin(ctx, sender, key)
		if err != nil {
			return 0, fmt.Errorf("webhook seen: %w", err)
		}
		if decided {
			return state, nil
		}
	}
	return client.SeenInFlight, nil
}

func (s *Seen) begin(ctx context.Context, sender, key string) (state client.SeenState, decided bool, err error) {
	now := s.config.LeaseClock.Now()
	until := Micros(now.Add(s.config.Lease))
	n, err := s.queries.claimWebhookSeen(ctx, claimWebhookSeenParams{
		Tenant: s.config.Tenant, Sender: sender, Key: key, Holder: s.holder, LeaseUntil: until, SeenAt: Micros(s.config.Clock.Now()),
	})
	if err != nil || n == 1 {
		return client.SeenNew, true, err
	}
	r, err := s.queries.webhookSeen(ctx, webhookSeenParams{Tenant: s.config.Tenant, Sender: sender, Key: key})
	switch {
	case errors.Is(err, ErrNoRow):
		return 0, false, nil // abandoned in between
	case err != nil:
		return 0, false, err
	case r.Handled:
		return client.SeenHandled, true, nil
	case r.LeaseUntil >= Micros(now):
		return client.SeenInFlight, true, nil
	}
	n, err = s.queries.reclaimWebhookSeen(ctx, reclaimWebhookSeenParams{
		Holder: s.holder, LeaseUntil: until, Tenant: s.config.Tenant, Sender: sender, Key: key,
		FormerHolder: r.Holder, FormerLeaseUntil: r.LeaseUntil,
	})
	return client.SeenNew, n == 1, err
}

// Finish implements [client.Seen]. It is an error where another holder has claimed
// the webhook meanwhile, which took it for one of a dead process.
func (s *Seen) Finish(ctx context.Context, sender, key string) error {
	n, err := s.queries.finishWebhookSeen(ctx, finishWebhookSeenParams{
		Tenant: s.config.Tenant, Sender: sender, Key: key, Holder: s.holder,
	})
	if err == nil && n == 0 {
		err = errors.New("the claim was lost: the handler took longer than the lease")
	}
	if err != nil {
		return fmt.Errorf("webhook seen: %w", err)
	}
	return nil
}

// Abandon implements [client.Seen]. A claim that is lost already is no error.
func (s *Seen) Abandon(ctx context.Context, sender, key string) error {
	if _, err := s.queries.abandonWebhookSeen(ctx, abandonWebhookSeenParams{
		Tenant: s.config.Tenant, Sender: sender, Key: key, Holder: s.holder,
	}); err != nil {
		return fmt.Errorf("webhook seen: %w", err)
	}
	return nil
}

// pruneEvery is how often what was handled long ago is dropped.
const pruneEvery = time.Hour

func (s *Seen) prune(ctx context.Context) error {
	now := s.config.Clock.Now()
	s.mu.Lock()
	due := now.Sub(s.pruned) >= pruneEvery
	if due {
		s.pruned = now
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	_, err := s.queries.pruneWebhookSeen(ctx, pruneWebhookSeenParams{Tenant: s.config.Tenant, SeenAt: Micros(now.Add(-s.config.Remember))})
	return err
}
