package brief_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/brief"
)

var update = flag.Bool("update", false, "write the golden files anew")

// now is when the briefs of these tests are read.
var now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func parse(content string) (brief.Brief, error) {
	return brief.Parse([]byte(content), brief.Options{Now: now})
}

func mustParse(t *testing.T, content string) brief.Brief {
	t.Helper()
	b, err := parse(content)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, content)
	}
	return b
}

// document is the brief as it is printed, indented for reading.
func document(t *testing.T, b brief.Brief) string {
	t.Helper()
	doc, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(doc)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run go test -update and read what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the brief read is not the one in %s (-want +got):\n%s", file, diff)
	}
}

func TestEveryExampleIsReadAsItsGoldenFile(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(examples.Briefs, "briefs/*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d example briefs, %v; want at least ten", len(files), err)
	}
	forms := map[brief.Format]bool{}
	currencies := map[string]bool{}
	for _, file := range files {
		content, err := fs.ReadFile(examples.Briefs, file)
		if err != nil {
			t.Fatal(err)
		}
		b := mustParse(t, string(content))
		forms[b.Format] = true
		currencies[string(b.Budget.Currency)] = true
		golden(t, filepath.Join("testdata", "examples", filepath.Base(file)+".golden.json"), document(t, b))
		sourcesQuoteTheText(t, b)
	}
	if len(forms) != 3 || len(currencies) < 5 {
		t.Errorf("forms %v, currencies %v; want text, YAML and JSON, and five currencies", forms, currencies)
	}
}

func TestEveryTextIsReadAsItsGoldenFile(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/texts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no texts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := mustParse(t, string(content))
			if b.Format != brief.FormatText {
				t.Errorf("read as %s, want text", b.Format)
			}
			golden(t, strings.TrimSuffix(file, ".txt")+".golden.json", document(t, b))
			sourcesQuoteTheText(t, b)
		})
	}
}

// sourcesQuoteTheText holds every source to its promise.
func sourcesQuoteTheText(t *testing.T, b brief.Brief) {
	t.Helper()
	for field, q := range b.Sources {
		if b.Format != brief.FormatText {
			if q.Path == "" || q.Start != 0 || q.End != 0 {
				t.Errorf("source of %s = %+v, want a path and no offsets", field, q)
			}
			continue
		}
		if q.Start < 0 || q.End > len(b.Notes) || q.Start >= q.End || b.Notes[q.Start:q.End] != q.Words {
			t.Errorf("source of %s = %+v does not quote the notes", field, q)
		}
	}
	for _, field := range []string{"name", "budget", "currency", "start_date", "end_date"} {
		if b.Sources[field].Words == "" {
			t.Errorf("no source for %s", field)
		}
	}
}

type refusal struct{ name, content, want string }

// refusals reads testdata/refused.txt: briefs under "-- name --", each followed
// by its error lines under "-- error --".
func refusals(t *testing.T) []refusal {
	t.Helper()
	file, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []refusal
	into := new(string)
	for line := range strings.Lines(string(file)) {
		name, marked := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- ")
		switch {
		case marked && name == "error":
			into = &out[len(out)-1].want
		case marked:
			out = append(out, refusal{name: name})
			into = &out[len(out)-1].content
		default:
			*into += line
		}
	}
	return out
}

func TestRefusalsNameTheFieldAndTheFix(t *testing.T) {
	t.Parallel()
	for _, tt := range refusals(t) {
		t.Run(strings.TrimSuffix(tt.name, filepath.Ext(tt.name)), func(t *testing.T) {
			t.Parallel()
			b, err := parse(tt.content)
			if err == nil {
				t.Fatalf("accepted as %s", document(t, b))
			}
			var one *brief.Error
			if !errors.As(err, &one) || one.Field == "" || one.Problem == "" || one.Fix == "" {
				t.Errorf("error %#v is not a complete *brief.Error", err)
			}
			if got := err.Error() + "\n"; got != tt.want {
				t.Errorf("error:\n%swant:\n%s", got, tt.want)
			}
		})
	}
}

func TestContentThatIsNoTextIsRefused(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("We love running. ", 1<<20/17)
	for _, tt := range []struct{ name, content, want string }{
		{"empty", "", "brief: is empty; write what should be advertised, the budget with its currency and the dates"},
		{"only blanks", " \n\t \r\n", "brief: is empty; write what should be advertised, the budget with its currency and the dates"},
		{"only a byte order mark", "\ufeff", "brief: is empty; write what should be advertised, the budget with its currency and the dates"},
		{"one megabyte", huge, "brief: is 1048560 bytes; at most 256 KiB are read; keep what matters for the campaign and leave attachments out"},
		{"invalid UTF-8", "Budget 5 EUR\ncaf\xe9", "brief: is not valid UTF-8 at byte 16 (line 2); save it as UTF-8 text"},
		{"UTF-16", "\xff\xfeB\x00u\x00", "brief: is not valid UTF-8 at byte 0 (line 1); save it as UTF-8 text"},
		{"a NUL byte", "Budget\x00 5 EUR", "brief: has the control character U+0000 at byte 6; take it out and save as plain text"},
		{"an escape sequence", "Budget \x1b[31m5 EUR", "brief: has the control character U+001B at byte 7; take it out and save as plain text"},
		{"a hidden direction mark", "Budget \u202e5 EUR", "brief: has the hidden direction mark U+202E at byte 7; take it out"},
		{"a NUL in a JSON string", `{"name": "a\u0000b"}`, "name: has the control character U+0000 at byte 1; take it out and save as plain text"},
		{"a NUL in a YAML string", "name: \"a\\0b\"\nbudget: 5\n", "name: has the control character U+0000 at byte 1; take it out and save as plain text"},
		{"deep JSON", strings.Repeat(`{"notes":`, 50) + "1" + strings.Repeat("}", 50), ""},
		{"deep JSON lists", `{"notes":` + strings.Repeat("[", 60_000), ""},
		{"deep YAML", "name: x\nnotes: " + strings.Repeat("[", 5000), ""},
		{"many parts", `{"objectives":[` + strings.Repeat("1,", 30_000) + `1]}`, "brief: has more than 20000 parts; keep the fields of a brief and put the rest elsewhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(tt.content)
			if err == nil {
				t.Fatal("accepted")
			}
			if tt.want != "" && err.Error() != tt.want {
				t.Errorf("error = %v\nwant    %s", err, tt.want)
			}
		})
	}
}

func TestAnEmptyErrorListIsNeverReturned(t *testing.T) {
	t.Parallel()
	_, err := parse("hello")
	var list brief.Errors
	if !errors.As(err, &list) || len(list) < 2 {
		t.Fatalf("error = %v, want everything that is missing", err)
	}
}
