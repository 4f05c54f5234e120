package main

import (
	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/server"
)

func serveCommand(c console) *cobra.Command {
	var config string
	flags := map[string]*string{"listen": new(""), "data": new(""), "database": new("")}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a sales agent",
		Long: "Serves the sales agent at /sales/mcp, health at /healthz and metrics at /metrics.\n" +
			"Without --config it sells an example catalogue and knows no principal, so that anyone may\n" +
			"browse and nobody can buy. examples/upfront.yaml shows every setting.",
		Example: "upfront serve --config examples/upfront.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given := map[string]any{}
			for name, flag := range map[string]string{"listen": "addr", "data": "data", "database": "database"} {
				if cmd.Flags().Changed(flag) {
					given[name] = *flags[name]
				}
			}
			settings, err := server.LoadSettings(config, c.Getenv, given)
			if err != nil {
				return err
			}
			return server.Serve(cmd.Context(), settings, c.Getenv, c.Err)
		},
	}
	cmd.Flags().StringVar(flags["listen"], "addr", "", "address to listen on (default 127.0.0.1:8080)")
	cmd.Flags().StringVar(flags["data"], "data", "", "directory of the embedded database (default upfront-data)")
	cmd.Flags().StringVar(flags["database"], "database", "", "postgres:// URL of a database to use instead")
	cmd.Flags().StringVar(&config, "config", "", "configuration file")
	return cmd
}
