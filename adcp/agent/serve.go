package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Request is one call as a transport hands it over.
type Request struct {
	// Operation is the wire name of the task.
	Operation string
	// Arguments is the JSON object of the request as it came; empty means {}.
	Arguments json.RawMessage
	// Credential is what the transport found.
	Credential Credential
	// Buffer, where given, is memory that the answer's Body may be written in, and
	// is the transport's again once it has sent the answer.
	Buffer []byte
}

// Response is the answer to a call, ready to be sent.
type Response struct {
	// Body is the whole answer as a JSON object: the operation's fields, or the
	// failure in the protocol's form, with the envelope around it.
	Body json.RawMessage
	// Summary says for people, in a sentence or two, what the answer is: the
	// message that the handler put into it, or else what was done and found.
	// A refusal has its own message.
	Summary string
	// Error is the refusal that Body carries, or nil for an answer.
	Error *adcp.Error
	// HTTPStatus is the status for a transport over HTTP: 200 for answers and
	// for refusals that the protocol carries itself, 401 and 413 for the rest.
	HTTPStatus int
	// Replayed tells that this is the first answer to the same request, given again.
	Replayed bool
}

// Do serves one call. It always answers and never panics.
func (a *Agent) Do(ctx context.Context, req Request) Response {
	caller, refusal := a.Authenticate(ctx, req.Credential)
	if refusal != nil {
		begun := time.Now()
		r := a.refuse(a.handlers[req.Operation], refusal, a.peek(req.Arguments), a.defaultVersion())
		a.observe(ctx, req.Operation, Caller{}, r, begun)
		return r
	}
	return a.DoAs(ctx, caller, req)
}

// DoAs is [Agent.Do] for a caller whom the transport has authenticated already
// with [Agent.Authenticate]; the request's credential is not looked at.
func (a *Agent) DoAs(ctx context.Context, caller Caller, req Request) (resp Response) {
	begun := time.Now()
	version := a.defaultVersion()
	var doc document
	defer func() {
		if p := recover(); p != nil {
			a.log.ErrorContext(ctx, "panic while serving", "operation", req.Operation,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			resp = a.refuse(a.handlers[req.Operation], unavailable(), doc.context, version)
		}
		a.observe(ctx, req.Operation, caller, resp, begun)
	}()

	if int64(len(req.Arguments)) > a.cfg.MaxBody {
		resp = a.refuse(a.handlers[req.Operation], tooLarge(a.cfg.MaxBody), nil, version)
		resp.HTTPStatus = http.StatusRequestEntityTooLarge
		return resp
	}
	if a.cfg.Amend != nil {
		req.Arguments = a.cfg.Amend(caller, req.Operation, req.Arguments)
	}
	doc, undecoded := decode(req.Arguments, a.cfg.MaxDepth)
	if refusal := a.Admit(caller, req.Operation); refusal != nil {
		return a.refuse(a.handlers[req.Operation], refusal, doc.context, version)
	}
	if undecoded != nil {
		return a.refuse(a.handlers[req.Operation], undecoded, doc.context, version)
	}
	served, refusal := negotiate(&doc, a.cfg.Versions)
	if refusal != nil {
		return a.refuse(a.handlers[req.Operation], refusal, doc.context, version)
	}
	version = served
	doc.buffer = req.Buffer
	answer, refusal := a.serve(ctx, caller, a.handlers[req.Operation], &doc, version)
	if refusal != nil {
		return a.refuse(a.handlers[req.Operation], refusal, doc.context, version)
	}
	return Response{
		Body:       sealAnswer(answer, doc.context),
		Summary:    answer.summary(req.Operation),
		HTTPStatus: http.StatusOK,
		Replayed:   answer.replayed,
	}
}

// serve runs the steps from the schema on. The body it returns is the inner
// answer: with version and status, without context and replay mark.
func (a *Agent) serve(ctx context.Context, caller Caller, r *registration, doc *document, version string) (served, *adcp.Error) {
	if refusal := checkKey(r.op, doc.idempotencyKey); refusal != nil {
		return served{}, refusal
	}
	if refusal := adcp.ValidateRequest(r.op, doc.raw); refusal != nil {
		return served{}, refusal
	}
	call := &Call{
		Caller:         caller,
		Operation:      r.op,
		Arguments:      doc.raw,
		IdempotencyKey: doc.idempotencyKey.value,
		Version:        version,
		Now:            a.cfg.Clock.Now().UTC(),
	}
	if refusal := a.resolveAccount(ctx, call, doc); refusal != nil {
		return served{}, refusal
	}
	call.scope, call.account, call.context = accountScope(call, doc), accountOf(call, doc), doc.context
	if refusal := a.readPush(call, doc); refusal != nil {
		return served{}, refusal
	}
	if r.op.Mutating {
		// A caller that hangs up does not leave a change half made.
		ctx = context.WithoutCancel(ctx)
	}
	if !remembers(call) {
		answer, err := a.run(ctx, r, call, doc)
		return answer, a.refusal(ctx, r.op, err)
	}
	doc.buffer = nil // what is remembered has memory of its own
	body, replayed, refusal := a.once(ctx, r, call, doc)
	return served{inner: body, replayed: replayed, kept: true}, refusal
}

// resolveAccount reads the account a request names and asks the resolver for it.
func (a *Agent) resolveAccount(ctx context.Context, call *Call, doc *document) *adcp.Error {
	if len(doc.account) == 0 || string(doc.account) == "null" {
		return nil
	}
	ref := new(adcp.AccountReference)
	if err := adcp.Unmarshal(doc.account, ref); err != nil {
		return undecodable(err)
	}
	call.Account = ref
	if a.cfg.Accounts == nil {
		return nil
	}
	id, err := a.cfg.Accounts.ResolveAccount(ctx, call.Caller, call.Operation, ref)
	if err == nil && id != "" && !call.SeesAccount(id) {
		// A resolver that honours the caller's permission does not come here,
		// and words its refusal like that of an account that does not exist.
		err = adcp.NewError(adcp.CodeAccountNotFound, "account", "There is no such account.")
	}
	call.AccountID = id
	return a.refusal(ctx, call.Operation, err)
}

// run calls the handler under its deadline and gives back the inner answer,
// checked against the response schema.
func (a *Agent) run(ctx context.Context, r *registration, call *Call, doc *document) (answer served, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.HandlerTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.log.ErrorContext(ctx, "panic in a handler", "operation", r.op.Name,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			answer, err = served{}, unavailable()
		}
	}()
	if refusal := a.limits.admitRequest(call); refusal != nil {
		return served{}, refusal
	}
	ans, err := r.run(ctx, call, doc.raw)
	var later *later
	if errors.As(err, &later) {
		return a.answerLater(ctx, call, later)
	}
	if err != nil {
		return served{}, err
	}
	return a.seal(r.op, ans, call.Version, doc.buffer, roomFor(doc.context))
}

// refusal turns whatever a step returned into what the caller is told. Faults
// of the agent's own are logged and told as unavailability, never in words that
// name what is inside.
func (a *Agent) refusal(ctx context.Context, op *adcp.Operation, err error) *adcp.Error {
	if err == nil {
		return nil
	}
	var refusal *adcp.Error
	if errors.As(err, &refusal) {
		if refusal == nil {
			return nil
		}
		return refusal
	}
	a.log.ErrorContext(ctx, "call failed", "operation", op.Name, "error", err)
	return unavailable()
}

func (a *Agent) observe(ctx context.Context, operation string, caller Caller, r Response, begun time.Time) {
	if a.cfg.Observe == nil {
		return
	}
	o := Observation{Operation: operation, Replayed: r.Replayed, Tenant: caller.Tenant, Duration: time.Since(begun)}
	if _, known := adcp.OperationNamed(operation); !known {
		o.Operation = "unknown"
	}
	if r.Error != nil {
		o.Code = string(r.Error.Code)
	}
	o.Status = statusOf(r.Body)
	a.cfg.Observe(ctx, o)
}
