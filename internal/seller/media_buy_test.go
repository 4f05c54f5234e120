package seller_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestAMediaBuyRunsFromOrderToReport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db)
		h.account("buyer", "acme.example")
		created := h.book(h.order(radio("5000")))
		id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
		if got := *created.MediaBuyStatus; got != "pending_creatives" {
			t.Errorf("a buy without creatives is %s, want pending_creatives", got)
		}
		held, err := h.adServer.AdServer.Read(t.Context(), id)
		if err != nil || held.LineItems[0].Budget != 5_000_000_000 || held.LineItems[0].Rate != 10_000_000 {
			t.Fatalf("the ad server holds %+v, %v; want 5000 at 10 CPM", held, err)
		}

		synced := h.upload("spot", "audio_30s", pkg)
		if synced.Status != "completed" || synced.Creatives[0].Action != "created" || len(synced.Creatives[0].AssignedTo) != 1 {
			t.Fatalf("sync_creatives answered %+v", synced)
		}
		if b := h.buy(id); b.Status != "pending_start" || b.Revision != 2 {
			t.Errorf("with its creative the buy is %s at revision %d, want pending_start at 2", b.Status, b.Revision)
		}
		h.advance(time.Date(2027, 3, 5, 0, 0, 0, 0, time.UTC))
		if b := h.buy(id); b.Status != "active" || b.Revision != 3 {
			t.Errorf("at its start the buy is %s at revision %d, want active at 3", b.Status, b.Revision)
		}
		h.advance(time.Date(2027, 3, 7, 12, 0, 0, 0, time.UTC))
		paused := h.change(id, object{"paused": true})
		if *paused.MediaBuyStatus != "paused" {
			t.Errorf("a paused buy is %s", *paused.MediaBuyStatus)
		}
		h.change(id, object{"paused": false, "packages": []object{{"package_id": pkg, "budget": 6000}}})
		h.advance(time.Date(2027, 3, 16, 0, 0, 0, 0, time.UTC))
		b := h.buy(id)
		if b.Status != "completed" || b.Revision != 6 || b.TotalBudget != "6000" {
			t.Errorf("after its flight the buy is %s at revision %d with %s, want completed at 6 with 6000", b.Status, b.Revision, b.TotalBudget)
		}

		report := ask[adcp.GetMediaBuyDeliveryResponse](t, &h.shop, "buyer", "get_media_buy_delivery", object{
			"media_buy_ids": []string{id}, "include_package_daily_breakdown": true,
		})
		d := report.MediaBuyDeliveries[0]
		if d.Status != "completed" || report.Currency != "USD" || *d.Totals.Impressions == "0" || d.Totals.Spend == "0" {
			t.Errorf("the report is %+v, want something delivered", d)
		}
		if d.Totals.Spend != d.ByPackage[0].Spend || d.ByPackage[0].Rate != "10" || len(d.ByPackage[0].DailyBreakdown) == 0 {
			t.Errorf("the package's report is %+v", d.ByPackage[0])
		}
		events, err := db.Read().Events(t.Context(), "shop", store.EventFilter{Subject: id})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
		want := `["media_buy.created","media_buy.updated","media_buy.activated","media_buy.updated","media_buy.updated","media_buy.completed"]`
		if got, _ := json.Marshal(kinds); string(got) != want {
			t.Errorf("events %s, want %s", got, want)
		}
	})
}
