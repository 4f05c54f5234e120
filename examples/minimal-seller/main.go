// Command minimal-seller is a sales agent in one file: a podcast that shows two
// products, takes orders for them and tells the state of each order. What it
// sells is in products.json; what it has sold ends with the process.
package main

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

//go:embed products.json
var productsJSON []byte

type clock struct{}

func (clock) Now() time.Time { return time.Now().UTC() }

type order = adcp.GetMediaBuysResponseMediaBuy

type seller struct {
	products []adcp.Product
	mu       sync.Mutex
	orders   map[string][]order // by the principal who placed them
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address to listen on")
	flag.Parse()
	handler, err := newSeller(os.Getenv("SELLER_KEY"), clock{})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("selling at http://%s/mcp\n", listener.Addr())
	log.Fatal((&http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}).Serve(listener))
}

// newSeller serves the agent at /mcp. Whoever has the key may buy.
func newSeller(key string, now agent.Clock) (http.Handler, error) {
	s := &seller{orders: map[string][]order{}}
	if err := adcp.Unmarshal(productsJSON, &s.products); err != nil {
		return nil, fmt.Errorf("products.json: %w", err)
	}
	a := agent.New(agent.Config{
		Name: "minimal-seller", Version: "1.0.0", Clock: now,
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			switch {
			case c.Scheme == "":
				return agent.Caller{Tenant: "podcast", Anonymous: true}, nil
			case c.Scheme == "bearer" && key != "" && subtle.ConstantTimeCompare([]byte(c.Value), []byte(key)) == 1:
				return agent.Caller{Tenant: "podcast", Principal: "first-buyer"}, nil
			}
			return agent.Caller{}, agent.ErrBadCredential
		}),
	})
	agent.Handle(a, adcp.GetAdcpCapabilities, capabilities)
	agent.Handle(a, adcp.GetProducts, s.getProducts)
	agent.Handle(a, adcp.CreateMediaBuy, s.createMediaBuy)
	agent.Handle(a, adcp.GetMediaBuys, s.getMediaBuys)
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.NewHandler(a, mcp.Options{}))
	return mux, nil
}

func capabilities(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
	resp := &adcp.GetAdcpCapabilitiesResponse{
		SupportedProtocols: []adcp.GetAdcpCapabilitiesResponseSupportedProtocol{adcp.GetAdcpCapabilitiesResponseSupportedProtocolMediaBuy},
		Account:            &adcp.GetAdcpCapabilitiesResponseAccount{SupportedBilling: []adcp.BillingParty{adcp.BillingPartyOperator}},
	}
	resp.Adcp.MajorVersions, resp.Adcp.SupportedVersions = []int64{3}, adcp.Releases()
	// Keys are honoured while the process lives. That is no promise to declare:
	// with a store that lasts, say Supported and for how long.
	resp.Adcp.Idempotency.Supported = false
	return resp, nil
}

// getProducts shows everything; who has no key sees no prices.
func (s *seller) getProducts(_ context.Context, call *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
	if req.BuyingMode == adcp.GetProductsRequestBuyingModeRefine {
		return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "buying_mode", "This seller makes no proposals.").WithSuggestion("Use brief or wholesale.")
	}
	resp := &adcp.GetProductsResponse{Products: slices.Clone(s.products), CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}
	for i := range resp.Products {
		if call.Anonymous {
			o := resp.Products[i].PricingOptions[0]
			resp.Products[i].PricingOptions = []adcp.PricingOption{{PricingOptionID: o.PricingOptionID, PricingModel: o.PricingModel, Currency: o.Currency}}
		}
	}
	return resp, nil
}

// createMediaBuy takes an order for one package, which then waits for the host.
// The kit has checked its form, and does not let the same key in twice.
func (s *seller) createMediaBuy(_ context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
	if len(req.Packages) != 1 {
		return nil, adcp.NewError(adcp.CodeInvalidRequest, "packages", "An order here has one package.").WithSuggestion("Send one order for each product.")
	}
	p := req.Packages[0]
	i := slices.IndexFunc(s.products, func(x adcp.Product) bool { return x.ProductID == p.ProductID })
	if i < 0 {
		return nil, adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "There is no such product.").WithSuggestion("Ask get_products.")
	}
	option := s.products[i].PricingOptions[0]
	least := option.MinSpendPerPackage
	if p.PricingOptionID != option.PricingOptionID || least != nil && p.Budget.Cmp(*least) < 0 {
		return nil, adcp.NewError(adcp.CodeInvalidRequest, "packages[0]", "The product is not sold that way.").WithSuggestion("Name its pricing option and at least its least budget.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("mb_%d", len(s.orders[call.Principal])+1)
	s.orders[call.Principal] = append(s.orders[call.Principal], order{
		MediaBuyID: id, Status: adcp.MediaBuyStatusPendingStart, Currency: option.Currency, TotalBudget: p.Budget,
		ConfirmedAt: &call.Now, Revision: 1, EndTime: &req.EndTime,
		Packages: []adcp.PackageStatus{{PackageID: id + "_1", ProductID: &p.ProductID, Budget: &p.Budget}},
	})
	return &adcp.CreateMediaBuyResponse{
		MediaBuyID: &id, MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart), Revision: new(int64(1)), ConfirmedAt: adcp.Some(call.Now),
		Currency: &option.Currency, TotalBudget: &p.Budget, Packages: []adcp.Package{{PackageID: id + "_1", ProductID: &p.ProductID, Budget: &p.Budget}},
	}, nil
}

func (s *seller) getMediaBuys(_ context.Context, call *agent.Call, req *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []order{}
	for _, o := range s.orders[call.Principal] {
		if len(req.MediaBuyIDs) == 0 || slices.Contains(req.MediaBuyIDs, o.MediaBuyID) {
			found = append(found, o)
		}
	}
	return &adcp.GetMediaBuysResponse{MediaBuys: found}, nil
}
