package brief

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// briefFields are the fields of the typed brief, in the order in which they are
// printed and in which errors are reported.
var briefFields = []string{
	"name", "advertiser", "objectives", "budget", "currency", "start_date", "end_date", "target_audience", "kpis",
	"channels", "frequency_cap", "brand_safety", "ad_lengths", "price_range", "measurement", "notes", "format", "sources",
}

// typedReader reads the tree of a YAML or JSON brief field by field, collecting
// what is wrong instead of stopping at the first.
type typedReader struct {
	b        Brief
	opts     Options
	problems Errors
}

func readTyped(tree *node, opts Options) (Brief, Errors) {
	r := &typedReader{opts: opts, b: Brief{Sources: map[string]Quote{}}}
	if tree.kind != kindMap {
		r.fail("brief", "is "+tree.kind.String(), "write one object with the brief's fields")
		return r.b, r.problems
	}
	r.known(tree, "", briefFields)
	r.b.Name = r.line(tree, "name")
	r.b.Advertiser = r.line(tree, "advertiser")
	r.b.Objectives = r.lines(tree, "", "objectives")
	r.audience(tree)
	r.dates(tree)
	r.budget(tree)
	r.channels(tree)
	r.frequencyCap(tree)
	r.brandSafety(tree)
	r.adLengths(tree)
	// Targets and prices need the currency.
	r.kpis(tree)
	r.priceRange(tree)
	r.measurement(tree)
	r.notes(tree)
	r.origin(tree)
	if len(r.b.Sources) == 0 {
		r.b.Sources = nil
	}
	return r.b, r.problems
}

func (r *typedReader) fail(field, problem, fix string) {
	r.problems = append(r.problems, &Error{field, problem, fix})
}

// known refuses keys that the mapping at path does not have, and names the nearest.
func (r *typedReader) known(n *node, path string, fields []string) {
	for _, e := range n.keys {
		if slices.Contains(fields, e.key) {
			continue
		}
		fix := "take it out, or use one of " + strings.Join(fields, ", ")
		if near := nearest(e.key, fields); near != "" {
			fix = "did you mean " + near + "?"
		}
		r.fail(join(path, shorten(e.key)), "is not a field of the brief", fix)
	}
}

func (r *typedReader) source(field, words, path string) {
	if words = strings.TrimSpace(words); words != "" {
		r.b.Sources[field] = Quote{Words: words, Path: path}
	}
}

// line reads one line of text.
func (r *typedReader) line(n *node, field string) string {
	v := n.get(field)
	if v == nil {
		return ""
	}
	if !v.scalar() {
		r.fail(field, "is "+v.kind.String(), "write one line of text")
		return ""
	}
	text := oneLine(v.text)
	if len(text) > 300 {
		r.fail(field, fmt.Sprintf("is %d bytes long", len(text)), "write at most 300")
		return ""
	}
	r.source(field, v.text, field)
	return text
}

// lines reads a list of lines; one line stands for a list of one.
func (r *typedReader) lines(n *node, path, key string) []string {
	v := n.get(key)
	if v == nil {
		return nil
	}
	field := join(path, key)
	var out, words []string
	items, paths := v.items(field)
	for i, item := range items {
		if !item.scalar() {
			r.fail(paths[i], "is "+item.kind.String(), "write one line of text")
			continue
		}
		if text := oneLine(item.text); text != "" {
			out, words = appendNew(out, text), append(words, item.text)
		}
	}
	r.source(field, strings.Join(words, ", "), field)
	return out
}

func (r *typedReader) dates(n *node) {
	read := func(field string) Date {
		v := n.get(field)
		if v == nil {
			return Date{}
		}
		if !v.scalar() {
			r.fail(field, "is "+v.kind.String(), "write a day as YYYY-MM-DD")
			return Date{}
		}
		r.source(field, v.text, field)
		d, problem := readDay(v.text)
		if problem != "" {
			r.fail(field, fmt.Sprintf("%q %s", shorten(v.text), problem), "write a day as YYYY-MM-DD")
		}
		return d
	}
	r.b.Start, r.b.End = read("start_date"), read("end_date")
}

// budget reads the amount and the currency, which may stand in one field or two.
func (r *typedReader) budget(n *node) {
	amount, code := n.get("budget"), n.get("currency")
	path := "budget"
	if amount != nil && amount.kind == kindMap {
		r.known(amount, "budget", []string{"amount", "total", "currency"})
		if inner := amount.get("currency"); inner != nil && code == nil {
			code = inner
		} else if inner != nil && inner.text != code.text {
			r.fail("budget.currency", fmt.Sprintf("is %s, and currency is %s", shorten(inner.text), shorten(code.text)), "keep one of them")
		}
		path, amount = "budget.amount", cmp.Or(amount.get("amount"), amount.get("total"))
	}
	var said money.Currency
	if code != nil {
		said = r.currency(code)
	}
	if amount == nil {
		r.b.Budget.Currency = said
		return
	}
	if !amount.scalar() {
		r.fail("budget", "is "+amount.kind.String(), "write an amount, such as 150000")
		return
	}
	r.source("budget", amount.text, path)
	m, found, err := readAmount(amount, said, r.b.Countries())
	switch {
	case err != "":
		r.fail("budget", fmt.Sprintf("%q %s", shorten(amount.text), err), "write an amount, such as 150000, and its currency in currency")
		return
	case found != "" && said != "" && found != said:
		r.fail("currency", fmt.Sprintf("is %s, and the budget is in %s", said, found), "write both in one currency")
	case said == "" && found != "":
		r.source("currency", amount.text, path)
	}
	if said == "" {
		said = found
	}
	r.b.Budget = money.Amount{Micros: m, Currency: said}
}

func (r *typedReader) currency(n *node) money.Currency {
	const fix = "write an ISO 4217 code, such as USD, EUR or JPY"
	if n.kind != kindString {
		r.fail("currency", "is "+n.kind.String(), fix)
		return ""
	}
	r.source("currency", n.text, "currency")
	candidates := signCurrencies(n.text)
	switch len(candidates) {
	case 0:
		r.fail("currency", fmt.Sprintf("%q is not a currency in use", shorten(n.text)), fix)
	case 1:
		return candidates[0]
	default:
		r.fail("currency", fmt.Sprintf("%q can be %s", shorten(n.text), orList(candidates)), "write its ISO 4217 code")
	}
	return ""
}

func (r *typedReader) notes(n *node) {
	v := n.get("notes")
	if v == nil {
		return
	}
	items, paths := v.items("notes")
	var parts []string
	for i, item := range items {
		if !item.scalar() {
			r.fail(paths[i], "is "+item.kind.String(), "write text")
			continue
		}
		parts = append(parts, strings.TrimSpace(item.text))
	}
	r.b.Notes = strings.TrimSpace(strings.Join(parts, "\n"))
	r.source("notes", firstLine(r.b.Notes), "notes")
}

// firstLine is what stands for a longer text in its source.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return shorten(line)
}
