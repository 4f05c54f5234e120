package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// ErrForbidden is wrapped by every refusal of an address: trying again later does
// not help, unless its owner points it elsewhere.
var ErrForbidden = errors.New("the address may not be called")

// DefaultTimeout is how long a call may take, from looking the name up to the end
// of the answer.
const DefaultTimeout = 10 * time.Second

const (
	maxHeader      = 64 << 10
	maxConnections = 4
	idleTimeout    = 30 * time.Second
)

// Resolver looks names up. [net.DefaultResolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says how a guarded client works. The zero value is good.
type Config struct {
	// AllowLoopback, for development and the sandbox only, lets calls go to
	// loopback addresses as well, over http too. Everything else stays forbidden.
	AllowLoopback bool
	// Timeout of one call; [DefaultTimeout] where zero.
	Timeout time.Duration
	// RootCAs are whom certificates are believed from; the system's where nil.
	RootCAs *x509.CertPool
	// Resolver looks names up; the system's where nil.
	Resolver Resolver
	// Dial connects to an address that was found good, "ip:port"; a plain dialer
	// where nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Guard decides which addresses may be called.
type Guard struct{ cfg Config }

// New makes a guard.
func New(cfg Config) *Guard {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	return &Guard{cfg}
}

// Check tells what can be told of a URL without looking its host up: that it is
// absolute, https, without user information, and no forbidden address. A good one
// may still turn out to lead to a forbidden address when it is called.
func (g *Guard) Check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("%w: it is not a URL", ErrForbidden)
	}
	return g.checkURL(u)
}

func (g *Guard) checkURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case host == "":
		return fmt.Errorf("%w: it names no host", ErrForbidden)
	case u.User != nil:
		return fmt.Errorf("%w: it holds user information", ErrForbidden)
	case u.Scheme == "https":
	case u.Scheme == "http" && g.cfg.AllowLoopback && loopbackName(host):
	default:
		return fmt.Errorf("%w: it is not https", ErrForbidden)
	}
	if a, err := netip.ParseAddr(host); err == nil && !g.allows(a) {
		return fmt.Errorf("%w: it is not a public address", ErrForbidden)
	}
	if name := strings.TrimSuffix(strings.ToLower(host), "."); !g.cfg.AllowLoopback && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return fmt.Errorf("%w: it is not a public address", ErrForbidden)
	}
	return nil
}

// loopbackName tells whether a host can only be this machine: http needs that
// before anything is looked up.
func loopbackName(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

func (g *Guard) allows(a netip.Addr) bool {
	return Public(a) || g.cfg.AllowLoopback && a.Zone() == "" && a.Unmap().IsLoopback()
}

// dial looks the name up once and connects to what was found and looked at. One
// forbidden address among several refuses them all: a name that points inside is
// not to be trusted with the rest.
func (g *Guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	addrs := make([]netip.Addr, 0, 4)
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = g.cfg.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, fmt.Errorf("look up the host: %w", err)
	}
	if len(addrs) == 0 {
		return nil, errors.New("look up the host: it has no address")
	}
	for _, a := range addrs {
		if !g.allows(a) {
			return nil, fmt.Errorf("%w: it leads to an address that is not public", ErrForbidden)
		}
	}
	var last error
	for _, a := range addrs {
		conn, err := g.cfg.Dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// Client is an HTTP client that calls only what the guard allows. It follows no
// redirect: the redirect is the answer. Its errors wrap [ErrForbidden] where the
// guard refused.
func (g *Guard) Client() *http.Client {
	return &http.Client{
		Transport: checked{g, &http.Transport{
			DialContext:            g.dial,
			TLSClientConfig:        &tls.Config{RootCAs: g.cfg.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    g.cfg.Timeout,
			ResponseHeaderTimeout:  g.cfg.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			MaxConnsPerHost:        maxConnections,
			IdleConnTimeout:        idleTimeout,
			ForceAttemptHTTP2:      true,
		}},
		Timeout:       g.cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checked looks at every URL before it is called.
type checked struct {
	guard *Guard
	base  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.guard.checkURL(r.URL); err != nil {
		return nil, err
	}
	return c.base.RoundTrip(r)
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] reach the transport.
func (c checked) CloseIdleConnections() {
	if closer, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
