package builtin_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func units(n int64) money.Micros { return money.Micros(n) * money.Unit }

func hours(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }

// item is a line item of ten days from the second hour of Monday.
func item(id string) adserver.LineItem {
	return adserver.LineItem{
		ID: id, ProductID: "video", Start: hours(2), End: hours(242),
		PricingModel: adserver.CPM, Rate: units(20), Budget: units(5_000),
	}
}

func order(id string, items ...adserver.LineItem) adserver.Order {
	return adserver.Order{ID: id, Currency: "EUR", LineItems: items}
}

type fixture struct {
	*testing.T
	*builtin.AdServer
	now *clock.Simulated
	db  *store.DB
}

func setup(t *testing.T, db *store.DB) *fixture {
	t.Helper()
	now := clock.NewSimulated(monday)
	supply := map[string]builtin.Supply{"video": ample, "audio": ample}
	return &fixture{t, open(t, builtin.Config{Store: db, Clock: now, Supply: supply}), now, db}
}

func (f *fixture) apply(o adserver.Order) {
	f.Helper()
	if err := f.Apply(f.Context(), o); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) deliver(until time.Time) {
	f.Helper()
	f.now.AdvanceTo(until)
	if err := f.Deliver(f.Context(), until); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) rows(order string) []adserver.HourlyDelivery {
	f.Helper()
	rows, err := f.Delivery(f.Context(), adserver.DeliveryQuery{OrderID: order})
	if err != nil {
		f.Fatal(err)
	}
	return rows
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	for name, cfg := range map[string]builtin.Config{
		"no store":   {Tenant: "t", Clock: clock.System{}},
		"no tenant":  {Store: db, Clock: clock.System{}},
		"no clock":   {Store: db, Tenant: "t"},
		"bad supply": {Store: db, Tenant: "t", Clock: clock.System{}, Supply: map[string]builtin.Supply{"p": {Daily: -1}}},
	} {
		if _, err := builtin.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoHourIsRunBeforeItHasPassed(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	f.apply(order("o", item("li")))
	f.now.AdvanceTo(hours(4).Add(59 * time.Minute))
	if err := f.Deliver(t.Context(), hours(100)); err != nil {
		t.Fatal(err)
	}
	rows := f.rows("o")
	if len(rows) != 2 || !rows[1].Hour.Equal(hours(3)) {
		t.Errorf("at 04:59 delivered %d hours, want those from 02:00 and 03:00", len(rows))
	}
	if rows[0].Currency != "EUR" {
		t.Errorf("delivered in %s", rows[0].Currency)
	}
}

func TestOneTenantSeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	f.apply(order("o", item("li")))
	other, err := builtin.New(builtin.Config{
		Store: f.db, Tenant: "other", Clock: f.now, Supply: map[string]builtin.Supply{"video": ample},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(t.Context(), "o"); !errors.Is(err, adserver.ErrNotFound) {
		t.Errorf("Read: got %v, want ErrNotFound", err)
	}
	if err := other.Apply(t.Context(), order("o", item("li"))); err != nil {
		t.Errorf("the same identifiers for another tenant: %v", err)
	}
	f.now.AdvanceTo(hours(12))
	if err := other.Deliver(t.Context(), hours(12)); err != nil {
		t.Fatal(err)
	}
	if rows := f.rows("o"); len(rows) != 0 {
		t.Errorf("another tenant's delivery ran %d hours", len(rows))
	}
}

func TestStateAtTheEndOfAnHourDecides(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	o := order("o", item("li"))
	f.apply(o)
	f.now.AdvanceTo(hours(5).Add(time.Minute)) // hours 2 to 4 have passed, none was run
	o.Paused = true
	f.apply(o)
	f.now.AdvanceTo(hours(8).Add(time.Minute))
	o.Paused = false
	f.apply(o)
	f.deliver(hours(10))
	var got []int
	for _, r := range f.rows("o") {
		got = append(got, r.Hour.Hour())
	}
	if diff := cmp.Diff([]int{2, 3, 4, 8, 9}, got); diff != "" {
		t.Errorf("hours with delivery (-want +got):\n%s", diff)
	}
}

func TestLateOrderDoesNotDeliverForThePast(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	f.now.AdvanceTo(hours(30).Add(45 * time.Minute))
	volume, flat := item("volume"), item("flat")
	flat.PricingModel, flat.Rate, flat.Budget = adserver.FlatRate, units(100), units(100)
	f.apply(order("o", volume, flat))
	f.deliver(hours(300))
	rows := f.rows("o")
	if !rows[0].Hour.Equal(hours(30)) || rows[0].Impressions == 0 {
		t.Errorf("first delivered at %s, want hour 30, in which it was ordered", rows[0].Hour)
	}
	whole, part := rows[3], rows[1] // of volume: a whole hour and the quarter of the first
	if part.LineItemID != "volume" || whole.LineItemID != "volume" || part.Impressions > whole.Impressions/3 {
		t.Errorf("a quarter of an hour delivered %d impressions, a whole one %d", part.Impressions, whole.Impressions)
	}
	var fee money.Micros
	for _, r := range rows {
		if r.LineItemID == "flat" {
			fee += r.Spend
		}
	}
	if fee != units(100) {
		t.Errorf("flat rate came to %s, want 100", fee)
	}
}

func TestApplyRefusesBeyondThePort(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	for _, tt := range []struct {
		rule, field string
		change      func(o *adserver.Order)
	}{
		{"budget below what is spent", "line_items[0].budget", func(o *adserver.Order) { o.LineItems[0].Budget = 1 }},
		{"end before what was delivered", "line_items[0].end", func(o *adserver.Order) { o.LineItems[0].End = hours(20) }},
		{"another product after delivery", "line_items[0].product_id", func(o *adserver.Order) { o.LineItems[0].ProductID = "audio" }},
		{"a product without supply", "line_items[0].product_id", func(o *adserver.Order) { o.LineItems[0].ProductID = "none" }},
		{"another pricing model after delivery", "line_items[0].pricing_model", func(o *adserver.Order) { o.LineItems[0].PricingModel = adserver.VCPM }},
		{"another start after delivery", "line_items[0].start", func(o *adserver.Order) { o.LineItems[0].Start = hours(3) }},
		{"another currency after delivery", "currency", func(o *adserver.Order) { o.Currency = "USD" }},
		{"taking out what has delivered", "line_items", func(o *adserver.Order) { o.LineItems = nil }},
		{"a new line item whose flight is over", "line_items[1].end", func(o *adserver.Order) {
			li := item("late")
			li.End = hours(24)
			o.LineItems = append(o.LineItems, li)
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			f := setup(t, db)
			held := order("o", item("li"))
			f.apply(held)
			f.deliver(hours(24))
			want, bad := f.rows("o"), order("o", item("li"))
			tt.change(&bad)
			err := f.Apply(t.Context(), bad)
			if r, ok := errors.AsType[*adserver.Refusal](err); !ok || r.Field != tt.field {
				t.Errorf("got %v, want a refusal of %s", err, tt.field)
			}
			if got, err := f.Read(t.Context(), "o"); err != nil || len(adserver.Diff(held, got)) > 0 {
				t.Errorf("now holds %+v, %v", got, err)
			}
			if diff := cmp.Diff(want, f.rows("o")); diff != "" {
				t.Errorf("delivery changed:\n%s", diff)
			}
		})
	}
}

func TestBeforeDeliveryEverythingMayChange(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	f.apply(order("o", item("li"), item("gone")))
	changed := item("li")
	changed.ProductID, changed.PricingModel, changed.Start = "audio", adserver.CPC, hours(1)
	o := order("o", changed)
	o.Currency = "USD"
	f.apply(o)
	f.deliver(hours(12))
	if rows := f.rows("o"); !rows[0].Hour.Equal(hours(1)) || rows[0].Currency != "USD" {
		t.Errorf("first delivered %+v, want from 01:00 in USD", rows[0])
	}
}

func TestFinishedLineItemGoesOnWhenExtended(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	o := order("o", item("li"))
	f.apply(o)
	f.deliver(hours(260))
	spent := adserver.Sum(f.rows("o")).Spend
	o.LineItems[0].Budget, o.LineItems[0].End = units(6_000), hours(300)
	f.apply(o)
	f.deliver(hours(400))
	rows := f.rows("o")
	for _, r := range rows {
		if !r.Hour.Before(hours(242)) && r.Hour.Before(hours(260)) {
			t.Errorf("delivered at %s, between the old end and the extension", r.Hour)
		}
	}
	if total := adserver.Sum(rows).Spend; total <= spent+units(980) || total > units(6_000) {
		t.Errorf("spent %s, want about 6000 after an extension from %s", total, spent)
	}
}

func TestDeliveryByCreative(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	li := item("li")
	li.Creatives = []adserver.CreativeWeight{
		{CreativeID: "b", Weight: 3, Approved: true}, {CreativeID: "a", Weight: 1, Approved: true}, {CreativeID: "c", Weight: 9},
	}
	f.apply(order("o", li))
	f.deliver(hours(300))
	by := map[string]adserver.Metrics{}
	for _, r := range f.rows("o") {
		var sum adserver.Metrics
		for _, c := range r.Creatives {
			sum, by[c.CreativeID] = sum.Plus(c.Metrics), by[c.CreativeID].Plus(c.Metrics)
		}
		if sum != r.Metrics {
			t.Fatalf("creatives of %s add up to %+v, want %+v", r.Hour, sum, r.Metrics)
		}
	}
	if a, b := by["a"].Impressions, by["b"].Impressions; len(by) != 2 || b < a*29/10 || b > a*31/10 {
		t.Errorf("a was shown %d times and b %d, want one to three and no others", a, b)
	}
}

// Callers that deliver, change and report at the same time, in one process and in
// two, must neither fail nor spend more.
func TestConcurrentDelivery(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		f.apply(order("o", item("li"), item("li_2")))
		f.now.AdvanceTo(hours(24 * 7))
		var wg sync.WaitGroup
		errs := make(chan error, 100)
		for i := range 4 {
			s := []*builtin.AdServer{f.AdServer, open(t, builtin.Config{
				Store: db, Clock: f.now, Supply: map[string]builtin.Supply{"video": ample, "audio": ample},
			})}[i%2]
			wg.Go(func() { errs <- s.Deliver(t.Context(), hours(24*(4+i))) })
			wg.Go(func() { errs <- s.Apply(t.Context(), order(fmt.Sprint("o", i), item(fmt.Sprint("i", i)))) })
			wg.Go(func() {
				_, err := s.Delivery(t.Context(), adserver.DeliveryQuery{OrderID: "o"})
				errs <- err
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		f.deliver(hours(24 * 7))
		alone := setup(t, storetest.Open(t, store.SQLite))
		alone.apply(order("o", item("li"), item("li_2")))
		alone.deliver(hours(24 * 7))
		if diff := cmp.Diff(alone.rows("o"), f.rows("o")); diff != "" {
			t.Errorf("delivery depends on who ran it (-alone +together):\n%s", diff)
		}
	})
}

func TestStoreFaultIsUnavailable(t *testing.T) {
	t.Parallel()
	f := setup(t, storetest.Open(t, store.SQLite))
	f.apply(order("o", item("li")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.now.AdvanceTo(hours(12))
	for name, err := range map[string]error{
		"Apply":   f.Apply(ctx, order("p", item("lp"))),
		"Deliver": f.Deliver(ctx, hours(12)),
	} {
		if !errors.Is(err, adserver.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
	}
	if _, err := f.Read(ctx, "o"); !errors.Is(err, adserver.ErrUnavailable) {
		t.Errorf("Read: got %v, want ErrUnavailable", err)
	}
}

// A month of twenty line items must take well under a second on SQLite.
func BenchmarkMonth(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		now := clock.NewSimulated(monday)
		s := open(b, builtin.Config{
			Store: storetest.Open(b, store.SQLite), Clock: now, Supply: map[string]builtin.Supply{"video": ample},
		})
		var items []adserver.LineItem
		for i := range 20 {
			li := item(fmt.Sprint("li", i))
			li.Start, li.End = monday, hours(720)
			li.Creatives = []adserver.CreativeWeight{{CreativeID: "a", Approved: true}, {CreativeID: "b", Approved: true}}
			items = append(items, li)
		}
		if err := s.Apply(b.Context(), order("o", items...)); err != nil {
			b.Fatal(err)
		}
		now.AdvanceTo(hours(720))
		b.StartTimer()
		if err := s.Deliver(b.Context(), now.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReachOfAudiences(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		put := func(a adserver.Audience) {
			t.Helper()
			if err := f.PutAudience(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		put(adserver.Audience{ID: "some", People: 2_000, Serves: true})
		put(adserver.Audience{ID: "off", People: 2_000})
		to := func(id string, target adserver.Targeting) {
			li := item(id)
			li.Targeting = target
			f.apply(order("o_"+id, li))
		}
		to("some", adserver.Targeting{Audiences: []string{"some"}})
		to("off", adserver.Targeting{Audiences: []string{"off"}})
		to("none", adserver.Targeting{Audiences: []string{"never put"}})
		f.deliver(hours(30))
		some, off, none := adserver.Sum(f.rows("o_some")), adserver.Sum(f.rows("o_off")), adserver.Sum(f.rows("o_none"))
		if some.Impressions == 0 || off.Impressions != 0 || none.Impressions != 0 {
			t.Errorf("impressions: %d to an audience, %d to one that may not be served, %d to one never put; want some, 0, 0",
				some.Impressions, off.Impressions, none.Impressions)
		}
	})
}
