package client

import (
	"context"
	"errors"
	"sync"
	"time"
)

// DefaultCooldown is how long an open breaker keeps calls back.
const DefaultCooldown = 30 * time.Second

// BreakerConfig says when an agent that does not answer is left alone. The
// zero value has no breaker.
type BreakerConfig struct {
	// Failures in a row open the breaker; 0 for a client without one.
	Failures int
	// Cooldown is how long it then stays open, by [Config].Now; see [DefaultCooldown].
	Cooldown time.Duration
}

// BreakerState says whether an agent is being called.
type BreakerState string

// States of a breaker. Only attempts that may pass later count as failures:
// nobody reached, no answer in time, a server that is overloaded or broken. An
// agent that refuses is well.
//
//	closed    --Failures in a row-->  open
//	open      --Cooldown over-->      half-open
//	half-open --an answer-->          closed
//	half-open --a failure-->          open
const (
	// BreakerClosed lets every call through.
	BreakerClosed BreakerState = "closed"
	// BreakerOpen lets none through.
	BreakerOpen BreakerState = "open"
	// BreakerHalfOpen lets one through at a time, to see whether the agent is back.
	BreakerHalfOpen BreakerState = "half-open"
)

// breaker keeps calls from an agent that does not answer.
type breaker struct {
	cfg BreakerConfig
	now func() time.Time

	mu       sync.Mutex
	failures int
	// openUntil is the zero time while the breaker is closed.
	openUntil time.Time
	// probing tells that one call is out to see whether the agent is back.
	probing bool
	// era numbers the breaker's openings and closings, so that a call that began
	// before one has no say in what follows it.
	era int
}

func newBreaker(cfg BreakerConfig, now func() time.Time) *breaker {
	if cfg.Cooldown <= 0 {
		cfg.Cooldown = DefaultCooldown
	}
	return &breaker{cfg: cfg, now: now}
}

// state must be called with the lock held.
func (b *breaker) state() BreakerState {
	switch {
	case b.openUntil.IsZero():
		return BreakerClosed
	case b.now().Before(b.openUntil):
		return BreakerOpen
	}
	return BreakerHalfOpen
}

// admit lets an attempt through, to be told its outcome, or refuses it.
func (b *breaker) admit() (done func(error), refused *Error) {
	if b.cfg.Failures <= 0 {
		return func(error) {}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	state := b.state()
	if state == BreakerOpen || state == BreakerHalfOpen && b.probing {
		return nil, &Error{Kind: NotTried, RetryAfter: max(b.openUntil.Sub(b.now()), 0)}
	}
	b.probing = state == BreakerHalfOpen
	era := b.era
	return func(err error) { b.settle(era, err) }, nil
}

func (b *breaker) settle(era int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if era != b.era {
		return
	}
	b.probing = false
	switch {
	case errors.Is(err, context.Canceled):
		// The caller gave up, which says nothing of the agent.
	case !unwell(err):
		if b.failures = 0; !b.openUntil.IsZero() {
			b.openUntil = time.Time{}
			b.era++
		}
	default:
		if b.failures++; b.failures >= b.cfg.Failures || !b.openUntil.IsZero() {
			b.openUntil = b.now().Add(b.cfg.Cooldown)
			b.era++
		}
	}
}

// unwell tells whether an attempt's error says that the agent is not there.
func unwell(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Retryable()
}

// Breaker says whether the agent is being called; always closed without a
// breaker in [Config].
func (c *Client) Breaker() BreakerState {
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	return c.breaker.state()
}
