package builtin

import (
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// billing says what a pricing model bills: a price buys size units, and den
// impressions are expected to bring num units.
type billing struct{ size, num, den int64 }

func (p *product) billing(model adserver.PricingModel) billing {
	event := func(rate PPM) billing { return billing{1, int64(rate), int64(Whole)} }
	switch model {
	case adserver.CPM:
		return billing{1000, 1, 1}
	case adserver.VCPM:
		return billing{1000, int64(p.Rates.Viewable), int64(Whole)}
	case adserver.CPC:
		return event(p.Rates.Click)
	case adserver.CPCV:
		return event(p.Rates.Complete)
	case adserver.CPV:
		return event(p.Rates.View)
	case adserver.CPA:
		return event(p.Rates.Convert)
	case adserver.CPP:
		if p.Universe == 0 {
			return billing{microPoint, 0, 1}
		}
		return billing{microPoint, 100 * microPoint, p.Universe}
	}
	return billing{1, 1, 1}
}

// microPoint is how many units of [adserver.Metrics.GRPs] are one rating point. A
// point is one impression for each hundredth of the universe.
const microPoint = 1_000_000

// buys is how many units amount pays for at price, rounded down.
func (b billing) buys(amount, price money.Micros) int64 {
	return mulDiv(int64(amount), b.size, int64(price))
}

// cost is what units cost at price, rounded down. It never exceeds an amount that
// buys them.
func (b billing) cost(units int64, price money.Micros) money.Micros {
	return money.Micros(mulDiv(units, int64(price), b.size))
}

// impressions is how many impressions are expected to bring units, rounded up.
func (b billing) impressions(units int64) int64 { return mulDivUp(units, b.den, b.num) }

// timed says whether model bills time rather than volume.
func timed(model adserver.PricingModel) bool {
	return model == adserver.FlatRate || model == adserver.TimeRate
}

// price is what one price unit costs in the hour that starts at h; ok is false
// when the line item loses the hour's auction.
func (li *lineItem) price(h time.Time) (price money.Micros, ok bool) {
	if li.MaxBid == 0 {
		return li.Rate, true
	}
	clearing := li.product.clearing(h, li.PricingModel, li.currency, li.Floor)
	if clearing > li.MaxBid {
		return 0, false
	}
	if li.Rate > 0 {
		return li.Rate, clearing <= li.Rate
	}
	return max(clearing, 1), true
}

// fee is what a price for time comes to over the line item's flight, at most its budget.
func (li *lineItem) fee() money.Micros {
	price := li.Rate
	if price == 0 {
		price = li.MaxBid
	}
	if li.PricingModel == adserver.TimeRate {
		price = timePrice(price, li.TimeUnit, li.live(), li.End)
	}
	return min(price, li.Budget)
}

// due is what is left of a price for time.
func (li *lineItem) due() money.Micros { return max(0, li.fee()-li.total.Spend-li.forgone) }

// accrue is the part of a price for time that falls to s, a span of this hour: what
// is left of it, evenly over the time that is left, so that the last hour brings it
// to the whole exactly, whatever changed on the way.
func (li *lineItem) accrue(s span) money.Micros {
	left := li.due()
	rest := li.End.Sub(s.from)
	if left == 0 || rest <= 0 {
		return 0
	}
	return money.Micros(mulDiv(int64(left), int64(s.length()), int64(rest)))
}

// timePrice is price for each unit of time from start to end: whole units, and the
// last one in part, rounded down.
func timePrice(price money.Micros, unit adserver.TimeUnit, start, end time.Time) money.Micros {
	if !end.After(start) {
		return 0
	}
	length := map[adserver.TimeUnit]time.Duration{
		adserver.PerHour: time.Hour,
		adserver.PerDay:  24 * time.Hour,
		adserver.PerWeek: 7 * 24 * time.Hour,
	}[unit]
	if length > 0 {
		return money.Micros(mulDiv(int64(price), int64(end.Sub(start)), int64(length)))
	}
	// Calendar months; one that starts on the 31st ends with the month.
	months := 0
	for !addMonths(start, months+1).After(end) {
		months++
	}
	from, to := addMonths(start, months), addMonths(start, months+1)
	return money.Micros(saturatingAdd(mulDiv(int64(price), int64(months), 1),
		mulDiv(int64(price), int64(end.Sub(from)), int64(to.Sub(from)))))
}

// addMonths is t moved by n calendar months, to the month's last day where it has
// no such day.
func addMonths(t time.Time, n int) time.Time {
	t = t.UTC()
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}
