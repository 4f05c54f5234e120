package catalog

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestReviewOfItems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, item string
		id               string
		rejected         bool
	}{
		{"OK", "product", `{"item_id":"a","title":"A","url":"https://a.example/","price":{"amount":1.5,"currency":"USD"}}`, "a", false},
		{"IdentifiedBySKU", "product", `{"sku":"s1","title":"A"}`, "s1", false},
		{"AnyText", "product", `{"item_id":"a","title":"{DEVICE_ID}&x=1","sku":"%00"}`, "a", false},
		{"ErrNotAnObject", "product", `[1]`, "", true},
		{"ErrNoIdentifier", "product", `{"title":"A"}`, "", true},
		{"ErrNoTitle", "product", `{"item_id":"a"}`, "a", true},
		{"ErrNoWebAddress", "product", `{"item_id":"a","title":"A","image_url":"javascript:alert(1)"}`, "a", true},
		{"ErrPriceBelowZero", "product", `{"item_id":"a","title":"A","price":{"amount":-1,"currency":"USD"}}`, "a", true},
		{"ErrPriceTooPrecise", "product", `{"item_id":"a","title":"A","price":{"amount":0.0000001,"currency":"USD"}}`, "a", true},
		{"ErrPriceInNoCurrency", "product", `{"item_id":"a","title":"A","price":{"amount":1,"currency":"ZZZ"}}`, "a", true},
		{"ErrPriceIsText", "product", `{"item_id":"a","title":"A","price":"1 USD"}`, "a", true},
		{"JobBySchema", "job", `{"job_id":"j","title":"Cook","company_name":"Acme","description":"Cooks."}`, "j", false},
		{"ErrJobBySchema", "job", `{"job_id":"j","title":"Cook"}`, "j", true},
		{"OfferingBySchema", "offering", `{"offering_id":"o","name":"O"}`, "o", false},
		{"ErrAppBySchema", "app", `{"app_id":"x","name":"X"}`, "x", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := review(adcp.CatalogType(c.kind), json.RawMessage(c.item))
			if got.ID != c.id || (got.Status == adcp.CatalogItemStatusRejected) != c.rejected || c.rejected != (len(got.Reasons) > 0) {
				t.Errorf("%s is %s for %q, want rejected %v, identifier %q", got.ID, got.Status, got.Reasons, c.rejected, c.id)
			}
		})
	}
}

func TestEveryTypeIsLookedAt(t *testing.T) {
	t.Parallel()
	for of, k := range kinds {
		if k.schema == "" {
			continue
		}
		if got := review(of, json.RawMessage(`{"`+k.id+`":"x"}`)); len(got.Reasons) != 1 || got.Status != adcp.CatalogItemStatusRejected {
			t.Errorf("%s: an item of nothing but an identifier is %s for %q", of, got.Status, got.Reasons)
		} else if !strings.Contains(got.Reasons[0], "is required") {
			t.Errorf("%s: %s, want a finding of its schema", of, got.Reasons[0])
		}
	}
}

func TestSelects(t *testing.T) {
	t.Parallel()
	item := &Item{ID: "a", Document: json.RawMessage(`{"item_id":"a","sku":"s","gtin":"00013000006408","tags":["hot"],"category":"grill"}`)}
	for _, c := range []struct {
		name string
		ref  adcp.Catalog
		want bool
	}{
		{"Everything", adcp.Catalog{}, true},
		{"ByID", adcp.Catalog{IDs: []string{"b", "a"}}, true},
		{"BySKU", adcp.Catalog{IDs: []string{"s"}}, true},
		{"NotByID", adcp.Catalog{IDs: []string{"b"}}, false},
		{"ByGTIN", adcp.Catalog{GTINs: []string{"00013000006408"}}, true},
		{"NotByTag", adcp.Catalog{Tags: []string{"cold"}}, false},
		{"ByTagAndCategory", adcp.Catalog{Tags: []string{"cold", "hot"}, Category: new("grill")}, true},
		{"NotByCategory", adcp.Catalog{Category: new("bar")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Selects(&c.ref, item); got != c.want {
				t.Errorf("selected %v, want %v", got, c.want)
			}
		})
	}
}
