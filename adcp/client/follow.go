package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Defaults of [FollowOptions].
const (
	DefaultFirstLook = 2 * time.Second
	DefaultMostWait  = 60 * time.Second
)

// Task is what one look at a task showed.
type Task[Resp any] struct {
	// ID is the task's identifier at the agent.
	ID string
	// Status is the task's status, such as "submitted" or "completed".
	Status string
	// Message is the agent's text about it, cut and cleaned.
	Message string
	// Result is the answer of the original operation once the task is completed.
	Result *Resp
	// Raw is the result as it came.
	Raw json.RawMessage
	// Err is why the task ended without a result, as a [*TaskError], or nil.
	Err error
}

// Done tells whether the task has ended, one way or the other.
func (t *Task[Resp]) Done() bool {
	switch t.Status {
	case "completed", "failed", "rejected", "canceled":
		return true
	}
	return false
}

// TaskError says that a task ended without a result.
type TaskError struct {
	// TaskID is the task's identifier at the agent.
	TaskID string
	// Status is how it ended: "failed", "rejected" or "canceled".
	Status string
	// Reason is the agent's error, or nil when it gave none.
	Reason *adcp.Error
}

// Error implements error.
func (e *TaskError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("task %s ended as %s", Clean(e.TaskID, maxField), e.Status)
	}
	return fmt.Sprintf("task %s ended as %s: %s", Clean(e.TaskID, maxField), e.Status, e.Reason.Error())
}

// Unwrap gives the agent's error.
func (e *TaskError) Unwrap() error {
	if e.Reason == nil {
		return nil
	}
	return e.Reason
}

// ErrStillRunning is the error of [Follow] when its looks are used up.
var ErrStillRunning = errors.New("the task has not ended yet")

// FollowOptions says how a task is followed.
type FollowOptions struct {
	// Account scopes the look-up, for credentials that reach several accounts.
	Account *adcp.AccountReference
	// First is the wait before the second look, and Most the longest wait; each
	// wait is half as long again as the last. See [DefaultFirstLook] and [DefaultMostWait].
	First, Most time.Duration
	// Looks is how often the task is looked at before [Follow] gives up with
	// [ErrStillRunning]; 0 is as often as it takes.
	Looks int
	// Wait pauses between looks; by default [Config].Wait.
	Wait func(ctx context.Context, d time.Duration) error
	// Told, when set, ends a wait early when it can be received from: a webhook about
	// the task has come. See [Doorbell].
	Told <-chan struct{}
	// OnStatus, when set, is told each status that differs from the last.
	OnStatus func(status, message string)
}

// Look reads the state of a task that op started, once. The error is that of
// the look itself; how the task ended is in the [Task].
func Look[Req, Resp any](ctx context.Context, c *Client, op adcp.Op[Req, Resp], taskID string, account *adcp.AccountReference) (*Task[Resp], error) {
	arguments, err := json.Marshal(struct {
		TaskID  string                 `json:"task_id"`
		Account *adcp.AccountReference `json:"account,omitempty"`
		Result  bool                   `json:"include_result"`
	}{taskID, account, true})
	if err != nil {
		return nil, &Error{Kind: Unsendable, Operation: adcp.GetTaskStatus.Name, URL: c.cfg.URL, Err: err}
	}
	malformed := func(err error) (*Task[Resp], error) {
		return nil, &Error{Kind: Malformed, Operation: adcp.GetTaskStatus.Name, URL: c.cfg.URL, Err: err}
	}
	body, err := CallRaw(ctx, c, adcp.GetTaskStatus.Operation, arguments)
	if err != nil {
		return nil, err
	}
	var said struct {
		TaskID  string          `json:"task_id"`
		Status  string          `json:"status"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
		Result  json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return malformed(err)
	}
	if said.TaskID != taskID {
		return malformed(errors.New("the answer is about another task"))
	}
	task := &Task[Resp]{ID: taskID, Status: said.Status, Message: Clean(said.Message, MaxMessage)}
	switch said.Status {
	case "completed":
		if len(said.Result) == 0 {
			return malformed(errors.New("the task is completed and has no result"))
		}
		task.Raw = said.Result
		task.Result = new(Resp)
		if err := adcp.Unmarshal(said.Result, task.Result); err != nil {
			return malformed(err)
		}
	case "failed", "rejected", "canceled":
		ended := &TaskError{TaskID: taskID, Status: said.Status}
		if e, ok := ReadError(said.Error); ok {
			ended.Reason = e
		}
		task.Err = ended
	}
	return task, nil
}

// Follow looks at a task until it has ended and gives its result. The error is
// a [*TaskError] when it ended without one, the context's when that ended
// first, and that of a look that failed for good.
func Follow[Req, Resp any](ctx context.Context, c *Client, op adcp.Op[Req, Resp], taskID string, o FollowOptions) (*Resp, error) {
	if o.First <= 0 {
		o.First = DefaultFirstLook
	}
	if o.Most <= 0 {
		o.Most = DefaultMostWait
	}
	if o.Wait == nil {
		o.Wait = c.cfg.Wait
	}
	pause, last := o.First, ""
	for looks := 1; ; looks++ {
		task, err := Look(ctx, c, op, taskID, o.Account)
		if err != nil {
			return nil, err
		}
		if o.OnStatus != nil && task.Status != last {
			o.OnStatus(task.Status, task.Message)
		}
		last = task.Status
		switch {
		case task.Err != nil:
			return nil, task.Err
		case task.Done():
			return task.Result, nil
		case o.Looks > 0 && looks >= o.Looks:
			return nil, ErrStillRunning
		}
		rung, err := o.wait(ctx, pause)
		if err != nil {
			return nil, err
		}
		if pause = min(pause+pause/2, o.Most); rung {
			pause = o.First // what the webhook told may be on its way to the books still
		}
	}
}
