package seller

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/upfront-media/upfront/internal/clock"
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
	// Catalogue is what the seller sells. Required.
	Catalogue *Catalogue
	// Clock tells the time. Required.
	Clock clock.Clock
	// Logger takes structured logs; nothing is logged where it is nil.
	Logger *slog.Logger
}

// Service is a sales agent.
type Service struct {
	tenant    string
	name      string
	agentURL  string
	catalogue *Catalogue
	clock     clock.Clock
	log       *slog.Logger
}

// New checks the configuration and returns a sales agent. It does not touch the
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
	if c.Name == "" {
		c.Name = c.Catalogue.Name
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{
		tenant: c.Tenant, name: c.Name, agentURL: c.AgentURL,
		catalogue: c.Catalogue, clock: c.Clock, log: c.Logger,
	}, nil
}
