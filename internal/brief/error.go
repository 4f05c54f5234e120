package brief

import (
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a brief: which field, what the trouble
// is and what to do about it. Each part is one line without secrets.
type Error struct {
	// Field is named as in the typed brief, with dots and indexes
	// ("target_audience.geo[1]"); "brief" when it is the whole document.
	Field   string
	Problem string
	Fix     string
}

// Error is one line: "budget: is missing; write …".
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Field + ": " + e.Problem
	}
	return e.Field + ": " + e.Problem + "; " + e.Fix
}

// Errors is everything found wrong with a brief, in the order of the typed
// brief's fields. It is never empty when returned as an error.
type Errors []*Error

// Error is one line an error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an [*Error].
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// shorten keeps what is quoted in a message to a readable length on one line.
func shorten(s string) string {
	const limit = 60
	s = oneLine(s)
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}
