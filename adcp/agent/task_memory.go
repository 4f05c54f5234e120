package agent

import (
	"context"
	"slices"
	"sync"
)

// MemoryTasks is a [TaskStore] in memory, for tests and for agents whose tasks may
// end with the process. It keeps every task.
type MemoryTasks struct {
	mu    sync.Mutex
	tasks map[[2]string]*Task
	order []*Task // by creation; entries are those of tasks
}

// NewMemoryTasks returns an empty store.
func NewMemoryTasks() *MemoryTasks { return &MemoryTasks{tasks: map[[2]string]*Task{}} }

// clone is a copy that shares nothing which changes: documents and errors are
// replaced whole.
func (t *Task) clone() *Task {
	c := *t
	c.History = slices.Clone(t.History)
	return &c
}

// Task implements [TaskSource].
func (m *MemoryTasks) Task(_ context.Context, tenant, id string) (*Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tasks[[2]string{tenant, id}]
	if !ok {
		return nil, ErrNoTask
	}
	return t.clone(), nil
}

// Tasks implements [TaskSource].
func (m *MemoryTasks) Tasks(_ context.Context, tenant, principal string) ([]*Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var own []*Task
	for _, t := range m.order {
		if t.Tenant == tenant && t.Principal == principal {
			own = append(own, t.clone())
		}
	}
	return own, nil
}

// Create implements [TaskStore].
func (m *MemoryTasks) Create(ctx context.Context, t *Task, tell func(context.Context) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := [2]string{t.Tenant, t.ID}
	if _, taken := m.tasks[name]; taken {
		return ErrTaskExists
	}
	if tell != nil {
		if err := tell(ctx); err != nil {
			return err
		}
	}
	kept := t.clone()
	m.tasks[name] = kept
	m.order = append(m.order, kept)
	return nil
}

// Update implements [TaskStore].
func (m *MemoryTasks) Update(ctx context.Context, t *Task, tell func(context.Context) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.tasks[[2]string{t.Tenant, t.ID}]
	switch {
	case !ok:
		return ErrNoTask
	case kept.Revision != t.Revision-1:
		return ErrTaskChanged
	}
	if tell != nil {
		if err := tell(ctx); err != nil {
			return err
		}
	}
	*kept = *t.clone()
	return nil
}
