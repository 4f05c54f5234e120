package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Clock tells the time of the world the agent serves, in UTC.
type Clock interface{ Now() time.Time }

// Defaults of [Config].
const (
	// DefaultMaxBody is the greatest size of a request's arguments, in bytes.
	DefaultMaxBody = 1 << 20
	// DefaultMaxDepth is how deep arrays and objects may nest in a request.
	DefaultMaxDepth = 64
	// DefaultHandlerTimeout bounds one run of a handler, and with it the time
	// that an idempotency key may stay in flight.
	DefaultHandlerTimeout = 60 * time.Second
	// DefaultHeartbeat is how often a running handler's claim on its
	// idempotency key is renewed, in real time. A store's lease should be at
	// least three times as long.
	DefaultHeartbeat = 1500 * time.Millisecond
)

// ResponseCheck says what happens to a handler's answer before it is sent.
type ResponseCheck int

const (
	// CheckResponses validates each answer against the operation's published
	// response schema. A violation is logged and the caller gets
	// SERVICE_UNAVAILABLE: a malformed answer is never sent.
	CheckResponses ResponseCheck = iota
	// TrustResponses sends answers unchecked. It is for benchmarks.
	TrustResponses
)

// Config is what an [Agent] is built from. Only Clock and Authenticator are required.
type Config struct {
	// Name and Version name the agent's software, such as "upfront" and "0.1.0".
	// Transports show them in their handshakes.
	Name, Version string
	// Clock tells handlers the time ([Call].Now).
	Clock Clock
	// Authenticator tells who presents a credential.
	Authenticator Authenticator
	// Signatures, where given, verifies requests that are signed. Without it
	// signatures are not looked at, as the protocol says of an agent that does not
	// declare them.
	Signatures *Signatures
	// Accounts resolves the account a request names. Without it the reference is
	// passed on unresolved and keys are scoped by a digest of it.
	Accounts AccountResolver
	// Idempotency remembers keys and first answers. Without it a
	// [MemoryIdempotency] is used, which forgets with the process and is not
	// enough for an agent that declares idempotency as supported.
	Idempotency IdempotencyStore
	// RateLimit bounds how fast one principal may go; nothing is bounded by default.
	RateLimit RateLimit
	// Versions are the releases served, such as "3.0" and "3.1"; by default
	// [adcp.Releases]. The last is the default for callers that name none.
	Versions []string
	// Logger receives what callers are not told: panics, faults, malformed
	// answers. By default nothing is logged.
	Logger *slog.Logger
	// Observe, when set, is told about every call once it is answered. It runs
	// on the call's goroutine and must be quick.
	Observe func(context.Context, Observation)
	// MaxBody is the greatest size of the arguments in bytes; see [DefaultMaxBody].
	MaxBody int64
	// MaxDepth is how deep the arguments may nest; see [DefaultMaxDepth].
	MaxDepth int
	// HandlerTimeout bounds one run of a handler; see [DefaultHandlerTimeout].
	HandlerTimeout time.Duration
	// Heartbeat is how often a claim is renewed; see [DefaultHeartbeat].
	Heartbeat time.Duration
	// Responses says whether answers are validated before they are sent.
	Responses ResponseCheck
	// Amend, where given, may change what a caller sends before anything of it is
	// read. What it cannot make sense of it gives back as it is.
	Amend func(caller Caller, operation string, arguments json.RawMessage) json.RawMessage
}

// Observation is what [Config].Observe learns of one call.
type Observation struct {
	// Operation is the operation's wire name; for a name outside the protocol's
	// table it is "unknown", so that metrics keep a bounded set of labels.
	Operation string
	// Code is the error's code, or "" for a call that was answered.
	Code string
	// Status is the task status of the answer, such as "completed".
	Status string
	// Replayed tells that the answer came from the memory of an idempotency key.
	Replayed bool
	// Tenant is the caller's tenant, or "" when no caller was established.
	Tenant string
	// Duration is how long the call took in real time, whatever [Clock] says.
	Duration time.Duration
}

// Handler is the business logic of one operation. It gets a request that has
// passed the operation's schema and answers with the response's own fields;
// version, status, context and replay marks are added around it. It refuses by
// returning an [*adcp.Error], and answers later by returning [Submitted],
// [Working] or [InputRequired]; any other error is logged and the caller is told
// no more than SERVICE_UNAVAILABLE.
//
// A handler of a mutating operation may be run again for the same
// idempotency key when its process died half-way ([Call].Resumed). It must
// name what it creates by the call's scope and key, so that the second run
// finds what the first has made. Its context outlives a caller that hangs up.
type Handler[Req, Resp any] func(ctx context.Context, call *Call, req *Req) (*Resp, error)

// Call is what a handler knows of a call besides the request itself.
type Call struct {
	Caller
	// Operation is the row of the operation table being served.
	Operation *adcp.Operation
	// Arguments is the request as it came, for what its Go type leaves out: members
	// that the schema does not name, and those of the protocol's envelope.
	Arguments json.RawMessage
	// IdempotencyKey is the request's key, or "" on a read without one.
	IdempotencyKey string
	// Account is the account the request names, or nil.
	Account *adcp.AccountReference
	// AccountID is what [Config].Accounts resolved Account to, or "" without a
	// resolver or a reference.
	AccountID string
	// Version is the release being served, such as "3.1".
	Version string
	// Now is the agent's time when the call began. A handler uses it for every
	// date it writes, so that one call has one time.
	Now time.Time
	// Resumed tells that an earlier run for this key died before it answered.
	Resumed bool

	// scope is the account part of what the call's key and task are named by.
	scope string
	// account is what tasks of the call's account are found by.
	account string
	// context and push are the request's own, for a task.
	context json.RawMessage
	push    *adcp.PushNotificationConfig
	taskID  string
}

// Agent serves operations. Build it with [New], give it handlers with
// [Handle], then hand it to transports. Registration must be over before the
// first call; serving is safe for concurrent use.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	handlers map[string]*registration
	checked  checked
	limits   *limiter
	// source is where the agent's tasks are read, and tasks the same where
	// handlers may answer later; see [HandleTasks].
	source TaskSource
	tasks  *Tasks
	ticker func(time.Duration) (<-chan time.Time, func())
}

// registration is one operation with its handler behind bytes.
type registration struct {
	op *adcp.Operation
	// success tells that answers carry a flag of success besides their status,
	// which a refusal must then carry as well.
	success bool
	// refusal, where there is one, gives members that a refusal carries as well.
	refusal func(*adcp.Error) map[string]any
	run     func(ctx context.Context, call *Call, arguments json.RawMessage) (answer, error)
}

// New returns an agent without handlers. It panics when Clock or Authenticator
// is missing, which is a mistake in the program and not in its input.
func New(cfg Config) *Agent {
	if cfg.Clock == nil || cfg.Authenticator == nil {
		panic("agent: Config needs a Clock and an Authenticator")
	}
	if s := cfg.Signatures; s != nil && (s.Verifier == nil || s.Caller == nil) {
		panic("agent: Signatures needs a Verifier and a Caller")
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.MaxDepth <= 0 {
		cfg.MaxDepth = DefaultMaxDepth
	}
	if cfg.HandlerTimeout <= 0 {
		cfg.HandlerTimeout = DefaultHandlerTimeout
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = DefaultHeartbeat
	}
	if cfg.Idempotency == nil {
		cfg.Idempotency = NewMemoryIdempotency(MemoryConfig{})
	}
	if len(cfg.Versions) == 0 {
		cfg.Versions = adcp.Releases()
	}
	a := &Agent{cfg: cfg, log: cfg.Logger, handlers: map[string]*registration{}, ticker: realTicker, limits: newLimiter(cfg.RateLimit)}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	return a
}

// Handle registers h for op. It panics when op already has a handler.
func Handle[Req, Resp any](a *Agent, op adcp.Op[Req, Resp], h Handler[Req, Resp]) {
	register(a, op, func(ctx context.Context, call *Call, req *Req) (answer, error) {
		resp, err := h(ctx, call, req)
		if err != nil {
			return answer{}, err
		}
		rest, err := encode(op.Operation, resp)
		return answer{rest: rest}, err
	})
}

// register puts h behind bytes.
func register[Req, Resp any](a *Agent, op adcp.Op[Req, Resp], h func(context.Context, *Call, *Req) (answer, error)) {
	if _, taken := a.handlers[op.Name]; taken {
		panic(fmt.Sprintf("agent: %s has a handler already", op.Name))
	}
	a.handlers[op.Name] = &registration{
		op:      op.Operation,
		success: hasSuccess(reflect.TypeFor[Resp]()),
		run: func(ctx context.Context, call *Call, arguments json.RawMessage) (answer, error) {
			req := new(Req)
			if err := adcp.Unmarshal(arguments, req); err != nil {
				return answer{}, undecodable(err)
			}
			return h(ctx, call, req)
		},
	}
}

func encode[Resp any](op *adcp.Operation, resp *Resp) (json.RawMessage, error) {
	if resp == nil {
		return nil, fmt.Errorf("the handler of %s answered nothing", op.Name)
	}
	return json.Marshal(resp)
}

func hasSuccess(t reflect.Type) bool {
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "success" {
			return true
		}
	}
	return false
}

// Name is the agent's software name, and Version its version.
func (a *Agent) Name() string { return a.cfg.Name }

// Version is the version of the agent's software, not of the protocol.
func (a *Agent) Version() string { return a.cfg.Version }

// MaxBody is the greatest size of a request's arguments in bytes.
func (a *Agent) MaxBody() int64 { return a.cfg.MaxBody }

// Operations lists what the caller may call, in the order of the operation
// table. What it leaves out is refused when called all the same.
func (a *Agent) Operations(caller Caller) []*adcp.Operation {
	var ops []*adcp.Operation
	for _, op := range adcp.Operations() {
		if _, served := a.handlers[op.Name]; served && mayCall(caller, op) == nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// Serves tells whether the operation of that name has a handler.
func (a *Agent) Serves(name string) (*adcp.Operation, bool) {
	r, ok := a.handlers[name]
	if !ok {
		return nil, false
	}
	return r.op, true
}
