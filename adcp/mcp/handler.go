package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/signing"
)

// Options changes how an agent is served. The zero value will do.
type Options struct {
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
	// Instructions tell a model that connects what the agent is for.
	Instructions string
	// Logger receives what callers are not told; by default nothing is logged.
	Logger *slog.Logger
}

// envelopeSpace is what a request may add around the arguments.
const envelopeSpace = 4 << 10

// handler puts HTTP's and the protocol's own rules in front of the SDK.
type handler struct {
	agent *agent.Agent
	opts  Options
	log   *slog.Logger
	mark  mark
	next  http.Handler
}

// NewHandler serves the agent over streamable HTTP: POST only, one message a
// request, without sessions, answered in JSON. Give the agent its handlers first.
//
// A missing credential on an operation that needs one, and a credential or a
// signature that is not valid on any request, are answered with HTTP 401 before anything is
// dispatched, and an OAuth token without the scope with 403. A body above the agent's limit is answered with 413. Every other
// refusal is a tool's answer with isError, in the protocol's form.
func NewHandler(a *agent.Agent, o Options) http.Handler {
	h := &handler{agent: a, opts: o, log: o.Logger, mark: newMark()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	server := newServer(a, o, h.mark)
	h.next = sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server },
		&sdk.StreamableHTTPOptions{
			Stateless:    true,
			JSONResponse: true,
			// Checked here, with the loopback rule where no hosts are named.
			DisableLocalhostProtection: len(o.Hosts) > 0,
			MaxRequestBodyBytes:        a.MaxBody() + envelopeSpace,
		})
	return h
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.hostAllowed(r) || !h.originAllowed(r) {
		http.Error(w, "This host or origin may not call the agent.", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Only POST is served: the agent keeps no sessions and pushes no streams.", http.StatusMethodNotAllowed)
		return
	}
	body, err := readBody(w, r, h.agent.MaxBody()+envelopeSpace)
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
	msg, problem := h.parse(r, body)
	// Before anything is made of the headers: they may be what a signature is about.
	sender := h.agent.Identify(r, body, msg.invocations()...)
	if sender.Refusal != nil {
		h.turnAway(w, msg, sender, sender.Refusal)
		return
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		http.Error(w, "The content type must be application/json.", http.StatusUnsupportedMediaType)
		return
	}
	if !acceptsJSON(r.Header.Values("Accept")) {
		http.Error(w, "The answer is application/json, which the Accept header leaves out.", http.StatusNotAcceptable)
		return
	}
	if problem != nil {
		h.refuse(w, http.StatusBadRequest, nil, problem.code, h.agent.Refuse(problem.refusal(), nil))
		return
	}
	caller := sender.Caller
	if msg.Method == "tools/call" && h.turnAway(w, msg, sender, h.agent.Admit(caller, msg.Params.Name)) {
		return
	}
	if msg.bare {
		h.answer(w, r, caller, msg)
		return
	}
	waiting := new(held)
	ctx := context.WithValue(r.Context(), callerKey{}, caller)
	r = r.WithContext(context.WithValue(ctx, heldKey{}, waiting))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header = r.Header.Clone()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	out := &deferred{ResponseWriter: w}
	h.next.ServeHTTP(out, r)
	out.send(h.mark, waiting, wantsJSONText(r.Header))
}

// JSON-RPC error codes: JSON-RPC's own, and those that the protocol reserves
// for refusals before dispatch.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeUnauthorized   = -32028
	codeUnavailable    = -32027
)

// envelope is a JSON-RPC message as far as it must be known before dispatch.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"params"`
	// bare messages are answered without the SDK.
	bare bool
}

// readBody reads the request's body, no more than the limit.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	limited := http.MaxBytesReader(w, r.Body, limit)
	if r.ContentLength <= 0 || r.ContentLength > limit {
		return io.ReadAll(limited)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(limited, body)
	return body, err
}

// invocations are what the message asks for, as far as signatures go.
func (e envelope) invocations() []signing.Invocation {
	switch e.Method {
	case "":
		return nil
	case "tools/call":
		return []signing.Invocation{{Operation: e.Params.Name}}
	}
	return []signing.Invocation{{Method: e.Method}}
}

// misfit is a body that is no message: what JSON-RPC calls it, and what is wrong.
type misfit struct {
	code    int64
	message string
}

func (m *misfit) refusal() *adcp.Error {
	return adcp.NewError(adcp.CodeInvalidRequest, "", m.message).
		WithSuggestion("Send one JSON-RPC 2.0 message, such as tools/call.")
}

// parse reads the message, or tells why it cannot be read. What it finds decides
// only whether a credential is demanded by HTTP; the agent checks everything again
// on what is dispatched.
func (h *handler) parse(r *http.Request, body []byte) (envelope, *misfit) {
	body = bytes.TrimSpace(body)
	switch {
	case !utf8.Valid(body):
		return envelope{}, &misfit{codeParse, "The body is not valid UTF-8."}
	case !json.Valid(body):
		return envelope{}, &misfit{codeParse, "The body is not valid JSON."}
	case body[0] == '[':
		return envelope{}, &misfit{codeInvalidRequest, "Batches are not served."}
	case body[0] != '{':
		return envelope{}, &misfit{codeInvalidRequest, "The body is not a JSON-RPC message."}
	}
	if h.bare(r) {
		if msg, ok := h.readBare(body); ok {
			msg.bare = true
			return msg, nil
		}
	}
	// Parameters of another shape belong to other methods and do not matter here.
	var msg envelope
	_ = json.Unmarshal(body, &msg)
	return msg, nil
}

// turnAway answers a refusal that belongs to HTTP, and tells whether it was one.
func (h *handler) turnAway(w http.ResponseWriter, msg envelope, sender agent.Requester, refusal *adcp.Error) bool {
	status, challenge := sender.HTTPRefusal(msg.Params.Name, refusal, h.opts.ResourceMetadata)
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
	h.refuse(w, status, msg.ID, code, h.agent.Refuse(refusal, msg.Params.Arguments))
	return true
}

// refuse answers before dispatch: a JSON-RPC error that carries the
// protocol's error, and the caller's context where there was one.
func (h *handler) refuse(w http.ResponseWriter, status int, id json.RawMessage, code int64, resp agent.Response) {
	if len(id) == 0 || id[0] == '{' || id[0] == '[' {
		id = json.RawMessage("null") // an id is a text or a number
	}
	message := "refused"
	if resp.Error != nil {
		message = resp.Error.Message
	}
	var b bytes.Buffer
	b.WriteString(`{"jsonrpc":"2.0","id":`)
	b.Write(id)
	b.WriteString(`,"error":`)
	e, _ := json.Marshal(struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}{code, message})
	b.Write(e[:len(e)-1])
	b.WriteString(`,"data":`)
	b.Write(resp.Body)
	b.WriteString("}}")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// hostAllowed holds the Host header to the names the agent is known by.
func (h *handler) hostAllowed(r *http.Request) bool {
	if len(h.opts.Hosts) == 0 {
		return true // the SDK holds loopback addresses to loopback names
	}
	host := hostname(r.Host)
	return slices.ContainsFunc(h.opts.Hosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}

// originAllowed lets programs through, which send no Origin, and of web pages
// only those of the agent's own host, of this machine when the agent is on it,
// or of the origins named in the options.
func (h *handler) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.ContainsFunc(h.opts.Origins, func(allowed string) bool { return strings.EqualFold(allowed, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return isLoopback(u.Hostname()) && isLoopback(hostname(r.Host))
}

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func isJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}

// acceptsJSON tells whether JSON is acceptable; no header accepts everything.
func acceptsJSON(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		mediaType, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(mediaType)) {
		case "*/*", "application/*", "application/json", "":
			return true
		}
	}
	return false
}
