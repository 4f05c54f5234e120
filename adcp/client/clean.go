package client

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on texts of the other side, in bytes, as the protocol recommends them
// to callers.
const (
	// MaxMessage limits an error's message.
	MaxMessage = 256
	// MaxSuggestion limits an error's suggestion.
	MaxSuggestion = 512
	// maxErrorBytes is the greatest adcp_error object that is looked at.
	maxErrorBytes = 4096
)

// Clean makes a stranger's text fit to be shown and logged: valid UTF-8, on one
// line, without control, zero-width, bidirectional and other invisible
// characters, and at most limit bytes, cut between characters.
func Clean(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n', r == '\t', r == '\r':
			r = ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r),
			r == '\u2028', r == '\u2029':
			continue
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
