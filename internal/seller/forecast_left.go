package seller

import (
	"context"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/inventory"
)

// leftover is what the ledger has left of a product over a flight.
type leftover struct {
	// all is in all the countries in view; countries tell them apart where the
	// product's supply is.
	all       int64
	countries map[string]int64
}

// in is what is left in a country, "" for all in view.
func (l leftover) in(country string) int64 {
	if n, ok := l.countries[country]; ok {
		return n
	}
	return l.all
}

// String tells leftovers apart; the zero leftover is "".
func (l leftover) String() string {
	if l.all == 0 && l.countries == nil {
		return ""
	}
	return fmt.Sprint(l.all, l.countries)
}

// lookUpLeft reads what is left of the guaranteed products of a page over the
// request's flight. A wholesale feed is of what the seller has, and is versioned;
// it does not say what others have bought.
func (q *query) lookUpLeft(ctx context.Context, page []offer) error {
	if !q.takesOrders() || !q.flight.known() || q.req.BuyingMode == adcp.GetProductsRequestBuyingModeWholesale {
		return nil
	}
	q.left = map[*Product]leftover{}
	for _, o := range page {
		p := o.product
		if !p.Guaranteed {
			continue
		}
		claim := inventory.Claim{Product: p.inLedger(), Start: q.flight.start, End: q.flight.end.AddDate(0, 0, 1)}
		if overlap(p.Countries, q.countries) {
			claim.Countries = q.countries
		}
		left, err := q.ledger().LeftIn(ctx, q.db.Read(), p.capacity(), claim, q.now())
		if err != nil {
			return err
		}
		l := leftover{countries: map[string]int64{}}
		for country, n := range left {
			l.all += n
			if country != "" {
				l.countries[country] = n
			}
		}
		q.left[p] = l
	}
	return nil
}
