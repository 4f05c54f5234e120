package brief

import (
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// Brief is what an advertiser wants, in typed and bounded values.
// [Parse] returns only briefs that hold everything a plan needs: a name, a
// positive budget with its currency, a flight that is not past, and objectives
// or notes.
type Brief struct {
	Name       string
	Advertiser string

	// Objectives are as the brief's author wrote them in YAML and JSON, and the
	// field's own words (awareness, sales, …) where they were read from plain
	// text. [Brief.Goals] classifies them.
	Objectives []string

	// Budget is the most that may be spent, in the only currency of the brief.
	Budget money.Amount

	// Start and End are calendar days in UTC; the End day is part of the flight.
	Start Date
	End   Date

	Audience Audience

	// KPIs are sorted by metric; each metric appears once.
	KPIs []KPI

	// Channels are AdCP channel names (enums/channels.json) in order of mention.
	// Empty means that the brief leaves the choice open.
	Channels []string

	FrequencyCap *FrequencyCap

	// BrandSafety lists requirements in the author's words.
	BrandSafety []string

	// AdLengths are the lengths of the spots that exist, in seconds, ascending.
	AdLengths []int

	// Price is the range or ceiling of unit prices the brief allows, or nil.
	Price *PriceRange

	// Measurement lists how results are to be measured.
	Measurement []Measurement

	// Notes is free text. For a brief in plain words it is the whole text, so
	// that what could not be read into a field is not lost.
	Notes string

	// Format says what the brief was written in.
	Format Format

	// Sources maps a field, named as in the typed brief ("budget",
	// "target_audience.geo"), to the words it was read from.
	Sources map[string]Quote
}

// Format is the form a brief was written in.
type Format string

// The forms that [Parse] tells apart.
const (
	FormatText Format = "text"
	FormatYAML Format = "yaml"
	FormatJSON Format = "json"
)

// Quote is where a field came from.
type Quote struct {
	// Words are the author's exact words, or the scalar text in YAML and JSON.
	Words string
	// Start and End are byte offsets into [Brief.Notes] for plain text, so that
	// Notes[Start:End] equals Words; both are zero for YAML and JSON.
	Start, End int
	// Path is the place in a YAML or JSON document, such as
	// "target_audience.geo"; empty for plain text.
	Path string
}

// Audience is who should be reached. Empty parts set no limit.
type Audience struct {
	// Ages are inclusive, ascending and do not overlap.
	Ages []AgeRange
	// Gender is "female", "male", "nonbinary", "all", or empty when nothing is said.
	Gender string
	// Geo holds ISO 3166-1 alpha-2 countries ("US") and ISO 3166-2
	// subdivisions ("US-CA").
	Geo []string
	// Metros holds metro areas as "system:code" with the protocol's system
	// names, such as "nielsen_dma:501" for New York.
	Metros []string
	// Interests are in the author's words.
	Interests []string
}

// AgeRange is an inclusive range of ages in years.
type AgeRange struct {
	Min int
	// Max is zero when there is no upper limit.
	Max int
}

// KPI is a metric and the value it should reach.
type KPI struct {
	// Metric is the protocol's name where it has one (enums/available-metric.json:
	// "ctr", "cost_per_acquisition"), else the author's name in snake case.
	Metric string
	// Target is an exact decimal in its shortest form: "0.35", "2000000".
	Target string
	// Unit is "%" for a percentage, an ISO 4217 code for money, else empty.
	Unit string
}

// AtMost reports whether the KPI is a ceiling (costs and frequency) rather than a floor.
func (k KPI) AtMost() bool { return metricIsCost(k.Metric) || k.Metric == "frequency" }

// Micros is the target as exact millionths.
func (k KPI) Micros() money.Micros {
	m, err := money.Parse(k.Target)
	if err != nil {
		return 0
	}
	return m
}

// FrequencyCap limits how often one person sees the campaign.
type FrequencyCap struct {
	MaxImpressions int
	PeriodHours    int
}

// PriceRange bounds unit prices in the brief's currency.
type PriceRange struct {
	// Model is the protocol's pricing model (enums/pricing-model.json): "cpm", "cpcv", …
	Model string
	// Min is zero when only a ceiling is given.
	Min money.Micros
	Max money.Micros
}

// Measurement is one way in which results are to be measured.
type Measurement struct {
	// Metric is the protocol's name of what is measured, such as
	// "incremental_sales_lift", or empty where the words name none.
	Metric string
	// By is the breakdown asked for: "dma", "store", "region", … or empty.
	By string
	// Words are the author's.
	Words string
}

// StartTime is the first instant of the flight.
func (b Brief) StartTime() time.Time { return b.Start.Time() }

// EndTime is the first instant after the flight: midnight after the End day.
func (b Brief) EndTime() time.Time { return b.End.AddDays(1).Time() }

// Days is the number of calendar days of the flight, both ends included.
func (b Brief) Days() int { return b.Start.DaysUntil(b.End) + 1 }

// Countries are the ISO 3166-1 countries that Geo and Metros lie in, sorted.
func (b Brief) Countries() []string {
	var out []string
	for _, g := range b.Audience.Geo {
		out = append(out, g[:2])
	}
	if len(b.Audience.Metros) > 0 {
		out = append(out, metroCountries(b.Audience.Metros)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// KPI finds the target of a metric by the protocol's name.
func (b Brief) KPI(metric string) (KPI, bool) {
	for _, k := range b.KPIs {
		if k.Metric == metric {
			return k, true
		}
	}
	return KPI{}, false
}

// MaxCPM is the highest price of a thousand impressions the brief allows, from
// its price range and its cpm KPI, whichever is lower; false when it sets none.
func (b Brief) MaxCPM() (money.Micros, bool) {
	var ceiling money.Micros
	if b.Price != nil && b.Price.Model == "cpm" {
		ceiling = b.Price.Max
	}
	if k, ok := b.KPI("cpm"); ok {
		if m := k.Micros(); m > 0 && (ceiling == 0 || m < ceiling) {
			ceiling = m
		}
	}
	return ceiling, ceiling > 0
}
