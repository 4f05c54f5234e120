package agent

import (
	"context"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// The methods here are for transports that have tasks of their own, such as A2A:
// what a caller may do with the agent's tasks besides get_task_status and
// list_tasks. They refuse like any call: for a caller who may not, and for a task
// that does not exist or is somebody else's alike.

// errAsksNothing is for input to a task that wants none.
func errAsksNothing() *adcp.Error {
	return adcp.NewError(adcp.CodeInvalidState, "", "The task asks for nothing.").
		WithSuggestion("Read the task with get_task_status.")
}

// errNotWithdrawn is for a task that its owner cannot end.
func errNotWithdrawn() *adcp.Error {
	return adcp.NewError(adcp.CodeInvalidState, "", "The task cannot be canceled.").
		WithSuggestion("Cancel what the task is about with an operation of its own, such as update_media_buy.")
}

// admitTask checks that the caller may look at tasks, and that it is not too fast.
func (a *Agent) admitTask(caller Caller, operation string) *adcp.Error {
	if refusal := a.Admit(caller, operation); refusal != nil {
		return refusal
	}
	return a.limits.admitRequest(&Call{Caller: caller})
}

// TaskOf reads a task of the caller's.
func (a *Agent) TaskOf(ctx context.Context, caller Caller, id string) (*Task, *adcp.Error) {
	if refusal := a.admitTask(caller, adcp.GetTaskStatus.Name); refusal != nil {
		return nil, refusal
	}
	t, err := a.find(ctx, caller, id)
	return t, a.refusal(ctx, adcp.GetTaskStatus.Operation, err)
}

// TasksOf reads all tasks of the caller's, oldest first.
func (a *Agent) TasksOf(ctx context.Context, caller Caller) ([]*Task, *adcp.Error) {
	if refusal := a.admitTask(caller, adcp.ListTasks.Name); refusal != nil {
		return nil, refusal
	}
	if a.source == nil {
		return nil, nil
	}
	tasks, err := a.source.Tasks(ctx, caller.Tenant, caller.Principal)
	own := tasks[:0]
	for _, t := range tasks {
		if t.reaches(caller) {
			own = append(own, t)
		}
	}
	return own, a.refusal(ctx, adcp.ListTasks.Operation, err)
}

// taskPoll is how often a task is looked at that another process may change.
const taskPoll = 500 * time.Millisecond

// AwaitTask waits until a task of the caller's has a greater revision than seen, or
// is settled, and returns it. It ends with the context, whose error it then gives
// as a fault: SERVICE_UNAVAILABLE.
func (a *Agent) AwaitTask(ctx context.Context, caller Caller, id string, seen int64) (*Task, *adcp.Error) {
	if refusal := a.Admit(caller, adcp.GetTaskStatus.Name); refusal != nil {
		return nil, refusal
	}
	var told <-chan struct{}
	if l, ok := a.source.(TaskListener); ok {
		ch, done := l.ListenTask(id)
		defer done()
		told = ch
	}
	poll, stop := a.ticker(taskPoll)
	defer stop()
	for {
		t, err := a.find(ctx, caller, id)
		if err != nil || t.Revision > seen || t.Settled() {
			return t, a.refusal(ctx, adcp.GetTaskStatus.Operation, err)
		}
		select {
		case <-ctx.Done():
			return nil, unavailable()
		case <-told:
		case <-poll:
		}
	}
}

// AnswerTask gives the caller's input to a task of its own that asked for it.
func (a *Agent) AnswerTask(ctx context.Context, caller Caller, id string, in TaskInput) (*Task, *adcp.Error) {
	return a.actOn(ctx, caller, id, func(ctx context.Context, t *Task) error {
		answerer, ok := a.source.(TaskAnswerer)
		if !ok || t.Status != adcp.TaskStatusInputRequired {
			return errAsksNothing()
		}
		return answerer.AnswerTask(ctx, t, in)
	})
}

// CancelTask withdraws a task of the caller's own.
func (a *Agent) CancelTask(ctx context.Context, caller Caller, id string) (*Task, *adcp.Error) {
	return a.actOn(ctx, caller, id, func(ctx context.Context, t *Task) error {
		canceler, ok := a.source.(TaskCanceler)
		if !ok || t.Settled() {
			return errNotWithdrawn()
		}
		return canceler.CancelTask(ctx, t)
	})
}

// actOn changes a task, for a caller who may call the operation that made it.
func (a *Agent) actOn(ctx context.Context, caller Caller, id string, act func(context.Context, *Task) error) (*Task, *adcp.Error) {
	t, refusal := a.TaskOf(ctx, caller, id)
	if refusal != nil {
		return nil, refusal
	}
	op, known := adcp.OperationNamed(t.Type)
	if !known {
		op = adcp.GetTaskStatus.Operation
	}
	if refusal := mayCall(caller, op); refusal != nil {
		return nil, refusal
	}
	// What has begun is not left half done by a caller that hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.HandlerTimeout)
	defer cancel()
	if refusal := a.refusal(ctx, op, act(ctx, t)); refusal != nil {
		return nil, refusal
	}
	t, err := a.find(ctx, caller, id)
	return t, a.refusal(ctx, op, err)
}

// pusher is who takes registrations for tasks, or nil.
func (a *Agent) pusher() TaskPusher {
	if a.tasks != nil {
		p, _ := a.tasks.cfg.Notifier.(TaskPusher)
		return p
	}
	p, _ := a.source.(TaskPusher)
	return p
}

// TakesTaskPush tells whether receivers can be registered with tasks that are there.
func (a *Agent) TakesTaskPush() bool { return a.pusher() != nil }

// CheckTaskPush refuses a receiver that could not be told.
func (a *Agent) CheckTaskPush(push *adcp.PushNotificationConfig) *adcp.Error {
	if a.pusher() == nil {
		return errNoPush()
	}
	return a.pusher().CheckPush(push)
}

func errNoPush() *adcp.Error {
	return adcp.NewError(adcp.CodeUnsupportedFeature, pushMember, "This agent sends no push notifications.").
		WithSuggestion("Follow the task with get_task_status.")
}

// SetTaskPush registers a receiver with a task of the caller's own.
func (a *Agent) SetTaskPush(ctx context.Context, caller Caller, id string, p TaskPush) *adcp.Error {
	if refusal := a.CheckTaskPush(&p.Receiver); refusal != nil {
		return refusal
	}
	_, refusal := a.actOn(ctx, caller, id, func(ctx context.Context, t *Task) error { return a.pusher().SetTaskPush(ctx, t, p) })
	return refusal
}

// TaskPushes lists the receivers that are registered with a task of the caller's own.
func (a *Agent) TaskPushes(ctx context.Context, caller Caller, id string) ([]TaskPush, *adcp.Error) {
	if a.pusher() == nil {
		return nil, errNoPush()
	}
	t, refusal := a.TaskOf(ctx, caller, id)
	if refusal != nil {
		return nil, refusal
	}
	list, err := a.pusher().TaskPushes(ctx, t)
	return list, a.refusal(ctx, adcp.GetTaskStatus.Operation, err)
}

// DeleteTaskPush removes a receiver from a task of the caller's own.
func (a *Agent) DeleteTaskPush(ctx context.Context, caller Caller, id, push string) *adcp.Error {
	if a.pusher() == nil {
		return errNoPush()
	}
	_, refusal := a.actOn(ctx, caller, id, func(ctx context.Context, t *Task) error { return a.pusher().DeleteTaskPush(ctx, t, push) })
	return refusal
}
