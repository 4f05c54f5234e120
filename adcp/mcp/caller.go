package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// handshakeVersion is the MCP release that the handshake offers. Servers
// answer with it or with an older one.
const handshakeVersion = "2025-11-25"

// DefaultMaxAnswer is the greatest answer that a [Caller] reads, in bytes.
const DefaultMaxAnswer = 8 << 20

// DialConfig says whom a [Caller] calls, and as whom.
type DialConfig struct {
	// URL is the agent's MCP address.
	URL string
	// Token is sent as a bearer credential; "" sends none.
	Token string
	// HTTPClient carries the requests. Redirects are not followed, unless it has
	// a CheckRedirect of its own.
	HTTPClient *http.Client
	// MaxAnswer is the greatest answer read, in bytes; see [DefaultMaxAnswer].
	MaxAnswer int64
	// Name and Version name the caller's software in the handshake.
	Name, Version string
}

// Caller calls the tools of one agent. It connects at its first call, keeps
// the session, and connects anew after the session broke. It is safe for
// concurrent use.
type Caller struct {
	cfg  DialConfig
	http *http.Client

	// connecting is held while a session is being made.
	connecting chan struct{}

	mu      sync.Mutex
	session *sdk.ClientSession
}

// Answer is what a tool answered.
type Answer struct {
	// Body is the task's answer as the agent wrote it, or nil when the tool
	// answered in plain text or with an error.
	Body json.RawMessage
	// Error is the agent's adcp_error object as it came, or nil.
	Error json.RawMessage
	// IsError tells that the tool said it failed, whether or not in the protocol's form.
	IsError bool
	// Text is what the tool said in plain text, for when there is nothing else.
	Text string
	// HTTPStatus is the status of the HTTP answer.
	HTTPStatus int
}

// Reason says why a call has no answer.
type Reason string

// Reasons of a [Failure].
const (
	// ReasonUnreachable: no connection, or it broke before the answer was complete.
	ReasonUnreachable Reason = "unreachable"
	// ReasonTimeout: the context's time was over first.
	ReasonTimeout Reason = "timeout"
	// ReasonUnauthorized: HTTP 401 or 403.
	ReasonUnauthorized Reason = "unauthorized"
	// ReasonMalformed: an answer that is not MCP's.
	ReasonMalformed Reason = "malformed"
	// ReasonTooLarge: an answer above the limit.
	ReasonTooLarge Reason = "too_large"
	// ReasonRefused: another HTTP error status, or a JSON-RPC error.
	ReasonRefused Reason = "refused"
)

// Failure is the error of a call that has no answer.
type Failure struct {
	// Reason says why.
	Reason Reason
	// HTTPStatus is the status of the HTTP answer, or 0 when there was none.
	HTTPStatus int
	// RPCCode is the code of a JSON-RPC error, or 0.
	RPCCode int64
	// RetryAfter is what the HTTP answer's Retry-After header asked for, or 0.
	RetryAfter time.Duration
	// Err is the cause. Its text may quote the other side and is neither cut nor cleaned.
	Err error
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Reason)
	}
	return string(f.Reason) + ": " + f.Err.Error()
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Dial returns a caller for one agent. It does not connect yet.
func Dial(cfg DialConfig) *Caller {
	if cfg.MaxAnswer <= 0 {
		cfg.MaxAnswer = DefaultMaxAnswer
	}
	if cfg.Name == "" {
		cfg.Name, cfg.Version = "upfront", "0"
	}
	own := http.Client{}
	if cfg.HTTPClient != nil {
		own = *cfg.HTTPClient
	}
	if own.CheckRedirect == nil {
		// A credential never follows to an address it was not meant for.
		own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	own.Transport = &wire{next: own.Transport, token: cfg.Token, limit: cfg.MaxAnswer}
	return &Caller{cfg: cfg, http: &own, connecting: make(chan struct{}, 1)}
}

// Call calls one tool with the arguments as they are. An error is a [*Failure].
func (c *Caller) Call(ctx context.Context, operation string, arguments json.RawMessage) (Answer, error) {
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	answer, reused, err := c.call(ctx, operation, arguments)
	var f *Failure
	if reused && errors.As(err, &f) && f.HTTPStatus == http.StatusNotFound {
		// The server has forgotten the session, so it has not run the call.
		answer, _, err = c.call(ctx, operation, arguments)
	}
	return answer, err
}

// call tries once, and tells whether it did so on a session made earlier.
func (c *Caller) call(ctx context.Context, operation string, arguments json.RawMessage) (_ Answer, reused bool, _ error) {
	seen := new(capture)
	ctx = context.WithValue(ctx, captureKey{}, seen)
	session, reused, err := c.connect(ctx)
	if err == nil {
		_, err = session.CallTool(ctx, &sdk.CallToolParams{Name: operation, Arguments: arguments})
	}
	if answer, ok := seen.answer(); ok {
		return answer, reused, nil
	}
	if err == nil {
		err = errors.New("the answer has no result")
	}
	f := seen.failure(ctx, err)
	if session != nil && (f.HTTPStatus >= 300 || f.Reason == ReasonUnreachable) {
		// The SDK gives up a session on most error statuses.
		c.drop(session)
	}
	return Answer{}, reused, f
}

// connect gives the session, making one when there is none. Callers that come
// while one is being made wait for it, no longer than their time.
func (c *Caller) connect(ctx context.Context) (_ *sdk.ClientSession, reused bool, _ error) {
	select {
	case c.connecting <- struct{}{}:
		defer func() { <-c.connecting }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	if session != nil {
		return session, true, nil
	}
	client := sdk.NewClient(&sdk.Implementation{Name: c.cfg.Name, Version: c.cfg.Version},
		&sdk.ClientOptions{Capabilities: &sdk.ClientCapabilities{}})
	session, err := client.Connect(ctx, &sdk.StreamableClientTransport{
		Endpoint:             c.cfg.URL,
		HTTPClient:           c.http,
		MaxRetries:           -1,
		DisableStandaloneSSE: true,
		MaxEventSize:         int(c.cfg.MaxAnswer),
	}, &sdk.ClientSessionOptions{ProtocolVersion: handshakeVersion})
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	c.session = session
	c.mu.Unlock()
	return session, false, nil
}

// drop forgets a session that may be broken, unless another call has replaced it.
func (c *Caller) drop(session *sdk.ClientSession) {
	c.mu.Lock()
	current := c.session == session
	if current {
		c.session = nil
	}
	c.mu.Unlock()
	if current {
		go session.Close()
	}
}

// Close ends the session.
func (c *Caller) Close() error {
	c.mu.Lock()
	session := c.session
	c.session = nil
	c.mu.Unlock()
	if session == nil {
		return nil
	}
	return session.Close()
}
