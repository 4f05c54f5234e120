package brief_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/brief"
)

// FuzzParse holds, for any content: Parse returns, with errors that say what to
// do, or with a brief that keeps its promises and survives printing.
func FuzzParse(f *testing.F) {
	files, err := fs.Glob(examples.Briefs, "briefs/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(examples.Briefs, file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	texts, err := filepath.Glob("testdata/texts/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(texts, "testdata/refused.txt") {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(content), "\n-- ") {
			f.Add([]byte(part))
		}
	}
	f.Add([]byte("Budget $-0 May 31 to Feb 30 Q4–Q1 2027 0-0s CPM -- %"))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := brief.Parse(content, brief.Options{Now: now})
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.Contains(line, ": ") || len(line) > 700 {
					t.Fatalf("unclear error %q", line)
				}
			}
			return
		}
		if b.Name == "" || b.Budget.Micros <= 0 || b.Budget.Currency == "" || b.End.Before(b.Start) || b.Start.Before(brief.DateOf(now)) {
			t.Fatalf("accepted %+v", b)
		}
		if b.Format == brief.FormatText {
			sourcesQuoteTheText(t, b)
		}
		doc, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := brief.Parse(doc, brief.Options{Now: now})
		if len(doc) > brief.MaxSize {
			return // escapes and sources made it longer than what is read
		}
		if err != nil {
			t.Fatalf("printed brief refused: %v\n%s", err, doc)
		}
		if again.Digest() != b.Digest() {
			t.Fatalf("printed brief read as another:\n%s", doc)
		}
	})
}
