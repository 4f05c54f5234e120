package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// envelope is the schema of webhooks about tasks and reports.
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
	// Registration is the ID of the [Registration] to tell. Required, and open.
	Registration string
	// Payload is what to tell of a task or a report. Its idempotency_key is made
	// here, and its operation_id and token are the registration's; without one of
	// its own the operation_id is the task's id. A zero timestamp becomes the present.
	Payload adcp.MCPWebhookPayload
	// Context is the context of the request that made the registration, which goes
	// beside the payload as it came.
	Context json.RawMessage
	// Event, where given, is told instead of the payload.
	Event *Event
}

// Event is something that has a document of its own rather than the envelope of tasks.
type Event struct {
	// Schema is the document's, such as "core/wholesale-feed-webhook.json".
	Schema string
	// Document marshals into an object; its idempotency_key is made here.
	Document any
}

// ErrClosed is what [Outbox.Enqueue] returns for a registration that there is none of,
// or that is closed.
var ErrClosed = errors.New("webhook: the registration is closed")

// Enqueue writes a notification down in the transaction that makes it true, and
// has it delivered once that has committed. A payload that is not valid by the
// protocol's schema is an error.
func (o *Outbox) Enqueue(ctx context.Context, tx *store.Tx, n Notification) error {
	if n.EventID == "" || n.Resource == "" || n.Registration == "" {
		return errors.New("webhook: the notification has no event, resource or registration")
	}
	if err := o.enqueue(ctx, tx, n); err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	return nil
}

func (o *Outbox) enqueue(ctx context.Context, tx *store.Tx, n Notification) error {
	reg, err := tx.WebhookRegistration(ctx, store.WebhookRegistrationParams{Tenant: o.cfg.Tenant, RegistrationID: n.Registration})
	if errors.Is(err, store.ErrNoRow) || err == nil && reg.Closed {
		return ErrClosed
	}
	if err != nil {
		return err
	}
	receiver, err := receiverOf(reg.URL)
	if err != nil {
		return err
	}
	now, key := o.cfg.Clock.Now(), "whk_"+rand.Text()
	body, err := o.body(&reg, n, key, now)
	if err != nil {
		return err
	}
	lane := id.Derive("lane", reg.URL, n.Resource)
	last, err := tx.WebhookLaneEnd(ctx, store.WebhookLaneEndParams{Tenant: o.cfg.Tenant, Lane: lane})
	if err != nil {
		return err
	}
	added, err := tx.InsertWebhookNotification(ctx, store.InsertWebhookNotificationParams{
		Tenant: o.cfg.Tenant, EventID: n.EventID, Lane: lane, Position: last + 1, Receiver: receiver, Resource: n.Resource,
		URL: reg.URL, Scheme: reg.Scheme, RegistrationID: n.Registration, IdempotencyKey: key, Body: string(body),
		CreatedAt: store.Micros(now), NextAt: store.Micros(now), DeadlineAt: store.Micros(now.Add(GiveUpAfter)),
	})
	if err != nil || added == 0 {
		return err
	}
	return job.Enqueue(ctx, tx, jobLane, laneJob{o.cfg.Tenant, lane})
}

// body is what will be sent, each time byte for byte, but for the token, which is
// kept with the secrets until then.
func (o *Outbox) body(reg *store.WebhookRegistration, n Notification, key string, now time.Time) ([]byte, error) {
	if n.Event != nil {
		body, err := withMembers(n.Event.Document, map[string]any{"idempotency_key": key})
		if err != nil {
			return nil, err
		}
		return body, adcp.ValidateDocument(n.Event.Schema, body)
	}
	p := n.Payload
	p.IdempotencyKey, p.Token, p.OperationID = key, nil, reg.OperationID
	if p.OperationID == "" {
		p.OperationID = p.TaskID
	}
	if p.Timestamp.IsZero() {
		p.Timestamp = now
	}
	beside := map[string]any{}
	if len(n.Context) > 0 {
		beside["context"] = n.Context
	}
	body, err := withMembers(p, beside)
	if err != nil {
		return nil, err
	}
	if err := adcp.ValidateDocument(envelope, body); err != nil || reg.Form == "" {
		return body, err
	}
	return o.cfg.Forms[reg.Form](p)
}

// withMembers is a document with members of its object set.
func withMembers(doc any, members map[string]any) ([]byte, error) {
	raw, err := plainJSON(doc)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for name, v := range members {
		if fields[name], err = plainJSON(v); err != nil {
			return nil, err
		}
	}
	return plainJSON(fields)
}

// plainJSON leaves <, > and & as they are, so that what callers sent comes back so.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// withToken is the body with the receiver's token in it.
func withToken(body, token string) ([]byte, error) {
	if token == "" {
		return []byte(body), nil
	}
	quoted, err := plainJSON(token)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(body[:len(body)-1]+`,"token":`), quoted...), '}'), nil
}
