package account_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
)

const audience = "https://sales.example/sales/mcp"

// idp is an OAuth issuer on a local TLS port.
type idp struct {
	*httptest.Server
	fetches atomic.Int64

	mu      sync.Mutex
	private map[string]crypto.Signer
	keys    []map[string]any
	answer  http.HandlerFunc // instead of the key set, where set
}

func newIDP(t testing.TB) *idp {
	t.Helper()
	i := &idp{private: map[string]crypto.Signer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.answer != nil {
			i.answer(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	})
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/jwks"})
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

// add publishes a key under an ID, with further members such as "use".
func (i *idp) add(t testing.TB, id string, private crypto.Signer, members map[string]any) {
	t.Helper()
	public, err := jwk.Import(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{"kid": id}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	maps.Copy(document, members)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.private[id] = private
	i.keys = append(i.keys, document)
}

func (i *idp) serve(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

// claims are those of a good token, with changes; a nil takes a claim out.
func (i *idp) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "aud": []string{"other", audience}, "sub": "client-1", "scope": "openid adcp",
		"iat": morning.Unix(), "exp": morning.Add(time.Hour).Unix(),
	}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func compact(t testing.TB, alg jwa.SignatureAlgorithm, private any, header, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.NewHeaders()
	for name, v := range header {
		if err := h.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	token, err := jws.Sign(payload, jws.WithKey(alg, private, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

// token signs claims with the Ed25519 key "ed".
func (i *idp) token(t testing.TB, changes map[string]any) string {
	t.Helper()
	return compact(t, jwa.EdDSA(), i.private["ed"], map[string]any{"kid": "ed", "typ": "at+jwt"}, i.claims(changes))
}

func (i *idp) config() *account.OAuthConfig {
	return &account.OAuthConfig{
		Issuer: i.URL, Audiences: []string{audience}, JWKSURL: i.URL + "/jwks", HTTPClient: i.Client(),
		Subjects: []account.Subject{
			{Subject: "client-1", Principal: "acme"},
			{Subject: "client-2", Principal: "nova", Sandbox: true, Accounts: []string{"acct_1"}},
		},
	}
}

func trusting(t testing.TB, c *account.OAuthConfig) (*account.Directory, *clock.Simulated) {
	t.Helper()
	at := clock.NewSimulated(morning)
	d, err := account.New(account.Config{
		Tenant: "sales", OAuth: c, Clock: at,
		Principals: []account.Principal{{Name: "configured", KeySHA256: account.HashKey(key)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, at
}

func bearer(t *testing.T, d *account.Directory, token string) (agent.Caller, error) {
	t.Helper()
	return d.Authenticate(t.Context(), agent.Credential{Scheme: "bearer", Value: token})
}

func ed(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func ec(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// rsa2048 is made once: finding primes takes longer than all tests together.
var rsa2048 = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func strong(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	private, err := rsa2048()
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// next is the letter of base64 after the given one: as the last of a signature it
// differs only in bits that do not count.
func next(letter byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[(strings.IndexByte(alphabet, letter)+1)%len(alphabet)])
}

// byHand signs a token after RS256 without a library that knows better.
func byHand(t *testing.T, private *rsa.PrivateKey, header string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestTokenNamesItsSubject(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	i.add(t, "ec", ec(t, elliptic.P256()), map[string]any{"use": "sig", "alg": "ES256"})
	i.add(t, "rsa", strong(t), nil)
	d, _ := trusting(t, i.config())
	for rule, token := range map[string]string{
		"EdDSA":                      i.token(t, nil),
		"ES256":                      compact(t, jwa.ES256(), i.private["ec"], map[string]any{"kid": "ec", "typ": "application/at+jwt"}, i.claims(nil)),
		"RS256":                      compact(t, jwa.RS256(), i.private["rsa"], map[string]any{"kid": "rsa", "typ": "JWT"}, i.claims(nil)),
		"PS256":                      compact(t, jwa.PS256(), i.private["rsa"], map[string]any{"kid": "rsa"}, i.claims(nil)),
		"One audience":               i.token(t, map[string]any{"aud": audience}),
		"scp as a list":              i.token(t, map[string]any{"scope": nil, "scp": []string{"adcp"}}),
		"scp as a text":              i.token(t, map[string]any{"scope": nil, "scp": "openid adcp"}),
		"Expired within the skew":    i.token(t, map[string]any{"exp": morning.Add(-29 * time.Second).Unix()}),
		"Issued within the skew":     i.token(t, map[string]any{"iat": morning.Add(29 * time.Second).Unix()}),
		"Parts of a second":          i.token(t, map[string]any{"exp": float64(morning.Unix()) + 0.5}),
		"Claims that say nothing us": i.token(t, map[string]any{"ISS": "https://evil.example", "azp": "x"}),
	} {
		caller, err := bearer(t, d, token)
		if err != nil || caller.Principal != "acme" || caller.Tenant != "sales" || caller.Anonymous || caller.Sandbox {
			t.Errorf("%s: got %+v, %v; want acme", rule, caller, err)
		}
	}
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("the key set was fetched %d times, want 1", n)
	}
	if caller, err := bearer(t, d, key); err != nil || caller.Principal != "configured" {
		t.Errorf("a static key beside the issuer: %+v, %v", caller, err)
	}
}

func TestScopesOfATokenAreItsPermission(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	c := i.config()
	c.Scopes = map[string][]string{"adcp": {"*"}, "adcp:read": {"read"}, "adcp:creatives": {"sync_creatives", "list_creatives"}}
	d, _ := trusting(t, c)
	const allowed = adcp.ErrorCode("")
	for _, tt := range []struct {
		scope                                string
		listCreatives, syncCreatives, create adcp.ErrorCode
	}{
		{"adcp", allowed, allowed, allowed},
		{"adcp:read", allowed, adcp.CodeReadOnlyScope, adcp.CodeReadOnlyScope},
		{"adcp:creatives", allowed, allowed, adcp.CodeScopeInsufficient},
		{"adcp:read adcp:creatives", allowed, allowed, adcp.CodeScopeInsufficient},
		{"", adcp.CodeScopeInsufficient, adcp.CodeScopeInsufficient, adcp.CodeScopeInsufficient},
		{"openid ADCP adcp:", adcp.CodeScopeInsufficient, adcp.CodeScopeInsufficient, adcp.CodeScopeInsufficient},
	} {
		caller, err := bearer(t, d, i.token(t, map[string]any{"scope": tt.scope}))
		if err != nil {
			t.Fatal(err)
		}
		for op, want := range map[*adcp.Operation]adcp.ErrorCode{
			adcp.ListCreatives.Operation: tt.listCreatives, adcp.SyncCreatives.Operation: tt.syncCreatives, adcp.CreateMediaBuy.Operation: tt.create,
		} {
			got := allowed
			if refusal := caller.Permission.MayCall(op); refusal != nil {
				got = refusal.Code
			}
			if got != want {
				t.Errorf("scope %q: %s answers %q, want %q", tt.scope, op.Name, got, want)
			}
		}
	}
	caller, err := bearer(t, d, i.token(t, map[string]any{"sub": "client-2"}))
	if err != nil || caller.Principal != "nova" || !caller.Sandbox || !caller.SeesAccount("acct_1") || caller.SeesAccount("acct_2") {
		t.Errorf("got %+v, %v; want nova in the sandbox with acct_1", caller, err)
	}
	namer, ok := caller.Permission.(agent.ScopeNamer)
	if !ok {
		t.Fatal("a token's permission names no scopes")
	}
	if got := strings.Join(namer.ScopesFor(adcp.SyncCreatives.Operation), " "); got != "adcp adcp:creatives" {
		t.Errorf("scopes for sync_creatives: %q", got)
	}
}

func TestEverySubjectWhereTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	c := i.config()
	c.AdmitAll, c.SubjectClaim = true, "client_id"
	d, _ := trusting(t, c)
	if caller, err := bearer(t, d, i.token(t, map[string]any{"client_id": "acme"})); err != nil || caller.Principal != "oauth:acme" {
		t.Errorf("got %+v, %v; want oauth:acme, which is not acme", caller, err)
	}
	if caller, err := bearer(t, d, i.token(t, map[string]any{"client_id": "client-1"})); err != nil || caller.Principal != "acme" {
		t.Errorf("got %+v, %v; want acme", caller, err)
	}
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	i.add(t, "p384", ec(t, elliptic.P384()), nil)
	i.add(t, "enc", strong(t), map[string]any{"use": "enc"})
	weak, err := rsa.GenerateKey(rand.Reader, 1024) // with which our own library does not even sign
	if err != nil {
		t.Fatal(err)
	}
	i.keys = append(i.keys, map[string]any{
		"kid": "weak", "kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(weak.N.Bytes()),
	})
	i.add(t, "bound", strong(t), map[string]any{"alg": "PS256"})
	d, _ := trusting(t, i.config())
	good := i.token(t, nil)
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"ed"}`)) + "." + parts[1] + "."
	public, err := json.Marshal(i.keys[0])
	if err != nil {
		t.Fatal(err)
	}
	signed := func(alg jwa.SignatureAlgorithm, id string, header map[string]any) string {
		h := map[string]any{"kid": id}
		maps.Copy(h, header)
		return compact(t, alg, i.private[id], h, i.claims(nil))
	}
	claim := func(name string, v any) string { return i.token(t, map[string]any{name: v}) }
	for rule, token := range map[string]string{
		"another issuer":                     claim("iss", "https://evil.example"),
		"no issuer":                          claim("iss", nil),
		"another issuer beside ours":         claim("iss", []string{i.URL, "https://evil.example"}),
		"another audience":                   claim("aud", "https://other.example"),
		"an audience that begins like ours":  claim("aud", audience+"/x"),
		"no audience":                        claim("aud", nil),
		"expired":                            claim("exp", morning.Add(-30*time.Second).Unix()),
		"never expiring":                     claim("exp", nil),
		"an expiry that is no date":          claim("exp", "tomorrow"),
		"an expiry beyond all dates":         claim("exp", 1e300),
		"not valid yet":                      claim("nbf", morning.Add(31*time.Second).Unix()),
		"issued in the future":               claim("iat", morning.Add(31*time.Second).Unix()),
		"no subject":                         claim("sub", nil),
		"an empty subject":                   claim("sub", ""),
		"a subject that is no text":          claim("sub", 1),
		"a subject that is not let in":       claim("sub", "client-3"),
		"bound to a key of the caller":       claim("cnf", map[string]any{"jkt": "x"}),
		"another type":                       signed(jwa.EdDSA(), "ed", map[string]any{"typ": "logout+jwt"}),
		"a critical extension":               signed(jwa.EdDSA(), "ed", map[string]any{"crit": []string{"exp"}, "exp": 1}),
		"a key nobody has":                   compact(t, jwa.EdDSA(), i.private["ed"], map[string]any{"kid": "gone"}, i.claims(nil)),
		"no key named, where there are many": compact(t, jwa.EdDSA(), i.private["ed"], nil, i.claims(nil)),
		"another's key under a good name":    compact(t, jwa.EdDSA(), ed(t), map[string]any{"kid": "ed"}, i.claims(nil)),
		"an algorithm that is not allowed":   signed(jwa.ES384(), "p384", nil),
		"an algorithm the key is not for":    signed(jwa.RS256(), "bound", nil),
		"a key for encryption":               signed(jwa.RS256(), "enc", nil),
		"a key that is too short":            byHand(t, weak, `{"alg":"RS256","kid":"weak"}`, i.claims(nil)),
		"an algorithm of another kind":       compact(t, jwa.ES256(), ec(t, elliptic.P256()), map[string]any{"kid": "ed"}, i.claims(nil)),
		"the public key as a secret":         compact(t, jwa.HS256(), public, map[string]any{"kid": "ed"}, i.claims(nil)),
		"no signature":                       unsigned,
		"no algorithm":                       unsigned + parts[2],
		"claims changed":                     parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"client-2"}`)) + "." + parts[2],
		"a signature cut short":              good[:len(good)-2],
		"a signature in other letters":       good[:len(good)-1] + next(good[len(good)-1]),
		"a fourth part":                      good + ".x",
		"a header that is not base64":        "ey!." + parts[1] + "." + parts[2],
		"claims that are no object":          compact(t, jwa.EdDSA(), i.private["ed"], map[string]any{"kid": "ed"}, nil),
	} {
		if caller, err := bearer(t, d, token); !errors.Is(err, agent.ErrBadCredential) {
			t.Errorf("%s: got %+v, %v; want ErrBadCredential", rule, caller, err)
		}
	}
	if _, err := d.Authenticate(t.Context(), basic("", good)); !errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("a token through HTTP Basic: %v", err)
	}
	if _, err := bearer(t, d, good); err != nil {
		t.Errorf("a good token after all that: %v", err)
	}
	plain, err := account.New(account.Config{Tenant: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bearer(t, plain, good); !errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("a token where there is no issuer: %v", err)
	}
}

func TestRefusedIssuers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, want string
		change     func(*account.OAuthConfig)
	}{
		{"an issuer is needed", "issuer", func(c *account.OAuthConfig) { c.Issuer = "" }},
		{"an issuer is https", "https", func(c *account.OAuthConfig) { c.Issuer = "http://login.example" }},
		{"keys come over https", "jwks_uri", func(c *account.OAuthConfig) { c.JWKSURL = "http://login.example/jwks" }},
		{"keys come without a password", "jwks_uri", func(c *account.OAuthConfig) { c.JWKSURL = "https://me:secret@login.example/jwks" }},
		{"an audience is needed", "audience", func(c *account.OAuthConfig) { c.Audiences = nil }},
		{"an audience is named", "audience", func(c *account.OAuthConfig) { c.Audiences = []string{""} }},
		{"no secret is shared", "HS256", func(c *account.OAuthConfig) { c.Algorithms = []string{"HS256"} }},
		{"everything is signed", "none", func(c *account.OAuthConfig) { c.Algorithms = []string{"none"} }},
		{"scopes have names", "scopes", func(c *account.OAuthConfig) { c.Scopes = map[string][]string{"a b": {"*"}} }},
		{"scopes are good for operations", "get_rich", func(c *account.OAuthConfig) { c.Scopes = map[string][]string{"adcp": {"get_rich"}} }},
		{"somebody is let in", "admit_all", func(c *account.OAuthConfig) { c.Subjects = nil }},
		{"subjects have principals", "subjects[0]", func(c *account.OAuthConfig) { c.Subjects[0].Principal = "" }},
		{"subjects are unique", "twice", func(c *account.OAuthConfig) { c.Subjects[1].Subject = "client-1" }},
		{"clocks agree somewhat", "skew", func(c *account.OAuthConfig) { c.Skew = time.Hour }},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			c := &account.OAuthConfig{
				Issuer: "https://login.example", Audiences: []string{audience}, JWKSURL: "https://login.example/jwks",
				Subjects: []account.Subject{{Subject: "client-1", Principal: "acme"}, {Subject: "client-2", Principal: "nova"}},
			}
			tt.change(c)
			if _, err := account.New(account.Config{Tenant: "sales", OAuth: c}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that has %q", err, tt.want)
			}
		})
	}
}
