package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/identity"
	"github.com/upfront-media/upfront/internal/sandbox"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
)

// Tenants key what the sales agent stores, so that a sandbox beside a trading
// agent in one database shares nothing with it, keys included.
const (
	salesTenant   = "sales"
	sandboxTenant = "sandbox"
)

// tenant keys everything the sales agent stores.
func (s Settings) tenant() string {
	if s.Sandbox {
		return sandboxTenant
	}
	return salesTenant
}

// testKits are the published principals, known in the sandbox alone.
func (s Settings) testKits() []account.TestKit {
	if s.Sandbox {
		return account.TestKits()
	}
	return nil
}

// exampleCatalogue names the catalogue that is sold where none is set: in the
// sandbox one whose orders are refused for nothing but what a test is about.
func (s Settings) exampleCatalogue() string {
	if s.Sandbox {
		return "sandbox"
	}
	return "northlight"
}

// KeylessAPI tells that REST needs no key: whoever reaches a sandbox is on the
// same machine.
func (s Settings) KeylessAPI() bool { return s.Sandbox }

// validateSandbox keeps the sandbox, whose keys anybody can read, from being
// reached by anybody.
func (s Settings) validateSandbox() error {
	if !s.Sandbox {
		if s.Identity.Listen != "" {
			return errors.New("identity.listen: it is the sandbox's own https address; outside, put a proxy with your certificate in front and name it in public_url")
		}
		return nil
	}
	if host, _, _ := net.SplitHostPort(s.Identity.Listen); s.Identity.Listen != "" && !loopback(host) {
		return fmt.Errorf("sandbox: identity.listen is %q, and it has published keys and listens on loopback only; use 127.0.0.1:8443", s.Identity.Listen)
	}
	if host, _, _ := net.SplitHostPort(s.Listen); !loopback(host) {
		return fmt.Errorf("sandbox: it has published keys and listens on loopback only, which %q is not; use listen: 127.0.0.1:8080, or leave sandbox out", s.Listen)
	}
	if s.PublicURL == "" {
		return nil
	}
	if u, err := url.Parse(s.PublicURL); err != nil || !loopback(u.Hostname()) {
		return fmt.Errorf("sandbox: it has published keys and no public address; leave public_url (%s) out, or sandbox", s.PublicURL)
	}
	return nil
}

// loopback tells whether the host names this machine and nothing else. It
// resolves nothing: only names that mean loopback everywhere count.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// sandboxLog is the file that a sandbox logs to.
func (s Settings) sandboxLog() string { return filepath.Join(s.Data, "sandbox.log") }

// logWriter is where logs go: to out, or in the sandbox to a file of its own, so
// that its few lines on how to use it stay on the screen.
func (s Settings) logWriter(out io.Writer) (io.Writer, func(), error) {
	if !s.Sandbox {
		return out, func() {}, nil
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	file, err := os.OpenFile(s.sandboxLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	return file, func() { _ = file.Close() }, nil
}

// announceSandbox says what the sandbox is and how to call it.
func (s Settings) announceSandbox(out io.Writer, at *listeners, verifies bool) {
	fmt.Fprintf(out, "SANDBOX: nothing here is real. Orders are signed by themselves after %s.\n", s.Sales.Approval.After)
	fmt.Fprintln(out, "principals, by their published keys:")
	for _, k := range s.testKits() {
		note := "sandbox"
		switch {
		case k.Live:
			note = "live: has no comply_test_controller"
		case len(k.Billing) > 0:
			note = fmt.Sprintf("sandbox; may be billed through %v only", k.Billing[0])
		}
		fmt.Fprintf(out, "  %-27s %s\n", k.Key(), note)
	}
	if verifies {
		fmt.Fprintf(out, "  %-27s sandbox; by the signatures of the published test keys\n", testSigner)
	}
	fmt.Fprintf(out, "brand.json and keys at %s%s,\nwhich is trusted with NODE_EXTRA_CA_CERTS=%s\n", at.secureURL(), identity.BrandPath, at.authority.File())
	fmt.Fprintf(out, "data in %s, log in %s\n", s.Data, s.sandboxLog())
}

// relations is what the test kits' onboarding records say.
func relations(kits []account.TestKit) map[string]seller.Relation {
	agreed := map[string]seller.Relation{}
	for _, k := range kits {
		agreed[k.Principal()] = seller.Relation{Billing: k.Billing}
	}
	return agreed
}

// answerAtOnce has the sandbox answer orders that name a receiver on this machine
// before they are booked: its ad server is so quick that a developer would otherwise
// never see a webhook.
func answerAtOnce(kits []account.TestKit) func(*adcp.PushNotificationConfig) bool {
	if len(kits) == 0 {
		return nil
	}
	return func(c *adcp.PushNotificationConfig) bool {
		u, err := url.Parse(c.URL)
		return err == nil && loopback(u.Hostname())
	}
}

// openSandbox serves comply_test_controller where there are test kits. An agent
// that trades has none: it does not make the controller, let alone register it.
func (s *Sales) openSandbox(ctx context.Context, c SalesConfig) error {
	if len(c.TestKits) == 0 {
		return nil
	}
	var principals []string
	brands := map[string]string{}
	for _, k := range c.TestKits {
		if !k.Live {
			principals = append(principals, k.Principal())
			brands[k.Principal()] = k.Brand
		}
	}
	for _, p := range c.Principals {
		if p.Sandbox {
			principals = append(principals, p.Name)
		}
	}
	controller, err := sandbox.New(ctx, sandbox.Config{
		AgentURL: c.PublicURL, Principals: principals, Brands: brands,
		Tenant: c.Tenant, Store: s.db, Clock: c.Clock, Seller: s.service, AdServer: s.adServer, Logger: s.log,
		Supply: func(products []*seller.Product) error {
			held := supply.Of(&seller.Catalogue{Products: products})
			held[seller.UnlistedProduct] = builtin.Supply{}
			return s.adServer.Stock(held)
		},
	})
	if err != nil {
		return err
	}
	controller.Register(s.agent)
	s.sandbox = controller
	return nil
}

// amend lets test drivers name accounts of their own beside those of a test kit.
func (s *Sales) amend(caller agent.Caller, operation string, arguments json.RawMessage) json.RawMessage {
	if s.sandbox == nil {
		return arguments
	}
	return s.sandbox.Amend(caller, operation, arguments)
}

// showcase keeps tests apart.
func (s *Sales) showcase(ctx context.Context, call *agent.Call) ([]string, error) {
	if s.sandbox == nil {
		return nil, nil
	}
	return s.sandbox.Showcase(ctx, call)
}

// standIn lets test drivers name accounts that they never opened.
func (s *Sales) standIn(ctx context.Context, caller agent.Caller, accountID string) (string, error) {
	if s.sandbox == nil {
		return "", nil
	}
	return s.sandbox.StandIn(ctx, caller, accountID)
}
