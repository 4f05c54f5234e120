package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Task is work that goes on after its call has been answered, until it is settled:
// then it has the operation's own answer, or the error that the call would have had.
// It belongs to the principal that made the call. Whoever does not reach its account
// cannot tell it from one that does not exist.
type Task struct {
	// Tenant and ID name the task.
	Tenant, ID string
	// Principal made the call, in the account AccountID: as [Config].Accounts
	// resolved it, or else a text that stands for the reference, or for what the
	// credential reaches where the request named none; "" is no account at all.
	Principal, AccountID string
	// Type is the operation's wire name, such as "create_media_buy".
	Type string
	// Status is where the task stands; see [TaskMoves].
	Status adcp.TaskStatus
	// Message tells people what is waited for, or asks them something.
	Message string
	// Progress says how far a working task is, where that is known.
	Progress *adcp.GetTaskStatusResponseProgress
	// Context is the request's own, for callers to know their task by.
	Context json.RawMessage
	// HasWebhook tells that somebody is told when the task changes.
	HasWebhook bool
	// Result is the operation's answer once completed; Error why it was not.
	Result json.RawMessage
	Error  *adcp.Error
	// History is what the agent asked and what it was told, oldest first.
	History []TaskExchange
	// CompletedAt is when it was settled, and else zero. Times are the agent's.
	CreatedAt, UpdatedAt, CompletedAt time.Time
	// Revision begins at 1 and rises with every change.
	Revision int64
}

// Settled tells that the task does not change any more.
func (t *Task) Settled() bool { return TaskSettled(t.Status) }

// TaskExchange is one question of the agent's, or one answer of the caller's.
type TaskExchange struct {
	At time.Time `json:"at"`
	// FromCaller tells an answer from a question.
	FromCaller bool `json:"from_caller,omitzero"`
	// Data is a JSON object: the question as {"message": …}, the answer as
	// {"message": …, "data": …}.
	Data json.RawMessage `json:"data"`
}

// TaskInput is what a caller says to a task that asked it something.
type TaskInput struct {
	// Text is for people.
	Text string `json:"message,omitzero"`
	// Data is a JSON value, of the form that the question asked for, or nil.
	Data json.RawMessage `json:"data,omitzero"`
}

// Errors of task stores.
var (
	// ErrNoTask is for a task that does not exist.
	ErrNoTask = errors.New("there is no such task")
	// ErrTaskExists is for a task that is there already.
	ErrTaskExists = errors.New("the task exists already")
	// ErrTaskChanged is for a change of a task that has changed since it was read.
	ErrTaskChanged = errors.New("the task has changed since it was read")
)

// TaskSource is where an agent's tasks are read: a [Tasks], or the agent's own
// books. What it may do besides, it says by the interfaces [TaskAnswerer],
// [TaskCanceler], [TaskPusher] and [TaskListener]. It is safe for concurrent use.
type TaskSource interface {
	// Task reads the tenant's task of that identifier, or returns [ErrNoTask].
	// Whose it is, is checked by the caller of it.
	Task(ctx context.Context, tenant, id string) (*Task, error)
	// Tasks reads the principal's tasks, oldest first.
	Tasks(ctx context.Context, tenant, principal string) ([]*Task, error)
}

// TaskAnswerer is a [TaskSource] whose tasks can ask for input. The task it is
// given is in input-required, and was when it was read.
type TaskAnswerer interface {
	// AnswerTask gives the input to the task. An [*adcp.Error] refuses the input.
	AnswerTask(ctx context.Context, t *Task, in TaskInput) error
}

// TaskCanceler is a [TaskSource] whose tasks can be withdrawn by their owner.
type TaskCanceler interface {
	// CancelTask withdraws the task. An [*adcp.Error] says why it cannot be.
	CancelTask(ctx context.Context, t *Task) error
}

// TaskPush is a receiver that is told of a task's changes, registered after the call
// that made the task.
type TaskPush struct {
	// ID names it among the task's.
	ID string
	// Form names the form of what is sent, one that the transport and the sender
	// have agreed on; "" is the protocol's own webhook.
	Form string
	// Receiver is the address, and how to authenticate to it. A TaskPusher does not
	// give secrets out again.
	Receiver adcp.PushNotificationConfig
}

// TaskPusher is a [TaskSource], or the [TaskNotifier] of a [Tasks], that takes
// registrations for tasks that are there already.
type TaskPusher interface {
	// CheckPush refuses a registration that could not be honored.
	CheckPush(push *adcp.PushNotificationConfig) *adcp.Error
	// SetTaskPush adds the receiver, or puts it in the place of the one of that ID.
	// A task that has been settled meanwhile is told of at once.
	SetTaskPush(ctx context.Context, t *Task, p TaskPush) error
	// TaskPushes lists the receivers in the order of their IDs.
	TaskPushes(ctx context.Context, t *Task) ([]TaskPush, error)
	// DeleteTaskPush removes the receiver of that ID, if there is one.
	DeleteTaskPush(ctx context.Context, t *Task, id string) error
}

// TaskListener is a [TaskSource] that says at once when a task of its own process
// has changed. What other processes change is found by looking.
type TaskListener interface {
	// ListenTask gives a channel that has something to read after the task has
	// changed, until done is called.
	ListenTask(id string) (told <-chan struct{}, done func())
}
