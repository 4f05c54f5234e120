package agent_test

import (
	"context"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// noon is a clock that stands still, as tests have it; a program's clock tells
// the time.
type noon struct{}

func (noon) Now() time.Time { return time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC) }

// keys knows one buyer.
func keys(_ context.Context, c agent.Credential) (agent.Caller, error) {
	switch c.Value {
	case "":
		return agent.Caller{Tenant: "pub", Anonymous: true}, nil
	case "buyers-key":
		return agent.Caller{Tenant: "pub", Principal: "buyer"}, nil
	}
	return agent.Caller{}, agent.ErrBadCredential
}

// A handler is one typed function for one operation; what every call shares is
// done around it. A transport such as adcp/mcp calls Do.
func ExampleHandle() {
	a := agent.New(agent.Config{Name: "seller", Version: "1.0.0", Clock: noon{}, Authenticator: agent.AuthenticatorFunc(keys)})
	agent.Handle(a, adcp.GetMediaBuys, func(_ context.Context, call *agent.Call, _ *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
		fmt.Println("asked by", call.Principal)
		return &adcp.GetMediaBuysResponse{MediaBuys: []adcp.GetMediaBuysResponseMediaBuy{}}, nil
	})
	request := agent.Request{Operation: "get_media_buys", Arguments: []byte(`{"context":{"note": "mine"}}`)}

	request.Credential = agent.Credential{Scheme: "bearer", Value: "buyers-key"}
	fmt.Println(string(a.Do(context.Background(), request).Body))

	request.Credential = agent.Credential{}
	refused := a.Do(context.Background(), request)
	fmt.Println(refused.HTTPStatus, refused.Error.Code)
	// Output:
	// asked by buyer
	// {"adcp_version":"3.1","status":"completed","media_buys":[],"context":{"note": "mine"}}
	// 401 AUTH_MISSING
}

// A handler refuses by returning an error of the protocol; the caller gets it
// with its recovery class.
func ExampleHandler() {
	a := agent.New(agent.Config{Name: "seller", Version: "1.0.0", Clock: noon{}, Authenticator: agent.AuthenticatorFunc(keys)})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "buying_mode", "This seller makes no proposals.").
			WithSuggestion("Use brief or wholesale.")
	})
	answer := a.Do(context.Background(), agent.Request{Operation: "get_products", Arguments: []byte(`{"buying_mode":"wholesale"}`)})
	fmt.Println(answer.Error.Code, *answer.Error.Field, *answer.Error.Recovery)
	// Output:
	// UNSUPPORTED_FEATURE buying_mode correctable
}
