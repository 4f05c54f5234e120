package a2a_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
)

var update = flag.Bool("update", false, "write the answers of the golden transcripts anew")

// kept are the headers that callers depend on.
var kept = []string{"Content-Type", "WWW-Authenticate", "A2A-Extensions", "Allow", "Vary"}

// changing are what the SDK puts into an answer from its own clock and dice.
var changing = []*regexp.Regexp{
	regexp.MustCompile(`"timestamp": "20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"(\s*\},\s*"reason")`),
	regexp.MustCompile(`(?m)^id: [0-9a-f-]{36}$`),
}

// transcript is a conversation with a fresh agent: a rule in words, then
// sections of requests and responses, each with headers and a body.
func parseTranscript(t *testing.T, text string) (rule string, sections []string) {
	t.Helper()
	parts := strings.Split("\n"+text, "\n-- ")
	for i, p := range parts[1:] {
		want := []string{"request --\n", "response --\n"}[i%2]
		body, ok := strings.CutPrefix(p, want)
		if !ok {
			t.Fatalf("section %d does not begin with %q", i, want)
		}
		sections = append(sections, strings.TrimSpace(body))
	}
	return strings.TrimSpace(parts[0]), sections
}

// TestTranscripts plays every conversation of testdata, in the release that its
// directory names.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		files, err := filepath.Glob("testdata/" + release + "/*.txt")
		if err != nil || len(files) < 10 {
			t.Fatalf("%d transcripts of %s: %v", len(files), release, err)
		}
		for _, file := range files {
			t.Run(release+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				t.Parallel()
				play(t, file)
			})
		}
	}
}

func play(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rule, sections := parseTranscript(t, string(text))
	s := serve(t, a2a.Options{URL: "https://sales.example/sales/a2a"})
	out := rule + "\n"
	for i := 0; i < len(sections); i += 2 {
		line, rest, _ := strings.Cut(sections[i], "\n")
		head, body, _ := strings.Cut("\n"+rest, "\n\n")
		var headers []string
		for _, h := range strings.Split(strings.TrimSpace(head), "\n") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				headers = append(headers, name, value)
			}
		}
		method, path, _ := strings.Cut(line, " ")
		resp, got := request(t, method, s.URL+path, strings.TrimSpace(body), headers...)
		response := spoken(t, resp, got)
		out += "\n-- request --\n" + sections[i] + "\n\n-- response --\n" + response + "\n"
		if *update {
			continue
		}
		if i+1 >= len(sections) {
			t.Fatal("the last request has no response")
		}
		if diff := cmp.Diff(sections[i+1], response); diff != "" {
			t.Errorf("exchange %d (-want +got):\n%s", i/2, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// spoken is a response as a transcript has it.
func spoken(t *testing.T, resp *http.Response, body string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", resp.StatusCode)
	for _, name := range kept {
		if v := resp.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteString("\n")
	lines := []string{body}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		lines = strings.Split(strings.TrimSpace(body), "\n")
	}
	for _, line := range lines {
		data, event := strings.CutPrefix(line, "data: ")
		if event {
			b.WriteString("data: ")
		}
		var indented bytes.Buffer
		if json.Indent(&indented, []byte(data), "", "  ") == nil {
			data = indented.String()
		}
		b.WriteString(data + "\n")
	}
	out := changing[0].ReplaceAllString(b.String(), `"timestamp": "*"$1`)
	return strings.TrimSpace(changing[1].ReplaceAllString(out, "id: *"))
}

func TestTranscriptsOfBothReleasesTellTheSame(t *testing.T) {
	t.Parallel()
	names := func(release string) (out []string) {
		files, _ := filepath.Glob("testdata/" + release + "/*.txt")
		for _, f := range files {
			if !strings.HasPrefix(filepath.Base(f), "only_") {
				out = append(out, filepath.Base(f))
			}
		}
		slices.Sort(out)
		return out
	}
	if diff := cmp.Diff(names(a2a.Release10), names(a2a.Release03)); diff != "" {
		t.Errorf("rules told in one release only (-1.0 +0.3):\n%s", diff)
	}
}
