package seller_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
)

// today is when all discovery tests happen: a Monday.
var today = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

const agentURL = "https://sales.corner.example"

// examples are the catalogues that come with the repository.
var examples = []string{"northlight", "harbour", "citygrid"}

func load(t testing.TB, path string) *seller.Catalogue {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := seller.LoadCatalogue(f)
	if err != nil {
		t.Fatalf("%s:\n%v", path, err)
	}
	return c
}

// catalogue loads one of the package's own ("corner", "plaza"), or an example.
func catalogue(t testing.TB, name string) *seller.Catalogue {
	t.Helper()
	if name == "corner" || name == "plaza" {
		return load(t, filepath.Join("testdata", name+".yaml"))
	}
	return load(t, filepath.Join("..", "..", "examples", "catalogues", name+".yaml"))
}

// shop is an agent that shows a catalogue.
type shop struct {
	agent *agent.Agent
	clock *clock.Simulated
}

// openShop serves a catalogue, by default the package's own, without taking orders.
func openShop(t testing.TB, c *seller.Catalogue) *shop {
	t.Helper()
	return openShopThat(t, c, agent.CheckResponses)
}

func openShopThat(t testing.TB, c *seller.Catalogue, check agent.ResponseCheck) *shop {
	t.Helper()
	s := &shop{clock: clock.NewSimulated(today)}
	service, err := seller.New(seller.Config{Tenant: "shop", AgentURL: agentURL, Catalogue: c, Clock: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	s.agent = agent.New(agent.Config{
		Clock:     s.clock,
		Responses: check,
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			if c.Scheme == "" {
				return agent.Caller{Tenant: "shop", Anonymous: true}, nil
			}
			return agent.Caller{Tenant: "shop", Principal: c.Value}, nil
		}),
	})
	service.Register(s.agent)
	return s
}

// do sends a request as a known buyer, or without a credential as "". The agent
// checks every answer against its published schema and refuses a bad one.
func (s *shop) do(t testing.TB, principal, operation string, request any) agent.Response {
	t.Helper()
	arguments, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	r := agent.Request{Operation: operation, Arguments: arguments}
	if principal != "" {
		r.Credential = agent.Credential{Scheme: "bearer", Value: principal}
	}
	return s.agent.Do(context.Background(), r)
}

// products asks for products and expects an answer.
func (s *shop) products(t testing.TB, principal string, request map[string]any) *adcp.GetProductsResponse {
	t.Helper()
	return ask[adcp.GetProductsResponse](t, s, principal, "get_products", request)
}

func ask[Resp any](t testing.TB, s *shop, principal, operation string, request any) *Resp {
	t.Helper()
	r := s.do(t, principal, operation, request)
	if r.Error != nil {
		t.Fatalf("%s refused: %v\nrequest %v", operation, r.Error, request)
	}
	resp := new(Resp)
	if err := json.Unmarshal(r.Body, resp); err != nil {
		t.Fatal(err)
	}
	return resp
}

// shops are opened once for all tests that only read.
var shops sync.Map

func sharedShop(t testing.TB, name string) *shop {
	t.Helper()
	open := sync.OnceValue(func() *shop { return openShop(t, catalogue(t, name)) })
	f, _ := shops.LoadOrStore(name, open)
	return f.(func() *shop)()
}

func ids(products []adcp.Product) []string {
	out := make([]string, len(products))
	for i, p := range products {
		out[i] = p.ProductID
	}
	return out
}
