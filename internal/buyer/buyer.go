package buyer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// Seller is a sales agent that may be asked and booked at. It is trusted as far
// as being in the configuration goes; what it answers is checked.
type Seller struct {
	// Name is how the seller is called in plans and reports. It identifies the
	// seller: identifiers are derived from it, so the address may change.
	Name string
	// URL is the agent's MCP address.
	URL string
	// Token is the credential sent to it; "" sends none.
	Token string
}

// Config is what a brand agent needs to work.
type Config struct {
	// Tenant keys everything the agent stores. Required.
	Tenant string
	// Store is the agent's database. Required.
	Store *store.DB
	// Sellers are asked in every plan. Names must differ.
	Sellers []Seller
	// HTTPClient carries the calls; a default one where nil.
	HTTPClient *http.Client
	// AllowPlainHTTP lets tokens travel over http to addresses that are not loopback.
	AllowPlainHTTP bool
	// Clock dates what happens. Required. Deadlines are in real time nevertheless.
	Clock clock.Clock
	// Deadline is how long each seller has to answer a brief, over all its
	// pages; 10 seconds where zero.
	Deadline time.Duration
	// Timeout bounds one attempt of any other call; 30 seconds where zero.
	Timeout time.Duration
	// Attempts is how often a call is tried at a time; 3 where zero.
	Attempts int
	// Operator is the domain of who operates the accounts at sellers; the
	// brand's own where empty.
	Operator string
	// Wait pauses between attempts; in real time where nil.
	Wait func(ctx context.Context, d time.Duration) error
	// Logger takes structured logs; nothing is logged where it is nil.
	Logger *slog.Logger
}

// Service is a brand agent. Its methods are safe for concurrent use, and each
// may be run again after it failed or its process died: it goes on where the
// store says the campaign is.
type Service struct {
	tenant   string
	db       *store.DB
	sellers  []Seller
	clients  map[string]*client.Client
	clock    clock.Clock
	deadline time.Duration
	attempts int
	operator string
	wait     func(ctx context.Context, d time.Duration) error
	log      *slog.Logger
	// step is called between any two steps of a campaign; tests stop it there.
	step func(ctx context.Context, at string) error
}

// New checks the configuration and returns a brand agent. It calls nobody yet.
func New(c Config) (*Service, error) {
	switch {
	case c.Tenant == "":
		return nil, errors.New("buyer: Config.Tenant is empty")
	case c.Store == nil:
		return nil, errors.New("buyer: Config.Store is missing")
	case c.Clock == nil:
		return nil, errors.New("buyer: Config.Clock is missing")
	case c.Operator != "" && !isDomain(c.Operator):
		return nil, fmt.Errorf("buyer: Config.Operator %q is not a domain such as agency.example", c.Operator)
	}
	s := &Service{
		tenant: c.Tenant, db: c.Store, sellers: slices.Clone(c.Sellers), clients: map[string]*client.Client{}, clock: c.Clock,
		deadline: cmp.Or(c.Deadline, 10*time.Second), attempts: cmp.Or(c.Attempts, 3), operator: c.Operator,
		wait: c.Wait, log: c.Logger, step: func(ctx context.Context, _ string) error { return ctx.Err() },
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.wait == nil {
		s.wait = pause
	}
	for _, seller := range s.sellers {
		if seller.Name == "" || seller.URL == "" {
			return nil, errors.New("buyer: Config.Sellers holds a seller without a name or an address")
		}
		if s.clients[seller.Name] != nil {
			return nil, fmt.Errorf("buyer: Config.Sellers holds %q twice", seller.Name)
		}
		s.clients[seller.Name] = client.New(client.Config{
			URL: seller.URL, Token: seller.Token, HTTPClient: c.HTTPClient, AllowPlainHTTP: c.AllowPlainHTTP,
			Timeout: cmp.Or(c.Timeout, client.DefaultTimeout), Attempts: 1, Wait: s.wait,
		})
	}
	slices.SortFunc(s.sellers, func(a, b Seller) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// Close ends the connections to sellers. What is under way is in the store.
func (s *Service) Close() error {
	var failures []error
	for _, c := range s.clients {
		failures = append(failures, c.Close())
	}
	return errors.Join(failures...)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retries lets a call that changes nothing, or the same thing again, be tried as
// often as is configured. Other calls are tried once and counted by the booking.
func (s *Service) retries() client.Option { return client.WithAttempts(s.attempts) }

// client finds the connection to a seller of a stored campaign, which may have
// left the configuration meanwhile.
func (s *Service) client(seller string) (*client.Client, error) {
	if c, ok := s.clients[seller]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("seller %q is not in the configuration any more", seller)
}
