package clock

import (
	"sync"
	"time"
)

// Clock tells the time. Everything that dates a fact, compares a deadline or
// paces delivery asks one, so that a test or a demonstration decides what time it is.
type Clock interface {
	// Now is the current instant in UTC.
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now implements [Clock].
func (System) Now() time.Time { return time.Now().UTC() }

// Simulated is a clock that moves only when told to, and never backwards.
// It is safe for concurrent use.
type Simulated struct {
	mu  sync.RWMutex
	now time.Time
}

// NewSimulated returns a clock that stands at now.
func NewSimulated(now time.Time) *Simulated { return &Simulated{now: now.UTC()} }

// Now implements [Clock].
func (s *Simulated) Now() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now
}

// AdvanceTo moves the clock to t. An instant before the present one is ignored,
// so agents that share the clock never see time run backwards.
func (s *Simulated) AdvanceTo(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.After(s.now) {
		s.now = t.UTC()
	}
}

// Advance moves the clock forward by d.
func (s *Simulated) Advance(d time.Duration) { s.AdvanceTo(s.Now().Add(d)) }
