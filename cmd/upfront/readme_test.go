package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// step is a command that README shows, with the output it shows for it.
type step struct{ command, output string }

var (
	consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	yamlBlock    = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
)

// steps reads the commands of a document's console blocks.
func steps(t *testing.T, document string) []step {
	t.Helper()
	readme, err := os.ReadFile("../../" + document)
	if err != nil {
		t.Fatal(err)
	}
	var all []step
	for _, block := range consoleBlock.FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, step{command: strings.TrimSpace(command)})
			} else if len(all) > 0 {
				all[len(all)-1].output += line
			}
		}
	}
	return all
}

// shows reports whether got is what README shows; "…" there stands for what is left out.
func shows(t *testing.T, want, got string) {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(want), "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(p))
	}
	pattern := regexp.MustCompile(`(?s)^\s*` + strings.Join(parts, `.*?`) + `\s*$`)
	if !pattern.MatchString(got) {
		t.Errorf("the document shows\n%s\nbut it is\n%s", want, got)
	}
}

// words splits a command line as a shell does, with single quotes only.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

func TestTheBriefInReadmeIsOne(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("README shows no brief")
	}
	for _, block := range blocks {
		got := inProcess(t, string(block[1]), "demo", "--yes", "--json", "--today", playedOn, "--brief", "-", "--data", t.TempDir())
		if got.code != exitOK {
			t.Errorf("code %d: %s", got.code, got.err)
			continue
		}
		checkDocument(t, got.out)
	}
}

// TestReadmeIsTrue runs the commands that README shows and compares what they
// print. The tests' own command and those that only set up are not run here.
func TestReadmeIsTrue(t *testing.T) {
	t.Parallel()
	address, _ := serving(t, "--config", "../../examples/upfront.yaml", "--public-url", "http://127.0.0.1:8080")
	here := func(text string) string { return strings.ReplaceAll(text, "http://127.0.0.1:8080", address) }
	ran := 0
	for _, s := range steps(t, "README.md") {
		command, stdin := here(s.command), ""
		if before, after, piped := strings.Cut(command, " | "); piped {
			command, stdin = after, words(before)[1]+"\n"
		}
		args := words(command)
		switch {
		case s.output == "":
			continue
		case strings.HasPrefix(command, "go run ./cmd/upfront demo"):
			args = append(args[3:], "--today", playedOn, "--data", t.TempDir())
			for i := range args {
				args[i] = strings.Replace(args[i], "examples/", "../../examples/", 1)
			}
			got := inProcess(t, stdin, args...)
			// The last line of progress names the directory.
			got.err = regexp.MustCompile(`(?m)^the data is in .*\n`).ReplaceAllString(got.err, "")
			shows(t, s.output, got.err+got.out)
		case strings.HasPrefix(command, "go run ./cmd/upfront call"):
			got := inProcess(t, "", append(args[3:], "--token", serveKey)...)
			shows(t, s.output, got.err+got.out)
		case strings.HasPrefix(command, "curl "):
			response, err := http.Post(args[2], "application/json", strings.NewReader(args[len(args)-1]))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			shows(t, s.output, strings.ReplaceAll(string(body), address, "http://127.0.0.1:8080"))
		default:
			continue
		}
		ran++
	}
	if ran < 4 {
		t.Errorf("only %d commands of README were run", ran)
	}
}

// TestTheSandboxDocumentIsTrue runs the calls that docs/sandbox.md shows.
func TestTheSandboxDocumentIsTrue(t *testing.T) {
	t.Parallel()
	address, said := serving(t, "--sandbox")
	ran := 0
	for _, s := range steps(t, "docs/sandbox.md") {
		switch {
		case s.output == "":
		case s.command == "upfront serve --sandbox":
			shows(t, strings.ReplaceAll(s.output, "http://127.0.0.1:8080", address)+"…", said.String())
			ran++
		case strings.HasPrefix(s.command, "upfront call"):
			args := words(strings.ReplaceAll(s.command, "http://127.0.0.1:8080", address))
			got := inProcess(t, "", append(args[1:], "--token", "demo-acme-outdoor-v1")...)
			shows(t, s.output, got.err+got.out)
			ran++
		default:
			t.Errorf("the document shows what %s prints, and nothing checks it", s.command)
		}
	}
	if ran < 5 {
		t.Errorf("only %d commands of docs/sandbox.md were run", ran)
	}
}
