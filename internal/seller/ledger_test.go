package seller_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// plazaHouse opens a house for the plaza, with the account of buyer.
func plazaHouse(t testing.TB, db *store.DB, options ...option) *house {
	t.Helper()
	h := openHouseOf(t, catalogue(t, "plaza"), db, options...)
	h.account("buyer", "acme.example")
	return h
}

// prime is a package of the reserved television product, 25.00 a thousand: its
// hundred thousand a day over the ten days of [house.order] cost 25,000.
func prime(budget string) object {
	return object{"product_id": "tv_prime", "pricing_option_id": "cpm_usd", "budget": json.Number(budget)}
}

// reserved is what is promised of a product on a day, in all countries.
func (h *house) reserved(product string, day time.Time) int64 {
	h.t.Helper()
	rows, err := h.db.Read().InventoryLinesOfProduct(h.t.Context(), store.InventoryLinesOfProductParams{
		Tenant: "shop", ProductID: product, FromDay: int64(inventory.DayOf(day)), ThroughDay: int64(inventory.DayOf(day)), At: store.Micros(h.clock.Now()),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	var n int64
	for _, r := range rows {
		n += r.PerDay
	}
	return n
}

// wantReserved checks what is promised of tv_prime on the sixth of March.
func (h *house) wantReserved(when string, want int64) {
	h.t.Helper()
	if got := h.reserved("tv_prime", time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC)); got != want {
		h.t.Errorf("%s: %d are promised, want %d", when, got, want)
	}
}

func TestGuaranteedImpressionsAreReserved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := plazaHouse(t, db)
		first := h.book(h.order(prime("15000")))
		h.wantReserved("after the first order", 60_000)

		e := h.refused("buyer", "create_media_buy", h.order(prime("1000"), prime("10000")))
		want := map[string]any{
			"product_id": "tv_prime", "requested_impressions": int64(400_000), "available_impressions": int64(360_000),
			"available_budget": adcp.Decimal("9000"), "currency": "USD",
			"start_time": "2027-03-05T00:00:00Z", "end_time": "2027-03-15T00:00:00Z",
		}
		if e.Code != adcp.CodeProductUnavailable || *e.Field != "packages[1].product_id" {
			t.Fatalf("refused with %s of %s, want PRODUCT_UNAVAILABLE of packages[1].product_id", e.Code, *e.Field)
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(detailsOf(t, e))); diff != "" {
			t.Error(diff)
		}
		h.wantReserved("after a refusal", 60_000)

		second := h.book(h.order(prime("9000"), prime("1000")))
		h.wantReserved("when sold out", 100_000)
		pkg := second.Packages[0].PackageID
		e = h.refused("buyer", "update_media_buy", h.update(*second.MediaBuyID, object{"packages": []object{{"package_id": pkg, "budget": 9100}}}))
		if e.Code != adcp.CodeProductUnavailable || *e.Field != "packages[0]" {
			t.Errorf("an increase is refused with %s of %s", e.Code, *e.Field)
		}
		h.change(*second.MediaBuyID, object{"packages": []object{{"package_id": pkg, "budget": 4000}}})
		h.wantReserved("after a decrease", 80_000)
		h.change(*second.MediaBuyID, object{"packages": []object{{"package_id": pkg, "canceled": true}}})
		h.wantReserved("without the package", 64_000)
		h.change(*first.MediaBuyID, object{"packages": []object{{"package_id": first.Packages[0].PackageID, "budget": 24000}}})
		h.wantReserved("after an increase", 100_000)
		e = h.refused("buyer", "update_media_buy", h.update(*second.MediaBuyID, object{"start_time": "2027-03-10T00:00:00Z"}))
		if e.Code != adcp.CodeProductUnavailable || *e.Field != "end_time" {
			t.Errorf("a denser flight is refused with %s of %s", e.Code, *e.Field)
		}
		h.change(*first.MediaBuyID, object{"canceled": true})
		h.change(*second.MediaBuyID, object{"canceled": true})
		h.wantReserved("when all is canceled", 0)
	})
}

func detailsOf(t testing.TB, e *adcp.Error) map[string]any {
	t.Helper()
	var details struct {
		ProductID string       `json:"product_id"`
		Wanted    int64        `json:"requested_impressions"`
		Left      int64        `json:"available_impressions"`
		Budget    adcp.Decimal `json:"available_budget"`
		Currency  string       `json:"currency"`
		Start     string       `json:"start_time"`
		End       string       `json:"end_time"`
	}
	if err := decode(e.Details, &details); err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"product_id": details.ProductID, "requested_impressions": details.Wanted, "available_impressions": details.Left,
		"available_budget": details.Budget, "currency": details.Currency, "start_time": details.Start, "end_time": details.End,
	}
}

func TestCountriesAreSuppliesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	canada := with(prime("5000"), object{"targeting_overlay": object{"geo_countries": []string{"CA"}}})
	h.book(h.order(canada))
	e := h.refused("buyer", "create_media_buy", h.order(with(canada, object{"budget": 1000})))
	if got := detailsOf(t, e); e.Code != adcp.CodeProductUnavailable || got["available_impressions"] != int64(0) {
		t.Errorf("Canada is sold out, yet %v: %v", e, got)
	}
	h.book(h.order(prime("20000"))) // all of the United States
	h.wantReserved("when both are sold out", 100_000)
}

func TestASponsorshipIsSoldOnce(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	sponsor := object{"product_id": "tv_sponsor", "pricing_option_id": "night_usd", "budget": 8000}
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", h.order(sponsor))
	if resp.Status != adcp.TaskStatusSubmitted {
		t.Fatalf("answered %s", resp.Status)
	}
	e := h.refused("buyer", "create_media_buy", h.order(sponsor))
	if e.Code != adcp.CodeProductUnavailable {
		t.Errorf("while a person decides, it is %s", e.Code)
	}
	if err := h.service.Reject(t.Context(), *resp.TaskID, jo, "not that brand"); err != nil {
		t.Fatal(err)
	}
	ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", h.order(sponsor))
}

func TestWhatTheAdServerRefusesIsGivenBack(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	first := h.book(h.order(prime("5000")))
	h.adServer.set(func(m *moody) {
		m.beforeApply = func(o adserver.Order) error {
			if !o.Canceled && (len(o.LineItems) == 0 || o.LineItems[0].Budget != 5_000_000_000) {
				return &adserver.Refusal{Field: "line_items[0].budget", Reason: "not today"}
			}
			return nil
		}
	})
	h.refused("buyer", "create_media_buy", h.order(prime("10000")))
	h.wantReserved("after a refused order", 20_000)
	h.refused("buyer", "update_media_buy", h.update(*first.MediaBuyID, object{"packages": []object{{"package_id": first.Packages[0].PackageID, "budget": 15000}}}))
	h.wantReserved("after a refused increase", 20_000)
}

// TestTheLastMillionIsSoldOnce lets many buyers of two processes want more than
// there is at the same time: exactly what there is, is sold.
func TestTheLastMillionIsSoldOnce(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			houses := []*house{plazaHouse(t, storetest.OpenConfig(t, cfg)), nil}
			houses[1] = openHouseOf(t, catalogue(t, "plaza"), storetest.OpenConfig(t, cfg))
			// Each wants a quarter of the million that the ten days have.
			orders := make([]object, 12)
			for i := range orders {
				orders[i] = with(houses[0].order(prime("6250")), object{"idempotency_key": fmt.Sprintf("last-million-%03d", i)})
			}
			var wait sync.WaitGroup
			var mu sync.Mutex
			outcomes := map[string]int{}
			for i, order := range orders {
				wait.Go(func() {
					r := houses[i%2].do(t, "buyer", "create_media_buy", order)
					outcome := "booked"
					if r.Error != nil {
						outcome = string(r.Error.Code)
					}
					mu.Lock()
					defer mu.Unlock()
					outcomes[outcome]++
				})
			}
			wait.Wait()
			if diff := cmp.Diff(map[string]int{"booked": 4, "PRODUCT_UNAVAILABLE": 8}, outcomes); diff != "" {
				t.Error(diff)
			}
			houses[0].wantReserved("afterwards", 100_000)
		})
	}
}

// TestForecastsSayWhatIsLeft: over a flight, a guaranteed product is shown with
// what can still be bought of it, and that much can be bought.
func TestForecastsSayWhatIsLeft(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	impressions := func(mode string) string {
		request := with(outdoors(20_000), object{"buying_mode": mode})
		if mode == "wholesale" {
			delete(request, "brief")
		}
		for _, p := range h.products(t, "buyer", request).Products {
			if p.ProductID == "tv_prime" {
				return string(*p.Forecast.Points[0].Metrics["impressions"].Mid)
			}
		}
		t.Fatal("tv_prime is not there")
		return ""
	}
	if got := impressions("brief"); got != "1000000" {
		t.Errorf("ten days have %s, want a million: the capacity, which is below the forecast", got)
	}
	h.book(h.order(prime("15000")))
	if got := impressions("brief"); got != "400000" {
		t.Errorf("%s are left, want 400000", got)
	}
	if got := impressions("wholesale"); got != "1200000" {
		t.Errorf("wholesale says %s, want the forecast", got)
	}
	h.book(h.order(prime("10000")))
	if got := impressions("brief"); got != "0" {
		t.Errorf("%s are left of what is sold out", got)
	}
}
