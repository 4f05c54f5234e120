package buyer

import (
	"strings"
	"unicode"

	"github.com/upfront-media/upfront/adcp/client"
)

// Limits on what is shown of a seller's words, in bytes.
const (
	maxName   = 120
	maxReason = 240
	// maxToken bounds identifiers. A longer one is not shortened, which would
	// make it another one, but refused.
	maxToken = 200
)

// shown makes a seller's words fit to be shown: one line, no control or invisible
// characters, no markup, bounded. What they say is never read for meaning.
func shown(s string, limit int) string {
	var out strings.Builder
	depth := 0
	for _, r := range client.Clean(cut(s, 8*limit), 4*limit) {
		switch {
		case r == '<':
			depth++
		case r == '>':
			if depth > 0 {
				depth--
			}
		case depth > 0, strings.ContainsRune("`*|{}\\", r):
		default:
			out.WriteRune(r)
		}
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	if len(text) > limit {
		text = strings.TrimSpace(cut(text, limit-len("…"))) + "…"
	}
	return text
}

// token checks an identifier that a seller chose before it is used or shown: it
// is kept to the byte or refused.
func token(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for _, r := range s {
		if r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("<>`\"'\\", r) {
			return false
		}
	}
	return true
}
