package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/server"
)

// staffFlags are what every sub-command of `upfront staff` takes.
type staffFlags struct{ databaseFlags }

func staffCommand(c console) *cobra.Command {
	f := &staffFlags{databaseFlags{console: c}}
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Add, list and remove the people who run the sales agent",
		Long: "Adds, lists and removes the publisher's own people: who approves orders, publishes the catalogue\n" +
			"and looks after deliveries, over REST (/api/v1) and the commands that use it.\n" +
			"Roles: viewer looks; sales decides on orders; manager decides on what the approval rules keep from\n" +
			"sales; adops publishes the catalogue and reviews creatives; admin does everything.",
		Args: cobra.NoArgs,
	}
	f.on(cmd)
	cmd.AddCommand(f.addCommand(), f.listCommand(), f.removeCommand())
	return cmd
}

// with opens the list of people that the flags name.
func (f *staffFlags) with(cmd *cobra.Command, create bool, do func(context.Context, *server.Staff) error) error {
	settings, err := f.settings(cmd)
	if err != nil {
		return err
	}
	staff, err := server.OpenStaff(cmd.Context(), settings, create)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), staff), staff.Close())
}

func (f *staffFlags) addCommand() *cobra.Command {
	var roles []string
	var expires string
	cmd := &cobra.Command{
		Use:   "add NAME --role ROLE",
		Short: "Add a person and print their key, this once",
		Long: "Adds a person and prints their key on standard output, with nothing else there. NAME is what\n" +
			"their decisions are recorded under.",
		Example: "upfront staff add maria --role sales\n" +
			"upfront staff add jan --role adops --role viewer --expires 30d",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lifetime, err := lifetimeOf(expires)
			if err != nil {
				return err
			}
			n := account.NewStaff{Name: args[0], Lifetime: lifetime}
			for _, r := range roles {
				n.Roles = append(n.Roles, account.Role(r))
			}
			return f.with(cmd, true, func(ctx context.Context, staff *server.Staff) error {
				key, added, err := staff.Add(ctx, n)
				if err != nil {
					return err
				}
				if f.json {
					document := staffDocumentOf(added, time.Now())
					document.Key = key
					return writeJSON(f.console.Out, document)
				}
				fmt.Fprintf(f.console.Err, "%s for %s (%s), expires %s. It is not shown again.\n",
					added.KeyID, added.Name, strings.Join(roles, ", "), dateText(added.ExpiresAt))
				_, err = fmt.Fprintln(f.console.Out, key)
				return err
			})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "what the person may do: viewer, sales, manager, adops or admin; repeatable (required)")
	cmd.Flags().StringVar(&expires, "expires", "365d", "how long the key is valid, such as 90d or 12h, or never")
	return cmd
}

func (f *staffFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the people, also those who left",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, false, func(ctx context.Context, staff *server.Staff) error {
				list, err := staff.List(ctx)
				if err != nil {
					return err
				}
				documents := make([]staffDocument, len(list))
				for i, s := range list {
					documents[i] = staffDocumentOf(s, time.Now())
				}
				if f.json {
					return writeJSON(f.console.Out, documents)
				}
				return printStaff(f.console.Out, documents)
			})
		},
	}
}

func (f *staffFlags) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "End a person's access; what they decided stays recorded",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, false, func(ctx context.Context, staff *server.Staff) error {
				err := staff.Remove(ctx, args[0])
				if errors.Is(err, account.ErrNotStaff) {
					return fmt.Errorf("nobody called %s works here; list them with: upfront staff list", args[0])
				}
				if err == nil {
					_, err = fmt.Fprintf(f.console.Out, "%s is let in no more\n", args[0])
				}
				return err
			})
		},
	}
}

// staffDocument is a person as JSON. Key is there only where it has just been made.
type staffDocument struct {
	Name      string         `json:"name"`
	Roles     []account.Role `json:"roles"`
	Status    string         `json:"status"`
	KeyID     string         `json:"key_id"`
	Key       string         `json:"key,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at,omitzero"`
	RemovedAt time.Time      `json:"removed_at,omitzero"`
}

func staffDocumentOf(s account.Staff, now time.Time) staffDocument {
	status := "active"
	switch {
	case !s.RemovedAt.IsZero():
		status = "removed"
	case !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt):
		status = "expired"
	}
	return staffDocument{
		Name: s.Name, Roles: s.Roles, Status: status, KeyID: s.KeyID,
		CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, RemovedAt: s.RemovedAt,
	}
}

func printStaff(w io.Writer, people []staffDocument) error {
	if len(people) == 0 {
		_, err := fmt.Fprintln(w, "Nobody works here yet. Add somebody with: upfront staff add NAME --role ROLE")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLES\tSTATUS\tKEY\tSINCE\tEXPIRES")
	for _, s := range people {
		roles := make([]string, len(s.Roles))
		for i, r := range s.Roles {
			roles[i] = string(r)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, strings.Join(roles, ","), s.Status, s.KeyID,
			dateText(s.CreatedAt), dateText(s.ExpiresAt))
	}
	return table.Flush()
}
