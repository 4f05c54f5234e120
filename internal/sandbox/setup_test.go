package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/sandbox"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var today = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

type object = map[string]any

// lab is a sales agent with a test driver's way in.
type lab struct {
	*testing.T
	agent   *agent.Agent
	clock   *clock.Simulated
	service *seller.Service
	keys    int
}

// open opens a lab over a database, which may hold what an earlier one left.
func open(t *testing.T, db *store.DB) *lab {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "examples", "catalogues", "northlight.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	catalogue, err := seller.LoadCatalogue(f)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{T: t, clock: clock.NewSimulated(today)}
	server, err := builtin.New(builtin.Config{Store: db, Tenant: "lab", Clock: l.clock, Supply: supply.Of(catalogue), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := job.New(db, job.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var controller *sandbox.Controller
	l.service, err = seller.New(seller.Config{
		Tenant: "lab", AgentURL: "http://127.0.0.1:8080", Catalogue: catalogue, Clock: l.clock,
		Store: db, Queue: queue, AdServer: server, AnswerWithin: 20 * time.Second,
		Showcase: func(ctx context.Context, call *agent.Call) ([]string, error) { return controller.Showcase(ctx, call) },
		StandIn: func(ctx context.Context, caller agent.Caller, id string) (string, error) {
			return controller.StandIn(ctx, caller, id)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.agent = agent.New(agent.Config{
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Clock:  l.clock, Accounts: l.service, Idempotency: db.Idempotency(store.IdempotencyConfig{}),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "lab", Principal: c.Value, Anonymous: c.Scheme == "", Sandbox: !strings.HasPrefix(c.Value, "live")}, nil
		}),
	})
	l.service.Register(l.agent)
	if controller, err = sandbox.New(t.Context(), sandbox.Config{
		Tenant: "lab", Store: db, Clock: l.clock, Principals: []string{"driver", "rival"}, Seller: l.service, AdServer: server,
		Supply: func(products []*seller.Product) error {
			held := supply.Of(&seller.Catalogue{Products: products})
			held[seller.UnlistedProduct] = builtin.Supply{}
			return server.Stock(held)
		},
	}); err != nil {
		t.Fatal(err)
	}
	controller.Register(l.agent)
	if err := queue.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// sqlite opens a lab on a new SQLite database.
func sqlite(t *testing.T) *lab {
	t.Helper()
	return open(t, storetest.Open(t, store.SQLite))
}

func (l *lab) do(principal, operation string, request any) agent.Response {
	l.Helper()
	arguments, err := json.Marshal(request)
	if err != nil {
		l.Fatal(err)
	}
	r := agent.Request{Operation: operation, Arguments: arguments}
	if principal != "" {
		r.Credential = agent.Credential{Scheme: "bearer", Value: principal}
	}
	return l.agent.Do(context.Background(), r)
}

func ask[Resp any](l *lab, operation string, request any) *Resp {
	l.Helper()
	r := l.do("driver", operation, request)
	if r.Error != nil {
		l.Fatalf("%s refused: %v\nrequest %v", operation, r.Error, request)
	}
	resp := new(Resp)
	if err := json.Unmarshal(r.Body, resp); err != nil {
		l.Fatal(err)
	}
	return resp
}

// acme is the account of the tests.
var acme = object{"brand": object{"domain": "acme.example"}, "operator": "acme.example", "sandbox": true}

// asked asks the controller for a scenario, whatever comes of it.
func (l *lab) asked(principal, scenario string, params object) answer {
	l.Helper()
	request := object{"scenario": scenario, "account": acme}
	if params != nil {
		request["params"] = params
	}
	r := l.do(principal, "comply_test_controller", request)
	var a answer
	if err := json.Unmarshal(r.Body, &a); err != nil {
		l.Fatal(err)
	}
	return a
}

// answer is what the controller says.
type answer struct {
	Success       bool
	Error         string
	Detail        string          `json:"error_detail"`
	Message       string          `json:"message"`
	PreviousState string          `json:"previous_state"`
	CurrentState  string          `json:"current_state"`
	Simulated     json.RawMessage `json:"simulated"`
	Cumulative    json.RawMessage `json:"cumulative"`
	Forced        json.RawMessage `json:"forced"`
	Scenarios     []string        `json:"scenarios"`
	AdcpError     *adcp.Error     `json:"adcp_error"`
}

// run asks for a scenario and expects it to work.
func (l *lab) run(scenario string, params object) answer {
	l.Helper()
	a := l.asked("driver", scenario, params)
	if !a.Success {
		l.Fatalf("%s %v: %s, %s", scenario, params, a.Error, a.Detail)
	}
	return a
}

// refused asks for a scenario that must be refused with this word.
func (l *lab) refused(word, scenario string, params object) answer {
	l.Helper()
	a := l.asked("driver", scenario, params)
	if a.Success || a.Error != word || a.Detail == "" || a.AdcpError == nil {
		l.Errorf("%s %v: got success %t, %s, %q; want %s with a reason", scenario, params, a.Success, a.Error, a.Detail, word)
	}
	return a
}

func (l *lab) key() string {
	l.keys++
	return fmt.Sprintf("sandbox-test-%012d", l.keys)
}

// book orders a product for ten days from now.
func (l *lab) book(product, price string, changes object) *adcp.CreateMediaBuyResponse {
	l.Helper()
	request := object{
		"idempotency_key": l.key(), "account": acme, "brand": object{"domain": "acme.example"},
		"start_time": "asap", "end_time": "2027-03-15T00:00:00Z",
		"packages": []object{{"product_id": product, "pricing_option_id": price, "budget": 5000}},
	}
	for k, v := range changes {
		request[k] = v
	}
	return ask[adcp.CreateMediaBuyResponse](l, "create_media_buy", request)
}

// buy reads a media buy.
func (l *lab) buy(id string) adcp.GetMediaBuysResponseMediaBuy {
	l.Helper()
	resp := ask[adcp.GetMediaBuysResponse](l, "get_media_buys", object{"media_buy_ids": []string{id}})
	if len(resp.MediaBuys) != 1 {
		l.Fatalf("there are %d of %s", len(resp.MediaBuys), id)
	}
	return resp.MediaBuys[0]
}

// products lists what a principal is offered.
func (l *lab) products(principal string) map[string]adcp.Product {
	l.Helper()
	r := l.do(principal, "get_products", object{"buying_mode": "wholesale", "pagination": object{"max_results": 100}})
	var resp adcp.GetProductsResponse
	if err := json.Unmarshal(r.Body, &resp); err != nil || r.Error != nil {
		l.Fatal(err, r.Error)
	}
	list := map[string]adcp.Product{}
	for _, p := range resp.Products {
		list[p.ProductID] = p
	}
	return list
}
