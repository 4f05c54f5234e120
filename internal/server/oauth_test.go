package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// TestTheIssuerOfTheExampleConfigurationLoads takes the comment marks off the
// example's OAuth section and reads it.
func TestTheIssuerOfTheExampleConfigurationLoads(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../examples/upfront.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(content), "\n# oauth:\n")
	if !ok {
		t.Fatal("the example has no OAuth section")
	}
	var plain strings.Builder
	plain.WriteString("oauth:\n")
	for line := range strings.Lines(section) {
		plain.WriteString(strings.TrimPrefix(line, "# "))
	}
	s, err := LoadSettings(writeConfig(t, plain.String()), environ(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.OAuth.config("https://unused.example")
	want := &account.OAuthConfig{
		Issuer: "https://login.example.com", JWKSURL: "https://login.example.com/jwks.json",
		Audiences: []string{"https://sales.example.com/sales/mcp"}, Algorithms: account.DefaultAlgorithms(),
		Scopes: account.DefaultScopes(), SubjectClaim: "sub", Skew: account.DefaultSkew,
		Subjects: []account.Subject{{Subject: "0oa1b2c3d4", Principal: "acme", Accounts: []string{}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := account.New(account.Config{Tenant: "sales", OAuth: got}); err != nil {
		t.Error(err)
	}
}

func TestRefusedIssuers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, want string
		settings   OAuthSettings
	}{
		{"a section has an issuer", "oauth.issuer", OAuthSettings{JWKSURI: "https://login.example/jwks"}},
		{"a scope is there once", "twice", OAuthSettings{Issuer: "https://login.example", Scopes: []ScopeSettings{{Scope: "a"}, {Scope: "a"}}}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if _, err := tt.settings.config("https://sales.example/sales/mcp"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that has %q", err, tt.want)
			}
		})
	}
	if c, err := (OAuthSettings{}).config("x"); c != nil || err != nil {
		t.Errorf("no section: %v, %v", c, err)
	}
	if c, err := (OAuthSettings{Issuer: "https://login.example"}).config("https://sales.example/sales/mcp"); err != nil || c.Audiences[0] != "https://sales.example/sales/mcp" {
		t.Errorf("the audience is not the agent's own address: %+v, %v", c, err)
	}
}

// TestResourceMetadataIsThereWithAnIssuerOnly asks a sales agent with an issuer,
// and one without, for the document and for the challenge that points to it.
func TestResourceMetadataIsThereWithAnIssuerOnly(t *testing.T) {
	t.Parallel()
	oauth := &account.OAuthConfig{
		Issuer: "https://login.example", Audiences: []string{"x"}, Subjects: []account.Subject{{Subject: "a", Principal: "acme"}},
	}
	const metadata = "/.well-known/oauth-protected-resource/sales/mcp"
	for _, tt := range []struct {
		rule, challenge, document string
		oauth                     *account.OAuthConfig
		status                    int
	}{
		{"without an issuer", `Bearer realm="adcp"`, "", nil, http.StatusNotFound},
		{
			"with an issuer", `Bearer realm="adcp", resource_metadata="https://sales.example` + metadata + `"`,
			`{"resource":"https://sales.example/sales/mcp","resource_name":"Northlight","authorization_servers":["https://login.example"],"scopes_supported":["adcp","adcp:read"],"bearer_methods_supported":["header"]}`,
			oauth, http.StatusOK,
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			handler := openSales(t, tt.oauth).Handler()
			ask := func(method, path, body string) *http.Response {
				r := httptest.NewRequest(method, "https://sales.example"+path, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w.Result()
			}
			resp := ask(http.MethodGet, metadata, "")
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || tt.document != "" && string(body) != tt.document {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, tt.status, tt.document)
			}
			resp = ask(http.MethodPost, "/sales/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_accounts","arguments":{}}}`)
			if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != http.StatusUnauthorized || got != tt.challenge {
				t.Errorf("got %d, %s; want %s", resp.StatusCode, got, tt.challenge)
			}
		})
	}
}

// TestTokensOverTheWire calls a sales agent with tokens of an issuer, made by
// hand, and looks at what HTTP says of each.
func TestTokensOverTheWire(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	issuer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q}]}`, b64(public))
	}))
	t.Cleanup(issuer.Close)
	token := func(scope string, expires time.Time) string {
		claims, err := json.Marshal(map[string]any{
			"iss": issuer.URL, "aud": "sales", "sub": "a", "scope": scope, "exp": expires.Unix(),
		})
		if err != nil {
			t.Fatal(err)
		}
		signed := b64([]byte(`{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`)) + "." + b64(claims)
		return signed + "." + b64(ed25519.Sign(private, []byte(signed)))
	}
	handler := openSales(t, &account.OAuthConfig{
		Issuer: issuer.URL, Audiences: []string{"sales"}, JWKSURL: issuer.URL, HTTPClient: issuer.Client(),
		Subjects: []account.Subject{{Subject: "a", Principal: "acme"}},
	}).Handler()
	const metadata = `, resource_metadata="https://sales.example/.well-known/oauth-protected-resource/sales/mcp"`
	const list = `"name":"list_accounts","arguments":{}`
	const sync = `"name":"sync_accounts","arguments":{"idempotency_key":"key-0123456789abcdef","accounts":[{"brand":{"domain":"acme.example"},"operator":"acme.example","billing":"operator"}]}`
	later := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		rule, token, call string
		status            int
		challenge, says   string
	}{
		{"a token that reads reads", token("adcp:read", later), list, http.StatusOK, "", `"accounts":[]`},
		{"a token that reads changes nothing", token("adcp:read", later), sync, http.StatusForbidden, `Bearer realm="adcp", error="insufficient_scope", scope="adcp"` + metadata, "READ_ONLY_SCOPE"},
		{"a token without a scope of ours does nothing", token("email", later), list, http.StatusForbidden, `Bearer realm="adcp", error="insufficient_scope", scope="adcp adcp:read"` + metadata, "SCOPE_INSUFFICIENT"},
		{"a token for everything changes things", token("adcp", later), sync, http.StatusOK, "", `"action":"created"`},
		{"a token that has expired is bad", token("adcp", time.Now().Add(-time.Hour)), list, http.StatusUnauthorized, `Bearer realm="adcp", error="invalid_token"` + metadata, "AUTH_INVALID"},
	} {
		r := httptest.NewRequest(http.MethodPost, "https://sales.example/sales/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{`+tt.call+`}}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tt.token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("WWW-Authenticate") != tt.challenge || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: got %d, %s, %s; want %d, %s, %s", tt.rule, w.Code, w.Header().Get("WWW-Authenticate"), w.Body, tt.status, tt.challenge, tt.says)
		}
	}
}

func openSales(t *testing.T, oauth *account.OAuthConfig) *Sales {
	t.Helper()
	catalogue, err := SalesSettings{}.load("northlight")
	if err != nil {
		t.Fatal(err)
	}
	sales, err := NewSales(t.Context(), SalesConfig{
		Tenant: salesTenant, Name: "Northlight", PublicURL: "https://sales.example/", Catalogue: catalogue,
		Store: store.Config{Path: filepath.Join(t.TempDir(), "sales.db")},
		Clock: clock.NewSimulated(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)), OAuth: oauth,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sales.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return sales
}

// TestNobodyIsKnown holds the line that serve says when nobody can buy.
func TestNobodyIsKnown(t *testing.T) {
	t.Parallel()
	sales := openSales(t, nil)
	want := func(nobody bool, when string) {
		t.Helper()
		if got, err := sales.knowsNobody(t.Context(), Settings{}); got != nobody || err != nil {
			t.Errorf("%s: %t, %v; want %t", when, got, err, nobody)
		}
	}
	want(true, "at first")
	_, k, err := sales.keys.Create(t.Context(), account.NewKey{Principal: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	want(false, "with a key")
	if _, err := sales.keys.Revoke(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	want(true, "with a revoked key")
	if got, err := sales.knowsNobody(t.Context(), Settings{Principals: []PrincipalSettings{{Name: "acme"}}}); got || err != nil {
		t.Errorf("with a configured principal: %t, %v", got, err)
	}
}

func TestKeysOfADatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := Settings{Data: filepath.Join(t.TempDir(), "none")}
	if _, err := OpenKeys(t.Context(), s, false); err == nil || !strings.Contains(err.Error(), s.Data) {
		t.Errorf("got %v, want an error that names the directory", err)
	}
	for _, s := range []Settings{s, {Database: storetest.Config(t, store.PostgreSQL).URL}} {
		keys, err := OpenKeys(t.Context(), s, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	}
}
