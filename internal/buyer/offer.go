package buyer

import (
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// PricingModel is how a price is counted, by the protocol's enums/pricing-model.json.
type PricingModel string

// The nine pricing models.
const (
	ModelCPM      PricingModel = "cpm"       // a thousand impressions
	ModelVCPM     PricingModel = "vcpm"      // a thousand viewable impressions
	ModelCPC      PricingModel = "cpc"       // a click
	ModelCPCV     PricingModel = "cpcv"      // a completed view
	ModelCPV      PricingModel = "cpv"       // a view at a threshold
	ModelCPP      PricingModel = "cpp"       // a gross rating point
	ModelCPA      PricingModel = "cpa"       // an action
	ModelFlatRate PricingModel = "flat_rate" // the whole flight
	ModelTime     PricingModel = "time"      // an hour, day, week or month
)

// Offer is one product at one price, as a seller offered it, without its words.
// It does not depend on wire types; offer_wire.go makes it from them.
type Offer struct {
	Seller          string
	ProductID       string
	PricingOptionID string
	// Product is the product's name, cleaned, to be shown and nothing else.
	Product string
	// Channels are the protocol's channel names; empty where the seller says none.
	Channels   []string
	Guaranteed bool

	Model    PricingModel
	Currency string
	// Fixed is the price of one unit of the model; 0 in an auction.
	Fixed money.Micros
	// Auction offers take bids of at least Floor. Guidance is what bids won at
	// (the 50th and 75th percentile; 0 is unknown). BidIsCeiling auctions may
	// charge less than the bid.
	Auction            bool
	Floor              money.Micros
	Guidance50         money.Micros
	Guidance75         money.Micros
	BidIsCeiling       bool
	MinSpend           money.Micros
	ImpressionsPerUnit int64 // of cpp: impressions one point stands for; 0 is unknown
	// TimeUnits is how many units of a time price the flight takes; 0 for other models.
	TimeUnits int64
	// Available is how many impressions the seller expects to have in the flight
	// where the brief wants them; 0 where it does not say.
	Available int64
	// Estimated is how many impressions a flat or time price is expected to bring.
	Estimated int64
	// MaxSpend bounds the budget where a forecast does; 0 is no bound.
	MaxSpend money.Micros
	// Seen holds the rates that the seller's forecast states; 0 where it does not.
	Seen Rates
	// Countries are those the forecast is for; empty where it does not say.
	Countries []string
	// ExpiresAt is until when the offer stands; zero is no end.
	ExpiresAt time.Time
	// BookBy is the last instant of booking; zero is none.
	BookBy time.Time
	// Formats are the creative formats that the product takes.
	Formats []FormatID
}

// FormatID names a creative format: the agent that defines it and its name
// there, with the size or length where the format leaves them open.
type FormatID struct {
	AgentURL   string `json:"agent_url"`
	ID         string `json:"id"`
	Width      int64  `json:"width,omitempty"`
	Height     int64  `json:"height,omitempty"`
	DurationMS string `json:"duration_ms,omitempty"`
}

// rates are the seller's where it states them and the planning ones elsewhere.
func (o Offer) rates(channel string) Rates {
	r := assumedRates(channel)
	pick := func(field *int64, seen int64) {
		if seen > 0 {
			*field = min(seen, million)
		}
	}
	pick(&r.Viewable, o.Seen.Viewable)
	pick(&r.Click, o.Seen.Click)
	pick(&r.View, o.Seen.View)
	pick(&r.Complete, o.Seen.Complete)
	pick(&r.Convert, o.Seen.Convert)
	return r
}

// lump reports whether the price is for the whole, so that there is nothing to
// divide: it is bought at exactly its price or not at all.
func (o Offer) lump() bool { return o.Model == ModelFlatRate || o.Model == ModelTime }
