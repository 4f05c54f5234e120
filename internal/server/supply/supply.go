package supply

import (
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
)

// Of is what the built-in ad server needs to deliver a catalogue, by
// product identifier. It is here because neither of the two knows the other.
func Of(c *seller.Catalogue) map[string]builtin.Supply {
	out := make(map[string]builtin.Supply, len(c.Products))
	for _, p := range c.Products {
		out[p.ID] = product(p)
	}
	return out
}

func product(p *seller.Product) builtin.Supply {
	s := builtin.Supply{
		Daily:    p.Supply.DailyUnits,
		Weekdays: weekdayShares(p.Supply.Weekdays),
		Variance: builtin.PPM(p.Supply.Variance),
		Rates: builtin.Rates{
			Viewable: builtin.PPM(p.Supply.Viewable),
			Click:    builtin.PPM(p.Supply.Click),
			View:     builtin.PPM(p.Supply.View),
			Complete: builtin.PPM(p.Supply.Complete),
			Convert:  builtin.PPM(p.Supply.Convert),
		},
		Universe:           100 * p.ImpressionsPerPoint(),
		ImpressionsPerPlay: p.Supply.ImpressionsPerPlay,
		Audience:           p.Forecast.Reach,
	}
	copy(s.Hours[:], p.Supply.Hours)
	if p.Supply.Shortfall > 0 {
		s.Shortfall = &builtin.Shortfall{Missing: builtin.PPM(p.Supply.Shortfall)}
	}
	for _, o := range p.Pricing {
		if !o.Auction {
			continue
		}
		// The ad server clears around the middle of floor and guidance, which is
		// to be the median that buyers are told.
		s.Prices = append(s.Prices, builtin.AuctionPrice{
			PricingModel: o.Model, Currency: o.Currency, Floor: o.Floor,
			Guidance: max(o.Floor, 2*o.Guidance.P50-o.Floor),
		})
	}
	return s
}

// weekdayShares turns weights from Monday into shares of the average day from Sunday.
func weekdayShares(weights []int64) [7]builtin.PPM {
	var shares [7]builtin.PPM
	var sum int64
	for _, w := range weights {
		sum += w
	}
	for i, w := range weights {
		shares[(i+1)%7] = builtin.PPM(money.Micros(7*w).MulDiv(int64(builtin.Whole), sum))
	}
	return shares
}
