package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/api"
)

// creativesFlags are what every sub-command of `upfront creatives` takes.
type creativesFlags struct{ restFlags }

func creativesCommand(c console) *cobra.Command {
	f := &creativesFlags{restFlags{console: c}}
	cmd := &cobra.Command{
		Use:   "creatives",
		Short: "Review the creatives of buyers",
		Long: "Lists, shows, approves, rejects and suspends the creatives in the libraries of accounts. What a format\n" +
			"rules out is refused before anybody sees it; the rest waits for a person where the configuration says\n" +
			"so (sales.creative_review: manual).\n" + whoseKey,
		Args: cobra.NoArgs,
	}
	f.on(cmd)
	cmd.AddCommand(f.listCommand(), f.showCommand(),
		f.decision("approve", "Let a creative be served", false),
		f.decision("reject", "Refuse a creative; the buyer is told the reason", true),
		f.decision("suspend", "Take an approved creative off for now; the buyer is told the reason", true),
		f.decision("review", "Take an approved creative back for review; the buyer is told the reason", true))
	return cmd
}

func (f *creativesFlags) listCommand() *cobra.Command {
	var status string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what waits for review, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list struct {
				Creatives []api.Creative `json:"creatives"`
			}
			answer, err := f.do(cmd.Context(), http.MethodGet, "/creatives?status="+url.QueryEscape(status), nil, &list)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(f.console.Out, answer)
			}
			return printCreatives(f.console.Out, list.Creatives, status)
		},
	}
	cmd.Flags().StringVar(&status, "status", "pending_review", "processing, pending_review, approved, suspended, rejected or archived")
	return cmd
}

func (f *creativesFlags) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ACCOUNT CREATIVE",
		Short: "Show one creative with its assets and the packages it is on",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.detail(cmd, http.MethodGet, args, "", nil)
		},
	}
}

// decision is a sub-command that moves a creative.
func (f *creativesFlags) decision(verb, short string, reasoned bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   verb + " ACCOUNT CREATIVE",
		Short: short,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var body any
			if reasoned {
				body = map[string]string{"reason": reason}
			}
			return f.detail(cmd, http.MethodPost, args, "/"+verb, body)
		},
	}
	if reasoned {
		cmd.Use += " --reason TEXT"
		cmd.Example = fmt.Sprintf("upfront creatives %s acct_0123 banner-1 --reason \"the offer has ended\"", verb)
		cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer is told (required)")
		_ = cmd.MarkFlagRequired("reason")
	}
	return cmd
}

// detail makes a call about one creative and prints it as it then is.
func (f *creativesFlags) detail(cmd *cobra.Command, method string, args []string, action string, body any) error {
	var d api.CreativeDetail
	answer, err := f.do(cmd.Context(), method, "/creatives/"+url.PathEscape(args[0])+"/"+url.PathEscape(args[1])+action, body, &d)
	switch {
	case err != nil:
		return err
	case f.json:
		return printJSON(f.console.Out, answer)
	}
	return printCreative(f.console.Out, d)
}

func printCreatives(w io.Writer, list []api.Creative, status string) error {
	if len(list) == 0 {
		_, err := fmt.Fprintf(w, "No creative is %s.\n", status)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACCOUNT\tCREATIVE\tNAME\tFORMAT\tSTATUS\tSINCE")
	for _, c := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.AccountID, c.CreativeID, c.Name, c.Format, c.Status, dateText(c.UpdatedAt))
	}
	return table.Flush()
}

func printCreative(w io.Writer, d api.CreativeDetail) error {
	fmt.Fprintf(w, "%s (%s) of %s is %s\n", d.CreativeID, d.Format, d.AccountID, d.Status)
	if r := d.Review; r != nil {
		fmt.Fprintf(w, "by %s at %s, from %s: %s\n", r.By, dateText(r.At), cmp.Or(r.From, "upload"), cmp.Or(r.Reason, "-"))
	}
	fmt.Fprintf(w, "on packages: %s\n\n", cmp.Or(strings.Join(d.Packages, ", "), "none"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ASSET\tCONTENT")
	for _, key := range slices.Sorted(maps.Keys(d.Assets)) {
		fmt.Fprintf(table, "%s\t%s\n", key, d.Assets[key])
	}
	return table.Flush()
}
