package seller_test

import (
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestPackagesAreAddedToAMediaBuy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db)
		h.account("buyer", "acme.example")
		b := h.book(h.order(radio("500")))
		h.upload("spot", "audio_30s", b.Packages[0].PackageID)
		h.advance(today.Add(6 * 24 * time.Hour)) // the flight has begun

		request := h.update(*b.MediaBuyID, object{"new_packages": []object{radio("300")}})
		resp := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", request)
		if resp.Status != adcp.TaskStatusCompleted || len(resp.AffectedPackages) != 1 || *resp.AffectedPackages[0].ProductID != "radio_show" {
			t.Fatalf("answered %+v, want the new package", resp)
		}
		added := resp.AffectedPackages[0]
		if !added.StartTime.Equal(h.clock.Now()) || !added.EndTime.Equal(*b.Packages[0].EndTime) {
			t.Errorf("it runs from %v to %v, want from now to the media buy's end", added.StartTime, added.EndTime)
		}
		again := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", request)
		if again.AffectedPackages[0].PackageID != added.PackageID {
			t.Error("the same request added another package")
		}
		held := h.buy(*b.MediaBuyID)
		if len(held.Packages) != 2 || string(held.TotalBudget) != "800" || held.Status != "active" {
			t.Errorf("the media buy is %s with %d packages and %s, want active, 2 and 800", held.Status, len(held.Packages), held.TotalBudget)
		}
		order, err := h.adServer.Read(t.Context(), *b.MediaBuyID)
		if err != nil || len(order.LineItems) != 2 {
			t.Errorf("the ad server holds %d line items, %v", len(order.LineItems), err)
		}
		h.upload("second", "audio_30s", added.PackageID)
	})
}

func TestAPackageThatTakesASignatureIsAddedOnceSigned(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	b := h.book(h.order(radio("500")))
	resp := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", h.update(*b.MediaBuyID, object{"new_packages": []object{television("20000")}}))
	if resp.Status != adcp.TaskStatusSubmitted || resp.TaskID == nil {
		t.Fatalf("answered %s, want submitted", resp.Status)
	}
	if held := h.buy(*b.MediaBuyID); len(held.Packages) != 1 {
		t.Errorf("before anybody signed there are %d packages", len(held.Packages))
	}
	if err := h.service.Approve(t.Context(), *resp.TaskID, jo, ""); err != nil {
		t.Fatal(err)
	}
	h.follow(*resp.TaskID)
	if held := h.buy(*b.MediaBuyID); len(held.Packages) != 2 {
		t.Errorf("signed, there are %d packages, want 2", len(held.Packages))
	}
}

func TestPackagesThatCannotBeAdded(t *testing.T) {
	t.Parallel()
	euros := object{"product_id": "tv_evening", "pricing_option_id": "cpm_eur", "budget": 20000}
	tests := map[string]struct {
		packages []object
		code     adcp.ErrorCode
		field    string
	}{
		"InAnotherCurrency":       {[]object{euros}, adcp.CodeValidationError, "new_packages[0].pricing_option_id"},
		"OfAnUnknownProduct":      {[]object{with(radio("300"), object{"product_id": "none"})}, adcp.CodeProductNotFound, "new_packages[0].product_id"},
		"BelowTheMinimum":         {[]object{television("1")}, adcp.CodeBudgetTooLow, "new_packages[0].budget"},
		"AfterTheMediaBuysEnd":    {[]object{with(radio("300"), object{"end_time": "2027-04-15T00:00:00Z"})}, adcp.CodeValidationError, "new_packages[0].end_time"},
		"WithAnUnknownCreative":   {[]object{with(radio("300"), object{"creative_assignments": []object{{"creative_id": "none"}}})}, adcp.CodeCreativeNotFound, "new_packages[0].creative_assignments[0].creative_id"},
		"WhereOneOfThemIsAtFault": {[]object{radio("300"), with(radio("300"), object{"product_id": "none"})}, adcp.CodeProductNotFound, "new_packages[1].product_id"},
	}
	h := sqliteHouse(t)
	b := h.book(h.order(radio("500")))
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			e := h.refused("buyer", "update_media_buy", h.update(*b.MediaBuyID, object{"new_packages": test.packages}))
			if e.Code != test.code || adcp.Val(e.Field) != test.field {
				t.Errorf("refused with %s at %s, want %s at %s: %s", e.Code, adcp.Val(e.Field), test.code, test.field, e.Message)
			}
		})
	}
	if held := h.buy(*b.MediaBuyID); len(held.Packages) != 1 || held.Revision != *b.Revision {
		t.Errorf("refusals changed the media buy: %d packages, revision %d", len(held.Packages), held.Revision)
	}
	h.change(*b.MediaBuyID, object{"canceled": true})
	if e := h.refused("buyer", "update_media_buy", h.update(*b.MediaBuyID, object{"new_packages": []object{radio("300")}})); e.Code != adcp.CodeInvalidState {
		t.Errorf("a canceled media buy takes packages: %s", e.Code)
	}
}
