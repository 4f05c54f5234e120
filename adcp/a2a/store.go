package a2a

import (
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Owner is whose a task is: the principal whose credential made the call.
type Owner struct {
	Tenant, Principal string
	// Narrowed tells apart the credentials of one principal that are good for
	// less than all that is the principal's, by a digest; "" is one that is not.
	Narrowed string
}

// Task is one finished call as a [TaskStore] keeps it.
type Task struct {
	// ID is the A2A task's identifier, and ContextID that of the conversation it
	// belongs to.
	ID, ContextID string
	// Owner is the only one who can read it.
	Owner Owner
	// Failed tells that the answer is a refusal.
	Failed bool
	// Asks tells that the answer asks the caller for more, and that the call can be
	// made again under this ID.
	Asks bool
	// Body is the agent's answer, byte for byte.
	Body json.RawMessage
	// Extended tells that the caller had activated the 3.2 profile.
	Extended bool
	// At is when the agent answered, in UTC.
	At time.Time
}

// ErrNoTask is what a [TaskStore] returns for a task that does not exist, is
// forgotten, or belongs to somebody else. The three are not told apart.
var ErrNoTask = errors.New("there is no such task")

// TaskStore keeps calls that have been answered, for callers that read them again with
// tasks/get. It is a convenience of the transport: what must not be lost is
// the agent's own, and is found under its own name with get_task_status, so a
// store may forget. All methods are safe for concurrent use.
type TaskStore interface {
	// Put keeps a task under its ID, in the place of the one that was there: a call
	// that asked its caller for more is made again under the same ID.
	Put(ctx context.Context, t Task) error
	// Get gives the owner's task of that ID, or [ErrNoTask].
	Get(ctx context.Context, owner Owner, id string) (Task, error)
	// List gives the owner's tasks, newest first, that it still has.
	List(ctx context.Context, owner Owner) ([]Task, error)
}

// Defaults of [MemoryTasksConfig].
const (
	// DefaultTasksPerOwner is how many tasks of one principal are kept.
	DefaultTasksPerOwner = 256
	// DefaultTaskBytes is how many bytes of answers are kept in all.
	DefaultTaskBytes = 16 << 20
)

// MemoryTasksConfig bounds a [MemoryTasks].
type MemoryTasksConfig struct {
	// PerOwner is how many tasks of one principal are kept; see
	// [DefaultTasksPerOwner]. A principal's oldest make room for its newest, so
	// that a busy one does not crowd out the others.
	PerOwner int
	// Bytes is how much is kept in all; see [DefaultTaskBytes]. The oldest make
	// room, whoever's they are. An answer greater than that is not kept.
	Bytes int64
}

// MemoryTasks is a [TaskStore] that lives and dies with its process. With
// several processes behind one address, a task is found only by the process
// that made it.
type MemoryTasks struct {
	cfg MemoryTasksConfig

	mu     sync.Mutex
	order  *list.List // of *Task, oldest first
	byID   map[string]*list.Element
	owners map[Owner]*list.List // of the elements of order, oldest first
	bytes  int64
}

// NewMemoryTasks returns an empty store.
func NewMemoryTasks(cfg MemoryTasksConfig) *MemoryTasks {
	if cfg.PerOwner <= 0 {
		cfg.PerOwner = DefaultTasksPerOwner
	}
	if cfg.Bytes <= 0 {
		cfg.Bytes = DefaultTaskBytes
	}
	return &MemoryTasks{cfg: cfg, order: list.New(), byID: map[string]*list.Element{}, owners: map[Owner]*list.List{}}
}

// taskSpace is what a kept task takes besides its answer, roughly.
const taskSpace = 512

func sizeOf(t *Task) int64 { return int64(len(t.Body)) + taskSpace }

// Put implements [TaskStore].
func (m *MemoryTasks) Put(_ context.Context, t Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, taken := m.byID[t.ID]; taken {
		if e.Value.(*Task).Owner != t.Owner {
			return ErrNoTask
		}
		m.forget(e)
	}
	if sizeOf(&t) > m.cfg.Bytes {
		return nil
	}
	own := m.owners[t.Owner]
	if own == nil {
		own = list.New()
		m.owners[t.Owner] = own
	}
	e := m.order.PushBack(&t)
	m.byID[t.ID] = e
	own.PushBack(e)
	m.bytes += sizeOf(&t)
	if own.Len() > m.cfg.PerOwner {
		m.forget(own.Front().Value.(*list.Element))
	}
	for m.bytes > m.cfg.Bytes {
		m.forget(m.order.Front())
	}
	return nil
}

// forget drops a task.
func (m *MemoryTasks) forget(e *list.Element) {
	t := m.order.Remove(e).(*Task)
	delete(m.byID, t.ID)
	m.bytes -= sizeOf(t)
	own := m.owners[t.Owner]
	for o := own.Front(); o != nil; o = o.Next() {
		if o.Value.(*list.Element) == e {
			own.Remove(o)
			break
		}
	}
	if own.Len() == 0 {
		delete(m.owners, t.Owner)
	}
}

// Get implements [TaskStore].
func (m *MemoryTasks) Get(_ context.Context, owner Owner, id string) (Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byID[id]
	if !ok || e.Value.(*Task).Owner != owner {
		return Task{}, ErrNoTask
	}
	return *e.Value.(*Task), nil
}

// List implements [TaskStore].
func (m *MemoryTasks) List(_ context.Context, owner Owner) ([]Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := m.owners[owner]
	if own == nil {
		return nil, nil
	}
	tasks := make([]Task, 0, own.Len())
	for e := own.Back(); e != nil; e = e.Prev() {
		tasks = append(tasks, *e.Value.(*list.Element).Value.(*Task))
	}
	return tasks, nil
}
