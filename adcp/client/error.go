package client

import (
	"fmt"
	"net/url"
	"time"
)

// Kind says what went wrong between the two sides.
type Kind string

// Kinds of transport errors.
const (
	// Unreachable: no connection, or it broke before the answer was complete.
	Unreachable Kind = "unreachable"
	// Timeout: no complete answer within the time allowed.
	Timeout Kind = "timeout"
	// Unauthorized: the agent refused the credential, or the lack of one, in HTTP
	// and without an error of the protocol's own.
	Unauthorized Kind = "unauthorized"
	// Malformed: an answer arrived that is not the protocol's.
	Malformed Kind = "malformed"
	// TooLarge: the answer is greater than [Config].MaxAnswer.
	TooLarge Kind = "too_large"
	// Refused: the other side's HTTP server answered with an error status of its own.
	Refused Kind = "refused"
	// Failed: the tool said that it failed, and not in the protocol's form.
	Failed Kind = "failed"
	// Incompatible: both sides speak the protocol, and no release in common.
	Incompatible Kind = "incompatible"
	// Unsendable: the request could not be written; nothing was sent.
	Unsendable Kind = "unsendable"
	// NotTried: the agent did not answer of late and is left alone for a while;
	// nothing was sent. See [BreakerConfig].
	NotTried Kind = "not_tried"
)

// Error says that no usable answer arrived. It is never made of the other
// side's words beyond a short, cleaned quotation.
type Error struct {
	// Kind says what went wrong.
	Kind Kind
	// Operation is the wire name of the call.
	Operation string
	// URL is the agent's address, without user info and query.
	URL string
	// HTTPStatus is the answer's status, or 0 when there was none.
	HTTPStatus int
	// RetryAfter is how long the agent asked to wait, or 0.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s at %s: %s", e.Operation, bareURL(e.URL), e.Kind.text())
	if e.HTTPStatus != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.HTTPStatus)
	}
	if e.Err != nil {
		s += ": " + Clean(e.Err.Error(), MaxMessage)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable tells whether the same call, with the same idempotency key, may
// succeed later: the agent was not reached, was too slow, or its server was
// overloaded. A malformed answer, a refused credential and the like stay as they are.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case Unreachable, Timeout:
		return true
	case Refused:
		return e.HTTPStatus == 429 || e.HTTPStatus >= 500 && e.HTTPStatus != 501
	}
	return false
}

func (k Kind) text() string {
	switch k {
	case Unreachable:
		return "the agent cannot be reached"
	case Timeout:
		return "the agent did not answer in time"
	case Unauthorized:
		return "the agent refused the credential"
	case Malformed:
		return "the agent's answer is not the protocol's"
	case TooLarge:
		return "the agent's answer is too large"
	case Refused:
		return "the agent's server refused the request"
	case Failed:
		return "the agent failed without an error of the protocol"
	case Incompatible:
		return "the agent speaks no release of the protocol that we do"
	case Unsendable:
		return "the request could not be written"
	case NotTried:
		return "the agent has not answered of late and is left alone for a while"
	}
	return string(k)
}

// bareURL is an address fit for a message: no user info, no query.
func bareURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an invalid address"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return Clean(u.String(), MaxMessage)
}
