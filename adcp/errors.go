package adcp

import (
	"encoding/json"
	"strconv"
)

// ErrorCode is a code of the protocol's open error vocabulary. The standard
// ones are the constants Code…; a receiver must expect others.
type ErrorCode string

// Standard reports whether the protocol publishes the code.
func (c ErrorCode) Standard() bool {
	_, ok := recoveries[c]
	return ok
}

// Recovery says what the protocol tells a caller to do about the code. A code
// that is not standard counts as transient, as the protocol demands.
func (c ErrorCode) Recovery() ErrorRecovery {
	if r, ok := recoveries[c]; ok {
		return r
	}
	return ErrorRecoveryTransient
}

// The protocol holds retry_after to this range, in seconds.
const (
	minRetryAfter = 1
	maxRetryAfter = 3600
)

// NewError returns an error as it travels on the wire, its recovery class
// filled in from the catalogue. Field names the offending member of the request
// in the form "packages[0].budget", or is empty.
func NewError(code ErrorCode, field, message string) *Error {
	recovery := code.Recovery()
	e := &Error{Code: code, Message: message, Recovery: &recovery}
	if field != "" {
		e.Field = &field
	}
	return e
}

// Error returns the code, the field and the message on one line.
func (e *Error) Error() string {
	text := string(e.Code) + ": "
	if e.Field != nil {
		text += *e.Field + ": "
	}
	return text + e.Message
}

// Is makes errors.Is compare protocol errors by code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// RecoveryClass is what the sender says about recovery, or what the catalogue
// says of the code where the sender was silent or used a class that this
// release does not know.
func (e *Error) RecoveryClass() ErrorRecovery {
	if e.Recovery != nil {
		switch *e.Recovery {
		case ErrorRecoveryTransient, ErrorRecoveryCorrectable, ErrorRecoveryTerminal:
			return *e.Recovery
		}
	}
	return e.Code.Recovery()
}

// WithSuggestion returns a copy that says what to do.
func (e *Error) WithSuggestion(suggestion string) *Error {
	c := *e
	c.Suggestion = &suggestion
	return &c
}

// WithDetails returns a copy that carries details, which must marshal to a JSON
// object, such as one of the …Details types. Details that do not are left out:
// they are an addition, and losing them must not hide the error itself.
func (e *Error) WithDetails(details any) *Error {
	c := *e
	if data, err := json.Marshal(details); err == nil && len(data) > 0 && data[0] == '{' {
		c.Details = data
	}
	return &c
}

// WithRetryAfter returns a copy that asks the caller to wait, in seconds, held
// to the protocol's range of 1 to 3600.
func (e *Error) WithRetryAfter(seconds int) *Error {
	c := *e
	d := Decimal(strconv.Itoa(min(max(seconds, minRetryAfter), maxRetryAfter)))
	c.RetryAfter = &d
	return &c
}

// WithRecovery returns a copy with another recovery class than the catalogue's,
// for codes of our own and for the cases in which the protocol lets the sender decide.
func (e *Error) WithRecovery(recovery ErrorRecovery) *Error {
	c := *e
	c.Recovery = &recovery
	return &c
}
