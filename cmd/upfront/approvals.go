package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/api"
)

// approvalsFlags are what every sub-command of `upfront approvals` takes.
type approvalsFlags struct{ restFlags }

func approvalsCommand(c console) *cobra.Command {
	f := &approvalsFlags{restFlags{console: c}}
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "Decide on orders that wait for a person",
		Long: "Lists, shows, approves, rejects and asks about the orders that wait for a person's signature: those on\n" +
			"products sold by hand and those that an approval rule keeps (sales.approval in the configuration).\n" + whoseKey,
		Args: cobra.NoArgs,
	}
	f.on(cmd)
	cmd.AddCommand(f.listCommand(), f.showCommand(), f.approveCommand(), f.rejectCommand(), f.askCommand())
	return cmd
}

func (f *approvalsFlags) listCommand() *cobra.Command {
	var decided bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what waits, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/approvals"
			if decided {
				path += "?decided=true"
			}
			var list struct {
				Approvals []api.Approval `json:"approvals"`
			}
			answer, err := f.do(cmd.Context(), http.MethodGet, path, nil, &list)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(f.console.Out, answer)
			}
			return printApprovals(f.console.Out, list.Approvals, decided)
		},
	}
	cmd.Flags().BoolVar(&decided, "decided", false, "list what was decided, latest first")
	return cmd
}

func (f *approvalsFlags) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show TASK",
		Short: "Show one order with its packages and history",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.detail(cmd, http.MethodGet, args[0], "", nil)
		},
	}
}

func (f *approvalsFlags) approveCommand() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   "approve TASK",
		Short: "Sign an order; it goes to the ad server",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.detail(cmd, http.MethodPost, args[0], "/approve", map[string]string{"note": note})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why; it stays in the house")
	return cmd
}

func (f *approvalsFlags) rejectCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "reject TASK --reason TEXT",
		Short:   "Decline an order; the buyer is told the reason",
		Example: `upfront approvals reject task_0123 --reason "no competitors next to the final"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.detail(cmd, http.MethodPost, args[0], "/reject", map[string]string{"reason": reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer is told (required)")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func (f *approvalsFlags) askCommand() *cobra.Command {
	var question string
	cmd := &cobra.Command{
		Use:     "ask TASK --question TEXT",
		Short:   "Ask the buyer something; the order waits for the answer",
		Example: `upfront approvals ask task_0123 --question "May we run it next to news as well?"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.detail(cmd, http.MethodPost, args[0], "/ask", map[string]string{"question": question})
		},
	}
	cmd.Flags().StringVar(&question, "question", "", "what the buyer is asked (required)")
	_ = cmd.MarkFlagRequired("question")
	return cmd
}

// detail makes a call about one order and prints the order as it then is.
func (f *approvalsFlags) detail(cmd *cobra.Command, method, taskID, action string, body any) error {
	var d api.ApprovalDetail
	answer, err := f.do(cmd.Context(), method, "/approvals/"+url.PathEscape(taskID)+action, body, &d)
	switch {
	case err != nil:
		return err
	case f.json:
		return printJSON(f.console.Out, answer)
	}
	return printApproval(f.console.Out, d)
}

func printApprovals(w io.Writer, list []api.Approval, decided bool) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No order waits for a decision.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	last := "SIGNATURE"
	if decided {
		last = "DECIDED BY"
	}
	fmt.Fprintf(table, "TASK\tBUYER\tADVERTISER\tBUDGET\tFLIGHT\tSTATUS\t%s\n", last)
	for _, a := range list {
		note := a.DecidedBy
		if !decided {
			note = roles(a)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s %s\t%s to %s\t%s\t%s\n", a.TaskID, a.Principal, a.Advertiser, a.Budget.Amount, a.Budget.Currency,
			a.Start.Format(time.DateOnly), a.End.Format(time.DateOnly), a.Status, note)
	}
	return table.Flush()
}

// roles are those whose signature the order takes, each once.
func roles(a api.Approval) string {
	var list []string
	for _, s := range a.Signatures {
		if name := string(s.Role); !strings.Contains(strings.Join(list, ","), name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

func printApproval(w io.Writer, d api.ApprovalDetail) error {
	what := "a new media buy"
	if d.MediaBuyID != "" {
		what = "a change of " + d.MediaBuyID
	}
	fmt.Fprintf(w, "%s is %s: %s for %s, %s %s, by %s\n", d.TaskID, d.Status, what, d.Advertiser, d.Budget.Amount, d.Budget.Currency, d.Principal)
	for _, s := range d.Signatures {
		fmt.Fprintf(w, "takes the signature of %s: %s\n", s.Role, s.Why)
	}
	if d.DueAt != nil {
		fmt.Fprintf(w, "the clock decides at %s\n", dateText(*d.DueAt))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nPACKAGE\tPRODUCT\tPRICE\tBUDGET\tFLIGHT")
	for _, p := range d.Packages {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s %s\t%s to %s\n", p.PackageID, p.ProductID, p.PricingOptionID, p.Budget.Amount, p.Budget.Currency,
			p.Start.Format(time.DateOnly), p.End.Format(time.DateOnly))
	}
	fmt.Fprintln(table, "\nWHEN\tWHAT\tWHO\tWHY")
	for _, s := range d.History {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", dateText(s.At), s.What, s.Actor, cmp.Or(s.Reason, "-"))
	}
	return table.Flush()
}
