package client

import (
	"context"
	"sync"
	"time"
)

// SeenState is what [Seen] knows of a webhook.
type SeenState int

// The states.
const (
	// SeenNew says that the webhook is new, and now claimed by who asked.
	SeenNew SeenState = iota
	// SeenInFlight says that somebody else is handling it.
	SeenInFlight
	// SeenHandled says that it was handled.
	SeenHandled
)

// Seen remembers the webhooks of each sender by their idempotency keys. It must be
// safe for concurrent use, and remember a key for longer than a sender tries: the
// protocol's senders give up after 24 hours. One that several processes share lets a
// claim run out some time after its process died.
type Seen interface {
	// Begin claims a key, atomically.
	Begin(ctx context.Context, sender, key string) (SeenState, error)
	// Finish says that the claimed webhook was handled.
	Finish(ctx context.Context, sender, key string) error
	// Abandon gives the claim back: the webhook was not handled.
	Abandon(ctx context.Context, sender, key string) error
}

// DefaultRemember is how long [MemorySeen] remembers.
const DefaultRemember = 72 * time.Hour

// MemorySeen is a [Seen] for one process. A restart empties it, so a webhook that
// the sender repeats after a restart is handed over again: use it where handling
// twice does no harm, or where nothing is kept over restarts anyway.
type MemorySeen struct {
	now      func() time.Time
	remember time.Duration
	mu       sync.Mutex
	states   map[seenKey]SeenState
	handled  []seenEntry // in the order of their times
}

type seenKey struct{ sender, key string }

type seenEntry struct {
	seenKey
	until time.Time
}

// NewMemorySeen makes an empty memory. Where now is nil it is [time.Now], and where
// remember is zero it is [DefaultRemember].
func NewMemorySeen(now func() time.Time, remember time.Duration) *MemorySeen {
	if now == nil {
		now = time.Now
	}
	if remember <= 0 {
		remember = DefaultRemember
	}
	return &MemorySeen{now: now, remember: remember, states: map[seenKey]SeenState{}}
}

// Begin implements [Seen].
func (m *MemorySeen) Begin(_ context.Context, sender, key string) (SeenState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	k := seenKey{sender, key}
	if state, ok := m.states[k]; ok {
		return state, nil
	}
	m.states[k] = SeenInFlight
	return SeenNew, nil
}

// Finish implements [Seen].
func (m *MemorySeen) Finish(_ context.Context, sender, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := seenKey{sender, key}
	m.states[k] = SeenHandled
	m.handled = append(m.handled, seenEntry{k, m.now().Add(m.remember)})
	return nil
}

// Abandon implements [Seen].
func (m *MemorySeen) Abandon(_ context.Context, sender, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := (seenKey{sender, key}); m.states[k] == SeenInFlight {
		delete(m.states, k)
	}
	return nil
}

// forget drops what is past its time.
func (m *MemorySeen) forget() {
	now, n := m.now(), 0
	for n < len(m.handled) && !m.handled[n].until.After(now) {
		delete(m.states, m.handled[n].seenKey)
		n++
	}
	m.handled = m.handled[n:]
}
