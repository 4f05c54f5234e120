package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
	"github.com/upfront-media/upfront/internal/store"
)

// lines is what a program says, read while it runs.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sandboxed starts a sandbox with the published test keys' place taken by those in
// the file, and returns its addresses and a client that trusts its authority.
func sandboxed(t *testing.T, testKeys string) (plain, secure string, web *http.Client) {
	t.Helper()
	return sandboxedIn(t, t.TempDir(), testKeys)
}

// sandboxedIn is [sandboxed] with its data in a directory.
func sandboxedIn(t *testing.T, data, testKeys string) (plain, secure string, web *http.Client) {
	t.Helper()
	settings, err := LoadSettings("", func(string) string { return "" }, map[string]any{
		"sandbox": true, "listen": "127.0.0.1:0", "data": data, "request_signing.test_keys": testKeys,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, ended := &lines{}, make(chan error, 1)
	go func() { ended <- Serve(ctx, settings, func(string) string { return "" }, out) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	said := regexp.MustCompile(`(?s)brand\.json and keys at (https://[0-9.:]+)/.*NODE_EXTRA_CA_CERTS=(\S+).*at (http://[0-9.:]+)/sales/mcp`)
	deadline := time.After(30 * time.Second)
	for {
		if found := said.FindStringSubmatch(out.String()); found != nil {
			text, err := os.ReadFile(found[2])
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(text)
			return found[3], found[1], &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("serve ended: %v\n%s", err, out)
		case <-deadline:
			t.Fatalf("the sandbox said: %s", out)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func read(t *testing.T, web *http.Client, address string) []byte {
	t.Helper()
	resp, err := web.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, resp.StatusCode, err)
	}
	return body
}

// TestTheSandboxLeadsToItsKeys goes the way of a counterparty: from what the
// agent says of itself to the keys that its webhooks are signed with.
func TestTheSandboxLeadsToItsKeys(t *testing.T) {
	t.Parallel()
	plain, secure, web := sandboxed(t, "")
	for _, at := range []string{plain, secure} {
		c := client.New(client.Config{URL: at + endpointMCP, HTTPClient: web})
		known, err := c.Capabilities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if known.Response.RequestSigning != nil {
			t.Error("signatures are said to be verified, and nobody's count")
		}
		p := signing.PostureOf(known.Response)
		if p.BrandJSONURL != secure+"/.well-known/brand.json" || p.KeyOrigins[signing.SurfaceWebhook] != secure {
			t.Errorf("got %+v", p)
		}
		var brand struct {
			Agents []struct {
				URL     string `json:"url"`
				KeysURL string `json:"jwks_uri"`
			} `json:"agents"`
		}
		if err := json.Unmarshal(read(t, web, p.BrandJSONURL), &brand); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, a := range brand.Agents {
			if a.URL != at+endpointMCP {
				continue
			}
			found++
			set, err := signing.ParseKeySet(a.URL, read(t, web, a.KeysURL))
			if err != nil || len(set.Keys) != 1 || set.Keys[0].Purpose != signing.PurposeRequest {
				t.Errorf("got %+v, %v", set, err)
			}
		}
		if found != 1 {
			t.Errorf("%s is listed %d times", at, found)
		}
	}
	// The directory of our own kit agrees.
	directory, err := signing.NewDirectory(signing.DirectoryConfig{
		Agents: func(context.Context) ([]string, error) { return []string{secure + endpointMCP}, nil }, Client: web,
		Posture: postureOver(web),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := directory.Resolve(t.Context(), secure+endpointMCP); err != nil || r.AgentType != "sales" {
		t.Errorf("got %+v, %v", r, err)
	}
	// Its revocations are signed with a key of its own, and the list is believed.
	list, err := signing.OpenRevocationList(t.Context(), read(t, web, secure+identity.RevocationsPath), directory, secure+endpointMCP)
	if err != nil || list.Issuer != secure || len(list.RevokedKeys) != 0 || list.Interval() != 15*time.Minute {
		t.Errorf("got %+v, %v", list, err)
	}
	adagents := read(t, web, secure+identity.AdagentsPath)
	if err := adcp.ValidateDocument("adagents.json", adagents); err != nil {
		t.Errorf("%v\n%s", err, adagents)
	}
	if !bytes.Contains(adagents, []byte(`"publisher_domain":"sandbox.example"`)) {
		t.Errorf("got %s", adagents)
	}
}

// TestASandboxTakesSignaturesOfTestKeys holds its nonces across processes, being
// in the database.
func TestASandboxTakesSignaturesOfTestKeys(t *testing.T) {
	t.Parallel()
	key, err := identity.NewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.NewKeys(clock.System{}, key)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(keys.Set("https://signer.invalid"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	plain, secure, web := sandboxed(t, file)
	for _, at := range []string{plain + endpointMCP, secure + endpointMCP, plain + endpointA2A} {
		protocol := client.MCP
		if strings.HasSuffix(at, endpointA2A) {
			protocol = client.A2A
		}
		signed := client.New(client.Config{URL: at, Protocol: protocol, HTTPClient: web, Signer: keys})
		resp, err := client.Call(t.Context(), signed, adcp.ListAccounts, &adcp.ListAccountsRequest{})
		if err != nil {
			t.Errorf("%s: %v, %+v", at, err, resp)
		}
		unsigned := client.New(client.Config{URL: at, Protocol: protocol, HTTPClient: web})
		_, err = client.Call(t.Context(), unsigned, adcp.ListAccounts, &adcp.ListAccountsRequest{})
		var refusal *adcp.Error
		if !errors.As(err, &refusal) || refusal.Code != adcp.CodeAuthMissing {
			t.Errorf("%s unsigned: %v", at, err)
		}
	}
}

// TestAnAgentIsKnownByWhatItsOperatorPublishes signs as one program and verifies
// as another, which has found the first's keys for itself; and a captured request
// is refused also by a process that started after it was accepted.
func TestAnAgentIsKnownByWhatItsOperatorPublishes(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, buyer, web := sandboxedIn(t, data, "")
	keys, err := identity.OpenKeys(filepath.Join(data, "identity"), clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	roots := web.Transport.(*http.Transport).TLSClientConfig.RootCAs
	books := store.Config{Path: filepath.Join(t.TempDir(), "sales.db")}
	self, err := newSelf("https://sales.example", keys)
	if err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T, agents ...identity.Counterparty) string {
		return openShop(t, clock.System{}, func(c *SalesConfig) {
			c.Store, c.Self = books, self
			c.Principals = append(c.Principals, account.Principal{Name: "buyer", AgentURL: buyer + endpointMCP})
			c.Signatures = &SignatureConfig{
				Policy: signing.Policy{Supported: true, Digest: signing.DigestRequired}, Agents: agents,
				Guard: egress.New(egress.Config{AllowLoopback: true, RootCAs: roots}),
			}
		})
	}
	var captured *http.Request
	var body []byte
	tap := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Signature") != "" {
			captured = r.Clone(t.Context())
			body, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	t.Run("accepted", func(t *testing.T) {
		url := open(t, identity.Counterparty{AgentURL: buyer + endpointMCP})
		c := client.New(client.Config{URL: url, Signer: keys, HTTPClient: &http.Client{Transport: tap}})
		known, err := c.Capabilities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r := known.Response.RequestSigning; r == nil || !slices.Contains(r.SupportedFor, "create_media_buy") || slices.Contains(r.SupportedFor, "get_products") {
			t.Errorf("request_signing is %+v", r)
		}
		if _, err := client.Call(t.Context(), c, adcp.ListAccounts, &adcp.ListAccountsRequest{}); err != nil {
			t.Error(err)
		}
	})
	if captured == nil {
		t.Fatal("nothing was signed")
	}
	for rule, tt := range map[string]struct {
		agents []identity.Counterparty
		want   string
	}{
		// Another process has another port; the signature names the first's.
		"replayed": {[]identity.Counterparty{{AgentURL: buyer + endpointMCP}}, "request_signature_replayed"},
		"revoked": {
			[]identity.Counterparty{{AgentURL: buyer + endpointMCP, RevokedKeys: []string{keys.Signing().ID()}}}, "request_signature_key_revoked",
		},
		"unknown": {nil, "request_signature_key_unknown"},
	} {
		t.Run(rule, func(t *testing.T) {
			url := open(t, tt.agents...)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header, r.Host = captured.Header.Clone(), captured.URL.Host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != http.StatusUnauthorized || got != `Signature error="`+tt.want+`"` {
				t.Errorf("got %d, %q", resp.StatusCode, got)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSigningSettings(t *testing.T) {
	t.Parallel()
	pem := filepath.Join(t.TempDir(), "signing.pem")
	key, err := identity.NewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pem, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const signer = "principals: [{name: acme, agent_url: https://buyer.example/agent}]\n"
	for _, tt := range []struct{ rule, content, want string }{
		{"a key in a file signs", "identity: {keys: [{file: " + pem + "}]}", ""},
		{"a key in the environment signs", "identity: {keys: [{env: SIGNING_KEY}]}", ""},
		{"a key is there by one way", "identity: {keys: [{file: a.pem, env: B}]}", "exactly one of file and env"},
		{"a key file is there", "identity: {keys: [{file: nowhere.pem}]}", "no such file"},
		{"a key is in its variable", "identity: {keys: [{env: NOTHING}]}", "NOTHING is empty"},
		{"a key is a key", "identity: {keys: [{env: NONSENSE}]}", "no private key in PEM"},
		{"no key is there twice", "identity: {keys: [{file: " + pem + "}, {env: SIGNING_KEY}]}", "twice"},
		{"a principal may sign and have no key", signer + "public_url: https://sales.example\nrequest_signing: {supported: true}", ""},
		{"whoever verifies is known over https", signer + "request_signing: {supported: true}", "public_url"},
		{"a principal that signs is verified", signer, "request_signing.supported"},
		{"keys may be revoked", "public_url: https://sales.example\nidentity: {keys: [{env: SIGNING_KEY}], revoked_keys: [another]}", ""},
		{"but not the one that signs", "public_url: https://sales.example\nidentity: {keys: [{env: SIGNING_KEY}], revoked_keys: [" + key.ID() + "]}", "revokes the key that signs it"},
		{"a section that does nothing is a mistake", "request_signing: {required_for: [create_media_buy]}", "set it to true"},
		{"an operation is the protocol's", "public_url: https://sales.example\nrequest_signing: {supported: true, required_for: [buy]}", "no operation"},
		{"a digest policy is one of three", "public_url: https://sales.example\nrequest_signing: {supported: true, covers_content_digest: no}", "covers_content_digest"},
		{"test keys are for the sandbox", "request_signing: {test_keys: keys.json}", "for the sandbox"},
		{"the sandbox's own https is for the sandbox", "identity: {listen: 127.0.0.1:8443}", "sandbox's own"},
		{"and on loopback", "sandbox: true\nidentity: {listen: 0.0.0.0:8443}", "loopback only"},
		{"keys of an agent need the agent", "principals: [{name: acme, key_env: KEY, jwks: keys.json}]", "agent_url"},
		{"no two principals are one agent", "principals: [{name: a, agent_url: https://b.example}, {name: c, agent_url: https://b.example}]\npublic_url: https://sales.example\nrequest_signing: {supported: true}", "twice"},
		{"an agent is at https", "principals: [{name: a, agent_url: http://b.example}]\npublic_url: https://sales.example\nrequest_signing: {supported: true}", "https address"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			err := func() error {
				file := filepath.Join(t.TempDir(), "upfront.yaml")
				if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\n"+tt.content), 0o600); err != nil {
					return err
				}
				getenv := func(name string) string {
					return map[string]string{"SIGNING_KEY": string(text), "NONSENSE": "hunter2", "KEY": strings.Repeat("k", 40)}[name]
				}
				s, err := LoadSettings(file, getenv, map[string]any{"data": t.TempDir()})
				if err != nil {
					return err
				}
				at, err := s.listen(t.Context())
				if err != nil {
					return err
				}
				defer at.close()
				cfg, err := s.salesConfig(getenv, at)
				if err == nil && cfg.Signatures != nil {
					_, err = identity.NewCounterparties(identity.CounterpartiesConfig{Agents: cfg.Signatures.Agents, Posture: postureOver(nil), Clock: clock.System{}})
				}
				return err
			}()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats a secret")
			}
		})
	}
}
