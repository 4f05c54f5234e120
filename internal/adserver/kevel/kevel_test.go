package kevel_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/kevel"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/money"
)

func order() adserver.Order {
	start := monday.Truncate(time.Hour).Add(2 * time.Hour)
	return adserver.Order{
		ID: "mb_1", Advertiser: "Acme", Name: "Spring", Currency: "USD",
		LineItems: []adserver.LineItem{{
			ID: "pkg_1", Name: "Video", ProductID: "video", Start: start, End: start.Add(48 * time.Hour),
			PricingModel: adserver.CPM, Rate: 12_500_000, Budget: 1000 * money.Unit,
			FrequencyCap: &adserver.FrequencyCap{MaxImpressions: 3, Per: "devices", Window: 24 * time.Hour},
			Targeting:    adserver.Targeting{Countries: []string{"US", "CA"}},
		}},
	}
}

func setup(t *testing.T) (*kevel.AdServer, *fake, *clock.Simulated) {
	now := clock.NewSimulated(monday)
	f, server := newFake(t, now.Now)
	return open(t, server, now, server.Client().Transport), f, now
}

func TestRefusesWhatKevelCannotHold(t *testing.T) {
	t.Parallel()
	a, f, _ := setup(t)
	item := func(change func(*adserver.LineItem)) func(*adserver.Order) {
		return func(o *adserver.Order) { change(&o.LineItems[0]) }
	}
	long := strings.Repeat("x", 400)
	for _, tt := range []struct {
		rule, field string
		spoil       func(*adserver.Order)
	}{
		{"another currency", "currency", func(o *adserver.Order) { o.Currency = "EUR" }},
		{"no advertiser", "advertiser", func(o *adserver.Order) { o.Advertiser = "" }},
		{"a long name", "name", func(o *adserver.Order) { o.Name = long }},
		{"a long line item name", "line_items[0].name", item(func(li *adserver.LineItem) { li.Name = long })},
		{"an unknown product", "line_items[0].product_id", item(func(li *adserver.LineItem) { li.ProductID = "audio" })},
		{"a guarantee without a priority", "line_items[0].guaranteed", item(func(li *adserver.LineItem) { li.ProductID, li.Guaranteed = "remnant", true })},
		{"a pricing model", "line_items[0].pricing_model", item(func(li *adserver.LineItem) { li.PricingModel = adserver.CPCV })},
		{"a price finer than single precision", "line_items[0].rate", item(func(li *adserver.LineItem) { li.Rate = 12_345_678_901 })},
		{"a bid", "line_items[0].max_bid", item(func(li *adserver.LineItem) { li.MaxBid = 20 * money.Unit })},
		{"a floor", "line_items[0].floor", item(func(li *adserver.LineItem) { li.Floor = money.Unit })},
		{"cents in a budget", "line_items[0].budget", item(func(li *adserver.LineItem) { li.Budget += 10_000 })},
		{"a budget beyond Kevel's", "line_items[0].budget", item(func(li *adserver.LineItem) { li.Budget = 500_000_001 * money.Unit })},
		{"a goal beyond Kevel's", "line_items[0].goal", item(func(li *adserver.LineItem) { li.Goal = 1 << 31 })},
		{"a goal and asap", "line_items[0].goal", item(func(li *adserver.LineItem) { li.Goal, li.Pacing = 5, adserver.PacingASAP })},
		{"front loading", "line_items[0].pacing", item(func(li *adserver.LineItem) { li.Pacing = adserver.PacingFrontLoaded })},
		{"a weight", "line_items[0].weight", item(func(li *adserver.LineItem) { li.Weight = 1 })},
		{"creatives", "line_items[0].creatives", item(func(li *adserver.LineItem) { li.Creatives = []adserver.CreativeWeight{{CreativeID: "a"}} })},
		{"an audience", "line_items[0].targeting.audiences", item(func(li *adserver.LineItem) { li.Targeting.Audiences = []string{"a"} })},
		{"an audience to avoid", "line_items[0].targeting.avoid_audiences", item(func(li *adserver.LineItem) { li.Targeting.AvoidAudiences = []string{"a"} })},
		{"other targeting", "line_items[0].targeting.overlay", item(func(li *adserver.LineItem) { li.Targeting.Overlay = json.RawMessage(`{"device_type":["ctv"]}`) })},
		{"more than the custom field holds", "line_items[0].targeting.overlay", item(func(li *adserver.LineItem) {
			li.Targeting.Overlay = json.RawMessage(`{"geo_countries":["` + strings.Repeat("US", 1000) + `"]}`)
		})},
		{"two frequency caps", "line_items[0].frequency_cap", item(func(li *adserver.LineItem) { li.FrequencyCap.Suppress = time.Hour })},
		{"people", "line_items[0].frequency_cap", item(func(li *adserver.LineItem) { li.FrequencyCap.Per = "households" })},
		{"a window of seconds", "line_items[0].frequency_cap", item(func(li *adserver.LineItem) { li.FrequencyCap.Window = 90 * time.Second })},
		{"a flight that is over", "line_items[0].end", item(func(li *adserver.LineItem) {
			li.Start = li.Start.AddDate(0, -1, 0)
			li.End = li.Start.Add(time.Hour)
		})},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			o := order()
			tt.spoil(&o)
			r, ok := errors.AsType[*adserver.Refusal](a.Apply(t.Context(), o))
			if !ok || r.Field != tt.field || r.Reason == "" {
				t.Errorf("got %+v, want a refusal of %s", r, tt.field)
			}
		})
	}
	if n := f.campaigns(); n != 0 {
		t.Errorf("refused orders left %d campaigns", n)
	}
}

func apply(t *testing.T, a *kevel.AdServer, o adserver.Order) {
	t.Helper()
	if err := a.Apply(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	holds(t, a, o)
}

func holds(t *testing.T, a *kevel.AdServer, want adserver.Order) {
	t.Helper()
	got, err := a.Read(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := adserver.Diff(want, got); len(diff) > 0 {
		t.Fatal(diff)
	}
}

func TestWhatKevelRefusesHalfWayIsPutBack(t *testing.T) {
	t.Parallel()
	a, f, _ := setup(t)
	broken := order()
	broken.LineItems[0].ProductID = "broken"
	if r, ok := errors.AsType[*adserver.Refusal](a.Apply(t.Context(), broken)); !ok || r.Field != "line_items[0]" || !strings.Contains(r.Reason, "666") {
		t.Errorf("got %v, want Kevel's reason", r)
	}
	if _, err := a.Read(t.Context(), broken.ID); !errors.Is(err, adserver.ErrNotFound) || f.campaigns() != 0 {
		t.Errorf("a refused new order: %v, %d campaigns", err, f.campaigns())
	}
	apply(t, a, order())
	second := broken.LineItems[0]
	second.ID = "pkg_2"
	worse := order()
	worse.LineItems[0].Budget *= 2
	worse.LineItems = append(worse.LineItems, second)
	if _, ok := errors.AsType[*adserver.Refusal](a.Apply(t.Context(), worse)); !ok {
		t.Error("want a refusal")
	}
	holds(t, a, order())
}

// TestReadShowsWhatPeopleChangedAtKevel: what serves is read, not what was written.
func TestReadShowsWhatPeopleChangedAtKevel(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(flight object){
		"budget":              func(o object) { o["LifetimeCapAmount"] = json.Number("7") },
		"rate":                func(o object) { o["Price"] = json.Number("1.5") },
		"end":                 func(o object) { o["EndDateISO"] = "2027-01-01T00:00:00" },
		"paused":              func(o object) { o["IsActive"] = false },
		"pricing_model":       func(o object) { o["RateType"] = json.Number("3") },
		"targeting.countries": func(o object) { o["GeoTargeting"] = []any{} },
		"frequency_cap":       func(o object) { o["IsFreqCap"] = false },
		"product_id":          func(o object) { o["SiteZoneTargeting"] = []any{} },
		"name":                func(o object) { o["Name"] = "Mine" },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			a, f, _ := setup(t)
			apply(t, a, order())
			change(f.objects["flight"][f.order["flight"][0]])
			got, err := a.Read(t.Context(), "mb_1")
			if diff := adserver.Diff(order(), got); err != nil || len(diff) != 1 || !strings.Contains(diff[0], "."+field+":") {
				t.Errorf("got %v and %v, want a difference in %s", diff, err, field)
			}
			apply(t, a, order()) // and applying puts it right
		})
	}
}

func TestDeliveryIsAskedForAndFetched(t *testing.T) {
	t.Parallel()
	a, f, now := setup(t)
	o := order()
	apply(t, a, o)
	q := adserver.DeliveryQuery{OrderID: o.ID}
	if rows, err := a.Delivery(t.Context(), q); err != nil || len(rows) > 0 {
		t.Errorf("before the flight: %v, %v", rows, err)
	}
	hour := o.LineItems[0].Start
	now.AdvanceTo(hour.Add(3 * time.Hour))
	grouping := object{"FlightId": f.order["flight"][0]}
	f.records = []any{
		object{"Date": hour.Format("2006-01-02T15:04:05Z"), "Details": []any{
			object{"Grouping": grouping, "Impressions": 1000, "Clicks": 3, "Revenue": json.Number("12.50000049999999")},
			object{"Grouping": object{"FlightId": 5}, "Impressions": 9, "Revenue": 9},
		}},
		object{"Date": hour.Add(9 * time.Hour).Format("2006-01-02T15:04:05Z"), "Details": []any{object{"Grouping": grouping, "Impressions": 1}}},
	}
	if _, err := a.Delivery(t.Context(), q); !errors.Is(err, adserver.ErrUnavailable) {
		t.Errorf("while the report is made: got %v, want ErrUnavailable", err)
	}
	rows, err := a.Delivery(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]adserver.HourlyDelivery{{
		LineItemID: "pkg_1", Hour: hour, Currency: "USD",
		Metrics: adserver.Metrics{Impressions: 1000, Clicks: 3, Spend: 12_500_000},
	}}, rows); diff != "" {
		t.Error(diff)
	}
	if len(f.reports) != 1 {
		t.Errorf("%d reports were queued, want one", len(f.reports))
	}
	// What has begun stays what it was.
	for field, to := range map[string]func(*adserver.LineItem){
		"line_items[0].start":         func(li *adserver.LineItem) { li.Start = li.Start.Add(time.Hour) },
		"line_items[0].pricing_model": func(li *adserver.LineItem) { li.PricingModel = adserver.CPC },
		"line_items[0].product_id":    func(li *adserver.LineItem) { li.ProductID = "remnant" },
		"line_items[0].budget":        func(li *adserver.LineItem) { li.Budget = 12 * money.Unit },
	} {
		changed := order()
		to(&changed.LineItems[0])
		err := a.Apply(t.Context(), changed)
		if errors.Is(err, adserver.ErrUnavailable) {
			err = a.Apply(t.Context(), changed) // the report
		}
		if r, ok := errors.AsType[*adserver.Refusal](err); !ok || r.Field != field {
			t.Errorf("got %v, want a refusal of %s", err, field)
		}
	}
	without := order()
	without.LineItems = nil
	if r, ok := errors.AsType[*adserver.Refusal](a.Apply(t.Context(), without)); !ok || r.Field != "line_items" {
		t.Errorf("got %v, want a refusal of line_items", r)
	}
}

// TestKeyStaysHere: neither errors nor redirects carry it away.
func TestKeyStaysHere(t *testing.T) {
	t.Parallel()
	stolen := false
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen = stolen || r.Header.Get("X-Adzerk-ApiKey") != ""
	}))
	t.Cleanup(thief.Close)
	for _, status := range []int{302, 307, 401, 403, 408, 429, 500, 503} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.Header().Set("Location", thief.URL)
			w.WriteHeader(status)
		}))
		err := open(t, server, clock.NewSimulated(monday), server.Client().Transport).Apply(t.Context(), order())
		server.Close()
		if !errors.Is(err, adserver.ErrUnavailable) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%d: got %v, want ErrUnavailable and no key", status, err)
		}
	}
	if stolen {
		t.Error("a redirect took the key along")
	}
	a, _, _ := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Apply(ctx, order()); !errors.Is(err, adserver.ErrUnavailable) || strings.Contains(err.Error(), testKey) {
		t.Errorf("canceled: got %v", err)
	}
}

// TestAnswersOfDifferentAgesAreNoOrder: a flight as it was before the last change is
// not taken together with the campaign as it is after.
func TestAnswersOfDifferentAgesAreNoOrder(t *testing.T) {
	t.Parallel()
	a, f, _ := setup(t)
	o := order()
	apply(t, a, o)
	id := f.order["flight"][0]
	before := f.objects["flight"][id]
	o.LineItems[0].Budget *= 2
	apply(t, a, o)
	f.objects["flight"][id] = before
	if _, err := a.Read(t.Context(), o.ID); !errors.Is(err, adserver.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	apply(t, a, o)
}
