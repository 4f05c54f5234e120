package seller

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

// forecast shows what a product is expected to deliver, as
// core/delivery-forecast.json: over the whole flight where its dates are known
// (range unit availability), else on an average day (daily). The first point is
// all of the countries in view; where the seller knows how they share it, a
// point for each follows.
//
// The forecast is what there is when nobody else buys; of a guaranteed product
// over a known flight, no more than the ledger has left ([view.left]). It has no
// budgets: it says what exists, not what an amount buys.
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
	for _, s := range p.shares() {
		if len(v.countries) == 0 || slices.Contains(v.countries, s.Country) {
			shares = append(shares, s)
		}
	}
	if len(p.shares()) > 0 {
		share = 0
		for _, s := range shares {
			share += s.Share
		}
	}
	out.Points = []adcp.ForecastPoint{v.forecastPoint(p, share, "")}
	for _, s := range shares {
		point := v.forecastPoint(p, s.Share, s.Country)
		point.Dimensions = []adcp.ForecastPointDimension{{
			Kind:     adcp.ForecastPointDimensionKindGeo,
			GeoLevel: new(adcp.GeographicTargetingLevelCountry),
			GeoCode:  new(s.Country),
		}}
		out.Points = append(out.Points, point)
	}
	return out
}

// shares is how the product's countries share its forecast, as far as is known.
func (p *Product) shares() []CountryShare {
	if len(p.Forecast.Shares) == 0 && len(p.Countries) == 1 {
		return []CountryShare{{Country: p.Countries[0], Share: Whole}}
	}
	return p.Forecast.Shares
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

// forecastPoint is a share of the forecast; country names the one that it is of,
// "" is all in view.
func (v view) forecastPoint(p *Product, share Rate, country string) adcp.ForecastPoint {
	days := v.flight.days()
	impressions, either := p.Forecast.impressions(days, share), p.Forecast.Spread
	if left, reserved := v.left[p]; reserved && left.in(country) < impressions {
		impressions, either = left.in(country), 0 // a number of the books, and no estimate
	}
	point := adcp.ForecastPoint{Metrics: map[string]adcp.ForecastRange{}}
	add := func(metric string, n int64) {
		if n > 0 {
			point.Metrics[metric] = spread(n, either)
		}
	}
	point.Metrics["impressions"] = spread(impressions, either)
	add("clicks", p.Supply.Click.Of(impressions))
	add("views", p.Supply.View.Of(impressions))
	add("completed_views", p.Supply.Complete.Of(impressions))
	if n := p.Supply.ImpressionsPerPlay; n > 0 {
		add("plays", impressions/n)
	}
	for _, o := range p.Pricing {
		switch o.Model {
		case adserver.CPA:
			add(o.Parameters.EventType, p.Supply.Convert.Of(impressions))
		case adserver.CPP:
			point.Metrics["grps"] = points(point.Metrics["impressions"], o.Parameters.ImpressionsPerPoint)
		}
	}
	if v.flight.known() {
		add("reach", min(p.Forecast.reach(days, share), impressions))
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

// points turns a range of impressions into rating points, to a hundredth.
func points(impressions adcp.ForecastRange, perPoint int64) adcp.ForecastRange {
	turn := func(d *adcp.Decimal) *adcp.Decimal {
		n, err := adcp.Val(d).Int()
		if d == nil || err != nil {
			return nil
		}
		return new(adcp.DecimalFromMicros(n * 100 / perPoint * 10_000))
	}
	return adcp.ForecastRange{Low: turn(impressions.Low), Mid: turn(impressions.Mid), High: turn(impressions.High)}
}
