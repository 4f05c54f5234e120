package adserver

import (
	"encoding/json"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// Order is what a buyer has bought, as the ad server is to hold it: one media buy.
type Order struct {
	ID         string         `json:"id"`
	Advertiser string         `json:"advertiser,omitzero"`
	Name       string         `json:"name,omitzero"`
	Currency   money.Currency `json:"currency"`
	// Paused stops all its line items for now; Canceled stops them for good.
	Paused    bool       `json:"paused,omitzero"`
	Canceled  bool       `json:"canceled,omitzero"`
	LineItems []LineItem `json:"line_items"`
}

// LineItem is one package of a media buy: one product at one price within one
// flight. All its amounts are in its order's currency.
type LineItem struct {
	// ID is unique over all orders of the ad server.
	ID        string `json:"id"`
	Name      string `json:"name,omitzero"`
	ProductID string `json:"product_id"`
	// Start and End bound the flight: delivery lies in [Start, End).
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Guaranteed line items are served before the others from the same supply.
	Guaranteed   bool         `json:"guaranteed,omitzero"`
	PricingModel PricingModel `json:"pricing_model"`
	// TimeUnit is what Rate buys under [TimeRate]; empty under the other models.
	TimeUnit TimeUnit `json:"time_unit,omitzero"`
	// Rate is the price that is paid, in the unit of the pricing model. With Rate
	// alone the price is fixed. With MaxBid alone the line item competes with MaxBid and
	// pays the clearing price. With both it pays Rate, an exact bid, where that wins.
	// A bid under [FlatRate] or [TimeRate] is paid as it was made.
	Rate   money.Micros `json:"rate,omitzero"`
	MaxBid money.Micros `json:"max_bid,omitzero"`
	// Floor is the least that may be paid in an auction.
	Floor money.Micros `json:"floor,omitzero"`
	// Budget is the most that may be spent. It is a hard stop.
	Budget money.Micros `json:"budget"`
	// Goal is how many impressions to deliver at most, under every pricing model (AdCP
	// 3.1, core/package, impressions). Zero means as many as the budget buys.
	Goal int64 `json:"goal,omitzero"`
	// Pacing is how the budget is spread over the flight; empty means even.
	Pacing Pacing `json:"pacing,omitzero"`
	// Weight is how much the line item should get relative to its pacing, in parts per
	// million: 1,400,000 is two fifths more while it lasts and when supply is shared.
	// Zero is as paced. It never buys more than the budget does.
	Weight   int64 `json:"weight,omitzero"`
	Paused   bool  `json:"paused,omitzero"`
	Canceled bool  `json:"canceled,omitzero"`
	// Creatives are those assigned; only approved ones serve. Where none is approved and
	// RequireCreative is set, the line item does not deliver.
	Creatives       []CreativeWeight `json:"creatives,omitzero"`
	RequireCreative bool             `json:"require_creative,omitzero"`
	FrequencyCap    *FrequencyCap    `json:"frequency_cap,omitzero"`
	Targeting       Targeting        `json:"targeting,omitzero"`
}

// CreativeWeight is a creative in a line item's rotation.
type CreativeWeight struct {
	CreativeID string `json:"creative_id"`
	// Weight is its share of the rotation relative to the others; where all are
	// zero the rotation is even.
	Weight int64 `json:"weight,omitzero"`
	// Approved says that the publisher has accepted it for this line item.
	Approved bool `json:"approved,omitzero"`
}

// FrequencyCap limits how often one person or device meets a line item. Both limits
// may be set; then both hold (AdCP 3.1, core/frequency-cap).
type FrequencyCap struct {
	// MaxImpressions for one Per within Window; a zero Window means the whole flight.
	// Zero means no such limit.
	MaxImpressions int64         `json:"max_impressions,omitzero"`
	Per            string        `json:"per,omitzero"`
	Window         time.Duration `json:"window,omitzero"`
	// Suppress is the least time between two impressions for one Per; zero means none.
	Suppress time.Duration `json:"suppress,omitzero"`
}

// Targeting restricts where a line item serves. Countries are what every ad
// server knows; Overlay is the protocol's targeting document as the buyer sent it
// (AdCP 3.1, core/targeting), for adapters that can do more.
type Targeting struct {
	Countries []string `json:"countries,omitzero"`
	// Audiences are lists of people to reach, any of them; AvoidAudiences are lists
	// not to serve to. Both are identifiers of an [AudienceHolder].
	Audiences      []string        `json:"audiences,omitzero"`
	AvoidAudiences []string        `json:"avoid_audiences,omitzero"`
	Overlay        json.RawMessage `json:"overlay,omitzero"`
}

// PricingModel is what is billed, by the protocol's names (AdCP 3.1, enums/pricing-model).
type PricingModel string

// The pricing models.
const (
	CPM      PricingModel = "cpm"       // a thousand impressions
	VCPM     PricingModel = "vcpm"      // a thousand viewable impressions
	CPC      PricingModel = "cpc"       // a click
	CPCV     PricingModel = "cpcv"      // a view to the end
	CPV      PricingModel = "cpv"       // a view to the publisher's threshold
	CPP      PricingModel = "cpp"       // a gross rating point
	CPA      PricingModel = "cpa"       // a conversion
	FlatRate PricingModel = "flat_rate" // the flight, whatever the volume
	TimeRate PricingModel = "time"      // an hour, day, week or month of the flight
)

// PricingModels lists the nine of them.
func PricingModels() []PricingModel {
	return []PricingModel{CPM, VCPM, CPC, CPCV, CPV, CPP, CPA, FlatRate, TimeRate}
}

// Pacing is how a budget is spread over a flight, by the protocol's names (AdCP 3.1, enums/pacing).
type Pacing string

// The kinds of pacing.
const (
	PacingEven        Pacing = "even"         // what is left, evenly over the time that is left
	PacingASAP        Pacing = "asap"         // as fast as supply allows
	PacingFrontLoaded Pacing = "front_loaded" // more of what is left earlier
)

// TimeUnit is the unit of a time-based price (AdCP 3.1, pricing-options/time-option).
type TimeUnit string

// The units of time. A month is a calendar month from the flight's start; a day is 24 hours.
const (
	PerHour  TimeUnit = "hour"
	PerDay   TimeUnit = "day"
	PerWeek  TimeUnit = "week"
	PerMonth TimeUnit = "month"
)
