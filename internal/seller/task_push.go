package seller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

var _ agent.TaskPusher = (*Service)(nil)

// Push is a receiver that was registered with a task after its call. Its secrets are
// in the registration, and sealed.
type Push struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	Form string `json:"form,omitzero"`
	// Registration is its webhook registration, a new one for each setting.
	Registration string `json:"registration"`
}

// CheckPush implements [agent.TaskPusher].
func (s *Service) CheckPush(push *adcp.PushNotificationConfig) *adcp.Error {
	if s.webhooks == nil {
		return refusal(adcp.CodeUnsupportedFeature, pushField, "This seller sends no push notifications.").
			WithSuggestion("Follow the task with get_task_status.")
	}
	return s.webhooks.Check(pushField, push)
}

// SetTaskPush implements [agent.TaskPusher].
func (s *Service) SetTaskPush(ctx context.Context, asked *agent.Task, p agent.TaskPush) error {
	return s.changePushes(ctx, asked.ID, func(tx *store.Tx, t *Task) error {
		if err := s.closePush(ctx, tx, t, p.ID); err != nil {
			return err
		}
		push := Push{ID: p.ID, URL: p.Receiver.URL, Form: p.Form, Registration: fmt.Sprintf("%s/%s/%d", t.ID, p.ID, t.Change.PushCount)}
		t.Change.PushCount++
		if err := s.webhooks.Register(ctx, tx, webhook.Registration{ID: push.Registration, Receiver: p.Receiver, Form: p.Form}); err != nil {
			return err
		}
		if agent.TaskSettled(t.Status) {
			// It has ended while the receiver was on its way here.
			if err := s.tell(ctx, tx, t, push.Registration); err != nil {
				return err
			}
			return s.webhooks.Close(ctx, tx, push.Registration)
		}
		t.Change.Pushes = append(t.Change.Pushes, push)
		return nil
	})
}

// DeleteTaskPush implements [agent.TaskPusher].
func (s *Service) DeleteTaskPush(ctx context.Context, asked *agent.Task, id string) error {
	return s.changePushes(ctx, asked.ID, func(tx *store.Tx, t *Task) error { return s.closePush(ctx, tx, t, id) })
}

// closePush takes the receiver of that ID off the task, if there is one.
func (s *Service) closePush(ctx context.Context, tx *store.Tx, t *Task, id string) error {
	for i, p := range t.Change.Pushes {
		if p.ID == id {
			t.Change.Pushes = slices.Delete(t.Change.Pushes, i, i+1)
			return s.webhooks.Close(ctx, tx, p.Registration)
		}
	}
	return nil
}

// changePushes changes who is told of a task. It is no change of the task itself.
func (s *Service) changePushes(ctx context.Context, taskID string, change func(tx *store.Tx, t *Task) error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := s.task(ctx, tx.Queries, taskID)
		if err != nil {
			return err
		}
		if err := change(tx, t); err != nil {
			return err
		}
		document, err := json.Marshal(t.Change)
		if err != nil {
			return err
		}
		return one(tx.NoteSellerTask(ctx, store.NoteSellerTaskParams{Document: string(document), Tenant: s.tenant, TaskID: t.ID, Revision: t.Revision}))
	})
}

// TaskPushes implements [agent.TaskPusher].
func (s *Service) TaskPushes(ctx context.Context, asked *agent.Task) ([]agent.TaskPush, error) {
	t, err := s.task(ctx, s.db.Read(), asked.ID)
	if err != nil {
		return nil, err
	}
	list := make([]agent.TaskPush, 0, len(t.Change.Pushes))
	for _, p := range t.Change.Pushes {
		list = append(list, agent.TaskPush{ID: p.ID, Form: p.Form, Receiver: adcp.PushNotificationConfig{URL: p.URL}})
	}
	slices.SortFunc(list, func(a, b agent.TaskPush) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}
