package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

const key = "a-key-of-the-first-buyer"

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

var morning = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func setup(t *testing.T) (buyer, visitor *client.Client) {
	t.Helper()
	handler, err := newSeller(key, stopped(morning))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	return client.New(client.Config{URL: web.URL + "/mcp", Token: key}), client.New(client.Config{URL: web.URL + "/mcp"})
}

func purchase(product, option string, budget adcp.Decimal) *adcp.CreateMediaBuyRequest {
	return &adcp.CreateMediaBuyRequest{
		IdempotencyKey: "the-first-order-of-all", Brand: adcp.BrandReference{Domain: "stridewell.example"},
		Account:   adcp.AccountReference{Brand: &adcp.BrandReference{Domain: "stridewell.example"}, Operator: new("stridewell.example")},
		StartTime: "asap", EndTime: morning.AddDate(0, 1, 0),
		Packages: []adcp.PackageRequest{{ProductID: product, PricingOptionID: option, Budget: budget}},
	}
}

func TestTheSellerFitsOnAFewPages(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), "\n"); n >= 150 {
		t.Errorf("main.go has %d lines, want under 150", n)
	}
}

// Every answer is checked against the published schemas, by the agent and again
// by the client.
func TestAFirstBuyerIsServed(t *testing.T) {
	t.Parallel()
	buyer, visitor := setup(t)
	ctx := t.Context()
	wholesale := &adcp.GetProductsRequest{BuyingMode: adcp.GetProductsRequestBuyingModeWholesale}
	seen, err := client.Call(ctx, visitor, adcp.GetProducts, wholesale)
	if err != nil {
		t.Fatal(err)
	}
	if o := seen.Products[0].PricingOptions[0]; o.FixedPrice != nil || o.MinSpendPerPackage != nil {
		t.Errorf("a visitor sees prices: %+v", o)
	}
	offered, err := client.Call(ctx, buyer, adcp.GetProducts, wholesale)
	if err != nil {
		t.Fatal(err)
	}
	product := offered.Products[0]
	if got := adcp.Val(product.PricingOptions[0].FixedPrice); got != "28.50" {
		t.Errorf("price %s, want 28.50", got)
	}
	order := purchase(product.ProductID, product.PricingOptions[0].PricingOptionID, "1500.00")
	bought, err := client.Call(ctx, buyer, adcp.CreateMediaBuy, order)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Call(ctx, buyer, adcp.CreateMediaBuy, order)
	if err != nil || adcp.Val(again.MediaBuyID) != adcp.Val(bought.MediaBuyID) || !adcp.Val(again.Replayed) {
		t.Errorf("the same order again: %+v, %v", again, err)
	}
	all, err := client.Call(ctx, buyer, adcp.GetMediaBuys, &adcp.GetMediaBuysRequest{})
	if err != nil || len(all.MediaBuys) != 1 || all.MediaBuys[0].TotalBudget != "1500.00" {
		t.Errorf("orders: %+v, %v", all, err)
	}
	none, err := client.Call(ctx, buyer, adcp.GetMediaBuys, &adcp.GetMediaBuysRequest{MediaBuyIDs: []string{"mb_9"}})
	if err != nil || len(none.MediaBuys) != 0 {
		t.Errorf("an unknown order: %+v, %v", none, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	buyer, visitor := setup(t)
	two := purchase("host_read", "cpm_usd", "1500")
	two.Packages = append(two.Packages, two.Packages[0])
	buying := func(c *client.Client, r *adcp.CreateMediaBuyRequest) error {
		_, err := client.Call(t.Context(), c, adcp.CreateMediaBuy, r)
		return err
	}
	_, refining := client.Call(t.Context(), buyer, adcp.GetProducts, &adcp.GetProductsRequest{
		BuyingMode: adcp.GetProductsRequestBuyingModeRefine,
		Refine:     []adcp.GetProductsRequestRefineItem{{Scope: "request", Ask: new("cheaper")}},
	})
	tests := map[string]struct {
		err  error
		want adcp.ErrorCode
	}{
		"NoKey":              {buying(visitor, purchase("host_read", "cpm_usd", "1500")), adcp.CodeAuthMissing},
		"NoSuchProduct":      {buying(buyer, purchase("tv", "cpm_usd", "1500")), adcp.CodeProductNotFound},
		"NoSuchOption":       {buying(buyer, purchase("host_read", "cpm_eur", "1500")), adcp.CodeInvalidRequest},
		"BelowTheLeast":      {buying(buyer, purchase("host_read", "cpm_usd", "499.99")), adcp.CodeInvalidRequest},
		"BelowTheFlatRate":   {buying(buyer, purchase("season_sponsor", "season_usd", "11999")), adcp.CodeInvalidRequest},
		"TwoPackages":        {buying(buyer, two), adcp.CodeInvalidRequest},
		"RefiningIsNotThere": {refining, adcp.CodeUnsupportedFeature},
	}
	for rule, tt := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var refusal *adcp.Error
			if !errors.As(tt.err, &refusal) || refusal.Code != tt.want {
				t.Errorf("got %v, want %s", tt.err, tt.want)
			}
		})
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, configured := range []string{key, ""} {
		handler, err := newSeller(configured, stopped(morning))
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(handler)
		defer web.Close()
		c := client.New(client.Config{URL: web.URL + "/mcp", Token: "someone-elses-key"})
		var refusal *adcp.Error
		if _, err := client.Call(t.Context(), c, adcp.GetMediaBuys, &adcp.GetMediaBuysRequest{}); !errors.As(err, &refusal) || refusal.Code != adcp.CodeAuthInvalid {
			t.Errorf("got %v, want AUTH_INVALID", err)
		}
	}
}
