package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
)

var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func open(t *testing.T, dir string, c clock.Clock) *identity.Keys {
	t.Helper()
	keys, err := identity.OpenKeys(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestTheFirstKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir, c := filepath.Join(t.TempDir(), "identity"), clock.NewSimulated(monday)
	first := open(t, dir, c)
	if again := open(t, dir, c); again.Signing().ID() != first.Signing().ID() {
		t.Error("another start made another key")
	}
	if first.Signing().Algorithm() != signing.Ed25519 || !first.Signing().Created.Equal(monday) {
		t.Errorf("got %s made at %v", first.Signing().Algorithm(), first.Signing().Created)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 1 {
		t.Fatalf("got %v", names)
	}
	if info, _ := os.Stat(names[0]); info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
	if err := os.Chmod(names[0], 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.OpenKeys(dir, c); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

func TestProcessesThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), clock.NewSimulated(monday)
	var wait sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wait.Go(func() {
			keys, err := identity.OpenKeys(dir, c)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keys.Signing().ID()
		})
	}
	wait.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("got %v", ids)
		}
	}
}

func TestANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), clock.NewSimulated(monday)
	old := open(t, dir, c).Signing().ID()
	c.Advance(24 * time.Hour)
	added, err := identity.AddKey(dir, c.Now())
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]string{0: old, identity.PublishAhead: added.ID()} {
		keys := open(t, dir, clock.NewSimulated(c.Now().Add(after)))
		if keys.Signing().ID() != want || len(keys.All()) != 2 || len(keys.Set("https://a.example").Keys) != 2 {
			t.Errorf("after %v: %s signs, want %s, of %d", after, keys.Signing().ID(), want, len(keys.All()))
		}
	}
	if err := identity.RemoveKey(dir, old); err != nil {
		t.Fatal(err)
	}
	if keys := open(t, dir, c); keys.Signing().ID() != added.ID() || len(keys.All()) != 1 {
		t.Error("a key that was removed is still there")
	}
	if err := identity.RemoveKey(dir, old); err == nil {
		t.Error("a key that is not there is removed")
	}
	if err := identity.RemoveKey(dir, added.ID()); err == nil {
		t.Error("the only key is removed")
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	weak, _ := rsa.GenerateKey(rand.Reader, 2048)
	made, err := identity.NewKey(monday)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.PEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text []byte
		alg  string
	}{
		"Ed25519":                {text, signing.Ed25519},
		"P-256":                  {pkcs8(t, p256), signing.ECDSAP256},
		"P-384 is not a profile": {pkcs8(t, p384), ""},
		"RSA is not a profile":   {pkcs8(t, weak), ""},
		"No PEM":                 {[]byte("hunter2"), ""},
		"No PKCS 8":              {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}), ""},
		"A public key":           {bytes.ReplaceAll(text, []byte("PRIVATE"), []byte("PUBLIC")), ""},
		"No date":                {bytes.Replace(text, []byte("2026-"), []byte("soon-"), 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := identity.ParseKey(tt.text)
			if (err == nil) != (tt.alg != "") {
				t.Fatalf("got %v", err)
			}
			if err == nil && k.Algorithm() != tt.alg {
				t.Errorf("got %s, want %s", k.Algorithm(), tt.alg)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
	again, err := identity.ParseKey(text)
	if err != nil || again.ID() != made.ID() || !again.Created.Equal(monday) {
		t.Errorf("a key comes back as %s of %v", again.ID(), again.Created)
	}
}

// TestWhatIsSignedVerifiesWithWhatIsPublished also holds that one key, published
// for requests, is good for webhooks.
func TestWhatIsSignedVerifiesWithWhatIsPublished(t *testing.T) {
	t.Parallel()
	c := clock.NewSimulated(monday)
	keys := open(t, t.TempDir(), c)
	self, err := identity.NewSelf("https://sales.example/", keys)
	if err != nil {
		t.Fatal(err)
	}
	set, err := signing.ParseKeySet("https://sales.example/sales/mcp", self.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	webhooks, err := keys.WebhookSigner()
	if err != nil {
		t.Fatal(err)
	}
	requests, err := keys.RequestSigner("3.1", signing.DigestRequired)
	if err != nil {
		t.Fatal(err)
	}
	for profile, signer := range map[signing.Profile]*signing.Signer{signing.Webhook: webhooks, signing.Request31: requests} {
		m := &signing.Message{
			Method: http.MethodPost, URL: "https://buyer.example/hook", Body: []byte(`{}`),
			Header: http.Header{"Content-Type": {"application/json"}},
		}
		if err := signer.Sign(m); err != nil {
			t.Fatal(err)
		}
		verifier, err := signing.NewVerifier(signing.VerifierConfig{
			Profile: profile, Keys: set, Revocations: signing.RevokedKeys(nil), Clock: c,
			Policy: signing.Policy{Supported: profile != signing.Webhook},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(t.Context(), m); err != nil {
			t.Errorf("%s: %v", profile, err)
		}
	}
}

func TestBrandNamesEveryAgentWithItsKeys(t *testing.T) {
	t.Parallel()
	keys := open(t, t.TempDir(), clock.NewSimulated(monday))
	self, err := identity.NewSelf("https://sales.example", keys,
		identity.Agent{ID: "sales_mcp", Type: adcp.BrandAgentTypeSales, Path: "/sales/mcp"},
		identity.Agent{ID: "sales_a2a", Type: adcp.BrandAgentTypeSales, Path: "/sales/a2a"})
	if err != nil {
		t.Fatal(err)
	}
	document := self.Brand()
	if err := adcp.ValidateDocument("brand.json", document); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
	var got struct {
		Agents []struct {
			URL     string `json:"url"`
			KeysURL string `json:"jwks_uri"`
		} `json:"agents"`
	}
	if err := json.Unmarshal(document, &got); err != nil || len(got.Agents) != 2 ||
		got.Agents[0].URL != "https://sales.example/sales/mcp" || got.Agents[1].KeysURL != "https://sales.example/.well-known/jwks.json" {
		t.Errorf("got %s, %v", document, err)
	}
}

func TestCapabilitiesClaimOnlyWhatCanBeRead(t *testing.T) {
	t.Parallel()
	keys := open(t, t.TempDir(), clock.NewSimulated(monday))
	for address, published := range map[string]bool{"https://sales.example": true, "http://127.0.0.1:8080": false, "": false} {
		self, err := identity.NewSelf(address, keys)
		if err != nil {
			t.Fatal(err)
		}
		c := &adcp.GetAdcpCapabilitiesResponse{
			RequestSigning: signing.Policy{Supported: true, SupportedFor: []string{"create_media_buy"}}.Capability(),
		}
		self.Describe(c)
		if self.Published() != published || (c.Identity != nil) != published || (c.WebhookSigning != nil) != published || (self.BrandURL() != "") != published {
			t.Errorf("%q: got %+v", address, c)
		}
		if p := signing.PostureOf(c); published && (p.BrandJSONURL != self.BrandURL() ||
			p.KeyOrigins[signing.SurfaceRequest] != address || p.KeyOrigins[signing.SurfaceWebhook] != address) {
			t.Errorf("got %+v", p)
		}
	}
	if _, err := identity.NewSelf("sales.example", keys); err == nil {
		t.Error("a name is taken for an address")
	}
}

func TestTheAuthorityIsGoodForThisMachineOnly(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	a, err := identity.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := identity.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := again.ServerConfig(now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = cfg
	server.StartTLS()
	defer server.Close()
	// The authority that was made first still answers for what is made now.
	text, err := os.ReadFile(a.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		resp, err := client.Get(strings.Replace(server.URL, "127.0.0.1", host, 1))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		resp.Body.Close()
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !certificate.IsCA || !certificate.PermittedDNSDomainsCritical || len(certificate.PermittedIPRanges) != 2 {
		t.Error("the authority could vouch for others")
	}
	if info, err := os.Stat(filepath.Join(dir, "ca-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key: %v, %v", info, err)
	}
	if _, err := identity.OpenAuthority(dir, now.AddDate(20, 0, 0)); err == nil {
		t.Error("an authority that has expired is used")
	}
}
