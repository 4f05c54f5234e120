package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
)

// DefaultSkew is how far the clocks of issuer and agent may be apart.
const DefaultSkew = 30 * time.Second

// signatures are the algorithms that an issuer may be allowed. None of them is
// symmetric: a key set is public, and so would the secret be.
var signatures = map[string]jwa.SignatureAlgorithm{
	"RS256": jwa.RS256(), "RS384": jwa.RS384(), "RS512": jwa.RS512(),
	"PS256": jwa.PS256(), "PS384": jwa.PS384(), "PS512": jwa.PS512(),
	"ES256": jwa.ES256(), "ES384": jwa.ES384(), "ES512": jwa.ES512(),
	"EdDSA": jwa.EdDSA(),
}

// DefaultAlgorithms are those that are allowed where a configuration names none.
func DefaultAlgorithms() []string { return []string{"RS256", "PS256", "ES256", "EdDSA"} }

// DefaultScopes is what scopes mean where a configuration does not say.
func DefaultScopes() map[string][]string {
	return map[string][]string{"adcp": {GrantAll}, "adcp:read": {GrantRead}}
}

// OAuthConfig says whose bearer tokens are accepted, and what they are good for.
// Tokens are JWTs after RFC 9068, signed by a key of the issuer's set.
type OAuthConfig struct {
	// Issuer is the issuer's address, exactly as tokens name it: https.
	Issuer string
	// Audiences are the names of which a token must carry one: what the issuer
	// calls this agent. Required.
	Audiences []string
	// JWKSURL is where the issuer's keys are: https. Where empty, the issuer's own
	// metadata says so (RFC 8414, or OpenID Connect discovery).
	JWKSURL string
	// Algorithms are allowed for signatures; [DefaultAlgorithms] where empty.
	Algorithms []string
	// Scopes says what each OAuth scope is good for, in the words of
	// [Scope].Operations; [DefaultScopes] where empty. Scopes that are not named
	// here are good for nothing.
	Scopes map[string][]string
	// SubjectClaim is the claim that says who the token stands for; "sub" where empty.
	SubjectClaim string
	// Subjects are let in, each as a principal of ours.
	Subjects []Subject
	// AdmitAll lets in every other subject as well, as the principal
	// "oauth:" followed by the subject. Without it they are refused.
	AdmitAll bool
	// Skew is how far clocks may be apart; [DefaultSkew] where zero.
	Skew time.Duration
	// HTTPClient fetches the issuer's keys; a client of the machine's own settings
	// where nil. Redirects are never followed, and time and size are bounded.
	HTTPClient *http.Client
}

// Subject is somebody whom an issuer knows, and who they are here.
type Subject struct {
	// Subject is the value of the token's claim.
	Subject string
	// Principal is who it is here, such as one that also has API keys.
	Principal string
	// Sandbox marks a principal of the sandbox.
	Sandbox bool
	// Accounts limits the subject to these; none is all of the principal's.
	Accounts []string
}

// issuer verifies the tokens of one issuer.
type issuer struct {
	cfg        OAuthConfig
	tenant     string
	clock      clock.Clock
	log        *slog.Logger
	keys       *keySet
	algorithms map[string]jwa.SignatureAlgorithm
	subjects   map[string]Subject
}

func newIssuer(c Config) (*issuer, error) {
	o := *c.OAuth
	i := &issuer{
		tenant: c.Tenant, clock: c.Clock, log: c.Logger,
		algorithms: map[string]jwa.SignatureAlgorithm{}, subjects: map[string]Subject{},
	}
	if err := secureURL("issuer", o.Issuer); err != nil {
		return nil, err
	}
	if o.JWKSURL != "" {
		if err := secureURL("jwks_uri", o.JWKSURL); err != nil {
			return nil, err
		}
	}
	if len(o.Audiences) == 0 || slices.Contains(o.Audiences, "") {
		return nil, errors.New("audience: name what the issuer calls this agent; a token for somebody else must not work here")
	}
	if len(o.Algorithms) == 0 {
		o.Algorithms = DefaultAlgorithms()
	}
	for _, name := range o.Algorithms {
		alg, ok := signatures[name]
		if !ok {
			return nil, fmt.Errorf("algorithms: %q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(signatures)), ", "))
		}
		i.algorithms[name] = alg
	}
	if len(o.Scopes) == 0 {
		o.Scopes = DefaultScopes()
	}
	for _, name := range slices.Sorted(maps.Keys(o.Scopes)) {
		if name == "" || strings.ContainsAny(name, " \"\\") {
			return nil, fmt.Errorf("scopes: %q cannot be the name of a scope", name)
		}
		if err := validateGrants(o.Scopes[name]); err != nil {
			return nil, fmt.Errorf("scopes: %s: %w", name, err)
		}
	}
	for n, s := range o.Subjects {
		switch _, twice := i.subjects[s.Subject]; {
		case s.Subject == "" || s.Principal == "":
			return nil, fmt.Errorf("subjects[%d]: name both subject and principal", n)
		case twice:
			return nil, fmt.Errorf("subjects[%d]: %q is there twice", n, s.Subject)
		}
		i.subjects[s.Subject] = s
	}
	if len(o.Subjects) == 0 && !o.AdmitAll {
		return nil, errors.New("subjects: name who is let in, or set admit_all")
	}
	if o.SubjectClaim == "" {
		o.SubjectClaim = "sub"
	}
	switch {
	case o.Skew < 0 || o.Skew > 5*time.Minute:
		return nil, fmt.Errorf("skew: %s is not between 0s and 5m", o.Skew)
	case o.Skew == 0:
		o.Skew = DefaultSkew
	}
	i.cfg = o
	i.keys = newKeySet(o, c.Clock, c.Logger)
	return i, nil
}

func secureURL(field, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s: %q is not an https address", field, address)
	}
	return nil
}

// compactJWS tells whether the text has the form of a signed token: three parts
// of base64url, of which the first holds a JSON object.
func compactJWS(token string) bool {
	parts := strings.Split(token, ".")
	return len(parts) == 3 && strings.HasPrefix(token, "ey") && parts[1] != "" && parts[2] != ""
}

// header is the protected header of a token as far as it decides anything.
// Whatever else it says of keys (jwk, jku, x5u) is not looked at.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

// authenticate names the caller that presents the token. Why one is refused is
// logged where somebody debugs, and not told.
func (i *issuer) authenticate(ctx context.Context, token string) (agent.Caller, error) {
	caller, err := i.verify(ctx, token)
	var refused refusedToken
	if errors.As(err, &refused) {
		i.log.DebugContext(ctx, "token refused", "reason", string(refused))
		return agent.Caller{}, agent.ErrBadCredential
	}
	return caller, err
}

// refusedToken says what is wrong with a token. It never holds any part of it.
type refusedToken string

func (r refusedToken) Error() string { return string(r) }

func (i *issuer) verify(ctx context.Context, token string) (agent.Caller, error) {
	// A token has one spelling: the library would read others as the same one.
	var raw [3][]byte
	for n, encoded := range strings.Split(token, ".") {
		var err error
		if raw[n], err = base64.RawURLEncoding.Strict().DecodeString(encoded); err != nil {
			return agent.Caller{}, refusedToken("a part is not base64url")
		}
	}
	var h header
	if json.Unmarshal(raw[0], &h) != nil {
		return agent.Caller{}, refusedToken("the header cannot be read")
	}
	alg, allowed := i.algorithms[h.Algorithm]
	switch {
	case !allowed:
		return agent.Caller{}, refusedToken("the signature's algorithm is not allowed")
	case h.Critical != nil:
		return agent.Caller{}, refusedToken("the header has critical extensions")
	case !accessTokenType(h.Type):
		return agent.Caller{}, refusedToken("the type is not that of an access token")
	}
	keys, err := i.keys.find(ctx, h.KeyID)
	if err != nil {
		return agent.Caller{}, err
	}
	for _, k := range keys {
		if k.algorithm != "" && k.algorithm != h.Algorithm {
			continue
		}
		if payload, err := jws.Verify([]byte(token), jws.WithKey(alg, k.public)); err == nil {
			return i.caller(payload)
		}
	}
	return agent.Caller{}, refusedToken("no key of the issuer made the signature")
}

// accessTokenType holds a token to being one for access: RFC 9068's type, or
// the plain one that many issuers still write. An ID token has the plain type
// too, and is told by its audience.
func accessTokenType(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "at+jwt", "jwt", "":
		return true
	}
	return false
}

// caller reads the claims of a token whose signature is good.
func (i *issuer) caller(payload []byte) (agent.Caller, error) {
	var claims claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return agent.Caller{}, refusedToken("the claims cannot be read")
	}
	if err := i.checkClaims(claims); err != nil {
		return agent.Caller{}, err
	}
	name, _ := claims.text(i.cfg.SubjectClaim)
	if name == "" {
		return agent.Caller{}, refusedToken("the claim that names the subject is missing")
	}
	s, known := i.subjects[name]
	switch {
	case !known && !i.cfg.AdmitAll:
		return agent.Caller{}, refusedToken("the subject is not let in")
	case !known:
		s = Subject{Subject: name, Principal: "oauth:" + name}
	}
	var grants []string
	for _, scope := range claims.scopes() {
		grants = append(grants, i.cfg.Scopes[scope]...)
	}
	return agent.Caller{
		Tenant: i.tenant, Principal: s.Principal, Sandbox: s.Sandbox,
		Permission: &tokenPermission{permission: newPermission(grants, s.Accounts), scopes: i.cfg.Scopes},
	}, nil
}

func (i *issuer) checkClaims(c claims) error {
	if iss, ok := c.text("iss"); !ok || iss != i.cfg.Issuer {
		return refusedToken("the issuer is another")
	}
	if !slices.ContainsFunc(c.texts("aud"), func(a string) bool { return slices.Contains(i.cfg.Audiences, a) }) {
		return refusedToken("the audience is another")
	}
	if _, bound := c["cnf"]; bound {
		return refusedToken("the token is bound to a key whose proof is not checked here")
	}
	now := i.clock.Now()
	expires, ok, err := c.time("exp")
	if err != nil || !ok || !now.Before(expires.Add(i.cfg.Skew)) {
		return refusedToken("the token has expired, or never does")
	}
	for _, name := range []string{"nbf", "iat"} {
		if t, ok, err := c.time(name); err != nil || ok && now.Add(i.cfg.Skew).Before(t) {
			return refusedToken("the token is not valid yet")
		}
	}
	return nil
}

// tokenPermission is what a token is good for. It names the scopes that would
// be good for more; see [agent.ScopeNamer].
type tokenPermission struct {
	*permission
	scopes map[string][]string
}

// ScopesFor implements agent.ScopeNamer.
func (p *tokenPermission) ScopesFor(op *adcp.Operation) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p.scopes)) {
		if newPermission(p.scopes[name], nil).MayCall(op) == nil {
			names = append(names, name)
		}
	}
	return names
}
