package client

import (
	"context"
	"sync"
	"time"
)

// Doorbell wakes those who follow tasks when a webhook comes: give its Ring to a
// receiver as [ReceiverConfig].Handle, or call it from there, and what Listen returns
// to [FollowOptions].Told. A webhook is only a reason to look: what has become of the
// task is read from the agent, and where no webhook comes the task is looked at all
// the same, as seldom as the options say. The zero Doorbell is ready; it is safe for
// concurrent use.
type Doorbell struct {
	mu      sync.Mutex
	waiting map[doorbellName]map[chan struct{}]struct{}
}

// doorbellName names an operation: those of different senders are independent.
type doorbellName struct{ sender, operationID string }

// Listen gives a channel that has something to read once a webhook of that sender
// and operation_id has come, until done is called. The sender is that of the
// [Registration]. Listen before you send the request, or a quick webhook is missed.
func (b *Doorbell) Listen(sender, operationID string) (told <-chan struct{}, done func()) {
	name, ch := doorbellName{sender, operationID}, make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = map[doorbellName]map[chan struct{}]struct{}{}
	}
	if b.waiting[name] == nil {
		b.waiting[name] = map[chan struct{}]struct{}{}
	}
	b.waiting[name][ch] = struct{}{}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.waiting[name], ch); len(b.waiting[name]) == 0 {
			delete(b.waiting, name)
		}
	}
}

// Ring wakes those who listen for the webhook's operation. It never fails: a webhook
// that nobody waits for is taken too, or its sender would send it for a day.
func (b *Doorbell) Ring(_ context.Context, d Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.waiting[doorbellName{d.Sender, d.Payload.OperationID}] {
		select {
		case ch <- struct{}{}:
		default: // it has one to read already
		}
	}
	return nil
}

// wait pauses, but no longer than until somebody rings, and reports whether that was
// it.
func (o *FollowOptions) wait(ctx context.Context, d time.Duration) (rung bool, err error) {
	if o.Told == nil {
		return false, o.Wait(ctx, d)
	}
	waiting, cancel := context.WithCancel(ctx)
	heard := make(chan bool, 1)
	go func() {
		select {
		case <-o.Told:
			cancel()
			heard <- true
		case <-waiting.Done():
			heard <- false
		}
	}()
	err = o.Wait(waiting, d)
	cancel()
	if rung = <-heard; rung && ctx.Err() == nil {
		err = nil
	}
	return rung, err
}
