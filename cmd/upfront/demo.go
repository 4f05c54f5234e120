package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/demo"
)

type demoFlags struct {
	brief, data, database, today string
	seed                         int64
	yes, json                    bool
}

func demoCommand(c console) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a campaign from a brief to its report",
		Long: "Starts three sellers and a buyer on loopback, asks the sellers for offers, plans, waits for\n" +
			"your approval, books, lets the flight pass on a simulated clock and prints the report.\n" +
			"The report goes to standard output, progress to standard error. Run again with the same\n" +
			"--data (or --database), brief and seed, an interrupted run goes on where it stood.\n" +
			"Exit codes: 0 done, 2 the brief cannot be used, 1 anything else.",
		Example: "upfront demo\nupfront demo --yes --brief examples/briefs/running-gear.txt --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), c, f) },
	}
	cmd.Flags().StringVar(&f.brief, "brief", "", "file with a brief, as text, YAML or JSON; - reads standard input (default: a built-in one)")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "seed of the sellers' supply: the same seed gives the same report")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "approve the plan within the brief's budget, without asking")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document instead of tables")
	cmd.Flags().StringVar(&f.data, "data", "", "directory for the databases (default: a new temporary one)")
	cmd.Flags().StringVar(&f.database, "database", "", "postgres:// URL of a database to use instead of files")
	cmd.Flags().StringVar(&f.today, "today", "", "play as if today were this date, YYYY-MM-DD")
	return cmd
}

func runDemo(ctx context.Context, c console, f demoFlags) error {
	today, err := f.day()
	if err != nil {
		return err
	}
	b, err := readBrief(c, f.brief, today)
	if err != nil {
		return err
	}
	data := f.data
	if data == "" {
		if data, err = os.MkdirTemp("", "upfront-demo-"); err != nil {
			return err
		}
	}
	if data, err = filepath.Abs(data); err != nil {
		return err
	}
	var progress demo.Progress = &plainProgress{w: c.Err}
	if terminal(c.Err) {
		progress = newTerminalProgress(c.Err)
	}
	document, err := demo.Run(ctx, demo.Config{
		Brief: b, Seed: f.seed, Today: today, Data: data, Database: f.database,
		Progress: progress, Approve: approver(c, f.yes),
	})
	switch {
	case f.database != "":
		fmt.Fprintf(c.Err, "the data is in the database's schemas %s_*\n", demo.Key(b, f.seed))
	default:
		fmt.Fprintf(c.Err, "the data is in %s\n", filepath.Join(data, demo.Key(b, f.seed)))
	}
	if err != nil {
		return err
	}
	if !f.json {
		return document.Write(c.Out)
	}
	encoder := json.NewEncoder(c.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// day is midnight UTC of the day that is played as today.
func (f demoFlags) day() (time.Time, error) {
	if f.today == "" {
		return time.Now().UTC().Truncate(24 * time.Hour), nil
	}
	day, err := time.Parse(time.DateOnly, f.today)
	if err != nil {
		return time.Time{}, fmt.Errorf("--today: %q is not a date like 2027-01-31", f.today)
	}
	return day, nil
}

func readBrief(c console, path string, today time.Time) (brief.Brief, error) {
	var content []byte
	var err error
	switch path {
	case "":
		content, err = examples.Briefs.ReadFile("briefs/" + examples.DemoBrief)
	case "-":
		content, err = io.ReadAll(io.LimitReader(c.In, brief.MaxSize+1))
	default:
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return brief.Brief{}, fmt.Errorf("read the brief: %w", err)
	}
	return brief.Parse(content, brief.Options{Now: today})
}

// approver asks for a signature: at a form where a person is, with a line of
// text where there is none, and not at all with --yes.
func approver(c console, yes bool) func(context.Context, brief.Brief, buyer.Plan) (bool, error) {
	return func(ctx context.Context, b brief.Brief, p buyer.Plan) (bool, error) {
		if yes {
			fmt.Fprintf(c.Err, "approved by --yes, up to the brief's budget of %s\n", b.Budget)
			return true, nil
		}
		if err := errors.Join(demo.WriteBrief(c.Err, b), demo.WritePlan(c.Err, p)); err != nil {
			return false, err
		}
		question := fmt.Sprintf("Approve spending up to %s %s?", p.Planned, p.Currency)
		if c.interactive() {
			approved := false
			form := huh.NewForm(huh.NewGroup(huh.NewConfirm().Title(question).Affirmative("Approve").Negative("Decline").Value(&approved))).
				WithInput(c.In).WithOutput(c.Err)
			err := form.RunWithContext(ctx)
			if errors.Is(err, huh.ErrUserAborted) {
				return false, nil
			}
			return approved, err
		}
		fmt.Fprintf(c.Err, "%s [y/N] ", question)
		line, err := bufio.NewReader(c.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		fmt.Fprintln(c.Err)
		answer := strings.ToLower(strings.TrimSpace(line))
		return answer == "y" || answer == "yes", nil
	}
}
