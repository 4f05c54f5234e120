package seller

import (
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// metrics are the names of the metrics that a package's reports hold.
func (s *Service) metrics(p *Package) map[string]bool {
	names := map[string]bool{}
	if product, ok := s.shelf().bought(p); ok {
		for _, name := range product.Reporting.Metrics {
			names[name] = true
		}
	}
	return names
}

// reported is what a report says of counts: impressions and spend always, the
// rest where the product reports it or something was counted.
func reported(m adserver.Metrics, names map[string]bool) adcp.DeliveryMetrics {
	d := adcp.DeliveryMetrics{Impressions: new(whole(m.Impressions)), Spend: new(number(m.Spend))}
	count := func(name string, n int64) *adcp.Decimal {
		if n == 0 && !names[name] {
			return nil
		}
		return new(whole(n))
	}
	d.Clicks, d.Views = count("clicks", m.Clicks), count("views", m.Views)
	d.CompletedViews, d.Conversions = count("completed_views", m.CompletedViews), count("conversions", m.Conversions)
	d.Plays = count("plays", m.Plays)
	if m.GRPs > 0 || names["grps"] {
		d.GRPs = new(number(money.Micros(m.GRPs))) // millionths of a point read as micros of a unit
	}
	if names["ctr"] {
		d.CTR = ratio(m.Clicks, m.Impressions)
	}
	if m.Clicks > 0 {
		d.CostPerClick = new(number(m.Spend.MulDiv(1, m.Clicks)))
	}
	if rate := ratio(m.CompletedViews, m.Impressions); names["completion_rate"] && rate != nil {
		d.CompletionRate = adcp.Some(*rate)
	}
	if names["cpm"] && m.Impressions > 0 {
		d.CPM = effectiveRate(m, adserver.CPM)
	}
	if names["viewability"] {
		d.Viewability = &adcp.DeliveryMetricsViewability{
			MeasurableImpressions: new(whole(m.Impressions)), ViewableImpressions: new(whole(m.ViewableImpressions)),
			ViewableRate: ratio(m.ViewableImpressions, m.Impressions),
		}
	}
	return d
}

// effectiveRate is what a billed unit has cost, rounded down to the micro; nil
// where none was billed.
func effectiveRate(m adserver.Metrics, model adserver.PricingModel) *adcp.Decimal {
	units, per := m.Billed(model), int64(1)
	switch model {
	case adserver.CPM, adserver.VCPM:
		per = 1000
	case adserver.CPP:
		per = 1_000_000 // points are counted in millionths
	case adserver.FlatRate, adserver.TimeRate:
		return nil // not billed by the unit
	}
	if units == 0 {
		return nil
	}
	return new(number(m.Spend.MulDiv(per, units)))
}

// day is one day's delivery.
type day struct {
	date string
	adserver.Metrics
}

// byDay adds rows up by UTC day, in order. They come sorted.
func byDay(hours []adserver.HourlyDelivery) []day {
	var days []day
	for i := range hours {
		date := hours[i].Hour.UTC().Format(time.DateOnly)
		if len(days) == 0 || days[len(days)-1].date != date {
			days = append(days, day{date: date})
		}
		last := &days[len(days)-1]
		last.Metrics = last.Plus(hours[i].Metrics)
	}
	return days
}
