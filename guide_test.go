package upfront_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const guideAddress = "127.0.0.1:8090"

var (
	consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	goBlock      = regexp.MustCompile("(?ms)^(?:<!-- (\\S+) -->\n)?```go\n(.*?)^```$")
)

func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheGuidesSnippetsAreInTheirFiles(t *testing.T) {
	t.Parallel()
	blocks := goBlock.FindAllStringSubmatch(guide(t), -1)
	if len(blocks) < 3 {
		t.Fatalf("the guide shows %d snippets", len(blocks))
	}
	for _, block := range blocks {
		if block[1] == "" {
			t.Errorf("a snippet names no file:\n%s", block[2])
			continue
		}
		source, err := os.ReadFile(block[1])
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(source), block[2]) {
			t.Errorf("%s does not hold what the guide shows of it:\n%s", block[1], block[2])
		}
	}
}

// TestTheGuideIsTrue runs the guide's commands in their order, against a seller
// on a free port, and compares what they print.
func TestTheGuideIsTrue(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator),
		"./cmd/upfront", "./examples/minimal-seller", "./examples/minimal-buyer")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address, ran := guideAddress, 0
	for _, block := range consoleBlock.FindAllStringSubmatch(guide(t), -1) {
		line, output, _ := strings.Cut(strings.TrimPrefix(block[1], "$ "), "\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := command(ctx, t, bin, strings.ReplaceAll(line, guideAddress, address))
		ran++
		if strings.HasSuffix(line, "/minimal-seller") {
			address = startSeller(t, cmd)
			matches(t, output, "selling at http://"+guideAddress+"/mcp\n")
			continue
		}
		got, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(output, "AUTH_MISSING") {
			t.Errorf("%s: %v", line, err)
		}
		matches(t, output, strings.ReplaceAll(string(got), address, guideAddress))
	}
	if ran < 6 {
		t.Errorf("only %d commands of the guide were run", ran)
	}
}

// startSeller runs the seller on a free port until the test ends.
func startSeller(t *testing.T, cmd *exec.Cmd) (address string) {
	t.Helper()
	cmd.Args = append(cmd.Args, "-listen", "127.0.0.1:0")
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	first, err := bufio.NewReader(said).ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(first), "selling at http://")
	if err != nil || !found {
		t.Fatalf("the seller said %q, %v", first, err)
	}
	return strings.TrimSuffix(address, "/mcp")
}

// command is a line of the guide: settings of the environment, go run with a
// package, and arguments in single quotes where they hold spaces.
func command(ctx context.Context, t *testing.T, bin, line string) *exec.Cmd {
	t.Helper()
	var words, env []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	for len(words) > 0 && strings.Contains(words[0], "=") {
		env, words = append(env, words[0]), words[1:]
	}
	if len(words) < 3 || words[0] != "go" || words[1] != "run" {
		t.Fatalf("the guide shows a command that the test cannot run: %s", line)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, filepath.Base(words[2])), words[3:]...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// matches reports an output that is not what the guide shows.
func matches(t *testing.T, want, got string) {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(want), "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(p))
	}
	if !regexp.MustCompile(`(?s)^\s*` + strings.Join(parts, `.*?`) + `\s*$`).MatchString(got) {
		t.Errorf("the guide shows\n%s\nbut it is\n%s", want, got)
	}
}
