package mcp

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestQuotingKeepsEveryText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		told := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\"\\\n\r\t\x00\x1f\x7f<>&é\u2028ab{}")))).Draw(r, "told")
		doc, err := json.MarshalIndent(map[string]string{told: told}, "", "\t")
		if err != nil {
			r.Fatal(err)
		}
		before := rapid.SampledFrom([]string{"", `{"text":`, strings.Repeat("x", 100)}).Draw(r, "before")
		got := appendQuoted([]byte(before), doc)
		var back string
		if err := json.Unmarshal(got[len(before):], &back); err != nil || back != string(doc) || string(got[:len(before)]) != before {
			r.Fatalf("%q came back as %q, %v, from %s", doc, back, err, got)
		}
	})
}
