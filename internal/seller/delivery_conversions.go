package seller

import (
	"context"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/conversion"
	"github.com/upfront-media/upfront/internal/store"
)

// converted is what buyers' events say of a part of a media buy.
type converted struct {
	events int64
	value  money.Micros
	byType map[adcp.EventType]int64
}

func (c *converted) add(x conversion.Credit) {
	c.events++
	c.value += x.Value
	if c.byType == nil {
		c.byType = map[adcp.EventType]int64{}
	}
	c.byType[x.EventType]++
}

// conversions are the credited events of one media buy within a report's period.
type conversions struct {
	buy       converted
	packages  map[string]*converted
	creatives map[string]map[string]*converted // by package
}

// conversions credits the account's events to the media buy's packages. The other
// media buys of the account are asked too: an event counts once among all of them.
func (s *Service) conversions(ctx context.Context, q *store.Queries, b *MediaBuy, in period) (*conversions, error) {
	out := &conversions{packages: map[string]*converted{}, creatives: map[string]map[string]*converted{}}
	if s.events == nil || !slices.ContainsFunc(b.Packages, func(p Package) bool { return p.tracksEvents() }) {
		return out, nil
	}
	rows, err := q.MediaBuysOfAccount(ctx, store.MediaBuysOfAccountParams{Tenant: s.tenant, AccountID: b.AccountID})
	if err != nil {
		return nil, err
	}
	var claims []conversion.Claim
	for _, r := range rows {
		other, err := s.assemble(ctx, q, r)
		if err != nil {
			return nil, err
		}
		claims = append(claims, other.claims()...)
	}
	credits, err := s.events.Credits(ctx, q, b.AccountID, claims)
	if err != nil {
		return nil, err
	}
	for _, x := range credits {
		if _, own := b.Package(x.PackageID); !own || !in.from.IsZero() && x.At.Before(in.from) || !in.to.IsZero() && !x.At.Before(in.to) {
			continue
		}
		out.buy.add(x)
		if out.packages[x.PackageID] == nil {
			out.packages[x.PackageID], out.creatives[x.PackageID] = new(converted), map[string]*converted{}
		}
		out.packages[x.PackageID].add(x)
		if x.CreativeID == "" {
			continue
		}
		if out.creatives[x.PackageID][x.CreativeID] == nil {
			out.creatives[x.PackageID][x.CreativeID] = new(converted)
		}
		out.creatives[x.PackageID][x.CreativeID].add(x)
	}
	return out, nil
}

// claims are the packages that events may be credited to.
func (b *MediaBuy) claims() []conversion.Claim {
	if b.State == StateRejected {
		return nil
	}
	var list []conversion.Claim
	for i := range b.Packages {
		p := &b.Packages[i]
		if !p.tracksEvents() {
			continue
		}
		c := conversion.Claim{ID: p.ID, Since: b.CreatedAt, From: p.Start, To: p.End, Currency: b.Currency, Goals: p.Goals}
		for _, x := range []*Cancellation{p.Cancellation, b.Cancellation} {
			if x != nil && x.At.Before(c.To) {
				c.To = x.At
			}
		}
		for _, a := range p.Creatives {
			c.Creatives = append(c.Creatives, conversion.CreativeClaim{ID: a.CreativeID, From: a.AssignedAt, To: a.ReleasedAt})
		}
		list = append(list, c)
	}
	return list
}

// tracksEvents tells whether the package has a goal of conversion events.
func (p *Package) tracksEvents() bool {
	return slices.ContainsFunc(p.Goals, func(g adcp.OptimizationGoal) bool { return len(g.EventSources) > 0 })
}

// outcome is what a part of a report says of conversions. The ad server and the
// buyer's events tell of the same conversions, each of those that it saw, so the
// greater count is reported and never the sum.
type outcome struct {
	conversions, value, roas, cost *adcp.Decimal
}

func (c *converted) outcome(m adserver.Metrics, valued bool) outcome {
	var o outcome
	n, value := m.Conversions, money.Micros(0)
	if c != nil {
		n, value = max(n, c.events), c.value
	}
	o.conversions = new(whole(n))
	if n > 0 {
		o.cost = new(number(m.Spend.MulDiv(1, n)))
	}
	if valued {
		o.value = new(number(value))
		if m.Spend > 0 && value >= 0 {
			o.roas = ratio(int64(value), int64(m.Spend))
		}
	}
	return o
}

// valued tells whether any of the package's goals knows what an event is worth.
func (p *Package) valued() bool {
	return slices.ContainsFunc(p.Goals, func(g adcp.OptimizationGoal) bool {
		return slices.ContainsFunc(g.EventSources, func(e adcp.OptimizationGoalEventSource) bool { return adcp.Val(e.ValueField) != "" })
	})
}

// convert puts conversions into a media buy's part of a report.
func (c *conversions) convert(b *MediaBuy, d *adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery, hours []adserver.HourlyDelivery) {
	tracked, valued := false, false
	for i := range b.Packages {
		p := &b.Packages[i]
		if !p.tracksEvents() {
			continue
		}
		tracked, valued = true, valued || p.valued()
		o := c.packages[p.ID].outcome(sumOf(hours, p.ID), p.valued())
		w := &d.ByPackage[i]
		w.Conversions, w.ConversionValue, w.ROAS, w.CostPerAcquisition = o.conversions, o.value, o.roas, o.cost
		w.ByCreative = c.byCreative(p, hours)
	}
	if tracked {
		o := c.buy.outcome(adserver.Sum(hours), valued)
		t := &d.Totals
		t.Conversions, t.ConversionValue, t.ROAS, t.CostPerAcquisition = o.conversions, o.value, o.roas, o.cost
	}
}

// byCreative splits a package's part of a report by creative: every one that is or
// was in its rotation.
func (c *conversions) byCreative(p *Package, hours []adserver.HourlyDelivery) []adcp.CreativeDeliveryMetrics {
	var list []adcp.CreativeDeliveryMetrics
	for _, a := range p.Creatives {
		var m adserver.Metrics
		for i := range hours {
			if hours[i].LineItemID != p.ID {
				continue
			}
			for _, part := range hours[i].Creatives {
				if part.CreativeID == a.CreativeID {
					m = m.Plus(part.Metrics)
				}
			}
		}
		o := c.creatives[p.ID][a.CreativeID].outcome(m, p.valued())
		list = append(list, adcp.CreativeDeliveryMetrics{
			CreativeID: a.CreativeID, Impressions: whole(m.Impressions), Spend: number(m.Spend), Clicks: new(whole(m.Clicks)),
			Conversions: o.conversions, ConversionValue: o.value, ROAS: o.roas, CostPerAcquisition: o.cost,
		})
	}
	return list
}
