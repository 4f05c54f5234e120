package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var (
	display = object{"delivery_type": "non_guaranteed", "channels": []string{"display"}, "format_ids": []object{{"id": "display_300x250"}}}
	auction = object{"pricing_model": "cpm", "currency": "USD", "floor_price": 1}
)

func TestSeedsAreFoundBoughtAndKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := open(t, db)
		l.run("seed_product", object{"product_id": "shoes", "fixture": display})
		if _, shown := l.products("driver")["shoes"]; shown {
			t.Error("a product without a price is shown")
		}
		l.run("seed_pricing_option", object{"product_id": "shoes", "pricing_option_id": "a", "fixture": auction})
		l.run("seed_pricing_option", object{"product_id": "shoes", "pricing_option_id": "b", "fixture": object{"pricing_model": "cpm", "currency": "USD", "fixed_price": 4}})
		if p := l.products("driver")["shoes"]; len(p.PricingOptions) != 2 || p.DeliveryType != adcp.DeliveryTypeNonGuaranteed {
			t.Errorf("the product is shown as %+v", p)
		}
		for _, other := range []string{"rival", "live", ""} {
			if _, shown := l.products(other)["shoes"]; shown {
				t.Errorf("%q is shown what the driver has seeded", other)
			}
		}
		if b := l.book("shoes", "b", nil); b.Status != adcp.TaskStatusCompleted {
			t.Errorf("the order is %s, want completed", b.Status)
		}

		again := open(t, db)
		if p := again.products("driver")["shoes"]; len(p.PricingOptions) != 2 {
			t.Errorf("after a restart the product is %+v", p)
		}
		again.keys = l.keys
		again.book("shoes", "b", nil)
	})
}

func TestTheGenericProductIsThereFromTheStart(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	if p := l.products("driver")["test-product"]; len(p.PricingOptions) != 2 {
		t.Errorf("got %+v", p)
	}
	if _, shown := l.products("live")["test-product"]; shown {
		t.Error("a live principal is shown it")
	}
	l.run("seed_product", object{"product_id": "test-product", "fixture": display})
	l.run("seed_pricing_option", object{"product_id": "test-product", "pricing_option_id": "test-pricing", "fixture": auction})
	p := l.products("driver")["test-product"]
	i := slices.IndexFunc(p.PricingOptions, func(o adcp.PricingOption) bool { return o.PricingOptionID == "test-pricing" })
	if len(p.PricingOptions) != 2 || i < 0 || p.PricingOptions[i].FloorPrice == nil {
		t.Errorf("what is seeded goes before: got %+v", p.PricingOptions)
	}
}

func TestASeedIsPlantedOnce(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("seed_product", object{"product_id": "shoes", "fixture": display})
	reordered := object{"format_ids": []object{{"id": "display_300x250"}}, "channels": []string{"display"}, "delivery_type": "non_guaranteed"}
	if a := l.run("seed_product", object{"product_id": "shoes", "fixture": reordered}); a.Message == "seeded" {
		t.Errorf("an equivalent fixture is planted again: %s", a.Message)
	}
	a := l.refused("INVALID_PARAMS", "seed_product", object{"product_id": "shoes", "fixture": object{"delivery_type": "guaranteed"}})
	for _, member := range []string{"channels", "delivery_type", "format_ids"} {
		if !contains(a.Detail, member) {
			t.Errorf("the refusal does not say that %s differs: %s", member, a.Detail)
		}
	}
}

func TestFormatsOfSeedsCanBeListed(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	foreign := object{"agent_url": "https://formats.example", "id": "billboard"}
	l.run("seed_creative_format", object{"format_id": "sky", "fixture": object{"name": "Sky Writing"}})
	l.run("seed_product", object{"product_id": "shoes", "fixture": object{"format_ids": []object{foreign, {"id": "sky"}, {"id": "smoke"}}}})
	l.run("seed_pricing_option", object{"product_id": "shoes", "pricing_option_id": "a", "fixture": auction})
	listed := func(principal string) (names []string) {
		r := l.do(principal, "list_creative_formats", object{"pagination": object{"max_results": 100}})
		var resp adcp.ListCreativeFormatsResponse
		decode(t, r.Body, &resp)
		for _, f := range resp.Formats {
			names = append(names, f.FormatID.AgentURL+"#"+f.FormatID.ID)
		}
		return names
	}
	for _, want := range []string{"https://formats.example#billboard", "http://127.0.0.1:8080#sky", "http://127.0.0.1:8080#smoke"} {
		if !slices.Contains(listed("driver"), want) {
			t.Errorf("%s is not listed: %v", want, listed("driver"))
		}
		if slices.Contains(listed("rival"), want) {
			t.Errorf("somebody else is shown %s", want)
		}
	}
}

func TestSeedsInTheBooks(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("seed_account", object{"account_id": "acct_one", "fixture": object{"brand": object{"domain": "one.example"}, "operator": "one.example", "status": "active"}})
	accounts := ask[adcp.ListAccountsResponse](l, "list_accounts", object{})
	if i := slices.IndexFunc(accounts.Accounts, func(a adcp.AccountWithAuthorization) bool { return a.AccountID == "acct_one" }); i < 0 {
		t.Errorf("the account is not listed: %+v", accounts.Accounts)
	}

	l.run("seed_creative", object{"creative_id": "cr_one", "fixture": object{"status": "pending_review", "format_id": object{"id": "display_300x250"}}})
	creatives := ask[adcp.ListCreativesResponse](l, "list_creatives", object{"account": object{"account_id": "acct_nobody_opened"}})
	if len(creatives.Creatives) != 1 || creatives.Creatives[0].Status != adcp.CreativeStatusPendingReview {
		t.Errorf("the creative is not in the library: %+v", creatives.Creatives)
	}

	l.run("seed_media_buy", object{"media_buy_id": "mb_one", "fixture": object{"status": "active", "currency": "EUR", "total_budget": 200, "packages": []object{{"package_id": "p1", "context": object{"buyer_ref": "line 1"}}}}})
	b := l.buy("mb_one")
	if b.Status != adcp.MediaBuyStatusActive || b.TotalBudget != "200" || b.Packages[0].ProductID != nil || string(b.Packages[0].Context) != `{"buyer_ref":"line 1"}` {
		t.Errorf("the media buy is %+v", b)
	}
	l.run("simulate_delivery", object{"media_buy_id": "mb_one", "impressions": 100})
}

func TestSeedRefusals(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.asked("rival", "seed_account", object{"account_id": "acct_rival", "fixture": object{"brand": object{"domain": "r.example"}}})
	l.asked("rival", "seed_media_buy", object{"media_buy_id": "mb_rival"})
	for _, tt := range []struct {
		rule, word, scenario string
		params               object
	}{
		{"an identifier is needed", "INVALID_PARAMS", "seed_product", object{}},
		{"a price has a product", "NOT_FOUND", "seed_pricing_option", object{"product_id": "none", "pricing_option_id": "a", "fixture": auction}},
		{"a fixture is one of its schema", "INVALID_PARAMS", "seed_product", object{"product_id": "p", "fixture": object{"channels": []string{"telepathy"}}}},
		{"the catalogue's products are not covered up", "INVALID_PARAMS", "seed_product", object{"product_id": "nl_ctv_live_sport"}},
		{"the catalogue's formats are not covered up", "INVALID_PARAMS", "seed_creative_format", object{"format_id": "video_30s"}},
		{"a media buy's product is seeded first", "INVALID_PARAMS", "seed_media_buy", object{"media_buy_id": "mb", "fixture": object{"packages": []object{{"product_id": "none"}}}}},
		{"a media buy is in a state", "INVALID_PARAMS", "seed_media_buy", object{"media_buy_id": "mb", "fixture": object{"status": "dreaming"}}},
		{"a media buy's name is taken", "INVALID_STATE", "seed_media_buy", object{"media_buy_id": "mb_rival"}},
		{"an account's name is taken", "INVALID_STATE", "seed_account", object{"account_id": "acct_rival"}},
		{"plans are no matter of a seller", "UNKNOWN_SCENARIO", "seed_plan", object{"plan_id": "p"}},
	} {
		t.Run(tt.rule, func(t *testing.T) { (&lab{T: t, agent: l.agent}).refused(tt.word, tt.scenario, tt.params) })
	}
}

func TestATestSeesItsOwnSeedsAlone(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	within := func(test string) object { return object{"correlation_id": test + "--step"} }
	for _, seed := range []struct{ test, product string }{{"first", "boots"}, {"second", "hats"}, {"second", "coats"}} {
		l.do("driver", "comply_test_controller", object{
			"scenario": "seed_product", "account": acme, "params": object{"product_id": seed.product, "fixture": display}, "context": within(seed.test),
		})
		l.run("seed_pricing_option", object{"product_id": seed.product, "pricing_option_id": "a", "fixture": auction})
		l.clock.AdvanceTo(l.clock.Now().Add(time.Millisecond))
	}
	shown := func(test string) (list []string) {
		resp := ask[adcp.GetProductsResponse](l, "get_products", object{"buying_mode": "wholesale", "context": within(test)})
		for _, p := range resp.Products {
			list = append(list, p.ProductID)
		}
		return list
	}
	if got := shown("second"); !slices.Equal(got, []string{"hats", "coats"}) {
		t.Errorf("the second test is shown %v", got)
	}
	if got := shown("third"); len(got) < 5 || !slices.Equal(got[:4], []string{"hats", "coats", "boots", "test-product"}) {
		t.Errorf("a test without seeds is shown %v, the latest seeds first", got)
	}
	if b := l.book("boots", "a", object{"context": within("second"), "packages": []object{{"product_id": "boots", "pricing_option_id": "a", "budget": 100, "bid_price": 2}}}); b.MediaBuyID == nil {
		t.Error("what is not shown cannot be bought")
	}
}
