package seller

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// view is for whom and for which flight a product is shown.
type view struct {
	agentURL string
	// hidePrices leaves out everything that tells a price, for callers without a
	// credential.
	hidePrices bool
	// reports tells that delivery reports are sent by webhook.
	reports bool
	// flight is what the forecast covers; its zero value is a single day.
	flight flight
	// countries limit the forecast; empty is all of the product's.
	countries []string
	// left is what the ledger has left of guaranteed products over the flight.
	left map[*Product]leftover
}

// flight is a range of calendar days in UTC, both included.
type flight struct{ start, end time.Time }

func (f flight) known() bool { return !f.start.IsZero() && !f.end.IsZero() }

// days is the number of days, 1 where the flight is not known.
func (f flight) days() int64 {
	if !f.known() {
		return 1
	}
	return int64(f.end.Sub(f.start)/(24*time.Hour)) + 1
}

// product shows a product with the given prices, as core/product.json.
func (v view) product(p *Product, prices []PricingOption) adcp.Product {
	out := adcp.Product{
		ProductID:               p.ID,
		Name:                    p.Name,
		Description:             p.Description,
		PublisherProperties:     wireProperties(p.Properties),
		Channels:                convert[adcp.MediaChannel](p.Channels),
		FormatIDs:               make([]adcp.FormatReference, len(p.FormatIDs)),
		VideoPlacementTypes:     convert[adcp.VideoPlacementType](p.Placements.Video),
		AudioDistributionTypes:  convert[adcp.AudioDistributionType](p.Placements.Audio),
		SponsoredPlacementTypes: convert[adcp.SponsoredPlacementType](p.Placements.Sponsored),
		DeliveryType:            p.deliveryType(),
		Exclusivity:             new(adcp.Exclusivity(p.Exclusivity)),
		PricingOptions:          make([]adcp.PricingOption, len(prices)),
		Forecast:                v.forecast(p, prices),
		ReportingCapabilities: adcp.ReportingCapabilities{
			AvailableReportingFrequencies: convert[adcp.ReportingFrequency](p.Reporting.Frequencies),
			ExpectedDelayMinutes:          int64(p.Reporting.Delay / time.Minute),
			Timezone:                      "UTC",
			SupportsWebhooks:              v.reports,
			AvailableMetrics:              convert[adcp.AvailableMetric](p.Reporting.Metrics),
			DateRangeSupport:              adcp.ReportingCapabilitiesDateRangeSupportDateRange,
		},
		CreativePolicy: &adcp.CreativePolicy{
			CoBranding:         adcp.CoBrandingRequirement(p.Creative.CoBranding),
			LandingPage:        adcp.LandingPageRequirement(p.Creative.LandingPage),
			TemplatesAvailable: p.Creative.Templates,
		},
	}
	for i, id := range p.FormatIDs {
		out.FormatIDs[i] = adcp.FormatReference{AgentURL: v.agentURL, ID: id}
	}
	for i, o := range prices {
		out.PricingOptions[i] = v.price(o)
	}
	p.optimization().show(&out)
	out.CatalogTypes = convert[adcp.CatalogType](p.catalogTypes())
	if m := p.Measurement; m != nil {
		out.DeliveryMeasurement = &adcp.ProductDeliveryMeasurement{}
		for _, domain := range m.Vendors {
			out.DeliveryMeasurement.Vendors = append(out.DeliveryMeasurement.Vendors, adcp.BrandReference{Domain: domain})
		}
		if m.Notes != "" {
			out.DeliveryMeasurement.Notes = &m.Notes
		}
	}
	v.overlay(p, &out)
	return out
}

// overlay lays what a product was declared with over what is shown. What depends
// on the caller stays as it is.
func (v view) overlay(p *Product, out *adcp.Product) {
	if p.Wire == "" {
		return
	}
	id, formats, prices := out.ProductID, out.FormatIDs, out.PricingOptions
	overlay(out, p.Wire)
	out.ProductID, out.FormatIDs, out.PricingOptions = id, slices.Concat(formats, p.Foreign), prices
	if len(out.FormatIDs) == 0 {
		out.FormatIDs = nil // it is declared by format_options
	}
}

// overlay reads a document over what is in out already. What was declared in the
// protocol's form was read once before, so it can be.
func overlay[T any](out *T, wire string) {
	if wire != "" {
		_ = json.Unmarshal([]byte(wire), out)
	}
}

func (p *Product) deliveryType() adcp.DeliveryType {
	if p.Guaranteed {
		return adcp.DeliveryTypeGuaranteed
	}
	return adcp.DeliveryTypeNonGuaranteed
}

func wireProperties(properties []PublisherProperties) []adcp.PublisherPropertySelector {
	out := make([]adcp.PublisherPropertySelector, len(properties))
	for i, p := range properties {
		s := adcp.PublisherPropertySelector{PublisherDomain: &p.Domain, SelectionType: adcp.PublisherPropertySelectorSelectionTypeAll}
		switch {
		case len(p.PropertyIDs) > 0:
			s.SelectionType, s.PropertyIDs = adcp.PublisherPropertySelectorSelectionTypeByID, p.PropertyIDs
		case len(p.Tags) > 0:
			s.SelectionType, s.PropertyTags = adcp.PublisherPropertySelectorSelectionTypeByTag, p.Tags
		}
		out[i] = s
	}
	return out
}

// showable are the prices that can be shown: without amounts, cpa is not a
// price at all by its schema.
func (v view) showable(prices []PricingOption) []PricingOption {
	priceless := func(o PricingOption) bool { return o.Model == adserver.CPA }
	if !v.hidePrices || !slices.ContainsFunc(prices, priceless) {
		return prices
	}
	return slices.DeleteFunc(slices.Clone(prices), priceless)
}

// price shows a price as core/pricing-option.json.
func (v view) price(o PricingOption) adcp.PricingOption {
	out := adcp.PricingOption{
		PricingOptionID: o.ID,
		PricingModel:    adcp.PricingModel(o.Model),
		Currency:        string(o.Currency),
		Parameters:      wireParameters(o),
	}
	if o.Model == adserver.CPA {
		out.EventType = new(adcp.EventType(o.Parameters.EventType))
	}
	if v.hidePrices {
		return out
	}
	overlay(&out, o.Wire)
	if o.MinSpend > 0 {
		out.MinSpendPerPackage = amount(o.MinSpend)
	}
	if !o.Auction {
		out.FixedPrice = amount(o.Fixed)
		return out
	}
	out.FloorPrice = amount(o.Floor)
	if o.MaxBid {
		out.MaxBid = new(true)
	}
	if g := o.Guidance; g != (Guidance{}) {
		out.PriceGuidance = &adcp.PriceGuidance{P25: known(g.P25), P50: known(g.P50), P75: known(g.P75), P90: known(g.P90)}
	}
	return out
}

func amount(m money.Micros) *adcp.Decimal { return new(adcp.DecimalFromMicros(int64(m))) }

// known is an amount, or nothing where it is zero.
func known(m money.Micros) *adcp.Decimal {
	if m == 0 {
		return nil
	}
	return amount(m)
}

// wireParameters shows what single models need besides a price; nil for the others.
func wireParameters(o PricingOption) *adcp.PricingOptionParameters {
	p := o.Parameters
	switch o.Model {
	case adserver.CPV:
		threshold := json.RawMessage(adcp.DecimalFromMicros(int64(p.ViewThreshold)))
		if p.ViewSeconds > 0 {
			threshold = json.RawMessage(fmt.Sprintf(`{"duration_seconds":%d}`, p.ViewSeconds))
		}
		return &adcp.PricingOptionParameters{ViewThreshold: threshold}
	case adserver.CPP:
		out := &adcp.PricingOptionParameters{
			DemographicSystem: new(adcp.DemographicSystem(p.DemographicSystem)),
			Demographic:       &p.Demographic,
		}
		if p.MinPoints > 0 {
			out.MinPoints = new(adcp.DecimalFromInt(p.MinPoints))
		}
		return out
	case adserver.TimeRate:
		return &adcp.PricingOptionParameters{
			TimeUnit:    new(adcp.TimeBasedPricingOptionParametersTimeUnit(p.TimeUnit)),
			MinDuration: positive(p.MinDuration),
			MaxDuration: positive(p.MaxDuration),
		}
	case adserver.FlatRate:
		if d := p.DOOH; d != nil {
			return &adcp.PricingOptionParameters{
				Type: new("dooh"),
				// The protocol writes shares of voice as percentages.
				SovPercentage:        new(adcp.DecimalFromMicros(100 * int64(d.ShareOfVoice))),
				LoopDurationSeconds:  positive(d.LoopSeconds),
				MinPlaysPerHour:      positive(d.MinPlaysPerHour),
				VenuePackage:         filled(d.VenuePackage),
				Daypart:              filled(d.Daypart),
				EstimatedImpressions: positive(d.EstimatedImpressions),
			}
		}
	}
	return nil
}

// positive is a number, or nothing where it is zero.
func positive(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// filled is a text, or nothing where it is empty.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// convert turns texts into an enum's type; none into nil, which is left out.
func convert[T ~string](texts []string) []T {
	if len(texts) == 0 {
		return nil
	}
	out := make([]T, len(texts))
	for i, s := range texts {
		out[i] = T(s)
	}
	return out
}
