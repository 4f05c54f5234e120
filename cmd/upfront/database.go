package main

import (
	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/server"
)

// databaseFlags are what every command takes that works on the database of
// `upfront serve`, whether that is running or not.
type databaseFlags struct {
	console                console
	data, database, config string
	json                   bool
}

// on puts the flags on a command and its sub-commands.
func (f *databaseFlags) on(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.data, "data", "", "directory of the embedded database (default upfront-data)")
	flags.StringVar(&f.database, "database", "", "postgres:// URL of the database that serve uses instead")
	flags.StringVar(&f.config, "config", "", "configuration file of serve")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// settings are those of serve, as the flags name them.
func (f *databaseFlags) settings(cmd *cobra.Command) (server.Settings, error) {
	given := map[string]any{}
	for name, value := range map[string]string{"data": f.data, "database": f.database} {
		if cmd.Flags().Changed(name) {
			given[name] = value
		}
	}
	return server.LoadSettings(f.config, f.console.Getenv, given)
}
