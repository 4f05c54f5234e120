package adservertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// Bench is an ad server under test, empty, and what the suite must know of it.
type Bench struct {
	Adapter adserver.Adapter
	// Now is the time on the ad server's clock.
	Now time.Time
	// ProductID is a product with some supply in every hour, sold by impressions, clicks
	// and flat rate: at least 10,000 impressions an hour.
	ProductID string
	// Elapse lets time pass until t, and returns when the ad server reports delivery
	// up to then. Nil where time cannot be made to pass: then what happens over time is skipped.
	Elapse func(ctx context.Context, t time.Time) error
	// Fit takes out of an order that uses everything what this ad server refuses; the
	// adapter's own tests show the refusals. Nil where it can hold everything.
	Fit func(*adserver.Order)
	// Orders, where it can be told, counts the orders that the ad server really has.
	Orders func() int
}

// Run runs the suite; open gives each test an ad server of its own.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, tt := range []struct {
		rule    string
		elapses bool
		test    func(*suite)
	}{
		{"HoldsWhatWasApplied", false, (*suite).holdsWhatWasApplied},
		{"ApplyingAgainChangesNothing", false, (*suite).applyingAgainChangesNothing},
		{"ApplyReplaces", false, (*suite).applyReplaces},
		{"PausesAndResumes", false, (*suite).pausesAndResumes},
		{"CancelIsFinal", false, (*suite).cancelIsFinal},
		{"UnknownOrderIsNotFound", false, (*suite).unknownOrder},
		{"RefusesWhole", false, (*suite).refusesWhole},
		{"LineItemBelongsToOneOrder", false, (*suite).lineItemBelongsToOneOrder},
		{"ConcurrentApplies", false, (*suite).concurrentApplies},
		{"DeliversWithinBudgetAndFlight", true, (*suite).deliversWithinBudgetAndFlight},
		{"StopsWhilePaused", true, (*suite).stopsWhilePaused},
		{"KeepsWhatWasDelivered", true, (*suite).keepsWhatWasDelivered},
		{"ReportsBySelection", true, (*suite).reportsBySelection},
		{"AddsUpDaysAndWholes", true, (*suite).addsUpDaysAndWholes},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s := &suite{T: t, Bench: open(t), ctx: t.Context()}
			if tt.elapses && s.Elapse == nil {
				t.Skip("time cannot be made to pass on this ad server")
			}
			tt.test(s)
		})
	}
}

type suite struct {
	*testing.T
	Bench
	ctx context.Context
}

// start is a whole hour soon after now.
func (s *suite) start() time.Time { return s.Now.UTC().Truncate(time.Hour).Add(2 * time.Hour) }

// order is a plain order of two line items over two days.
func (s *suite) order(id string) adserver.Order {
	item := func(n int) adserver.LineItem {
		return adserver.LineItem{
			ID: fmt.Sprintf("%s_li_%d", id, n), Name: "Line item", ProductID: s.ProductID,
			Start: s.start(), End: s.start().Add(48 * time.Hour), PricingModel: adserver.CPM,
			Rate: 10 * money.Unit, Budget: 1000 * money.Unit, Pacing: adserver.PacingEven,
		}
	}
	return adserver.Order{
		ID: id, Advertiser: "Acme", Name: "Spring", Currency: "USD",
		LineItems: []adserver.LineItem{item(1), item(2)},
	}
}

func (s *suite) apply(o adserver.Order) {
	s.Helper()
	if err := s.Adapter.Apply(s.ctx, o); err != nil {
		s.Fatalf("Apply: %v", err)
	}
	s.holds(o)
}

func (s *suite) holds(want adserver.Order) {
	s.Helper()
	got, err := s.Adapter.Read(s.ctx, want.ID)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	if diff := adserver.Diff(want, got); len(diff) > 0 {
		s.Fatalf("the ad server does not hold the order: %v", diff)
	}
}

// refuses applies o, which must be refused for field and change nothing of held.
func (s *suite) refuses(o adserver.Order, field string, held adserver.Order) {
	s.Helper()
	err := s.Adapter.Apply(s.ctx, o)
	r, ok := errors.AsType[*adserver.Refusal](err)
	if !ok {
		s.Fatalf("Apply: got %v, want a refusal of %s", err, field)
	}
	if r.Field != field || r.Reason == "" {
		s.Errorf("refused %q because %q, want field %s and a reason", r.Field, r.Reason, field)
	}
	s.holds(held)
}

func (s *suite) elapse(until time.Time) {
	s.Helper()
	if err := s.Elapse(s.ctx, until); err != nil {
		s.Fatalf("let time pass until %s: %v", until, err)
	}
}

func (s *suite) delivery(q adserver.DeliveryQuery) []adserver.HourlyDelivery {
	s.Helper()
	rows, err := s.Adapter.Delivery(s.ctx, q)
	if err != nil {
		s.Fatalf("Delivery: %v", err)
	}
	if !slices.IsSortedFunc(rows, func(a, b adserver.HourlyDelivery) int {
		if c := a.Hour.Compare(b.Hour); c != 0 {
			return c
		}
		if a.LineItemID < b.LineItemID {
			return -1
		}
		return 1
	}) {
		s.Error("delivery is not sorted by hour and line item, or has an hour twice")
	}
	return rows
}

func (s *suite) delivered(o adserver.Order, lineItem string) adserver.Metrics {
	s.Helper()
	return adserver.Sum(s.delivery(adserver.DeliveryQuery{OrderID: o.ID, LineItemIDs: []string{lineItem}}))
}

func (s *suite) holdsWhatWasApplied() {
	o := s.order("order_full")
	li := &o.LineItems[0]
	li.Guaranteed, li.Goal, li.Pacing = true, 90_000, adserver.PacingFrontLoaded
	li.Start = li.Start.Add(1234567 * time.Microsecond)
	li.Rate, li.Budget = 12_345_678, 987_654_321
	li.RequireCreative = true
	li.Creatives = []adserver.CreativeWeight{{CreativeID: "b", Weight: 30, Approved: true}, {CreativeID: "a", Weight: 70}}
	li.FrequencyCap = &adserver.FrequencyCap{MaxImpressions: 3, Per: "devices", Window: 24 * time.Hour, Suppress: time.Hour}
	li.Targeting = adserver.Targeting{
		Countries: []string{"US", "CA"},
		Overlay:   json.RawMessage(`{"geo_countries":["US","CA"],"axe_include_segment":"x \u00e9 <&>","n":1.50}`),
	}
	o.LineItems[1].PricingModel, o.LineItems[1].Rate = adserver.CPC, 0
	o.LineItems[1].MaxBid, o.LineItems[1].Floor = 2*money.Unit, money.Unit
	if s.Fit != nil {
		s.Fit(&o)
	}
	s.apply(o)
	got, err := s.Adapter.Read(s.ctx, o.ID)
	if err != nil {
		s.Fatal(err)
	}
	if got.LineItems[0].ID != o.LineItems[0].ID {
		s.Error("line items come in another order than applied")
	}
	if rows := s.delivery(adserver.DeliveryQuery{OrderID: o.ID}); len(rows) > 0 {
		s.Errorf("an order that has not started has delivered %v", rows)
	}
}

func (s *suite) applyingAgainChangesNothing() {
	o := s.order("order_again")
	for range 3 {
		s.apply(o)
	}
}

func (s *suite) applyReplaces() {
	o := s.order("order_replaced")
	s.apply(o)
	o.Name, o.Advertiser = "Summer", "Acme Outdoor"
	o.LineItems[0].Budget, o.LineItems[0].End = 1500*money.Unit, o.LineItems[0].End.Add(24*time.Hour)
	o.LineItems[0].Creatives = []adserver.CreativeWeight{{CreativeID: "c", Approved: true}}
	if s.Fit != nil {
		s.Fit(&o)
	}
	third := o.LineItems[1]
	third.ID = "order_replaced_li_3"
	o.LineItems = []adserver.LineItem{third, o.LineItems[0]} // the second goes
	s.apply(o)
}

func (s *suite) pausesAndResumes() {
	o := s.order("order_paused")
	for _, paused := range []bool{false, true, false} {
		o.Paused = paused
		s.apply(o)
		o.LineItems[1].Paused = paused
		s.apply(o)
	}
}

func (s *suite) cancelIsFinal() {
	o := s.order("order_canceled")
	s.apply(o)
	o.LineItems[0].Canceled = true
	s.apply(o)
	back := o
	back.LineItems = slices.Clone(o.LineItems)
	back.LineItems[0].Canceled = false
	s.refuses(back, "line_items[0].canceled", o)
	o.Canceled = true
	s.apply(o)
	s.apply(o)
	back = o
	back.Canceled = false
	s.refuses(back, "canceled", o)
}

func (s *suite) unknownOrder() {
	if _, err := s.Adapter.Read(s.ctx, "nothing"); !errors.Is(err, adserver.ErrNotFound) {
		s.Errorf("Read: got %v, want ErrNotFound", err)
	}
	if _, err := s.Adapter.Delivery(s.ctx, adserver.DeliveryQuery{OrderID: "nothing"}); !errors.Is(err, adserver.ErrNotFound) {
		s.Errorf("Delivery: got %v, want ErrNotFound", err)
	}
}

func (s *suite) refusesWhole() {
	held := s.order("order_refused")
	s.apply(held)
	for field, spoil := range map[string]func(*adserver.LineItem){
		"id":            func(li *adserver.LineItem) { li.ID = "" },
		"product_id":    func(li *adserver.LineItem) { li.ProductID = "no such product" },
		"budget":        func(li *adserver.LineItem) { li.Budget = -1 },
		"rate":          func(li *adserver.LineItem) { li.Rate = 0 },
		"end":           func(li *adserver.LineItem) { li.End = li.Start },
		"pricing_model": func(li *adserver.LineItem) { li.PricingModel = "cpx" },
		"pacing":        func(li *adserver.LineItem) { li.Pacing = "sometimes" },
	} {
		bad := held
		bad.Name = "refused"
		bad.LineItems = slices.Clone(held.LineItems)
		bad.LineItems[0].Budget += money.Unit
		spoil(&bad.LineItems[1])
		s.refuses(bad, "line_items[1]."+field, held)
	}
	unknown := s.order("order_refused_new")
	unknown.Currency = "XYZ"
	if _, ok := errors.AsType[*adserver.Refusal](s.Adapter.Apply(s.ctx, unknown)); !ok {
		s.Error("an unknown currency was not refused")
	}
	if _, err := s.Adapter.Read(s.ctx, unknown.ID); !errors.Is(err, adserver.ErrNotFound) {
		s.Errorf("a refused order: Read gave %v, want ErrNotFound", err)
	}
}

func (s *suite) lineItemBelongsToOneOrder() {
	first, second := s.order("order_one"), s.order("order_two")
	s.apply(first)
	s.apply(second)
	taken := second
	taken.LineItems = []adserver.LineItem{second.LineItems[0], first.LineItems[1], second.LineItems[1]}
	s.refuses(taken, "line_items[1].id", second)
	s.holds(first)
}

// concurrentApplies has several callers at once on one order and on their own.
func (s *suite) concurrentApplies() {
	const callers = 6
	shared := make([]adserver.Order, callers)
	var wg sync.WaitGroup
	errs := make(chan error, 2*callers)
	for i := range callers {
		shared[i] = s.order("order_shared")
		shared[i].Name = fmt.Sprint("by caller ", i)
		for j := range shared[i].LineItems {
			shared[i].LineItems[j].Budget += money.Micros(i) * money.Unit
		}
		wg.Go(func() {
			errs <- s.Adapter.Apply(s.ctx, s.order(fmt.Sprint("order_of_", i)))
			errs <- s.Adapter.Apply(s.ctx, shared[i])
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			s.Errorf("Apply: %v", err)
		}
	}
	for i := range callers {
		s.holds(s.order(fmt.Sprint("order_of_", i)))
	}
	got, err := s.Adapter.Read(s.ctx, "order_shared")
	if err != nil {
		s.Fatal(err)
	}
	if !slices.ContainsFunc(shared, func(o adserver.Order) bool { return len(adserver.Diff(o, got)) == 0 }) {
		s.Errorf("the ad server holds a mixture: %+v", got)
	}
}
