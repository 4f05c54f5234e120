package sandbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// report reads a media buy's delivery.
func (l *lab) report(id string) adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery {
	l.Helper()
	resp := ask[adcp.GetMediaBuyDeliveryResponse](l, "get_media_buy_delivery", object{"media_buy_ids": []string{id}})
	if len(resp.MediaBuyDeliveries) != 1 {
		l.Fatalf("there are %d reports of %s", len(resp.MediaBuyDeliveries), id)
	}
	return resp.MediaBuyDeliveries[0]
}

func TestSimulatedDeliveryIsReportedAndAddsUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := open(t, db)
		id := *l.book("test-product", "default", object{"packages": []object{
			{"product_id": "test-product", "pricing_option_id": "default", "budget": 1000},
			{"product_id": "test-product", "pricing_option_id": "default", "budget": 2000},
		}}).MediaBuyID
		spend := func(amount float64) object { return object{"amount": amount, "currency": "USD"} }
		l.run("simulate_delivery", object{"media_buy_id": id, "impressions": 1001, "clicks": 10, "reported_spend": spend(10.01)})
		a := l.run("simulate_delivery", object{"media_buy_id": id, "impressions": 9000, "clicks": 5, "reported_spend": spend(90)})
		var sum struct {
			Impressions   int64
			Clicks        int64
			ReportedSpend struct{ Amount json.Number } `json:"reported_spend"`
		}
		decode(t, a.Cumulative, &sum)
		if sum.Impressions != 10001 || sum.Clicks != 15 || sum.ReportedSpend.Amount != "100.01" {
			t.Errorf("cumulative is %s", a.Cumulative)
		}
		r := l.report(id)
		if *r.Totals.Impressions != "10001" || r.Totals.Spend != "100.01" || *r.Totals.Clicks != "15" {
			t.Errorf("the report says %+v", r.Totals)
		}
		// A third of the budget is a third of the delivery, to the last impression.
		if first, second := r.ByPackage[0], r.ByPackage[1]; *first.Impressions != "3333" || *second.Impressions != "6668" {
			t.Errorf("by package: %s and %s", *first.Impressions, *second.Impressions)
		}
		// Nothing is delivered beside it, however late it gets.
		l.clock.AdvanceTo(today.Add(5 * time.Hour))
		if err := l.service.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.run("simulate_delivery", object{"media_buy_id": id, "impressions": 1})
		if r := l.report(id); *r.Totals.Impressions != "10002" {
			t.Errorf("later the report says %s", *r.Totals.Impressions)
		}
	})
}

func TestWhatDoesNotAddUpIsTheLastWord(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	id := *l.book("test-product", "default", nil).MediaBuyID
	l.run("simulate_delivery", object{
		"media_buy_id": id, "impressions": 3000, "completed_views": 2000, "reach": 1000, "frequency": 3,
		"reach_window": object{"kind": "rolling", "period": object{"interval": 7, "unit": "days"}},
		"viewability":  object{"measurable_impressions": 2500, "viewable_impressions": 2000, "viewable_rate": 0.8, "viewed_seconds": 4.3, "standard": "mrc"},
		"is_final":     false, "measurement_window": "post_givt",
	})
	r := l.report(id)
	if *r.Totals.Reach != "1000" || r.Totals.ReachWindow == nil || *r.Totals.Viewability.ViewedSeconds != "4.3" || *r.ByPackage[0].Reach != "1000" ||
		*r.IsFinal || *r.ByPackage[0].IsFinal || adcp.Val(r.ByPackage[0].MeasurementWindow) != "post_givt" || *r.Totals.CompletedViews != "2000" {
		t.Errorf("the report says %+v", r)
	}
	l.run("simulate_delivery", object{"media_buy_id": id, "impressions": 1, "is_final": true, "finalized_at": "2027-03-02T00:00:00Z"})
	if r := l.report(id); !*r.IsFinal || r.FinalizedAt == nil || r.Totals.ReachWindow != nil {
		t.Errorf("the last report says %+v", r)
	}
}

func TestSimulateBudgetSpend(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	id := *l.book("test-product", "default", nil).MediaBuyID
	a := l.run("simulate_budget_spend", object{"media_buy_id": id, "spend_percentage": 95})
	if want := `{"budget":{"amount":5000,"currency":"USD"},"computed_spend":{"amount":4750,"currency":"USD"},"spend_percentage":95}`; string(a.Simulated) != want {
		t.Errorf("got %s, want %s", a.Simulated, want)
	}
	l.run("simulate_budget_spend", object{"media_buy_id": id, "spend_percentage": 100})
	if r := l.report(id); r.Totals.Spend != "5000" {
		t.Errorf("the report says %s", r.Totals.Spend)
	}
	l.refused("INVALID_TRANSITION", "simulate_budget_spend", object{"media_buy_id": id, "spend_percentage": 50})
}

func TestSimulationRefusals(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	id := *l.book("test-product", "default", nil).MediaBuyID
	l.run("seed_media_buy", object{"media_buy_id": "mb_over", "fixture": object{"status": "canceled"}})
	for _, tt := range []struct {
		rule, word, scenario string
		params               object
	}{
		{"a media buy is there", "NOT_FOUND", "simulate_delivery", object{"media_buy_id": "none"}},
		{"amounts are in the media buy's currency", "INVALID_PARAMS", "simulate_delivery", object{"media_buy_id": id, "reported_spend": object{"amount": 1, "currency": "EUR"}}},
		{"nothing is taken back", "INVALID_PARAMS", "simulate_delivery", object{"media_buy_id": id, "impressions": -1}},
		{"the ad server must hold it", "INVALID_TRANSITION", "simulate_delivery", object{"media_buy_id": "mb_over", "impressions": 1}},
		{"a budget is of something", "INVALID_PARAMS", "simulate_budget_spend", object{"spend_percentage": 5}},
		{"a budget is there", "NOT_FOUND", "simulate_budget_spend", object{"media_buy_id": "none", "spend_percentage": 5}},
		{"no more than the budget is spent", "INVALID_PARAMS", "simulate_budget_spend", object{"media_buy_id": id, "spend_percentage": 101}},
	} {
		t.Run(tt.rule, func(t *testing.T) { (&lab{T: t, agent: l.agent}).refused(tt.word, tt.scenario, tt.params) })
	}
}
