package adcp

import (
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// patternTimeout bounds a match of a pattern that has to backtrack.
const patternTimeout = 250 * time.Millisecond

// compileRegexp compiles a pattern of the schemas with ECMAScript's meaning. A
// pattern that means the same to Go's engine runs there, in time linear in the
// input, because patterns are matched against what a stranger sent; the others,
// such as those with look-ahead, need the engine that backtracks.
func compileRegexp(pattern string) (jsonschema.Regexp, error) {
	if sameInGo(pattern) {
		if re, err := regexp.Compile(pattern); err == nil {
			return re, nil
		}
	}
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = patternTimeout
	return (*backtracking)(re), nil
}

// sameInGo reports that a pattern uses nothing in which the two dialects
// differ: outside classes no "." and no "(?", and no escapes but \d, \x and
// escaped punctuation.
func sameInGo(pattern string) bool {
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
			if i == len(pattern) || !strings.ContainsRune(`dx.-/+*?()[]{}|^$\`, rune(pattern[i])) {
				return false
			}
		case c == '[':
			if strings.HasPrefix(pattern[i:], "[^") || strings.HasPrefix(pattern[i:], "[]") || strings.HasPrefix(pattern[i:], "[[") {
				return false
			}
			class = true
		case c == ']':
			class = false
		case !class && (c == '.' || strings.HasPrefix(pattern[i:], "(?")):
			return false
		}
	}
	return true
}

type backtracking regexp2.Regexp

// MatchString reports a match. One that takes too long counts as none: the document is refused.
func (b *backtracking) MatchString(s string) bool {
	ok, err := (*regexp2.Regexp)(b).MatchString(s)
	return err == nil && ok
}

func (b *backtracking) String() string { return (*regexp2.Regexp)(b).String() }
