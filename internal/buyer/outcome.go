package buyer

import (
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/internal/brief"
)

// Outcome is the one thing that a plan buys as much of as it can. Every offer's
// price is turned into the expected cost of it.
type Outcome string

// The outcomes.
const (
	// OutcomeImpressions counts impressions, weighed by how much attention an
	// impression of the channel gets.
	OutcomeImpressions Outcome = "impressions"
	// OutcomeViewable counts impressions that could be seen.
	OutcomeViewable Outcome = "viewable impressions"
	// OutcomeClicks counts clicks.
	OutcomeClicks Outcome = "clicks"
	// OutcomeCompletedViews counts spots seen or heard to the end.
	OutcomeCompletedViews Outcome = "completed views"
	// OutcomeActions counts sales, leads, installs and other conversions.
	OutcomeActions Outcome = "actions"
)

// perThousand reports whether the cost of the outcome is told by the thousand.
func (o Outcome) perThousand() bool { return o == OutcomeImpressions || o == OutcomeViewable }

// each is what the cost of the outcome is the cost of.
func (o Outcome) each() string {
	switch o {
	case OutcomeImpressions:
		return "thousand weighted impressions"
	case OutcomeViewable:
		return "thousand viewable impressions"
	case OutcomeClicks:
		return "click"
	case OutcomeCompletedViews:
		return "completed view"
	}
	return "action"
}

// metricOutcomes says which outcome a KPI's metric asks for, where it is a number
// or a cost. Rates say how good what is bought should be, not what to buy.
var metricOutcomes = map[string]Outcome{
	"cost_per_acquisition": OutcomeActions, "conversions": OutcomeActions, "cost_per_lead": OutcomeActions, "leads": OutcomeActions,
	"cost_per_install": OutcomeActions, "app_installs": OutcomeActions, "roas": OutcomeActions, "incremental_roas": OutcomeActions,
	"conversion_value": OutcomeActions, "units_sold": OutcomeActions, "incremental_sales_lift": OutcomeActions, "conversion_lift": OutcomeActions,
	"cost_per_click": OutcomeClicks, "clicks": OutcomeClicks, "cost_per_visit": OutcomeClicks,
	"cost_per_completed_view": OutcomeCompletedViews, "completed_views": OutcomeCompletedViews,
	"cost_per_view": OutcomeCompletedViews, "views": OutcomeCompletedViews,
	"viewable_impressions": OutcomeViewable,
	"impressions":          OutcomeImpressions, "reach": OutcomeImpressions, "grps": OutcomeImpressions, "brand_lift": OutcomeImpressions,
	"ad_recall_lift": OutcomeImpressions, "foot_traffic": OutcomeImpressions,
}

// rateOutcomes says which outcome a rate is a rate of, for briefs that say
// nothing else of what they are after.
var rateOutcomes = map[string]Outcome{
	"conversion_rate": OutcomeActions, "ctr": OutcomeClicks, "completion_rate": OutcomeCompletedViews, "viewability": OutcomeViewable,
}

// goalOutcomes says which outcome an objective asks for.
var goalOutcomes = map[brief.Goal]Outcome{
	brief.GoalAwareness: OutcomeImpressions, brief.GoalConsideration: OutcomeCompletedViews,
	brief.GoalEngagement: OutcomeClicks, brief.GoalTraffic: OutcomeClicks, brief.GoalLeads: OutcomeActions,
	brief.GoalSales: OutcomeActions, brief.GoalAppInstalls: OutcomeActions, brief.GoalFootfall: OutcomeImpressions,
	brief.GoalLoyalty: OutcomeImpressions,
}

// outcomeOf is the first outcome that the brief's own price model, its KPIs, what
// it is measured by and its objectives ask for, in that order, and that every
// channel it names can bring; impressions where there is none.
func outcomeOf(b brief.Brief) Outcome {
	var wanted []Outcome
	if b.Price != nil {
		switch b.Price.Model {
		case "cpc":
			wanted = append(wanted, OutcomeClicks)
		case "cpcv", "cpv":
			wanted = append(wanted, OutcomeCompletedViews)
		case "cpa":
			wanted = append(wanted, OutcomeActions)
		case "vcpm":
			wanted = append(wanted, OutcomeViewable)
		}
	}
	for _, k := range b.KPIs {
		if o, ok := metricOutcomes[k.Metric]; ok {
			wanted = append(wanted, o)
		}
	}
	for _, m := range b.Measurement {
		if o, ok := metricOutcomes[m.Metric]; ok {
			wanted = append(wanted, o)
		}
	}
	for _, g := range b.Goals() {
		if o, ok := goalOutcomes[g]; ok {
			wanted = append(wanted, o)
		}
	}
	for _, k := range b.KPIs {
		if o, ok := rateOutcomes[k.Metric]; ok {
			wanted = append(wanted, o)
		}
	}
	for _, o := range wanted {
		if !slices.ContainsFunc(b.Channels, func(c string) bool { return assumedRates(c).of(o) == 0 }) {
			return o
		}
	}
	return OutcomeImpressions
}

// floorsOf are the least rates that a brief's KPIs ask for; 0 where they ask none.
func floorsOf(b brief.Brief) (floors Rates) {
	for _, k := range b.KPIs {
		target := int64(k.Micros())
		if k.Unit == "%" || target > million {
			target /= 100
		}
		if target = min(target, million); k.AtMost() || target <= 0 {
			continue
		}
		switch k.Metric {
		case "viewability":
			floors.Viewable = target
		case "completion_rate":
			floors.Complete = target
		case "ctr":
			floors.Click = target
		}
	}
	return floors
}

// Rates say how many impressions in a million become something else. They are
// integers so that the same offers compare the same everywhere.
type Rates struct {
	// Attention weighs an impression against one on a television set.
	Attention int64
	Viewable  int64
	Click     int64
	// View is a view at the seller's threshold, Complete one to the end.
	View     int64
	Complete int64
	// Convert is a sale, a lead, an install.
	Convert int64
}

const million = 1_000_000

func (r Rates) of(o Outcome) int64 {
	switch o {
	case OutcomeImpressions:
		return r.Attention
	case OutcomeViewable:
		return r.Viewable
	case OutcomeClicks:
		return r.Click
	case OutcomeCompletedViews:
		return r.Complete
	}
	return r.Convert
}

// planningRates are the rates that plans assume where a seller's forecast does
// not say better. They are round figures for planning, shown with each plan that
// used them, and no claim about anybody's inventory.
var planningRates = map[string]Rates{
	"ctv":                    {1_000_000, 980_000, 500, 970_000, 950_000, 300},
	"linear_tv":              {900_000, 1_000_000, 0, 900_000, 850_000, 200},
	"olv":                    {600_000, 700_000, 3_500, 750_000, 650_000, 260},
	"social":                 {350_000, 650_000, 9_000, 400_000, 250_000, 400},
	"display":                {200_000, 650_000, 1_000, 0, 0, 150},
	"retail_media":           {450_000, 700_000, 4_000, 0, 0, 1_200},
	"search":                 {500_000, 1_000_000, 30_000, 0, 0, 1_500},
	"radio":                  {400_000, 1_000_000, 0, 900_000, 900_000, 100},
	"streaming_audio":        {500_000, 1_000_000, 400, 950_000, 940_000, 150},
	"podcast":                {600_000, 1_000_000, 300, 920_000, 900_000, 200},
	"dooh":                   {400_000, 1_000_000, 0, 0, 0, 50},
	"ooh":                    {350_000, 1_000_000, 0, 0, 0, 50},
	"print":                  {500_000, 1_000_000, 0, 0, 0, 100},
	"cinema":                 {1_000_000, 1_000_000, 0, 990_000, 990_000, 100},
	"email":                  {300_000, 1_000_000, 10_000, 0, 0, 500},
	"gaming":                 {450_000, 850_000, 3_000, 870_000, 850_000, 200},
	"influencer":             {500_000, 800_000, 8_000, 500_000, 300_000, 400},
	"affiliate":              {250_000, 700_000, 10_000, 0, 0, 1_000},
	"product_placement":      {600_000, 1_000_000, 0, 0, 0, 50},
	"sponsored_intelligence": {500_000, 900_000, 10_000, 0, 0, 800},
}

// assumedRates are the planning rates of a channel; those of display, the most
// cautious ones, where the channel is unknown.
func assumedRates(channel string) Rates {
	if r, ok := planningRates[channel]; ok {
		return r
	}
	return planningRates["display"]
}

// percent writes a number of millionths as a percentage: 953_000 is "95.3 %".
func percent(ppm int64) string {
	whole, rest := ppm/10_000, ppm%10_000
	if rest == 0 {
		return fmt.Sprintf("%d %%", whole)
	}
	digits := fmt.Sprintf("%04d", rest)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return fmt.Sprintf("%d.%s %%", whole, digits)
}
