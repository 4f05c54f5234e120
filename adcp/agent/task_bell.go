package agent

import "sync"

// TaskBell tells goroutines of one process that a task has changed. The zero
// TaskBell is ready; it is safe for concurrent use.
type TaskBell struct {
	mu        sync.Mutex
	listeners map[string]map[chan struct{}]struct{}
}

// ListenTask implements [TaskListener].
func (b *TaskBell) ListenTask(id string) (told <-chan struct{}, done func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[string]map[chan struct{}]struct{}{}
	}
	if b.listeners[id] == nil {
		b.listeners[id] = map[chan struct{}]struct{}{}
	}
	b.listeners[id][ch] = struct{}{}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.listeners[id], ch); len(b.listeners[id]) == 0 {
			delete(b.listeners, id)
		}
	}
}

// Ring tells whoever listens that the task has changed. Call it after the change
// has committed.
func (b *TaskBell) Ring(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.listeners[id] {
		select {
		case ch <- struct{}{}:
		default: // it has one to read already
		}
	}
}
