package brief

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// amountToken is an amount or a range of amounts as it stands in a text. A
// number without a sign of money is one too: what is around it tells.
type amountToken struct {
	span
	low, high amountParts // equal where it is no range
	ranged    bool
}

// sign is the currency's sign; of a range, whichever end carries one.
func (t amountToken) sign() string { return cmp.Or(t.high.sign, t.low.sign) }

var (
	plainSource  = `(` + signsBefore + `)?` + blank + `(` + numberPattern + `)(` + magnitudePattern + `)?(?:` + blank + `(` + signsAfter + `))?`
	rangeAmounts = regexp.MustCompile(`(?i:\bbetween\s+)` + plainSource + `\s+and\s+` + plainSource)
	dashAmounts  = regexp.MustCompile(plainSource + blank + `(?:-|–|—|to)` + blank + plainSource)
	oneAmount    = regexp.MustCompile(`([-−]` + blank + `)?(` + signsBefore + `)?` + blank + `([-−]` + blank + `)?(` + numberPattern + `)(` + magnitudePattern + `)?(?:` + blank + `(` + signsAfter + `))?`)
)

// amountTokens finds the amounts in a text that are not taken yet, in order.
func amountTokens(text string, taken []bool) []amountToken {
	taken = slices.Clone(taken)
	var out []amountToken
	add := func(t amountToken) {
		inWord := t.start > 0 && wordByte(text[t.start-1]) && wordByte(text[t.start])
		if inWord || slices.Contains(taken[t.start:t.end], true) {
			return
		}
		for i := t.start; i < t.end; i++ {
			taken[i] = true
		}
		out = append(out, t)
	}
	for _, re := range []*regexp.Regexp{rangeAmounts, dashAmounts} {
		for _, at := range re.FindAllStringSubmatchIndex(text, -1) {
			low, high := plainParts(text, at[2:10]), plainParts(text, at[10:18])
			if low.mag == "" && !strings.ContainsAny(low.digits, ".,") && len(low.digits) <= 3 {
				low.mag = high.mag
			}
			add(amountToken{trimmed(text, at[0], at[1]), low, high, true})
		}
	}
	for _, at := range oneAmount.FindAllStringSubmatchIndex(text, -1) {
		p := plainParts(text, append([]int{at[4], at[5]}, at[8:14]...))
		s := trimmed(text, at[0], at[1])
		// A minus is one only where nothing stands in front of it: not in "Q1-2".
		if at[2] >= 0 && at[2] > 0 && strings.IndexByte(" \t\n(:", text[at[2]-1]) < 0 {
			s = trimmed(text, at[3], at[1])
		} else {
			p.negative = at[2] >= 0
		}
		p.negative = p.negative || at[6] >= 0
		add(amountToken{s, p, p, false})
	}
	slices.SortFunc(out, func(a, b amountToken) int { return a.start - b.start })
	return out
}

// plainParts reads the four groups sign, digits, magnitude, sign.
func plainParts(text string, at []int) amountParts {
	group := func(i int) string {
		if at[2*i] < 0 {
			return ""
		}
		return text[at[2*i]:at[2*i+1]]
	}
	p := amountParts{sign: group(0), digits: group(1), mag: group(2)}
	if after := group(3); p.sign == "" {
		p.sign = after
	} else if after != "" {
		p.sign, p.clash = narrower(p.sign, after)
	}
	return p
}

func trimmed(text string, start, end int) span {
	for start < end && strings.IndexByte(" \t\n", text[start]) >= 0 {
		start++
	}
	for end > start && strings.IndexByte(" \t\n", text[end-1]) >= 0 {
		end--
	}
	return span{start, end}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// unitPrice is a price of something bought by the unit, as it stands in a text.
type unitPrice struct {
	span
	metric   string // the protocol's name: cpm, cost_per_acquisition, …
	ceiling  bool   // a range, or a price with words such as "at most"
	min, max money.Micros
	currency money.Currency
	model    string // the protocol's pricing model, empty when it has none
	problem  string
}

// field is where the price goes: a ceiling of a pricing model bounds prices, any
// other is a target.
func (p unitPrice) field() string {
	if p.model != "" && p.ceiling {
		return "price_range"
	}
	return "kpis"
}

const priceWord = `(?:[ev]?cpms?|cpcv|cpc|cpv|cpa|cpl|cpi|cpo|cost[- ]per[- ](?:thousand(?: impressions)?|mille|click|completed view|view|acquisition|action|order|sale|qualified lead|lead|app install|install|store visit|visit))`

var (
	priceAfter  = regexp.MustCompile(`^\s*(?:a |in |on |of |as |gross |net |\(|target |average |max(?:imum)? )*(` + priceWord + `)\b`)
	perAfter    = regexp.MustCompile(`^\s*(?:per|for each|a|an|for every)\s+(thousand(?: impressions)?|mille|click|completed view|view|acquisition|action|order|sale|qualified lead|lead|app install|install|store visit|visit)\b`)
	priceBefore = regexp.MustCompile(`\b(` + priceWord + `)s?\b[^.;\d]{0,40}$`)
	ceilingPre  = regexp.MustCompile(`(?:\b(?:under|below|up to|max(?:imum)?|no more than|not more than|no higher than|not above|at most|ceiling|cap(?:ped)?|not (?:to )?exceed|within|less than|limit)\b|<|≤)[^.;\d]{0,30}$`)
	ceilingPost = regexp.MustCompile(`^[^.;,\d]{0,20}\b(?:or less|or lower|or below|max(?:imum)?|ceiling|cap|at most|tops)\b`)
)

// priceOf reads the price that token t names, if the words around it say that
// it is one. around is the token with the word that names the metric.
func priceOf(t amountToken, before, after string) (metric string, around span, ceiling, ok bool) {
	word := ""
	around = t.span
	if m := priceAfter.FindStringSubmatch(after); m != nil {
		word = m[1]
		around.end += len(m[0])
	} else if m := perAfter.FindStringSubmatch(after); m != nil {
		word = "cost per " + m[1]
		around.end += len(m[0])
	} else if m := priceBefore.FindStringSubmatch(before); m != nil {
		word = m[1]
		around.start -= len(m[0])
	} else {
		return "", around, false, false
	}
	word = strings.TrimSuffix(strings.ReplaceAll(word, "-", " "), "s")
	if word == "vcpm" || word == "ecpm" {
		word = "cpm"
	}
	metric, ok = metricName(word)
	return metric, around, t.ranged || ceilingPre.MatchString(before) || ceilingPost.MatchString(after), ok && metricIsCost(metric)
}

// findPrices finds unit prices in a short text of its own.
func findPrices(text string, settle func(sign string) (money.Currency, bool)) []unitPrice {
	var out []unitPrice
	lower := lowerASCII(text)
	for _, t := range amountTokens(text, make([]bool, len(text))) {
		metric, _, ceiling, ok := priceOf(t, lower[:t.start], lower[t.end:])
		if ok {
			out = append(out, makePrice(t, metric, ceiling, settle))
		}
	}
	return out
}

func makePrice(t amountToken, metric string, ceiling bool, settle func(sign string) (money.Currency, bool)) unitPrice {
	p := unitPrice{span: t.span, metric: metric, ceiling: ceiling, model: pricingModels[metric]}
	c, ok := settle(t.sign())
	low, err1 := exact(t.low.digits, t.low.mag, c, false)
	high, err2 := exact(t.high.digits, t.high.mag, c, false)
	switch {
	case !ok:
		p.problem = "does not say its currency"
	case err1 != nil || err2 != nil || t.low.clash || t.high.clash:
		p.problem = "cannot be read exactly"
	case t.low.negative || high <= 0 || low > high:
		p.problem = "is not a price above zero"
	}
	p.currency, p.max = c, high
	if t.ranged {
		p.min = low
	}
	return p
}
