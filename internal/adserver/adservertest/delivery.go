package adservertest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// This file is the part of the suite that needs time to pass.

func (s *suite) deliversWithinBudgetAndFlight() {
	o := s.order("order_delivered")
	o.LineItems[0].Pacing, o.LineItems[0].Budget = adserver.PacingASAP, 7_654_321
	o.LineItems[1].PricingModel, o.LineItems[1].Rate = adserver.CPC, 333_333
	flat := o.LineItems[0]
	flat.ID, flat.PricingModel, flat.Rate, flat.Budget = "order_delivered_flat", adserver.FlatRate, 500*money.Unit, 500*money.Unit
	flat.Start, flat.End = flat.Start.Add(20*time.Minute), flat.End.Add(-40*time.Minute)
	o.LineItems = append(o.LineItems, flat)
	s.apply(o)
	s.elapse(flat.End.Add(10 * time.Hour))
	for _, li := range o.LineItems {
		rows := s.delivery(adserver.DeliveryQuery{OrderID: o.ID, LineItemIDs: []string{li.ID}})
		m := adserver.Sum(rows)
		if m.Impressions == 0 || m.Spend == 0 || m.Spend > li.Budget {
			s.Errorf("%s (%s) delivered %d impressions for %s, want some within %s", li.ID, li.PricingModel, m.Impressions, m.Spend, li.Budget)
		}
		for _, r := range rows {
			if r.Hour.Before(li.Start.Truncate(time.Hour)) || !r.Hour.Before(li.End) {
				s.Errorf("%s delivered at %s, outside its flight", li.ID, r.Hour)
			}
			if r.Currency != o.Currency {
				s.Errorf("%s delivered in %q, want %s", li.ID, r.Currency, o.Currency)
			}
			if r.Clicks > r.Impressions || r.ViewableImpressions > r.Impressions || r.CompletedViews > r.Views {
				s.Errorf("%s counted more than was shown: %+v", li.ID, r.Metrics)
			}
		}
	}
	if got := s.delivered(o, flat.ID).Spend; got != flat.Budget {
		s.Errorf("a flat rate of %s came to %s", flat.Budget, got)
	}
}

func (s *suite) stopsWhilePaused() {
	o := s.order("order_stopped")
	s.apply(o)
	running, stopped := o.LineItems[0].ID, o.LineItems[1].ID
	at := func(h int) time.Time { return s.start().Add(time.Duration(h) * time.Hour) }
	s.elapse(at(6))
	o.LineItems[1].Paused = true
	s.apply(o)
	before := s.delivered(o, stopped)
	s.elapse(at(12))
	if got := s.delivered(o, stopped); got != before || got.Impressions == 0 {
		s.Errorf("a paused line item went from %+v to %+v", before, got)
	}
	o.LineItems[1].Paused = false
	s.apply(o)
	s.elapse(at(18))
	if got := s.delivered(o, stopped); got.Impressions <= before.Impressions {
		s.Errorf("a resumed line item delivers nothing")
	}
	o.Canceled = true
	s.apply(o)
	before = s.delivered(o, running)
	s.elapse(at(30))
	if got := s.delivered(o, running); got != before {
		s.Errorf("a line item of a canceled order went from %+v to %+v", before, got)
	}
}

func (s *suite) keepsWhatWasDelivered() {
	o := s.order("order_kept")
	s.apply(o)
	s.elapse(s.start().Add(12 * time.Hour))
	query := adserver.DeliveryQuery{OrderID: o.ID}
	before := s.delivery(query)
	spent := s.delivered(o, o.LineItems[0].ID).Spend
	change := func(to func(*adserver.LineItem)) adserver.Order {
		c := o
		c.LineItems = slices.Clone(o.LineItems)
		to(&c.LineItems[0])
		return c
	}
	for field, to := range map[string]func(*adserver.LineItem){
		"budget":        func(li *adserver.LineItem) { li.Budget = spent - 1 },
		"start":         func(li *adserver.LineItem) { li.Start = li.Start.Add(30 * time.Hour) },
		"pricing_model": func(li *adserver.LineItem) { li.PricingModel = adserver.CPC },
	} {
		s.refuses(change(to), "line_items[0]."+field, o)
	}
	without := o
	without.LineItems = o.LineItems[1:]
	s.refuses(without, "line_items", o)

	o = change(func(li *adserver.LineItem) { li.Budget, li.End = spent, li.End.Add(24*time.Hour) })
	o.LineItems[1].Canceled = true
	s.apply(o)
	s.elapse(s.start().Add(24 * time.Hour))
	after := s.delivery(query)
	if !slices.EqualFunc(before, after, func(a, b adserver.HourlyDelivery) bool {
		return a.LineItemID == b.LineItemID && a.Hour.Equal(b.Hour) && a.Metrics == b.Metrics
	}) {
		s.Errorf("delivery of %d hours became one of %d hours, with the budget spent and the other line item canceled", len(before), len(after))
	}
}

func (s *suite) reportsBySelection() {
	o := s.order("order_reported")
	s.apply(o)
	s.elapse(s.start().Add(10 * time.Hour))
	all := s.delivery(adserver.DeliveryQuery{OrderID: o.ID})
	if len(all) != 20 {
		s.Fatalf("got %d hours of two line items, want 20", len(all))
	}
	from, to := s.start().Add(3*time.Hour), s.start().Add(7*time.Hour)
	some := s.delivery(adserver.DeliveryQuery{OrderID: o.ID, LineItemIDs: []string{o.LineItems[1].ID}, From: from, To: to})
	if len(some) != 4 || !some[0].Hour.Equal(from) || some[0].LineItemID != o.LineItems[1].ID {
		s.Errorf("got %d hours from %v, want the four hours from %s of one line item", len(some), some, from)
	}
	other := s.order("order_unstarted")
	for i := range other.LineItems {
		other.LineItems[i].Start = other.LineItems[i].Start.Add(40 * time.Hour)
	}
	s.apply(other)
	if rows, err := s.Adapter.Delivery(s.ctx, adserver.DeliveryQuery{OrderID: other.ID}); err != nil || len(rows) > 0 {
		s.Errorf("an order without delivery: got %v and %v, want none", rows, err)
	}
	if _, err := s.Adapter.Delivery(s.ctx, adserver.DeliveryQuery{OrderID: o.ID + "_"}); !errors.Is(err, adserver.ErrNotFound) {
		s.Errorf("another identifier: got %v, want ErrNotFound", err)
	}
}

func (s *suite) addsUpDaysAndWholes() {
	o := s.order("order_added_up")
	for i := range o.LineItems {
		o.LineItems[i].Creatives = []adserver.CreativeWeight{{CreativeID: "a", Approved: true}, {CreativeID: "b", Approved: true}}
	}
	s.apply(o)
	s.elapse(s.start().Add(40 * time.Hour))
	midnight := s.start().Truncate(24 * time.Hour).Add(24 * time.Hour)
	for _, bounds := range [][2]time.Time{
		{}, // all there is
		{s.start().Add(2 * time.Hour), s.start().Add(30 * time.Hour)},
		{midnight, time.Time{}},
		{time.Time{}, midnight},
		{midnight.Add(-3 * time.Hour), midnight.Add(2 * time.Hour)}, // no whole day
		{midnight.Add(90 * 24 * time.Hour), time.Time{}},            // nothing
	} {
		for _, items := range [][]string{nil, {o.LineItems[1].ID}} {
			query := adserver.DeliveryQuery{OrderID: o.ID, LineItemIDs: items, From: bounds[0], To: bounds[1]}
			hours := s.delivery(query)
			for _, step := range []adserver.Step{adserver.StepDay, adserver.StepWhole} {
				query.Step = step
				if diff := cmp.Diff(byDay(adserver.Fold(hours, step)), byDay(s.delivery(query))); diff != "" {
					s.Errorf("by %s, from %v: differs from what its hours add up to (-want +got):\n%s", step, bounds, diff)
				}
			}
		}
	}
}

// byDay leaves out when a whole begins: an ad server may know the day only.
func byDay(rows []adserver.HourlyDelivery) []adserver.HourlyDelivery {
	for i := range rows {
		rows[i].Hour = rows[i].Hour.Truncate(24 * time.Hour)
	}
	return rows
}
