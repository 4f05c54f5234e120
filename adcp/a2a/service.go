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
	agent   *agent.Agent
	opts    Options
	log     *slog.Logger
	mark    mark
	streams streams
}

var _ a2asrv.RequestHandler = (*service)(nil)

// reply is what became of a message: an answered call, or where the caller is
// better served with it, the agent's own task.
type reply struct {
	call Task
	own  *agent.Task
}

// SendMessage implements [a2asrv.RequestHandler]: one call, and its task.
func (s *service) SendMessage(ctx context.Context, req *sdk.SendMessageRequest) (sdk.SendMessageResult, error) {
	c := callFrom(ctx)
	r, err := s.send(ctx, c, req)
	switch {
	case err != nil:
		return nil, err
	case r.own != nil:
		return s.shown(c, r.own), nil
	}
	return s.view(c, r.call), nil
}

// SendStreamingMessage implements [a2asrv.RequestHandler]: the task at work, the
// answer as its artifact, and the state it has ended in; or the agent's own task
// until it is settled.
func (s *service) SendStreamingMessage(ctx context.Context, req *sdk.SendMessageRequest) iter.Seq2[sdk.Event, error] {
	return func(yield func(sdk.Event, error) bool) {
		c := callFrom(ctx)
		// The profile of 3.2 keeps the two lifecycles apart.
		c.invocation.follows = !c.extended
		r, err := s.send(ctx, c, req)
		switch {
		case err != nil:
			yield(nil, err)
			return
		case r.own != nil:
			s.follow(ctx, c, r.own, yield)
			return
		}
		ended := s.view(c, r.call)
		begun := &sdk.Task{
			ID: ended.ID, ContextID: ended.ContextID,
			Status: sdk.TaskStatus{State: sdk.TaskStateWorking, Timestamp: ended.Status.Timestamp},
		}
		if !yield(begun, nil) {
			return
		}
		for _, a := range ended.Artifacts {
			if !yield(&sdk.TaskArtifactUpdateEvent{TaskID: ended.ID, ContextID: ended.ContextID, Artifact: a, LastChunk: true}, nil) {
				return
			}
		}
		yield(&sdk.TaskStatusUpdateEvent{TaskID: ended.ID, ContextID: ended.ContextID, Status: ended.Status}, nil)
	}
}

// send makes a call of the message, or gives it to the task that it continues.
func (s *service) send(ctx context.Context, c *call, req *sdk.SendMessageRequest) (reply, error) {
	m := req.Message
	switch {
	case m == nil:
		return reply{}, fmt.Errorf("the message is missing: %w", sdk.ErrInvalidParams)
	case m.TaskID != "":
		return s.resume(ctx, c, string(m.TaskID), m.ContextID)
	}
	contextID := m.ContextID
	if contextID == "" {
		contextID = s.opts.NewID()
	}
	return s.run(ctx, c, s.opts.NewID(), contextID)
}

var errOtherContext = fmt.Errorf("the task belongs to another context: %w", sdk.ErrInvalidParams)

// resume goes on with a task that asked its caller for more: a call is made again
// under its identifier, and a task of the agent's own gets what the message says.
func (s *service) resume(ctx context.Context, c *call, id, contextID string) (reply, error) {
	kept, err := s.kept(ctx, c, id)
	if errors.Is(err, ErrNoTask) {
		own, err := s.own(ctx, c, id)
		switch {
		case err != nil:
			return reply{}, err
		case contextID != "" && contextID != own.ID:
			return reply{}, errOtherContext
		}
		own, refusal := s.agent.AnswerTask(ctx, c.caller, id, c.invocation.said)
		return reply{own: own}, problem(refusal)
	}
	switch {
	case err != nil:
		return reply{}, err
	case contextID != "" && contextID != kept.ContextID:
		return reply{}, errOtherContext
	case !kept.Asks:
		return reply{}, sdk.NewError(sdk.ErrUnsupportedOperation,
			"The task has been answered and takes no more messages. Send a message without taskId.")
	case c.invocation.skill == "":
		return reply{}, fmt.Errorf("the message has no data part with skill and input: %w", sdk.ErrInvalidParams)
	}
	return s.run(ctx, c, kept.ID, kept.ContextID)
}

// run makes the call and keeps its task for its owner.
func (s *service) run(ctx context.Context, c *call, id, contextID string) (reply, error) {
	resp := s.agent.DoAs(ctx, c.caller, agent.Request{Operation: c.invocation.skill, Arguments: c.invocation.input})
	said := head(resp.Body)
	reads := c.invocation.skill == adcp.GetTaskStatus.Name
	if !reads && resp.Error == nil && said.TaskID != "" && !final(said.Status) {
		own, err := s.begun(ctx, c, said)
		if own != nil || err != nil {
			return reply{own: own}, err
		}
	}
	t := Task{
		ID: id, ContextID: contextID, Owner: c.owner, Body: resp.Body, Extended: c.extended, At: s.opts.Now(),
		Failed: resp.Error != nil || !reads && said.Status == "failed",
		Asks:   resp.Error == nil && !reads && said.Status == "input-required",
	}
	if c.caller.Anonymous {
		return reply{call: t}, nil // There is nobody to keep it for.
	}
	if err := s.opts.Tasks.Put(context.WithoutCancel(ctx), t); err != nil {
		s.log.WarnContext(ctx, "A2A task not kept", "error", err)
	}
	return reply{call: t}, nil
}

// begun registers the call's receiver with the task that the call has begun, and
// gives the task where the caller is to have it rather than the answer: when it asks
// for it, and when the task asks something, for then a message to the task continues
// it.
func (s *service) begun(ctx context.Context, c *call, said answerHead) (*agent.Task, error) {
	if c.push != nil {
		if refusal := s.agent.SetTaskPush(context.WithoutCancel(ctx), c.caller, said.TaskID, *c.push); refusal != nil {
			// The order stands; the same message again registers the receiver.
			s.log.ErrorContext(ctx, "receiver not registered with its task", "error", refusal)
			return nil, sdk.ErrInternalError
		}
	}
	if !c.invocation.follows && said.Status != "input-required" {
		return nil, nil
	}
	own, refusal := s.agent.TaskOf(ctx, c.caller, said.TaskID)
	if refusal != nil {
		return nil, nil //nolint:nilerr // The agent keeps its tasks by itself: its answer will do.
	}
	return own, nil
}

// view is an answered call as an A2A task.
func (s *service) view(c *call, t Task) *sdk.Task {
	said := head(t.Body)
	out := &sdk.Task{
		ID: sdk.TaskID(t.ID), ContextID: t.ContextID,
		Status: sdk.TaskStatus{State: sdk.TaskStateCompleted, Timestamp: stamp(t.At)},
	}
	message := func(parts ...*sdk.Part) {
		out.Status.Message = &sdk.Message{
			ID: t.ID + "-status", Role: sdk.MessageRoleAgent, TaskID: out.ID, ContextID: t.ContextID, Parts: parts,
		}
	}
	body := s.mark.part(&c.held, t.Body)
	if t.Asks {
		out.Status.State = sdk.TaskStateInputRequired
		if said.Message != "" {
			message(sdk.NewTextPart(said.Message), body)
		} else {
			message(body)
		}
		return out
	}
	artifact := &sdk.Artifact{ID: "result", Name: "result", Parts: sdk.ContentParts{body}}
	if t.Failed {
		out.Status.State = sdk.TaskStateFailed
		artifact.ID, artifact.Name = "error", "error"
		if said.Error.Message != "" {
			message(sdk.NewTextPart(said.Error.Message))
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
	Status  string `json:"status"`
	TaskID  string `json:"task_id"`
	Message string `json:"message"`
	Error   struct {
		Message string `json:"message"`
	} `json:"adcp_error"`
}

func head(body json.RawMessage) (h answerHead) {
	_ = json.Unmarshal(body, &h) // what cannot be read stays empty
	return h
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
