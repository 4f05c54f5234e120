package a2a

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
)

// DefaultMaxAnswer is the greatest answer that a [Caller] reads, in bytes.
const DefaultMaxAnswer = 8 << 20

// Releases of A2A that a [Caller] speaks.
const (
	Release10 = "1.0"
	Release03 = "0.3"
)

// DialConfig says whom a [Caller] calls, and as whom.
type DialConfig struct {
	// URL is the agent's A2A address, or that of its agent card.
	URL string
	// Token is sent as a bearer credential; "" sends none.
	Token string
	// HTTPClient carries the requests. Redirects are not followed, unless it has
	// a CheckRedirect of its own.
	HTTPClient *http.Client
	// MaxAnswer is the greatest answer read, in bytes; see [DefaultMaxAnswer].
	MaxAnswer int64
	// Release pins the release of A2A to speak, [Release10] or [Release03], and
	// leaves the agent card unread. By default the card is read before the first
	// call and the newest release that it lists is spoken.
	Release string
}

// Caller calls the skills of one agent. It reads the agent card at its first
// call. It is safe for concurrent use.
type Caller struct {
	cfg  DialConfig
	http *http.Client

	// discovering is held while the card is read.
	discovering chan struct{}

	mu    sync.Mutex
	known *endpoint
}

// Answer is what a skill answered.
type Answer struct {
	// Body is the task's answer as the agent wrote it, or nil when it answered
	// in plain text or with an error.
	Body json.RawMessage
	// Error is the agent's adcp_error object as it came, or nil.
	Error json.RawMessage
	// IsError tells that the A2A task failed, whether or not in the protocol's form.
	IsError bool
	// Text is what the agent said in plain text, for when there is nothing else.
	Text string
	// HTTPStatus is the status of the HTTP answer.
	HTTPStatus int
	// Status is the state of the A2A task in the protocol's words, such as
	// "completed". It is that of the call, and not of what the call started.
	Status string
	// TaskID and ContextID name the A2A task and its conversation. The agent's own
	// task, to be followed with get_task_status, is named in Body.
	TaskID, ContextID string
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
	// ReasonMalformed: an answer that is not A2A's.
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
	own := http.Client{}
	if cfg.HTTPClient != nil {
		own = *cfg.HTTPClient
	}
	if own.CheckRedirect == nil {
		// A credential never follows to an address it was not meant for.
		own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &Caller{cfg: cfg, http: &own, discovering: make(chan struct{}, 1)}
}

// Call calls one skill with the arguments as they are. An error is a [*Failure].
func (c *Caller) Call(ctx context.Context, operation string, arguments json.RawMessage) (Answer, error) {
	if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = json.RawMessage("{}")
	}
	skill, _ := json.Marshal(operation)
	return c.ask(ctx, func(e *endpoint) (method string, params []byte) {
		var b bytes.Buffer
		id, _ := json.Marshal(sdk.NewMessageID())
		method = methodSend
		if e.release == Release03 {
			method = "message/send"
			b.WriteString(`{"configuration":{"blocking":true},"message":{"kind":"message","role":"user","messageId":`)
			b.Write(id)
			b.WriteString(`,"parts":[{"kind":"data","data":{"skill":`)
		} else {
			b.WriteString(`{"message":{"role":"ROLE_USER","messageId":`)
			b.Write(id)
			b.WriteString(`,"parts":[{"data":{"skill":`)
		}
		// Written by hand: an encoder would change the arguments' bytes.
		b.Write(skill)
		b.WriteString(`,"input":`)
		b.Write(arguments)
		b.WriteString(`}}]}}`)
		return method, b.Bytes()
	})
}

// Task reads an A2A task again by its identifier: one of the caller's calls, or
// where the agent offers it a task of the agent's own. An error is a [*Failure].
func (c *Caller) Task(ctx context.Context, id string) (Answer, error) {
	params, _ := json.Marshal(map[string]string{"id": id})
	return c.ask(ctx, func(e *endpoint) (string, []byte) {
		if e.release == Release03 {
			return "tasks/get", params
		}
		return methodGet, params
	})
}

// ask makes one request in the release that the agent speaks. An agent that
// turns out not to know 1.0 is asked in 0.3: it has not run anything.
func (c *Caller) ask(ctx context.Context, request func(*endpoint) (string, []byte)) (Answer, error) {
	e, err := c.endpoint(ctx)
	if err != nil {
		return Answer{}, err
	}
	method, params := request(e)
	answer, err := c.post(ctx, e, method, params)
	var f *Failure
	if !errors.As(err, &f) {
		return answer, err
	}
	if e.guessed && e.release == Release10 && (f.RPCCode == codeMethod || f.RPCCode == codeVersion) {
		old := &endpoint{url: e.url, release: Release03}
		method, params = request(old)
		if answer, err = c.post(ctx, old, method, params); err == nil {
			c.remember(old)
		}
		return answer, err
	}
	if f.HTTPStatus == http.StatusNotFound || f.RPCCode == codeMethod || f.RPCCode == codeVersion {
		// The agent has moved, or speaks another release now: its card will say.
		c.forget(e)
	}
	return answer, err
}

// Close ends the caller's idle connections where they are its own. The caller
// can be used again afterwards.
func (c *Caller) Close() error {
	if c.cfg.HTTPClient != nil {
		c.cfg.HTTPClient.CloseIdleConnections()
	}
	return nil
}
