package buyer

import (
	"github.com/upfront-media/upfront/internal/money"
)

// Plan is how a budget is split, why, and what was not taken. Its JSON is what
// people and programs read; amounts in it are decimal strings.
type Plan struct {
	Currency string `json:"currency"`
	// Budget is the brief's, Planned the sum of the lines, Unallocated the rest.
	Budget      string `json:"budget"`
	Planned     string `json:"planned"`
	Unallocated string `json:"unallocated"`
	// UnallocatedReason says why something is left; empty where nothing is.
	UnallocatedReason string `json:"unallocated_reason,omitempty"`
	// Outcome is what the plan buys as much of as it can, such as "completed views".
	Outcome string `json:"outcome"`
	// Method says how the split was found, with its limits, in words.
	Method string `json:"method"`
	// Assumptions are the rates that comparing needed and no seller stated.
	Assumptions []string    `json:"assumptions"`
	Lines       []Line      `json:"lines"`
	Rejected    []Rejection `json:"rejected"`
	LeftOut     []LeftOut   `json:"left_out"`
}

// Line is one product to be bought.
type Line struct {
	// ID is derived from the campaign, the seller and the product.
	ID              string `json:"line_id"`
	Seller          string `json:"seller"`
	ProductID       string `json:"product_id"`
	Product         string `json:"product"`
	PricingOptionID string `json:"pricing_option_id"`
	PricingModel    string `json:"pricing_model"`
	Channel         string `json:"channel"`
	Guaranteed      bool   `json:"guaranteed"`
	Budget          string `json:"budget"`
	Currency        string `json:"currency"`
	// Price is the fixed price of one unit of the model; Bid is set instead in an auction.
	Price string `json:"price,omitempty"`
	Bid   string `json:"bid,omitempty"`
	// EffectiveCPM is the expected cost of a thousand impressions, whatever the model.
	EffectiveCPM string `json:"effective_cpm"`
	// CostPerOutcome is the expected cost of one unit of the plan's outcome
	// (of a thousand, for impressions).
	CostPerOutcome string `json:"cost_per_outcome"`
	// Impressions and Outcomes are what the budget is expected to bring.
	Impressions int64  `json:"impressions"`
	Outcomes    int64  `json:"outcomes"`
	Reason      string `json:"reason"`
}

// Amount is the line's budget as money.
func (l Line) Amount() (money.Amount, error) { return amount(l.Budget, l.Currency) }

func amount(text, currency string) (money.Amount, error) {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return money.Amount{}, err
	}
	m, err := money.Parse(text)
	return money.Amount{Micros: m, Currency: c}, err
}

// Rejection is a product that was offered and not taken.
type Rejection struct {
	Seller    string `json:"seller"`
	ProductID string `json:"product_id"`
	Reason    string `json:"reason"`
}

// LeftOut is a seller that could not be considered, or not booked.
type LeftOut struct {
	Seller string `json:"seller"`
	Reason string `json:"reason"`
}
