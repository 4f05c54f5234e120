package seller

import (
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// bindGoals checks a package's optimization goals against its product and against
// what the account has declared, and takes them. A goal that could not be measured
// as asked is refused: the buyer would optimise towards something else.
func (c *checks) bindGoals(at string, product *Product, p *Package, goals []adcp.OptimizationGoal, h *holdings) {
	p.Goals = goals
	if product == nil {
		return
	}
	o := product.optimization()
	for i := range goals {
		g, at := &goals[i], fmt.Sprintf("%s.optimization_goals[%d]", at, i)
		switch g.Kind {
		case adcp.OptimizationGoalKindEvent:
			c.eventGoal(at, o, g, h)
		case adcp.OptimizationGoalKindMetric:
			c.metricGoal(at, o, g)
		default:
			c.refuse(refusal(adcp.CodeTermsRejected, at+".metric_id", "This product is not optimised for vendors' metrics.").
				WithSuggestion("Choose a metric of the product's metric_optimization, or an event."))
		}
	}
}

// noGoal refuses a goal for a reason that the product's own capabilities show.
func (c *checks) noGoal(field, suggestion, format string, args ...any) {
	c.refuse(refusal(adcp.CodeInvalidRequest, field, format, args...).WithSuggestion(suggestion))
}

func (c *checks) eventGoal(at string, o Optimization, g *adcp.OptimizationGoal, h *holdings) {
	valued := false
	for i := range g.EventSources {
		e, at := &g.EventSources[i], fmt.Sprintf("%s.event_sources[%d]", at, i)
		src, ok := h.sources[e.EventSourceID]
		switch {
		case !ok:
			c.noGoal(at+".event_source_id", "Declare it with sync_event_sources on this account first.", "The account has no such event source.")
		case !src.Tells(e.EventType):
			c.noGoal(at+".event_type", "Add the type to the source with sync_event_sources, or choose one that it has.", "The event source does not tell of %s.", e.EventType)
		case e.EventType == adcp.EventTypeCustom && adcp.Val(e.CustomEventName) == "":
			c.noGoal(at+".custom_event_name", "Name the event.", "A custom event needs its name.")
		}
		if e.ValueFactor != nil {
			if _, err := money.Parse(string(*e.ValueFactor)); err != nil {
				c.noGoal(at+".value_factor", "Send a decimal with at most six places.", "value_factor: %v.", err)
			}
		}
		valued = valued || adcp.Val(e.ValueField) != ""
	}
	if g.AttributionWindow != nil {
		c.noGoal(at+".attribution_window", "Leave attribution_window out.", "This seller has no windows to choose from: an event counts within the package's flight.")
	}
	if g.Target == nil {
		return
	}
	kind := g.Target.Kind
	if !slices.Contains(o.EventTargets, string(kind)) {
		c.noGoal(at+".target.kind", "Choose among the product's conversion_tracking.supported_targets.", "The product takes no target of kind %s for events.", kind)
	}
	if (kind == adcp.OptimizationGoalTargetKindPerAdSpend || kind == adcp.OptimizationGoalTargetKindMaximizeValue) && !valued {
		c.noGoal(at+".event_sources[0].value_field", "Name the member of custom_data that holds the value.", "A target of kind %s needs to know which member of custom_data is the value.", kind)
	}
}

func (c *checks) metricGoal(at string, o Optimization, g *adcp.OptimizationGoal) {
	metric := adcp.Val(g.Metric)
	if !slices.Contains(o.Metrics, string(metric)) {
		c.noGoal(at+".metric", "Choose among the product's metric_optimization.supported_metrics.", "The product is not optimised for %s.", metric)
		return
	}
	if metric == adcp.OptimizationGoalMetricReach && (g.ReachUnit == nil || !slices.Contains(o.ReachUnits, string(*g.ReachUnit))) {
		c.noGoal(at+".reach_unit", "Choose among the product's metric_optimization.supported_reach_units.", "The product does not count reach in %q.", adcp.Val(g.ReachUnit))
	}
	if f := g.TargetFrequency; f != nil && f.Min != nil && f.Max != nil && *f.Max < *f.Min {
		c.noGoal(at+".target_frequency.max", "Send a max that is not below min.", "The frequency's max is below its min.")
	}
	if g.ViewDurationSeconds != nil && !slices.ContainsFunc(o.ViewDurations, func(s string) bool { return sameNumber(s, string(*g.ViewDurationSeconds)) }) {
		c.noGoal(at+".view_duration_seconds", "Choose among the product's metric_optimization.supported_view_durations.", "The product does not count views of %s seconds.", *g.ViewDurationSeconds)
	}
	if g.Target != nil && !slices.Contains(o.MetricTargets, string(g.Target.Kind)) {
		c.noGoal(at+".target.kind", "Choose among the product's metric_optimization.supported_targets.", "The product takes no target of kind %s for %s.", g.Target.Kind, metric)
	}
}

func sameNumber(a, b string) bool {
	x, errX := money.Parse(a)
	y, errY := money.Parse(b)
	return errX == nil && errY == nil && x == y
}

// countsOn tells whether one of the package's goals is on the event source.
func (p *Package) countsOn(sourceID string) bool {
	return slices.ContainsFunc(p.Goals, func(g adcp.OptimizationGoal) bool {
		return slices.ContainsFunc(g.EventSources, func(e adcp.OptimizationGoalEventSource) bool { return e.EventSourceID == sourceID })
	})
}
