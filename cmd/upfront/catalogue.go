package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/api"
)

// catalogueFlags are what every sub-command of `upfront catalogue` takes.
type catalogueFlags struct{ restFlags }

func catalogueCommand(c console) *cobra.Command {
	f := &catalogueFlags{restFlags{console: c}}
	cmd := &cobra.Command{
		Use:   "catalogue",
		Short: "Publish what is sold",
		Long: "Lists, shows, checks, imports, exports and removes the products that a publisher sells. What is published is\n" +
			"sold from the next call on; what is booked stays as it was booked. To change takes the role adops.\n" + whoseKey,
		Args: cobra.NoArgs,
	}
	f.on(cmd)
	cmd.AddCommand(f.listCommand(), f.showCommand(), f.checkCommand(), f.importCommand(), f.exportCommand(), f.removeCommand())
	return cmd
}

// cataloguePage is how many products are asked for at once.
const cataloguePage = 1000

func (f *catalogueFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the products that are sold",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []api.CatalogueProduct
			for after := int64(0); ; after = all[len(all)-1].Position {
				var page struct {
					Products []api.CatalogueProduct `json:"products"`
				}
				if _, err := f.do(cmd.Context(), http.MethodGet, fmt.Sprintf("/products?limit=%d&after=%d", cataloguePage, after), nil, &page); err != nil {
					return err
				}
				if all = append(all, page.Products...); len(page.Products) < cataloguePage {
					break
				}
			}
			if f.json {
				document, err := json.Marshal(map[string]any{"products": all})
				if err != nil {
					return err
				}
				return printJSON(f.console.Out, document)
			}
			return printProducts(f.console.Out, all)
		},
	}
}

func (f *catalogueFlags) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show PRODUCT",
		Short: "Show one product as it was published",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p api.CatalogueProductDetail
			answer, err := f.do(cmd.Context(), http.MethodGet, "/products/"+url.PathEscape(args[0]), nil, &p)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(f.console.Out, answer)
			}
			fmt.Fprintf(f.console.Out, "%s, revision %d, changed by %s at %s\n", p.Name, p.Revision, p.ChangedBy, dateText(p.ChangedAt))
			return printJSON(f.console.Out, p.Document)
		},
	}
}

// importFlags are what becomes of a file.
type importFlags struct {
	keep, dryRun   bool
	seller, domain string
}

func (f *catalogueFlags) checkCommand() *cobra.Command {
	flags := importFlags{dryRun: true}
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what importing a file would change, or what is wrong with it",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return f.send(cmd, args[0], flags) },
	}
	flags.on(cmd)
	return cmd
}

func (f *catalogueFlags) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:     "import FILE",
		Short:   "Sell what a file has: all of it, or nothing where something is wrong",
		Long:    "Makes the file the catalogue: a product that it does not have is sold no more, unless --keep is given.\nFILE is YAML as `upfront catalogue export` prints it, or a rate card that ends in .csv (docs/publisher.md lists\nits columns); - is YAML from standard input.",
		Example: "upfront catalogue import rates.csv --seller \"Corner Daily\" --domain corner.example",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.send(cmd, args[0], flags) },
	}
	flags.on(cmd)
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "check, and change nothing")
	return cmd
}

func (i *importFlags) on(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&i.keep, "keep", false, "keep the products that the file does not have")
	cmd.Flags().StringVar(&i.seller, "seller", "", "the seller's name, which a rate card does not have (default: as it is)")
	cmd.Flags().StringVar(&i.domain, "domain", "", "the seller's domain, as well")
}

// send imports a file and tells what that changed.
func (f *catalogueFlags) send(cmd *cobra.Command, path string, flags importFlags) error {
	text, err := f.read(path)
	if err != nil {
		return err
	}
	query := url.Values{"keep": {fmt.Sprint(flags.keep)}, "dry_run": {fmt.Sprint(flags.dryRun)}}
	body := typed{bytes.NewReader(text), "application/yaml"}
	switch csv := strings.EqualFold(filepath.Ext(path), ".csv"); {
	case csv:
		body.contentType = "text/csv"
		query.Set("seller", flags.seller)
		query.Set("domain", flags.domain)
	case flags.seller != "" || flags.domain != "":
		return errors.New("--seller and --domain go with a rate card in CSV; a YAML catalogue names its seller")
	}
	var changes api.CatalogueChanges
	answer, err := f.do(cmd.Context(), http.MethodPost, "/catalogue?"+query.Encode(), body, &changes)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case f.json:
		return printJSON(f.console.Out, answer)
	}
	return printChanges(f.console.Out, changes)
}

func (f *catalogueFlags) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(f.console.In)
	}
	return os.ReadFile(path)
}

func (f *catalogueFlags) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "export",
		Short:   "Print the whole catalogue as YAML",
		Example: "upfront catalogue export > catalogue.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := f.do(cmd.Context(), http.MethodGet, "/catalogue", nil, nil)
			if err == nil {
				_, err = f.console.Out.Write(text)
			}
			return err
		},
	}
}

func (f *catalogueFlags) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove PRODUCT",
		Short: "Sell a product no more; what is booked on it stays",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes api.CatalogueChanges
			answer, err := f.do(cmd.Context(), http.MethodDelete, "/products/"+url.PathEscape(args[0]), nil, &changes)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(f.console.Out, answer)
			}
			return printChanges(f.console.Out, changes)
		},
	}
}

func printProducts(w io.Writer, list []api.CatalogueProduct) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PRODUCT\tCHANNELS\tCOUNTRIES\tSOLD\tPRICE\tREV\tCHANGED")
	for _, p := range list {
		sold := "as it delivers"
		if p.Guaranteed {
			sold = "guaranteed"
		}
		if p.Approval == "manual" {
			sold += ", signed"
		}
		price := strings.Join(p.Prices[:min(1, len(p.Prices))], "")
		if more := len(p.Prices) - 1; more > 0 {
			price += fmt.Sprintf(" (+%d)", more)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s by %s\n", p.ID, strings.Join(p.Channels, ","), strings.Join(p.Countries, ","), sold,
			price, p.Revision, p.ChangedAt.Format(time.DateOnly), p.ChangedBy)
	}
	return table.Flush()
}

// maxNamed is how many products of a kind a change names.
const maxNamed = 10

func printChanges(w io.Writer, c api.CatalogueChanges) error {
	for _, kind := range []struct {
		what string
		ids  []string
	}{{"added", c.Added}, {"changed", c.Changed}, {"removed", c.Removed}} {
		if n := len(kind.ids); n > 0 {
			more := ""
			if n > maxNamed {
				more = fmt.Sprintf(" and %d more", n-maxNamed)
			}
			fmt.Fprintf(w, "%-8s %d: %s%s\n", kind.what, n, strings.Join(kind.ids[:min(n, maxNamed)], ", "), more)
		}
	}
	did := cmp.Or(map[bool]string{true: "Nothing was changed: this was a check"}[c.DryRun], "The catalogue is sold from now on")
	_, err := fmt.Fprintf(w, "%d as before. %s; its revision is %d.\n", c.Unchanged, did, c.Revision)
	return err
}
