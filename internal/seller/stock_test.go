package seller_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller"
)

// declared makes a product of a wire document, or fails.
func declared(t *testing.T, s *seller.Service, id, document string) *seller.Product {
	t.Helper()
	p, err := s.WireProduct(id, json.RawMessage(document), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStock(t *testing.T) {
	h := sqliteHouse(t)
	h.account("rival", "acme.example")
	const document = `{"name":"Own","channels":["video"],"delivery_type":"non_guaranteed","format_ids":[{"id":"audio_15s"}],
		"metric_optimization":{"supported_metrics":["reach"],"supported_reach_units":["households"]},
		"pricing_options":[{"pricing_option_id":"p","pricing_model":"cpm","currency":"EUR","fixed_price":5,"eligible_adjustments":["fee"]}]}`
	stock := func(principal, id string) {
		t.Helper()
		if err := h.service.Stock(principal, seller.Stock{Products: []*seller.Product{declared(t, h.service, id, document)}}); err != nil {
			t.Fatal(err)
		}
	}
	stock("buyer", "own")
	stock("rival", "own") // the same name, and another product

	t.Run("its principal is shown it as it was declared", func(t *testing.T) {
		list := h.products(t, "buyer", everything)
		i := slices.IndexFunc(list.Products, func(p adcp.Product) bool { return p.ProductID == "own" })
		if i < 0 {
			t.Fatalf("got %v", ids(list.Products))
		}
		p := list.Products[i]
		if !slices.Equal(p.Channels, []adcp.MediaChannel{adcp.MediaChannelOlv}) || p.FormatIDs[0].AgentURL == "" ||
			p.MetricOptimization == nil || len(p.PricingOptions[0].EligibleAdjustments) != 1 || *p.PricingOptions[0].FixedPrice != "5" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("it comes before the catalogue in the answer to a brief", func(t *testing.T) {
		list := h.products(t, "buyer", object{"buying_mode": "brief", "brief": "own video, and radio"})
		if got := ids(list.Products); len(got) < 2 || got[0] != "own" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("it is found by a format of another agent", func(t *testing.T) {
		foreign := strings.Replace(document, `{"id":"audio_15s"}`, `{"agent_url":"https://formats.example","id":"spot"}`, 1)
		if err := h.service.Stock("collector", seller.Stock{Products: []*seller.Product{declared(t, h.service, "own", foreign)}}); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string][]string{"spot": {"own"}, "audio_15s": {}} {
			got := h.products(t, "collector", with(everything, object{"filters": object{
				"format_ids": []object{{"agent_url": "https://formats.example/", "id": id}},
			}}))
			if !slices.Equal(ids(got.Products), want) {
				t.Errorf("format %s finds %v, want %v", id, ids(got.Products), want)
			}
		}
	})
	t.Run("nobody else is", func(t *testing.T) {
		if got := ids(h.products(t, "", everything).Products); slices.Contains(got, "own") {
			t.Errorf("a stranger is shown %v", got)
		}
	})
	t.Run("what a principal has goes without touching others'", func(t *testing.T) {
		if err := h.service.Stock("buyer", seller.Stock{}); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(ids(h.products(t, "buyer", everything).Products), "own") || !slices.Contains(ids(h.products(t, "rival", everything).Products), "own") {
			t.Error("the wrong one is gone")
		}
	})
	t.Run("a new catalogue leaves it where it is", func(t *testing.T) {
		next := *h.catalogue
		if err := h.service.Sell(&next); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ids(h.products(t, "rival", everything).Products), "own") {
			t.Error("it is gone")
		}
	})
}

func TestWireProductReportsWhatItsChannelsCount(t *testing.T) {
	h := sqliteHouse(t)
	for channel, played := range map[string]bool{"video": true, "ctv": true, "audio": true, "display": false, "native": false} {
		p := declared(t, h.service, "own", `{"channels":["`+channel+`"]}`)
		if got := slices.Contains(p.Reporting.Metrics, "completed_views"); got != played {
			t.Errorf("%s: reports %v", channel, p.Reporting.Metrics)
		}
	}
	p := declared(t, h.service, "own", `{"channels":["video"],"reporting_capabilities":{"available_metrics":["impressions"]}}`)
	if !slices.Equal(p.Reporting.Metrics, []string{"impressions"}) {
		t.Errorf("a product that says what it reports: %v", p.Reporting.Metrics)
	}
}

func TestWireProductRefuses(t *testing.T) {
	h := sqliteHouse(t)
	for _, tt := range []struct{ rule, document, field string }{
		{"what is no object", `[]`, ""},
		{"a channel that there is not", `{"channels":["telepathy"]}`, "channels"},
		{"a pricing model that there is not", `{"pricing_options":[{"pricing_option_id":"p","pricing_model":"barter","currency":"EUR"}]}`, "pricing_model"},
		{"a price in no currency", `{"pricing_options":[{"pricing_option_id":"p","pricing_model":"cpm","currency":"dollars"}]}`, "currency"},
		{"a price without a name", `{"pricing_options":[{"pricing_model":"cpm","currency":"EUR"}]}`, "pricing_option_id"},
		{"a negative price", `{"pricing_options":[{"pricing_option_id":"p","pricing_model":"cpm","currency":"EUR","fixed_price":-1}]}`, "fixed_price"},
		{"a fixed price of nothing", `{"pricing_options":[{"pricing_option_id":"p","pricing_model":"cpm","currency":"EUR","fixed_price":0}]}`, "fixed_price"},
		{"what the schema refuses", `{"exclusivity":"sometimes","pricing_options":[{"pricing_option_id":"p","pricing_model":"cpm","currency":"EUR"}]}`, ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			_, err := h.service.WireProduct("p", json.RawMessage(tt.document), nil)
			if refused, ok := errors.AsType[*adcp.Error](err); !ok || refused.Code != adcp.CodeValidationError || adcp.Val(refused.Field) != tt.field {
				t.Errorf("got %v, want VALIDATION_ERROR of %q", err, tt.field)
			}
		})
	}
}

func TestWirePrice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, document string
		want           seller.PricingOption
	}{
		{
			"a floor makes an auction", `{"pricing_model":"cpm","currency":"USD","floor_price":1.5,"price_guidance":{"p50":2}}`,
			seller.PricingOption{ID: "p", Model: adserver.CPM, Currency: "USD", Auction: true, Floor: 1_500_000, Guidance: seller.Guidance{P50: 2_000_000}},
		},
		{
			"a price that says nothing is an auction without a floor", `{"pricing_model":"cpm","currency":"USD"}`,
			seller.PricingOption{ID: "p", Model: adserver.CPM, Currency: "USD", Auction: true},
		},
		{
			"rate is a fixed price", `{"pricing_model":"cpm","currency":"USD","rate":5}`,
			seller.PricingOption{ID: "p", Model: adserver.CPM, Currency: "USD", Fixed: 5_000_000},
		},
		{
			"what has no member is kept", `{"pricing_model":"vcpm","currency":"EUR","fixed_price":14,"min_spend_per_package":100,"ext":{"a":1}}`,
			seller.PricingOption{ID: "p", Model: adserver.VCPM, Currency: "EUR", Fixed: 14_000_000, MinSpend: 100_000_000, Wire: `{"ext":{"a":1}}`},
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := seller.WirePrice("p", json.RawMessage(tt.document))
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}
