package seller

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// Optimization is what buyers may ask a product to be optimised for, by the
// protocol's names (AdCP 3.1, core/optimization-goal).
type Optimization struct {
	// Metrics are the delivery metrics, such as clicks; MetricTargets the kinds of
	// target for them.
	Metrics, MetricTargets []string
	// ReachUnits are what reach is counted in. ViewDurations are the seconds after
	// which a view counts as completed, as decimals.
	ReachUnits, ViewDurations []string
	// EventTargets are the kinds of target for conversion events.
	EventTargets []string
}

// optimization is what the product says, and where it says nothing what its
// reports can show.
func (p *Product) optimization() Optimization {
	if p.Optimization != nil {
		o := *p.Optimization
		if len(o.EventTargets) == 0 {
			o.EventTargets = eventTargets()
		}
		if len(o.MetricTargets) == 0 {
			o.MetricTargets = metricTargets()
		}
		return o
	}
	o := Optimization{MetricTargets: metricTargets(), EventTargets: eventTargets()}
	for _, m := range []string{"clicks", "views", "completed_views"} {
		if slices.Contains(p.Reporting.Metrics, m) {
			o.Metrics = append(o.Metrics, m)
		}
	}
	if slices.Contains(o.Metrics, "completed_views") {
		o.ViewDurations = []string{"2", "6", "15", "30"}
	}
	return o
}

func metricTargets() []string { return []string{"cost_per", "threshold_rate"} }
func eventTargets() []string  { return []string{"cost_per", "per_ad_spend", "maximize_value"} }

// show puts what the product can be optimised for into its wire form.
func (o Optimization) show(out *adcp.Product) {
	out.ConversionTracking = &adcp.ProductConversionTracking{
		SupportedTargets: convert[adcp.ProductConversionTrackingSupportedTarget](o.EventTargets),
	}
	if len(o.Metrics) > 0 {
		out.MetricOptimization = &adcp.ProductMetricOptimization{
			SupportedMetrics:       convert[adcp.ProductMetricOptimizationSupportedMetricsItem](o.Metrics),
			SupportedReachUnits:    convert[adcp.ReachUnit](o.ReachUnits),
			SupportedViewDurations: convert[adcp.Decimal](o.ViewDurations),
			SupportedTargets:       convert[adcp.ProductMetricOptimizationSupportedTarget](o.MetricTargets),
		}
	}
}
