package seller

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// ProposalState is where a proposal stands. On the wire there are only two
// (enums/proposal-status.json), draft and committed; what has been bought or has
// lapsed is refused by its code.
type ProposalState string

// The states of a proposal.
const (
	// ProposalDraft is a plan at indicative prices.
	ProposalDraft ProposalState = "draft"
	// ProposalCommitted is a plan at firm prices, with its inventory held.
	ProposalCommitted ProposalState = "committed"
	// ProposalBought is a plan that an order has taken up.
	ProposalBought ProposalState = "bought"
	// ProposalLapsed is a plan whose hold ran out, or whose order came to nothing.
	ProposalLapsed ProposalState = "lapsed"
)

// proposalMoves is the state machine of proposals: every move there is. Nothing
// but the state ever changes, and only a draft is given firm prices.
var proposalMoves = map[ProposalState][]ProposalState{
	ProposalDraft:     {ProposalCommitted},
	ProposalCommitted: {ProposalBought, ProposalLapsed},
	// The order failed: the hold stands again while it lasts.
	ProposalBought: {ProposalCommitted, ProposalLapsed},
	ProposalLapsed: {},
}

// Proposal is a media plan for one principal: how a budget could be spent over
// products, and at which prices. What it says never changes once it was answered;
// a refined plan is another proposal.
type Proposal struct {
	ID        string `json:"-"`
	Principal string `json:"-"`
	// State, TaskID, ExpiresAt and Revision are kept beside the plan.
	State     ProposalState `json:"-"`
	TaskID    string        `json:"-"`
	ExpiresAt time.Time     `json:"-"`
	Revision  int64         `json:"-"`

	// Strategy names how the plan was made, such as "balanced".
	Strategy string `json:"strategy"`
	Name     string `json:"name"`
	// Description and Alignment say why it is as it is.
	Description string `json:"description"`
	Alignment   string `json:"alignment"`
	// Refines is the proposal that this one was made from, if any.
	Refines string `json:"refines,omitzero"`
	// Budget is what the plan is for; all its amounts are in Currency.
	Budget   money.Micros   `json:"budget"`
	Currency money.Currency `json:"currency"`
	// Start and End bound the flight that the plan was made for.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Countries are where it is to run; empty is wherever the products do.
	Countries   []string     `json:"countries,omitzero"`
	Allocations []Allocation `json:"allocations"`
}

// Allocation is the part of a plan that goes to one product at one price.
type Allocation struct {
	// Product and Price are as they were when the plan was made: while it is
	// committed, they are what is agreed.
	Product *Product      `json:"product"`
	Price   PricingOption `json:"price"`
	// Bid is the bid that the plan counts on in an auction; zero at a fixed price.
	Bid money.Micros `json:"bid,omitzero"`
	// Share is the part of the budget; all shares together are [Whole].
	Share     Rate   `json:"share"`
	Rationale string `json:"rationale"`
	// Impressions are what the budget is expected to buy, in a committed plan
	// with a guaranteed product what is held.
	Impressions int64 `json:"impressions"`
}

// shareStep is the finest part of a budget that a plan tells apart: a hundredth
// of a percent.
const shareStep Rate = 100

// budgets divide a total over the allocations, in coins of the currency: each
// gets its share rounded down, and what is left goes coin by coin to the first.
func (p *Proposal) budgets(total money.Micros) []money.Micros {
	weights := make([]int64, len(p.Allocations))
	for i, a := range p.Allocations {
		weights[i] = int64(a.Share)
	}
	return money.Split(total, weights, p.Currency.Unit())
}

// packageOf is the allocation as a package of a media buy, with so much of the budget.
func (p *Proposal) packageOf(a *Allocation, budget money.Micros) *Package {
	return &Package{
		ProductID: a.Product.ID, Price: a.Price, Bid: a.Bid, Budget: budget,
		Start: p.Start, End: p.End, Guaranteed: a.Product.Guaranteed, Approval: a.Product.Approval,
		LeadTime: a.Product.LeadTime, Targeting: Targeting{Countries: p.countriesOf(a.Product)},
	}
}

// countriesOf are the countries that the plan narrows a product to; nil is all of them.
func (p *Proposal) countriesOf(product *Product) []string {
	if len(p.Countries) == 0 {
		return nil
	}
	both := slices.DeleteFunc(slices.Clone(product.Countries), func(c string) bool { return !slices.Contains(p.Countries, c) })
	if len(both) == len(product.Countries) {
		return nil
	}
	return both
}

// leastTotal is the smallest total of which every allocation's part is enough for
// its price.
func (p *Proposal) leastTotal() money.Micros {
	least := money.Micros(0)
	for i := range p.Allocations {
		a := &p.Allocations[i]
		if need := max(p.packageOf(a, 0).leastBudget(), p.Currency.Unit()); a.Share > 0 {
			total := need.MulDiv(int64(Whole), int64(a.Share))
			if a.Share.Of(int64(total)) < int64(need) {
				total++
			}
			least = max(least, total)
		}
	}
	if up := least.Floor(p.Currency); up < least {
		least = up + p.Currency.Unit()
	}
	return least
}

// reserves reports whether the plan holds inventory.
func (p *Proposal) reserves() bool {
	return slices.ContainsFunc(p.Allocations, func(a Allocation) bool { return a.Product.Guaranteed })
}

// wire is the proposal as core/proposal.json.
func (p *Proposal) wire(publisher string) adcp.Proposal {
	w := adcp.Proposal{
		ProposalID: p.ID, Name: p.Name, Description: new(p.Description), BriefAlignment: optional(p.Alignment),
		ProposalStatus: new(adcp.ProposalStatusDraft), ExpiresAt: new(p.ExpiresAt),
		TotalBudgetGuidance: &adcp.ProposalTotalBudgetGuidance{
			Min: new(number(p.leastTotal())), Recommended: new(number(p.Budget)), Currency: new(string(p.Currency)),
		},
		Forecast: p.forecast(),
	}
	if p.State != ProposalDraft {
		w.ProposalStatus = new(adcp.ProposalStatusCommitted)
		w.TotalBudgetGuidance.Max = new(number(p.Budget))
		w.InsertionOrder = p.insertionOrder(publisher)
	}
	budgets := p.budgets(p.Budget)
	for i := range p.Allocations {
		a := &p.Allocations[i]
		w.Allocations = append(w.Allocations, adcp.ProductAllocation{
			ProductID: a.Product.ID, PricingOptionID: new(a.Price.ID), Rationale: new(a.Rationale), Sequence: new(int64(i + 1)),
			AllocationPercentage: adcp.DecimalFromMicros(100 * int64(a.Share)),
			Tags:                 slices.Clone(a.Product.Channels),
			Forecast:             p.allocationForecast(a, budgets[i]),
			Ext:                  a.terms(budgets[i]),
		})
	}
	return w
}

// terms say at what price the allocation counts, which in a committed plan is the
// price that will be booked.
func (a *Allocation) terms(budget money.Micros) json.RawMessage {
	price := a.Price.Fixed
	if a.Price.Auction {
		price = a.Bid
	}
	doc, _ := json.Marshal(map[string]any{"upfront": map[string]any{ // texts and numbers always encode
		"pricing_model": a.Price.Model, "price": number(price), "currency": a.Price.Currency, "budget": number(budget),
	}})
	return doc
}

// ioID names the insertion order of a committed proposal.
func (p *Proposal) ioID() string { return "io_" + p.ID }

// insertionOrder restates what is committed to, for people to sign. A plan that
// holds inventory asks for the buyer's acceptance of it.
func (p *Proposal) insertionOrder(publisher string) *adcp.InsertionOrder {
	return &adcp.InsertionOrder{
		IOID: p.ioID(), RequiresSignature: p.reserves(),
		Terms: &adcp.InsertionOrderTerms{
			Publisher:   new(publisher),
			TotalBudget: &adcp.InsertionOrderTermsTotalBudget{Amount: number(p.Budget), Currency: string(p.Currency)},
			FlightStart: new(p.Start), FlightEnd: new(p.End),
		},
	}
}

// forecast adds up what the allocations are expected to deliver.
func (p *Proposal) forecast() *adcp.DeliveryForecast {
	var low, mid, high int64
	method := adcp.ForecastMethodGuaranteed
	for i := range p.Allocations {
		a := &p.Allocations[i]
		if a.Product.Guaranteed {
			low, mid, high = low+a.Impressions, mid+a.Impressions, high+a.Impressions
			continue
		}
		method = adcp.ForecastMethodEstimate
		either := a.Product.Forecast.Spread.Of(a.Impressions)
		low, mid, high = low+a.Impressions-either, mid+a.Impressions, high+a.Impressions+either
	}
	impressions := adcp.ForecastRange{Mid: new(adcp.DecimalFromInt(mid))}
	if low < high {
		impressions.Low, impressions.High = new(adcp.DecimalFromInt(low)), new(adcp.DecimalFromInt(high))
	}
	return p.forecastOf(method, p.Budget, map[string]adcp.ForecastRange{"impressions": impressions})
}

// allocationForecast is what one allocation is expected to deliver.
func (p *Proposal) allocationForecast(a *Allocation, budget money.Micros) *adcp.DeliveryForecast {
	by, method := a.Product.Forecast.Spread, adcp.ForecastMethod(a.Product.Forecast.Method)
	if a.Product.Guaranteed {
		by, method = 0, adcp.ForecastMethodGuaranteed
	}
	metrics := map[string]adcp.ForecastRange{"impressions": spread(a.Impressions, by)}
	for metric, rate := range map[string]Rate{
		"clicks": a.Product.Supply.Click, "views": a.Product.Supply.View, "completed_views": a.Product.Supply.Complete,
	} {
		if n := rate.Of(a.Impressions); n > 0 {
			metrics[metric] = spread(n, by)
		}
	}
	return p.forecastOf(method, budget, metrics)
}

func (p *Proposal) forecastOf(method adcp.ForecastMethod, budget money.Micros, metrics map[string]adcp.ForecastRange) *adcp.DeliveryForecast {
	metrics["spend"] = adcp.ForecastRange{Mid: new(number(budget))}
	return &adcp.DeliveryForecast{
		ForecastRangeUnit: new(adcp.ForecastRangeUnitSpend), Method: method, Currency: string(p.Currency), ValidUntil: new(p.ExpiresAt),
		Points: []adcp.ForecastPoint{{Budget: new(number(budget)), Metrics: metrics}},
	}
}

// percent is a rate as people write it: "33.34 %".
func (r Rate) percent() string {
	return money.Micros(100*r).Literal() + " %"
}

// plural is "1 product", "2 products".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
