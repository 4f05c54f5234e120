package a2a

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// problem is a refusal of the agent's as an error of A2A's.
func problem(refusal *adcp.Error) error {
	if refusal == nil {
		return nil
	}
	text := refusal.Message
	if refusal.Suggestion != nil {
		text += " " + *refusal.Suggestion
	}
	switch refusal.Code {
	case adcp.CodeReferenceNotFound, adcp.CodeUnsupportedFeature:
		return sdk.ErrTaskNotFound
	case adcp.CodeServiceUnavailable:
		return sdk.ErrInternalError
	case adcp.CodeInvalidState:
		return sdk.NewError(sdk.ErrUnsupportedOperation, text)
	case adcp.CodeAuthMissing, adcp.CodeReadOnlyScope, adcp.CodeScopeInsufficient, adcp.CodePermissionDenied:
		return sdk.NewError(sdk.ErrUnauthorized, text)
	case adcp.CodeRateLimited:
		return sdk.NewError(sdk.ErrServerError, text)
	}
	return sdk.NewError(sdk.ErrInvalidParams, text)
}

// kept reads an answered call of the caller's own, or returns [ErrNoTask].
func (s *service) kept(ctx context.Context, c *call, id string) (Task, error) {
	t, err := s.opts.Tasks.Get(ctx, c.owner, id)
	if err != nil && !errors.Is(err, ErrNoTask) {
		s.log.ErrorContext(ctx, "A2A task not read", "error", err)
		return Task{}, sdk.ErrInternalError
	}
	return t, err
}

// own reads one of the agent's own tasks; whose it is, the agent knows.
func (s *service) own(ctx context.Context, c *call, id string) (*agent.Task, error) {
	t, refusal := s.agent.TaskOf(ctx, c.caller, id)
	return t, problem(refusal)
}

// GetTask implements [a2asrv.RequestHandler]: an answered call, or one of the
// agent's own tasks by its own name. Somebody else's does not exist.
func (s *service) GetTask(ctx context.Context, req *sdk.GetTaskRequest) (*sdk.Task, error) {
	c := callFrom(ctx)
	if req.ID == "" {
		return nil, errNoID
	}
	t, err := s.kept(ctx, c, string(req.ID))
	if err == nil {
		return s.view(c, t), nil
	}
	if !errors.Is(err, ErrNoTask) {
		return nil, err
	}
	own, err := s.own(ctx, c, string(req.ID))
	if err != nil {
		return nil, err
	}
	return s.shown(c, own), nil
}

var errNoID = fmt.Errorf("the task's id is missing: %w", sdk.ErrInvalidParams)

// shown is one of the agent's own tasks as an A2A task. Its conversation has its
// name, for the agent knows of no other.
func (s *service) shown(c *call, own *agent.Task) *sdk.Task {
	t := &sdk.Task{
		ID: sdk.TaskID(own.ID), ContextID: own.ID,
		Status: sdk.TaskStatus{State: stateOf(string(own.Status)), Timestamp: stamp(own.UpdatedAt)},
	}
	var parts sdk.ContentParts
	if own.Message != "" {
		parts = sdk.ContentParts{sdk.NewTextPart(own.Message)}
	}
	switch {
	case own.Status == adcp.TaskStatusCompleted && len(own.Result) > 0:
		t.Artifacts = []*sdk.Artifact{{ID: "result", Name: "result", Parts: sdk.ContentParts{s.mark.part(&c.held, own.Result)}}}
	case own.Settled() && own.Error != nil:
		t.Artifacts = []*sdk.Artifact{{ID: "error", Name: "error", Parts: sdk.ContentParts{s.mark.part(&c.held, failureBody(own.Error))}}}
		if own.Message == "" {
			parts = sdk.ContentParts{sdk.NewTextPart(own.Error.Message)}
		}
	case !own.Settled():
		if view, err := own.View(false, false); err == nil {
			if body, err := json.Marshal(view); err == nil {
				parts = append(parts, s.mark.part(&c.held, body))
			}
		}
	}
	if len(parts) > 0 {
		t.Status.Message = &sdk.Message{ID: own.ID + "-status", Role: sdk.MessageRoleAgent, TaskID: t.ID, ContextID: own.ID, Parts: parts}
	}
	return t
}

// failureBody is a task's error as the call itself would have answered with it.
func failureBody(e *adcp.Error) json.RawMessage {
	body, err := json.Marshal(struct {
		Status string        `json:"status"`
		Errors []*adcp.Error `json:"errors"`
		Error  *adcp.Error   `json:"adcp_error"`
	}{"failed", []*adcp.Error{e}, e})
	if err != nil {
		return json.RawMessage(`{"status":"failed"}`)
	}
	return body
}

// listed is a task in a list, with what lists are cut by.
type listed struct {
	id, contextID string
	state         sdk.TaskState
	at            time.Time
	view          func() *sdk.Task
}

// ListTasks implements [a2asrv.RequestHandler]: the caller's answered calls and its
// tasks of the agent's own, newest change first.
func (s *service) ListTasks(ctx context.Context, req *sdk.ListTasksRequest) (*sdk.ListTasksResponse, error) {
	c := callFrom(ctx)
	size := req.PageSize
	switch {
	case size == 0:
		size = 50
	case size < 0 || size > 100:
		return nil, fmt.Errorf("pageSize is 1 to 100: %w", sdk.ErrInvalidParams)
	}
	all, err := s.everything(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListTasksResponse{Tasks: []*sdk.Task{}, PageSize: size}
	skipping := req.PageToken != ""
	for _, t := range all {
		if req.ContextID != "" && req.ContextID != t.contextID || req.Status != "" && req.Status != t.state ||
			req.StatusTimestampAfter != nil && !t.at.After(*req.StatusTimestampAfter) {
			continue
		}
		out.TotalSize++
		switch {
		case skipping:
			skipping = t.id != req.PageToken
		case len(out.Tasks) < size:
			v := t.view()
			if !req.IncludeArtifacts {
				v.Artifacts = nil
			}
			out.Tasks = append(out.Tasks, v)
		default:
			out.NextPageToken = string(out.Tasks[size-1].ID)
		}
	}
	if skipping {
		return nil, fmt.Errorf("the page token is not known any more; begin anew: %w", sdk.ErrInvalidParams)
	}
	return out, nil
}

// everything is all that the caller can read, newest change first.
func (s *service) everything(ctx context.Context, c *call) ([]listed, error) {
	calls, err := s.opts.Tasks.List(ctx, c.owner)
	if err != nil {
		s.log.ErrorContext(ctx, "A2A tasks not listed", "error", err)
		return nil, sdk.ErrInternalError
	}
	var all []listed
	for _, t := range calls {
		state := sdk.TaskStateCompleted
		switch {
		case t.Failed:
			state = sdk.TaskStateFailed
		case t.Asks:
			state = sdk.TaskStateInputRequired
		}
		all = append(all, listed{t.ID, t.ContextID, state, t.At, func() *sdk.Task { return s.view(c, t) }})
	}
	if _, served := s.agent.Serves(adcp.ListTasks.Name); served && s.agent.Admit(c.caller, adcp.ListTasks.Name) == nil {
		own, refusal := s.agent.TasksOf(ctx, c.caller)
		if refusal != nil {
			return nil, problem(refusal)
		}
		for _, t := range slices.Backward(own) {
			all = append(all, listed{t.ID, t.ID, stateOf(string(t.Status)), t.UpdatedAt, func() *sdk.Task { return s.shown(c, t) }})
		}
	}
	slices.SortStableFunc(all, func(a, b listed) int { return b.at.Compare(a.at) })
	return all, nil
}

// CancelTask implements [a2asrv.RequestHandler]. An answered call is not canceled;
// one of the agent's own tasks is, where the agent lets its owner withdraw it.
func (s *service) CancelTask(ctx context.Context, req *sdk.CancelTaskRequest) (*sdk.Task, error) {
	c := callFrom(ctx)
	if req.ID == "" {
		return nil, errNoID
	}
	if _, err := s.kept(ctx, c, string(req.ID)); !errors.Is(err, ErrNoTask) {
		return nil, cmp.Or(err, error(sdk.NewError(sdk.ErrTaskNotCancelable, "The task has been answered.")))
	}
	own, refusal := s.agent.CancelTask(ctx, c.caller, string(req.ID))
	if refusal != nil && refusal.Code == adcp.CodeInvalidState {
		return nil, sdk.NewError(sdk.ErrTaskNotCancelable, refusal.Message)
	}
	if refusal != nil {
		return nil, problem(refusal)
	}
	return s.shown(c, own), nil
}

// SubscribeToTask implements [a2asrv.RequestHandler]: the agent's own task as it
// stands, and then every change until it is settled.
func (s *service) SubscribeToTask(ctx context.Context, req *sdk.SubscribeToTaskRequest) iter.Seq2[sdk.Event, error] {
	return func(yield func(sdk.Event, error) bool) {
		c := callFrom(ctx)
		if req.ID == "" {
			yield(nil, errNoID)
			return
		}
		ended := sdk.NewError(sdk.ErrUnsupportedOperation, "The task has ended and sends nothing more. Read it with tasks/get.")
		if _, err := s.kept(ctx, c, string(req.ID)); !errors.Is(err, ErrNoTask) {
			yield(nil, cmp.Or(err, error(ended)))
			return
		}
		own, err := s.own(ctx, c, string(req.ID))
		switch {
		case err != nil:
			yield(nil, err)
		case own.Settled():
			yield(nil, ended)
		default:
			s.follow(ctx, c, own, yield)
		}
	}
}

// Limits of streams that follow a task.
const (
	// maxStreams is how many a principal may have open at once, of a process.
	maxStreams = 32
	// streamFor is how long one is kept open. Its caller joins again.
	streamFor = time.Hour
)

// follow streams a task as it stands, and then its changes, until it is settled.
func (s *service) follow(ctx context.Context, c *call, own *agent.Task, yield func(sdk.Event, error) bool) {
	done, ok := s.streams.open(c.owner)
	if !ok {
		yield(nil, sdk.NewError(sdk.ErrServerError, "Too many streams are open. Close some, or read the tasks with tasks/get."))
		return
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	if s.opts.Done != nil {
		go func() {
			select {
			case <-s.opts.Done:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if !yield(s.shown(c, own), nil) {
		return
	}
	for !own.Settled() {
		next, refusal := s.agent.AwaitTask(ctx, c.caller, own.ID, own.Revision)
		switch {
		case ctx.Err() != nil:
			return
		case refusal != nil:
			yield(nil, problem(refusal))
			return
		}
		own = next
		view := s.shown(c, own)
		for _, a := range view.Artifacts {
			if !yield(&sdk.TaskArtifactUpdateEvent{TaskID: view.ID, ContextID: view.ContextID, Artifact: a, LastChunk: true}, nil) {
				return
			}
		}
		if !yield(&sdk.TaskStatusUpdateEvent{TaskID: view.ID, ContextID: view.ContextID, Status: view.Status}, nil) {
			return
		}
	}
}

// streams counts open streams by principal.
type streams struct {
	mu    sync.Mutex
	count map[[2]string]int
}

func (s *streams) open(o Owner) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := [2]string{o.Tenant, o.Principal}
	if s.count[name] >= maxStreams {
		return nil, false
	}
	if s.count == nil {
		s.count = map[[2]string]int{}
	}
	s.count[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count[name]--; s.count[name] == 0 {
			delete(s.count, name)
		}
	}, true
}
