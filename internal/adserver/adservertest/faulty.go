package adservertest

import (
	"context"
	"fmt"
	"sync"

	"github.com/upfront-media/upfront/internal/adserver"
)

// Fault is something that goes wrong once between a caller and an ad server.
type Fault string

// The faults. Where a fault does not fit a call, the call is left alone.
const (
	// Throttled calls are turned away before anything is done.
	Throttled Fault = "throttled"
	// AnswerLost calls are carried out, and then time out.
	AnswerLost Fault = "answer lost"
	// CutShort calls are cut while they are being carried out.
	CutShort Fault = "cut short"
	// Duplicated calls are carried out twice.
	Duplicated Fault = "duplicated"
	// Stale reads answer what an earlier read did, for a while.
	Stale Fault = "stale"
)

// Faults lists them all.
func Faults() []Fault { return []Fault{Throttled, AnswerLost, CutShort, Duplicated, Stale} }

// staleFor is how many reads answer what was so before, from the one that meets the fault on.
const staleFor = 2

// Trouble decides which call meets a fault: the At-th, counted from one, and the
// calls after it as often as the fault lasts. It is safe for concurrent use.
type Trouble struct {
	Fault Fault
	At    int
	// Depth is how far a call that is cut short gets.
	Depth int

	mu   sync.Mutex
	seen int
	met  bool
}

// next counts a call and says what happens to it.
func (t *Trouble) next() Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen++
	last := t.At
	if t.Fault == Stale {
		last += staleFor - 1
	}
	if t.seen < t.At || t.seen > last {
		return ""
	}
	t.met = true
	return t.Fault
}

// Met says whether any call has met the fault.
func (t *Trouble) Met() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.met
}

// Faulty is an [adserver.Adapter] with trouble between it and its caller. For faults
// between an adapter and the ad server itself there is [Transport].
type Faulty struct {
	adserver.Adapter
	Trouble *Trouble

	mu   sync.Mutex
	read map[string]answer
}

type answer struct {
	order adserver.Order
	err   error
}

// Apply implements [adserver.Adapter].
func (f *Faulty) Apply(ctx context.Context, order adserver.Order) error {
	switch fault := f.Trouble.next(); fault {
	case Throttled:
		return unavailable(fault)
	case AnswerLost:
		if err := f.Adapter.Apply(ctx, order); err != nil {
			return err
		}
		return unavailable(fault)
	case CutShort:
		cut := &cutContext{Context: ctx, left: f.Trouble.Depth, done: make(chan struct{})}
		return f.Adapter.Apply(cut, order)
	case Duplicated:
		if err := f.Adapter.Apply(ctx, order); err != nil {
			return err
		}
	}
	return f.Adapter.Apply(ctx, order)
}

// Read implements [adserver.Adapter].
func (f *Faulty) Read(ctx context.Context, orderID string) (adserver.Order, error) {
	switch fault := f.Trouble.next(); fault {
	case Throttled, AnswerLost, CutShort:
		return adserver.Order{}, unavailable(fault)
	case Stale:
		f.mu.Lock()
		was, ok := f.read[orderID]
		f.mu.Unlock()
		if ok {
			return was.order, was.err
		}
		return adserver.Order{}, adserver.ErrNotFound
	}
	order, err := f.Adapter.Read(ctx, orderID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read == nil {
		f.read = map[string]answer{}
	}
	f.read[orderID] = answer{order, err}
	return order, err
}

func unavailable(fault Fault) error {
	return fmt.Errorf("%w: %s, as the test wants it", adserver.ErrUnavailable, fault)
}

// cutContext is canceled by being looked at: a call dies half-way, always at the
// same place, without any clock.
type cutContext struct {
	context.Context
	mu   sync.Mutex
	left int
	done chan struct{}
}

func (c *cutContext) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		close(c.done)
	}
	c.left--
}

// Done implements [context.Context].
func (c *cutContext) Done() <-chan struct{} {
	c.look()
	return c.done
}

// Err implements [context.Context].
func (c *cutContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return c.Context.Err()
	}
}
