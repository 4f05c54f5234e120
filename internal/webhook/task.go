package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// Tasks tells callers of their tasks by webhook. It is for an agent whose tasks are
// the database's ([store.Tasks]): what is told is written down in the transaction
// that changes the task.
type Tasks struct{ outbox *Outbox }

var _ agent.TaskNotifier = (*Tasks)(nil)

// Tasks gives the outbox as the notifier of an agent's tasks.
func (o *Outbox) Tasks() *Tasks { return &Tasks{o} }

// CheckPush implements [agent.TaskNotifier].
func (n *Tasks) CheckPush(push *adcp.PushNotificationConfig) *adcp.Error {
	return n.outbox.Check("push_notification_config", push)
}

var errNoTx = errors.New("webhook: the task's change is in no transaction of the database")

// TaskOpened implements [agent.TaskNotifier]. The registration is named like the task.
func (n *Tasks) TaskOpened(ctx context.Context, t *agent.Task, push *adcp.PushNotificationConfig) error {
	tx, ok := store.TxOf(ctx)
	if !ok {
		return errNoTx
	}
	return n.outbox.Register(ctx, tx, Registration{ID: t.ID, Receiver: *push})
}

// TaskChanged implements [agent.TaskNotifier]. After a task is settled nothing more
// is told of it.
func (n *Tasks) TaskChanged(ctx context.Context, t *agent.Task) error {
	if !t.HasWebhook {
		return nil
	}
	tx, ok := store.TxOf(ctx)
	if !ok {
		return errNoTx
	}
	p := adcp.MCPWebhookPayload{
		TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Status: t.Status, Timestamp: t.UpdatedAt, Result: t.Result,
	}
	if op, known := adcp.OperationNamed(t.Type); known {
		p.Protocol = new(adcp.AdcpProtocol(op.Protocol))
	}
	if t.Message != "" {
		p.Message = &t.Message
	}
	if t.Error != nil {
		var err error
		if p.Result, err = json.Marshal(map[string]any{"errors": []*adcp.Error{t.Error}}); err != nil {
			return err
		}
	}
	if err := n.outbox.Enqueue(ctx, tx, Notification{
		EventID: id.Derive("event", t.ID, fmt.Sprint(t.Revision)), Resource: t.ID, Registration: t.ID, Payload: p, Context: t.Context,
	}); err != nil {
		return err
	}
	if !t.Settled() {
		return nil
	}
	return n.outbox.Close(ctx, tx, t.ID)
}
