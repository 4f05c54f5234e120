package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// spot is a product with no more than its schema asks for.
func spot(id string) adcp.Product {
	return adcp.Product{
		ProductID: id, Name: "Spots <30s>", Description: "Spots between songs.",
		PublisherProperties: []adcp.PublisherPropertySelector{{
			PublisherDomain: new("radio.example"), SelectionType: adcp.PublisherPropertySelectorSelectionTypeAll,
		}},
		FormatIDs:    []adcp.FormatReference{{AgentURL: "https://radio.example", ID: "spot_30s"}},
		DeliveryType: adcp.DeliveryTypeGuaranteed,
		PricingOptions: []adcp.PricingOption{{
			PricingOptionID: "cpm", PricingModel: adcp.PricingModelCPM, Currency: "USD", FixedPrice: new(adcp.DecimalFromInt(12)),
		}},
		ReportingCapabilities: adcp.ReportingCapabilities{
			AvailableReportingFrequencies: []adcp.ReportingFrequency{adcp.ReportingFrequencyDaily},
			Timezone:                      "UTC", AvailableMetrics: []adcp.AvailableMetric{adcp.AvailableMetricImpressions},
			DateRangeSupport: adcp.ReportingCapabilitiesDateRangeSupportDateRange,
		},
	}
}

type listHandler = agent.ListHandler[adcp.GetProductsRequest, adcp.GetProductsResponse]

// listing is an agent whose products are answered by h.
func listing(t *testing.T, h listHandler) (*agent.Agent, *strings.Builder) {
	t.Helper()
	log := new(strings.Builder)
	a := agent.New(agent.Config{
		Clock: stopped(morning), Authenticator: agent.AuthenticatorFunc(people), Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	agent.HandleList(a, adcp.GetProducts, "products", h)
	return a, log
}

func items(t *testing.T, products ...adcp.Product) []adcp.Item {
	t.Helper()
	out := []adcp.Item{}
	for _, p := range products {
		item, err := adcp.NewItem("core/product.json", p, "brief_relevance")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, item)
	}
	return out
}

func public(products ...adcp.Product) *adcp.GetProductsResponse {
	return &adcp.GetProductsResponse{
		Products: products, CacheScope: new(adcp.GetProductsResponseCacheScopePublic),
		Pagination: &adcp.PaginationResponse{TotalCount: new(int64(7))},
	}
}

// An answer by items says what the same answer says that is encoded whole.
func TestAnAnswerByItemsIsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for _, products := range [][]adcp.Product{{}, {spot("p1")}, {spot("p1"), spot("p2"), spot("p3")}} {
		whole := setup(t)
		whole.get = func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
			return public(products...), nil
		}
		listed, _ := listing(t, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return public(), items(t, products...), nil
		})
		for _, arguments := range []string{
			`{"buying_mode":"wholesale"}`,
			`{"buying_mode":"wholesale","context":{ "a" : 1.00, "b":"<\u00e9>" }}`,
			`{"buying_mode":"wholesale","context":{"a":1},"idempotency_key":"k-0123456789abcdef"}`,
		} {
			for range 2 { // the second is a replay where there is a key
				req := agent.Request{Operation: "get_products", Arguments: json.RawMessage(arguments), Credential: acme}
				want, got := whole.Do(t.Context(), req), listed.Do(t.Context(), req)
				if got.Error != nil || got.Replayed != want.Replayed {
					t.Fatalf("%v, replayed %t", got.Error, got.Replayed)
				}
				if found := fmt.Sprintf("get_products: completed, %d products.", len(products)); !strings.Contains(arguments, "idempotency_key") && !strings.HasPrefix(got.Summary, found) {
					t.Errorf("the summary is %q, want %q", got.Summary, found)
				}
				if diff := cmp.Diff(decodedBody(t, want.Body), decodedBody(t, got.Body)); diff != "" {
					t.Errorf("-whole +items:\n%s", diff)
				}
				if err := adcp.ValidateResponse(adcp.GetProducts.Operation, got.Body); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func decodedBody(t *testing.T, body json.RawMessage) (v any) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

func TestAnAnswerWithoutItemsStays(t *testing.T) {
	t.Parallel()
	a, _ := listing(t, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
		return &adcp.GetProductsResponse{
			Unchanged: new(true), WholesaleFeedVersion: new("v1"), CacheScope: new(adcp.GetProductsResponseCacheScopePublic),
		}, nil, nil
	})
	r := a.Do(t.Context(), agent.Request{Operation: "get_products", Arguments: json.RawMessage(`{"buying_mode":"wholesale"}`)})
	want := `{"adcp_version":"3.1","status":"completed","wholesale_feed_version":"v1","cache_scope":"public","unchanged":true}`
	if string(r.Body) != want {
		t.Errorf("answers %s, want %s", r.Body, want)
	}
}

func TestAnAnswerByItemsIsChecked(t *testing.T) {
	t.Parallel()
	format, err := adcp.NewItem("core/format-id.json", adcp.FormatReference{AgentURL: "https://radio.example", ID: "spot"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for rule, tt := range map[string]struct {
		h   listHandler
		log string
	}{
		"RestBreaksTheSchema": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return &adcp.GetProductsResponse{}, items(t, spot("p1")), nil
		}, "cache_scope"},
		"ItemsThatMayNotBeThere": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return &adcp.GetProductsResponse{
				Unchanged: new(true), WholesaleFeedVersion: new("v1"), CacheScope: new(adcp.GetProductsResponseCacheScopePublic),
			}, items(t, spot("p1")), nil
		}, "response schema"},
		"ItemsOfAnotherSchema": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return public(), []adcp.Item{format}, nil
		}, "core/format-id.json"},
		"ZeroItem": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return public(), []adcp.Item{{}}, nil
		}, "core/product.json"},
		"ListTwice": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return public(spot("p1")), items(t, spot("p1")), nil
		}, "twice"},
		"NoResponse": {func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			return nil, items(t, spot("p1")), nil
		}, "answered nothing"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			a, log := listing(t, tt.h)
			r := a.Do(t.Context(), agent.Request{Operation: "get_products", Arguments: json.RawMessage(`{"buying_mode":"wholesale"}`)})
			if r.Error == nil || r.Error.Code != adcp.CodeServiceUnavailable || r.HTTPStatus != http.StatusOK {
				t.Errorf("answers %s, want SERVICE_UNAVAILABLE", r.Body)
			}
			if !strings.Contains(log.String(), tt.log) {
				t.Errorf("logs %q, want a word of %q", log, tt.log)
			}
		})
	}
}

func TestARefusalOfAListHandlerIsTold(t *testing.T) {
	t.Parallel()
	a, _ := listing(t, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
		return nil, nil, adcp.NewError(adcp.CodeProductNotFound, "", "There is nothing.")
	})
	r := a.Do(t.Context(), agent.Request{Operation: "get_products", Arguments: json.RawMessage(`{"buying_mode":"wholesale"}`)})
	if r.Error == nil || r.Error.Code != adcp.CodeProductNotFound {
		t.Errorf("answers %s", r.Body)
	}
}

func TestAListMustBeJudgedOneByOne(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a member that is no list was registered as one")
		}
	}()
	agent.HandleList(setup(t).Agent, adcp.GetProducts, "pagination", listHandler(nil))
}

// A transport's memory is used for the answer of this call and for nothing that
// is remembered.
func TestAnAnswerIsWrittenInTheTransportsMemory(t *testing.T) {
	t.Parallel()
	a, _ := listing(t, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
		return public(), items(t, spot("p1"), spot("p2")), nil
	})
	buffer := make([]byte, 0, 8<<10)
	ask := func(arguments string) agent.Response {
		return a.Do(t.Context(), agent.Request{Operation: "get_products", Arguments: json.RawMessage(arguments), Credential: acme, Buffer: buffer})
	}
	within := func(r agent.Response) bool { return &r.Body[0] == &buffer[:1][0] }
	if r := ask(`{"buying_mode":"wholesale","context":{"a":1}}`); !within(r) {
		t.Errorf("an answer of %d bytes was not written in a buffer of %d", len(r.Body), cap(buffer))
	}
	const remembered = `{"buying_mode":"wholesale","context":{"a":1},"idempotency_key":"k-0123456789abcdef"}`
	first := ask(remembered)
	if within(first) {
		t.Error("an answer that is remembered was written in memory that is used again")
	}
	clear(buffer[:cap(buffer)])
	if again := ask(remembered); !again.Replayed || within(again) || len(again.Body) < len(first.Body) {
		t.Errorf("the replay is %s", again.Body)
	}
}

// A catalogue is encoded once; a call adds to each product what belongs to it alone.
func ExampleHandleList() {
	product, err := adcp.NewItem("core/product.json", spot("radio"), "brief_relevance")
	if err != nil {
		panic(err)
	}
	a := agent.New(agent.Config{Clock: stopped(morning), Authenticator: agent.AuthenticatorFunc(people)})
	agent.HandleList(a, adcp.GetProducts, "products",
		func(_ context.Context, _ *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
			found := []adcp.Item{product.With("Radio fits " + *req.Brief + ".")}
			return &adcp.GetProductsResponse{CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}, found, nil
		})
	answer := a.Do(context.Background(), agent.Request{
		Operation: "get_products",
		Arguments: json.RawMessage(`{"buying_mode":"brief","brief":"bicycles"}`),
	})
	var told adcp.GetProductsResponse
	_ = json.Unmarshal(answer.Body, &told)
	fmt.Println(*told.Products[0].BriefRelevance)
	// Output: Radio fits bicycles.
}
