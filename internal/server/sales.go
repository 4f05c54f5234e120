package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/api"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/sandbox"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// SalesConfig is what a sales agent is put together from.
type SalesConfig struct {
	// Tenant keys everything the agent stores.
	Tenant string
	// Name is the seller's name; the catalogue's where empty.
	Name string
	// PublicURL names the agent to others.
	PublicURL  string
	Catalogue  *seller.Catalogue
	Store      store.Config
	Clock      clock.Clock
	Principals []account.Principal
	// TestKits are the protocol's published test principals. With any, the agent is
	// a sandbox, and its sandbox principals may call comply_test_controller.
	TestKits []account.TestKit
	// OpenREST lets everybody use the REST interface without a key: for the sandbox
	// on loopback only.
	OpenREST bool
	// OAuth, where given, names the issuer whose tokens are accepted.
	OAuth *account.OAuthConfig
	// Self, where given, is what the program tells of itself: its signing keys
	// and where they are.
	Self *identity.Self
	// Signatures, where given, says how signed requests are verified.
	Signatures *SignatureConfig
	// RateLimit bounds how fast one principal may go; nothing is bounded by default.
	RateLimit agent.RateLimit
	// Webhooks, where given, has buyers told of their tasks' ends.
	Webhooks *WebhookConfig
	// Approval says who signs orders that need a person.
	SalesDesk seller.SalesDesk
	// Review says who looks at creatives before they are served.
	Review seller.CreativeReview
	// Seed makes the built-in ad server's supply repeatable.
	Seed   int64
	Logger *slog.Logger
}

// Sales is a running sales agent: its database, its job queue, its ad server and
// the agent that answers. Close it when done.
type Sales struct {
	db       *store.DB
	queue    *job.Queue
	adServer *builtin.AdServer
	service  *seller.Service
	agent    *agent.Agent
	// directory knows who calls.
	directory *account.Directory
	metrics   *metrics
	clock     clock.Clock
	log       *slog.Logger
	// hosts are the names under which the agent may be reached.
	hosts []string
	// publicURL is the address under which others reach this program.
	publicURL string
	name      string
	oauth     bool
	keys      *account.Keyring
	outbox    *webhook.Outbox // nil for one that tells nothing by webhook
	self      *identity.Self
	signing   signing.Policy
	// sandbox is there in a sandbox only.
	sandbox *sandbox.Controller
	// staff are the publisher's own people; openREST lets everybody be one.
	staff    *account.Desk
	openREST bool
	// done, once closed, ends the streams that follow tasks.
	done    chan struct{}
	endOnce sync.Once
}

// NewSales opens the database, starts the job queue and returns the agent, ready
// to answer. It finishes what an earlier process left behind.
func NewSales(ctx context.Context, c SalesConfig) (s *Sales, err error) {
	s = &Sales{done: make(chan struct{}), metrics: newMetrics(), clock: c.Clock, log: c.Logger, publicURL: strings.TrimSuffix(c.PublicURL, "/"), name: c.Name, oauth: c.OAuth != nil, self: c.Self}
	// A proxy in front forwards the public name; a health check uses loopback.
	s.hosts = []string{"localhost", "127.0.0.1", "::1"}
	if public, err := url.Parse(c.PublicURL); err == nil && public.Hostname() != "" {
		s.hosts = append(s.hosts, public.Hostname())
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
			s = nil
		}
	}()
	if s.db, err = store.Open(ctx, c.Store); err != nil {
		return s, err
	}
	if s.directory, err = account.New(account.Config{
		Tenant: c.Tenant, Principals: c.Principals, TestKits: c.TestKits, Store: s.db, OAuth: c.OAuth, Logger: s.log,
	}); err != nil {
		return s, err
	}
	s.keys = account.NewKeyring(account.KeyringConfig{Store: s.db, Tenant: c.Tenant})
	s.staff, s.openREST = account.NewDesk(account.DeskConfig{Store: s.db, Tenant: c.Tenant}), c.OpenREST
	if s.queue, err = job.New(s.db, job.Config{Logger: s.log}); err != nil {
		return s, err
	}
	if s.adServer, err = builtin.New(builtin.Config{
		Store: s.db, Tenant: c.Tenant, Clock: c.Clock, Seed: c.Seed,
	}); err != nil {
		return s, err
	}
	if s.outbox, err = s.newOutbox(ctx, c); err != nil {
		return s, err
	}
	watched, err := governanceAgents(c)
	if err != nil {
		return s, err
	}
	if s.service, err = seller.New(seller.Config{
		Tenant: c.Tenant, Name: c.Name, AgentURL: c.PublicURL, Endpoint: strings.TrimSuffix(c.PublicURL, "/") + endpointMCP, Catalogue: c.Catalogue,
		Supply: func(products []*seller.Product) error {
			return s.adServer.Stock(supply.Of(&seller.Catalogue{Products: products}))
		},
		Store: s.db, Queue: s.queue, AdServer: s.adServer, Clock: c.Clock, SalesDesk: c.SalesDesk, CreativeReview: c.Review, Logger: s.log,
		Describe: s.describe, Webhooks: s.outbox, Relations: relations(c.TestKits), Governance: watched, AnswerAtOnce: answerAtOnce(c.TestKits), StandIn: s.standIn, Showcase: s.showcase,
	}); err != nil {
		return s, err
	}
	if differs, err := s.service.OpenCatalogue(ctx); err != nil {
		return s, err
	} else if differs {
		s.log.Warn("the catalogue's file is not the one that was read first; the catalogue in the database is sold. To sell the file: upfront catalogue import FILE")
	}
	signatures, err := s.verifySignatures(c)
	if err != nil {
		return s, err
	}
	s.agent = agent.New(agent.Config{
		Name: "upfront", Version: Version, Clock: c.Clock, Authenticator: s.directory,
		Signatures: signatures, Accounts: s.service, Idempotency: s.db.Idempotency(store.IdempotencyConfig{}), RateLimit: c.RateLimit, Amend: s.amend,
		Logger: s.log, Observe: s.metrics.observe,
	})
	s.service.Register(s.agent)
	if err := s.openSandbox(ctx, c); err != nil {
		return s, err
	}
	if c.Signatures != nil {
		s.signing = s.signaturePolicy(c.Signatures.Policy)
	}
	return s, s.queue.Start(ctx)
}

// Where the agent is served over MCP and over A2A.
const (
	endpointMCP = "/sales/mcp"
	endpointA2A = "/sales/a2a"
)

// Handler serves the agent at /sales/mcp and /sales/a2a, its REST interface for the
// publisher's own people below /api/v1, its health at /healthz and its metrics at /metrics, and where there is an OAuth issuer, the endpoints'
// protected-resource metadata below /.well-known/oauth-protected-resource. The
// agent card is below /sales/a2a and at the root of the host, where callers look
// who know no more than a name.
func (s *Sales) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(endpointMCP, mcp.NewHandler(s.agent, mcp.Options{
		Hosts: s.hosts, Logger: s.log, ResourceMetadata: s.describeResource(mux, endpointMCP),
	}))
	skills := a2a.NewHandler(s.agent, a2a.Options{
		URL: s.publicURL + endpointA2A, Description: s.cardText(),
		Hosts: s.hosts, Logger: s.log, ResourceMetadata: s.describeResource(mux, endpointA2A), Now: s.clock.Now,
		PushNotifications: s.outbox != nil, Done: s.done,
	})
	mux.Handle(endpointA2A, skills)
	mux.Handle(endpointA2A+"/.well-known/", skills)
	mux.Handle("/.well-known/agent-card.json", skills)
	mux.Handle("/.well-known/agent.json", skills)
	s.serveSelf(mux)
	mux.Handle(api.Prefix+"/", s.rest())
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}

// cardText says in the agent card what the agent is for.
func (s *Sales) cardText() string {
	if s.name == "" {
		return "Sells advertising over the Ad Context Protocol."
	}
	return s.name + " sells advertising over the Ad Context Protocol."
}

// describeResource serves the protected-resource metadata (RFC 9728) of an
// endpoint and returns its address, or "" where there is no OAuth issuer.
func (s *Sales) describeResource(mux *http.ServeMux, endpoint string) string {
	document, err := s.directory.ResourceMetadata(s.publicURL+endpoint, s.name)
	if document == nil || err != nil {
		return ""
	}
	const wellKnown = "/.well-known/oauth-protected-resource"
	mux.HandleFunc("GET "+wellKnown+endpoint, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*") // it is public, and pages look for it
		_, _ = w.Write(document)
	})
	return s.publicURL + wellKnown + endpoint
}

// health answers 200 while the database does, 503 otherwise.
func (s *Sales) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	status, body := http.StatusOK, map[string]string{"status": "ok", "database": string(s.db.Dialect())}
	if err := s.db.Ping(ctx); err != nil {
		s.log.Error("health", "err", err)
		status, body["status"] = http.StatusServiceUnavailable, "the database does not answer"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// CatchUp brings the ad server's delivery and the media buys' states up to the
// clock. The work that follows from it is done by the queue; see [Sales.Settle].
func (s *Sales) CatchUp(ctx context.Context) error {
	if err := s.adServer.Deliver(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return s.service.Tick(ctx)
}

// settleWithin is how soon a job that failed must be due again to be waited for.
const settleWithin = 10 * time.Second

// Settle waits until the queue has done what is due, with what failed and is
// soon tried again, so that a simulated clock does not run ahead of the work.
func (s *Sales) Settle(ctx context.Context) error { return s.queue.DrainWithin(ctx, settleWithin) }

// EndStreams ends the streams that follow tasks, which would otherwise keep a server
// from stopping until their tasks are settled.
func (s *Sales) EndStreams() { s.endOnce.Do(func() { close(s.done) }) }

// Close stops the queue, letting running jobs end, and closes the database.
func (s *Sales) Close(ctx context.Context) error {
	var errs []error
	if s.queue != nil {
		errs = append(errs, s.queue.Stop(ctx))
	}
	if s.directory != nil {
		s.directory.Close()
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}
