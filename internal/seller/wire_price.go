package seller

import (
	"encoding/json"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// WirePrice makes a price of one in the protocol's own form
// (core/pricing-option.json), as far as it goes. A price that is neither fixed nor
// has a floor is an auction without one.
func WirePrice(id string, document json.RawMessage) (PricingOption, error) {
	var w struct {
		adcp.PricingOption
		// Rate is a fixed price in the words of earlier releases.
		Rate *adcp.Decimal `json:"rate"`
	}
	if err := decodeWire(document, &w); err != nil {
		return PricingOption{}, err
	}
	if w.FixedPrice == nil {
		w.FixedPrice = w.Rate
	}
	o := PricingOption{
		ID: id, Model: adserver.PricingModel(w.PricingModel), Auction: w.FixedPrice == nil, MaxBid: adcp.Val(w.MaxBid),
	}
	switch currency, err := money.ParseCurrency(w.Currency); {
	case id == "":
		return o, wireError("pricing_option_id", "The price has no pricing_option_id.")
	case !slices.Contains(pricingModels, string(w.PricingModel)):
		return o, wireError("pricing_model", "There is no pricing model %q.", w.PricingModel)
	case err != nil:
		return o, wireError("currency", "%v", err)
	default:
		o.Currency = currency
	}
	if w.PriceGuidance == nil {
		w.PriceGuidance = new(adcp.PriceGuidance)
	}
	for _, amount := range []struct {
		field string
		value *adcp.Decimal
		into  *money.Micros
	}{
		{"fixed_price", w.FixedPrice, &o.Fixed},
		{"floor_price", w.FloorPrice, &o.Floor},
		{"min_spend_per_package", w.MinSpendPerPackage, &o.MinSpend},
		{"price_guidance.p25", w.PriceGuidance.P25, &o.Guidance.P25},
		{"price_guidance.p50", w.PriceGuidance.P50, &o.Guidance.P50},
		{"price_guidance.p75", w.PriceGuidance.P75, &o.Guidance.P75},
		{"price_guidance.p90", w.PriceGuidance.P90, &o.Guidance.P90},
	} {
		if amount.value == nil {
			continue
		}
		micros, err := amount.value.Micros()
		if err != nil || micros < 0 {
			return o, wireError(amount.field, "%s is not an amount of money.", *amount.value)
		}
		*amount.into = money.Micros(micros)
	}
	if !o.Auction && o.Fixed == 0 {
		return o, wireError("fixed_price", "A fixed price is above zero.")
	}
	o.Parameters = wirePriceParameters(&w.PricingOption)
	rest := map[string]json.RawMessage{}
	if err := decodeWire(document, &rest); err != nil {
		return o, err
	}
	for _, held := range []string{"pricing_option_id", "pricing_model", "currency", "fixed_price", "floor_price", "max_bid", "price_guidance", "min_spend_per_package", "rate"} {
		delete(rest, held)
	}
	if len(rest) > 0 {
		doc, err := json.Marshal(rest)
		if err != nil {
			return o, err
		}
		o.Wire = string(doc)
	}
	return o, nil
}

func wirePriceParameters(w *adcp.PricingOption) PricingParameters {
	p := PricingParameters{EventType: string(adcp.Val(w.EventType))}
	if w.Parameters == nil {
		return p
	}
	p.DemographicSystem, p.Demographic = string(adcp.Val(w.Parameters.DemographicSystem)), adcp.Val(w.Parameters.Demographic)
	p.TimeUnit = adserver.TimeUnit(adcp.Val(w.Parameters.TimeUnit))
	p.MinDuration, p.MaxDuration = adcp.Val(w.Parameters.MinDuration), adcp.Val(w.Parameters.MaxDuration)
	return p
}
