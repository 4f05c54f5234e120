package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asProgram makes the test binary be the program, so that tests can start it as
// a process of its own and kill it.
const asProgram = "UPFRONT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a command that runs the program in a process of its own.
func program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// outcome is what one run of the program left behind.
type outcome struct {
	code     int
	out, err string
}

// inProcess runs the program in this process.
func inProcess(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), console{
		In: strings.NewReader(stdin), Out: &out, Err: &errs,
		Getenv: func(string) string { return "" },
	}, args)
	return outcome{code, out.String(), errs.String()}
}
