package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
	"github.com/upfront-media/upfront/internal/server"
)

// identityFlags are what every sub-command of `upfront identity` takes.
type identityFlags struct {
	console      console
	data, config string
	json         bool
}

func identityCommand(c console) *cobra.Command {
	f := &identityFlags{console: c}
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "List, rotate and remove the keys that the program signs with",
		Long: "Lists, rotates and removes the keys with which `upfront serve` signs webhooks and requests.\n" +
			"They are kept in identity/ of the data directory (give the same --data or --config as serve),\n" +
			"where the first is made at the first start. serve takes up changes when it starts.",
		Args: cobra.NoArgs,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.data, "data", "", "data directory of serve (default upfront-data)")
	flags.StringVar(&f.config, "config", "", "configuration file of serve")
	flags.BoolVar(&f.json, "json", false, "print the key set as it is published (JWKS)")
	cmd.AddCommand(f.listCommand(), f.rotateCommand(), f.removeCommand())
	return cmd
}

// dir is where the keys are kept.
func (f *identityFlags) dir(cmd *cobra.Command) (string, error) {
	given := map[string]any{}
	if cmd.Flags().Changed("data") {
		given["data"] = f.data
	}
	settings, err := server.LoadSettings(f.config, f.console.Getenv, given)
	if err != nil {
		return "", err
	}
	return settings.KeyDir()
}

func (f *identityFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, and make the first where there is none",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := f.dir(cmd)
			if err != nil {
				return err
			}
			return f.list(dir)
		},
	}
}

func (f *identityFlags) rotateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make a key that takes over when it has been published for an hour",
		Long: "Makes a key. A serve that starts from now on publishes it, and one that starts an hour from now\n" +
			"signs with it: by then no counterparty has a key set that lacks it. The old key stays published,\n" +
			"so that what it signed is still good, until it is removed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := f.dir(cmd)
			if err != nil {
				return err
			}
			now := time.Now()
			// The one that signs until then.
			if _, err := identity.OpenKeys(dir, clock.System{}); err != nil {
				return err
			}
			key, err := identity.AddKey(dir, now)
			if err != nil {
				return err
			}
			fmt.Fprintf(f.console.Err, "made %s; restart serve to publish it, and after %s to sign with it\n",
				key.ID(), now.Add(identity.PublishAhead).UTC().Format(time.RFC3339))
			return f.list(dir)
		},
	}
}

func (f *identityFlags) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove KEY",
		Short: "Remove a key: it is published no more, and what it signed is good no more",
		Long: "Removes a key. A serve that starts from now on does not publish it. Wait with it, after a\n" +
			"rotation, until the new key signs and webhooks signed with the old one are delivered. A key that\n" +
			"somebody else may have is removed at once.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := f.dir(cmd)
			if err != nil {
				return err
			}
			if err := identity.RemoveKey(dir, args[0]); err != nil {
				return err
			}
			return f.list(dir)
		},
	}
}

func (f *identityFlags) list(dir string) error {
	keys, err := identity.OpenKeys(dir, clock.System{})
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(f.console.Out, keys.Set(""))
	}
	table := tabwriter.NewWriter(f.console.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tALGORITHM\tMADE\tSTATUS")
	for _, k := range keys.All() {
		status := "published"
		if k.ID() == keys.Signing().ID() {
			status = "signs"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.ID(), k.Algorithm(), dateText(k.Created), status)
	}
	return table.Flush()
}
