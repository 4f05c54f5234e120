package a2a

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	sdklog "github.com/a2aproject/a2a-go/v2/log"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/signing"
)

// Options changes how an agent is served. The zero value will do.
type Options struct {
	// URL is the address of the endpoint as others reach it, for the agent card,
	// such as "https://sales.example/sales/a2a". A path alone, such as
	// "/sales/a2a", is put behind the host that the card is asked of. When empty
	// all of it is taken from the request for the card, which is right unless a
	// proxy stands in front or the card is served elsewhere than the endpoint.
	URL string
	// Description says in the agent card what the agent is for.
	Description string
	// PushNotifications says that the agent tells callers of their tasks: by
	// registrations with the task itself ([agent.TaskPusher]), which are told in
	// A2A's own form (see [PushForms]), or else by handlers that honour
	// push_notification_config. Without it a configuration is refused rather than
	// accepted and never notified.
	PushNotifications bool
	// Tasks keeps the answered calls of known principals, for tasks/get. By
	// default a [MemoryTasks], which forgets with the process. What goes on after its
	// call is the agent's own task, and is as durable as those are; see
	// [agent.HandleTasks].
	Tasks TaskStore
	// Done, when set, ends the streams that follow tasks as it closes, so that a
	// server can stop. Their callers join again.
	Done <-chan struct{}
	// Hosts are the host names, without ports, under which the agent is reached.
	// A request with another Host header is refused, which is what keeps a web
	// page from reaching an agent on its visitor's machine through a name of its
	// own. When empty, any name is accepted on public addresses and only
	// loopback names on loopback ones.
	Hosts []string
	// Origins are the origins of web pages that may call the agent, such as
	// "https://console.example". Pages of the agent's own host may always.
	Origins []string
	// ResourceMetadata is the address of the endpoint's OAuth protected-resource
	// metadata (RFC 9728), to which refusals of a credential then point. Empty
	// for an agent without an OAuth issuer, which has no such document.
	ResourceMetadata string
	// Logger receives what callers are not told; by default nothing is logged.
	Logger *slog.Logger
	// NewID makes the identifiers of A2A tasks and of contexts that callers do
	// not bring; by default UUIDs of version 7.
	NewID func() string
	// Now tells the time for the states of A2A tasks; the machine's by default.
	Now func() time.Time
}

// keepAlive is how often a stream without news says that it is there, before
// proxies on the way take it for dead.
const keepAlive = 15 * time.Second

// envelopeSpace is what a request may add around the arguments.
const envelopeSpace = 16 << 10

// handler puts HTTP's and the protocol's own rules in front of the SDK.
type handler struct {
	agent *agent.Agent
	opts  Options
	log   *slog.Logger
	mark  mark
	next  http.Handler
}

// NewHandler serves the agent over A2A's JSON-RPC binding, in 1.0 and 0.3: POST
// for calls at whatever path it is mounted, and GET for the agent card at any
// path that ends in /.well-known/agent-card.json, or in agent.json for callers
// that look there. Give the agent its handlers first.
//
// A missing credential on a skill that needs one, or on a task, and a credential
// that is not valid on any request, are answered with HTTP 401 before anything
// is dispatched, and an OAuth token without the scope with 403. A body above the
// agent's limit is answered with 413. Every other refusal of the agent's is a
// failed task that carries the protocol's error.
func NewHandler(a *agent.Agent, o Options) http.Handler {
	if o.Tasks == nil {
		o.Tasks = NewMemoryTasks(MemoryTasksConfig{})
	}
	if o.NewID == nil {
		o.NewID = sdk.NewContextID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Description == "" {
		o.Description = "An agent of the Ad Context Protocol."
	}
	h := &handler{agent: a, opts: o, log: o.Logger, mark: newMark()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.next = a2asrv.NewJSONRPCHandler(&service{agent: a, opts: o, log: h.log, mark: h.mark}, a2asrv.WithTransportKeepAlive(keepAlive))
	return h
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.hostAllowed(r) || !h.originAllowed(r) {
		http.Error(w, "This host or origin may not call the agent.", http.StatusForbidden)
		return
	}
	if endpoint, ok := cardPath(r.URL.Path); ok {
		h.serveCard(w, r, endpoint)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Calls are made with POST; the agent card is at "+cardName+".", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.agent.MaxBody()+envelopeSpace))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			h.refuse(w, http.StatusRequestEntityTooLarge, nil, codeInvalidRequest,
				h.agent.Refuse(adcp.NewError(adcp.CodeInvalidRequest, "", "The request is too large.").
					WithSuggestion("Split the request."), nil))
			return
		}
		http.Error(w, "The request broke off.", http.StatusBadRequest)
		return
	}
	h.serveCall(w, r, body)
}

// serveCall reads the message, demands the credential and dispatches.
func (h *handler) serveCall(w http.ResponseWriter, r *http.Request, body []byte) {
	msg, problem := parse(body)
	call := &call{method: msg.Method, extended: h.activated(w, r)}
	if m, old := methodsOf03[msg.Method]; old {
		call.method, call.old = m, true
	}
	var wrong *misfit
	if call.sends() {
		call.invocation, wrong = readInvocation(msg.Params, call.extended)
	}
	// Before anything is made of the headers: they may be what a signature is about.
	sender := h.agent.Identify(r, body, call.invocations(msg)...)
	if sender.Refusal != nil {
		h.turnAway(w, msg.ID, call, sender, sender.Refusal)
		return
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		http.Error(w, "The content type must be application/json.", http.StatusUnsupportedMediaType)
		return
	}
	if problem != nil {
		h.refuse(w, http.StatusBadRequest, nil, problem.code, h.agent.Refuse(problem.refusal(), nil))
		return
	}
	if !accepts(r.Header.Values("Accept"), call.streams()) {
		http.Error(w, "The answer's content type is left out by the Accept header.", http.StatusNotAcceptable)
		return
	}
	caller := sender.Caller
	if wrong == nil && h.turnAway(w, msg.ID, call, sender, h.admit(caller, call)) {
		return
	}
	if wrong == nil {
		wrong = checkVersion(r)
	}
	var unfit *adcp.Error
	if wrong == nil && call.sends() {
		wrong, unfit = h.takePush(call)
	}
	if unfit != nil {
		h.refuse(w, http.StatusOK, msg.ID, codeInvalidParams, h.agent.Refuse(unfit, call.invocation.input))
		return
	}
	if wrong != nil {
		h.refuse(w, http.StatusOK, msg.ID, wrong.code, h.agent.Refuse(wrong.refusal(), call.invocation.input))
		return
	}
	if call.method == methodExtendedCard {
		h.answerCard(w, r, msg.ID, caller)
		return
	}
	call.caller, call.owner = caller, ownerOf(sender)
	h.dispatch(w, r, msg, call, body)
}

// turnAway answers a refusal that belongs to HTTP, and tells whether it was one.
func (h *handler) turnAway(w http.ResponseWriter, id json.RawMessage, c *call, sender agent.Requester, refusal *adcp.Error) bool {
	status, challenge := sender.HTTPRefusal(c.invocation.skill, refusal, h.opts.ResourceMetadata)
	if status == http.StatusOK {
		return false
	}
	code := int64(codeUnauthorized)
	if status == http.StatusServiceUnavailable {
		code = codeUnavailable
	}
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	h.refuse(w, status, id, code, h.agent.Refuse(refusal, c.invocation.input))
	return true
}

// admit tells whether the caller may make the call at all.
func (h *handler) admit(caller agent.Caller, c *call) *adcp.Error {
	if c.sends() && c.invocation.skill != "" {
		if refusal := h.agent.Admit(caller, c.invocation.skill); refusal != nil {
			return refusal
		}
	}
	if caller.Anonymous && methods10[c.method] && (!c.sends() || c.invocation.task != "") {
		// Tasks belong to principals; there is none here to own one.
		return adcp.NewError(adcp.CodeAuthMissing, "", "Tasks and the extended card need a credential.").
			WithSuggestion("Send the header Authorization: Bearer with your key.")
	}
	return nil
}

// dispatch hands the call to the SDK, in the words of 1.0, and its answer back
// in the caller's.
func (h *handler) dispatch(w http.ResponseWriter, r *http.Request, msg envelope, c *call, body []byte) {
	if c.old {
		up, ok := to10(msg, c)
		if !ok {
			h.refuse(w, http.StatusOK, msg.ID, codeInvalidParams,
				h.agent.Refuse(adcp.NewError(adcp.CodeInvalidRequest, "", "The method's parameters cannot be read.").
					WithSuggestion("Send them as A2A 0.3 defines them."), nil))
			return
		}
		body = up
	}
	ctx := sdklog.AttachLogger(r.Context(), h.log)
	r = r.WithContext(context.WithValue(ctx, callKey{}, c))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	out := &answerWriter{ResponseWriter: w, mark: h.mark, call: c}
	h.next.ServeHTTP(out, r)
	out.finish()
}

// call is what the HTTP layer knows of a request. It travels in the context.
type call struct {
	// method is the method's name in 1.0, and old tells that it was asked in 0.3.
	method string
	old    bool
	// extended tells that the caller has activated the 3.2 profile.
	extended   bool
	caller     agent.Caller
	owner      Owner
	invocation invocation
	// push is to be registered with the task that the call begins, or nil.
	push *agent.TaskPush
	held held
}

func (c *call) sends() bool   { return c.method == methodSend || c.method == methodStream }
func (c *call) streams() bool { return c.method == methodStream || c.method == methodSubscribe }

// invocations are what the call asks for, as far as signatures go: the skill that
// a message invokes, or the method itself, by the name that the caller uses.
func (c *call) invocations(msg envelope) []signing.Invocation {
	switch {
	case c.sends() && c.invocation.skill != "":
		return []signing.Invocation{{Operation: c.invocation.skill}}
	case msg.Method != "":
		return []signing.Invocation{{Method: msg.Method}}
	}
	return nil
}

type callKey struct{}

// callFrom gives the call that the HTTP layer has read.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{caller: agent.Caller{Anonymous: true}}
}

// extension is the profile of 3.2. It is accepted, and not demanded.
const extension = "https://adcontextprotocol.org/extensions/adcp/v3"

// activated tells whether the request activates the 3.2 profile, and says so in
// the answer's header as A2A has it.
func (h *handler) activated(w http.ResponseWriter, r *http.Request) bool {
	for _, name := range []string{"A2A-Extensions", "X-A2A-Extensions"} {
		for _, uri := range strings.Split(strings.Join(r.Header.Values(name), ","), ",") {
			if strings.TrimSpace(uri) == extension {
				w.Header().Set(name, extension)
				return true
			}
		}
	}
	return false
}

// checkVersion refuses a version of A2A that is not spoken. A request without
// one is told apart by its method's name.
func checkVersion(r *http.Request) *misfit {
	version := strings.TrimSpace(r.Header.Get("A2A-Version"))
	major, minor, _ := strings.Cut(version, ".")
	minor, _, _ = strings.Cut(minor, ".")
	switch major + "." + minor {
	case ".", "1.0", "0.3", "1.":
		return nil
	}
	return &misfit{codeVersion, "This version of A2A is not served.", "Send A2A-Version: 1.0, or 0.3."}
}
