package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
)

// Counterparty is an agent whose signatures count here.
type Counterparty struct {
	// AgentURL is its address, exactly as its operator's brand.json lists it.
	AgentURL string
	// BrandURL is the operator's brand.json, where it was told when the agent was
	// taken on. Where empty, the agent's own capabilities name it.
	BrandURL string
	// Keys, where given, are the agent's keys, and nothing is looked up.
	Keys *signing.KeySet
	// RevokedKeys are ids of keys that are good for nothing, whatever is published.
	RevokedKeys []string
}

// CounterpartiesConfig is what [NewCounterparties] takes.
type CounterpartiesConfig struct {
	Agents []Counterparty
	// Posture asks an agent for its capabilities. Without it every agent needs
	// Keys or a BrandURL.
	Posture func(ctx context.Context, agentURL string) (signing.Posture, error)
	// Client reads what agents and their operators publish; one that stays with
	// public addresses where nil.
	Client *http.Client
	// DemandRevocations refuses the keys of an operator that publishes no revocation
	// list at all. Without it such an operator is taken to have revoked nothing; a
	// list that was there once and cannot be read any more is never taken for that.
	DemandRevocations bool
	// Clock tells how old what was read is. Required.
	Clock clock.Clock
}

// Counterparties knows the keys of agents and which of them are revoked. It is a
// [signing.KeySource] and [signing.Revocations].
type Counterparties struct {
	agents      map[string]Counterparty
	pinned      []Counterparty
	discovered  []string
	directory   *signing.Directory
	revocations *signing.RemoteRevocations
}

var (
	_ signing.KeySource   = (*Counterparties)(nil)
	_ signing.Revocations = (*Counterparties)(nil)
)

// NewCounterparties checks the configuration and reads nothing yet.
func NewCounterparties(cfg CounterpartiesConfig) (*Counterparties, error) {
	c := &Counterparties{agents: map[string]Counterparty{}}
	for _, a := range cfg.Agents {
		u, err := url.Parse(a.AgentURL)
		_, twice := c.agents[a.AgentURL]
		switch {
		case err != nil || u.Scheme != "https" || u.Host == "":
			return nil, fmt.Errorf("agent_url: %q is not an https address", a.AgentURL)
		case twice:
			return nil, fmt.Errorf("agent_url: %s is there twice", a.AgentURL)
		case a.Keys != nil:
			c.pinned = append(c.pinned, a)
		case a.BrandURL == "" && cfg.Posture == nil:
			return nil, fmt.Errorf("agent_url: nothing leads to the keys of %s", a.AgentURL)
		default:
			c.discovered = append(c.discovered, a.AgentURL)
		}
		c.agents[a.AgentURL] = a
	}
	var err error
	c.directory, err = signing.NewDirectory(signing.DirectoryConfig{
		Agents: func(context.Context) ([]string, error) { return c.discovered, nil },
		Posture: func(ctx context.Context, agentURL string) (signing.Posture, error) {
			if brand := c.agents[agentURL].BrandURL; brand != "" {
				return signing.Posture{BrandJSONURL: brand}, nil
			}
			return cfg.Posture(ctx, agentURL)
		},
		Client: cfg.Client, Clock: cfg.Clock,
	})
	if err != nil {
		return nil, err
	}
	c.revocations, err = signing.NewRemoteRevocations(signing.RemoteRevocationsConfig{
		Keys: c.directory, URL: c.revocationsURL, Optional: !cfg.DemandRevocations, Client: cfg.Client, Clock: cfg.Clock,
	})
	return c, err
}

// revocationsURL is where an operator publishes what it has revoked: on the origin
// of its brand.json.
func (c *Counterparties) revocationsURL(ctx context.Context, agentURL string) (string, error) {
	r, err := c.directory.Resolution(ctx, agentURL)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(r.BrandJSONURL)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host + "/.well-known/governance-revocations.json", nil
}

// Key implements [signing.KeySource]. Keys that were given go before keys that are
// looked up, so that nobody makes one ambiguous by publishing its id.
func (c *Counterparties) Key(ctx context.Context, agentURL, keyID string) (*signing.Key, error) {
	var found *signing.Key
	for _, a := range c.pinned {
		if agentURL != "" && agentURL != a.AgentURL {
			continue
		}
		key, err := a.Keys.Key(ctx, "", keyID)
		switch {
		case errors.Is(err, &signing.Error{Reason: signing.ReasonKeyUnknown}):
			continue
		case err != nil:
			return nil, err
		case found != nil:
			return nil, &signing.Error{Reason: signing.ReasonKeyUnknown, Detail: "several agents use the key id: name the agent"}
		}
		own := *key
		own.AgentURL = a.AgentURL
		found = &own
	}
	if found != nil {
		return found, nil
	}
	return c.directory.Key(ctx, agentURL, keyID)
}

// Check implements [signing.Revocations].
func (c *Counterparties) Check(ctx context.Context, key *signing.Key) error {
	a := c.agents[key.AgentURL]
	switch {
	case slices.Contains(a.RevokedKeys, key.ID):
		return &signing.Error{Reason: signing.ReasonKeyRevoked, Detail: "the key is revoked by our own settings"}
	case a.Keys != nil:
		return nil
	}
	return c.revocations.Check(ctx, key)
}
