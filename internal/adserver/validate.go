package adserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// maxFlight guards against mistyped dates and overflow.
const maxFlight = 100 * 366 * 24 * time.Hour

// Validate reports what no ad server could hold, as a [*Refusal] that names the
// field, or nil. Adapters call it first in Apply; they refuse more where their ad
// server does.
func (o Order) Validate() error {
	if o.ID == "" {
		return refuse("id", "an order needs an identifier")
	}
	if _, err := money.ParseCurrency(string(o.Currency)); err != nil {
		return refuse("currency", "%v", err)
	}
	seen := map[string]bool{}
	for i, li := range o.LineItems {
		at := fmt.Sprintf("line_items[%d]", i)
		if r := li.validate(at); r != nil {
			return r
		}
		if seen[li.ID] {
			return refuse(at+".id", "%q is used twice in the order", li.ID)
		}
		seen[li.ID] = true
	}
	return nil
}

func (li LineItem) validate(at string) *Refusal {
	if li.ID == "" {
		return refuse(at+".id", "a line item needs an identifier")
	}
	if li.ProductID == "" {
		return refuse(at+".product_id", "a line item needs a product")
	}
	if r := li.validateFlight(at); r != nil {
		return r
	}
	if r := li.validatePrice(at); r != nil {
		return r
	}
	if !slices.Contains([]Pacing{"", PacingEven, PacingASAP, PacingFrontLoaded}, li.Pacing) {
		return refuse(at+".pacing", "%q is not even, asap or front_loaded", li.Pacing)
	}
	if li.Weight < 0 || li.Weight > maxBoost {
		return refuse(at+".weight", "%d is not between 0 and %d", li.Weight, maxBoost)
	}
	seen := map[string]bool{}
	for i, c := range li.Creatives {
		if c.CreativeID == "" || seen[c.CreativeID] {
			return refuse(fmt.Sprintf("%s.creatives[%d].creative_id", at, i), "%q is empty or assigned twice", c.CreativeID)
		}
		seen[c.CreativeID] = true
		if c.Weight < 0 || c.Weight > maxWeight {
			return refuse(fmt.Sprintf("%s.creatives[%d].weight", at, i), "%d is not between 0 and %d", c.Weight, maxWeight)
		}
	}
	if f := li.FrequencyCap; f != nil && (f.MaxImpressions < 0 || f.Window < 0 || f.Suppress < 0 || *f == FrequencyCap{}) {
		return refuse(at+".frequency_cap", "set max_impressions or suppress above zero, or leave the cap out")
	}
	if len(li.Targeting.Overlay) > 0 && !json.Valid(li.Targeting.Overlay) {
		return refuse(at+".targeting.overlay", "not a JSON document")
	}
	return nil
}

// maxBoost is ten times what pacing gives.
const maxBoost = 10_000_000

// maxWeight keeps sums of weights far from overflow.
const maxWeight = 1_000_000_000

func (li LineItem) validateFlight(at string) *Refusal {
	if li.Start.IsZero() {
		return refuse(at+".start", "a line item needs a start")
	}
	if !li.End.After(li.Start) {
		return refuse(at+".end", "%s is not after the start, %s", li.End.Format(time.RFC3339), li.Start.Format(time.RFC3339))
	}
	if li.End.Sub(li.Start) > maxFlight {
		return refuse(at+".end", "the flight is longer than a hundred years")
	}
	for _, t := range []struct {
		field string
		time  time.Time
	}{{"start", li.Start}, {"end", li.End}} {
		if !t.time.Equal(t.time.Truncate(time.Microsecond)) {
			return refuse(at+"."+t.field, "times are kept to the microsecond; drop the finer digits")
		}
	}
	return nil
}

func (li LineItem) validatePrice(at string) *Refusal {
	if !slices.Contains(PricingModels(), li.PricingModel) {
		return refuse(at+".pricing_model", "%q is not one of %v", li.PricingModel, PricingModels())
	}
	units := []TimeUnit{PerHour, PerDay, PerWeek, PerMonth}
	switch {
	case li.PricingModel == TimeRate && !slices.Contains(units, li.TimeUnit):
		return refuse(at+".time_unit", "%q is not one of %v", li.TimeUnit, units)
	case li.PricingModel != TimeRate && li.TimeUnit != "":
		return refuse(at+".time_unit", "only the pricing model time has a unit of time")
	case li.Budget < 0:
		return refuse(at+".budget", "%s is below zero", li.Budget)
	case li.Goal < 0:
		return refuse(at+".goal", "%d is below zero", li.Goal)
	case li.Rate < 0:
		return refuse(at+".rate", "%s is below zero", li.Rate)
	case li.MaxBid < 0:
		return refuse(at+".max_bid", "%s is below zero", li.MaxBid)
	case li.Floor < 0:
		return refuse(at+".floor", "%s is below zero", li.Floor)
	case li.Rate == 0 && li.MaxBid == 0:
		return refuse(at+".rate", "set a rate, or a max_bid for an auction, above zero")
	case li.MaxBid > 0 && li.MaxBid < li.Floor:
		return refuse(at+".max_bid", "%s is below the floor", li.MaxBid)
	case li.MaxBid > 0 && li.Rate > li.MaxBid:
		return refuse(at+".rate", "%s is above max_bid, %s", li.Rate, li.MaxBid)
	}
	return nil
}
