package a2a

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// Forms of notifications: the one of the release in which the receiver was named.
const (
	Form10 = "a2a-1.0"
	Form03 = "a2a-0.3"
)

func formOf(c *call) string {
	if c.old {
		return Form03
	}
	return Form10
}

// PushForms are A2A's forms of a task's webhook, by the names that registrations
// over A2A ask for them. Whoever sends the agent's webhooks needs them.
func PushForms() map[string]func(adcp.MCPWebhookPayload) ([]byte, error) {
	return map[string]func(adcp.MCPWebhookPayload) ([]byte, error){
		Form10: func(p adcp.MCPWebhookPayload) ([]byte, error) { return notification(p, false) },
		Form03: func(p adcp.MCPWebhookPayload) ([]byte, error) { return notification(p, true) },
	}
}

// notification is a webhook of a task as A2A has it: the task once it is settled, and
// before only its status, in 1.0 within the envelope of a stream's event.
func notification(p adcp.MCPWebhookPayload, old bool) ([]byte, error) {
	own := &agent.Task{ID: p.TaskID, Type: string(p.TaskType), Status: p.Status, CreatedAt: p.Timestamp, UpdatedAt: p.Timestamp, Message: adcp.Val(p.Message)}
	if own.Settled() {
		own.Result = p.Result
		var failed struct {
			Errors []*adcp.Error `json:"errors"`
		}
		if p.Status != adcp.TaskStatusCompleted && json.Unmarshal(p.Result, &failed) == nil && len(failed.Errors) > 0 {
			own.Error = failed.Errors[0]
		}
	}
	s := &service{mark: newMark()}
	c := &call{old: old}
	view := s.shown(c, own)
	var event sdk.Event = view
	if !own.Settled() {
		event = &sdk.TaskStatusUpdateEvent{TaskID: view.ID, ContextID: view.ContextID, Status: view.Status}
	}
	var doc any = sdk.StreamResponse{Event: event}
	if old {
		doc = event03(event)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return s.mark.splice(raw, &c.held), nil
}

// pushTask is the agent's own task that a configuration is for: the one named, or
// the one that the answered call of that name has begun.
func (s *service) pushTask(ctx context.Context, c *call, id sdk.TaskID) (string, error) {
	if id == "" {
		return "", errNoID
	}
	kept, err := s.kept(ctx, c, string(id))
	switch {
	case errors.Is(err, ErrNoTask):
		return string(id), nil
	case err != nil:
		return "", err
	}
	if said := head(kept.Body); said.TaskID != "" && !kept.Failed {
		return said.TaskID, nil
	}
	return "", sdk.NewError(sdk.ErrUnsupportedOperation, "The task has been answered, and nothing of it is told any more.")
}

// errNoPush refuses configurations where the agent tells nobody of its tasks, or
// its handlers alone know whom.
var errNoPush = sdk.NewError(sdk.ErrPushNotificationNotSupported,
	"Push notifications are not configured for a task that is there. Send the configuration with the message that starts the work, where the agent card lists them.")

func (s *service) takesPush() bool { return s.opts.PushNotifications && s.agent.TakesTaskPush() }

// CreateTaskPushConfig implements [a2asrv.RequestHandler].
func (s *service) CreateTaskPushConfig(ctx context.Context, req *sdk.PushConfig) (*sdk.PushConfig, error) {
	c := callFrom(ctx)
	if !s.takesPush() {
		return nil, errNoPush
	}
	id, err := s.pushTask(ctx, c, req.TaskID)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return nil, sdk.ErrInternalError
	}
	p := agent.TaskPush{ID: pushID(raw), Form: formOf(c)}
	config, _, ok := pushConfig(raw)
	if !ok || json.Unmarshal(config, &p.Receiver) != nil {
		return nil, fmt.Errorf("the configuration has no url: %w", sdk.ErrInvalidParams)
	}
	if refusal := s.agent.SetTaskPush(ctx, c.caller, id, p); refusal != nil {
		return nil, problem(refusal)
	}
	return &sdk.PushConfig{TaskID: req.TaskID, ID: p.ID, URL: p.Receiver.URL}, nil
}

// ListTaskPushConfigs implements [a2asrv.RequestHandler]. Secrets are not shown.
func (s *service) ListTaskPushConfigs(ctx context.Context, req *sdk.ListTaskPushConfigRequest) (*sdk.ListTaskPushConfigResponse, error) {
	c := callFrom(ctx)
	if !s.takesPush() {
		return nil, errNoPush
	}
	id, err := s.pushTask(ctx, c, req.TaskID)
	if err != nil {
		return nil, err
	}
	list, refusal := s.agent.TaskPushes(ctx, c.caller, id)
	if refusal != nil {
		return nil, problem(refusal)
	}
	out := &sdk.ListTaskPushConfigResponse{Configs: []*sdk.PushConfig{}}
	for _, p := range list {
		out.Configs = append(out.Configs, &sdk.PushConfig{TaskID: req.TaskID, ID: p.ID, URL: p.Receiver.URL})
	}
	return out, nil
}

// GetTaskPushConfig implements [a2asrv.RequestHandler].
func (s *service) GetTaskPushConfig(ctx context.Context, req *sdk.GetTaskPushConfigRequest) (*sdk.PushConfig, error) {
	list, err := s.ListTaskPushConfigs(ctx, &sdk.ListTaskPushConfigRequest{TaskID: req.TaskID})
	if err != nil {
		return nil, err
	}
	for _, p := range list.Configs {
		if p.ID == req.ID || req.ID == "" && p.ID == unnamedPush {
			return p, nil
		}
	}
	return nil, sdk.NewError(sdk.ErrInvalidParams, "The task has no such configuration.")
}

// DeleteTaskPushConfig implements [a2asrv.RequestHandler].
func (s *service) DeleteTaskPushConfig(ctx context.Context, req *sdk.DeleteTaskPushConfigRequest) error {
	c := callFrom(ctx)
	if !s.takesPush() {
		return errNoPush
	}
	id, err := s.pushTask(ctx, c, req.TaskID)
	if err != nil {
		return err
	}
	return problem(s.agent.DeleteTaskPush(ctx, c.caller, id, req.ID))
}
