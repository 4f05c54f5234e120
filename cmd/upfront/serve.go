package main

import (
	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/server"
)

func serveCommand(c console) *cobra.Command {
	var config string
	var given struct{ listen, public, data, database, testKeys string }
	var sandbox bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a sales agent",
		Long: "Serves the sales agent at /sales/mcp, health at /healthz and metrics at /metrics.\n" +
			"Without --config it sells an example catalogue and knows no principal, so that anyone may\n" +
			"browse and nobody can buy. examples/upfront.yaml shows every setting.\n\n" +
			"With --sandbox it is an agent to test against: it knows the protocol's published test\n" +
			"principals and offers them comply_test_controller, signs orders by itself after a second, and\n" +
			"keeps its data and its log in upfront-sandbox. It then listens on loopback only, over https too,\n" +
			"under a certificate authority of its own that it names.",
		Example: "upfront serve --config examples/upfront.yaml\nupfront serve --sandbox",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			over := map[string]any{}
			for setting, value := range map[string]string{
				"listen": given.listen, "public_url": given.public, "data": given.data, "database": given.database,
				"request_signing.test_keys": given.testKeys,
			} {
				if value != "" {
					over[setting] = value
				}
			}
			if cmd.Flags().Changed("sandbox") {
				over["sandbox"] = sandbox
			}
			settings, err := server.LoadSettings(config, c.Getenv, over)
			if err != nil {
				return err
			}
			return server.Serve(cmd.Context(), settings, c.Getenv, c.Err)
		},
	}
	cmd.Flags().StringVar(&given.listen, "addr", "", "address to listen on (default 127.0.0.1:8080)")
	cmd.Flags().StringVar(&given.public, "public-url", "", "address under which others reach the agent (default http:// and --addr)")
	cmd.Flags().StringVar(&given.data, "data", "", "directory of the embedded database (default upfront-data, or upfront-sandbox)")
	cmd.Flags().StringVar(&given.database, "database", "", "postgres:// URL of a database to use instead")
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "be an agent to test against; loopback only")
	cmd.Flags().StringVar(&given.testKeys, "test-keys", "", "in the sandbox, accept signatures of the protocol's published test keys in this file (test-vectors/request-signing/keys.json)")
	cmd.Flags().StringVar(&config, "config", "", "configuration file")
	return cmd
}
