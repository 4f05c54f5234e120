package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// exampleSeller is an agent to call: it offers nothing, under a name.
func exampleSeller(name string) *httptest.Server {
	a := agent.New(agent.Config{
		Name: "seller", Version: "1", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "pub", Principal: c.Value, Anonymous: c.Value == ""}, nil
		}),
	})
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		return speaks("3.0", "3.1")()
	})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{
			Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic), Message: new(name + " has nothing left"),
		}, nil
	})
	agent.Handle(a, adcp.GetMediaBuys, func(context.Context, *agent.Call, *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
		return nil, adcp.NewError(adcp.CodeMediaBuyNotFound, "media_buy_ids", "There is no such media buy.")
	})
	return httptest.NewServer(mcp.NewHandler(a, mcp.Options{}))
}

// A method for each operation: the release and the idempotency key are filled in.
func ExampleClient() {
	seller := exampleSeller("Harborcast")
	defer seller.Close()
	c := client.New(client.Config{URL: seller.URL, Token: "my-key"})
	defer c.Close()

	offers, err := c.GetProducts(context.Background(), &adcp.GetProductsRequest{
		BuyingMode: adcp.GetProductsRequestBuyingModeBrief, Brief: new("podcasts about the sea"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(offers.Status, len(offers.Products), *offers.Message)
	// Output: completed 0 Harborcast has nothing left
}

// A refusal is an error of the protocol. What to do follows from its code and
// its recovery class, never from its words.
func ExampleCall() {
	seller := exampleSeller("Harborcast")
	defer seller.Close()
	c := client.New(client.Config{URL: seller.URL, Token: "my-key"})
	defer c.Close()

	_, err := client.Call(context.Background(), c, adcp.GetMediaBuys, &adcp.GetMediaBuysRequest{MediaBuyIDs: []string{"mb_9"}})
	var refusal *adcp.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Code, client.Recovery(refusal))
	}
	// Output: MEDIA_BUY_NOT_FOUND correctable
}

// Many agents are asked at once; one that is gone costs the others nothing.
func ExampleFanOut() {
	here, gone := exampleSeller("Harborcast"), exampleSeller("Elsewhere")
	defer here.Close()
	gone.Close()
	agents := []*client.Client{
		client.New(client.Config{URL: gone.URL, Attempts: 1}),
		client.New(client.Config{URL: here.URL}),
	}
	request := &adcp.GetProductsRequest{BuyingMode: adcp.GetProductsRequestBuyingModeWholesale}
	for _, a := range client.FanOut(context.Background(), agents, client.FanOutConfig{Timeout: 20 * time.Second},
		func(ctx context.Context, c *client.Client) (*adcp.GetProductsResponse, error) {
			return c.GetProducts(ctx, request)
		}) {
		var failed *client.Error
		if errors.As(a.Err, &failed) {
			fmt.Println(failed.Kind)
			continue
		}
		fmt.Println(*a.Answer.Message)
	}
	// Output:
	// unreachable
	// Harborcast has nothing left
}
