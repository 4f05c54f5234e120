package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// maxCredential bounds what is looked at as a credential, in bytes.
const maxCredential = 16 << 10

// Principal is a party that may call an agent: a brand's or an agency's buying
// agent, known by configuration. Those known by keys in the store need no entry.
type Principal struct {
	// Name is how the principal is known in accounts, tasks and logs.
	Name string
	// KeySHA256 is the SHA-256 digest of the principal's API key, in hex. It may be
	// empty for a principal that signs.
	KeySHA256 string
	// AgentURL, where set, is the agent whose signatures stand for the principal.
	AgentURL string
	// Sandbox principals see simulated delivery and the test controller.
	Sandbox bool
	// Scope is what the key is good for; the zero Scope is everything.
	Scope Scope
}

func (p Principal) caller(tenant string) agent.Caller {
	return agent.Caller{Tenant: tenant, Principal: p.Name, Sandbox: p.Sandbox, Permission: p.Scope.permission()}
}

// Config is what a [Directory] is made of. Only Tenant is required.
type Config struct {
	// Tenant is the space of data that every caller is let into.
	Tenant string
	// Principals are known by configuration.
	Principals []Principal
	// TestKits are known by keys that anybody can read; only a sandbox has them.
	TestKits []TestKit
	// Store, where given, holds the keys that a [Keyring] makes.
	Store *store.DB
	// OAuth, where given, names the issuer whose tokens are accepted.
	OAuth *OAuthConfig
	// Clock is real time, by which keys and tokens expire, whatever time it is in
	// the agent's own world: the system's where nil.
	Clock clock.Clock
	// Logger receives faults, never a credential; by default nothing is logged.
	Logger *slog.Logger
}

// Directory authenticates the principals of one tenant: by API keys from the
// configuration and the store, given as a bearer token or through HTTP Basic,
// and by OAuth bearer tokens. It implements [agent.Authenticator].
type Directory struct {
	tenant string
	byHash map[string]agent.Caller
	agents map[string]agent.Caller // by their addresses
	kits   map[string]agent.Caller // by the kit's name
	keys   *lookup
	oauth  *issuer
}

// New checks the principals: names and keys must be unique, each digest must be
// 64 hex digits, and scopes must name operations that exist. It makes no call to
// the OAuth issuer. Close the directory before its store.
func New(c Config) (*Directory, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Directory{tenant: c.Tenant, byHash: make(map[string]agent.Caller, len(c.Principals)), agents: map[string]agent.Caller{}}
	names := map[string]bool{}
	for i, p := range c.Principals {
		switch raw, err := hex.DecodeString(p.KeySHA256); {
		case p.Name == "":
			return nil, fmt.Errorf("principals[%d].name is missing", i)
		case names[p.Name]:
			return nil, fmt.Errorf("principals[%d].name %q is there twice", i, p.Name)
		case p.AgentURL != "" && p.KeySHA256 == "":
		case err != nil || len(raw) != sha256.Size:
			return nil, fmt.Errorf("principals[%d] (%s): the key's digest must be 64 hex digits of SHA-256", i, p.Name)
		}
		if err := p.Scope.Validate(); err != nil {
			return nil, fmt.Errorf("principals[%d] (%s): %w", i, p.Name, err)
		}
		names[p.Name] = true
		if p.AgentURL != "" {
			if other, taken := d.agents[p.AgentURL]; taken {
				return nil, fmt.Errorf("principals[%d] (%s) has the same agent_url as %s", i, p.Name, other.Principal)
			}
			d.agents[p.AgentURL] = p.caller(c.Tenant)
		}
		if p.KeySHA256 == "" {
			continue
		}
		hash := strings.ToLower(p.KeySHA256)
		if other, taken := d.byHash[hash]; taken {
			return nil, fmt.Errorf("principals[%d] (%s) has the same key as %s", i, p.Name, other.Principal)
		}
		d.byHash[hash] = p.caller(c.Tenant)
	}
	if err := d.admitKits(c.TestKits, names); err != nil {
		return nil, err
	}
	if c.Store != nil {
		d.keys = newLookup(c)
	}
	if c.OAuth != nil {
		var err error
		if d.oauth, err = newIssuer(c); err != nil {
			return nil, fmt.Errorf("oauth: %w", err)
		}
	}
	return d, nil
}

// Close waits until the last use of every key is written.
func (d *Directory) Close() {
	if d.keys != nil {
		d.keys.close()
	}
}

// Authenticate implements [agent.Authenticator]. No credential is an anonymous
// caller; one that is unknown, expired, revoked or malformed is
// [agent.ErrBadCredential], whichever it is. Every well-formed key costs one
// digest and one look-up by it, known or not; a look-up by digest leaks no
// timing about the key itself.
func (d *Directory) Authenticate(ctx context.Context, c agent.Credential) (agent.Caller, error) {
	if len(c.Value) > maxCredential {
		return agent.Caller{}, agent.ErrBadCredential
	}
	switch strings.ToLower(c.Scheme) {
	case "":
		return agent.Caller{Tenant: d.tenant, Anonymous: true}, nil
	case "bearer":
		if d.oauth != nil && compactJWS(c.Value) {
			if caller, known := d.byHash[HashKey(c.Value)]; known {
				return caller, nil
			}
			return d.oauth.authenticate(ctx, c.Value)
		}
		return d.static(ctx, c.Value)
	case "basic":
		if key, ok := basicKey(c.Value); ok {
			return d.static(ctx, key)
		}
	}
	return agent.Caller{}, agent.ErrBadCredential
}

// Signed names the caller that the agent of that address is, and is
// [agent.ErrBadCredential] for one that is no principal's. That it is the agent,
// a verifier of signatures has found out before.
func (d *Directory) Signed(_ context.Context, agentURL string) (agent.Caller, error) {
	caller, known := d.agents[agentURL]
	if !known {
		return agent.Caller{}, agent.ErrBadCredential
	}
	return caller, nil
}

// static looks for an API key, first in the configuration, then in the store.
func (d *Directory) static(ctx context.Context, key string) (agent.Caller, error) {
	digest := HashKey(key)
	if caller, known := d.byHash[digest]; known {
		return caller, nil
	}
	if caller, known := d.kit(key); known {
		return caller, nil
	}
	if d.keys == nil || !wellFormed(key) {
		return agent.Caller{}, agent.ErrBadCredential
	}
	return d.keys.authenticate(ctx, digest)
}

// basicKey reads the key out of the base64 text of HTTP Basic: the password, or
// the user where there is no password, as tools send it that know only users. A
// user beside a password is not looked at: the key alone says who calls.
func basicKey(encoded string) (string, bool) {
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", false
	}
	user, password, ok := strings.Cut(string(plain), ":")
	if !ok {
		return "", false
	}
	if password == "" {
		password = user
	}
	return password, password != ""
}

func newLookup(c Config) *lookup {
	return &lookup{
		store: c.Store, tenant: c.Tenant, clock: c.Clock, log: c.Logger,
		known: map[string]held{}, touched: map[string]time.Time{},
	}
}
