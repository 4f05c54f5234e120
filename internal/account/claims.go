package account

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

// claims are what a token says, by their exact names.
type claims map[string]json.RawMessage

func (c claims) text(name string) (string, bool) {
	var s *string
	if err := json.Unmarshal(c[name], &s); err != nil || s == nil {
		return "", false
	}
	return *s, true
}

// texts reads a claim that is one text or a list of them.
func (c claims) texts(name string) []string {
	if s, ok := c.text(name); ok {
		return []string{s}
	}
	var list []string
	if json.Unmarshal(c[name], &list) != nil {
		return nil
	}
	return list
}

// scopes reads "scope", a list between blanks (RFC 8693), or "scp", which other
// issuers write in either form.
func (c claims) scopes() []string {
	var all []string
	for _, name := range []string{"scope", "scp"} {
		for _, s := range c.texts(name) {
			all = append(all, strings.Fields(s)...)
		}
	}
	return all
}

// latest is the last second that a claim may name: the end of the year 9999.
const latest = 253402300799

// time reads a NumericDate: seconds since 1970, of which RFC 7519 allows parts.
func (c claims) time(name string) (t time.Time, present bool, err error) {
	raw, ok := c[name]
	if !ok {
		return time.Time{}, false, nil
	}
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil || *seconds < 0 || *seconds > latest {
		return time.Time{}, true, errors.New("not a date")
	}
	whole, part := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true, nil
}
