// Command upfront is the program: a sales agent to serve, a brand agent to plan
// and book with, and a demonstration of both. Each sub-command has a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"charm.land/fang/v2"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/brief"
)

// Exit codes: a bad brief is told apart, so that a script can hand it back to its author.
const (
	exitOK       = 0
	exitFailed   = 1
	exitBadBrief = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}, os.Args[1:])
	stop()
	os.Exit(code)
}

// console is where a command reads and writes, so that a test can run the whole
// program in-process.
type console struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// interactive says whether a person is at both ends: prompts and moving bars
// are for people only.
func (c console) interactive() bool { return terminal(c.In) && terminal(c.Err) }

func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func run(ctx context.Context, c console, args []string) int {
	root := &cobra.Command{
		Use:   "upfront",
		Short: "Agents that buy and sell media, in one program",
		Long: "Upfront is one program with which a brand's agent and a publisher's agent find each other,\n" +
			"price, book, deliver and report over the Ad Context Protocol (AdCP).",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(args)
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.AddCommand(demoCommand(c), serveCommand(c), callCommand(c), keysCommand(c), identityCommand(c), staffCommand(c), approvalsCommand(c), catalogueCommand(c), creativesCommand(c), webhooksCommand(c))

	err := fang.Execute(ctx, root, fang.WithVersion(version()), fang.WithoutManpage(),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) { printError(w, err) }))
	return exitCode(err)
}

// printError writes one clear message. Errors that are lists say one thing a line.
func printError(w io.Writer, err error) {
	var quiet reported
	if errors.As(err, &quiet) {
		return
	}
	fmt.Fprintf(w, "upfront: %v\n", err)
}

// reported is a failure that its command has told about already.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

func exitCode(err error) int {
	var bad *brief.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &bad):
		return exitBadBrief
	default:
		return exitFailed
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
