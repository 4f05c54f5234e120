package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/money"
)

// Widths in characters: of the column of reasons, and of running text.
const (
	reasonWidth = 66
	lineWidth   = 118
)

// WriteBrief prints what was understood of a brief, each field with the words it came from.
func WriteBrief(w io.Writer, b brief.Brief) error {
	t := newTable("field", "understood as", "from the words")
	for _, row := range b.Facts() {
		words := row.Source.Words
		if words == "" {
			words = row.Source.Path
		}
		t.Row(row.Field, wrap(row.Value, 44), wrap(quoted(words), 44))
	}
	return section(w, "Brief: "+b.Name, t)
}

func quoted(words string) string {
	words = strings.Join(strings.Fields(words), " ")
	if r := []rune(words); len(r) > 88 {
		words = string(r[:87]) + "…"
	}
	return words
}

// WritePlan prints a plan for a person to sign: each line with its reason, and
// what was not taken.
func WritePlan(w io.Writer, p buyer.Plan) error {
	lines := newTable("line", "budget and price", "why")
	for _, l := range p.Lines {
		lines.Row(l.Seller+"\n"+l.Product+"\n"+l.ProductID+"\n"+l.Channel, grouped(l.Budget)+"\n"+price(l), wrap(l.Reason, reasonWidth))
	}
	title := fmt.Sprintf("Plan: %s of %s %s over %d lines, for %s",
		grouped(p.Planned), grouped(p.Budget), p.Currency, len(p.Lines), p.Outcome)
	if err := section(w, title, lines); err != nil {
		return err
	}
	fmt.Fprintln(w, wrap("How: "+p.Method+".", lineWidth))
	if len(p.Assumptions) > 0 {
		fmt.Fprintln(w, wrap("Assumed, because no seller says: "+strings.Join(p.Assumptions, "; ")+".", lineWidth))
	}
	if p.UnallocatedReason != "" {
		fmt.Fprintf(w, "%s %s not allocated: %s\n", grouped(p.Unallocated), p.Currency, p.UnallocatedReason)
	}
	if len(p.Rejected) > 0 {
		t := newTable("seller", "product", "why not")
		for _, r := range p.Rejected {
			t.Row(r.Seller, r.ProductID, wrap(r.Reason, reasonWidth+16))
		}
		if err := section(w, fmt.Sprintf("Not taken: %d products", len(p.Rejected)), t); err != nil {
			return err
		}
	}
	return writeLeftOut(w, p.LeftOut)
}

// Write prints the report of a campaign that has run: what was planned, booked and delivered.
func (d Document) Write(w io.Writer) error {
	if err := WriteBrief(w, d.Brief); err != nil {
		return err
	}
	if err := WritePlan(w, d.Plan); err != nil {
		return err
	}
	booked := newTable("seller", "media buy", "status", "package", "product", "budget")
	for _, b := range slices.Concat(d.MediaBuys, d.NotBooked) {
		if len(b.Packages) == 0 {
			booked.Row(b.Seller, b.MediaBuyID, b.Status, "", wrap(b.Reason, 40), grouped(b.Budget))
		}
		for i, p := range b.Packages {
			seller, id, status := b.Seller, b.MediaBuyID, b.Status
			if i > 0 {
				seller, id, status = "", "", ""
			}
			booked.Row(seller, id, status, p.PackageID, p.ProductID, grouped(p.Budget))
		}
	}
	if err := section(w, "Media buys", booked); err != nil {
		return err
	}
	delivered := newTable("seller", "media buy", "product", "impressions", "spend")
	for _, m := range d.Delivery {
		for _, p := range m.ByPackage {
			delivered.Row(m.Seller, m.MediaBuyID, p.ProductID, groupedInt(p.Impressions), grouped(p.Spend))
		}
		delivered.Row("", "", "all of "+m.Seller, groupedInt(m.Impressions), grouped(m.Spend))
	}
	if err := section(w, "Delivery, as the sellers report it", delivered); err != nil {
		return err
	}
	if err := writeLeftOut(w, d.LeftOut); err != nil {
		return err
	}
	return d.writeTotals(w)
}

func (d Document) writeTotals(w io.Writer) error {
	t := newTable("", "amount", "")
	c := " " + d.Totals.Currency
	t.Row("budget", grouped(d.Totals.Budget)+c, "the brief's")
	t.Row("authorised", grouped(d.Totals.Authorised)+c, "what a person signed")
	t.Row("booked", grouped(d.Totals.Booked)+c, share(d.Totals.Booked, d.Totals.Budget)+" of budget")
	t.Row("delivered", grouped(d.Totals.Spend)+c, share(d.Totals.Spend, d.Totals.Booked)+" of booked")
	t.Row("impressions", groupedInt(d.Totals.Impressions), costPerMille(d.Totals)+c+" per thousand")
	return section(w, fmt.Sprintf("Totals: campaign %s, %s", d.CampaignID, d.State), t)
}

func writeLeftOut(w io.Writer, left []buyer.LeftOut) error {
	if len(left) == 0 {
		return nil
	}
	t := newTable("seller", "why")
	for _, l := range left {
		t.Row(l.Seller, wrap(l.Reason, reasonWidth+16))
	}
	return section(w, "Left out", t)
}

func newTable(headers ...string) *table.Table {
	return table.New().Border(lipgloss.NormalBorder()).BorderRow(false).Headers(headers...).
		StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().Padding(0, 1) })
}

func section(w io.Writer, title string, t *table.Table) error {
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", title, t.Render())
	return err
}

func price(l buyer.Line) string {
	if l.Bid != "" {
		return strings.ToUpper(l.PricingModel) + " bid " + l.Bid
	}
	return strings.ToUpper(l.PricingModel) + " " + l.Price
}

func wrap(text string, width int) string { return lipgloss.Wrap(text, width, " ,;") }

// grouped puts a comma between thousands of a decimal string: "150,000.00".
func grouped(decimal string) string {
	whole, frac, _ := strings.Cut(decimal, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}

func groupedInt(n int64) string { return grouped(fmt.Sprint(n)) }

// share is part of whole in per cent with one decimal, rounded down.
func share(part, whole string) string {
	p, errPart := money.Parse(part)
	q, errWhole := money.Parse(whole)
	if errPart != nil || errWhole != nil || q <= 0 {
		return "–"
	}
	permille := p.MulDiv(1000, int64(q))
	return fmt.Sprintf("%d.%d %%", permille/10, permille%10)
}

func costPerMille(t buyer.Totals) string {
	spend, err := money.Parse(t.Spend)
	if err != nil || t.Impressions <= 0 {
		return "–"
	}
	return spend.MulDiv(1000, t.Impressions).Floor(money.Currency(t.Currency)).Format(money.Currency(t.Currency))
}
