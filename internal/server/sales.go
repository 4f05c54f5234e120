package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
	"github.com/upfront-media/upfront/internal/store"
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
	// Approval says who signs orders that need a person.
	SalesDesk seller.SalesDesk
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
	metrics  *metrics
	clock    clock.Clock
	log      *slog.Logger
	// hosts are the names under which the agent may be reached.
	hosts []string
}

// NewSales opens the database, starts the job queue and returns the agent, ready
// to answer. It finishes what an earlier process left behind.
func NewSales(ctx context.Context, c SalesConfig) (s *Sales, err error) {
	s = &Sales{metrics: newMetrics(), clock: c.Clock, log: c.Logger}
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
	directory, err := account.NewDirectory(c.Tenant, c.Principals)
	if err != nil {
		return s, err
	}
	if s.db, err = store.Open(ctx, c.Store); err != nil {
		return s, err
	}
	if s.queue, err = job.New(s.db, job.Config{Logger: s.log}); err != nil {
		return s, err
	}
	if s.adServer, err = builtin.New(builtin.Config{
		Store: s.db, Tenant: c.Tenant, Clock: c.Clock, Supply: supply.Of(c.Catalogue), Seed: c.Seed,
	}); err != nil {
		return s, err
	}
	if s.service, err = seller.New(seller.Config{
		Tenant: c.Tenant, Name: c.Name, AgentURL: c.PublicURL, Catalogue: c.Catalogue,
		Store: s.db, Queue: s.queue, AdServer: s.adServer, Clock: c.Clock, SalesDesk: c.SalesDesk, Logger: s.log,
	}); err != nil {
		return s, err
	}
	s.agent = agent.New(agent.Config{
		Name: "upfront", Version: Version, Clock: c.Clock, Authenticator: directory,
		Accounts: s.service, Idempotency: s.db.Idempotency(store.IdempotencyConfig{}),
		Logger: s.log, Observe: s.metrics.observe,
	})
	s.service.Register(s.agent)
	return s, s.queue.Start(ctx)
}

// Handler serves the agent at /sales/mcp, its health at /healthz and its metrics at /metrics.
func (s *Sales) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/sales/mcp", mcp.NewHandler(s.agent, mcp.Options{Hosts: s.hosts, Logger: s.log}))
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
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
// clock, and waits for the work that follows from it.
func (s *Sales) CatchUp(ctx context.Context) error {
	if err := s.adServer.Deliver(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	if err := s.service.Tick(ctx); err != nil {
		return err
	}
	return s.queue.Drain(ctx)
}

// Close stops the queue, letting running jobs end, and closes the database.
func (s *Sales) Close(ctx context.Context) error {
	var errs []error
	if s.queue != nil {
		errs = append(errs, s.queue.Stop(ctx))
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}
