package builtin

import (
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// claim is what a line item asks of one hour's supply, and what it gets.
type claim struct {
	*lineItem
	span span
	// price is what a price unit costs this hour, and units how many billed units may
	// still be delivered. Both are unused where time is billed.
	price money.Micros
	units int64
	// want is the number of impressions asked for, and need what even pacing would
	// ask for: when supply is short it is shared in proportion to need.
	want, need int64
	got        int64
}

// plan says what the line item asks of the hour that starts at h, of which available
// impressions are left for the hour. Without a wish the claim's want is zero.
func (li *lineItem) plan(h time.Time, available int64) claim {
	c := claim{lineItem: li, span: within(h, li.live(), li.End)}
	if c.span.length() == 0 || !li.serves(h) {
		return c
	}
	if timed(li.PricingModel) {
		c.planTime(available)
	} else {
		c.planVolume(h)
	}
	reachable := mulDiv(available, int64(li.reach), int64(Whole))
	c.want = min(c.want, mulDiv(reachable, int64(c.span.length()), int64(time.Hour)), li.capped(c.span))
	return c
}

// planTime asks for all there is, or for what paces to the goal where there is
// one, for as long as there is something to pay.
func (c *claim) planTime(available int64) {
	if c.due() == 0 {
		return
	}
	c.want = available
	if c.Goal > 0 {
		c.want, c.need = c.pace(c.Goal - c.total.Impressions)
	}
	c.need = max(c.need, c.want)
}

// planVolume asks for the impressions that the budget, or the goal, paces to.
func (c *claim) planVolume(h time.Time) {
	b := c.product.billing(c.PricingModel)
	price, won := c.lineItem.price(h)
	if !won || b.num == 0 {
		return
	}
	c.price = price
	c.units = b.buys(c.Budget-c.total.Spend, price)
	if c.units <= 0 {
		return
	}
	// Pacing is in impressions, for a conversion cannot be spread over hours.
	left := b.impressions(c.units)
	if c.Goal > 0 {
		left = min(left, c.Goal-c.total.Impressions)
	}
	c.want, c.need = c.pace(left)
}

// pace says how many of the impressions that are left should go to this span, and how
// many would under even pacing. Even follows the expected curve of supply over
// the time that is left, so what an hour failed to deliver is caught up later.
func (c *claim) pace(left int64) (want, even int64) {
	if left <= 0 {
		return 0, 0
	}
	even = left
	if rest := c.product.weight(c.span.from, c.End); rest > 0 {
		even = mulDivUp(left, c.product.weight(c.span.from, c.span.to), rest)
	}
	if c.Weight > 0 { // what performs gets more of the time and of short supply
		even = min(left, max(1, mulDiv(even, c.Weight, int64(Whole))))
	}
	switch c.Pacing {
	case adserver.PacingASAP:
		// Need stays even's: haste gives no claim on what others need.
		return left, max(even, 1)
	case adserver.PacingFrontLoaded:
		// Twice what even pacing would take of the rest: three quarters by half time.
		return min(left, saturatingAdd(even, even)), even
	}
	return even, even
}

// capped is the most impressions that the frequency cap allows in s. The cap is spread
// evenly over its window, so no window of any beginning exceeds it.
func (li *lineItem) capped(s span) int64 {
	const unlimited = 1<<63 - 1
	f, audience := li.FrequencyCap, mulDiv(li.product.Audience, int64(li.reach), int64(Whole))
	if f == nil || li.product.Audience == 0 {
		return unlimited
	}
	most := int64(unlimited)
	if f.MaxImpressions > 0 {
		reach := mulDiv(audience, f.MaxImpressions, 1)
		if f.Window > 0 {
			most = mulDiv(reach, int64(s.length()), int64(f.Window))
		} else {
			most = max(0, reach-li.total.Impressions)
		}
	}
	if f.Suppress > 0 {
		most = min(most, mulDiv(audience, int64(s.length()), int64(f.Suppress)))
	}
	return most
}

// share deals available impressions out to claims, which are sorted by line item,
// and returns what is left. Where there is not enough, each gets in proportion to its need
// but no more than it wants; single impressions that do not divide go round from
// a place that draw picks.
func share(available int64, claims []*claim, draw uint64) int64 {
	open := make([]*claim, 0, len(claims))
	for _, c := range claims {
		if c.want > 0 {
			c.need = max(c.need, 1)
			open = append(open, c)
		}
	}
	for len(open) > 0 && available > 0 {
		var needs int64
		for _, c := range open {
			needs = saturatingAdd(needs, c.need)
		}
		rest, given := open[:0:0], int64(0)
		for _, c := range open {
			if c.want <= mulDiv(available, c.need, needs) {
				c.got = c.want
				given += c.got
			} else {
				rest = append(rest, c)
			}
		}
		if len(rest) == len(open) {
			return deal(available, open, needs, draw)
		}
		available, open = available-given, rest
	}
	return available
}

// deal gives each claim its part of available, which all of them want more than.
func deal(available int64, open []*claim, needs int64, draw uint64) int64 {
	left := available
	for _, c := range open {
		c.got = mulDiv(available, c.need, needs)
		left -= c.got
	}
	for i := uint64(0); left > 0 && i < uint64(len(open)); i++ {
		open[(draw+i)%uint64(len(open))].got++
		left--
	}
	return left
}
