package seller_test

import (
	"encoding/json"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestAMediaBuyHoldsAtMostTwoHundredPackages(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	var packages []object
	for range 201 {
		packages = append(packages, radio("1"))
	}
	if e := h.refused("buyer", "create_media_buy", h.order(packages...)); e.Code != adcp.CodeValidationError || adcp.Val(e.Field) != "packages" {
		t.Errorf("refused with %v, want VALIDATION_ERROR of packages", e)
	}
	if e := h.refused("buyer", "create_media_buy", h.order(radio("10000000001"))); e.Code != adcp.CodeValidationError || adcp.Val(e.Field) != "packages[0].budget" {
		t.Errorf("refused with %v, want VALIDATION_ERROR of packages[0].budget", e)
	}
}

func TestTheSameKeyBooksOnce(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	request := h.order(radio("500"))
	first := h.do(t, "buyer", "create_media_buy", request)
	second := h.do(t, "buyer", "create_media_buy", request)
	if !second.Replayed || second.Error != nil {
		t.Fatalf("the second answer is %s, want a replay", second.Body)
	}
	var a, b adcp.CreateMediaBuyResponse
	if err := json.Unmarshal(first.Body, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(second.Body, &b); err != nil {
		t.Fatal(err)
	}
	if *a.MediaBuyID != *b.MediaBuyID {
		t.Errorf("media buys %s and %s, want one", *a.MediaBuyID, *b.MediaBuyID)
	}
	other := with(request, object{"po_number": "another"})
	if e := h.refused("buyer", "create_media_buy", other); e.Code != adcp.CodeIdempotencyConflict {
		t.Errorf("another request with the key is refused with %v, want IDEMPOTENCY_CONFLICT", e)
	}
	if len(h.adServer.orders) != 1 {
		t.Errorf("the ad server was told %d times, want once", len(h.adServer.orders))
	}
}
