package a2a_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
)

// A handler serves an agent's operations as skills, and a caller calls them.
func Example() {
	a := agent.New(agent.Config{
		Name: "shop", Version: "1", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(context.Context, agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "shop", Anonymous: true}, nil
		}),
	})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}, nil
	})
	server := httptest.NewServer(a2a.NewHandler(a, a2a.Options{}))
	defer server.Close()

	caller := a2a.Dial(a2a.DialConfig{URL: server.URL})
	defer caller.Close()
	answer, err := caller.Call(context.Background(), "get_products", json.RawMessage(`{"buying_mode":"wholesale"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answer.Body))
	// Output: {"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public"}
}
