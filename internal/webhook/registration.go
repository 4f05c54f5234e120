package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
)

// Registration is a receiver that asked to be told. What it says does not change: a
// receiver that moves, or has a new secret, is another registration.
type Registration struct {
	// ID names it, uniquely among the tenant's. Required.
	ID string
	// Receiver is its address, scheme, token and operation_id.
	Receiver adcp.PushNotificationConfig
	// Form is the form of what is sent, one of [Config].Forms; empty is the
	// protocol's own (core/mcp-webhook-payload.json).
	Form string
}

// hidden is what of a registration is kept sealed.
type hidden struct {
	Secret string `json:"secret,omitzero"`
	Token  string `json:"token,omitzero"`
}

// Register writes a registration down, its secrets sealed, so that [Outbox.Enqueue]
// can tell it things until [Outbox.Close]. Doing so again does nothing. A receiver
// that [Outbox.Check] refuses is an error.
func (o *Outbox) Register(ctx context.Context, tx *store.Tx, r Registration) error {
	if r.ID == "" {
		return errors.New("webhook: the registration has no ID")
	}
	if _, known := o.cfg.Forms[r.Form]; !known && r.Form != "" {
		return fmt.Errorf("webhook %s: there is no form %q", r.ID, r.Form)
	}
	if problem := o.Check("push_notification_config", &r.Receiver); problem != nil {
		return fmt.Errorf("webhook %s: %w", r.ID, problem)
	}
	scheme, secret, err := schemeOf(&r.Receiver)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", r.ID, err)
	}
	sealed := ""
	if h := (hidden{Secret: secret, Token: adcp.Val(r.Receiver.Token)}); h != (hidden{}) {
		plain, err := json.Marshal(h) //nolint:gosec // to be sealed
		if err != nil {
			return fmt.Errorf("webhook %s: %w", r.ID, err)
		}
		sealed = o.cfg.Secrets.Seal(string(plain), o.place(r.ID))
	}
	err = tx.InsertWebhookRegistration(ctx, store.InsertWebhookRegistrationParams{
		Tenant: o.cfg.Tenant, RegistrationID: r.ID, URL: r.Receiver.URL, OperationID: adcp.Val(r.Receiver.OperationID),
		Scheme: scheme, Form: r.Form, Sealed: sealed, CreatedAt: store.Micros(o.cfg.Clock.Now()),
	})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", r.ID, err)
	}
	return nil
}

// Close says that nothing more will be told to a registration. It is erased, with its
// secrets, as soon as no letter needs it: those under way are still delivered, and
// one that was given up can be replayed as long as it is kept.
func (o *Outbox) Close(ctx context.Context, tx *store.Tx, registrationID string) error {
	err := tx.CloseWebhookRegistration(ctx, store.CloseWebhookRegistrationParams{Tenant: o.cfg.Tenant, RegistrationID: registrationID})
	if err != nil {
		return fmt.Errorf("close webhook registration %s: %w", registrationID, err)
	}
	return o.erase(ctx, tx, registrationID)
}

func (o *Outbox) erase(ctx context.Context, tx *store.Tx, registrationID string) error {
	err := tx.EraseWebhookRegistration(ctx, store.EraseWebhookRegistrationParams{Tenant: o.cfg.Tenant, RegistrationID: registrationID})
	if err != nil {
		return fmt.Errorf("erase webhook registration %s: %w", registrationID, err)
	}
	return nil
}

// open gives back what of a registration is sealed.
func (o *Outbox) open(r *store.WebhookRegistration) (h hidden, err error) {
	plain, err := o.cfg.Secrets.Open(r.Sealed, o.place(r.RegistrationID))
	if err != nil || plain == "" {
		return h, err
	}
	return h, json.Unmarshal([]byte(plain), &h)
}

// place is what a registration's secrets are bound to.
func (o *Outbox) place(registrationID string) string {
	return "webhook_registrations/" + o.cfg.Tenant + "/" + registrationID
}
