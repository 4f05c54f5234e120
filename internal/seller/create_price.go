package seller

import (
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// price agrees the package's price: it finds the pricing option, takes a copy of
// it, and checks the bid. It reports whether there is a price at all.
func (c *checks) price(at string, product *Product, p *Package, optionID string, bid *adcp.Decimal) bool {
	option, ok := product.PricingOption(optionID)
	if !ok {
		ids := make([]string, len(product.Pricing))
		for i, o := range product.Pricing {
			ids[i] = o.ID
		}
		c.refuse(refusal(adcp.CodeValidationError, at+".pricing_option_id", "Product %s has no such pricing option.", product.ID).
			WithSuggestion("Use a pricing_option_id of the product, as get_products gives them.").
			WithDetails(map[string]any{"accepted_values": ids}))
		return false
	}
	p.Price = *option
	return c.bid(at, p, bid)
}

// bid checks a bid against the agreed price.
func (c *checks) bid(at string, p *Package, bid *adcp.Decimal) bool {
	field := at + ".bid_price"
	switch {
	case !p.Price.Auction:
		// A bid is for auctions. The option that the buyer named has its price, and the
		// answer says so; widely used buyers send a bid with every CPM.
		return true
	case bid == nil && p.Price.Floor > 0: // no more is offered than the seller asks for at least
		p.Bid = p.Price.Floor
		return true
	case bid == nil:
		c.refuse(refusal(adcp.CodeValidationError, field, "Pricing option %s is an auction; it needs a bid.", p.Price.ID).
			WithSuggestion("Send bid_price at or above the option's floor_price."))
		return false
	}
	amount, ok := c.amount(field, *bid)
	if !ok {
		return false
	}
	if amount == 0 || amount < p.Price.Floor {
		c.refuse(refusal(adcp.CodeValidationError, field, "The bid %s is below the floor, %s %s.",
			amount.Format(p.Price.Currency), p.Price.Floor.Format(p.Price.Currency), p.Price.Currency).
			WithSuggestion("Bid at or above the option's floor_price."))
		return false
	}
	p.Bid = amount
	return true
}

// budget checks a package's budget against what its price demands at least.
func (c *checks) budget(at string, p *Package, d adcp.Decimal) {
	field := at + ".budget"
	amount, ok := c.amount(field, d)
	if !ok {
		return
	}
	if amount > maxBudget {
		c.add(adcp.CodeValidationError, field, "%s is more than a package can hold.", field)
		return
	}
	least := p.leastBudget()
	if amount == 0 || amount < least {
		least = max(least, p.Price.Currency.Unit())
		c.refuse(refusal(adcp.CodeBudgetTooLow, field, "The budget %s is below the least this price takes, %s %s.",
			amount.Format(p.Price.Currency), least.Format(p.Price.Currency), p.Price.Currency).
			WithSuggestion("Raise the budget to the minimum, or choose another product.").WithDetails(map[string]any{
			"minimum_budget": number(least), "currency": p.Price.Currency,
		}))
		return
	}
	p.Budget = amount
}

// leastBudget is the smallest budget that the price makes sense with: its minimum
// spend, and the smallest quantity that can be bought.
func (p *Package) leastBudget() money.Micros {
	least := p.Price.MinSpend
	switch params := p.Price.Parameters; p.Price.Model {
	case adserver.FlatRate:
		least = max(least, p.unitPrice())
	case adserver.TimeRate:
		least = max(least, p.unitPrice().MulDiv(max(params.MinDuration, 1), 1))
	case adserver.CPP:
		least = max(least, p.unitPrice().MulDiv(params.MinPoints, 1))
	}
	return least
}

// unitPrice is the price of one unit: the fixed price, or the bid.
func (p *Package) unitPrice() money.Micros {
	if p.Price.Auction {
		return p.Bid
	}
	return p.Price.Fixed
}

// duration checks the flight of a price by time against the option's bounds.
func (c *checks) duration(at string, p *Package) {
	params := p.Price.Parameters
	if p.Price.Model != adserver.TimeRate || params.MinDuration == 0 && params.MaxDuration == 0 {
		return
	}
	units := unitsWithin(p.Start, p.End, params.TimeUnit)
	if params.MinDuration > 0 && units < params.MinDuration {
		c.add(adcp.CodeValidationError, at+".end_time", "The flight is shorter than the %d %ss this price is sold for at least.", params.MinDuration, params.TimeUnit)
	}
	if params.MaxDuration > 0 && (units > params.MaxDuration || units == params.MaxDuration && after(p.Start, params.MaxDuration, params.TimeUnit).Before(p.End)) {
		c.add(adcp.CodeValidationError, at+".end_time", "The flight is longer than the %d %ss this price is sold for at most.", params.MaxDuration, params.TimeUnit)
	}
}

// unitsWithin counts the whole units of time between start and end.
func unitsWithin(start, end time.Time, unit adserver.TimeUnit) int64 {
	if unit != adserver.PerMonth {
		return int64(end.Sub(start) / after(start, 1, unit).Sub(start))
	}
	var n int64
	for !after(start, n+1, unit).After(end) {
		n++
	}
	return n
}

// after is n units later, months by the calendar.
func after(t time.Time, n int64, unit adserver.TimeUnit) time.Time {
	switch unit {
	case adserver.PerHour:
		return t.Add(time.Duration(n) * time.Hour)
	case adserver.PerWeek:
		return t.Add(time.Duration(n) * 7 * 24 * time.Hour)
	case adserver.PerMonth:
		return t.AddDate(0, int(n), 0)
	}
	return t.Add(time.Duration(n) * 24 * time.Hour)
}

// goal checks a goal of impressions. It only means something where impressions
// are what is billed.
func (c *checks) goal(at string, p *Package, d *adcp.Decimal) {
	if d == nil {
		return
	}
	field := at + ".impressions"
	n, ok := c.count(field, *d)
	if !ok {
		return
	}
	switch p.Price.Model {
	case adserver.CPM, adserver.FlatRate, adserver.TimeRate:
		p.Impressions = n
	default:
		c.unsupported(field, "a goal of impressions at a price by "+string(p.Price.Model), "Leave impressions out; the budget is the limit.", true)
	}
}

// number is an amount as the protocol's JSON number.
func number(m money.Micros) adcp.Decimal { return adcp.Decimal(m.Literal()) }
