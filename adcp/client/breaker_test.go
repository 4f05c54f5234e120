package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
)

var (
	down    = &Error{Kind: Unreachable, Err: errors.New("connection refused")}
	gaveUp  = &Error{Kind: Unreachable, Err: context.Canceled}
	slow    = &Error{Kind: Timeout, Err: context.DeadlineExceeded}
	busy    = &Error{Kind: Refused, HTTPStatus: 503}
	odd     = &Error{Kind: Malformed}
	refusal = adcp.NewError(adcp.CodeProductNotFound, "", "no")
)

// stroke is one thing that happens to a breaker: a call and its outcome, or time.
type stroke struct {
	outcome error
	passes  time.Duration
	// refused tells that the call must not be let through.
	refused bool
	state   BreakerState
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	const cool = time.Minute
	tests := map[string][]stroke{
		"OpensAfterFailuresInARow": {
			{outcome: down, state: BreakerClosed},
			{outcome: slow, state: BreakerClosed},
			{outcome: busy, state: BreakerOpen},
			{refused: true, state: BreakerOpen},
		},
		"AnAnswerBeginsTheRowAnew": {
			{outcome: down, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
		},
		"WhoRefusesOrIsOddIsThere": {
			{outcome: down, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{outcome: refusal, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{outcome: odd, state: BreakerClosed},
		},
		"ACallerThatGaveUpSaysNothing": {
			{outcome: down, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
			{outcome: gaveUp, state: BreakerClosed},
			{outcome: gaveUp, state: BreakerClosed},
			{outcome: down, state: BreakerOpen},
		},
		"ClosesWithAnAnswerWhenItHasCooled": {
			{outcome: down},
			{outcome: down},
			{outcome: down, state: BreakerOpen},
			{passes: cool - 1, refused: true, state: BreakerOpen},
			{passes: 1, state: BreakerClosed},
			{outcome: down, state: BreakerClosed},
		},
		"OpensAgainWithAFailureWhenItHasCooled": {
			{outcome: down},
			{outcome: down},
			{outcome: down, state: BreakerOpen},
			{passes: cool, outcome: down, state: BreakerOpen},
			{refused: true, state: BreakerOpen},
			{passes: cool, state: BreakerClosed},
		},
		"AProbeThatWasGivenUpIsFollowedByAnother": {
			{outcome: down},
			{outcome: down},
			{outcome: down, state: BreakerOpen},
			{passes: cool, outcome: gaveUp, state: BreakerHalfOpen},
			{state: BreakerClosed},
		},
	}
	for rule, strokes := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
			c := New(Config{URL: "https://seller.example", Breaker: BreakerConfig{Failures: 3, Cooldown: cool}, Now: func() time.Time { return now }})
			for i, s := range strokes {
				now = now.Add(s.passes)
				done, refused := c.breaker.admit()
				if (refused != nil) != s.refused {
					t.Fatalf("stroke %d: refused %v, want %t", i, refused, s.refused)
				}
				if refused != nil && (refused.Kind != NotTried || refused.RetryAfter <= 0 || refused.Retryable()) {
					t.Errorf("stroke %d: refused with %+v", i, refused)
				}
				if done != nil {
					done(s.outcome)
				}
				if got := c.Breaker(); s.state != "" && got != s.state {
					t.Errorf("stroke %d: %s, want %s", i, got, s.state)
				}
			}
		})
	}
}

// Whatever happens in whatever order: nothing passes while it is open, one call
// at most while it is half open, and a late outcome changes nothing.
func TestBreakerAgainstAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
		cfg := BreakerConfig{Failures: rapid.IntRange(1, 4).Draw(r, "failures"), Cooldown: 10 * time.Second}
		b := newBreaker(cfg, func() time.Time { return now })
		type call struct {
			era  int
			done func(error)
		}
		var out []call
		var opened time.Time
		isOpen := false
		r.Repeat(map[string]func(*rapid.T){
			"Call": func(r *rapid.T) {
				cold := isOpen && now.Before(opened.Add(cfg.Cooldown))
				before := b.probing
				done, refused := b.admit()
				switch {
				case cold && refused == nil:
					r.Fatal("a call passed an open breaker")
				case isOpen && !cold && before && refused == nil:
					r.Fatal("two calls passed a half-open breaker")
				case !isOpen && refused != nil:
					r.Fatal("a closed breaker refused")
				}
				if done != nil {
					out = append(out, call{b.era, done})
				}
			},
			"Outcome": func(r *rapid.T) {
				if len(out) == 0 {
					return
				}
				i := rapid.IntRange(0, len(out)-1).Draw(r, "which")
				err := rapid.SampledFrom([]error{nil, down, gaveUp, refusal}).Draw(r, "outcome")
				era, late := b.era, out[i].era != b.era
				until, failures := b.openUntil, b.failures
				out[i].done(err)
				if late && (b.openUntil != until || b.failures != failures || b.era != era) {
					r.Fatal("the outcome of a call of the breaker's last state counted")
				}
				out = append(out[:i], out[i+1:]...)
				if b.era != era {
					if isOpen = !b.openUntil.IsZero(); isOpen {
						opened = now
					}
				}
			},
			"Time": func(r *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(r, "seconds")) * time.Second)
			},
		})
	})
}
