package client

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

// DefaultMaxWebhook is the largest webhook that is read, in bytes.
const DefaultMaxWebhook = 4 << 20

// Registration is what was agreed when a webhook's address was registered with an
// agent: what that agent's push_notification_config said.
type Registration struct {
	// Sender names the agent: keys of different senders are independent. It is the
	// agent's URL where webhooks are signed with its published key, and then the
	// only agent whose signature is taken. Required.
	Sender string
	// HMAC or Bearer is the scheme, where the registration asked for one. With
	// neither, webhooks must be signed with the sender's published key. A webhook
	// that comes in another way than agreed is refused.
	HMAC   *signing.HMAC
	Bearer *signing.Bearer
	// Token and OperationID, where not empty, are what every webhook must repeat.
	Token, OperationID string
}

// Delivery is one webhook, verified.
type Delivery struct {
	Sender  string
	Payload adcp.MCPWebhookPayload
	// Body is the webhook as it came.
	Body []byte
}

// ReceiverConfig is what [NewReceiver] takes.
type ReceiverConfig struct {
	// Registration finds what was agreed for the address that a request came to. Nil
	// without an error is that there is none: the request is answered with 404.
	// It must decide by the address alone: nothing is verified yet. Required.
	Registration func(ctx context.Context, r *http.Request) (*Registration, error)
	// Handle is given every webhook once. Where it returns an error the webhook is
	// not taken: the sender is told to try again, and Handle is called again then.
	// Required.
	Handle func(ctx context.Context, d Delivery) error
	// Verifier checks signatures made with published keys, under
	// [signing.Webhook]. Required unless every registration has another scheme.
	Verifier *signing.Verifier
	// Seen remembers what was handled. Required; see [NewMemorySeen].
	Seen Seen
	// Origins are the public origins of this server; see [signing.NewMessage].
	Origins []string
	// MaxBody is the largest body that is read; [DefaultMaxWebhook] when zero.
	MaxBody int64
	// Refused is told of every webhook that was not taken. It is for logs and alarms.
	Refused func(r *http.Request, err error)
}

// EnvelopeError is why a body is no webhook. The code is one of
// "missing_envelope_fields", "missing_idempotency_key", "invalid_envelope_status"
// and "invalid_envelope".
type EnvelopeError struct {
	Code string
	Err  error
}

// Error implements error.
func (e *EnvelopeError) Error() string { return "webhook envelope: " + e.Code }

// Unwrap gives what the schema says.
func (e *EnvelopeError) Unwrap() error { return e.Err }

// ParseWebhook reads a webhook's body and checks it against the protocol's
// envelope. The error is an [*EnvelopeError].
func ParseWebhook(body []byte) (*adcp.MCPWebhookPayload, error) {
	invalid := adcp.ValidateDocument("core/mcp-webhook-payload.json", body)
	if invalid == nil {
		p := new(adcp.MCPWebhookPayload)
		if err := json.Unmarshal(body, p); err != nil {
			return nil, &EnvelopeError{Code: "invalid_envelope", Err: err}
		}
		return p, nil
	}
	code := "invalid_envelope"
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) == nil {
		var missing []string
		for _, name := range []string{"idempotency_key", "operation_id", "task_id", "task_type", "status", "timestamp"} {
			if _, ok := members[name]; !ok {
				missing = append(missing, name)
			}
		}
		switch {
		case len(missing) == 1 && missing[0] == "idempotency_key":
			code = "missing_idempotency_key"
		case len(missing) > 0:
			code = "missing_envelope_fields"
		case adcp.ValidateDocument("enums/task-status.json", members["status"]) != nil:
			code = "invalid_envelope_status"
		}
	}
	return nil, &EnvelopeError{Code: code, Err: invalid}
}

// NewReceiver makes a handler for webhooks of agents. For each it finds the
// registration, verifies who sent it and that it is not an old one sent again,
// checks the envelope, and gives it to Handle unless that key of that sender was
// handled before. The answers are
//
//   - 204: handled, now or before.
//   - 400, 401, 404, 405, 413: refused, with {"error": code}.
//   - 409: another delivery of the same webhook is being handled just now.
//   - 503: Handle failed, or something of ours; to be sent again.
//
// A webhook is handed over exactly once as far as Seen remembers: it is handed over
// again only where Handle failed or the process died within it.
func NewReceiver(cfg ReceiverConfig) (http.Handler, error) {
	switch {
	case cfg.Registration == nil:
		return nil, errors.New("client: ReceiverConfig.Registration is missing")
	case cfg.Handle == nil:
		return nil, errors.New("client: ReceiverConfig.Handle is missing")
	case cfg.Seen == nil:
		return nil, errors.New("client: ReceiverConfig.Seen is missing")
	case cfg.Verifier != nil && cfg.Verifier.Profile() != signing.Webhook:
		return nil, errors.New("client: ReceiverConfig.Verifier is for another profile than webhooks")
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = DefaultMaxWebhook
	}
	return &receiver{cfg}, nil
}

type receiver struct{ cfg ReceiverConfig }

// refusedWebhook is a refusal with its answer.
type refusedWebhook struct {
	status    int
	code      string
	challenge string
	err       error
}

func (e *refusedWebhook) Error() string {
	if e.err != nil {
		return e.code + ": " + e.err.Error()
	}
	return e.code
}

func (e *refusedWebhook) Unwrap() error { return e.err }

func refuseWebhook(status int, code string, err error) *refusedWebhook {
	return &refusedWebhook{status: status, code: code, err: err}
}

// ServeHTTP implements [http.Handler].
func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refused := v.receive(w, r)
	if refused == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if v.cfg.Refused != nil {
		v.cfg.Refused(r, refused)
	}
	if refused.challenge != "" {
		w.Header().Set("WWW-Authenticate", refused.challenge)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refused.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": refused.code}) // nobody is left to tell
}

func (v *receiver) receive(w http.ResponseWriter, r *http.Request) *refusedWebhook {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return refuseWebhook(http.StatusMethodNotAllowed, "method_not_allowed", nil)
	}
	reg, err := v.cfg.Registration(r.Context(), r)
	switch {
	case err != nil:
		return refuseWebhook(http.StatusServiceUnavailable, "unavailable", err)
	case reg == nil || reg.Sender == "":
		return refuseWebhook(http.StatusNotFound, "not_found", nil)
	}
	body, refused := v.authenticate(r, reg)
	if refused != nil {
		return refused
	}
	p, err := ParseWebhook(body)
	if err != nil {
		code := "invalid_envelope"
		if envelope, ok := errors.AsType[*EnvelopeError](err); ok {
			code = envelope.Code
		}
		return refuseWebhook(http.StatusBadRequest, code, err)
	}
	if reg.Token != "" && subtle.ConstantTimeCompare([]byte(adcp.Val(p.Token)), []byte(reg.Token)) != 1 {
		return refuseWebhook(http.StatusUnauthorized, "token_mismatch", nil)
	}
	if reg.OperationID != "" && p.OperationID != reg.OperationID {
		return refuseWebhook(http.StatusBadRequest, "operation_mismatch", nil)
	}
	return v.handOver(r.Context(), Delivery{Sender: reg.Sender, Payload: *p, Body: body})
}

// authenticate reads the body and verifies it the way that was agreed, and no other.
func (v *receiver) authenticate(r *http.Request, reg *Registration) ([]byte, *refusedWebhook) {
	if reg.HMAC == nil && reg.Bearer == nil {
		return v.verify(r, reg)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, v.cfg.MaxBody+1))
	if err != nil {
		return nil, refuseWebhook(http.StatusBadRequest, "body_unreadable", err)
	}
	if int64(len(body)) > v.cfg.MaxBody {
		return nil, refuseWebhook(http.StatusRequestEntityTooLarge, "body_too_large", nil)
	}
	if reg.HMAC != nil {
		err = reg.HMAC.Verify(r.Header, body)
	} else {
		err = reg.Bearer.Verify(r.Header, body)
	}
	return body, unverified(err)
}

func (v *receiver) verify(r *http.Request, reg *Registration) ([]byte, *refusedWebhook) {
	if v.cfg.Verifier == nil {
		return nil, refuseWebhook(http.StatusServiceUnavailable, "unavailable", errors.New("there is no verifier for a registration that needs one"))
	}
	m, err := signing.NewMessage(r, v.cfg.MaxBody, v.cfg.Origins...)
	if errors.Is(err, signing.ErrBodyTooLarge) {
		return nil, refuseWebhook(http.StatusRequestEntityTooLarge, "body_too_large", nil)
	}
	if err != nil {
		if broken, ok := errors.AsType[*signing.Error](err); ok {
			err = &signing.Error{Code: signing.Webhook.Code(broken.Reason), Reason: broken.Reason, Step: broken.Step, Detail: broken.Detail, Err: broken.Err}
			return nil, unverified(err)
		}
		return nil, refuseWebhook(http.StatusBadRequest, "body_unreadable", err)
	}
	m.AgentURL = reg.Sender
	verdict, err := v.cfg.Verifier.Verify(r.Context(), m)
	if err == nil && verdict.Identity == nil {
		return nil, refuseWebhook(http.StatusUnauthorized, signing.Webhook.Code(signing.ReasonRequired), nil)
	}
	return m.Body, unverified(err)
}

// unverified is the answer to a webhook that did not verify.
func unverified(err error) *refusedWebhook {
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*signing.Error](err)
	if !ok || broken.Temporary() {
		return refuseWebhook(http.StatusServiceUnavailable, "unavailable", err)
	}
	refused := refuseWebhook(http.StatusUnauthorized, broken.Code, err)
	refused.challenge = broken.Challenge()
	return refused
}

// handOver gives the webhook to the handler, unless it had it before.
func (v *receiver) handOver(ctx context.Context, d Delivery) *refusedWebhook {
	key := d.Payload.IdempotencyKey
	// What is remembered must not depend on whether the sender still listens: a claim
	// that was made while nobody waited for it would stand until it runs out.
	settled := context.WithoutCancel(ctx)
	state, err := v.cfg.Seen.Begin(settled, d.Sender, key)
	switch {
	case err != nil:
		return refuseWebhook(http.StatusServiceUnavailable, "unavailable", err)
	case state == SeenHandled:
		return nil
	case state == SeenInFlight:
		return refuseWebhook(http.StatusConflict, "in_flight", nil)
	}
	done := false
	defer func() {
		if !done { // also when the handler panics
			_ = v.cfg.Seen.Abandon(settled, d.Sender, key)
		}
	}()
	d.Body = bytes.Clone(d.Body)
	if err := v.cfg.Handle(ctx, d); err != nil {
		return refuseWebhook(http.StatusServiceUnavailable, "unavailable", err)
	}
	// Handled it is, even if that cannot be remembered: handing it over again is
	// then the lesser harm only after the claim has run out by itself.
	done = true
	if err := v.cfg.Seen.Finish(settled, d.Sender, key); err != nil {
		return refuseWebhook(http.StatusServiceUnavailable, "unavailable", err)
	}
	return nil
}
