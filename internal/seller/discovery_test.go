package seller_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

func wholesale(filters map[string]any) map[string]any {
	return map[string]any{"buying_mode": "wholesale", "filters": filters}
}

func TestFiltersLeave(t *testing.T) {
	t.Parallel()
	all := []string{"tv_evening", "clips_open", "banners", "breakfast_gb", "square_ny", "radio_show"}
	for _, tt := range []struct {
		name    string
		filters map[string]any
		want    []string
	}{
		{"EverythingWithoutFilters", map[string]any{}, all},
		{"DeliveryType", map[string]any{"delivery_type": "guaranteed"}, []string{"tv_evening", "breakfast_gb"}},
		{"Exclusivity", map[string]any{"exclusivity": "category"}, []string{"square_ny"}},
		{"AnyOfTheChannels", map[string]any{"channels": []string{"ctv", "radio"}}, []string{"tv_evening", "radio_show"}},
		{"AnyOfTheCountries", map[string]any{"countries": []string{"CA", "JP"}}, []string{"tv_evening", "banners"}},
		{"RegionOfLocalAndOfNationalProducts", map[string]any{"regions": []string{"US-CA"}}, []string{"tv_evening", "clips_open", "banners", "radio_show"}},
		{"RegionThatALocalProductHas", map[string]any{"regions": []string{"US-NY"}, "channels": []string{"dooh"}}, []string{"square_ny"}},
		{"MetroOfItsCountry", map[string]any{"metros": []map[string]string{{"system": "nielsen_dma", "code": "501"}}, "channels": []string{"dooh", "ctv", "linear_tv"}}, []string{"tv_evening", "square_ny"}},
		{"MetroElsewhere", map[string]any{"metros": []map[string]string{{"system": "uk_itl1", "code": "TLI"}}}, []string{"clips_open", "banners", "breakfast_gb", "radio_show"}},
		{"FormatOfOurs", map[string]any{"format_ids": []map[string]string{{"agent_url": agentURL, "id": "wallpaper"}}}, []string{"banners", "square_ny"}},
		{"FormatOfSomebodyElse", map[string]any{"format_ids": []map[string]string{{"agent_url": "https://other.example", "id": "wallpaper"}}}, nil},
		{"StandardFormats", map[string]any{"standard_formats_only": true}, []string{"tv_evening", "clips_open", "banners", "breakfast_gb", "radio_show"}},
		{"FixedPrices", map[string]any{"is_fixed_price": true, "channels": []string{"olv"}}, []string{"clips_open"}},
		{"Auctions", map[string]any{"is_fixed_price": false}, []string{"clips_open", "banners"}},
		{"Currencies", map[string]any{"pricing_currencies": []string{"EUR", "JPY"}}, []string{"tv_evening", "clips_open", "banners"}},
		{"AuctionInACurrencyThatHasOnlyFixedPrices", map[string]any{"pricing_currencies": []string{"EUR"}, "is_fixed_price": false}, nil},
		{"BudgetBelowTheMinimumSpend", map[string]any{"budget_range": map[string]any{"max": 4999.99, "currency": "USD"}, "channels": []string{"ctv", "olv"}}, []string{"tv_evening", "clips_open"}},
		{"BudgetBelowAFlatRateAndTwoDays", map[string]any{"budget_range": map[string]any{"max": 7999, "currency": "USD"}, "channels": []string{"dooh"}}, nil},
		{"BudgetForTwoDays", map[string]any{"budget_range": map[string]any{"max": 8000, "currency": "USD"}, "channels": []string{"dooh"}}, []string{"square_ny"}},
		{"BudgetForTwoPoints", map[string]any{"budget_range": map[string]any{"max": 6000, "currency": "GBP"}}, []string{"breakfast_gb", "radio_show"}},
		{"BudgetBelowTwoPoints", map[string]any{"budget_range": map[string]any{"max": 5999, "currency": "GBP"}}, []string{"radio_show"}},
		{"BudgetInACurrencyNobodyTakes", map[string]any{"budget_range": map[string]any{"min": 1, "currency": "BRL"}}, nil},
		{"EnoughExposuresInAMonth", map[string]any{"min_exposures": 12_000_001}, []string{"tv_evening", "banners", "breakfast_gb"}},
		{"EnoughExposuresInTheFlight", map[string]any{"min_exposures": 2_000_000, "start_date": "2027-05-01", "end_date": "2027-05-02"}, []string{"tv_evening", "banners"}},
		{"StartBeforeTheLeadTime", map[string]any{"start_date": "2027-03-04"}, []string{"clips_open", "banners", "square_ny", "radio_show"}},
		{"StartOnTheFirstDayAfterTheLeadTime", map[string]any{"start_date": "2027-03-05"}, []string{"tv_evening", "clips_open", "banners", "square_ny", "radio_show"}},
		{"EndInThePast", map[string]any{"end_date": "2027-02-28"}, nil},
		{"EndToday", map[string]any{"end_date": "2027-03-01"}, all},
		{"OnlyTheVideoPlacementsWanted", map[string]any{"video_placement_types": []string{"instream"}}, []string{"tv_evening"}},
		{"BothVideoPlacementsWanted", map[string]any{"video_placement_types": []string{"instream", "accompanying_content"}}, []string{"tv_evening", "clips_open"}},
		{"AudioDistribution", map[string]any{"audio_distribution_types": []string{"fm_am_broadcast"}}, []string{"radio_show"}},
		{"SponsoredPlacement", map[string]any{"sponsored_placement_types": []string{"sponsored_search"}}, nil},
		{"AllOfTheMetrics", map[string]any{"required_metrics": []string{"clicks", "completed_views"}}, []string{"tv_evening", "clips_open"}},
		{"MetricsThatAreAlwaysThere", map[string]any{"required_metrics": []string{"spend", "impressions"}}, all},
		{"TargetingByCountry", map[string]any{"required_geo_targeting": []map[string]string{{"level": "country"}}}, all},
		{"TargetingByMetro", map[string]any{"required_geo_targeting": []map[string]string{{"level": "metro"}}}, nil},
		{"AFeatureNotWanted", map[string]any{"required_features": map[string]bool{"catalog_management": false}}, all},
		{"AFeatureWeLack", map[string]any{"required_features": map[string]bool{"catalog_management": true}}, nil},
		{"WhatNoProductHas", map[string]any{"keywords": []map[string]string{{"keyword": "shoes"}}}, nil},
		{"PostalAreas", map[string]any{"postal_areas": []map[string]any{{"country": "US", "system": "zip", "values": []string{"10001"}}}}, nil},
		{"AFilterTheProtocolDoesNotKnow", map[string]any{"sunshine": true}, all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ids(sharedShop(t, "corner").products(t, "buyer", wholesale(tt.filters)).Products)
			if diff := cmp.Diff(tt.want, got, equateEmpty); diff != "" {
				t.Errorf("products (-want +got):\n%s", diff)
			}
		})
	}
}

var equateEmpty = cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })

func TestPricesThatDoNotPassAreNotShown(t *testing.T) {
	t.Parallel()
	got := sharedShop(t, "corner").products(t, "buyer", wholesale(map[string]any{"is_fixed_price": true, "pricing_currencies": []string{"USD"}}))
	for _, p := range got.Products {
		for _, o := range p.PricingOptions {
			if o.Currency != "USD" || o.FixedPrice == nil {
				t.Errorf("%s shows %s", p.ProductID, o.PricingOptionID)
			}
		}
	}
}

func TestDiagnosticsNameTheFilterInTheWay(t *testing.T) {
	t.Parallel()
	got := sharedShop(t, "corner").products(t, "buyer", wholesale(map[string]any{"countries": []string{"CA"}, "channels": []string{"ctv", "radio"}})).FilterDiagnostics
	if *got.Semantics != "only" || *got.TotalCandidates != 6 || got.ExcludedBy["countries"].Count != 1 || len(got.ExcludedBy) != 1 {
		t.Errorf("got %+v, want the radio show excluded by countries alone", got)
	}
	got = sharedShop(t, "corner").products(t, "buyer", wholesale(map[string]any{"countries": []string{"FR"}, "channels": []string{"print"}})).FilterDiagnostics
	if *got.Semantics != "any" || got.ExcludedBy["countries"].Count != 6 || got.ExcludedBy["channels"].Count != 6 {
		t.Errorf("got %+v, want both filters to blame", got)
	}
	if got = sharedShop(t, "corner").products(t, "buyer", wholesale(map[string]any{})).FilterDiagnostics; got != nil {
		t.Errorf("got %+v where nothing was excluded", got)
	}
}

func TestPagesTogetherAreTheWholeAnswer(t *testing.T) {
	t.Parallel()
	var open []*shop
	for _, name := range append([]string{"corner"}, examples...) {
		// Other tests check the answers' form; this one asks thousands of times.
		open = append(open, openShopThat(t, catalogue(t, name), agent.TrustResponses))
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(open).Draw(rt, "shop")
		request := wholesale(map[string]any{})
		if rapid.Bool().Draw(rt, "brief mode") {
			words := rapid.SliceOfN(rapid.SampledFrom([]string{"running", "video", "outdoor", "germany", "sales", "radio", "zzyzx"}), 1, 4).Draw(rt, "words")
			request = map[string]any{"buying_mode": "brief", "brief": fmt.Sprint(words), "filters": map[string]any{}}
		}
		if rapid.Bool().Draw(rt, "filtered") {
			request["filters"] = map[string]any{"countries": []string{rapid.SampledFrom([]string{"US", "GB", "DE", "JP"}).Draw(rt, "country")}}
		}
		all := ids(s.products(t, "buyer", request).Products)
		size := rapid.IntRange(1, 7).Draw(rt, "size")
		pagination := map[string]any{"max_results": size}
		request["pagination"] = pagination
		walked := []string{}
		for {
			page := s.products(t, "buyer", request)
			walked = append(walked, ids(page.Products)...)
			if n := *page.Pagination.TotalCount; n != int64(len(all)) {
				rt.Fatalf("total_count %d, want %d", n, len(all))
			}
			if !page.Pagination.HasMore {
				if page.Pagination.Cursor != nil {
					rt.Fatal("a cursor on the last page")
				}
				break
			}
			if len(page.Products) != size {
				rt.Fatalf("%d products on a page of %d", len(page.Products), size)
			}
			pagination["cursor"] = *page.Pagination.Cursor
		}
		if !slices.Equal(walked, all) {
			rt.Fatalf("walked %v, want %v", walked, all)
		}
	})
}

func TestACursorHoldsStillWhileTimePasses(t *testing.T) {
	t.Parallel()
	s := openShop(t, catalogue(t, "corner"))
	request := wholesale(map[string]any{"start_date": "2027-03-05"})
	all := ids(s.products(t, "buyer", request).Products)
	request["pagination"] = map[string]any{"max_results": 1}
	first := s.products(t, "buyer", request)
	// From 4 March on the evening's lead time would keep it out of the list.
	s.clock.Advance(23 * time.Hour)
	request["pagination"] = map[string]any{"cursor": *first.Pagination.Cursor}
	if got := append(ids(first.Products), ids(s.products(t, "buyer", request).Products)...); !slices.Equal(got, all) {
		t.Errorf("walked %v, want %v", got, all)
	}
	s.clock.Advance(2 * time.Hour)
	if r := s.do(t, "buyer", "get_products", request); r.Error == nil || r.Error.Code != adcp.CodeInvalidRequest {
		t.Errorf("an expired cursor got %v, want INVALID_REQUEST", r.Error)
	}
}

func TestACursorBelongsToItsRequest(t *testing.T) {
	t.Parallel()
	s := sharedShop(t, "corner")
	cursor := *s.products(t, "buyer", map[string]any{"buying_mode": "wholesale", "pagination": map[string]any{"max_results": 1}}).Pagination.Cursor
	page := map[string]any{"cursor": cursor}
	for name, try := range map[string]struct {
		caller, task string
		request      map[string]any
	}{
		"OtherFilters":      {"buyer", "get_products", map[string]any{"buying_mode": "wholesale", "filters": map[string]any{"countries": []string{"US"}}, "pagination": page}},
		"OtherMode":         {"buyer", "get_products", map[string]any{"buying_mode": "brief", "brief": "video", "pagination": page}},
		"WithoutCredential": {"", "get_products", map[string]any{"buying_mode": "wholesale", "pagination": page}},
		"OtherTask":         {"buyer", "list_creative_formats", map[string]any{"pagination": page}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.do(t, try.caller, try.task, try.request)
			if r.Error == nil || r.Error.Code != adcp.CodeInvalidRequest || *r.Error.Field != "pagination.cursor" {
				t.Errorf("got %v, want INVALID_REQUEST on pagination.cursor", r.Error)
			}
		})
	}
}

func TestAnUnchangedFeedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := sharedShop(t, "corner")
	request := wholesale(map[string]any{"countries": []string{"US"}})
	version := *s.products(t, "buyer", request).WholesaleFeedVersion
	request["if_wholesale_feed_version"] = version
	r := s.do(t, "buyer", "get_products", request)
	var body map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if _, sent := body["products"]; sent || string(body["unchanged"]) != "true" {
		t.Errorf("got %s, want unchanged without products", r.Body)
	}
	if got := s.products(t, "", request); got.Unchanged != nil {
		t.Error("a caller who sees no prices got a priced feed's version confirmed")
	}
	request["filters"] = map[string]any{"countries": []string{"GB"}}
	if got := s.products(t, "buyer", request); got.Unchanged != nil || len(got.Products) == 0 {
		t.Error("another list counted as unchanged")
	}
}

func TestWithoutACredentialNoPriceIsShown(t *testing.T) {
	t.Parallel()
	hidden := []string{"fixed_price", "floor_price", "price_guidance", "min_spend_per_package", "max_bid", "spend", "budget"}
	for _, name := range append([]string{"corner"}, examples...) {
		for _, mode := range []map[string]any{{"buying_mode": "wholesale"}, {"buying_mode": "brief", "brief": "running video outdoor radio sales"}} {
			r := sharedShop(t, name).do(t, "", "get_products", mode)
			if r.Error != nil {
				t.Fatal(r.Error)
			}
			walkKeys(decoded(t, r.Body), func(key string) {
				if slices.Contains(hidden, key) {
					t.Errorf("%s, %s: shows %s", name, mode["buying_mode"], key)
				}
			})
			for _, p := range sharedShop(t, name).products(t, "", mode).Products {
				if len(p.PricingOptions) == 0 {
					t.Errorf("%s: %s has no pricing option at all", name, p.ProductID)
				}
				for _, c := range []string{"USD ", "EUR ", "GBP ", "JPY ", "BRL "} {
					if strings.Contains(adcp.Val(p.BriefRelevance), c) {
						t.Errorf("%s: the reason tells a price: %s", p.ProductID, *p.BriefRelevance)
					}
				}
			}
		}
	}
}

func walkKeys(v any, each func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			each(k)
			walkKeys(inner, each)
		}
	case []any:
		for _, inner := range v {
			walkKeys(inner, each)
		}
	}
}

func TestEveryProductIsValidInEveryView(t *testing.T) {
	t.Parallel()
	for _, name := range append([]string{"corner"}, examples...) {
		for _, caller := range []string{"buyer", ""} {
			for _, filters := range []map[string]any{
				{},
				{"start_date": "2027-04-01", "end_date": "2027-04-30"},
				{"countries": []string{"US"}, "start_date": "2027-04-01", "end_date": "2027-04-01"},
			} {
				r := sharedShop(t, name).do(t, caller, "get_products", wholesale(filters))
				if r.Error != nil {
					t.Fatal(r.Error)
				}
				if err := adcp.ValidateResponse(adcp.GetProducts.Operation, r.Body); err != nil {
					t.Error(err)
				}
				var body struct{ Products []json.RawMessage }
				if err := json.Unmarshal(r.Body, &body); err != nil || len(body.Products) == 0 {
					t.Fatalf("%d products, %v", len(body.Products), err)
				}
				for _, p := range body.Products {
					if err := adcp.ValidateDocument("core/product.json", p); err != nil {
						t.Errorf("%s: %v\n%s", name, err, p)
					}
				}
			}
		}
	}
}
