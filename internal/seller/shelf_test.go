package seller_test

import (
	"slices"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
)

var everything = object{"buying_mode": "wholesale"}

func TestANewCatalogueIsSoldFromTheNextCallOn(t *testing.T) {
	h := sqliteHouse(t)
	booked := h.book(h.order(radio("100.00")))
	before := h.products(t, "buyer", everything)

	next := *h.catalogue
	radioAway := func(p *seller.Product) bool { return p.ID == "radio_show" }
	next.Products = slices.DeleteFunc(slices.Clone(next.Products), radioAway)
	if err := h.service.Sell(&next); err != nil {
		t.Fatal(err)
	}

	after := h.products(t, "buyer", everything)
	if slices.Contains(ids(after.Products), "radio_show") || len(after.Products) != len(before.Products)-1 {
		t.Errorf("radio_show was taken out; the seller shows %v", ids(after.Products))
	}
	if *after.WholesaleFeedVersion == *before.WholesaleFeedVersion {
		t.Error("the feed version did not change with the catalogue")
	}
	if e := h.refused("buyer", "create_media_buy", h.order(radio("100.00"))); e.Code != adcp.CodeProductNotFound {
		t.Errorf("a product taken out is refused with %s, want PRODUCT_NOT_FOUND", e.Code)
	}
	if b := h.buy(*booked.MediaBuyID); len(b.Packages) != 1 {
		t.Errorf("the media buy booked before has %d packages, want 1", len(b.Packages))
	}
}

func TestAPrivateProductExistsForItsPrincipalsOnly(t *testing.T) {
	h := sqliteHouse(t)
	h.account("rival", "acme.example")
	next := *h.catalogue
	next.Products = slices.Clone(next.Products)
	for i, p := range next.Products {
		if p.ID == "radio_show" {
			private := *p
			private.Principals = []string{"buyer"}
			next.Products[i] = &private
		}
	}
	if err := h.service.Sell(&next); err != nil {
		t.Fatal(err)
	}
	if got := ids(h.products(t, "buyer", everything).Products); !slices.Contains(got, "radio_show") {
		t.Errorf("its own principal is not shown the product: %v", got)
	}
	for _, principal := range []string{"rival", ""} {
		if got := ids(h.products(t, principal, everything).Products); slices.Contains(got, "radio_show") {
			t.Errorf("principal %q is shown the private product", principal)
		}
	}
	h.book(h.order(radio("100.00")))

	// To everybody else it looks as if it did not exist.
	unknown := radio("100.00")
	unknown["product_id"] = "no_such_product"
	request := h.order(radio("100.00"))
	hidden, missing := h.refused("rival", "create_media_buy", request), h.refused("rival", "create_media_buy", with(request, object{"packages": []object{unknown}}))
	if hidden.Code != adcp.CodeProductNotFound || hidden.Message != missing.Message {
		t.Errorf("refused with %v, a product that does not exist with %v", hidden, missing)
	}
}
