package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// pushField is where requests say whom to tell of a task's end.
const pushField = "push_notification_config"

// checkWebhook refuses a registration that could not be honored.
func (s *Service) checkWebhook(c *checks, push *adcp.PushNotificationConfig) {
	if s.webhooks == nil {
		c.unsupported(pushField, "push notifications", "Follow the task with get_task_status.", push != nil)
		return
	}
	if problem := s.webhooks.Check(pushField, push); problem != nil {
		c.refuse(problem)
	}
}

// registerPush writes down whom to tell of a task's end, in the transaction that
// submits it. The registration is named like the task.
func (s *Service) registerPush(ctx context.Context, tx *store.Tx, t *Task) error {
	t.Change.Webhook = s.webhooks != nil && t.Push != nil
	if !t.Change.Webhook {
		return nil
	}
	t.Change.Prompt = s.answerAtOnce != nil && s.answerAtOnce(t.Push)
	t.Answered = t.Answered || t.Change.Prompt
	return s.webhooks.Register(ctx, tx, webhook.Registration{ID: t.ID, Receiver: *t.Push})
}

// leave has a call answered before its task has ended. From here on the task's end is
// told by webhook; a task that has ended meanwhile is the call's own answer instead.
// One transaction decides which, so that the buyer hears of it in one of the two ways
// whatever the clock says.
func (s *Service) leave(ctx context.Context, t *Task) (*Task, error) {
	if !t.Change.Webhook {
		return t, nil
	}
	taskID := t.ID
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.AnswerSellerTask(ctx, store.AnswerSellerTaskParams{Tenant: s.tenant, TaskID: taskID}); err != nil {
			return fmt.Errorf("leave task %s: %w", taskID, err)
		}
		var err error
		t, err = s.task(ctx, tx.Queries, taskID)
		return err
	})
	return t, err
}

// notify has the buyer told that its task has ended, where it asked for that and has
// not heard it in the call's own answer, in the transaction that ends the task. The
// result is the one that the operation would have answered with.
func (s *Service) notify(ctx context.Context, tx *store.Tx, t *Task) error {
	if t.Status != adcp.TaskStatusCompleted {
		if err := s.dropReports(ctx, tx, t); err != nil {
			return err
		}
	}
	if s.webhooks == nil {
		return nil
	}
	if err := s.tellAll(ctx, tx, t); err != nil {
		return err
	}
	if t.Change.Webhook {
		if err := s.webhooks.Close(ctx, tx, t.ID); err != nil {
			return err
		}
	}
	for _, p := range t.Change.Pushes {
		if err := s.webhooks.Close(ctx, tx, p.Registration); err != nil {
			return err
		}
	}
	return nil
}

// tellAll tells everybody who is registered with the task where it stands.
func (s *Service) tellAll(ctx context.Context, tx *store.Tx, t *Task) error {
	if s.webhooks == nil {
		return nil
	}
	// The call may have been answered, and receivers registered, since the task was
	// read.
	current, err := s.task(ctx, tx.Queries, t.ID)
	if err != nil {
		return err
	}
	t.Change.Pushes = current.Change.Pushes
	if t.Change.Webhook && current.Answered {
		if err := s.tell(ctx, tx, t, t.ID); err != nil {
			return err
		}
	}
	for _, p := range t.Change.Pushes {
		if err := s.tell(ctx, tx, t, p.Registration); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tell(ctx context.Context, tx *store.Tx, t *Task, registration string) error {
	result := t.Result
	if t.Error != nil {
		var err error
		if result, err = json.Marshal(map[string]any{"errors": []*adcp.Error{t.Error}}); err != nil {
			return err
		}
	}
	event := eventID(t.ID, "webhook."+string(t.Status), t.Revision)
	if registration != t.ID {
		event = eventID(registration, "webhook."+string(t.Status), t.Revision)
	}
	err := s.webhooks.Enqueue(ctx, tx, webhook.Notification{
		EventID: event, Resource: t.ID, Registration: registration,
		Context: t.Change.Context,
		Payload: adcp.MCPWebhookPayload{
			TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Protocol: new(protocolOf(t.Type)),
			Status: t.Status, Timestamp: t.UpdatedAt, Result: result, Message: optional(t.question()),
		},
	})
	if refused, ok := errors.AsType[*adcp.Error](err); ok {
		// What cannot be told must not keep the task from going on.
		s.log.ErrorContext(ctx, "a change of a task cannot be told", "task", t.ID, "error", refused)
		return nil
	}
	return err
}
