package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/server"
	"github.com/upfront-media/upfront/internal/webhook"
)

// maxReplay is how many dead letters `replay --all` takes up at a time.
const maxReplay = 10_000

// webhooksFlags are what every sub-command of `upfront webhooks` takes.
type webhooksFlags struct {
	console                console
	data, database, config string
	sandbox, json          bool
}

func webhooksCommand(c console) *cobra.Command {
	f := &webhooksFlags{console: c}
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "List, show and replay the webhooks of the sales agent",
		Long: "Lists, shows and replays what `upfront serve` tells buyers by webhook. A webhook is pending until\n" +
			"its receiver answers 2xx, and dead once it was tried for 24 hours, or at once where the receiver\n" +
			"answers 410 or its address may not be called. Dead ones are kept for 30 days.\n" +
			"It works on the database of serve (give the same --data, --database or --config), whether serve\n" +
			"is running or not. Secrets and tokens of receivers are not shown.",
		Args: cobra.NoArgs,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.data, "data", "", "directory of the embedded database (default upfront-data)")
	flags.StringVar(&f.database, "database", "", "postgres:// URL of the database that serve uses instead")
	flags.StringVar(&f.config, "config", "", "configuration file of serve")
	flags.BoolVar(&f.sandbox, "sandbox", false, "those of serve --sandbox")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	cmd.AddCommand(f.listCommand(), f.showCommand(), f.replayCommand())
	return cmd
}

// with opens the letters that the flags name.
func (f *webhooksFlags) with(cmd *cobra.Command, do func(context.Context, *server.Letters) error) error {
	given := map[string]any{}
	for name, value := range map[string]string{"data": f.data, "database": f.database} {
		if cmd.Flags().Changed(name) {
			given[name] = value
		}
	}
	if f.sandbox {
		given["sandbox"] = true
	}
	settings, err := server.LoadSettings(f.config, f.console.Getenv, given)
	if err != nil {
		return err
	}
	letters, err := server.OpenLetters(cmd.Context(), settings)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), letters), letters.Close())
}

func (f *webhooksFlags) listCommand() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List webhooks, newest first",
		Example: "upfront webhooks list --state dead",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			states := []webhook.Status{"", webhook.Pending, webhook.Delivered, webhook.Dead}
			if !slices.Contains(states, webhook.Status(state)) {
				return fmt.Errorf("--state: %q is not pending, delivered or dead", state)
			}
			if limit < 1 {
				return fmt.Errorf("--limit: use 1 or more")
			}
			return f.with(cmd, func(ctx context.Context, letters *server.Letters) error {
				list, err := letters.List(ctx, webhook.Status(state), limit)
				if err != nil {
					return err
				}
				if !f.json {
					return printLetters(f.console.Out, list)
				}
				documents := make([]letterDocument, len(list))
				for i, l := range list {
					documents[i] = letterDocumentOf(l, false)
				}
				return writeJSON(f.console.Out, documents)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only pending, delivered or dead ones")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	return cmd
}

func (f *webhooksFlags) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show EVENT",
		Short: "Show a webhook with its body",
		Long:  "Shows a webhook with its body. EVENT is the name that list shows.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, letters *server.Letters) error {
				l, err := letters.Get(ctx, args[0])
				if errors.Is(err, webhook.ErrNoLetter) {
					return fmt.Errorf("there is no webhook %s; see: upfront webhooks list", args[0])
				}
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(f.console.Out, letterDocumentOf(l, true))
				}
				return printLetter(f.console.Out, l)
			})
		},
	}
}

func (f *webhooksFlags) replayCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "replay EVENT...",
		Short: "Try dead webhooks again, for another 24 hours",
		Long: "Tries dead webhooks again, for another 24 hours, with the same body and idempotency key: a\n" +
			"receiver that had one already knows it again. EVENT is the name that list shows; --all takes\n" +
			"every dead one, oldest first.",
		Example: "upfront webhooks replay event_9k2mq7r0x4t6v8w1y3z5\nupfront webhooks replay --all",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("name the webhooks to replay, or give --all")
			}
			return f.with(cmd, func(ctx context.Context, letters *server.Letters) error {
				if all {
					list, err := letters.List(ctx, webhook.Dead, maxReplay)
					if err != nil {
						return err
					}
					for _, l := range slices.Backward(list) {
						args = append(args, l.EventID)
					}
				}
				return f.replay(ctx, letters, args)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "replay every dead webhook")
	return cmd
}

func (f *webhooksFlags) replay(ctx context.Context, letters *server.Letters, events []string) error {
	replayed := []string{}
	var errs []error
	for _, event := range events {
		switch err := letters.Replay(ctx, event); {
		case errors.Is(err, webhook.ErrNotDead):
			errs = append(errs, fmt.Errorf("there is no dead webhook %s; see: upfront webhooks list --state dead", event))
		case err != nil:
			errs = append(errs, err)
		default:
			replayed = append(replayed, event)
		}
	}
	if f.json {
		errs = append(errs, writeJSON(f.console.Out, map[string]any{"replayed": replayed}))
	} else {
		for _, event := range replayed {
			fmt.Fprintf(f.console.Out, "%s is pending again\n", event)
		}
		if len(events) == 0 {
			fmt.Fprintln(f.console.Out, "There are no dead webhooks.")
		}
	}
	return errors.Join(errs...)
}

// letterDocument is a webhook as JSON. Body is there only where one is shown alone.
type letterDocument struct {
	EventID        string          `json:"event_id"`
	State          string          `json:"state"`
	Resource       string          `json:"resource"`
	URL            string          `json:"url"`
	Scheme         string          `json:"scheme"`
	IdempotencyKey string          `json:"idempotency_key"`
	Attempts       int             `json:"attempts"`
	CreatedAt      time.Time       `json:"created_at"`
	NextAt         time.Time       `json:"next_at,omitzero"`
	EndedAt        time.Time       `json:"ended_at,omitzero"`
	LastError      string          `json:"last_error,omitempty"`
	Body           json.RawMessage `json:"body,omitempty"`
}

func letterDocumentOf(l webhook.Letter, body bool) letterDocument {
	d := letterDocument{
		EventID: l.EventID, State: string(l.Status), Resource: l.Resource, URL: l.URL, Scheme: l.Scheme,
		IdempotencyKey: l.IdempotencyKey, Attempts: l.Attempts, CreatedAt: l.CreatedAt, EndedAt: l.EndedAt, LastError: l.LastError,
	}
	if l.Status == webhook.Pending {
		d.NextAt = l.NextAt
	}
	if body {
		d.Body = l.Body
	}
	return d
}

func printLetters(w io.Writer, list []webhook.Letter) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "There are no webhooks.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EVENT\tSTATE\tABOUT\tRECEIVER\tTRIES\tCREATED\tLAST ERROR")
	for _, l := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			l.EventID, l.Status, l.Resource, l.URL, l.Attempts, dateText(l.CreatedAt), cmp.Or(l.LastError, "none"))
	}
	return table.Flush()
}

func printLetter(w io.Writer, l webhook.Letter) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("event", l.EventID)
	row("state", string(l.Status))
	row("about", l.Resource)
	row("receiver", l.URL)
	row("signed by", l.Scheme)
	row("idempotency key", l.IdempotencyKey)
	row("tries", fmt.Sprint(l.Attempts))
	row("created", dateText(l.CreatedAt))
	if l.Status == webhook.Pending {
		row("next try", dateText(l.NextAt))
		row("given up", dateText(l.DeadlineAt))
	} else {
		row("ended", dateText(l.EndedAt))
	}
	if l.LastError != "" {
		row("last error", l.LastError)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, strings.Repeat("-", 3))
	return printJSON(w, l.Body)
}
