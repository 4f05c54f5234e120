package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/server"
)

// keysFlags are what every sub-command of `upfront keys` takes.
type keysFlags struct{ databaseFlags }

func keysCommand(c console) *cobra.Command {
	f := &keysFlags{databaseFlags{console: c}}
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list, rotate and revoke API keys of the sales agent",
		Long: "Makes, lists, rotates and revokes the API keys with which buying agents call `upfront serve`.\n" +
			"It works on the database of serve (give the same --data, --database or --config), whether serve\n" +
			"is running or not; a running one takes up new keys at once and refuses revoked ones after a second.\n" +
			"A key is shown when it is made and never again: only its SHA-256 digest is kept.",
		Args: cobra.NoArgs,
	}
	f.on(cmd)
	cmd.AddCommand(f.createCommand(), f.listCommand(), f.rotateCommand(), f.revokeCommand())
	return cmd
}

// with opens the keyring that the flags name.
func (f *keysFlags) with(cmd *cobra.Command, create bool, do func(context.Context, *server.Keys) error) error {
	settings, err := f.settings(cmd)
	if err != nil {
		return err
	}
	keys, err := server.OpenKeys(cmd.Context(), settings, create)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), keys), keys.Close())
}

func (f *keysFlags) createCommand() *cobra.Command {
	var n account.NewKey
	var expires string
	cmd := &cobra.Command{
		Use:   "create --principal NAME",
		Short: "Make a key and print it, this once",
		Long: "Makes a key and prints it on standard output, with nothing else there; what is known of it goes\n" +
			"to standard error. Without --operation the key is good for everything that its principal may do,\n" +
			"without --account for all of the principal's accounts.",
		Example: "upfront keys create --principal acme\n" +
			"upfront keys create --principal acme-reporting --operation read --expires 30d\n" +
			"upfront keys create --principal acme --operation read --operation sync_creatives --account acct_0123",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lifetime, err := lifetimeOf(expires)
			if err != nil {
				return err
			}
			n.Lifetime = lifetime
			return f.with(cmd, true, func(ctx context.Context, keys *server.Keys) error {
				key, kept, err := keys.Create(ctx, n)
				if err != nil {
					return err
				}
				return f.show(key, kept)
			})
		},
	}
	cmd.Flags().StringVar(&n.Principal, "principal", "", "whom the key stands for (required)")
	cmd.Flags().BoolVar(&n.Sandbox, "sandbox", false, "make a key for the sandbox (upf_test_)")
	cmd.Flags().StringSliceVar(&n.Scope.Operations, "operation", nil, "operation the key is good for, or read for all that only read; repeatable")
	cmd.Flags().StringSliceVar(&n.Scope.Accounts, "account", nil, "account_id the key reaches; repeatable")
	cmd.Flags().StringVar(&expires, "expires", "365d", "how long it is valid, such as 90d or 12h, or never")
	return cmd
}

func (f *keysFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, also those that are over, without the keys themselves",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, false, func(ctx context.Context, keys *server.Keys) error {
				list, err := keys.List(ctx)
				if err != nil {
					return err
				}
				now := time.Now()
				if f.json {
					documents := make([]keyDocument, len(list))
					for i, k := range list {
						documents[i] = documentOf(k, now)
					}
					return writeJSON(f.console.Out, documents)
				}
				return printKeys(f.console.Out, list, now)
			})
		},
	}
}

func (f *keysFlags) rotateCommand() *cobra.Command {
	var overlap string
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Make a key that takes over from another, and print it, this once",
		Long: "Makes a key that is good for the same as the one named, and prints it on standard output, with\n" +
			"nothing else there. The old key stays valid for the overlap, so that its holder can change over.\n" +
			"KEY is the name that list shows, such as upf_live_k3f9x2ab.",
		Example: "upfront keys rotate upf_live_k3f9x2ab --overlap 2h",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := durationOf("overlap", overlap)
			if err != nil {
				return err
			}
			return f.with(cmd, false, func(ctx context.Context, keys *server.Keys) error {
				key, successor, old, err := keys.Rotate(ctx, args[0], d)
				if err != nil {
					return err
				}
				fmt.Fprintf(f.console.Err, "%s ends at %s\n", old.ID, old.ExpiresAt.Format(time.RFC3339))
				return f.show(key, successor)
			})
		},
	}
	cmd.Flags().StringVar(&overlap, "overlap", account.DefaultOverlap.String(), "how long the old key stays valid, such as 2h, or 0s to end it at once")
	return cmd
}

func (f *keysFlags) revokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke KEY",
		Short: "Take a key back, for good",
		Long: "Takes a key back, for good. A running serve refuses it after a second at the latest.\n" +
			"KEY is the name that list shows, such as upf_live_k3f9x2ab.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, false, func(ctx context.Context, keys *server.Keys) error {
				k, err := keys.Revoke(ctx, args[0])
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(f.console.Out, documentOf(k, time.Now()))
				}
				_, err = fmt.Fprintf(f.console.Out, "%s of %s is revoked since %s\n", k.ID, k.Principal, k.RevokedAt.Format(time.RFC3339))
				return err
			})
		},
	}
}

// show prints a new key, and what is known of it where it does not get in the way.
func (f *keysFlags) show(key string, k account.Key) error {
	if f.json {
		document := documentOf(k, time.Now())
		document.Key = key
		return writeJSON(f.console.Out, document)
	}
	fmt.Fprintf(f.console.Err, "%s for %s, good for %s, expires %s. It is not shown again.\n",
		k.ID, k.Principal, scopeText(k.Scope), dateText(k.ExpiresAt))
	_, err := fmt.Fprintln(f.console.Out, key)
	return err
}

// keyDocument is a key as JSON. Key is there only where it has just been made.
type keyDocument struct {
	ID         string    `json:"id"`
	Key        string    `json:"key,omitempty"`
	Principal  string    `json:"principal"`
	Sandbox    bool      `json:"sandbox"`
	Status     string    `json:"status"`
	Operations []string  `json:"operations"`
	Accounts   []string  `json:"accounts"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	ReplacedBy string    `json:"replaced_by,omitempty"`
}

func documentOf(k account.Key, now time.Time) keyDocument {
	return keyDocument{
		ID: k.ID, Principal: k.Principal, Sandbox: k.Sandbox, Status: string(k.Status(now)),
		Operations: append([]string{}, k.Scope.Operations...), Accounts: append([]string{}, k.Scope.Accounts...),
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt, ReplacedBy: k.ReplacedBy,
	}
}

func printKeys(w io.Writer, keys []account.Key, now time.Time) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(w, "There are no keys. Make one with: upfront keys create --principal NAME")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tPRINCIPAL\tGOOD FOR\tSTATUS\tCREATED\tEXPIRES\tLAST USED")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Principal,
			scopeText(k.Scope), k.Status(now), dateText(k.CreatedAt), dateText(k.ExpiresAt), dateText(k.LastUsedAt))
	}
	return table.Flush()
}

func scopeText(s account.Scope) string {
	text := cmp.Or(strings.Join(s.Operations, ","), "everything")
	if len(s.Accounts) > 0 {
		text += " on " + strings.Join(s.Accounts, ",")
	}
	return text
}

func dateText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// lifetimeOf reads how long a key is valid; zero is for ever.
func lifetimeOf(text string) (time.Duration, error) {
	if text == "never" {
		return 0, nil
	}
	d, err := durationOf("expires", text)
	if err == nil && d <= 0 {
		err = fmt.Errorf("--expires: %q is not ahead; use a duration such as 90d, or never", text)
	}
	return d, err
}

// durationOf reads a duration that may also be in days, such as 90d.
func durationOf(flag, text string) (time.Duration, error) {
	wrong := fmt.Errorf("--%s: %q is not a duration such as 90d, 12h or 30m", flag, text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || n < 0 || n > 36500 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, wrong
	}
	return d, nil
}

func writeJSON(w io.Writer, v any) error {
	document, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return printJSON(w, document)
}
