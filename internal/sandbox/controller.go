package sandbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// Config is what a [Controller] works with. All of it is required but Logger.
type Config struct {
	// Tenant keys what the controller stores: the seller's.
	Tenant string
	Store  *store.DB
	Clock  clock.Clock
	// Principals are those of the sandbox that are known before they call; what is
	// published is on their shelf from the start.
	Principals []string
	// AgentURL is the seller's own address, as in its formats.
	AgentURL string
	// Brands are the domains of the brands that principals buy for, of those that
	// stand for a test kit; see [Controller.Amend].
	Brands map[string]string
	// Seller is the agent under test.
	Seller *seller.Service
	// AdServer takes simulated delivery.
	AdServer AdServer
	// Supply makes the ad server able to hold orders of products that were seeded.
	Supply func([]*seller.Product) error
	Logger *slog.Logger
}

// Controller serves comply_test_controller for one sales agent.
type Controller struct {
	Config
	scenarios []scenario
	// seeding is held while seeds change: each takes effect on top of the others.
	seeding sync.Mutex
}

// scenario is a row of the table of what a test driver can ask for.
type scenario struct {
	name string
	run  func(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error)
}

// request is a call with its parameters as they came: scenarios read what they know.
type request struct {
	Scenario string          `json:"scenario"`
	Params   json.RawMessage `json:"params"`
	Context  json.RawMessage `json:"context"`
	call     *agent.Call
}

// operation is comply_test_controller with its parameters left alone.
var operation = adcp.Op[request, adcp.ComplyTestControllerResponse]{Operation: adcp.ComplyTestController.Operation}

// New returns a controller, with everything that was seeded before back on the
// seller's shelf.
func New(ctx context.Context, c Config) (*Controller, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Controller{Config: c}
	d.scenarios = d.table()
	return d, d.restore(ctx)
}

// table is everything that can be asked for, in the protocol's order.
func (d *Controller) table() []scenario {
	return []scenario{
		{"force_creative_status", d.forceCreativeStatus},
		{"force_account_status", d.forceAccountStatus},
		{"force_media_buy_status", d.forceMediaBuyStatus},
		{"force_audience_status", d.forceAudienceStatus},
		{"force_create_media_buy_arm", d.forceArm(adcp.CreateMediaBuy.Operation, adcp.ComplyTestControllerRequestParamsArmInputRequired)},
		{"force_get_products_arm", d.forceArm(adcp.GetProducts.Operation)},
		{"force_task_completion", d.forceTaskCompletion},
		{"force_upstream_unavailable", d.forceUpstreamUnavailable},
		{"simulate_delivery", d.simulateDelivery},
		{"simulate_budget_spend", d.simulateBudgetSpend},
		{"seed_account", d.seedAccount},
		{"seed_product", d.seedProduct},
		{"seed_pricing_option", d.seedPricingOption},
		{"seed_creative", d.seedCreative},
		{"seed_media_buy", d.seedMediaBuy},
		{"seed_creative_format", d.seedCreativeFormat},
	}
}

// Register serves the controller on the seller's agent, which must have its
// handlers already.
func (d *Controller) Register(a *agent.Agent) {
	agent.Handle(a, operation, d.serve)
	agent.RefuseAs(a, operation.Operation, controllerError)
	agent.After(a, adcp.GetAdcpCapabilities, d.advertise)
	agent.Before(a, adcp.CreateMediaBuy, d.beforeCreate)
	agent.Before(a, adcp.GetProducts, d.beforeProducts)
	agent.After(a, adcp.GetProducts, d.afterProducts)
	agent.After(a, adcp.GetMediaBuyDelivery, d.afterDelivery)
}

// Scenarios names what the controller can do.
func (d *Controller) Scenarios() []string {
	names := make([]string, len(d.scenarios))
	for i, s := range d.scenarios {
		names[i] = s.name
	}
	return names
}

func (d *Controller) serve(ctx context.Context, call *agent.Call, r *request) (*adcp.ComplyTestControllerResponse, error) {
	if r.Scenario == "list_scenarios" {
		return &adcp.ComplyTestControllerResponse{Success: true, Scenarios: d.Scenarios()}, nil
	}
	r.call = call
	for _, s := range d.scenarios {
		if s.name == r.Scenario {
			return s.run(ctx, r)
		}
	}
	return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "scenario", "This controller has no scenario of that name.").
		WithSuggestion("Ask for list_scenarios.")
}

// advertise says in the capabilities what the controller can do, to those who may
// call it.
func (d *Controller) advertise(_ context.Context, call *agent.Call, _ *adcp.GetAdcpCapabilitiesRequest, resp *adcp.GetAdcpCapabilitiesResponse) error {
	if call.Sandbox {
		resp.ComplianceTesting = &adcp.GetAdcpCapabilitiesResponseComplianceTesting{Scenarios: d.Scenarios()}
	}
	return nil
}

// read reads a scenario's parameters. The schema has seen them; types may differ
// where it is open.
func read[P any](r *request) (P, error) {
	var p P
	if len(r.Params) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(r.Params, &p); err != nil {
		return p, invalid("params", "The parameters cannot be read: %v", err)
	}
	return p, nil
}
