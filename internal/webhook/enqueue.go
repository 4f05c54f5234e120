package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// envelope is the schema of every webhook.
const envelope = "core/mcp-webhook-payload.json"

// Notification is one thing to tell one receiver.
type Notification struct {
	// EventID names what happened, uniquely among the tenant's: enqueueing it again
	// does nothing. Required.
	EventID string
	// Resource is what it happened to, such as a task or a media buy: notifications
	// of one resource reach a receiver's address in the order of their enqueueing.
	// Required.
	Resource string
	// Receiver is the registration: address, scheme, token and operation_id.
	Receiver adcp.PushNotificationConfig
	// Payload is what to tell. Its idempotency_key is made here, and its
	// operation_id and token are the registration's; without one of its own the
	// operation_id is the task's id. A zero timestamp becomes the present.
	Payload adcp.MCPWebhookPayload
}

// Enqueue writes a notification down in the transaction that makes it true, and
// has it delivered once that has committed. A payload that is not valid by the
// protocol's schema, or a receiver that [Outbox.Check] refuses, is an error.
func (o *Outbox) Enqueue(ctx context.Context, tx *store.Tx, n Notification) error {
	if n.EventID == "" || n.Resource == "" {
		return errors.New("webhook: the notification has no event or resource")
	}
	if problem := o.Check("push_notification_config", &n.Receiver); problem != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, problem)
	}
	scheme, secret, err := schemeOf(&n.Receiver)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	receiver, err := receiverOf(n.Receiver.URL)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	now := o.cfg.Clock.Now()
	p := n.Payload
	p.IdempotencyKey, p.Token, p.OperationID = "whk_"+rand.Text(), n.Receiver.Token, p.TaskID
	if n.Receiver.OperationID != nil {
		p.OperationID = *n.Receiver.OperationID
	}
	if p.Timestamp.IsZero() {
		p.Timestamp = now
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	if err := adcp.ValidateDocument(envelope, body); err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	lane := id.Derive("lane", n.Receiver.URL, n.Resource)
	last, err := tx.WebhookLaneEnd(ctx, store.WebhookLaneEndParams{Tenant: o.cfg.Tenant, Lane: lane})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	added, err := tx.InsertWebhookNotification(ctx, store.InsertWebhookNotificationParams{
		Tenant: o.cfg.Tenant, EventID: n.EventID, Lane: lane, Position: last + 1, Receiver: receiver, Resource: n.Resource,
		URL: n.Receiver.URL, Scheme: scheme, Secret: secret, IdempotencyKey: p.IdempotencyKey, Body: string(body),
		CreatedAt: store.Micros(now), NextAt: store.Micros(now), DeadlineAt: store.Micros(now.Add(GiveUpAfter)),
	})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	if added == 0 {
		return nil
	}
	return job.Enqueue(ctx, tx, jobLane, laneJob{o.cfg.Tenant, lane})
}
