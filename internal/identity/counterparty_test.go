package identity_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
)

// operator is a counterparty's own web server, over https on this machine.
type operator struct {
	*httptest.Server
	web  *http.Client
	self *identity.Self

	mu      sync.Mutex
	revoked []byte // the list as it is published; 404 where nil, 503 where empty
}

func newOperator(t *testing.T, keys *identity.Keys) *operator {
	t.Helper()
	authority, err := identity.OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{web: egress.New(egress.Config{AllowLoopback: true, RootCAs: authority.Pool()}).Client()}
	mux := http.NewServeMux()
	mux.HandleFunc(identity.BrandPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(o.self.Brand()) })
	mux.HandleFunc(identity.KeysPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(o.self.KeySet()) })
	mux.HandleFunc("/.well-known/governance-revocations.json", func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch {
		case o.revoked == nil:
			w.WriteHeader(http.StatusNotFound)
		case len(o.revoked) == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = w.Write(o.revoked)
		}
	})
	o.Server = httptest.NewUnstartedServer(mux)
	if o.TLS, err = authority.ServerConfig(time.Now()); err != nil {
		t.Fatal(err)
	}
	o.StartTLS()
	t.Cleanup(o.Close)
	if o.self, err = identity.NewSelf(o.URL, keys, identity.Agent{ID: "buyer", Type: adcp.BrandAgentTypeBuying, Path: "/agent"}); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *operator) agent() string { return o.URL + "/agent" }

// revokes publishes a list that is signed with that key of the operator's.
func (o *operator) revokes(t *testing.T, private ed25519.PrivateKey, keyID string, now time.Time, kids ...string) {
	t.Helper()
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	protected := encode(map[string]string{"alg": "EdDSA", "kid": keyID, "typ": "adcp-gov-revocation+jws"})
	payload := encode(signing.RevocationList{Version: 1, Issuer: o.URL, Updated: now, NextUpdate: now.Add(15 * time.Minute), RevokedKeys: kids, RevokedTokens: []string{}})
	list, err := json.Marshal(map[string]string{
		"payload": payload, "protected": protected,
		"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(protected+"."+payload))),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.publish(list)
}

func (o *operator) publish(list []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked = list
}

func counterparties(t *testing.T, cfg identity.CounterpartiesConfig) *identity.Counterparties {
	t.Helper()
	c, err := identity.NewCounterparties(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantReason(t *testing.T, what string, err error, want signing.Reason) {
	t.Helper()
	var refused *signing.Error
	switch {
	case want == "" && err != nil, want != "" && (!errors.As(err, &refused) || refused.Reason != want):
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestKeysAreFoundThroughBrandJSON(t *testing.T) {
	t.Parallel()
	c := clock.NewSimulated(monday)
	keys := open(t, t.TempDir(), c)
	o := newOperator(t, keys)
	id := keys.Signing().ID()
	asked := 0
	posture := func(_ context.Context, agentURL string) (signing.Posture, error) {
		if asked++; agentURL != o.agent() {
			return signing.Posture{}, errors.New("nobody answers")
		}
		return signing.Posture{BrandJSONURL: o.self.BrandURL()}, nil
	}
	for name, agent := range map[string]identity.Counterparty{
		"named by the agent": {AgentURL: o.agent()},
		"named in settings":  {AgentURL: o.agent(), BrandURL: o.self.BrandURL()},
	} {
		who := counterparties(t, identity.CounterpartiesConfig{Agents: []identity.Counterparty{agent}, Posture: posture, Client: o.web, Clock: c})
		key, err := who.Key(t.Context(), "", id)
		if err != nil || key.AgentURL != o.agent() {
			t.Errorf("%s: got %+v, %v", name, key, err)
		}
		_, err = who.Key(t.Context(), "", "nobodys")
		wantReason(t, name+", another key", err, signing.ReasonKeyUnknown)
		_, err = who.Key(t.Context(), "https://other.example/agent", id)
		wantReason(t, name+", another agent", err, signing.ReasonKeyUnknown)
	}
	if asked != 1 {
		t.Errorf("agents were asked %d times for what is known or was just said", asked)
	}
	for name, tt := range map[string]struct {
		agent  identity.Counterparty
		reason signing.Reason
	}{
		"an agent that does not answer":      {identity.Counterparty{AgentURL: o.URL + "/gone"}, signing.ReasonCapabilities},
		"an agent that brand.json lists not": {identity.Counterparty{AgentURL: o.URL + "/other", BrandURL: o.self.BrandURL()}, signing.ReasonAgentNotInBrand},
		"a brand.json that is not there":     {identity.Counterparty{AgentURL: o.agent(), BrandURL: o.URL + "/nowhere.json"}, signing.ReasonBrandUnreachable},
	} {
		who := counterparties(t, identity.CounterpartiesConfig{Agents: []identity.Counterparty{tt.agent}, Posture: posture, Client: o.web, Clock: c})
		_, err := who.Key(t.Context(), "", id)
		wantReason(t, name, err, tt.reason)
	}
	// Outside a test nothing on this machine is read.
	who := counterparties(t, identity.CounterpartiesConfig{Agents: []identity.Counterparty{{AgentURL: o.agent(), BrandURL: o.self.BrandURL()}}, Clock: c})
	_, err := who.Key(t.Context(), "", id)
	wantReason(t, "an operator on this machine", err, signing.ReasonBrandUnreachable)
}

func TestKeysThatWereGivenAreNotLookedUp(t *testing.T) {
	t.Parallel()
	c := clock.NewSimulated(monday)
	keys := open(t, t.TempDir(), c)
	id, set := keys.Signing().ID(), keys.Set("")
	who := counterparties(t, identity.CounterpartiesConfig{Clock: c, Agents: []identity.Counterparty{
		{AgentURL: "https://a.example/agent", Keys: set},
		{AgentURL: "https://b.example/agent", Keys: &signing.KeySet{Keys: []*signing.Key{}}},
	}})
	key, err := who.Key(t.Context(), "", id)
	if err != nil || key.AgentURL != "https://a.example/agent" {
		t.Fatalf("got %+v, %v", key, err)
	}
	wantReason(t, "a key of no list", who.Check(t.Context(), key), "")
	_, err = who.Key(t.Context(), "https://b.example/agent", id)
	wantReason(t, "another's key", err, signing.ReasonKeyUnknown)

	twice := counterparties(t, identity.CounterpartiesConfig{Clock: c, Agents: []identity.Counterparty{
		{AgentURL: "https://a.example/agent", Keys: set, RevokedKeys: []string{id}}, {AgentURL: "https://b.example/agent", Keys: set},
	}})
	_, err = twice.Key(t.Context(), "", id)
	wantReason(t, "a key that two publish", err, signing.ReasonKeyUnknown)
	if key, err = twice.Key(t.Context(), "https://a.example/agent", id); err != nil {
		t.Fatal(err)
	}
	wantReason(t, "a key revoked by settings", twice.Check(t.Context(), key), signing.ReasonKeyRevoked)
}

func TestRevocationsAreReadWhereTheOperatorPublishesThem(t *testing.T) {
	t.Parallel()
	c := clock.NewSimulated(monday)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := identity.ParseKey(pkcs8(t, private))
	if err != nil {
		t.Fatal(err)
	}
	signs, err := identity.NewKey(monday)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.NewKeys(c, signs, lists)
	if err != nil {
		t.Fatal(err)
	}
	o := newOperator(t, keys)
	cfg := identity.CounterpartiesConfig{
		Agents: []identity.Counterparty{{AgentURL: o.agent(), BrandURL: o.self.BrandURL()}}, Client: o.web, Clock: c,
	}
	who := counterparties(t, cfg)
	key, err := who.Key(t.Context(), "", signs.ID())
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, "no list was ever published", who.Check(t.Context(), key), "")
	cfg.DemandRevocations = true
	wantReason(t, "no list, and one is demanded", counterparties(t, cfg).Check(t.Context(), key), signing.ReasonRevocationStale)

	o.revokes(t, private, lists.ID(), c.Now())
	c.Advance(time.Minute)
	wantReason(t, "a list without the key", who.Check(t.Context(), key), "")
	// The list cannot be read any more: it is believed for a while, then no key is.
	o.publish([]byte{})
	c.Advance(time.Hour)
	wantReason(t, "an hour without the list", who.Check(t.Context(), key), "")
	c.Advance(30 * time.Minute)
	wantReason(t, "too long without the list", who.Check(t.Context(), key), signing.ReasonRevocationStale)
	o.revokes(t, private, lists.ID(), c.Now(), signs.ID())
	c.Advance(time.Minute)
	wantReason(t, "a list with the key", who.Check(t.Context(), key), signing.ReasonKeyRevoked)
}

func TestCounterpartiesAreChecked(t *testing.T) {
	t.Parallel()
	for want, agents := range map[string][]identity.Counterparty{
		"not an https address":         {{AgentURL: "http://a.example/agent", BrandURL: "https://a.example"}},
		"there twice":                  {{AgentURL: "https://a.example", BrandURL: "https://a.example"}, {AgentURL: "https://a.example", BrandURL: "https://a.example"}},
		"nothing leads to the keys of": {{AgentURL: "https://a.example"}},
	} {
		if _, err := identity.NewCounterparties(identity.CounterpartiesConfig{Agents: agents, Clock: clock.System{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
