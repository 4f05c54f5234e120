package governance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/egress"
)

// DefaultWithin is how long a check may take, with a second attempt and all: what
// the protocol asks of an agent for an execution check.
const DefaultWithin = 10 * time.Second

// ErrUnavailable is wrapped by every check that came to no verdict.
var ErrUnavailable = errors.New("the governance agent gave no verdict")

// Config says how a [Client] works.
type Config struct {
	// Guard decides which addresses may be called. Required.
	Guard *egress.Guard
	// Within bounds one check; [DefaultWithin] where zero.
	Within time.Duration
}

// Client asks governance agents. It is safe for concurrent use.
type Client struct {
	cfg  Config
	web  *http.Client
	mu   sync.Mutex
	made map[[sha256.Size]byte]*client.Client
}

// New makes a client.
func New(cfg Config) (*Client, error) {
	if cfg.Guard == nil {
		return nil, errors.New("governance: Config.Guard is missing")
	}
	if cfg.Within <= 0 {
		cfg.Within = DefaultWithin
	}
	return &Client{cfg: cfg, web: cfg.Guard.Client(), made: map[[sha256.Size]byte]*client.Client{}}, nil
}

// CheckURL tells what can be told of an agent's address without calling it.
func (c *Client) CheckURL(url string) error { return c.cfg.Guard.Check(url) }

// maxClients bounds how many agents are remembered; they are cheap to make again.
const maxClients = 1000

// agent is the client of one agent with one credential. What the agent said of its
// releases is remembered with it.
func (c *Client) agent(url, token string) *client.Client {
	key := sha256.Sum256([]byte(url + "\x00" + token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.made) >= maxClients {
		clear(c.made)
	}
	if c.made[key] == nil {
		c.made[key] = client.New(client.Config{
			URL: url, Token: token, HTTPClient: c.web, Attempts: 2, Timeout: c.cfg.Within / 2, Patience: c.cfg.Within / 2,
			MaxAnswer: 1 << 20,
		})
	}
	return c.made[key]
}

// Check asks the agent at url. A verdict is returned as it was given. What the agent
// refuses in the protocol's words, such as a plan that it does not know, is an
// [*adcp.Error]; anything else wraps [ErrUnavailable].
func (c *Client) Check(ctx context.Context, url, token string, req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Within)
	defer cancel()
	resp, err := c.agent(url, token).CheckGovernance(ctx, req)
	if refused, ok := errors.AsType[*adcp.Error](err); ok && adcp.Val(refused.Recovery) != adcp.ErrorRecoveryTransient {
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return resp, nil
}
