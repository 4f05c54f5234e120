package seller

import (
	"context"
	"encoding/json"
	"errors"

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

// outlives tells whether the task ends after its call was answered "submitted": at
// once, because a person decides, or because the ad server took too long. A task
// that ends before is the call's own answer.
func (s *Service) outlives(t *Task) bool {
	return t.Change.Submitted || s.now().Sub(t.CreatedAt) >= s.answerWithin
}

// notify has the buyer told that its task has ended, where it asked for that, in
// the transaction that ends the task. The result is the one that the operation
// would have answered with.
func (s *Service) notify(ctx context.Context, tx *store.Tx, t *Task) error {
	if s.webhooks == nil || t.Change.Push == nil || !s.outlives(t) {
		return nil
	}
	result := t.Result
	if t.Error != nil {
		var err error
		if result, err = json.Marshal(map[string]any{"errors": []*adcp.Error{t.Error}}); err != nil {
			return err
		}
	}
	err := s.webhooks.Enqueue(ctx, tx, webhook.Notification{
		EventID: eventID(t.ID, "webhook."+string(t.Status), t.Revision), Resource: t.ID, Receiver: *t.Change.Push,
		Payload: adcp.MCPWebhookPayload{
			TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Protocol: new(protocolOf(t.Type)),
			Status: t.Status, Timestamp: t.UpdatedAt, Result: result,
		},
	})
	if refused, ok := errors.AsType[*adcp.Error](err); ok {
		// What cannot be told must not keep the task from ending.
		s.log.ErrorContext(ctx, "the end of a task cannot be told", "task", t.ID, "error", refused)
		return nil
	}
	return err
}

// hasWebhook tells of a task's row whether somebody is told of its end.
func hasWebhook(r store.SellerTask) bool {
	var change struct {
		Push *struct{} `json:"push"`
	}
	return json.Unmarshal([]byte(r.Document), &change) == nil && change.Push != nil
}
