package account_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
)

func (i *idp) wantFetches(t *testing.T, want int64, when string) {
	t.Helper()
	if got := i.fetches.Load(); got != want {
		t.Errorf("%s: the key set was fetched %d times, want %d", when, got, want)
	}
}

func TestNewKeyOfAnIssuerIsFoundAtABoundedRate(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	d, at := trusting(t, i.config())
	use := func(id string) error {
		_, err := bearer(t, d, compact(t, jwa.EdDSA(), i.private[id], map[string]any{"kid": id}, i.claims(nil)))
		return err
	}
	if err := use("ed"); err != nil {
		t.Fatal(err)
	}
	i.add(t, "next", ed(t), nil)
	if err := use("next"); !errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("a new key so soon after a fetch: %v", err)
	}
	i.wantFetches(t, 1, "within the pause")
	at.Advance(30 * time.Second)
	if err := use("next"); err != nil {
		t.Errorf("a new key after the pause: %v", err)
	}
	i.wantFetches(t, 2, "after the pause")
	// Whoever makes key names up does not make us ask for each.
	i.private["made up"] = ed(t)
	for range 20 {
		if err := use("made up"); !errors.Is(err, agent.ErrBadCredential) {
			t.Error(err)
		}
		at.Advance(3 * time.Second)
	}
	i.wantFetches(t, 3, "after nearly a minute of made-up names")
	if err := use("ed"); err != nil {
		t.Error(err)
	}
}

func TestOldKeySetIsFetchedAgain(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	d, at := trusting(t, i.config())
	forever := map[string]any{"exp": morning.Add(1000 * time.Hour).Unix()}
	use := func() error {
		_, err := bearer(t, d, i.token(t, forever))
		return err
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	at.Advance(time.Hour - time.Second)
	if err := use(); err != nil {
		t.Fatal(err)
	}
	i.wantFetches(t, 1, "within the hour")
	at.Advance(time.Second)
	if err := use(); err != nil {
		t.Fatal(err)
	}
	i.wantFetches(t, 2, "after the hour")

	t.Run("an issuer that is down is borne for a day", func(t *testing.T) {
		i.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		at.Advance(24*time.Hour - time.Second)
		if err := use(); err != nil {
			t.Errorf("within the day: %v", err)
		}
		at.Advance(time.Second)
		if err := use(); err == nil || errors.Is(err, agent.ErrBadCredential) {
			t.Errorf("after the day: got %v; a token that cannot be checked is neither good nor bad", err)
		}
		i.serve(nil)
		at.Advance(30 * time.Second)
		if err := use(); err != nil {
			t.Errorf("when the issuer is back: %v", err)
		}
	})
	t.Run("a key that the issuer takes back is refused after the next fetch", func(t *testing.T) {
		i.serve(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys[1:]})
		})
		i.add(t, "other", ed(t), nil)
		at.Advance(time.Hour)
		if err := use(); !errors.Is(err, agent.ErrBadCredential) {
			t.Errorf("got %v, want ErrBadCredential", err)
		}
	})
}

func TestRefusedKeySets(t *testing.T) {
	t.Parallel()
	elsewhere := newIDP(t)
	elsewhere.add(t, "ed", ed(t), nil)
	for rule, answer := range map[string]http.HandlerFunc{
		"a redirect is not followed": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/jwks", http.StatusFound)
		},
		"a set has a size": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": elsewhere.keys, "x": strings.Repeat("x", 513<<10)})
		},
		"a set has few keys": func(w http.ResponseWriter, _ *http.Request) {
			keys := []any{elsewhere.keys[0]}
			for range 100 {
				keys = append(keys, map[string]any{"kty": "OKP"})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
		},
		"a set has keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"a set is JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<keys>`)) },
		"a secret is no key": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","kid":"ed","k":"c2VjcmV0"}]}`))
		},
		"an error is no set":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a set without keys":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"a list is not a set": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[]`)) },
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			i := newIDP(t)
			i.private["ed"] = elsewhere.private["ed"]
			i.serve(answer)
			d, at := trusting(t, i.config())
			for range 3 {
				if caller, err := bearer(t, d, i.token(t, nil)); err == nil || errors.Is(err, agent.ErrBadCredential) {
					t.Errorf("got %+v, %v; want a fault", caller, err)
				}
			}
			i.wantFetches(t, 1, "at once")
			at.Advance(5 * time.Second)
			_, _ = bearer(t, d, i.token(t, nil))
			i.wantFetches(t, 2, "after the pause")
		})
	}
}

func TestKeySetIsFoundThroughTheIssuersMetadata(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	c := i.config()
	c.JWKSURL = ""
	d, _ := trusting(t, c)
	if _, err := bearer(t, d, i.token(t, nil)); err != nil {
		t.Errorf("RFC 8414: %v", err)
	}

	// OpenID Connect's place, and an issuer that claims to be another.
	var oidc *httptest.Server
	claimed := ""
	oidc = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/realm/.well-known/openid-configuration" {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": claimed, "jwks_uri": i.URL + "/jwks"})
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(oidc.Close)
	c.Issuer, c.HTTPClient = oidc.URL+"/realm", i.Client() // both servers have httptest's certificate
	claimed = c.Issuer
	token := i.token(t, map[string]any{"iss": c.Issuer})
	d, _ = trusting(t, c)
	if _, err := bearer(t, d, token); err != nil {
		t.Errorf("OpenID Connect discovery: %v", err)
	}
	claimed = "https://login.example"
	d, _ = trusting(t, c)
	if _, err := bearer(t, d, token); err == nil || errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("another issuer's metadata: got %v, want a fault", err)
	}
}

func TestTokenWithoutAKeyNameNeedsTheOnlyKey(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	d, at := trusting(t, i.config())
	token := compact(t, jwa.EdDSA(), i.private["ed"], nil, i.claims(nil))
	if _, err := bearer(t, d, token); err != nil {
		t.Errorf("with one key: %v", err)
	}
	i.add(t, "second", ed(t), nil)
	at.Advance(time.Hour / 2)
	_, _ = bearer(t, d, compact(t, jwa.EdDSA(), i.private["ed"], map[string]any{"kid": "gone"}, i.claims(nil)))
	if _, err := bearer(t, d, token); !errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("with two keys: %v", err)
	}
}

func TestManyCallersFetchTheKeySetOnce(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	i.add(t, "ed", ed(t), nil)
	d, at := trusting(t, i.config())
	token := i.token(t, map[string]any{"exp": morning.Add(100 * time.Hour).Unix()})
	for round := range int64(3) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := bearer(t, d, token); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		i.wantFetches(t, round+1, "together")
		at.Advance(2 * time.Hour)
	}
}

func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	d, _ := trusting(t, i.config())
	got, err := d.ResourceMetadata(audience, "Northlight")
	want := `{"resource":"` + audience + `","resource_name":"Northlight","authorization_servers":["` + i.URL +
		`"],"scopes_supported":["adcp","adcp:read"],"bearer_methods_supported":["header"]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	plain, err := account.New(account.Config{Tenant: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := plain.ResourceMetadata(audience, "Northlight"); got != nil || err != nil {
		t.Errorf("got %s, %v without an issuer; want none", got, err)
	}
}
