package mcp

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestQuotingKeepsEveryText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\"\\\n\r\t\x00\x1f\x7f<>&é\u2028ab{}")))).Draw(r, "text")
		var out bytes.Buffer
		quoteTo(&out, []byte(text))
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || utf8.ValidString(text) && back != text {
			r.Fatalf("%q came back as %q, %v, from %s", text, back, err, out.Bytes())
		}
	})
}
