package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
)

// Limits of [IdempotencyConfig].
const (
	DefaultLease = 5 * time.Second
	DefaultTTL   = 24 * time.Hour
	MaxTTL       = 7 * 24 * time.Hour
)

// IdempotencyConfig says how long keys are remembered.
type IdempotencyConfig struct {
	// Clock is the agent's clock, by which keys expire; the database's where nil.
	Clock clock.Clock
	// LeaseClock is the clock by which leases run out: real time (the machine's
	// clock, where nil), because a lease tells a dead process from a slow one.
	LeaseClock clock.Clock
	// Lease is how long a claim stands without being renewed; 5 s where zero.
	Lease time.Duration
	// TTL is how long an answer is given again, counted from the first sight of
	// the key; 24 hours where zero, at most 7 days.
	TTL time.Duration
}

// Idempotency remembers idempotency keys and the first answers to them.
type Idempotency struct {
	queries *Queries
	config  IdempotencyConfig
	holder  string
}

var _ agent.IdempotencyStore = (*Idempotency)(nil)

// Idempotency gives the memory of idempotency keys. Each call makes another holder
// of claims: an agent uses one as long as it runs.
//
// Every method is a single statement that decides by itself, or one whose condition
// repeats what was read, so several processes may share the database.
func (db *DB) Idempotency(cfg IdempotencyConfig) *Idempotency {
	if cfg.Clock == nil {
		cfg.Clock = db.clock
	}
	if cfg.LeaseClock == nil {
		cfg.LeaseClock = clock.System{}
	}
	if cfg.Lease <= 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultTTL
	}
	cfg.TTL = min(cfg.TTL, MaxTTL)
	return &Idempotency{queries: db.direct, config: cfg, holder: id.New()}
}

// beginAttempts bounds how often Begin looks again when the record changed between
// its statements; each time somebody else made progress.
const beginAttempts = 10

// Begin implements [agent.IdempotencyStore]. A key past its TTL is Expired whatever
// the digest; a key whose claim ran out before an answer is Resumed, at any age.
func (s *Idempotency) Begin(ctx context.Context, scope agent.IdempotencyScope, digest string) (agent.IdempotencyOutcome, []byte, error) {
	for range beginAttempts {
		outcome, response, decided, err := s.begin(ctx, scope, digest)
		if err != nil {
			return 0, nil, fmt.Errorf("idempotency key: %w", err)
		}
		if decided {
			return outcome, response, nil
		}
	}
	return agent.InFlight, nil, nil
}

func (s *Idempotency) begin(ctx context.Context, scope agent.IdempotencyScope, digest string) (_ agent.IdempotencyOutcome, response []byte, decided bool, err error) {
	now, leaseNow := s.config.Clock.Now(), s.config.LeaseClock.Now()
	leaseUntil := Micros(leaseNow.Add(s.config.Lease))
	// The plain insert is first: most keys are new.
	n, err := s.queries.claimIdempotency(ctx, claimIdempotencyParams{
		Tenant: scope.Tenant, Principal: scope.Principal, Account: scope.Account, Operation: scope.Operation, Key: scope.Key,
		Digest: digest, Holder: s.holder, LeaseUntil: leaseUntil, CreatedAt: Micros(now),
	})
	if err != nil {
		return 0, nil, false, err
	}
	if n == 1 {
		return agent.Claimed, nil, true, nil
	}
	record, err := s.queries.idempotencyRecord(ctx, idempotencyRecordParams(scope))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, false, nil // abandoned in between
	}
	if err != nil {
		return 0, nil, false, err
	}
	switch {
	case record.Finished && Time(record.CreatedAt).Add(s.config.TTL).Before(now):
		return agent.Expired, nil, true, nil
	case record.Digest != digest:
		return agent.Conflict, nil, true, nil
	case record.Finished:
		return agent.Replay, []byte(record.Response), true, nil
	case record.LeaseUntil >= Micros(leaseNow):
		return agent.InFlight, nil, true, nil
	}
	n, err = s.queries.reclaimIdempotency(ctx, reclaimIdempotencyParams{
		Holder: s.holder, LeaseUntil: leaseUntil, CreatedAt: Micros(now),
		Tenant: scope.Tenant, Principal: scope.Principal, Account: scope.Account, Operation: scope.Operation, Key: scope.Key,
		FormerHolder: record.Holder, FormerLeaseUntil: record.LeaseUntil,
	})
	return agent.Resumed, nil, n == 1, err
}

// Renew implements [agent.IdempotencyStore].
func (s *Idempotency) Renew(ctx context.Context, scope agent.IdempotencyScope) error {
	n, err := s.queries.renewIdempotency(ctx, renewIdempotencyParams{
		LeaseUntil: Micros(s.config.LeaseClock.Now().Add(s.config.Lease)),
		Tenant:     scope.Tenant, Principal: scope.Principal, Account: scope.Account, Operation: scope.Operation, Key: scope.Key,
		Holder: s.holder,
	})
	return claimed(n, err)
}

// Finish implements [agent.IdempotencyStore].
func (s *Idempotency) Finish(ctx context.Context, scope agent.IdempotencyScope, response []byte) error {
	n, err := s.queries.finishIdempotency(ctx, finishIdempotencyParams{
		Response: string(response),
		Tenant:   scope.Tenant, Principal: scope.Principal, Account: scope.Account, Operation: scope.Operation, Key: scope.Key,
		Holder: s.holder,
	})
	return claimed(n, err)
}

// Abandon implements [agent.IdempotencyStore]. A claim that is lost already is no error.
func (s *Idempotency) Abandon(ctx context.Context, scope agent.IdempotencyScope) error {
	_, err := s.queries.abandonIdempotency(ctx, abandonIdempotencyParams{
		Tenant: scope.Tenant, Principal: scope.Principal, Account: scope.Account, Operation: scope.Operation, Key: scope.Key,
		Holder: s.holder,
	})
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return nil
}

// Prune forgets the answered keys that were first seen before that instant, and
// says how many. A request that repeats one of them is then run as a new one, so
// leave well more than the TTL.
func (s *Idempotency) Prune(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.queries.pruneIdempotency(ctx, Micros(before))
	if err != nil {
		return 0, fmt.Errorf("idempotency keys: %w", err)
	}
	return n, nil
}

func claimed(n int64, err error) error {
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	if n == 0 {
		return agent.ErrClaimLost
	}
	return nil
}
