package seller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// Config is what a sales agent needs to work.
type Config struct {
	// Tenant keys everything the agent stores. Required.
	Tenant string
	// Name is the seller's name for people; the catalogue's name where empty.
	Name string
	// AgentURL is the agent's own address. It owns the formats in the catalogue,
	// so it is part of every format_id. Required, absolute.
	AgentURL string
	// Endpoint is where counterparties call the agent, as its brand.json names it;
	// AgentURL where empty.
	Endpoint string
	// Catalogue is what the seller sells first; see [Service.Sell]. Required.
	Catalogue *Catalogue
	// Supply, where given, is told of the catalogue's products that are new or changed
	// before they are sold, so that the ad server has them.
	Supply func([]*Product) error
	// Clock tells the time. Required.
	Clock clock.Clock
	// Store keeps the agent's books; Queue, on the same database and not yet
	// started, carries changes to the ad server; AdServer is that ad server. All
	// three are required for an agent that takes orders; without them it is a
	// catalogue to look at.
	Store    *store.DB
	Queue    *job.Queue
	AdServer adserver.Adapter
	// AnswerWithin is how long a call waits, in real time, for the ad server before
	// it answers "submitted"; 5 s where zero.
	AnswerWithin time.Duration
	// Webhooks, on the same store and queue, tells buyers of the end of tasks whose
	// calls were answered "submitted". Without it a push_notification_config is
	// refused.
	Webhooks *webhook.Outbox
	// AnswerAtOnce, where given, says of a receiver whether a call that names it is
	// answered "submitted" without waiting for the ad server at all, so that the end
	// is always told by webhook.
	AnswerAtOnce func(*adcp.PushNotificationConfig) bool
	// Billing are the parties that the seller invoices; all of the protocol's where empty.
	Billing []adcp.BillingParty
	// Showcase, where given, names the caller's own products that a call is shown
	// instead of everything, in that order; nil is everything.
	Showcase func(ctx context.Context, call *agent.Call) ([]string, error)
	// StandIn, where given, names the account that stands in for one that the caller
	// names by an identifier and does not have; "" is none.
	StandIn func(ctx context.Context, caller agent.Caller, accountID string) (string, error)
	// Relations is what was agreed with principals, by name; "" is for all others.
	Relations map[string]Relation
	// Governance, where given, has buyers' governance agents asked before anything is
	// committed; without it sync_governance is not served.
	Governance *GovernanceConfig
	// MinimumAudience is the fewest people that an audience is served to;
	// [audience.DefaultMinimumSize] where zero.
	MinimumAudience int64
	// SalesDesk decides on orders that wait for a person.
	SalesDesk SalesDesk
	// CreativeReview says who looks at creatives before they are served.
	CreativeReview CreativeReview
	// HoldFor is how long a committed proposal holds its inventory;
	// [DefaultHoldFor] where zero.
	HoldFor time.Duration
	// Describe, where given, adds to each capabilities answer what concerns the
	// whole program and not the selling, such as how it signs.
	Describe func(*adcp.GetAdcpCapabilitiesResponse)
	// Logger takes structured logs; nothing is logged where it is nil.
	Logger *slog.Logger
}

// Service is a sales agent.
type Service struct {
	tenant   string
	name     string
	agentURL string
	endpoint string
	clock    clock.Clock
	log      *slog.Logger
	describe func(*adcp.GetAdcpCapabilitiesResponse)
	// served are the operations that a caller may call on the agent.
	served   func(agent.Caller) []*adcp.Operation
	shelves  atomic.Pointer[shelf]
	selling  selling
	showcase func(ctx context.Context, call *agent.Call) ([]string, error)
	supply   func([]*Product) error
	booking
}

// New checks the configuration, and every product and format of the catalogue
// against the published schemas, and returns a sales agent. It does not touch the
// store or start anything.
func New(c Config) (*Service, error) {
	switch u, err := url.Parse(c.AgentURL); {
	case c.Tenant == "":
		return nil, errors.New("seller: Config.Tenant is empty")
	case c.Catalogue == nil:
		return nil, errors.New("seller: Config.Catalogue is missing")
	case c.Clock == nil:
		return nil, errors.New("seller: Config.Clock is missing")
	case err != nil || !u.IsAbs() || u.Host == "":
		return nil, fmt.Errorf("seller: Config.AgentURL %q is not an absolute URL", c.AgentURL)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		tenant: c.Tenant, name: c.Name, agentURL: c.AgentURL, endpoint: cmp.Or(c.Endpoint, c.AgentURL),
		clock: c.Clock, log: c.Logger, describe: c.Describe, showcase: c.Showcase, supply: c.Supply,
	}
	if err := s.Sell(c.Catalogue); err != nil {
		return nil, err
	}
	if err := s.takeOrders(c); err != nil {
		return nil, err
	}
	return s, nil
}

// Name is the seller's name for people.
func (s *Service) Name() string { return cmp.Or(s.name, s.shelf().Name) }

// Register puts the service's handlers on an agent.
func (s *Service) Register(a *agent.Agent) {
	s.served = a.Operations
	agent.Handle(a, adcp.GetAdcpCapabilities, s.capabilities)
	agent.HandleList(a, adcp.GetProducts, "products", s.getProducts)
	agent.Handle(a, adcp.ListCreativeFormats, s.listCreativeFormats)
	s.registerBooking(a)
}
