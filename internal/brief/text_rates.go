package brief

import (
	"regexp"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

const (
	rateWord  = `(?:click[- ]through rates?|clickthrough rates?|ctr|vtr|vcr|ltr|(?:video |audio )?completion(?: rates?)?|(?:view|listen)[- ]through rates?|completed view rate|viewability(?: rate)?|viewable(?: impressions| rate)?|engagement rates?|conversion rates?|share of voice|ad recall(?: lift)?|brand lift|sales lift|incremental sales(?: lift)?|new[- ]to[- ]brand(?: rate)?|reach)`
	countWord = `(impressions|app installs|installs|downloads|qualified leads|leads|store visits|completed views|clicks|conversions|grps|unique reach)`
)

var (
	percentages = regexp.MustCompile(`(` + numberPattern + `)\s?(?:%|percent\b|per cent\b)`)
	rateAfter   = regexp.MustCompile(`^\s*(?:of |in-view |average |or (?:more|better|higher) |in |a |target )*(` + rateWord + `)\b`)
	rateBefore  = regexp.MustCompile(`\b(` + rateWord + `)\b[^.;\d]{0,30}$`)
	roasForms   = []*regexp.Regexp{
		regexp.MustCompile(`\b(i?roas|incremental roas|return on ad spend)\b[^.;\d]{0,24}(\d{1,3}(?:[.,]\d{1,3})?)\s*(?::\s?1|x)?`),
		regexp.MustCompile(`\b(\d{1,3}(?:[.,]\d{1,3})?)\s*(?::\s?1|x)\s+(i?roas|incremental roas|return on ad spend)\b`),
	}
	counts     = regexp.MustCompile(`\b(` + numberPattern + `)(` + magnitudePattern + `)?\+?\s+(?:(?:new|unique|incremental|viewable|qualified|in-view|extra|additional)\s+)?` + countWord + `\b`)
	reachCount = regexp.MustCompile(`\breach(?:ing)?(?: of|:| at least| about| around| over| more than| some)*\s+(` + numberPattern + `)(` + magnitudePattern + `)?\b`)
	plainRates = regexp.MustCompile(`\b(?:viewability|ctr|vtr|vcr|completion rate)\s*(?:target|goal|of|:|=|above|over|at least|≥|>=|>)+\s*(0[.,]\d{1,4})\b`)
)

// rates reads targets that are shares, ratios and counts.
func (r *textReader) rates() {
	for _, at := range percentages.FindAllStringSubmatchIndex(r.lower, 100) {
		s := span{at[0], at[1]}
		if !r.free(s) {
			continue
		}
		var word string
		if m := rateAfter.FindStringSubmatch(r.after(s, 40)); m != nil {
			word = m[1]
			s.end += len(m[0])
		} else if m := rateBefore.FindStringSubmatch(r.before(s, 60)); m != nil {
			word = m[1]
			s.start -= len(m[0])
		} else {
			continue
		}
		metric, ok := metricName(strings.TrimSuffix(word, "s"))
		if !ok || metric == "viewable" {
			metric = "viewability"
		}
		r.target(metric, r.text[at[2]:at[3]], "", "%", s)
	}
	for i, form := range roasForms {
		for _, at := range form.FindAllStringSubmatchIndex(r.lower, 10) {
			name, number := r.lower[at[2]:at[3]], r.text[at[4]:at[5]]
			if i == 1 {
				name, number = strings.ToLower(r.text[at[4]:at[5]]), r.text[at[2]:at[3]]
			}
			metric, _ := metricName(name)
			r.target(metric, number, "", "", span{at[0], at[1]})
		}
	}
	for _, at := range plainRates.FindAllStringSubmatchIndex(r.lower, 10) {
		name := strings.TrimRight(digitsOff(r.lower[at[0]:at[2]]), " ")
		metric, _ := metricName(name)
		r.target(metric, r.text[at[2]:at[3]], "", "", span{at[0], at[1]})
	}
	for _, at := range counts.FindAllStringSubmatchIndex(r.lower, 20) {
		metric, _ := metricName(r.lower[at[6]:at[7]])
		r.target(metric, r.text[at[2]:at[3]], group(r.text, at, 2), "", span{at[0], at[1]})
	}
	for _, at := range reachCount.FindAllStringSubmatchIndex(r.lower, 5) {
		after := strings.TrimSpace(r.after(span{at[0], at[1]}, 12))
		if strings.HasPrefix(after, "%") || strings.HasPrefix(after, "percent") {
			continue
		}
		r.target("reach", r.text[at[2]:at[3]], group(r.text, at, 2), "", span{at[0], at[1]})
	}
}

// digitsOff keeps the metric's own words of a match such as "viewability of ".
func digitsOff(s string) string {
	for _, word := range []string{"completion rate", "viewability", "ctr", "vtr", "vcr"} {
		if strings.HasPrefix(s, word) {
			return word
		}
	}
	return s
}

func group(text string, at []int, i int) string {
	if at[2*i] < 0 {
		return ""
	}
	return text[at[2*i]:at[2*i+1]]
}

// target keeps a KPI that a rule read, if nothing else read its words before.
func (r *textReader) target(metric, digits, mag, unit string, s span) {
	counted := unit == "" && !metricIsRate(metric) && metric != "roas" && metric != "incremental_roas"
	if !r.free(s) {
		return
	}
	m, err := exact(digits, mag, "", counted)
	k := KPI{Metric: metric, Target: m.Literal(), Unit: unit}
	if err != nil || m <= 0 || m > 1_000_000_000_000*money.Unit || targetProblem(k, m) != "" {
		return // out of any range: it stays in the notes
	}
	r.take(s)
	r.addKPI(k, s)
}
