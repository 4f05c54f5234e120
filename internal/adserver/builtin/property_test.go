package builtin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// story is what happens to an ad server over some days: orders applied at certain
// times. When its hours are run is not part of it, and must make no difference.
type story struct {
	supply map[string]builtin.Supply
	events []event
	end    time.Time
}

type event struct {
	at    time.Time
	order adserver.Order
}

// outcome is all that can be seen afterwards.
type outcome struct {
	Applied []string
	Held    adserver.Order
	Hours   []adserver.HourlyDelivery
}

const storyHours = 96

func drawSupply(t *rapid.T) builtin.Supply {
	ppm := func(name string, most int) builtin.PPM { return builtin.PPM(rapid.IntRange(0, most).Draw(t, name)) }
	s := builtin.Supply{
		Daily:              rapid.Int64Range(0, 2_000_000).Draw(t, "daily"),
		Variance:           ppm("variance", 600_000),
		Rates:              builtin.Rates{Viewable: ppm("viewable", 1_000_000), Click: ppm("click", 50_000), View: 900_000, Complete: ppm("complete", 900_000), Convert: ppm("convert", 5_000)},
		Universe:           rapid.Int64Range(0, 3_000_000).Draw(t, "universe"),
		ImpressionsPerPlay: rapid.Int64Range(0, 5_000).Draw(t, "per play"),
		Audience:           rapid.Int64Range(0, 200_000).Draw(t, "audience"),
		Prices:             []builtin.AuctionPrice{{PricingModel: adserver.CPM, Currency: "USD", Floor: units(5), Guidance: units(15)}},
	}
	if rapid.Bool().Draw(t, "curve") {
		s.Weekdays = [7]builtin.PPM{2_000_000, 500_000, 900_000, 0, 1_000_000, 1_000_000, 1_600_000}
		s.Hours = [24]int64{0, 0, 0, 1, 2, 3, 5, 9, 14, 9, 9, 9, 9, 9, 9, 9, 9, 12, 20, 25, 18, 9, 3, 1}
	}
	if rapid.Bool().Draw(t, "shortfall") {
		s.Shortfall = &builtin.Shortfall{Missing: ppm("missing", 1_000_000), From: hours(20), Until: hours(60)}
	}
	return s
}

func drawLineItem(t *rapid.T, name string) adserver.LineItem {
	minute := func(name string, from, to int) time.Time {
		return monday.Add(time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute)
	}
	li := adserver.LineItem{
		ID: name, ProductID: rapid.SampledFrom([]string{"video", "audio"}).Draw(t, "product"),
		Start: minute("start", 0, 30*60), End: minute("end", 40*60, 110*60),
		Guaranteed:   rapid.Bool().Draw(t, "guaranteed"),
		PricingModel: rapid.SampledFrom(adserver.PricingModels()).Draw(t, "model"),
		Rate:         money.Micros(rapid.Int64Range(1, 40_000_000).Draw(t, "rate")),
		Budget:       money.Micros(rapid.Int64Range(0, 5_000_000_000).Draw(t, "budget")),
		Pacing:       rapid.SampledFrom([]adserver.Pacing{"", adserver.PacingEven, adserver.PacingASAP, adserver.PacingFrontLoaded}).Draw(t, "pacing"),
		Paused:       rapid.IntRange(0, 5).Draw(t, "paused") == 0,
	}
	if li.PricingModel == adserver.TimeRate {
		li.TimeUnit = rapid.SampledFrom([]adserver.TimeUnit{adserver.PerHour, adserver.PerDay, adserver.PerWeek, adserver.PerMonth}).Draw(t, "unit")
	}
	if rapid.IntRange(0, 3).Draw(t, "auction") == 0 {
		li.MaxBid, li.Rate = li.Rate, 0
	}
	if rapid.IntRange(0, 3).Draw(t, "goal") == 0 {
		li.Goal = rapid.Int64Range(1, 200_000).Draw(t, "units")
	}
	if rapid.Bool().Draw(t, "capped") {
		li.FrequencyCap = &adserver.FrequencyCap{MaxImpressions: rapid.Int64Range(1, 5).Draw(t, "cap"), Window: 24 * time.Hour}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "creatives") {
		li.Creatives = append(li.Creatives, adserver.CreativeWeight{
			CreativeID: fmt.Sprint("c", i), Weight: rapid.Int64Range(0, 3).Draw(t, "weight"), Approved: rapid.Bool().Draw(t, "approved"),
		})
	}
	li.RequireCreative = rapid.Bool().Draw(t, "require creative")
	return li
}

func drawStory(t *rapid.T) story {
	s := story{supply: map[string]builtin.Supply{"video": drawSupply(t), "audio": drawSupply(t)}, end: hours(storyHours + 24)}
	o := adserver.Order{ID: "order", Currency: "USD"}
	for i := range rapid.IntRange(1, 4).Draw(t, "line items") {
		o.LineItems = append(o.LineItems, drawLineItem(t, fmt.Sprint("li", i)))
	}
	at := monday
	s.events = append(s.events, event{at, o})
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		at = at.Add(time.Duration(rapid.IntRange(1, 30*60).Draw(t, "minutes later")) * time.Minute)
		o.LineItems = slices.Clone(o.LineItems)
		change(t, &o, &o.LineItems[rapid.IntRange(0, len(o.LineItems)-1).Draw(t, "which")])
		s.events = append(s.events, event{at, o})
	}
	return s
}

func change(t *rapid.T, o *adserver.Order, li *adserver.LineItem) {
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0:
		o.Paused = !o.Paused
	case 1, 2:
		li.Paused = !li.Paused
	case 3:
		li.Budget = money.Micros(rapid.Int64Range(0, 6_000_000_000).Draw(t, "new budget"))
	case 4:
		li.End = li.Start.Add(time.Duration(rapid.IntRange(1, 100*60).Draw(t, "new length")) * time.Minute)
	case 5:
		li.Canceled = true
	case 6:
		li.RequireCreative = !li.RequireCreative
	}
}

// tell lets the story happen on an ad server, with pause before each event and
// before the end, and returns what came of it. A refused change is part of the
// outcome; it changes nothing, so what was applied before goes on.
func (s story) tell(t *rapid.T, cfg builtin.Config, pause func(cfg builtin.Config, now *clock.Simulated, until time.Time)) outcome {
	now := clock.NewSimulated(monday)
	cfg.Clock, cfg.Supply = now, s.supply
	var out outcome
	budgets := map[string]money.Micros{}
	for _, e := range s.events {
		pause(cfg, now, e.at)
		now.AdvanceTo(e.at)
		err := mustNew(t, cfg).Apply(context.Background(), e.order)
		out.Applied = append(out.Applied, fmt.Sprint(err))
		if err == nil {
			for _, li := range e.order.LineItems {
				budgets[li.ID] = li.Budget
			}
		} else if _, ok := errors.AsType[*adserver.Refusal](err); !ok {
			t.Fatalf("Apply: %v", err)
		}
		s.withinBudget(t, cfg, budgets)
	}
	pause(cfg, now, s.end)
	now.AdvanceTo(s.end)
	server := mustNew(t, cfg)
	if err := server.Deliver(context.Background(), s.end); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	s.withinBudget(t, cfg, budgets)
	var err error
	if out.Held, err = server.Read(context.Background(), "order"); err != nil {
		t.Fatalf("Read: %v", err)
	}
	if out.Hours, err = server.Delivery(context.Background(), adserver.DeliveryQuery{OrderID: "order"}); err != nil {
		t.Fatalf("Delivery: %v", err)
	}
	return out
}

func mustNew(t *rapid.T, cfg builtin.Config) *builtin.AdServer {
	s, err := builtin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withinBudget checks the books as they stand: totals are the sums of the hours, and no more than the budget.
func (s story) withinBudget(t *rapid.T, cfg builtin.Config, budgets map[string]money.Micros) {
	rows, err := cfg.Store.Read().AdserverLineItems(context.Background(), store.AdserverLineItemsParams{Tenant: cfg.Tenant, OrderID: "order"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		list, err := mustNew(t, cfg).Delivery(context.Background(), adserver.DeliveryQuery{OrderID: "order", LineItemIDs: []string{row.LineItemID}})
		if err != nil {
			t.Fatal(err)
		}
		sum := adserver.Sum(list)
		total := adserver.Metrics{
			Impressions: row.Impressions, ViewableImpressions: row.ViewableImpressions, Clicks: row.Clicks, Views: row.Views,
			CompletedViews: row.CompletedViews, Conversions: row.Conversions, Plays: row.Plays, GRPs: row.Grps, Spend: money.Micros(row.Spend),
		}
		if sum != total {
			t.Fatalf("%s: hours add up to %+v, the books say %+v", row.LineItemID, sum, total)
		}
		if sum.Spend > budgets[row.LineItemID] {
			t.Fatalf("%s spent %s of %s", row.LineItemID, sum.Spend, budgets[row.LineItemID])
		}
	}
}

// mortal is a context that ends after a number of looks at it, so that work dies
// at any of its steps.
type mortal struct {
	context.Context
	looks atomic.Int64
	gone  chan struct{}
}

func newMortal(looks int64) *mortal {
	m := &mortal{Context: context.Background(), gone: make(chan struct{})}
	m.looks.Store(looks)
	return m
}

func (m *mortal) Done() <-chan struct{} {
	if m.looks.Add(-1) == 0 {
		close(m.gone)
	}
	return m.gone
}

func (m *mortal) Err() error {
	select {
	case <-m.gone:
		return context.Canceled
	default:
		return nil
	}
}

func TestDeliveryDependsOnTheStoryAlone(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	var told atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		if told.Add(1) > storiesUnderRace {
			return
		}
		s := drawStory(t)
		cfg := builtin.Config{Store: db, Seed: rapid.Int64().Draw(t, "seed")}
		// Nothing is run until an event, or the end, makes it run.
		cfg.Tenant = id.New()
		rare := s.tell(t, cfg, func(builtin.Config, *clock.Simulated, time.Time) {})
		s.checkFlights(t, rare)

		// Run often, with instances that come and go, some of which die in the middle.
		cfg.Tenant = id.New()
		often := s.tell(t, cfg, func(cfg builtin.Config, now *clock.Simulated, until time.Time) {
			for {
				next := now.Now().Add(time.Duration(rapid.IntRange(1, 40*60).Draw(t, "tick")) * time.Minute)
				if !next.Before(until) {
					return
				}
				now.AdvanceTo(next)
				ctx := newMortal(rapid.Int64Range(1, 400).Draw(t, "life"))
				if err := mustNew(t, cfg).Deliver(ctx, now.Now()); err != nil && !errors.Is(err, adserver.ErrUnavailable) {
					t.Fatalf("Deliver: %v", err)
				}
			}
		})
		if diff := cmp.Diff(rare, often); diff != "" {
			t.Fatalf("what is delivered depends on when it is run (-rarely +often):\n%s", diff)
		}
	})
}

// checkFlights holds the hours against the flights that the line items had.
func (s story) checkFlights(t *rapid.T, out outcome) {
	for _, h := range out.Hours {
		within := false
		for i, e := range s.events {
			if out.Applied[i] != fmt.Sprint(error(nil)) {
				continue
			}
			for _, li := range e.order.LineItems {
				within = within || li.ID == h.LineItemID && h.Hour.Before(li.End) && h.Hour.Add(time.Hour).After(li.Start) && h.Hour.Add(time.Hour).After(e.at)
			}
		}
		if !within {
			t.Fatalf("%s delivered at %s, outside every flight it had", h.LineItemID, h.Hour)
		}
		if h.Clicks > h.Impressions || h.ViewableImpressions > h.Impressions || h.Views > h.Impressions || h.CompletedViews > h.Views {
			t.Fatalf("counted more than was shown: %+v", h)
		}
	}
}

// Twice the supply that is needed suffices for 99 % of the budget; half of it
// is delivered whole.
func TestSupplyDecidesWhatIsDelivered(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	var told atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		if told.Add(1) > storiesUnderRace {
			return
		}
		impressions := rapid.Int64Range(100_000, 5_000_000).Draw(t, "impressions")
		ample := rapid.Bool().Draw(t, "ample")
		days := rapid.Int64Range(2, 6).Draw(t, "days")
		daily := 2 * impressions / days
		if !ample {
			daily = impressions / 2 / days
		}
		supply := builtin.Supply{Daily: daily, Variance: builtin.PPM(rapid.IntRange(0, 200_000).Draw(t, "variance"))}
		li := item("li")
		li.Start, li.End = monday, hours(int(24*days))
		li.Rate = money.Micros(rapid.Int64Range(1_000_000, 50_000_000).Draw(t, "rate"))
		li.Budget = li.Rate.MulDiv(impressions, 1000)
		cfg := builtin.Config{Store: db, Seed: rapid.Int64().Draw(t, "seed"), Tenant: id.New()}
		s := story{supply: map[string]builtin.Supply{"video": supply}, events: []event{{monday, order("order", li)}}, end: li.End.Add(time.Hour)}
		got := adserver.Sum(s.tell(t, cfg, func(builtin.Config, *clock.Simulated, time.Time) {}).Hours)
		least, most := li.Budget.MulDiv(99, 100), li.Budget
		if !ample {
			least, most = li.Budget.MulDiv(47, 100), li.Budget.MulDiv(53, 100)
		}
		if got.Spend < least || got.Spend > most {
			t.Fatalf("spent %s of %s with %d impressions a day for %d in %d days", got.Spend, li.Budget, daily, impressions, days)
		}
	})
}
