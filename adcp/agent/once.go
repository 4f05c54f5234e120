package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/gowebpki/jcs"
	"github.com/upfront-media/upfront/adcp"
)

// keyForm is the form of an idempotency key on the wire.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{16,255}$`)

// capabilityOperation is exempt from the rules of idempotency: it is how a
// caller learns that there are any.
const capabilityOperation = "get_adcp_capabilities"

// checkKey refuses a mutating request without a key and any request with a
// malformed one, before anything is looked up.
func checkKey(op *adcp.Operation, key text) *adcp.Error {
	switch {
	case !key.present && (!op.Mutating || op.KeyOptional):
		return nil
	case !key.present:
		return invalid("idempotency_key", "This operation changes something and needs an idempotency_key.",
			"Send a fresh UUID, and the same one again when you retry.")
	case !key.valid || !keyForm.MatchString(key.value):
		return invalid("idempotency_key", "The idempotency_key is malformed.",
			"Use 16 to 255 characters of A-Z, a-z, 0-9 and _ . : -")
	}
	return nil
}

// remembers tells whether the call's answer is kept under its key. Keys of
// anonymous callers are not: they would share one scope, and could try out
// each other's keys.
func remembers(call *Call) bool {
	return call.IdempotencyKey != "" && !call.Anonymous && call.Operation.Name != capabilityOperation
}

// once runs the handler at most once for a key and a request, and answers the
// same request afterwards with the first answer.
func (a *Agent) once(ctx context.Context, r *registration, call *Call, doc *document) ([]byte, bool, *adcp.Error) {
	sum, err := requestDigest(doc)
	if err != nil {
		return nil, false, invalid("", "The request has no canonical form.", "Send each field once, and numbers within the range of a double.")
	}
	scope := IdempotencyScope{
		Tenant:    call.Tenant,
		Principal: call.Principal,
		Account:   call.scope,
		Operation: call.Operation.Name,
		Key:       call.IdempotencyKey,
	}
	fresh := keyBucket(r.op, scope)
	if refusal := a.limits.take(fresh); refusal != nil {
		return nil, false, refusal
	}
	outcome, stored, err := a.cfg.Idempotency.Begin(ctx, scope, sum)
	if err != nil || outcome != Claimed {
		a.limits.giveBack(fresh) // no key was added
	}
	if err != nil {
		return nil, false, a.refusal(ctx, r.op, err)
	}
	switch outcome {
	case Replay:
		return stored, true, nil
	case Conflict:
		// A conflict carries nothing but a code, a message and how to recover: whoever
		// tries a stolen key learns no more. So the message holds the suggestion.
		return nil, false, adcp.NewError(adcp.CodeIdempotencyConflict, "",
			"The idempotency_key was used for another request; send that one unchanged, or this one with a fresh key.")
	case InFlight:
		return nil, false, inFlight()
	case Expired:
		return nil, false, adcp.NewError(adcp.CodeIdempotencyExpired, "", "The idempotency_key is past its time.").
			WithSuggestion("Look up whether the first request took effect before you send a fresh key.")
	}
	call.Resumed = outcome == Resumed
	return a.claimed(ctx, r, call, doc, scope)
}

// claimed runs the handler while its claim is kept alive, and settles the claim.
func (a *Agent) claimed(ctx context.Context, r *registration, call *Call, doc *document, scope IdempotencyScope) ([]byte, bool, *adcp.Error) {
	settle := context.WithoutCancel(ctx)
	running, cancel := context.WithCancelCause(ctx)
	stop := a.keepAlive(running, cancel, scope)
	answer, err := a.run(running, r, call, doc)
	body := answer.inner
	lost := stop()

	if lost || errors.Is(context.Cause(running), ErrClaimLost) {
		a.log.WarnContext(ctx, "claim on an idempotency key lost", "operation", r.op.Name)
		return nil, false, inFlight()
	}
	if refusal := a.refusal(ctx, r.op, err); refusal != nil {
		a.abandon(settle, r.op, scope)
		return nil, false, refusal
	}
	if !memorable(statusOf(body)) {
		a.abandon(settle, r.op, scope)
		return body, false, nil
	}
	switch err := a.cfg.Idempotency.Finish(settle, scope, body); {
	case errors.Is(err, ErrClaimLost):
		return nil, false, inFlight()
	case err != nil:
		// What happened is committed but not remembered: only a run of the same
		// request can tell it again, and handlers can be run again.
		a.log.ErrorContext(ctx, "answer not remembered", "operation", r.op.Name, "error", err)
		a.abandon(settle, r.op, scope)
		return nil, false, unavailable()
	}
	return body, false, nil
}

// keepAlive renews the claim until stop is called or the handler's time is
// over: a handler that hangs must not hold its key for ever. stop waits for a
// renewal under way and reports whether the claim was lost.
func (a *Agent) keepAlive(ctx context.Context, cancel context.CancelCauseFunc, scope IdempotencyScope) (stop func() bool) {
	ctx, end := context.WithTimeout(ctx, a.cfg.HandlerTimeout)
	beat, halt := a.ticker(a.cfg.Heartbeat)
	done := make(chan bool, 1)
	go func() {
		defer halt()
		for {
			select {
			case <-ctx.Done():
				done <- false
				return
			case <-beat:
			}
			err := a.cfg.Idempotency.Renew(ctx, scope)
			if errors.Is(err, ErrClaimLost) {
				cancel(ErrClaimLost)
				done <- true
				return
			}
			if err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "claim on an idempotency key not renewed", "operation", scope.Operation, "error", err)
			}
		}
	}()
	return func() bool {
		end()
		lost := <-done
		cancel(nil)
		return lost
	}
}

func (a *Agent) abandon(ctx context.Context, op *adcp.Operation, scope IdempotencyScope) {
	if err := a.cfg.Idempotency.Abandon(ctx, scope); err != nil && !errors.Is(err, ErrClaimLost) {
		// The lease runs out by itself, and the request can then be sent again.
		a.log.WarnContext(ctx, "claim on an idempotency key not released", "operation", op.Name, "error", err)
	}
}

// memorable tells whether an answer of that task status is given again. An
// answer that says the task failed, was rejected or wants something first is
// not: the caller has to be able to try again with the same key.
func memorable(status string) bool {
	switch status {
	case "failed", "rejected", "canceled", "auth-required", "input-required", "unknown":
		return false
	}
	return true
}

func inFlight() *adcp.Error {
	return adcp.NewError(adcp.CodeIdempotencyInFlight, "", "The same request is still running.").
		WithRetryAfter(1).WithSuggestion("Send it again with the same key.")
}

func realTicker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// requestDigest is SHA-256 over the canonical form (RFC 8785) of a request without the
// four things that the protocol leaves out: the key itself, context,
// governance_context, and the credentials inside push_notification_config. The
// list is the protocol's and closed: the version fields and ext are inside.
func requestDigest(doc *document) (string, error) {
	fields := make(map[string]json.RawMessage, len(doc.members))
	for _, m := range doc.members {
		switch m.name {
		case "idempotency_key", "context", "governance_context":
		case "push_notification_config":
			fields[m.name] = withoutCredentials(m.value)
		default:
			fields[m.name] = m.value
		}
	}
	plain, err := json.Marshal(fields)
	if err != nil {
		return "", err
	}
	canonical, err := jcs.Transform(plain)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// withoutCredentials removes authentication.credentials from a
// push_notification_config; whatever is no object stays as it is.
func withoutCredentials(raw json.RawMessage) json.RawMessage {
	var config, authentication map[string]json.RawMessage
	if json.Unmarshal(raw, &config) != nil || json.Unmarshal(config["authentication"], &authentication) != nil {
		return raw
	}
	if authentication == nil {
		return raw
	}
	delete(authentication, "credentials")
	inner, err := json.Marshal(authentication)
	if err != nil {
		return raw
	}
	config["authentication"] = inner
	outer, err := json.Marshal(config)
	if err != nil {
		return raw
	}
	return outer
}

// accountScope is the account part of a key's scope: the resolved account, which
// the credential has been seen to reach, or else what stands for it. In the sandbox
// a key is good for all of a credential's accounts: its callers are under test, and
// a key that turns up on another account is a mistake to be told of. That is a
// digest of the reference, whose natural form is public and would otherwise stand
// in the store in the clear, and with it the credential's reach: an answer about
// accounts that the request does not name is given again only to credentials that
// reach the same ones.
func accountScope(call *Call, doc *document) string {
	if call.Sandbox {
		return scopeOf(call.Caller, nil)
	}
	return accountOf(call, doc)
}

// accountOf is the account of a call's task: the resolved account, or a digest of
// the reference.
func accountOf(call *Call, doc *document) string {
	if call.AccountID != "" {
		return call.AccountID
	}
	return scopeOf(call.Caller, doc.account)
}

func scopeOf(caller Caller, account json.RawMessage) string {
	reach := ""
	if caller.Permission != nil {
		reach = caller.Permission.Reach()
	}
	if len(account) == 0 && reach == "" {
		return ""
	}
	parts := []byte(caller.Tenant + "\x00" + caller.Principal + "\x00")
	if len(account) > 0 {
		canonical, err := jcs.Transform(account)
		if err != nil {
			canonical = account
		}
		parts = append(parts, canonical...)
	}
	if reach != "" {
		parts = append(append(parts, "\x00reach\x00"...), reach...)
	}
	sum := sha256.Sum256(parts)
	return "ref:" + hex.EncodeToString(sum[:])
}
