package seller

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

// forecast shows what a product is expected to deliver, as
// core/delivery-forecast.json: over the whole flight where its dates are known
// (range unit availability), else on an average day (daily). The first point is
// all of the countries in view; where the seller knows how they share it and
// there are several, a point for each follows.
//
// The forecast is what there is when nobody else buys. It has no budgets: it
// says what exists, not what an amount buys.
func (v view) forecast(p *Product, prices []PricingOption) *adcp.DeliveryForecast {
	out := &adcp.DeliveryForecast{
		ForecastRangeUnit: new(adcp.ForecastRangeUnitDaily),
		Method:            adcp.ForecastMethod(p.Forecast.Method),
		Currency:          string(prices[0].Currency),
	}
	if v.flight.known() {
		out.ForecastRangeUnit = new(adcp.ForecastRangeUnitAvailability)
	}
	if p.Forecast.Reach > 0 && v.flight.known() {
		out.ReachUnit = new(adcp.ReachUnit(p.Forecast.ReachUnit))
	}
	for _, o := range p.Pricing {
		if o.Model == adserver.CPP {
			out.DemographicSystem = new(adcp.DemographicSystem(o.Parameters.DemographicSystem))
			out.Demographic = new(o.Parameters.Demographic)
			break
		}
	}
	share := Whole
	var shares []CountryShare
	for _, s := range p.Forecast.Shares {
		if len(v.countries) == 0 || slices.Contains(v.countries, s.Country) {
			shares = append(shares, s)
		}
	}
	if len(v.countries) > 0 && len(p.Forecast.Shares) > 0 {
		share = 0
		for _, s := range shares {
			share += s.Share
		}
	}
	out.Points = []adcp.ForecastPoint{v.forecastPoint(p, share)}
	if len(shares) > 1 {
		for _, s := range shares {
			point := v.forecastPoint(p, s.Share)
			point.Dimensions = []adcp.ForecastPointDimension{{
				Kind:     adcp.ForecastPointDimensionKindGeo,
				GeoLevel: new(adcp.GeographicTargetingLevelCountry),
				GeoCode:  new(s.Country),
			}}
			out.Points = append(out.Points, point)
		}
	}
	return out
}

// impressions is the expected number over the flight.
func (f Forecast) impressions(days int64, share Rate) int64 {
	return share.Of(f.Impressions * days)
}

// reach is how many of a month's people a number of days touches: half of them
// after a week, all of them after thirty days, and never more than there are impressions.
func (f Forecast) reach(days int64, share Rate) int64 {
	month := share.Of(f.Reach)
	touched := min(month, month*days*37/((days+7)*30))
	return min(touched, f.impressions(days, share))
}

func (v view) forecastPoint(p *Product, share Rate) adcp.ForecastPoint {
	days := v.flight.days()
	impressions := p.Forecast.impressions(days, share)
	point := adcp.ForecastPoint{Metrics: map[string]adcp.ForecastRange{}}
	add := func(metric string, n int64) {
		if n > 0 {
			point.Metrics[metric] = spread(n, p.Forecast.Spread)
		}
	}
	point.Metrics["impressions"] = spread(impressions, p.Forecast.Spread)
	add("clicks", p.Supply.Click.Of(impressions))
	add("views", p.Supply.View.Of(impressions))
	add("completed_views", p.Supply.Complete.Of(impressions))
	if n := p.Supply.ImpressionsPerPlay; n > 0 {
		add("plays", impressions/n)
	}
	if n := p.impressionsPerPoint(); n > 0 {
		// Points have a fraction: kept to a hundredth.
		point.Metrics["grps"] = adcp.ForecastRange{Mid: new(adcp.DecimalFromMicros(impressions * 100 / n * 10_000))}
	}
	if v.flight.known() {
		add("reach", p.Forecast.reach(days, share))
	}
	if p.Supply.Viewable > 0 && slices.Contains(p.Reporting.Metrics, string(adcp.AvailableMetricViewability)) {
		point.Viewability = &adcp.ForecastPointViewability{
			ViewableRate: &adcp.ForecastRange{Mid: new(adcp.DecimalFromMicros(int64(p.Supply.Viewable)))},
			Standard:     new(adcp.ViewabilityStandardMRC),
		}
	}
	return point
}

// spread is a forecast range around n.
func spread(n int64, by Rate) adcp.ForecastRange {
	out := adcp.ForecastRange{Mid: new(adcp.DecimalFromInt(n))}
	if either := by.Of(n); either > 0 {
		out.Low, out.High = new(adcp.DecimalFromInt(n-either)), new(adcp.DecimalFromInt(n+either))
	}
	return out
}
