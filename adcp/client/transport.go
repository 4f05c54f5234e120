package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// Protocol is a transport that agents are called over.
type Protocol string

// Transports. What a call means is the same over both.
const (
	// MCP is the default.
	MCP Protocol = "mcp"
	// A2A is spoken in 1.0 or 0.3, as the agent's card says.
	A2A Protocol = "a2a"
)

// answer is what came over a transport, told apart by the protocol's rules of
// extraction.
type answer struct {
	body, refusal json.RawMessage
	isError       bool
	text          string
	httpStatus    int
}

// caller is a transport to one agent. Its errors are of type [*Error], without
// the operation and the address.
type caller interface {
	call(ctx context.Context, operation string, arguments json.RawMessage) (answer, error)
	Close() error
}

func dial(cfg Config) (caller, error) {
	switch cfg.Protocol {
	case MCP, "":
		return overMCP{mcp.Dial(mcp.DialConfig{URL: cfg.URL, Token: cfg.Token, HTTPClient: cfg.HTTPClient, MaxAnswer: cfg.MaxAnswer})}, nil
	case A2A:
		return overA2A{a2a.Dial(a2a.DialConfig{URL: cfg.URL, Token: cfg.Token, HTTPClient: cfg.HTTPClient, MaxAnswer: cfg.MaxAnswer})}, nil
	}
	return nil, fmt.Errorf("the transport %q is not known; use mcp or a2a", cfg.Protocol)
}

type overMCP struct{ *mcp.Caller }

func (o overMCP) call(ctx context.Context, operation string, arguments json.RawMessage) (answer, error) {
	a, err := o.Call(ctx, operation, arguments)
	if err != nil {
		var f *mcp.Failure
		if !errors.As(err, &f) {
			return answer{}, &Error{Kind: Unreachable, Err: err}
		}
		return answer{}, failed(string(f.Reason), f.HTTPStatus, f.RetryAfter, f.Err)
	}
	return answer{a.Body, a.Error, a.IsError, a.Text, a.HTTPStatus}, nil
}

type overA2A struct{ *a2a.Caller }

func (o overA2A) call(ctx context.Context, operation string, arguments json.RawMessage) (answer, error) {
	a, err := o.Call(ctx, operation, arguments)
	if err != nil {
		var f *a2a.Failure
		if !errors.As(err, &f) {
			return answer{}, &Error{Kind: Unreachable, Err: err}
		}
		return answer{}, failed(string(f.Reason), f.HTTPStatus, f.RetryAfter, f.Err)
	}
	return answer{a.Body, a.Error, a.IsError, a.Text, a.HTTPStatus}, nil
}

// failed is a transport's failure in this package's words, which are the same.
func failed(reason string, httpStatus int, retryAfter time.Duration, err error) *Error {
	return &Error{Kind: Kind(reason), HTTPStatus: httpStatus, RetryAfter: retryAfter, Err: err}
}
