package brief

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// kpis reads a mapping of metric to target, or a list of mappings.
func (r *typedReader) kpis(n *node) {
	v := n.get("kpis")
	if v == nil {
		return
	}
	const fix = "write a mapping of metric to target, such as ctr: 0.35%"
	var words []string
	switch v.kind {
	case kindMap:
		for _, e := range v.keys {
			words = append(words, r.kpi(join("kpis", shorten(e.key)), e.key, e.value))
		}
	case kindList:
		items, paths := v.items("kpis")
		for i, item := range items {
			metric, target := kpiEntry(item)
			if target == nil {
				r.fail(paths[i], "is not a metric with its target", fix)
				continue
			}
			words = append(words, r.kpi(paths[i], metric, target))
		}
	default:
		r.fail("kpis", "is "+v.kind.String(), fix)
	}
	slices.SortFunc(r.b.KPIs, func(a, b KPI) int { return strings.Compare(a.Metric, b.Metric) })
	r.source("kpis", strings.Join(words, ", "), "kpis")
}

// kpiEntry reads an element of a list: {metric: ctr, target: 0.35%}, {ctr: 0.35%} or "ctr: 0.35%".
func kpiEntry(item *node) (metric string, target *node) {
	switch item.kind {
	case kindMap:
		if m := item.get("metric"); m != nil {
			if t := cmp.Or(item.get("target"), item.get("value")); t != nil && len(item.keys) == 2 {
				return m.text, t
			}
			return "", nil
		}
		if len(item.keys) == 1 {
			return item.keys[0].key, item.keys[0].value
		}
	case kindString:
		if metric, target, ok := strings.Cut(item.text, ":"); ok {
			return strings.TrimSpace(metric), &node{kind: kindString, text: strings.TrimSpace(target)}
		}
	}
	return "", nil
}

func (r *typedReader) kpi(field, written string, target *node) (words string) {
	metric, ok := metricName(written)
	if !ok {
		r.fail(field, fmt.Sprintf("%q is not the name of a metric", shorten(written)), "write letters and underscores, such as completion_rate")
		return ""
	}
	if !target.scalar() {
		r.fail(field, "is "+target.kind.String(), "write one number")
		return ""
	}
	words = written + " " + target.text
	k, problem := readTarget(metric, target, r.b.Budget.Currency, r.b.Countries())
	if problem != "" {
		r.fail(field, fmt.Sprintf("%q %s", shorten(target.text), problem), "write one number, with % or the brief's currency where it has one")
		return words
	}
	if _, twice := r.b.KPI(metric); twice {
		r.fail(field, "is there twice as "+metric, "keep one of them")
		return words
	}
	r.b.KPIs = append(r.b.KPIs, k)
	return words
}

var (
	boundWords   = regexp.MustCompile(`(?i)^(?:<=|>=|<|>|≤|≥|at least|at most|no more than|not more than|no less than|up to|under|over|below|above|max(?:imum)?|min(?:imum)?|around|about|approx(?:imately)?\.?|~)\s*`)
	percentForm  = regexp.MustCompile(`(?i)^(.+?)\s*(?:%|percent|per cent)$`)
	ratioForm    = regexp.MustCompile(`^(\d+(?:[.,]\d+)?)\s*(?::\s*1|x)$`)
	justNumber   = regexp.MustCompile(`^(` + numberPattern + `)(` + magnitudePattern + `)?$`)
	boundTrailer = regexp.MustCompile(`(?i)\s+(?:or (?:less|more|lower|higher|under|over|better|below|above)|max(?:imum)?|min(?:imum)?)$`)
)

// readTarget reads a target: a decimal, a percentage, a ratio such as 4:1, or an
// amount in the brief's currency. Words such as "at least" are taken off,
// because the metric itself says which way is better.
func readTarget(metric string, n *node, c money.Currency, countries []string) (KPI, string) {
	text := boundTrailer.ReplaceAllString(boundWords.ReplaceAllString(strings.TrimSpace(n.text), ""), "")
	k := KPI{Metric: metric}
	if n.kind == kindNumber {
		text = strings.ReplaceAll(text, "_", "")
	}
	var m money.Micros
	var err error
	switch {
	case plainDecimal.MatchString(text):
		m, err = money.Parse(text)
	case ratioForm.MatchString(text):
		m, err = exact(ratioForm.FindStringSubmatch(text)[1], "", "", false)
	case percentForm.MatchString(text):
		k.Unit = "%"
		inner := percentForm.FindStringSubmatch(text)[1]
		if !justNumber.MatchString(inner) && !plainDecimal.MatchString(inner) {
			return k, "is not a number"
		}
		m, err = exact(inner, "", "", false)
	case justNumber.MatchString(text):
		g := justNumber.FindStringSubmatch(text)
		m, err = exact(g[1], g[2], "", false)
	default:
		return moneyTarget(k, text, c, countries)
	}
	if err != nil {
		return k, "is not a number that can be kept exactly"
	}
	if k.Unit == "" && metricIsCost(metric) {
		k.Unit = string(c)
	}
	k.Target = m.Literal()
	return k, targetProblem(k, m)
}

func moneyTarget(k KPI, text string, c money.Currency, countries []string) (KPI, string) {
	match := wholeAmount.FindStringSubmatch(text)
	if match == nil {
		return k, "is not a number"
	}
	p := parts(wholeAmount, match)
	found, ok := settle(signCurrencies(p.sign), []money.Currency{c}, countries)
	switch {
	case p.clash || !ok:
		return k, "does not say its currency"
	case c != "" && found != c:
		return k, fmt.Sprintf("is in %s, and the budget is in %s", found, c)
	case p.negative:
		return k, "is not above zero"
	}
	m, err := exact(p.digits, p.mag, found, false)
	if err != nil {
		return k, "is not an amount that can be kept exactly"
	}
	k.Unit, k.Target = string(found), m.Literal()
	return k, targetProblem(k, m)
}

func targetProblem(k KPI, m money.Micros) string {
	switch {
	case m <= 0:
		return "is not above zero"
	case k.Unit == "%" && metricIsCost(k.Metric):
		return "is a percentage, and " + k.Metric + " is an amount"
	case metricIsRate(k.Metric) && m > 100*money.Unit:
		return "is more than 100 %"
	case metricIsRate(k.Metric) && k.Unit != "" && k.Unit != "%":
		return "is an amount, and " + k.Metric + " is a share"
	}
	return ""
}

var priceFields = []string{"model", "min", "max"}

// priceRange reads {model, min, max} or words such as "20-25 USD CPM".
func (r *typedReader) priceRange(n *node) {
	v := n.get("price_range")
	if v == nil {
		return
	}
	const fix = "write model, min and max, such as cpm, 20 and 25"
	c := r.b.Budget.Currency
	if v.kind == kindString {
		found := findPrices(v.text, func(sign string) (money.Currency, bool) {
			if sign == "" {
				return c, c != ""
			}
			return settle(signCurrencies(sign), []money.Currency{c}, r.b.Countries())
		})
		if len(found) != 1 || found[0].problem != "" || found[0].model == "" || found[0].currency != c {
			r.fail("price_range", fmt.Sprintf("%q is not a price range in the brief's currency", shorten(v.text)), fix)
			return
		}
		r.b.Price = &PriceRange{found[0].model, found[0].min, found[0].max}
		r.source("price_range", v.text, "price_range")
		return
	}
	if v.kind != kindMap {
		r.fail("price_range", "is "+v.kind.String(), fix)
		return
	}
	r.known(v, "price_range", priceFields)
	p := PriceRange{}
	if model := v.get("model"); model != nil {
		name, _ := metricName(model.text)
		if p.Model = pricingModels[name]; p.Model == "" {
			r.fail("price_range.model", fmt.Sprintf("%q is not a unit price", shorten(model.text)), "use cpm, cpc, cpcv, cpv or cpa")
		}
	} else {
		r.fail("price_range.model", "is missing", "use cpm, cpc, cpcv, cpv or cpa")
	}
	p.Min, p.Max = r.price(v, "min", c), r.price(v, "max", c)
	switch {
	case v.get("max") == nil:
		r.fail("price_range.max", "is missing", fix)
	case p.Min > p.Max && p.Max > 0:
		r.fail("price_range", "has a min above its max", fix)
	}
	r.b.Price = &p
	r.source("price_range", fmt.Sprintf("%s %s to %s", p.Model, p.Min, p.Max), "price_range")
}

func (r *typedReader) price(n *node, key string, c money.Currency) money.Micros {
	v := n.get(key)
	if v == nil {
		return 0
	}
	field := "price_range." + key
	k, problem := KPI{}, "is "+v.kind.String()
	if v.scalar() {
		k, problem = readTarget("cpm", v, c, r.b.Countries())
	}
	if problem != "" {
		r.fail(field, fmt.Sprintf("%q %s", shorten(v.text), problem), "write an amount above zero in the brief's currency")
	}
	return k.Micros()
}
