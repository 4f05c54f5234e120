package agent

import (
	"context"
	"sync"
	"time"
)

// MemoryConfig is what a [MemoryIdempotency] is built from; the zero value will do.
type MemoryConfig struct {
	// Now tells the time for leases and expiry; real time by default.
	Now func() time.Time
	// Lease is how long a claim holds without being renewed; 5 s by default.
	Lease time.Duration
	// TTL is how long an answer is given again; 24 h by default.
	TTL time.Duration
	// Most is how many keys are kept; 100,000 by default. Beyond it the oldest
	// answers are forgotten first.
	Most int
}

// MemoryIdempotency is an [IdempotencyStore] in memory, for tests and for
// agents that change nothing. It is not durable: a restart forgets every key,
// and the next retry runs its handler again. The protocol forbids an agent on
// such a store to declare idempotency as supported.
type MemoryIdempotency struct {
	cfg MemoryConfig

	mu   sync.Mutex
	keys map[IdempotencyScope]*memory
	// order holds scopes in the order of their first claim.
	order []IdempotencyScope
}

type memory struct {
	digest   string
	response []byte
	answered bool
	until    time.Time // end of the lease, or of the answer's time
}

// NewMemoryIdempotency returns an empty store.
func NewMemoryIdempotency(cfg MemoryConfig) *MemoryIdempotency {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 5 * time.Second
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 24 * time.Hour
	}
	if cfg.Most <= 0 {
		cfg.Most = 100_000
	}
	return &MemoryIdempotency{cfg: cfg, keys: map[IdempotencyScope]*memory{}}
}

// Begin implements [IdempotencyStore].
func (s *MemoryIdempotency) Begin(_ context.Context, scope IdempotencyScope, digest string) (IdempotencyOutcome, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	m, known := s.keys[scope]
	switch {
	case !known:
		s.evict()
		s.keys[scope] = &memory{digest: digest, until: now.Add(s.cfg.Lease)}
		s.order = append(s.order, scope)
		return Claimed, nil, nil
	case m.answered && now.After(m.until):
		return Expired, nil, nil
	case m.digest != digest:
		return Conflict, nil, nil
	case m.answered:
		return Replay, append([]byte(nil), m.response...), nil
	case now.After(m.until):
		m.until = now.Add(s.cfg.Lease)
		return Resumed, nil, nil
	}
	return InFlight, nil, nil
}

// Renew implements [IdempotencyStore].
func (s *MemoryIdempotency) Renew(_ context.Context, scope IdempotencyScope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := s.keys[scope]
	if !known || m.answered {
		return ErrClaimLost
	}
	m.until = s.cfg.Now().Add(s.cfg.Lease)
	return nil
}

// Finish implements [IdempotencyStore].
func (s *MemoryIdempotency) Finish(_ context.Context, scope IdempotencyScope, response []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := s.keys[scope]
	if !known || m.answered {
		return ErrClaimLost
	}
	m.answered, m.response, m.until = true, append([]byte(nil), response...), s.cfg.Now().Add(s.cfg.TTL)
	return nil
}

// Abandon implements [IdempotencyStore].
func (s *MemoryIdempotency) Abandon(_ context.Context, scope IdempotencyScope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, known := s.keys[scope]; known && !m.answered {
		delete(s.keys, scope)
	}
	return nil
}

// evict makes room by forgetting the oldest answers. Keys in flight stay.
func (s *MemoryIdempotency) evict() {
	if len(s.keys) < s.cfg.Most && len(s.order) < 2*s.cfg.Most {
		return
	}
	kept := s.order[:0]
	for _, scope := range s.order {
		m, known := s.keys[scope]
		switch {
		case !known: // abandoned, or evicted before
		case m.answered && len(s.keys) >= s.cfg.Most:
			delete(s.keys, scope)
		default:
			kept = append(kept, scope)
		}
	}
	s.order = kept
}
