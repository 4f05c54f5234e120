package brief

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

var (
	budgetBefore = regexp.MustCompile(`\b(?:budget(?:ed)?|spend(?:ing)?|invest(?:ment|ing)?|funds|funding|we have|have got|worth|putting|allocat(?:e|ed|ing)|to put)\b[^.;\d]{0,40}$`)
	budgetAfter  = regexp.MustCompile(`^[^.;,\d]{0,24}\b(?:budget|media spend|in media|to spend|to invest|media budget|all in|in total|total)\b`)
	totalBefore  = regexp.MustCompile(`\b(?:total|overall|whole|entire|full|altogether|all-in)\b[^.;\d]{0,30}$`)
	totalAfter   = regexp.MustCompile(`^[^.;,\d]{0,24}\b(?:in total|total|overall|all in|altogether)\b`)
	perPeriod    = regexp.MustCompile(`^\s*(?:/|per|a|each|every|for each)\s*(day|week|month|quarter|year|market|country|channel|city|store)\b|^\s*(daily|weekly|monthly)\b`)
	periodBefore = regexp.MustCompile(`\b(daily|weekly|monthly|quarterly|yearly|annual)\s+(?:media )?(?:budget|spend)\b[^.;\d]{0,20}$`)
	otherAmount  = regexp.MustCompile(`\b(?:sales|revenue|turnover|order value|basket|minimum order|retail(?:s|ing)? (?:at|for)|sells? (?:at|for)|price[ds]?|costs?|costing|discount|voucher|prize|save|saving|off|raised|valued|income|incomes|earning|earn|fee|fees|shipping|orders? (?:over|above)|last year|previous(?:ly)?)\b[^.;\d]{0,30}$`)
	otherAfter   = regexp.MustCompile(`^[^.;,\d]{0,4}\b(?:off|discount|in sales|in revenue|of sales|of revenue|voucher|prize|income|basket|order value|price tag|shoes?|subscription)\b`)
	orAmount     = regexp.MustCompile(`^\s*(?:\bor\b|/|\bvs\.?)\s*(?:maybe |even |perhaps |possibly )?[^\s\d]{0,4}\d`)
	currencyWord = regexp.MustCompile(`\b(?:in|currency\s*:?|prices? in|all in)\s+(` + signsAfter + `)`)
)

// money reads the currency, unit prices and the budget.
func (r *textReader) money() {
	tokens := amountTokens(r.text, r.taken)
	if len(tokens) > maxMentions {
		r.fail("budget", fmt.Sprintf("is one of %d numbers", len(tokens)), "write the brief without its tables")
		return
	}
	said := r.currenciesSaid(tokens)
	settled := func(sign string) (money.Currency, bool) {
		if sign == "" {
			if len(said) == 1 {
				return said[0], true
			}
			return "", false
		}
		return settle(signCurrencies(sign), said, r.b.Countries())
	}
	var rest []amountToken
	for _, t := range tokens {
		metric, around, ceiling, ok := priceOf(t, r.before(t.span, 60), r.after(t.span, 40))
		if !ok || strings.HasPrefix(strings.TrimSpace(r.after(t.span, 12)), "%") {
			rest = append(rest, t)
			continue
		}
		t.span = around
		r.take(t.span)
		r.setPrice(makePrice(t, metric, ceiling, settled))
	}
	r.budget(rest, settled)
	r.checkPrices()
}

// currenciesSaid are the currencies named beyond doubt.
func (r *textReader) currenciesSaid(tokens []amountToken) []money.Currency {
	var said []money.Currency
	for _, t := range tokens {
		for _, sign := range []string{t.low.sign, t.high.sign} {
			if c := signCurrencies(sign); len(c) == 1 {
				said = appendNew(said, c[0])
			}
		}
	}
	for _, at := range currencyWord.FindAllStringSubmatchIndex(r.text, 20) {
		if c := signCurrencies(r.text[at[2]:at[3]]); len(c) == 1 {
			said = appendNew(said, c[0])
			r.quote("currency", span{at[2], at[3]})
		}
	}
	for _, s := range r.labelled("currency") {
		c := signCurrencies(strings.Trim(r.words(s), " ."))
		if len(c) == 1 {
			said = appendNew(said, c[0])
		}
		r.quote("currency", s)
	}
	return said
}

// setPrice keeps a price as the range of the brief or as a KPI.
func (r *textReader) setPrice(p unitPrice) {
	field := p.field()
	words := shorten(r.words(p.span))
	if p.problem != "" {
		r.fail(field, fmt.Sprintf("%q %s", words, p.problem), "write it with its currency, such as 20-25 USD CPM")
		return
	}
	r.prices = append(r.prices, p)
	if field == "price_range" && r.b.Price == nil {
		r.b.Price = &PriceRange{p.model, p.min, p.max}
		r.quote(field, p.span)
		return
	}
	if field == "price_range" && r.b.Price.Model == p.model {
		if *r.b.Price != (PriceRange{p.model, p.min, p.max}) {
			r.fail(field, fmt.Sprintf("is there twice: %q and %q", shorten(r.b.Sources[field].Words), words), "keep one of them")
		}
		return
	}
	r.addKPI(KPI{Metric: p.metric, Target: p.max.Literal(), Unit: string(p.currency)}, p.span)
}

func (r *textReader) addKPI(k KPI, s span) {
	if old, there := r.b.KPI(k.Metric); there {
		if old != k {
			r.fail("kpis."+k.Metric, fmt.Sprintf("is there twice: %s and %s", old.Target, k.Target), "keep one of them")
		}
		return
	}
	r.b.KPIs = append(r.b.KPIs, k)
	r.quoteOne("kpis", k.Metric, s)
}

// checkPrices holds prices to the budget's currency: nothing is converted.
func (r *textReader) checkPrices() {
	for _, p := range r.prices {
		if c := r.b.Budget.Currency; c != "" && p.currency != c {
			r.fail(p.field(), fmt.Sprintf("%q is in %s, and the budget is in %s", shorten(r.words(p.span)), p.currency, c), "write both in one currency")
			return
		}
	}
}

// budget chooses the amount that is the budget. Amounts beside a word such as
// "budget" come first; without one, a single amount of money is it. It refuses
// to choose between several.
func (r *textReader) budget(tokens []amountToken, settled func(string) (money.Currency, bool)) {
	var strong, plain []amountToken
	for _, t := range tokens {
		before, after := r.before(t.span, 60), r.after(t.span, 40)
		if strings.HasPrefix(strings.TrimSpace(after), "%") || r.isYear(t) {
			continue
		}
		switch named := budgetBefore.MatchString(before) || budgetAfter.MatchString(after); {
		case named && !otherAfter.MatchString(after) && (t.sign() != "" || r.bareBudget(t)):
			strong = append(strong, t)
		case t.sign() != "" && !otherAmount.MatchString(before) && !otherAfter.MatchString(after):
			plain = append(plain, t)
		}
	}
	candidates := strong
	if len(strong) == 0 {
		candidates = plain
	}
	chosen, ok := r.oneBudget(candidates, settled)
	if !ok {
		return
	}
	words := shorten(r.words(chosen.span))
	if m := orAmount.FindString(r.after(chosen.span, 40)); m != "" {
		r.fail("budget", fmt.Sprintf("has more than one reading: %q", words+strings.TrimRight(m, " ")+" …"), "write one total, as budget: 150000 USD")
		return
	}
	r.quote("budget", chosen.span)
	r.take(chosen.span)
	if m := perPeriod.FindStringSubmatch(r.after(chosen.span, 24)); m != nil {
		r.fail("budget", fmt.Sprintf("%q is per %s", words, strings.TrimSuffix(cmp.Or(m[1], m[2]), "ly")), "write the total for the whole flight")
		return
	}
	if m := periodBefore.FindStringSubmatch(r.before(chosen.span, 60)); m != nil {
		r.fail("budget", fmt.Sprintf("%q is a %s budget", words, m[1]), "write the total for the whole flight")
		return
	}
	if chosen.ranged {
		r.fail("budget", fmt.Sprintf("%q is a range", words), "write the most that may be spent")
		return
	}
	r.setBudget(chosen, words, settled)
}

// isYear tells a year from an amount: four digits without sign or magnitude.
func (r *textReader) isYear(t amountToken) bool {
	return t.sign() == "" && t.high.mag == "" && bareYear.MatchString(t.high.digits) && len(t.high.digits) == 4
}

// bareBudget reports whether a number without a currency is directly named the
// budget, as in "budget: 150,000" and "a budget of 150k".
func (r *textReader) bareBudget(t amountToken) bool {
	return bareBudgetBefore.MatchString(r.before(t.span, 40)) || bareBudgetAfter.MatchString(r.after(t.span, 16))
}

var (
	bareBudgetBefore = regexp.MustCompile(`\b(?:budget|spend|invest)\s*(?:is|of|:|=|will be|at|total|was set at)?\s*(?:about |around |up to |a total of )?$`)
	bareBudgetAfter  = regexp.MustCompile(`^\s*(?:media )?(?:budget|total budget)\b`)
)

func (r *textReader) oneBudget(candidates []amountToken, settled func(string) (money.Currency, bool)) (amountToken, bool) {
	if len(candidates) == 0 {
		return amountToken{}, false
	}
	same := func(a, b amountToken) bool {
		x, err1 := r.amount(a, settled)
		y, err2 := r.amount(b, settled)
		return err1 == nil && err2 == nil && x == y
	}
	var distinct, totals []amountToken
	for _, t := range candidates {
		if !slices.ContainsFunc(distinct, func(d amountToken) bool { return same(d, t) }) {
			distinct = append(distinct, t)
			if totalBefore.MatchString(r.before(t.span, 50)) || totalAfter.MatchString(r.after(t.span, 30)) {
				totals = append(totals, t)
			}
		}
		if len(distinct) > 20 {
			break
		}
	}
	if len(distinct) == 1 {
		return distinct[0], true
	}
	if len(totals) == 1 {
		return totals[0], true
	}
	if whole, ok := r.sumOf(distinct, settled); ok {
		return whole, true
	}
	r.fail("budget", fmt.Sprintf("has more than one reading: %q and %q", shorten(r.words(distinct[0].span)), shorten(r.words(distinct[1].span))),
		"write one total, as budget: 150000 USD")
	return amountToken{}, false
}

// sumOf finds the amount that the others add up to: the total and its parts.
func (r *textReader) sumOf(list []amountToken, settled func(string) (money.Currency, bool)) (amountToken, bool) {
	var sum, most money.Micros
	at := 0
	for i, t := range list {
		m, err := r.amount(t, settled)
		if err != nil || m <= 0 || m > 1<<53 {
			return amountToken{}, false
		}
		sum += m
		if m > most {
			most, at = m, i
		}
	}
	return list[at], len(list) > 2 && sum-most == most
}

func (r *textReader) amount(t amountToken, settled func(string) (money.Currency, bool)) (money.Micros, error) {
	c, _ := settled(t.sign())
	if t.high.clash {
		return 0, errAmbiguousNumber
	}
	return t.high.value(c)
}

func (r *textReader) setBudget(t amountToken, words string, settled func(string) (money.Currency, bool)) {
	c, ok := settled(t.sign())
	m, err := r.amount(t, settled)
	if err != nil {
		r.fail("budget", fmt.Sprintf("%q is not an amount that can be read exactly", words), "write it as 150000 USD")
		return
	}
	r.b.Budget.Micros = m
	if !ok {
		if t.sign() != "" {
			r.fail("currency", fmt.Sprintf("%q can be %s", words, orList(signCurrencies(t.sign()))), "write the ISO 4217 code, as 150000 USD")
		}
		return
	}
	r.b.Budget.Currency = c
	r.quote("currency", t.span)
	if problem := coins(m, c); problem != "" {
		r.fail("budget", fmt.Sprintf("%q %s", words, problem), "write whole coins")
	}
}
