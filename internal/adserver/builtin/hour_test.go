package builtin

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// rates are plausible and easy to reckon with.
var rates = Rates{Viewable: 700_000, Click: 2_000, View: 800_000, Complete: 600_000, Convert: 100}

func hours(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }

func units(n int64) money.Micros { return money.Micros(n) * money.Unit }

// runAll runs line items of one product from their start to last, and returns
// the hours each delivered.
func runAll(p *product, last time.Time, items ...adserver.LineItem) map[string][]adserver.HourlyDelivery {
	var list []*lineItem
	first := last
	for _, doc := range items {
		li := newLineItem(p, doc)
		if li.watermark.Before(first) {
			first = li.watermark
		}
		list = append(list, li)
	}
	rows := map[string][]adserver.HourlyDelivery{}
	run(list, first, last, func(d adserver.HourlyDelivery) { rows[d.LineItemID] = append(rows[d.LineItemID], d) })
	return rows
}

func newLineItem(p *product, doc adserver.LineItem) *lineItem {
	li := &lineItem{
		LineItem: doc, currency: "USD", stopped: doc.Paused || doc.Canceled,
		liveFrom: doc.Start, watermark: doc.Start.Truncate(time.Hour),
	}
	return li.prepare(p, nil)
}

// price is a plausible price of one price unit.
func price(model adserver.PricingModel) money.Micros {
	return map[adserver.PricingModel]money.Micros{
		adserver.CPM: units(20), adserver.VCPM: units(25), adserver.CPC: units(2), adserver.CPCV: 30_000,
		adserver.CPV: 20_000, adserver.CPP: units(400), adserver.CPA: units(50), adserver.FlatRate: units(9_000),
		adserver.TimeRate: units(300),
	}[model]
}

func flight(model adserver.PricingModel, days int, budget money.Micros) adserver.LineItem {
	li := adserver.LineItem{
		ID: "li_" + string(model), ProductID: "p", Start: monday, End: hours(24 * days),
		PricingModel: model, Rate: price(model), Budget: budget,
	}
	if model == adserver.TimeRate {
		li.TimeUnit = adserver.PerDay
	}
	return li
}

func TestEvenPacingSpendsTheBudgetWhenSupplyIsAmple(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 7, Supply{
		Daily: 50_000_000, Variance: 200_000, Rates: rates, Universe: 1_000_000,
		Weekdays: [7]PPM{1_200_000, 900_000, 900_000, 900_000, 900_000, 1_000_000, 1_200_000},
		Hours:    [24]int64{4, 2, 1, 1, 1, 2, 4, 6, 8, 8, 7, 7, 8, 8, 8, 8, 9, 10, 12, 14, 14, 12, 9, 6},
	})
	for _, model := range adserver.PricingModels() {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			li := flight(model, 30, units(9_000))
			rows := runAll(p, li.End.Add(48*time.Hour), li)[li.ID]
			spend := adserver.Sum(rows).Spend
			if spend > li.Budget || spend < li.Budget.MulDiv(99, 100) {
				t.Errorf("spent %s of %s", spend, li.Budget)
			}
			if timed(model) && spend != li.Budget {
				t.Errorf("a price for time came to %s, want %s exactly", spend, li.Budget)
			}
			var half money.Micros
			for _, r := range rows {
				if r.Hour.Before(hours(15 * 24)) {
					half += r.Spend
				}
			}
			if half < li.Budget.MulDiv(45, 100) || half > li.Budget.MulDiv(55, 100) {
				t.Errorf("spent %s by half time, want about half of %s", half, li.Budget)
			}
		})
	}
}

func TestShortSupplyIsDeliveredWholeAndNoMore(t *testing.T) {
	t.Parallel()
	for _, pacing := range []adserver.Pacing{adserver.PacingEven, adserver.PacingASAP, adserver.PacingFrontLoaded} {
		t.Run(string(pacing), func(t *testing.T) {
			t.Parallel()
			li := flight(adserver.CPM, 10, units(20_000)) // a million impressions
			li.Pacing = pacing
			p := newProduct("p", 3, Supply{Daily: 50_000, Variance: 300_000})
			var supply int64
			for h := li.Start; h.Before(li.End); h = h.Add(time.Hour) {
				supply += p.available(h)
			}
			got := adserver.Sum(runAll(p, li.End, li)[li.ID])
			if got.Impressions != supply {
				t.Errorf("delivered %d of a supply of %d", got.Impressions, supply)
			}
			if want := (billing{1000, 1, 1}).cost(supply, li.Rate); got.Spend > want || got.Spend < want-240 {
				t.Errorf("spent %s, want %s", got.Spend, want)
			}
		})
	}
}

func TestPacingCatchesUpAfterAShortage(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 400_000, Shortfall: &Shortfall{Missing: Whole, From: hours(24), Until: hours(96)}})
	li := flight(adserver.CPM, 10, units(20_000))
	rows := runAll(p, li.End, li)[li.ID]
	for _, r := range rows {
		if !r.Hour.Before(hours(24)) && r.Hour.Before(hours(96)) {
			t.Fatalf("delivered %d impressions at %s, when there was no supply", r.Impressions, r.Hour)
		}
	}
	if spend := adserver.Sum(rows).Spend; spend < li.Budget.MulDiv(99, 100) || spend > li.Budget {
		t.Errorf("spent %s of %s", spend, li.Budget)
	}
}

func TestPacingOrdersSpendInTime(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 500_000})
	spentByHalfTime := func(pacing adserver.Pacing) money.Micros {
		li := flight(adserver.CPM, 10, units(20_000))
		li.Pacing = pacing
		return adserver.Sum(runAll(p, hours(5*24), li)[li.ID]).Spend
	}
	even, front, asap := spentByHalfTime(adserver.PacingEven), spentByHalfTime(adserver.PacingFrontLoaded), spentByHalfTime(adserver.PacingASAP)
	if even < units(9_900) || even > units(10_100) {
		t.Errorf("even: %s by half time, want half of 20000", even)
	}
	if front < units(14_000) || front > units(16_000) {
		t.Errorf("front_loaded: %s by half time, want about three quarters of 20000", front)
	}
	if asap != units(20_000) {
		t.Errorf("asap: %s by half time, want all of 20000", asap)
	}
}

func TestGuaranteedIsServedFirst(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 100_000})
	firm := flight(adserver.CPM, 10, units(18_000)) // 900,000 of the million impressions
	firm.Guaranteed = true
	other := firm
	other.ID, other.Guaranteed = "li_a_first_by_name", false
	rows := runAll(p, firm.End, firm, other)
	if got := adserver.Sum(rows[firm.ID]).Impressions; got != 900_000 {
		t.Errorf("guaranteed got %d impressions, want all 900000", got)
	}
	if got := adserver.Sum(rows[other.ID]).Impressions; got != 100_000 {
		t.Errorf("the other got %d impressions, want the 100000 that are left", got)
	}
}

func TestShortSupplyIsSharedByNeed(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 60_000})
	large, small := flight(adserver.CPM, 10, units(16_000)), flight(adserver.CPM, 10, units(8_000))
	small.ID, small.Pacing = "li_small", adserver.PacingASAP
	rows := runAll(p, large.End, large, small)
	// Half of what both need: haste gives no advantage while supply is short.
	for _, li := range []adserver.LineItem{large, small} {
		got, want := adserver.Sum(rows[li.ID]).Spend, li.Budget/2
		if got < want.MulDiv(98, 100) || got > want.MulDiv(102, 100) {
			t.Errorf("%s got %s, want about half of %s", li.ID, got, li.Budget)
		}
	}
}

func TestAuction(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 5, Supply{Daily: 1_000_000, Prices: []AuctionPrice{
		{PricingModel: adserver.CPM, Currency: "USD", Floor: units(5), Guidance: units(15)},
	}})
	bid := func(id string, maxBid money.Micros) adserver.LineItem {
		li := flight(adserver.CPM, 30, units(5_000))
		li.ID, li.Rate, li.MaxBid, li.Floor = id, 0, maxBid, units(5)
		return li
	}
	average := func(rows []adserver.HourlyDelivery) money.Micros {
		m := adserver.Sum(rows)
		return m.Spend.MulDiv(1000, m.Impressions)
	}
	high, low := bid("high", units(15)), bid("low", units(8))
	if rows := runAll(p, high.End, high)[high.ID]; average(rows) < units(9) || average(rows) > units(11) {
		t.Errorf("a bid that always wins paid %s on average, want about 10", average(rows))
	} else if len(rows) != 720 {
		t.Errorf("a bid at the top won %d hours of 720", len(rows))
	}
	if rows := runAll(p, low.End, low)[low.ID]; average(rows) > units(8) || average(rows) < units(5) {
		t.Errorf("a bid of 8 paid %s on average", average(rows))
	} else if len(rows) == 0 || len(rows) > 300 {
		t.Errorf("a bid of 8 won %d hours of 720", len(rows))
	}
	if rows := runAll(p, low.End, bid("hopeless", units(5)))["hopeless"]; len(rows) > 5 {
		t.Errorf("a bid at the floor won %d hours", len(rows))
	}
	exact := bid("exact", units(12))
	exact.Rate = units(12)
	if rows := runAll(p, exact.End, exact)[exact.ID]; average(rows) != units(12) {
		t.Errorf("an exact bid of 12 paid %s", average(rows))
	}
	elsewhere := bid("elsewhere", units(8))
	elsewhere.PricingModel, elsewhere.Floor = adserver.VCPM, units(6)
	p.Rates = rates
	if m := adserver.Sum(runAll(p, exact.End, elsewhere)[elsewhere.ID]); m.Spend.MulDiv(1000, m.ViewableImpressions) > units(6) {
		t.Errorf("without guidance for its model it paid %s, want its floor", m.Spend.MulDiv(1000, m.ViewableImpressions))
	}
}

func TestNothingIsServed(t *testing.T) {
	t.Parallel()
	ample := Supply{Daily: 1_000_000, Rates: rates}
	for _, tt := range []struct {
		rule   string
		supply Supply
		change func(*adserver.LineItem)
	}{
		{"while paused", ample, func(li *adserver.LineItem) { li.Paused = true }},
		{"once canceled", ample, func(li *adserver.LineItem) { li.Canceled = true }},
		{"without a budget", ample, func(li *adserver.LineItem) { li.Budget = 0 }},
		{"without an approved creative where one is required", ample, func(li *adserver.LineItem) {
			li.RequireCreative, li.Creatives = true, []adserver.CreativeWeight{{CreativeID: "c"}}
		}},
		{"of a metric the product does not offer", Supply{Daily: 1_000_000}, func(li *adserver.LineItem) { li.PricingModel = adserver.CPC }},
		{"of rating points without a universe", ample, func(li *adserver.LineItem) { li.PricingModel = adserver.CPP }},
		{"without supply", Supply{}, func(*adserver.LineItem) {}},
		{"after the flight", ample, func(li *adserver.LineItem) { li.Start, li.End = hours(-48), hours(-24) }},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			p := newProduct("p", 1, tt.supply)
			for _, model := range []adserver.PricingModel{adserver.CPM, adserver.FlatRate} {
				doc := flight(model, 5, units(1_000))
				tt.change(&doc)
				li := newLineItem(p, doc)
				li.watermark = monday
				var rows []adserver.HourlyDelivery
				run([]*lineItem{li}, monday, doc.End.Add(24*time.Hour), func(d adserver.HourlyDelivery) { rows = append(rows, d) })
				if len(rows) > 0 {
					t.Errorf("%s delivered %+v", model, adserver.Sum(rows))
				}
			}
		})
	}
}

func TestGoalStopsDelivery(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 10_000_000, Rates: rates, Universe: 500_000, Variance: 100_000})
	for _, model := range adserver.PricingModels() {
		li := flight(model, 5, units(1_000_000))
		li.Goal = 1_000_001
		got := adserver.Sum(runAll(p, li.End, li)[li.ID]).Impressions
		if got != li.Goal {
			t.Errorf("%s delivered %d impressions, want the goal of %d and no more", model, got, li.Goal)
		}
	}
}

func TestFrequencyCapLimitsAnAudience(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 1_000_000, Audience: 10_000})
	for _, tt := range []struct {
		rule string
		cap  adserver.FrequencyCap
		most int64
	}{
		{"three a day", adserver.FrequencyCap{MaxImpressions: 3, Window: 24 * time.Hour}, 300_000},
		{"five in the flight", adserver.FrequencyCap{MaxImpressions: 5}, 50_000},
		{"one in twelve hours", adserver.FrequencyCap{Suppress: 12 * time.Hour}, 200_000},
		{"both", adserver.FrequencyCap{MaxImpressions: 5, Suppress: 12 * time.Hour}, 50_000},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			li := flight(adserver.CPM, 10, units(1_000_000))
			li.FrequencyCap = &tt.cap
			got := adserver.Sum(runAll(p, li.End, li)[li.ID]).Impressions
			if got > tt.most || got < tt.most*99/100 {
				t.Errorf("delivered %d impressions, want %d", got, tt.most)
			}
		})
	}
}

func TestTelevisionCountsPointsAndSpots(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 20_000_000, Universe: 10_000_000, ImpressionsPerPlay: 250_000})
	li := flight(adserver.CPP, 7, units(40_000)) // 100 points at 400
	m := adserver.Sum(runAll(p, li.End, li)[li.ID])
	if m.GRPs < 99*microPoint || m.GRPs > 100*microPoint {
		t.Errorf("delivered %d millionths of a point, want 100 points", m.GRPs)
	}
	if m.Plays < 35 || m.Plays > 45 {
		t.Errorf("aired %d spots for %d impressions, want about one for 250000", m.Plays, m.Impressions)
	}
}

func TestPriceForTimeIsForgoneWhilePaused(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 24_000})
	li := newLineItem(p, flight(adserver.FlatRate, 10, units(9_000)))
	discard := func(adserver.HourlyDelivery) {}
	run([]*lineItem{li}, monday, hours(4*24), discard)
	li.stopped = true
	run([]*lineItem{li}, hours(4*24), hours(6*24), discard)
	li.stopped = false
	run([]*lineItem{li}, hours(6*24), hours(11*24), discard)
	if li.total.Spend != units(7_200) || li.forgone != units(1_800) {
		t.Errorf("spent %s and went without %s, want 7200 and 1800", li.total.Spend, li.forgone)
	}
}

func TestRotationSplitsExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rotation []adserver.CreativeWeight
		for i := range rapid.IntRange(1, 5).Draw(t, "creatives") {
			rotation = append(rotation, adserver.CreativeWeight{
				CreativeID: fmt.Sprintf("c%d", i), Weight: rapid.Int64Range(0, 100).Draw(t, "weight"), Approved: true,
			})
		}
		n := rapid.Int64Range(0, 1_000_000).Draw(t, "impressions")
		views := rapid.Int64Range(0, n).Draw(t, "views")
		m := adserver.Metrics{
			Impressions: n, Views: views, CompletedViews: rapid.Int64Range(0, views).Draw(t, "completed"),
			Clicks: rapid.Int64Range(0, n).Draw(t, "clicks"), Spend: money.Micros(rapid.Int64Range(0, 1e12).Draw(t, "spend")),
		}
		var sum adserver.Metrics
		for _, c := range rotate(m, rotation, rapid.Uint64().Draw(t, "draw")) {
			sum = sum.Plus(c.Metrics)
			if c.Clicks > c.Impressions || c.Views > c.Impressions || c.CompletedViews > c.Views {
				t.Fatalf("more happened to a creative than it was shown: %+v", c)
			}
		}
		if diff := cmp.Diff(m, sum); diff != "" {
			t.Fatalf("creatives do not add up (-want +got):\n%s", diff)
		}
	})
}

func TestWeightMovesDelivery(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 240_000})
	weighed := func(id string, weight int64) adserver.LineItem {
		li := flight(adserver.CPM, 10, units(1000))
		li.ID, li.Weight = id, weight
		return li
	}
	rows := runAll(p, hours(48), weighed("half", 500_000), weighed("plain", 0), weighed("double", 2_000_000))
	half, plain, double := adserver.Sum(rows["half"]), adserver.Sum(rows["plain"]), adserver.Sum(rows["double"])
	if half.Impressions >= plain.Impressions*2/3 || double.Impressions <= plain.Impressions*3/2 {
		t.Errorf("impressions after two days of ten: %d at half, %d as paced, %d at double", half.Impressions, plain.Impressions, double.Impressions)
	}
	rows = runAll(p, hours(24*11), weighed("double", 2_000_000))
	if spend := adserver.Sum(rows["double"]).Spend; spend > units(1000) {
		t.Errorf("spent %s of 1000", spend)
	}
}
