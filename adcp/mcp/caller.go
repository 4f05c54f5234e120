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
	// HTTPClient carries the requests; by default one that follows no redirects.
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
	base := cfg.HTTPClient
	if base == nil {
		base = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	own := *base
	own.Transport = &wire{next: base.Transport, token: cfg.Token, limit: cfg.MaxAnswer}
	return &Caller{cfg: cfg, http: &own}
}

// Call calls one tool with the arguments as they are. An error is a [*Failure].
func (c *Caller) Call(ctx context.Context, operation string, arguments json.RawMessage) (Answer, error) {
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	seen := new(capture)
	ctx = context.WithValue(ctx, captureKey{}, seen)
	session, err := c.connect(ctx)
	if err != nil {
		return seen.failure(ctx, err)
	}
	_, err = session.CallTool(ctx, &sdk.CallToolParams{Name: operation, Arguments: arguments})
	if answer, ok := seen.answer(); ok {
		// The SDK decodes numbers into floats; what counts is what was on the wire.
		return answer, nil
	}
	if err == nil {
		err = errors.New("the answer has no result")
	}
	c.drop(session)
	return seen.failure(ctx, err)
}

// connect gives the session, making one when there is none.
func (c *Caller) connect(ctx context.Context) (*sdk.ClientSession, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		return c.session, nil
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
		return nil, err
	}
	c.session = session
	return session, nil
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
