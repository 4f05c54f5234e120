package builtin

import (
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// run delivers every hour from first up to last for line items, which are sorted
// by identifier, moves their totals and watermarks, and hands each hour in which
// one delivered to emit. It is the whole of the ad server's behaviour over time, and pure:
// what comes out depends on the line items, their products' supply and the hours alone.
func run(items []*lineItem, first, last time.Time, emit func(adserver.HourlyDelivery)) {
	var products []*product
	byProduct := map[*product][]*lineItem{}
	for _, li := range items {
		if byProduct[li.product] == nil {
			products = append(products, li.product)
		}
		byProduct[li.product] = append(byProduct[li.product], li)
	}
	for h := first; h.Before(last); h = h.Add(time.Hour) {
		for _, p := range products {
			runHour(p, byProduct[p], h, emit)
		}
	}
	for _, li := range items {
		if li.watermark.Before(last) {
			li.watermark = last
		}
	}
}

func runHour(p *product, items []*lineItem, h time.Time, emit func(adserver.HourlyDelivery)) {
	var available int64
	if p != nil {
		available = p.available(h)
	}
	claims := make([]claim, 0, len(items))
	var guaranteed, others []*claim
	for _, li := range items {
		if h.Before(li.watermark) || li.finishedAt(h) {
			continue
		}
		claims = append(claims, li.plan(h, available))
		c := &claims[len(claims)-1]
		if c.Guaranteed {
			guaranteed = append(guaranteed, c)
		} else {
			others = append(others, c)
		}
	}
	if p != nil {
		draw := p.draw(h, "share")
		share(share(available, guaranteed, draw), others, draw)
	}
	for i := range claims {
		m := claims[i].deliver(h)
		if m == (adserver.Metrics{}) {
			continue
		}
		li := claims[i].lineItem
		li.total = li.total.Plus(m)
		li.deliveredUntil = claims[i].span.to
		emit(adserver.HourlyDelivery{
			LineItemID: li.ID, Hour: h, Metrics: m, Currency: li.currency,
			Creatives: rotate(m, li.rotation, mix(uint64(h.Unix()))),
		})
	}
}

// deliver turns the impressions a claim got into what happened and what it costs.
func (c *claim) deliver(h time.Time) adserver.Metrics {
	if timed(c.PricingModel) {
		if !c.serves(h) {
			c.forgone += c.accrue(c.span)
			return adserver.Metrics{}
		}
		m := c.happen(h, c.got)
		m.Spend = c.accrue(c.span)
		return m
	}
	if c.got == 0 {
		return adserver.Metrics{}
	}
	b := c.product.billing(c.PricingModel)
	m := c.happen(h, c.got)
	if billed := m.Billed(c.PricingModel); billed > c.units {
		// More came than may be billed: serving stopped within the hour.
		m = c.happen(h, mulDivUp(c.got, c.units, billed))
		limit(&m, c.PricingModel, c.units)
	}
	m.Spend = b.cost(m.Billed(c.PricingModel), c.price)
	return m
}

// limit takes what a rounded number of impressions brought beyond units back.
func limit(m *adserver.Metrics, model adserver.PricingModel, units int64) {
	switch model {
	case adserver.VCPM:
		m.ViewableImpressions = min(m.ViewableImpressions, units)
	case adserver.CPC:
		m.Clicks = min(m.Clicks, units)
	case adserver.CPV:
		m.Views = min(m.Views, units)
		m.CompletedViews = min(m.CompletedViews, m.Views)
	case adserver.CPCV:
		m.CompletedViews = min(m.CompletedViews, units)
	case adserver.CPA:
		m.Conversions = min(m.Conversions, units)
	case adserver.CPP:
		m.GRPs = min(m.GRPs, units)
	default:
		m.Impressions = min(m.Impressions, units)
	}
}

// happen is what n impressions lead to in the hour that starts at h.
func (c *claim) happen(h time.Time, n int64) adserver.Metrics {
	if n == 0 {
		return adserver.Metrics{}
	}
	p, r := c.product, c.product.Rates
	draw := c.draw(h)
	take := func(of int64, rate PPM) int64 {
		draw = mix(draw)
		if rate == 0 {
			return 0
		}
		varied := PPM(vary(int64(rate), p.Variance, draw))
		draw = mix(draw)
		return sample(of, varied, draw)
	}
	m := adserver.Metrics{Impressions: n}
	m.ViewableImpressions = take(n, r.Viewable)
	m.Clicks = take(n, r.Click)
	m.Views = take(n, r.View)
	if r.View > 0 {
		m.CompletedViews = take(m.Views, PPM(mulDiv(int64(r.Complete), int64(Whole), int64(r.View))))
	}
	m.Conversions = take(n, r.Convert)
	if p.Universe > 0 {
		m.GRPs = mulDiv(n, 100*microPoint, p.Universe)
	}
	if p.ImpressionsPerPlay > 0 {
		draw = mix(draw)
		m.Plays = mulDivAdd(n, 1, draw%uint64(p.ImpressionsPerPlay), p.ImpressionsPerPlay)
	}
	return m
}

// rotate splits m over the creatives by their weights, exactly. The place where
// the round begins changes with draw, so that single impressions reach all of them.
func rotate(m adserver.Metrics, rotation []adserver.CreativeWeight, draw uint64) []adserver.CreativeDelivery {
	n := len(rotation)
	if n == 0 {
		return nil
	}
	weights := make([]int64, n)
	var sum int64
	for i, c := range rotation {
		weights[i] = c.Weight
		sum += c.Weight
	}
	if sum == 0 {
		for i := range weights {
			weights[i] = 1
		}
	}
	begin := int(draw % uint64(n))
	impressions := split(m.Impressions, weights, begin)
	if m.Impressions > 0 {
		weights = impressions
	}
	// What happens to impressions is split as they are, so no creative has more
	// clicks than impressions.
	viewable, clicks := split(m.ViewableImpressions, weights, begin), split(m.Clicks, weights, begin)
	views, conversions := split(m.Views, weights, begin), split(m.Conversions, weights, begin)
	plays, grps := split(m.Plays, weights, begin), split(m.GRPs, weights, begin)
	spend, completed := split(int64(m.Spend), weights, begin), split(m.CompletedViews, views, begin)
	list := make([]adserver.CreativeDelivery, 0, n)
	for i, c := range rotation {
		part := adserver.Metrics{
			Impressions: impressions[i], ViewableImpressions: viewable[i], Clicks: clicks[i],
			Views: views[i], CompletedViews: completed[i], Conversions: conversions[i],
			Plays: plays[i], GRPs: grps[i], Spend: money.Micros(spend[i]),
		}
		if part != (adserver.Metrics{}) {
			list = append(list, adserver.CreativeDelivery{CreativeID: c.CreativeID, Metrics: part})
		}
	}
	return list
}

// split divides n in proportion to weights: each part is its exact share rounded
// up or down, and they add up to n.
func split(n int64, weights []int64, begin int) []int64 {
	parts := make([]int64, len(weights))
	var sum int64
	for _, w := range weights {
		sum += w
	}
	if n == 0 || sum == 0 {
		return parts
	}
	var reached, given int64
	for i := range weights {
		j := (begin + i) % len(weights)
		reached += weights[j]
		upTo := mulDiv(n, reached, sum)
		parts[j], given = upTo-given, upTo
	}
	return parts
}
