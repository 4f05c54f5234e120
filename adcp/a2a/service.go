package a2a

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// service answers what the SDK has taken in. The SDK's own request handler runs
// executors on goroutines and keeps their events; an agent answers at once, and
// has tasks of its own for what takes longer, so there is nothing to run.
type service struct {
	agent *agent.Agent
	opts  Options
	log   *slog.Logger
	mark  mark
}

var _ a2asrv.RequestHandler = (*service)(nil)

// SendMessage implements [a2asrv.RequestHandler]: one call, and its task.
func (s *service) SendMessage(ctx context.Context, req *sdk.SendMessageRequest) (sdk.SendMessageResult, error) {
	c := callFrom(ctx)
	contextID, err := s.conversation(ctx, c, req.Message)
	if err != nil {
		return nil, err
	}
	return s.view(c, s.run(ctx, c, s.opts.NewID(), contextID)), nil
}

// SendStreamingMessage implements [a2asrv.RequestHandler]: the task at work, the
// answer as its artifact, and the state it has ended in.
func (s *service) SendStreamingMessage(ctx context.Context, req *sdk.SendMessageRequest) iter.Seq2[sdk.Event, error] {
	return func(yield func(sdk.Event, error) bool) {
		c := callFrom(ctx)
		contextID, err := s.conversation(ctx, c, req.Message)
		if err != nil {
			yield(nil, err)
			return
		}
		id := s.opts.NewID()
		begun := &sdk.Task{
			ID: sdk.TaskID(id), ContextID: contextID,
			Status: sdk.TaskStatus{State: sdk.TaskStateWorking, Timestamp: stamp(s.opts.Now())},
		}
		if !yield(begun, nil) {
			return
		}
		ended := s.view(c, s.run(ctx, c, id, contextID))
		if !yield(&sdk.TaskArtifactUpdateEvent{
			TaskID: ended.ID, ContextID: contextID, Artifact: ended.Artifacts[0], LastChunk: true,
		}, nil) {
			return
		}
		yield(&sdk.TaskStatusUpdateEvent{TaskID: ended.ID, ContextID: contextID, Status: ended.Status}, nil)
	}
}

// conversation gives the identifier of the conversation a message belongs to,
// the caller's or a new one. A message that continues a task is refused: every
// task here has ended with its answer.
func (s *service) conversation(ctx context.Context, c *call, m *sdk.Message) (string, error) {
	if m == nil {
		return "", fmt.Errorf("the message is missing: %w", sdk.ErrInvalidParams)
	}
	if m.TaskID != "" {
		if _, err := s.find(ctx, c, m.TaskID); err != nil {
			return "", err
		}
		return "", sdk.NewError(sdk.ErrUnsupportedOperation,
			"The task has been answered and takes no more messages. Send a message without taskId.")
	}
	if m.ContextID == "" {
		return s.opts.NewID(), nil
	}
	return m.ContextID, nil
}

// run makes the call and keeps its task for its owner.
func (s *service) run(ctx context.Context, c *call, id, contextID string) Task {
	resp := s.agent.DoAs(ctx, c.caller, agent.Request{Operation: c.invocation.skill, Arguments: c.invocation.input})
	t := Task{
		ID: id, ContextID: contextID, Owner: c.owner, Body: resp.Body, Extended: c.extended, At: s.opts.Now(),
		Failed: resp.Error != nil || c.invocation.skill != adcp.GetTaskStatus.Name && head(resp.Body).Status == "failed",
	}
	if c.caller.Anonymous {
		return t // There is nobody to keep it for.
	}
	if err := s.opts.Tasks.Put(context.WithoutCancel(ctx), t); err != nil {
		s.log.WarnContext(ctx, "A2A task not kept", "error", err)
	}
	return t
}

// view is a finished call as an A2A task.
func (s *service) view(c *call, t Task) *sdk.Task {
	said := head(t.Body)
	out := &sdk.Task{
		ID: sdk.TaskID(t.ID), ContextID: t.ContextID,
		Status: sdk.TaskStatus{State: sdk.TaskStateCompleted, Timestamp: stamp(t.At)},
	}
	artifact := &sdk.Artifact{ID: "result", Name: "result", Parts: sdk.ContentParts{s.mark.part(&c.held, t.Body)}}
	if t.Failed {
		out.Status.State = sdk.TaskStateFailed
		artifact.ID, artifact.Name = "error", "error"
		if said.Error.Message != "" {
			out.Status.Message = &sdk.Message{
				ID: t.ID + "-status", Role: sdk.MessageRoleAgent, TaskID: out.ID, ContextID: t.ContextID,
				Parts: sdk.ContentParts{sdk.NewTextPart(said.Error.Message)},
			}
		}
	}
	if said.TaskID != "" && (said.Status == "submitted" || said.Status == "working") && !t.Extended {
		// Callers before 3.2 look here for the agent's own task; 3.2 forbids it.
		artifact.Metadata = map[string]any{"adcp_task_id": said.TaskID}
	}
	out.Artifacts = []*sdk.Artifact{artifact}
	return out
}

// answerHead is what the transport reads of an answer.
type answerHead struct {
	Status string `json:"status"`
	TaskID string `json:"task_id"`
	Error  struct {
		Message string `json:"message"`
	} `json:"adcp_error"`
}

func head(body json.RawMessage) (h answerHead) {
	_ = json.Unmarshal(body, &h) // what cannot be read stays empty
	return h
}

// GetTask implements [a2asrv.RequestHandler]: a finished call, or one of the
// agent's own tasks by its own name. Somebody else's does not exist.
func (s *service) GetTask(ctx context.Context, req *sdk.GetTaskRequest) (*sdk.Task, error) {
	return s.find(ctx, callFrom(ctx), req.ID)
}

func (s *service) find(ctx context.Context, c *call, id sdk.TaskID) (*sdk.Task, error) {
	if id == "" {
		return nil, fmt.Errorf("the task's id is missing: %w", sdk.ErrInvalidParams)
	}
	if c.caller.Anonymous {
		return nil, sdk.ErrTaskNotFound
	}
	switch t, err := s.opts.Tasks.Get(ctx, c.owner, string(id)); {
	case err == nil:
		return s.view(c, t), nil
	case !errors.Is(err, ErrNoTask):
		s.log.ErrorContext(ctx, "A2A task not read", "error", err)
		return nil, sdk.ErrInternalError
	}
	return s.own(ctx, c, string(id))
}

// own reads one of the agent's own tasks as the caller would with
// get_task_status; whose it is, the agent knows.
func (s *service) own(ctx context.Context, c *call, id string) (*sdk.Task, error) {
	if _, served := s.agent.Serves(adcp.GetTaskStatus.Name); !served {
		return nil, sdk.ErrTaskNotFound
	}
	arguments, err := json.Marshal(map[string]any{"task_id": id, "include_result": true})
	if err != nil {
		return nil, sdk.ErrTaskNotFound
	}
	resp := s.agent.DoAs(ctx, c.caller, agent.Request{Operation: adcp.GetTaskStatus.Name, Arguments: arguments})
	if resp.Error != nil {
		if resp.Error.Code == adcp.CodeServiceUnavailable {
			return nil, sdk.ErrInternalError
		}
		return nil, sdk.ErrTaskNotFound
	}
	var said struct {
		TaskID  string          `json:"task_id"`
		Status  string          `json:"status"`
		Message string          `json:"message"`
		Updated time.Time       `json:"updated_at"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(resp.Body, &said) != nil || said.TaskID != id {
		return nil, sdk.ErrTaskNotFound
	}
	t := &sdk.Task{
		ID: sdk.TaskID(id), ContextID: id,
		Status: sdk.TaskStatus{State: stateOf(said.Status), Timestamp: stamp(said.Updated)},
	}
	var parts sdk.ContentParts
	if said.Message != "" {
		parts = sdk.ContentParts{sdk.NewTextPart(said.Message)}
	}
	switch {
	case final(said.Status) && len(said.Result) > 0:
		t.Artifacts = []*sdk.Artifact{{ID: "result", Name: "result", Parts: sdk.ContentParts{s.mark.part(&c.held, said.Result)}}}
	case final(said.Status) && len(said.Error) > 0:
		failure := append(append([]byte(`{"adcp_error":`), said.Error...), '}')
		t.Artifacts = []*sdk.Artifact{{ID: "error", Name: "error", Parts: sdk.ContentParts{s.mark.part(&c.held, failure)}}}
	case !final(said.Status):
		parts = append(parts, s.mark.part(&c.held, resp.Body))
	}
	if len(parts) > 0 {
		t.Status.Message = &sdk.Message{ID: id + "-status", Role: sdk.MessageRoleAgent, TaskID: t.ID, ContextID: id, Parts: parts}
	}
	return t, nil
}

// ListTasks implements [a2asrv.RequestHandler]: the caller's finished calls,
// newest first. The agent's own tasks are listed by list_tasks.
func (s *service) ListTasks(ctx context.Context, req *sdk.ListTasksRequest) (*sdk.ListTasksResponse, error) {
	c := callFrom(ctx)
	size := req.PageSize
	switch {
	case size == 0:
		size = 50
	case size < 0 || size > 100:
		return nil, fmt.Errorf("pageSize is 1 to 100: %w", sdk.ErrInvalidParams)
	}
	tasks, err := s.opts.Tasks.List(ctx, c.owner)
	if err != nil {
		s.log.ErrorContext(ctx, "A2A tasks not listed", "error", err)
		return nil, sdk.ErrInternalError
	}
	out := &sdk.ListTasksResponse{Tasks: []*sdk.Task{}, PageSize: size}
	skipping := req.PageToken != ""
	for _, t := range tasks {
		state := sdk.TaskStateCompleted
		if t.Failed {
			state = sdk.TaskStateFailed
		}
		if req.ContextID != "" && req.ContextID != t.ContextID || req.Status != "" && req.Status != state ||
			req.StatusTimestampAfter != nil && !t.At.After(*req.StatusTimestampAfter) {
			continue
		}
		out.TotalSize++
		switch {
		case skipping:
			skipping = t.ID != req.PageToken
		case len(out.Tasks) < size:
			v := s.view(c, t)
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

// CancelTask implements [a2asrv.RequestHandler] by refusing: a call has ended
// with its answer, and the protocol has no way to withdraw what it started but
// the operations of its own, such as canceling a media buy.
func (s *service) CancelTask(ctx context.Context, req *sdk.CancelTaskRequest) (*sdk.Task, error) {
	t, err := s.find(ctx, callFrom(ctx), req.ID)
	if err != nil {
		return nil, err
	}
	if t.Status.State.Terminal() {
		return nil, sdk.NewError(sdk.ErrTaskNotCancelable, "The task has ended.")
	}
	return nil, sdk.NewError(sdk.ErrTaskNotCancelable,
		"This task is not canceled over A2A. Cancel what it is about, for instance with update_media_buy.")
}

// SubscribeToTask implements [a2asrv.RequestHandler] by refusing: what has
// ended sends nothing more, and the agent's own tasks tell of themselves by
// webhook.
func (s *service) SubscribeToTask(ctx context.Context, req *sdk.SubscribeToTaskRequest) iter.Seq2[sdk.Event, error] {
	return func(yield func(sdk.Event, error) bool) {
		if _, err := s.find(ctx, callFrom(ctx), req.ID); err != nil {
			yield(nil, err)
			return
		}
		yield(nil, sdk.NewError(sdk.ErrUnsupportedOperation,
			"There is no stream to join. Read the task, or ask for push notifications when you send the message."))
	}
}

// errPushLater refuses configurations that come after their message.
var errPushLater = sdk.NewError(sdk.ErrPushNotificationNotSupported,
	"Push notifications are configured with the message that starts the work.")

// GetTaskPushConfig implements [a2asrv.RequestHandler] by refusing.
func (s *service) GetTaskPushConfig(context.Context, *sdk.GetTaskPushConfigRequest) (*sdk.PushConfig, error) {
	return nil, errPushLater
}

// ListTaskPushConfigs implements [a2asrv.RequestHandler] by refusing.
func (s *service) ListTaskPushConfigs(context.Context, *sdk.ListTaskPushConfigRequest) (*sdk.ListTaskPushConfigResponse, error) {
	return nil, errPushLater
}

// CreateTaskPushConfig implements [a2asrv.RequestHandler] by refusing.
func (s *service) CreateTaskPushConfig(context.Context, *sdk.PushConfig) (*sdk.PushConfig, error) {
	return nil, errPushLater
}

// DeleteTaskPushConfig implements [a2asrv.RequestHandler] by refusing.
func (s *service) DeleteTaskPushConfig(context.Context, *sdk.DeleteTaskPushConfigRequest) error {
	return errPushLater
}

// GetExtendedAgentCard implements [a2asrv.RequestHandler]. The HTTP layer
// answers it before it comes here, because the card has fields of both releases.
func (s *service) GetExtendedAgentCard(context.Context, *sdk.GetExtendedAgentCardRequest) (*sdk.AgentCard, error) {
	return nil, sdk.ErrExtendedCardNotConfigured
}

// stamp is a time as A2A writes it: UTC, to the millisecond.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}
