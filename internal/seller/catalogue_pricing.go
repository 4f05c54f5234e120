package seller

import (
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// PricingOption is one price of a product. It is either fixed (Auction false,
// Fixed above zero) or an auction (Auction true, Fixed zero, a Floor that may be zero).
type PricingOption struct {
	ID       string
	Model    adserver.PricingModel
	Currency money.Currency
	Auction  bool
	// Fixed is the price of one unit of the model: a thousand impressions for
	// cpm and vcpm, one click for cpc, the whole flight for flat_rate, one
	// Parameters.TimeUnit for time. Zero in an auction.
	Fixed money.Micros
	// Floor is the least bid that an auction takes, per the same unit.
	Floor money.Micros
	// Guidance is what recent bids won at; zero amounts are unknown.
	Guidance Guidance
	// MaxBid auctions treat the buyer's bid_price as a ceiling and may charge less.
	MaxBid bool
	// MinSpend is the least budget of a package at this price; zero is none.
	MinSpend money.Micros
	// Parameters hold what only some models need.
	Parameters PricingParameters
	// Wire, of a price that was declared in the protocol's own form
	// (core/pricing-option.json), is laid over what is shown of it.
	Wire string `json:",omitzero"`
}

// Guidance holds percentiles of recent winning bids, per unit of the model.
type Guidance struct{ P25, P50, P75, P90 money.Micros }

// PricingParameters hold what single pricing models need besides a price.
type PricingParameters struct {
	// ViewThreshold (cpv) is the part of the video that counts as a view. Zero
	// where ViewSeconds says it.
	ViewThreshold Rate
	// ViewSeconds (cpv) is the time that counts as a view. Zero where
	// ViewThreshold says it.
	ViewSeconds int64
	// DemographicSystem and Demographic (cpp) name the audience that points are
	// counted in, such as nielsen P18-49.
	DemographicSystem, Demographic string
	// MinPoints (cpp) is the least number of points; zero is none.
	MinPoints int64
	// ImpressionsPerPoint (cpp) is how many impressions one rating point stands
	// for in this market. The ad server counts impressions; this turns them into points.
	ImpressionsPerPoint int64
	// EventType (cpa) is the conversion that is charged, by enums/event-type.json.
	EventType string
	// TimeUnit (time) is what Fixed or Floor buys.
	TimeUnit adserver.TimeUnit
	// MinDuration and MaxDuration (time) bound the flight in TimeUnits; zero is no bound.
	MinDuration, MaxDuration int64
	// DOOH (flat_rate) describes the share of a digital out-of-home loop; nil
	// for sponsorships and takeovers.
	DOOH *DOOHParameters
}

// DOOHParameters describe a flat-rate share of digital out-of-home screens.
type DOOHParameters struct {
	// ShareOfVoice is the part of the loop.
	ShareOfVoice Rate
	// LoopSeconds is the length of the loop; MinPlaysPerHour the plays promised.
	LoopSeconds, MinPlaysPerHour int64
	// VenuePackage names the screens; Daypart the hours.
	VenuePackage, Daypart string
	// EstimatedImpressions is informational.
	EstimatedImpressions int64
}

// Least is the least that a package at this price can cost: its minimum spend,
// and as many units as must be taken at least. In an auction units count at the floor.
func (o PricingOption) Least() money.Micros {
	unit := o.Fixed
	if o.Auction {
		unit = o.Floor
	}
	switch o.Model {
	case adserver.FlatRate:
		return max(o.MinSpend, unit)
	case adserver.TimeRate:
		return max(o.MinSpend, unit.MulDiv(max(o.Parameters.MinDuration, 1), 1))
	case adserver.CPP:
		return max(o.MinSpend, unit.MulDiv(o.Parameters.MinPoints, 1))
	}
	return o.MinSpend
}
