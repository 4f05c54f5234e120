package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
)

// TaskStore keeps tasks durably. All methods are safe for concurrent use, by several
// processes too.
//
// Create and Update run tell, where it is not nil, as a part of the change: in the
// store's transaction, if it has any, which whoever shares the store finds in the
// context. When tell fails, nothing is changed. So what a change has to be followed
// by, such as a webhook, is written down with it or not at all.
type TaskStore interface {
	TaskSource
	// Create adds a task, or returns [ErrTaskExists].
	Create(ctx context.Context, t *Task, tell func(context.Context) error) error
	// Update puts the task in the place of the one whose revision is one lower, or
	// returns [ErrTaskChanged] where there is none.
	Update(ctx context.Context, t *Task, tell func(context.Context) error) error
}

// TaskNotifier tells callers, such as by webhook, what became of their tasks. Its
// methods run as part of the change; see [TaskStore]. It must be safe for concurrent
// use.
type TaskNotifier interface {
	// CheckPush refuses a registration that could not be honored.
	CheckPush(push *adcp.PushNotificationConfig) *adcp.Error
	// TaskOpened remembers whom to tell of the task's changes.
	TaskOpened(ctx context.Context, t *Task, push *adcp.PushNotificationConfig) error
	// TaskChanged tells that the task has changed, and how, to whoever is registered:
	// a settled one with its Result or Error. It happens in the order of revisions.
	TaskChanged(ctx context.Context, t *Task) error
}

// TasksConfig is what a [Tasks] is built from. Only Clock is required.
type TasksConfig struct {
	// Clock dates what happens to tasks; use the agent's.
	Clock Clock
	// Store keeps the tasks. By default a [MemoryTasks], which forgets with the
	// process.
	Store TaskStore
	// Notifier tells callers of changes. Without it a push_notification_config is
	// refused.
	Notifier TaskNotifier
	// Answered, when set, gets what a caller has said to a task that asked it, before
	// the task moves on; returning an [*adcp.Error] refuses the answer, and the task
	// goes on waiting. The answer is in the task's History too.
	Answered func(ctx context.Context, t *Task, in TaskInput) error
	// Cancel, when set, lets callers withdraw tasks that are not settled, and is
	// asked before; returning an [*adcp.Error] says why this one cannot be withdrawn.
	// Without it none can.
	Cancel func(ctx context.Context, t *Task) error
}

// Tasks are the tasks of an agent whose handlers answer later. Give it to
// [HandleTasks]; a handler then answers [Submitted], [Working] or [InputRequired],
// and whatever does the work ends the task with [Tasks.Complete], [Tasks.Fail] or
// [Tasks.Reject], in this process or another. It is safe for concurrent use.
type Tasks struct {
	cfg TasksConfig
	TaskBell
}

var (
	_ TaskSource   = (*Tasks)(nil)
	_ TaskAnswerer = (*Tasks)(nil)
	_ TaskCanceler = (*Tasks)(nil)
	_ TaskListener = (*Tasks)(nil)
)

// NewTasks returns the tasks that the store keeps. It panics without a Clock.
func NewTasks(cfg TasksConfig) *Tasks {
	if cfg.Clock == nil {
		panic("agent: TasksConfig needs a Clock")
	}
	if cfg.Store == nil {
		cfg.Store = NewMemoryTasks()
	}
	return &Tasks{cfg: cfg}
}

// Task implements [TaskSource].
func (s *Tasks) Task(ctx context.Context, tenant, id string) (*Task, error) {
	return s.cfg.Store.Task(ctx, tenant, id)
}

// Tasks implements [TaskSource].
func (s *Tasks) Tasks(ctx context.Context, tenant, principal string) ([]*Task, error) {
	return s.cfg.Store.Tasks(ctx, tenant, principal)
}

// open adds a task.
func (s *Tasks) open(ctx context.Context, t *Task, push *adcp.PushNotificationConfig) error {
	var tell func(context.Context) error
	if push != nil && s.cfg.Notifier != nil {
		t.HasWebhook = true
		tell = func(ctx context.Context) error { return s.cfg.Notifier.TaskOpened(ctx, t, push) }
	}
	return s.cfg.Store.Create(ctx, t, tell)
}

// updateRounds is how often a change is tried that another keeps getting ahead of.
const updateRounds = 8

// ErrTaskMove is what changes of a task return that its state does not allow.
var ErrTaskMove = errors.New("the task's state does not lead there")

// Update changes a task: the function changes its Status, Message, Progress, Result
// or Error, and may be called again with the task as another has left it meanwhile.
// What it returns besides nil ends the update and is returned. A change that the
// table of states does not allow is an [ErrTaskMove]; see [TaskMoves].
func (s *Tasks) Update(ctx context.Context, tenant, id string, change func(*Task) error) (*Task, error) {
	for range updateRounds {
		t, err := s.cfg.Store.Task(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		from := t.Status
		if err := change(t); err != nil {
			return nil, err
		}
		if !TaskMoves(from, t.Status) {
			return nil, fmt.Errorf("task %s, %s to %s: %w", id, from, t.Status, ErrTaskMove)
		}
		t.UpdatedAt = s.cfg.Clock.Now().UTC()
		if t.Settled() {
			t.CompletedAt = t.UpdatedAt
		}
		t.Revision++
		var tell func(context.Context) error
		if s.cfg.Notifier != nil {
			tell = func(ctx context.Context) error { return s.cfg.Notifier.TaskChanged(ctx, t) }
		}
		err = s.cfg.Store.Update(ctx, t, tell)
		if errors.Is(err, ErrTaskChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Ring(id)
		return t, nil
	}
	return nil, fmt.Errorf("task %s: %w", id, ErrTaskChanged)
}

// Work says that the task is being worked on, and how far it is.
func (s *Tasks) Work(ctx context.Context, tenant, id, message string, progress *adcp.GetTaskStatusResponseProgress) error {
	_, err := s.Update(ctx, tenant, id, func(t *Task) error {
		t.Status, t.Message, t.Progress = adcp.TaskStatusWorking, message, progress
		return nil
	})
	return err
}

// Ask asks the caller something; the task waits for the answer.
func (s *Tasks) Ask(ctx context.Context, tenant, id, question string) error {
	_, err := s.Update(ctx, tenant, id, func(t *Task) error { return s.ask(t, question) })
	return err
}

func (s *Tasks) ask(t *Task, question string) error {
	data, err := json.Marshal(TaskInput{Text: question})
	t.Status, t.Message = adcp.TaskStatusInputRequired, question
	t.History = append(t.History, TaskExchange{At: s.cfg.Clock.Now().UTC(), Data: data})
	return err
}

// Complete ends the task with the operation's answer: its response type, or JSON.
// An answer that breaks the operation's schema is refused. Completing a task again
// does nothing.
func (s *Tasks) Complete(ctx context.Context, tenant, id string, answer any) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return s.settle(ctx, tenant, id, func(t *Task) error {
		result, err := completed(t.Type, raw)
		t.Status, t.Result, t.Message = adcp.TaskStatusCompleted, result, ""
		return err
	})
}

// completed is an operation's answer as the result of its task: with its status and
// without the rest of the envelope, in the operation's form.
func completed(operation string, raw json.RawMessage) (json.RawMessage, error) {
	op, known := adcp.OperationNamed(operation)
	if !known {
		return raw, nil
	}
	members, object := scan(raw)
	if !object {
		return nil, errors.New("the answer is not a JSON object")
	}
	b := bytes.NewBufferString(`{"status":"completed"`)
	for _, m := range members {
		switch m.name {
		case "status", "adcp_version", "replayed":
		default:
			b.WriteByte(',')
			b.Write(quote(m.name))
			b.WriteByte(':')
			b.Write(m.value)
		}
	}
	b.WriteByte('}')
	if err := adcp.ValidateResponse(op, b.Bytes()); err != nil {
		return nil, fmt.Errorf("the answer breaks the response schema: %w", err)
	}
	return b.Bytes(), nil
}

// Fail ends the task with the error that the operation would have answered with.
// Failing a task again does nothing.
func (s *Tasks) Fail(ctx context.Context, tenant, id string, problem *adcp.Error) error {
	return s.end(ctx, tenant, id, adcp.TaskStatusFailed, problem)
}

// Reject ends a task that was not begun: somebody, or a rule, does not want it.
func (s *Tasks) Reject(ctx context.Context, tenant, id string, problem *adcp.Error) error {
	return s.end(ctx, tenant, id, adcp.TaskStatusRejected, problem)
}

func (s *Tasks) end(ctx context.Context, tenant, id string, status adcp.TaskStatus, problem *adcp.Error) error {
	return s.settle(ctx, tenant, id, func(t *Task) error {
		t.Status, t.Error, t.Message = status, problem, problem.Message
		return nil
	})
}

// errSettledSo ends an update of a task that is what it was to become.
var errSettledSo = errors.New("the task has ended so before")

// settle ends a task, or finds it ended in the same way by an earlier run.
func (s *Tasks) settle(ctx context.Context, tenant, id string, end func(*Task) error) error {
	_, err := s.Update(ctx, tenant, id, func(t *Task) error {
		was := t.Status
		if err := end(t); err != nil {
			return err
		}
		if was == t.Status {
			return errSettledSo
		}
		return nil
	})
	if errors.Is(err, errSettledSo) {
		return nil
	}
	return err
}

// AnswerTask implements [TaskAnswerer]: the answer is kept in the task's history,
// and the task is working again.
func (s *Tasks) AnswerTask(ctx context.Context, asked *Task, in TaskInput) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = s.Update(ctx, asked.Tenant, asked.ID, func(t *Task) error {
		if t.Status != adcp.TaskStatusInputRequired {
			return errAsksNothing()
		}
		if s.cfg.Answered != nil {
			if err := s.cfg.Answered(ctx, t, in); err != nil {
				return err
			}
		}
		t.Status, t.Message = adcp.TaskStatusWorking, ""
		t.History = append(t.History, TaskExchange{At: s.cfg.Clock.Now().UTC(), FromCaller: true, Data: data})
		return nil
	})
	return err
}

// CancelTask implements [TaskCanceler].
func (s *Tasks) CancelTask(ctx context.Context, asked *Task) error {
	if s.cfg.Cancel == nil {
		return errNotWithdrawn()
	}
	_, err := s.Update(ctx, asked.Tenant, asked.ID, func(t *Task) error {
		if t.Settled() {
			return errNotWithdrawn()
		}
		if err := s.cfg.Cancel(ctx, t); err != nil {
			return err
		}
		t.Status, t.Message = adcp.TaskStatusCanceled, ""
		return nil
	})
	return err
}
