package brief

import (
	"fmt"
	"strings"
)

// Fact is one field of a brief for people to check: what was understood and
// from which words.
type Fact struct {
	// Field is named as in the typed brief.
	Field string
	// Value is what was understood, in one line.
	Value string
	// Source is where it was read; empty where nothing was kept.
	Source Quote
}

// Facts lists the fields that the brief has, in the order of the typed brief,
// without notes.
func (b Brief) Facts() []Fact {
	var facts []Fact
	add := func(field, value string) {
		if value != "" {
			facts = append(facts, Fact{field, value, b.Sources[field]})
		}
	}
	add("name", b.Name)
	add("advertiser", b.Advertiser)
	add("objectives", strings.Join(b.Objectives, ", "))
	add("budget", b.Budget.String())
	add("start_date", b.Start.String())
	add("end_date", b.End.String())
	add("target_audience.age", joined(b.Audience.Ages, AgeRange.String))
	add("target_audience.gender", b.Audience.Gender)
	add("target_audience.geo", strings.Join(append(append([]string{}, b.Audience.Geo...), b.Audience.Metros...), ", "))
	add("target_audience.interests", strings.Join(b.Audience.Interests, ", "))
	add("kpis", joined(b.KPIs, KPI.String))
	add("channels", strings.Join(b.Channels, ", "))
	if c := b.FrequencyCap; c != nil {
		add("frequency_cap", fmt.Sprintf("%d in %d hours", c.MaxImpressions, c.PeriodHours))
	}
	add("brand_safety", strings.Join(b.BrandSafety, ", "))
	add("ad_lengths", joined(b.AdLengths, func(s int) string { return fmt.Sprintf("%d s", s) }))
	if p := b.Price; p != nil {
		low := "up to "
		if p.Min > 0 {
			low = p.Min.Format(b.Budget.Currency) + " to "
		}
		add("price_range", fmt.Sprintf("%s %s%s %s", strings.ToUpper(p.Model), low, p.Max.Format(b.Budget.Currency), b.Budget.Currency))
	}
	add("measurement", joined(b.Measurement, func(m Measurement) string { return m.Words }))
	return facts
}

// String is the range as people write it: "25-54", "18+".
func (a AgeRange) String() string {
	if a.Max == 0 {
		return fmt.Sprintf("%d+", a.Min)
	}
	return fmt.Sprintf("%d-%d", a.Min, a.Max)
}

// String is the KPI in one line: "ctr at least 0.35 %", "cpm at most 25 USD".
func (k KPI) String() string {
	bound := "at least"
	if k.AtMost() {
		bound = "at most"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", k.Metric, bound, k.Target, k.Unit))
}

func joined[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, one := range list {
		parts[i] = text(one)
	}
	return strings.Join(parts, ", ")
}
