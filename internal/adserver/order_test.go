package adserver_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

var start = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func order() adserver.Order {
	return adserver.Order{
		ID: "mb_1", Advertiser: "Acme", Name: "Spring", Currency: "USD",
		LineItems: []adserver.LineItem{
			{
				ID: "pkg_1", Name: "Video", ProductID: "video", Start: start, End: start.Add(240 * time.Hour),
				PricingModel: adserver.CPM, Rate: 20 * money.Unit, Budget: 1000 * money.Unit,
				Creatives:    []adserver.CreativeWeight{{CreativeID: "a", Weight: 1, Approved: true}, {CreativeID: "b", Weight: 2}},
				FrequencyCap: &adserver.FrequencyCap{MaxImpressions: 3, Per: "devices", Window: 24 * time.Hour},
				Targeting:    adserver.Targeting{Countries: []string{"US", "CA"}, Overlay: json.RawMessage(`{"a":1,"b":[true]}`)},
			},
			{
				ID: "pkg_2", ProductID: "audio", Start: start, End: start.Add(240 * time.Hour),
				PricingModel: adserver.TimeRate, TimeUnit: adserver.PerDay, MaxBid: 3 * money.Unit, Floor: money.Unit, Budget: 30 * money.Unit,
			},
		},
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := order().Validate(); err != nil {
		t.Errorf("a good order: %v", err)
	}
	first := func(change func(*adserver.LineItem)) func(*adserver.Order) {
		return func(o *adserver.Order) { change(&o.LineItems[0]) }
	}
	for _, tt := range []struct {
		rule, field string
		spoil       func(*adserver.Order)
	}{
		{"order without identifier", "id", func(o *adserver.Order) { o.ID = "" }},
		{"no currency", "currency", func(o *adserver.Order) { o.Currency = "" }},
		{"unknown currency", "currency", func(o *adserver.Order) { o.Currency = "XYZ" }},
		{"line item without identifier", "line_items[0].id", first(func(li *adserver.LineItem) { li.ID = "" })},
		{"identifier used twice", "line_items[1].id", func(o *adserver.Order) { o.LineItems[1].ID = "pkg_1" }},
		{"no product", "line_items[0].product_id", first(func(li *adserver.LineItem) { li.ProductID = "" })},
		{"no start", "line_items[0].start", first(func(li *adserver.LineItem) { li.Start = time.Time{} })},
		{"end at the start", "line_items[0].end", first(func(li *adserver.LineItem) { li.End = li.Start })},
		{"flight of a hundred and one years", "line_items[0].end", first(func(li *adserver.LineItem) { li.End = li.Start.AddDate(101, 0, 0) })},
		{"start finer than a microsecond", "line_items[0].start", first(func(li *adserver.LineItem) { li.Start = li.Start.Add(1) })},
		{"end finer than a microsecond", "line_items[0].end", first(func(li *adserver.LineItem) { li.End = li.End.Add(1) })},
		{"unknown pricing model", "line_items[0].pricing_model", first(func(li *adserver.LineItem) { li.PricingModel = "cpx" })},
		{"time without a unit", "line_items[1].time_unit", func(o *adserver.Order) { o.LineItems[1].TimeUnit = "" }},
		{"a unit of time without time", "line_items[0].time_unit", first(func(li *adserver.LineItem) { li.TimeUnit = adserver.PerDay })},
		{"negative budget", "line_items[0].budget", first(func(li *adserver.LineItem) { li.Budget = -1 })},
		{"negative goal", "line_items[0].goal", first(func(li *adserver.LineItem) { li.Goal = -1 })},
		{"negative rate", "line_items[0].rate", first(func(li *adserver.LineItem) { li.Rate = -1 })},
		{"negative bid", "line_items[0].max_bid", first(func(li *adserver.LineItem) { li.MaxBid = -1 })},
		{"negative floor", "line_items[0].floor", first(func(li *adserver.LineItem) { li.Floor = -1 })},
		{"no price", "line_items[0].rate", first(func(li *adserver.LineItem) { li.Rate = 0 })},
		{"bid below the floor", "line_items[1].max_bid", func(o *adserver.Order) { o.LineItems[1].Floor *= 4 }},
		{"exact bid above the bid", "line_items[1].rate", func(o *adserver.Order) { o.LineItems[1].Rate = 4 * money.Unit }},
		{"unknown pacing", "line_items[0].pacing", first(func(li *adserver.LineItem) { li.Pacing = "slow" })},
		{"creative without identifier", "line_items[0].creatives[1].creative_id", first(func(li *adserver.LineItem) { li.Creatives[1].CreativeID = "" })},
		{"creative assigned twice", "line_items[0].creatives[1].creative_id", first(func(li *adserver.LineItem) { li.Creatives[1].CreativeID = "a" })},
		{"negative weight", "line_items[0].creatives[0].weight", first(func(li *adserver.LineItem) { li.Creatives[0].Weight = -1 })},
		{"empty frequency cap", "line_items[0].frequency_cap", first(func(li *adserver.LineItem) { li.FrequencyCap = &adserver.FrequencyCap{} })},
		{"negative frequency cap", "line_items[0].frequency_cap", first(func(li *adserver.LineItem) { li.FrequencyCap.MaxImpressions = -1 })},
		{"targeting that is not JSON", "line_items[0].targeting.overlay", first(func(li *adserver.LineItem) { li.Targeting.Overlay = json.RawMessage("{") })},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			o := order()
			tt.spoil(&o)
			r, ok := errors.AsType[*adserver.Refusal](o.Validate())
			if !ok || r.Field != tt.field || r.Reason == "" {
				t.Fatalf("got %+v, want a refusal of %s", r, tt.field)
			}
			if !strings.Contains(r.Error(), tt.field) || !strings.Contains(r.Error(), r.Reason) {
				t.Errorf("the message %q lacks the field or the reason", r.Error())
			}
		})
	}
}

func TestDiffIsEmptyWhereNothingDiffers(t *testing.T) {
	t.Parallel()
	got := order()
	slices.Reverse(got.LineItems)
	li := &got.LineItems[1]
	slices.Reverse(li.Creatives)
	li.Start = li.Start.In(time.FixedZone("UTC+3", 3*3600))
	li.Pacing = adserver.PacingEven
	li.Targeting.Countries = []string{"CA", "US", "CA"}
	li.Targeting.Overlay = json.RawMessage(` { "b" : [ true ], "a" : 1 } `)
	if diff := adserver.Diff(order(), got); len(diff) > 0 {
		t.Errorf("got %v, want none", diff)
	}
}

func TestDiffNamesEveryField(t *testing.T) {
	t.Parallel()
	first := func(change func(*adserver.LineItem)) func(*adserver.Order) {
		return func(o *adserver.Order) { change(&o.LineItems[0]) }
	}
	for want, change := range map[string]func(*adserver.Order){
		`id: want "mb_1", got "mb_2"`:                               func(o *adserver.Order) { o.ID = "mb_2" },
		`advertiser: want "Acme", got ""`:                           func(o *adserver.Order) { o.Advertiser = "" },
		`name: want "Spring", got "Fall"`:                           func(o *adserver.Order) { o.Name = "Fall" },
		`currency: want USD, got EUR`:                               func(o *adserver.Order) { o.Currency = "EUR" },
		`paused: want false, got true`:                              func(o *adserver.Order) { o.Paused = true },
		`canceled: want false, got true`:                            func(o *adserver.Order) { o.Canceled = true },
		`line_items[pkg_2]: not there`:                              func(o *adserver.Order) { o.LineItems = o.LineItems[:1] },
		`line_items[pkg_1].name: want "Video", got "Audio"`:         first(func(li *adserver.LineItem) { li.Name = "Audio" }),
		`line_items[pkg_1].product_id: want "video", got "x"`:       first(func(li *adserver.LineItem) { li.ProductID = "x" }),
		`line_items[pkg_1].budget: want 1000.00, got 999.999999`:    first(func(li *adserver.LineItem) { li.Budget-- }),
		`line_items[pkg_1].rate: want 20.00, got 20.50`:             first(func(li *adserver.LineItem) { li.Rate += money.Unit / 2 }),
		`line_items[pkg_1].max_bid: want 0.00, got 1.00`:            first(func(li *adserver.LineItem) { li.MaxBid = money.Unit }),
		`line_items[pkg_1].floor: want 0.00, got 1.00`:              first(func(li *adserver.LineItem) { li.Floor = money.Unit }),
		`line_items[pkg_1].goal: want 0, got 7`:                     first(func(li *adserver.LineItem) { li.Goal = 7 }),
		`line_items[pkg_1].guaranteed: want false, got true`:        first(func(li *adserver.LineItem) { li.Guaranteed = true }),
		`line_items[pkg_1].pricing_model: want cpm, got vcpm`:       first(func(li *adserver.LineItem) { li.PricingModel = adserver.VCPM }),
		`line_items[pkg_1].time_unit: want none, got day`:           first(func(li *adserver.LineItem) { li.TimeUnit = adserver.PerDay }),
		`line_items[pkg_1].pacing: want even, got asap`:             first(func(li *adserver.LineItem) { li.Pacing = adserver.PacingASAP }),
		`line_items[pkg_1].paused: want false, got true`:            first(func(li *adserver.LineItem) { li.Paused = true }),
		`line_items[pkg_1].canceled: want false, got true`:          first(func(li *adserver.LineItem) { li.Canceled = true }),
		`line_items[pkg_1].require_creative: want false, got true`:  first(func(li *adserver.LineItem) { li.RequireCreative = true }),
		`line_items[pkg_1].targeting.countries: want "CA US"`:       first(func(li *adserver.LineItem) { li.Targeting.Countries = nil }),
		`line_items[pkg_1].targeting.overlay: want {"a":1,"b":[tru`: first(func(li *adserver.LineItem) { li.Targeting.Overlay = json.RawMessage(`{"a":2}`) }),
		`line_items[pkg_1].frequency_cap: want "3 per`:              first(func(li *adserver.LineItem) { li.FrequencyCap = nil }),
		`line_items[pkg_1].creatives: want "(\"a\" weight 1 appr`:   first(func(li *adserver.LineItem) { li.Creatives[0].Approved = false }),
		`line_items[pkg_1].start: want "2026-06-01T00:00:00Z", got`: first(func(li *adserver.LineItem) { li.Start = li.Start.Add(time.Microsecond) }),
		`line_items[pkg_1].end: want "2026-06-11T00:00:00Z", got`:   first(func(li *adserver.LineItem) { li.End = li.End.Add(time.Second) }),
	} {
		got := order()
		change(&got)
		if diff := adserver.Diff(order(), got); len(diff) != 1 || !strings.HasPrefix(diff[0], want) {
			t.Errorf("got %q, want %q", diff, want)
		}
	}
	small := order()
	small.LineItems = small.LineItems[:1]
	if diff := cmp.Diff([]string{"line_items[pkg_2]: there, but not wanted"}, adserver.Diff(small, order())); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsAddUp(t *testing.T) {
	t.Parallel()
	m := adserver.Metrics{
		Impressions: 1, ViewableImpressions: 2, Clicks: 3, Views: 4, CompletedViews: 5, Conversions: 6, Plays: 7, GRPs: 8, Spend: 9,
	}
	want := adserver.Metrics{
		Impressions: 3, ViewableImpressions: 6, Clicks: 9, Views: 12, CompletedViews: 15, Conversions: 18, Plays: 21, GRPs: 24, Spend: 27,
	}
	if got := adserver.Sum([]adserver.HourlyDelivery{{Metrics: m}, {Metrics: m}, {Metrics: m}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	billed := map[adserver.PricingModel]int64{}
	for _, model := range adserver.PricingModels() {
		billed[model] = m.Billed(model)
	}
	if diff := cmp.Diff(map[adserver.PricingModel]int64{
		adserver.CPM: 1, adserver.VCPM: 2, adserver.CPC: 3, adserver.CPV: 4, adserver.CPCV: 5, adserver.CPA: 6, adserver.CPP: 8,
		adserver.FlatRate: 1, adserver.TimeRate: 1,
	}, billed); diff != "" {
		t.Error(diff)
	}
}
