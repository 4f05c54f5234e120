package client

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/upfront-media/upfront/adcp"
)

// Defaults of [Config].
const (
	// DefaultTimeout bounds one attempt, from dialling to the answer's last byte.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxAnswer is the greatest answer read, in bytes.
	DefaultMaxAnswer = 8 << 20
	// DefaultAttempts is how often a call is tried in all.
	DefaultAttempts = 3
	// DefaultPatience bounds the waits between the attempts of one call together.
	DefaultPatience = 60 * time.Second
	// DefaultCapabilitiesAge is how long what an agent said of itself is believed.
	DefaultCapabilitiesAge = 10 * time.Minute
)

// Config is what a [Client] is built from. Only URL is required.
type Config struct {
	// URL is the agent's address, such as "https://seller.example/sales/mcp", or
	// "https://seller.example/sales/a2a" for A2A.
	URL string
	// Protocol is the transport to call over: [MCP], the default, or [A2A].
	Protocol Protocol
	// Token is sent as a bearer credential; "" sends none.
	Token string
	// Signer, where given, signs requests (RFC 9421) for agents that verify
	// signatures: for the operations that the agent lists, for those that say how
	// webhooks to the caller are authenticated, and without a Token for all.
	// Capabilities are then read also where Version is pinned.
	Signer Signer
	// HTTPClient carries the requests. Redirects are not followed, unless it has a
	// CheckRedirect of its own: a credential should not travel to an address that
	// it was not meant for.
	HTTPClient *http.Client
	// AllowPlainHTTP lets the token travel over http to other machines. Without
	// it a token goes over https, or stays on this machine.
	AllowPlainHTTP bool
	// Timeout bounds one attempt; see [DefaultTimeout].
	Timeout time.Duration
	// MaxAnswer is the greatest answer read in bytes; see [DefaultMaxAnswer].
	MaxAnswer int64
	// Version pins the release to speak, such as "3.0". By default the agent's
	// capabilities are read before the first call, and the highest release that
	// both speak is pinned.
	Version string
	// Attempts is how often a call is tried in all, 1 for never again; see [DefaultAttempts].
	Attempts int
	// Patience bounds the waits between attempts; see [DefaultPatience].
	Patience time.Duration
	// CapabilitiesAge is how long capabilities are cached; see [DefaultCapabilitiesAge].
	CapabilitiesAge time.Duration
	// Wait pauses between attempts and returns early with the context's error.
	// By default it waits in real time; tests and simulations inject their own.
	Wait func(ctx context.Context, d time.Duration) error
	// Jitter returns a number in [0,1) that spreads retries; random by default.
	Jitter func() float64
	// NewKey makes the idempotency key of a call that brings none; by default a
	// random UUID.
	NewKey func() string
	// Breaker leaves an agent alone for a while that does not answer; none by default.
	Breaker BreakerConfig
	// Now tells the time for the breaker and for the age of cached capabilities;
	// the machine's by default.
	Now func() time.Time
}

// Client calls one agent. It is safe for concurrent use.
type Client struct {
	cfg     Config
	caller  caller
	breaker *breaker
	// undialable is why there is no caller: a transport that is not known.
	undialable error

	// known is what the agent last said of itself; asking is held while it is asked.
	mu     sync.Mutex
	known  *Capabilities
	asking chan struct{}
}

// New returns a client for one agent. It does not connect yet; an address that
// cannot be used is the first call's error.
func New(cfg Config) *Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxAnswer <= 0 {
		cfg.MaxAnswer = DefaultMaxAnswer
	}
	if cfg.Attempts <= 0 {
		cfg.Attempts = DefaultAttempts
	}
	if cfg.Patience <= 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.CapabilitiesAge <= 0 {
		cfg.CapabilitiesAge = DefaultCapabilitiesAge
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.NewKey == nil {
		cfg.NewKey = uuid.NewString
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, asking: make(chan struct{}, 1), breaker: newBreaker(cfg.Breaker, cfg.Now)}
	c.caller, c.undialable = dial(cfg.signing())
	return c
}

// Close ends the session with the agent. The client can be used again afterwards.
func (c *Client) Close() error {
	if c.caller == nil {
		return nil
	}
	return c.caller.Close()
}

// Option changes how one call is made.
type Option func(*options)

type options struct {
	unchecked bool
	attempts  int
	version   string
}

// WithoutResponseCheck skips the check of the answer against the published
// schema, for a caller that looks at every part of it itself: a buyer that
// drops one malformed product and keeps the others.
func WithoutResponseCheck() Option { return func(o *options) { o.unchecked = true } }

// WithAttempts overrides [Config].Attempts for one call.
func WithAttempts(n int) Option { return func(o *options) { o.attempts = n } }

// WithVersion overrides the pinned release for one call.
func WithVersion(release string) Option { return func(o *options) { o.version = release } }

// URL is the address the client calls.
func (c *Client) URL() string { return c.cfg.URL }

// Call calls one operation and decodes its answer. The request needs no
// adcp_version, adcp_major_version or idempotency_key; what it does bring is
// kept, so that a caller who must survive its own death derives its keys.
//
// The error is an [*adcp.Error] when the agent refused, and an [*Error] when no
// usable answer arrived. After an error of kind Timeout, Unreachable or
// Malformed nobody knows whether a mutating operation took place: call again
// with the same key.
func Call[Req, Resp any](ctx context.Context, c *Client, op adcp.Op[Req, Resp], req *Req, opts ...Option) (*Resp, error) {
	arguments, err := json.Marshal(req)
	if err != nil {
		return nil, &Error{Kind: Unsendable, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	body, err := CallRaw(ctx, c, op.Operation, arguments, opts...)
	if err != nil {
		return nil, err
	}
	resp := new(Resp)
	if err := adcp.Unmarshal(body, resp); err != nil {
		return nil, &Error{Kind: Malformed, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	return resp, nil
}

// CallRaw is [Call] for a request and an answer as JSON: the way of tools that
// know the operation's name only at run time, and of callers who look at every
// part of an answer themselves.
func CallRaw(ctx context.Context, c *Client, op *adcp.Operation, arguments json.RawMessage, opts ...Option) (json.RawMessage, error) {
	o := options{attempts: c.cfg.Attempts, version: c.cfg.Version}
	for _, opt := range opts {
		opt(&o)
	}
	if c.undialable != nil {
		return nil, &Error{Kind: Unsendable, Operation: op.Name, URL: c.cfg.URL, Err: c.undialable}
	}
	if err := c.checkURL(); err != nil {
		return nil, &Error{Kind: Unsendable, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	retrySafe := true
	var known *Capabilities
	if asks := op.Name == adcp.GetAdcpCapabilities.Name; !asks && (o.version == "" || c.cfg.Signer != nil) {
		var err error
		if known, err = c.Capabilities(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case o.version != "":
	case known == nil:
		o.version = newestRelease()
	default:
		o.version = known.Release
		retrySafe = !op.Mutating || known.ReplayTTL > 0
	}
	sent, err := c.complete(op, arguments, o.version)
	if err == nil {
		ctx, err = c.sign(ctx, op, sent, o.version, known)
	}
	if err != nil {
		return nil, &Error{Kind: Unsendable, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	body, err := c.persist(ctx, op, sent, o, retrySafe)
	if err != nil {
		return nil, err
	}
	if err := c.checkAnswer(op, body, o); err != nil {
		return nil, &Error{Kind: Malformed, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	return body, nil
}
