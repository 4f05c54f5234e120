package seller

import (
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// candidate is a product that passed all filters, with the prices that did.
type candidate struct {
	product *Product
	// order is the product's place in the catalogue.
	order  int
	prices []PricingOption
}

// productFilter is one filter of core/product-filters.json, by its name there.
type productFilter struct {
	name string
	keep func(p *Product) bool
}

// filterProducts splits the catalogue into the candidates and the rest. It never
// fails for lack of matches: a buyer learns from the diagnostics which filter
// alone is in the way, or which ones together where none is alone.
func filterProducts(products []*Product, filters []productFilter, prices func(*Product) []PricingOption) ([]candidate, *adcp.GetProductsResponseFilterDiagnostics) {
	var kept []candidate
	alone, together := map[string]int64{}, map[string]int64{}
	for i, p := range products {
		var failed []string
		for _, f := range filters {
			if !f.keep(p) {
				failed = append(failed, f.name)
				together[f.name]++
			}
		}
		switch len(failed) {
		case 0:
			if left := prices(p); len(left) > 0 {
				kept = append(kept, candidate{product: p, order: i, prices: left})
			}
		case 1:
			alone[failed[0]]++
		}
	}
	if len(kept) == len(products) {
		return kept, nil
	}
	semantics, excluded := adcp.GetProductsResponseFilterDiagnosticsSemanticsOnly, alone
	if len(kept) == 0 && len(alone) == 0 {
		semantics, excluded = adcp.GetProductsResponseFilterDiagnosticsSemanticsAny, together
	}
	d := &adcp.GetProductsResponseFilterDiagnostics{
		Semantics:       &semantics,
		TotalCandidates: new(int64(len(products))),
		ExcludedBy:      map[string]adcp.GetProductsResponseFilterDiagnosticsExcludedByValue{},
	}
	for name, n := range excluded {
		d.ExcludedBy[name] = adcp.GetProductsResponseFilterDiagnosticsExcludedByValue{Count: n}
	}
	return kept, d
}

// filters reads what a request asks for into tests of a product. A filter on
// something that no product of ours has excludes every product, as the protocol
// wants it; filters that the protocol does not know are ignored.
func (q *query) filters() []productFilter {
	f := q.req.Filters
	var out []productFilter
	add := func(name string, wanted bool, keep func(*Product) bool) {
		if wanted {
			out = append(out, productFilter{name, keep})
		}
	}
	none := func(*Product) bool { return false }
	add("required_policies", len(q.req.RequiredPolicies) > 0, none)
	if f == nil {
		return out
	}
	add("delivery_type", f.DeliveryType != nil, func(p *Product) bool { return p.deliveryType() == *f.DeliveryType })
	add("exclusivity", f.Exclusivity != nil, func(p *Product) bool { return p.Exclusivity == string(*f.Exclusivity) })
	add("channels", len(f.Channels) > 0, func(p *Product) bool { return overlap(p.Channels, f.Channels) })
	add("countries", len(f.Countries) > 0, func(p *Product) bool { return overlap(p.Countries, f.Countries) })
	add("regions", len(f.Regions) > 0, func(p *Product) bool { return slices.ContainsFunc(f.Regions, p.coversRegion) })
	add("metros", len(f.Metros) > 0, func(p *Product) bool { return slices.ContainsFunc(f.Metros, p.coversMetro) })
	add("format_ids", len(f.FormatIDs) > 0, func(p *Product) bool {
		return slices.ContainsFunc(f.FormatIDs, func(ref adcp.FormatReference) bool {
			return sameURL(ref.AgentURL, q.view.agentURL) && p.AcceptsFormat(ref.ID) || p.acceptsForeign(ref)
		})
	})
	add("standard_formats_only", adcp.Val(f.StandardFormatsOnly), func(p *Product) bool {
		return slices.ContainsFunc(p.FormatIDs, func(id string) bool {
			format, ok := q.Format(id)
			return ok && format.Standard
		})
	})
	add("video_placement_types", len(f.VideoPlacementTypes) > 0, func(p *Product) bool { return within(p.Placements.Video, f.VideoPlacementTypes) })
	add("audio_distribution_types", len(f.AudioDistributionTypes) > 0, func(p *Product) bool { return within(p.Placements.Audio, f.AudioDistributionTypes) })
	add("sponsored_placement_types", len(f.SponsoredPlacementTypes) > 0, func(p *Product) bool { return within(p.Placements.Sponsored, f.SponsoredPlacementTypes) })
	add("required_metrics", len(f.RequiredMetrics) > 0, func(p *Product) bool {
		return !slices.ContainsFunc(f.RequiredMetrics, func(m adcp.AvailableMetric) bool {
			return !slices.Contains(p.Reporting.Metrics, string(m))
		})
	})
	add("is_fixed_price", f.IsFixedPrice != nil, func(p *Product) bool { return slices.ContainsFunc(p.Pricing, q.rightKind) })
	add("pricing_currencies", len(f.PricingCurrencies) > 0, func(p *Product) bool {
		if slices.ContainsFunc(p.Bundled, func(currencies []string) bool { return !overlap(currencies, f.PricingCurrencies) }) {
			return false
		}
		return slices.ContainsFunc(p.Pricing, func(o PricingOption) bool { return q.rightKind(o) && q.rightCurrency(o) }) ||
			!slices.ContainsFunc(p.Pricing, q.rightKind) && slices.ContainsFunc(p.Pricing, q.rightCurrency)
	})
	// Whoever sees no prices cannot find them out by asking what a budget buys.
	add("budget_range", f.BudgetRange != nil && !q.hidePrices, q.affordable)
	add("min_exposures", f.MinExposures != nil, func(p *Product) bool {
		days := int64(30)
		if q.flight.known() {
			days = q.flight.days()
		}
		return p.Forecast.impressions(days, Whole) >= *f.MinExposures
	})
	add("start_date", f.StartDate != nil, func(p *Product) bool { return !q.flight.start.Before(q.asOf.Add(p.LeadTime)) })
	add("end_date", f.EndDate != nil, func(*Product) bool { return q.flight.end.Add(24 * time.Hour).After(q.asOf) })
	add("required_geo_targeting", slices.ContainsFunc(f.RequiredGeoTargeting, func(g adcp.ProductFiltersRequiredGeoTargetingItem) bool {
		return g.Level != adcp.GeographicTargetingLevelCountry
	}), none)
	add("required_features", slices.ContainsFunc(features(f.RequiredFeatures), func(name string) bool { return !q.mediaBuyFeatures()[name] }), none)
	add("social_placement_surfaces", len(f.SocialPlacementSurfaces) > 0, none)
	add("required_axe_integrations", len(f.RequiredAxeIntegrations) > 0, none)
	add("trusted_match", f.TrustedMatch != nil, none)
	add("signal_targeting", len(f.SignalTargeting) > 0, none)
	add("postal_areas", len(f.PostalAreas) > 0, none)
	add("geo_proximity", len(f.GeoProximity) > 0, none)
	add("required_performance_standards", len(f.RequiredPerformanceStandards) > 0, none)
	add("required_vendor_metrics", len(f.RequiredVendorMetrics) > 0, func(p *Product) bool {
		return !slices.ContainsFunc(f.RequiredVendorMetrics, func(m adcp.ProductFiltersRequiredVendorMetricsItem) bool { return !p.measures(m) })
	})
	add("keywords", len(f.Keywords) > 0, none)
	return out
}

// measures tells whether a vendor measures what is asked for: a metric, whoever
// measures it, or anything of a vendor's.
func (p *Product) measures(asked adcp.ProductFiltersRequiredVendorMetricsItem) bool {
	return slices.ContainsFunc(p.VendorMetrics, func(m VendorMetric) bool {
		return (asked.Vendor == nil || asked.Vendor.Domain == m.Vendor) && (asked.MetricID == nil || *asked.MetricID == m.Metric)
	})
}

// prices are the prices of a product that the request's filters leave, and that
// can be shown to the caller.
func (q *query) prices(p *Product) []PricingOption {
	wrong := func(o PricingOption) bool { return !q.rightKind(o) || !q.rightCurrency(o) }
	left := p.Pricing
	if f := q.req.Filters; f != nil && slices.ContainsFunc(left, wrong) {
		left = slices.DeleteFunc(slices.Clone(left), wrong)
	}
	return q.showable(left)
}

func (q *query) rightKind(o PricingOption) bool {
	f := q.req.Filters
	return f == nil || f.IsFixedPrice == nil || *f.IsFixedPrice != o.Auction
}

func (q *query) rightCurrency(o PricingOption) bool {
	f := q.req.Filters
	return f == nil || len(f.PricingCurrencies) == 0 || slices.Contains(f.PricingCurrencies, string(o.Currency))
}

// affordable reports whether the budget range buys the least of some price in its currency.
func (q *query) affordable(p *Product) bool {
	r := q.req.Filters.BudgetRange
	return slices.ContainsFunc(p.Pricing, func(o PricingOption) bool {
		return string(o.Currency) == r.Currency && q.rightKind(o) && (r.Max == nil || o.Least() <= q.budget)
	})
}

// budget is the upper end of a request's budget range, rounded down to micros.
func budget(r *adcp.ProductFiltersBudgetRange) (money.Micros, *adcp.Error) {
	for _, end := range []struct {
		name  string
		value *adcp.Decimal
	}{{"min", r.Min}, {"max", r.Max}} {
		if end.value == nil {
			continue
		}
		if _, err := end.value.Micros(); err != nil {
			return 0, adcp.NewError(adcp.CodeValidationError, "filters.budget_range."+end.name, err.Error()).
				WithSuggestion("Write the amount with at most six decimal places.")
		}
	}
	if r.Max == nil {
		return 0, nil
	}
	if r.Min != nil && r.Min.Cmp(*r.Max) > 0 {
		return 0, adcp.NewError(adcp.CodeValidationError, "filters.budget_range", "The range's min is above its max.").
			WithSuggestion("Swap them, or send only one.")
	}
	micros, _ := r.Max.Micros() // checked above
	return money.Micros(micros), nil
}

// coversRegion reports whether the product delivers in an ISO 3166-2 region.
// Products that are not locally bound cover every region of their countries.
func (p *Product) coversRegion(region string) bool {
	if len(p.Regions) > 0 {
		return slices.Contains(p.Regions, region)
	}
	country, _, _ := strings.Cut(region, "-")
	return slices.Contains(p.Countries, country)
}

// coversMetro reports whether the product delivers in a metro area. Products
// that are not locally bound cover every metro of their countries.
func (p *Product) coversMetro(m adcp.ProductFiltersMetro) bool {
	if len(p.Metros) > 0 || len(p.Regions) > 0 {
		return slices.Contains(p.Metros, Metro{System: string(m.System), Code: m.Code})
	}
	country := ""
	switch m.System {
	case adcp.MetroAreaSystemNielsenDMA:
		country = "US"
	case adcp.MetroAreaSystemUKItl1, adcp.MetroAreaSystemUKItl2:
		country = "GB"
	case adcp.MetroAreaSystemEurostatNuts2:
		country = m.Code[:min(2, len(m.Code))]
	}
	return slices.Contains(p.Countries, country)
}

// overlap reports whether the lists share a member.
func overlap[T ~string](has []string, wanted []T) bool {
	return slices.ContainsFunc(wanted, func(w T) bool { return slices.Contains(has, string(w)) })
}

// within reports whether everything that is delivered was wanted: a mixed bundle
// cannot be held to a part of it.
func within[T ~string](has []string, wanted []T) bool {
	return len(has) > 0 && !slices.ContainsFunc(has, func(h string) bool { return !slices.Contains(wanted, T(h)) })
}

// features are the names of the features that are asked for.
func features(f adcp.MediaBuyFeatures) []string {
	var out []string
	for name, wanted := range f {
		if wanted {
			out = append(out, name)
		}
	}
	return out
}
