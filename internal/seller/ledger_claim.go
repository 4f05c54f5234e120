package seller

import (
	"math"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/inventory"
)

// capacity is what may be promised of the product: what the catalogue states,
// else what the forecast tells buyers to expect; by country where the seller says
// how countries share it. It is never the ad server's own supply.
func (p *Product) capacity() inventory.Capacity {
	perDay := p.Capacity
	if perDay == 0 {
		perDay = p.Forecast.Impressions
	}
	c := inventory.Capacity{Product: p.inLedger(), PerDay: perDay}
	for _, s := range p.Forecast.Shares {
		c.Countries = append(c.Countries, inventory.CountryCapacity{Country: s.Country, PerDay: s.Share.Of(perDay)})
	}
	return c
}

// inLedger names the product in the ledger: what is one principal's own may go by
// the name of another's.
func (p *Product) inLedger() string {
	if p.Own {
		return p.Principals[0] + "/" + p.ID
	}
	return p.ID
}

func readCapacity(n yamlNode, p *Product) int64 {
	o := n.object("daily_impressions")
	if !o.present() {
		return 0
	}
	if !p.Guaranteed {
		n.fail("is for guaranteed products: the others promise nothing", "take it out, or write delivery: guaranteed")
	}
	return o.field("daily_impressions").need("write how many impressions a day may be promised").positive()
}

// claim is what one of the buy's packages reserves, and false where it reserves
// nothing.
func (b *MediaBuy) claim(p *Package, product *Product) (inventory.Claim, bool) {
	if !p.Guaranteed || p.Canceled || b.State.Terminal() {
		return inventory.Claim{}, false
	}
	return p.claim(product), true
}

// claim is what the package's budget needs of its product over its flight.
func (p *Package) claim(product *Product) inventory.Claim {
	c := inventory.Claim{Product: product.inLedger(), Start: p.Start, End: p.End, Countries: p.Targeting.Countries}
	c.Impressions, c.Share = p.Price.claims(product, p.Budget, p.unitPrice())
	if p.Impressions > 0 && (c.Share > 0 || p.Impressions < c.Impressions) {
		c.Impressions, c.Share = p.Impressions, 0
	}
	return c
}

// claims is what a budget buys at the price: impressions, or a share of every day
// of the flight in millionths. Of what is billed by clicks, views and the like, it
// takes as many impressions as the product's rates say, rounded up.
func (o PricingOption) claims(product *Product, budget, unit money.Micros) (impressions, share int64) {
	switch {
	case o.Model == adserver.FlatRate && o.Parameters.DOOH != nil && o.Parameters.DOOH.ShareOfVoice > 0:
		return 0, int64(o.Parameters.DOOH.ShareOfVoice)
	case o.Model == adserver.FlatRate, o.Model == adserver.TimeRate:
		return 0, inventory.Whole
	case unit <= 0:
		return 0, 0
	}
	units, each := o.counts(product)
	bought := int64(budget.MulDiv(units, int64(unit)))
	if each <= 0 || each == Whole {
		return bought, 0
	}
	exact := money.Micros(bought).MulDiv(int64(Whole), int64(each))
	if each.Of(int64(exact)) < bought && exact < math.MaxInt64 {
		exact++
	}
	return int64(exact), 0
}

// counts is what the price is for: so many units, each of which is this part of
// an impression.
func (o PricingOption) counts(product *Product) (units int64, each Rate) {
	switch o.Model {
	case adserver.VCPM:
		return 1000, product.Supply.Viewable
	case adserver.CPC:
		return 1, product.Supply.Click
	case adserver.CPCV:
		return 1, product.Supply.Complete
	case adserver.CPV:
		return 1, product.Supply.View
	case adserver.CPA:
		return 1, product.Supply.Convert
	case adserver.CPP:
		return o.Parameters.ImpressionsPerPoint, Whole
	}
	return 1000, Whole
}

// budgetFor is the most that a budget at the package's price may be for so many
// impressions; zero where that is less than the price takes.
func (p *Package) budgetFor(product *Product, impressions int64) money.Micros {
	units, each := p.Price.counts(product)
	if impressions <= 0 || units <= 0 || p.Price.Model == adserver.FlatRate || p.Price.Model == adserver.TimeRate {
		return 0
	}
	budget := p.unitPrice().MulDiv(each.Of(impressions), units).Floor(p.Price.Currency)
	if budget < p.leastBudget() {
		return 0
	}
	return budget
}
