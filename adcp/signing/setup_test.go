package signing_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
)

const buyer = "https://buyer.example/mcp"

// hand is a clock that moves only when told to.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func newHand() *hand { return &hand{now: time.Unix(1_776_520_800, 0)} }

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// bundle is a signer and a verifier that know each other.
type bundle struct {
	clock    *hand
	private  crypto.Signer
	key      *signing.Key
	signer   *signing.Signer
	verifier *signing.Verifier
}

type option func(*signing.SignerConfig, *signing.VerifierConfig)

func newPrivate(t testing.TB, alg string) crypto.Signer {
	t.Helper()
	if alg == signing.ECDSAP256 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func setup(t testing.TB, profile signing.Profile, opts ...option) *bundle {
	t.Helper()
	return setupWith(t, profile, newPrivate(t, signing.Ed25519), opts...)
}

func setupWith(t testing.TB, profile signing.Profile, private crypto.Signer, opts ...option) *bundle {
	t.Helper()
	b := &bundle{clock: newHand(), private: private}
	var err error
	if b.key, err = signing.NewKey("k1", private.Public()); err != nil {
		t.Fatal(err)
	}
	b.key.AgentURL = buyer
	policy := signing.Policy{Supported: true}
	if profile == signing.Request32 {
		policy.Digest = signing.DigestRequired
	}
	sc := signing.SignerConfig{Profile: profile, KeyID: "k1", Key: private, Clock: b.clock}
	vc := signing.VerifierConfig{
		Profile: profile, Keys: &signing.KeySet{AgentURL: buyer, Keys: []*signing.Key{b.key}},
		Revocations: signing.RevokedKeys(nil), Policy: policy, Clock: b.clock,
	}
	for _, o := range opts {
		o(&sc, &vc)
	}
	if b.signer, err = signing.NewSigner(sc); err != nil {
		t.Fatal(err)
	}
	if b.verifier, err = signing.NewVerifier(vc); err != nil {
		t.Fatal(err)
	}
	return b
}

func message(body string) *signing.Message {
	m := &signing.Message{
		Method: "POST", URL: "https://seller.example/mcp?a=1", Header: http.Header{}, Body: []byte(body),
	}
	if body != "" {
		m.Header.Set("Content-Type", "application/json")
	}
	return m
}

// signed is a message that verifies.
func (b *bundle) signed(t testing.TB, body string) *signing.Message {
	t.Helper()
	m := message(body)
	if err := b.signer.Sign(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantReason holds an error to a reason and, where one is given, a step.
func wantReason(t testing.TB, err error, reason signing.Reason, step string) {
	t.Helper()
	var refused *signing.Error
	switch {
	case !errors.As(err, &refused):
		t.Errorf("got %v, want a refusal: %s", err, reason)
	case refused.Reason != reason || step != "" && refused.Step != step:
		t.Errorf("got %v, want %s at step %s", err, reason, step)
	}
}

// dialTo connects to one address, whatever the host.
func dialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
