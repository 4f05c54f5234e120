package signing_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

// web is an https server under any host name, whose documents a test changes.
type web struct {
	*httptest.Server
	client *http.Client

	mu    sync.Mutex
	docs  map[string]string // by host and path
	reads map[string]int
	// Where they are set, an answer says that it is asked for and waits.
	asked, wait chan struct{}
}

func newWeb(t *testing.T) *web {
	t.Helper()
	w := &web{docs: map[string]string{}, reads: map[string]int{}}
	w.Server = httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.Close)
	address := w.Listener.Addr().String()
	transport := w.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	transport.DialContext = dialTo(address)
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{Transport: transport}
	return w
}

func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	at := r.Host + r.URL.Path
	w.reads[at]++
	doc, ok := w.docs[at]
	asked, wait := w.asked, w.wait
	w.mu.Unlock()
	if wait != nil {
		asked <- struct{}{}
		<-wait
	}
	switch {
	case !ok:
		http.NotFound(rw, r)
	case strings.HasPrefix(doc, "redirect "):
		http.Redirect(rw, r, strings.TrimPrefix(doc, "redirect "), http.StatusFound)
	case doc == "broken":
		rw.WriteHeader(http.StatusInternalServerError)
	default:
		_, _ = rw.Write([]byte(doc))
	}
}

func (w *web) put(at, doc string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs[at] = doc
}

func (w *web) drop(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.docs, at)
}

func (w *web) read(at string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads[at]
}

func keySet(t *testing.T, keys ...*signing.Key) string {
	t.Helper()
	doc, err := json.Marshal(&signing.KeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func newKey(t *testing.T, id string) (*signing.Key, crypto.Signer) {
	t.Helper()
	private := newPrivate(t, signing.Ed25519)
	key, err := signing.NewKey(id, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key, private
}

const jwksAt = "buyer.example/.well-known/jwks.json"

func remote(t *testing.T) (*web, *hand, *signing.RemoteKeys) {
	t.Helper()
	w, clock := newWeb(t), newHand()
	keys, err := signing.NewRemoteKeys(signing.RemoteKeysConfig{
		AgentURL: buyer, URL: "https://" + jwksAt, Client: w.client, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, clock, keys
}

func TestRemoteKeysAreKeptWithTheirAge(t *testing.T) {
	t.Parallel()
	w, clock, keys := remote(t)
	k1, _ := newKey(t, "k1")
	k2, _ := newKey(t, "k2")
	w.put(jwksAt, keySet(t, k1))
	ask := func(id string, wantReads int) error {
		t.Helper()
		key, err := keys.Key(t.Context(), buyer, id)
		if err == nil && (key.ID != id || key.AgentURL != buyer) {
			t.Errorf("got key %+v", key)
		}
		if got := w.read(jwksAt); got != wantReads {
			t.Errorf("read %d times, want %d", got, wantReads)
		}
		return err
	}
	if err := ask("k1", 1); err != nil {
		t.Fatal(err)
	}
	clock.move(4 * time.Minute)
	if err := ask("k1", 1); err != nil {
		t.Fatal(err)
	}
	// A key that came since is found at once; the next one that is not there
	// waits for the cooldown.
	w.put(jwksAt, keySet(t, k1, k2))
	if err := ask("k2", 2); err != nil {
		t.Fatal(err)
	}
	wantReason(t, ask("k3", 2), signing.ReasonKeyUnknown, "")
	clock.move(31 * time.Second)
	wantReason(t, ask("k3", 3), signing.ReasonKeyUnknown, "")
	// Old is old, whatever happens to the server.
	clock.move(5 * time.Minute)
	w.put(jwksAt, "broken")
	wantReason(t, ask("k1", 4), signing.ReasonKeysUnavailable, "")
	wantReason(t, ask("k1", 4), signing.ReasonKeysUnavailable, "")
	clock.move(6 * time.Second)
	w.put(jwksAt, keySet(t, k1))
	if err := ask("k1", 5); err != nil {
		t.Fatal(err)
	}
}

func TestRemoteKeysAreReadByOneAtATime(t *testing.T) {
	t.Parallel()
	w, _, keys := remote(t)
	k1, _ := newKey(t, "k1")
	w.put(jwksAt, keySet(t, k1))
	w.asked, w.wait = make(chan struct{}, 20), make(chan struct{})
	// The first caller gives up; the reading goes on for the others.
	gone, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := keys.Key(gone, "", "k1"); first <- err }()
	<-w.asked
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: got %v", err)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := keys.Key(t.Context(), "", "k1"); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	close(w.wait)
	wait.Wait()
	if got := w.read(jwksAt); got != 1 {
		t.Errorf("read %d times, want 1", got)
	}
}

func TestRemoteKeysRefuse(t *testing.T) {
	t.Parallel()
	k1, _ := newKey(t, "k1")
	good := keySet(t, k1)
	for name, c := range map[string]struct {
		doc    string
		reason signing.Reason
	}{
		"ARedirect":        {"redirect https://buyer.example/elsewhere", signing.ReasonKeysUntrusted},
		"TooLarge":         {good + strings.Repeat(" ", 64<<10), signing.ReasonKeysUntrusted},
		"NotJSON":          {"<html>", signing.ReasonKeysUnavailable},
		"NoKeys":           {"{}", signing.ReasonKeysUnavailable},
		"AMemberTwice":     {`{"keys":[],"keys":[]}`, signing.ReasonKeysUnavailable},
		"AnIDTwice":        {keySet(t, k1, k1), signing.ReasonKeyPurpose},
		"AFault":           {"broken", signing.ReasonKeysUnavailable},
		"AnotherAgentsSet": {good, signing.ReasonKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, keys := remote(t)
			w.put(jwksAt, c.doc)
			w.put("buyer.example/elsewhere", good)
			agent := buyer
			if name == "AnotherAgentsSet" {
				agent = "https://other.example"
			}
			_, err := keys.Key(t.Context(), agent, "k1")
			wantReason(t, err, c.reason, "")
		})
	}
	for _, url := range []string{"http://buyer.example/jwks.json", "file:///etc/passwd", ""} {
		_, err := signing.NewRemoteKeys(signing.RemoteKeysConfig{AgentURL: buyer, URL: url})
		wantReason(t, err, signing.ReasonKeysUntrusted, "")
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	k, _ := newKey(t, "k1")
	doc, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"OtherUse":       func(m map[string]any) { m["use"] = "enc" },
		"NoUse":          func(m map[string]any) { delete(m, "use") },
		"NoKeyOps":       func(m map[string]any) { delete(m, "key_ops") },
		"NoPurpose":      func(m map[string]any) { delete(m, "adcp_use") },
		"OtherPurpose":   func(m map[string]any) { m["adcp_use"] = "governance-signing" },
		"WebhookPurpose": func(m map[string]any) { m["adcp_use"] = signing.PurposeWebhook },
		"OtherAlgorithm": func(m map[string]any) { m["alg"] = "ES256" },
		"NoAlgorithm":    func(m map[string]any) { delete(m, "alg") },
		"ShortX":         func(m map[string]any) { m["x"] = "AAAA" },
		"XOfNoBase64":    func(m map[string]any) { m["x"] = "????" },
		"PrivatePart":    func(m map[string]any) { m["d"] = "AAAA" },
		"ARSAKey":        func(m map[string]any) { m["kty"], m["alg"] = "RSA", "RS256" },
		"APointNotOnIt": func(m map[string]any) {
			m["kty"], m["crv"], m["alg"] = "EC", "P-256", "ES256"
			m["y"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m map[string]any
			if err := json.Unmarshal(doc, &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			raw, _ := json.Marshal(map[string]any{"keys": []any{m}})
			set, err := signing.ParseKeySet(buyer, raw)
			if err != nil {
				t.Fatal(err)
			}
			b := setup(t, signing.Request31, func(_ *signing.SignerConfig, v *signing.VerifierConfig) { v.Keys = set })
			_, err = b.verifier.Verify(t.Context(), b.signed(t, `{}`))
			wantReason(t, err, signing.ReasonKeyPurpose, "8")
		})
	}
}

const (
	brandAt   = "buyer.example/.well-known/brand.json"
	listAt    = "buyer.example/.well-known/governance-revocations.json"
	goodBrand = `{"version":"1","agents":[{"type":"buying","url":"` + buyer + `","id":"b"}]}`
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	k1, _ := newKey(t, "k1")
	posture := func(p signing.Posture, err error) func(context.Context, string) (signing.Posture, error) {
		return func(context.Context, string) (signing.Posture, error) { return p, err }
	}
	own := signing.Posture{BrandJSONURL: "https://" + brandAt}
	with := func(change func(*signing.Posture)) func(context.Context, string) (signing.Posture, error) {
		p := own
		change(&p)
		return posture(p, nil)
	}
	entry := func(jwks string) string {
		return `{"agents":[{"type":"buying","url":"` + buyer + `","jwks_uri":"` + jwks + `"}]}`
	}
	for name, c := range map[string]struct {
		docs    map[string]string
		posture func(context.Context, string) (signing.Posture, error)
		reason  signing.Reason // empty: found
	}{
		"OK by the well-known place": {map[string]string{brandAt: goodBrand}, nil, ""},
		"OK by the capabilities":     {map[string]string{brandAt: goodBrand}, posture(own, nil), ""},
		"OK in a house":              {map[string]string{brandAt: `{"house":{"agents":[{"url":"` + buyer + `"}]},"brands":[]}`}, nil, ""},
		"OK in a brand of a house":   {map[string]string{brandAt: `{"house":{},"brands":[{"agents":[{"url":"` + buyer + `"}]}]}`}, nil, ""},
		"OK one step further":        {map[string]string{brandAt: `{"authoritative_location":"https://house.example/b.json"}`, "house.example/b.json": goodBrand}, nil, ""},
		"OK at the house":            {map[string]string{brandAt: `{"house":"house.example"}`, "house.example/.well-known/brand.json": goodBrand}, nil, ""},
		"OK elsewhere with a declaration": {map[string]string{brandAt: entry("https://keys.buyer.example/set"), "keys.buyer.example/set": keySet(t, k1)}, with(func(p *signing.Posture) {
			p.KeyOrigins = map[string]string{"request_signing": "https://KEYS.buyer.example"}
		}), ""},
		"OK by an operator": {map[string]string{"agency.example/b.json": `{"authorized_operators":[{"domain":"buyer.example"}],"agents":[{"url":"` + buyer + `"}]}`}, with(func(p *signing.Posture) {
			p.BrandJSONURL = "https://agency.example/b.json"
		}), ""},
		"No capabilities":              {nil, posture(own, errors.New("away")), signing.ReasonCapabilities},
		"No brand.json named":          {nil, with(func(p *signing.Posture) { p.BrandJSONURL = "" }), signing.ReasonBrandURLMissing},
		"A brand.json over http":       {nil, with(func(p *signing.Posture) { p.BrandJSONURL = "http://" + brandAt }), signing.ReasonBrandURLMissing},
		"No brand.json":                {nil, nil, signing.ReasonBrandUnreachable},
		"A brand.json that redirects":  {map[string]string{brandAt: "redirect https://buyer.example/b.json"}, nil, signing.ReasonBrandUnreachable},
		"Two steps further":            {map[string]string{brandAt: `{"authoritative_location":"https://house.example/b.json"}`, "house.example/b.json": `{"authoritative_location":"https://` + brandAt + `"}`}, nil, signing.ReasonAgentNotInBrand},
		"No step from capabilities":    {map[string]string{brandAt: `{"authoritative_location":"https://house.example/b.json"}`, "house.example/b.json": goodBrand}, posture(own, nil), signing.ReasonAgentNotInBrand},
		"A brand.json with doubles":    {map[string]string{brandAt: `{"agents":[],"agents":[]}`}, nil, signing.ReasonBrandMalformed},
		"A brand.json that is no JSON": {map[string]string{brandAt: `<html>`}, nil, signing.ReasonBrandMalformed},
		"Another slash":                {map[string]string{brandAt: strings.Replace(goodBrand, "/mcp", "/mcp/", 1)}, nil, signing.ReasonAgentNotInBrand},
		"Listed twice":                 {map[string]string{brandAt: `{"agents":[{"url":"` + buyer + `"},{"url":"` + buyer + `"}]}`}, nil, signing.ReasonBrandAmbiguous},
		"Another's brand.json":         {map[string]string{"other.example/b.json": goodBrand}, with(func(p *signing.Posture) { p.BrandJSONURL = "https://other.example/b.json" }), signing.ReasonBrandOrigin},
		"Keys over http":               {map[string]string{brandAt: entry("http://buyer.example/set")}, nil, signing.ReasonKeysUntrusted},
		"Keys at another origin": {map[string]string{brandAt: goodBrand}, with(func(p *signing.Posture) {
			p.KeyOrigins = map[string]string{"request_signing": "https://keys.buyer.example"}
		}), signing.ReasonKeyOriginMismatch},
		"Keys beside those of governance": {map[string]string{brandAt: goodBrand}, with(func(p *signing.Posture) {
			p.KeyOrigins = map[string]string{"request_signing": "https://buyer.example", "governance_signing": "https://buyer.example"}
		}), signing.ReasonKeyOriginMismatch},
		"Signs without an origin": {map[string]string{brandAt: goodBrand}, with(func(p *signing.Posture) { p.Signs = []string{"request_signing"} }), signing.ReasonKeyOriginUndeclared},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t)
			w.put(jwksAt, keySet(t, k1))
			for at, doc := range c.docs {
				w.put(at, doc)
			}
			d := directory(t, w, newHand(), c.posture, buyer)
			key, err := d.Key(t.Context(), "", "k1")
			if c.reason != "" {
				wantReason(t, err, c.reason, "")
				return
			}
			if err != nil || key.AgentURL != buyer {
				t.Errorf("got %+v, %v", key, err)
			}
		})
	}
}

func directory(t *testing.T, w *web, clock signing.Clock, posture func(context.Context, string) (signing.Posture, error), agents ...string) *signing.Directory {
	t.Helper()
	d, err := signing.NewDirectory(signing.DirectoryConfig{
		Agents:  func(context.Context) ([]string, error) { return agents, nil },
		Posture: posture, Client: w.client, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirectoryTellsAgentsApart(t *testing.T) {
	t.Parallel()
	const second = "https://second.example/mcp"
	w := newWeb(t)
	k1, _ := newKey(t, "k1")
	same, _ := newKey(t, "k1")
	k2, _ := newKey(t, "k2")
	w.put(brandAt, goodBrand)
	w.put(jwksAt, keySet(t, k1))
	w.put("second.example/.well-known/brand.json", `{"agents":[{"type":"buying","url":"`+second+`"}]}`)
	w.put("second.example/.well-known/jwks.json", keySet(t, same, k2))
	d := directory(t, w, newHand(), nil, buyer, second)
	if key, err := d.Key(t.Context(), "", "k2"); err != nil || key.AgentURL != second {
		t.Errorf("got %+v, %v", key, err)
	}
	_, err := d.Key(t.Context(), "", "k1")
	wantReason(t, err, signing.ReasonKeyUnknown, "")
	if key, err := d.Key(t.Context(), second, "k1"); err != nil || key.AgentURL != second {
		t.Errorf("got %+v, %v", key, err)
	}
	_, err = d.Key(t.Context(), "https://third.example/mcp", "k1")
	wantReason(t, err, signing.ReasonKeyUnknown, "")
	_, err = d.Key(t.Context(), "", "k3")
	wantReason(t, err, signing.ReasonKeyUnknown, "")
}

// signList publishes a revocation list under the key.
func signList(t *testing.T, private crypto.Signer, kid string, list signing.RevocationList) string {
	t.Helper()
	header, _ := json.Marshal(map[string]string{"alg": "EdDSA", "kid": kid, "typ": "adcp-gov-revocation+jws"})
	payload, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64(header) + "." + b64(payload)
	made, err := private.Sign(nil, []byte(input), crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := json.Marshal(map[string]any{
		"payload": b64(payload), "signatures": []any{map[string]string{"protected": b64(header), "signature": b64(made)}},
	})
	return string(doc)
}

func TestRemoteRevocations(t *testing.T) {
	t.Parallel()
	w, clock := newWeb(t), newHand()
	k1, p1 := newKey(t, "k1")
	k2, p2 := newKey(t, "k2")
	k1.AgentURL, k2.AgentURL = buyer, buyer
	set := &signing.KeySet{AgentURL: buyer, Keys: []*signing.Key{k1, k2}}
	revocations, err := signing.NewRemoteRevocations(signing.RemoteRevocationsConfig{Keys: set, Client: w.client, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	list := func(revoked ...string) signing.RevocationList {
		return signing.RevocationList{
			Issuer: "https://buyer.example", Updated: clock.Now().UTC(), NextUpdate: clock.Now().Add(10 * time.Minute).UTC(), RevokedKeys: revoked,
		}
	}
	wantReason(t, revocations.Check(t.Context(), k1), signing.ReasonRevocationStale, "")
	clock.move(6 * time.Second)
	w.put(listAt, signList(t, p1, "k1", list()))
	if err := revocations.Check(t.Context(), k2); err != nil {
		t.Fatal(err)
	}
	// The list is read again when its own time has come.
	w.put(listAt, signList(t, p1, "k1", list("k2")))
	if err := revocations.Check(t.Context(), k2); err != nil {
		t.Fatal(err)
	}
	clock.move(10 * time.Minute)
	w.put(listAt, signList(t, p1, "k1", list("k2")))
	wantReason(t, revocations.Check(t.Context(), k2), signing.ReasonKeyRevoked, "")
	if err := revocations.Check(t.Context(), k1); err != nil {
		t.Fatal(err)
	}
	// A revoked key cannot lift its own revocation.
	clock.move(10 * time.Minute)
	w.put(listAt, signList(t, p2, "k2", list()))
	wantReason(t, revocations.Check(t.Context(), k2), signing.ReasonKeyRevoked, "")
	// A list that is away is believed for four more intervals.
	w.drop(listAt)
	clock.move(39 * time.Minute)
	if err := revocations.Check(t.Context(), k1); err != nil {
		t.Fatal(err)
	}
	clock.move(2 * time.Minute)
	wantReason(t, revocations.Check(t.Context(), k1), signing.ReasonRevocationStale, "")
	wantReason(t, revocations.Check(t.Context(), k2), signing.ReasonKeyRevoked, "")
}

func TestRevocationListIsRefused(t *testing.T) {
	t.Parallel()
	clock := newHand()
	k1, p1 := newKey(t, "k1")
	_, other := newKey(t, "k1")
	good := signing.RevocationList{Issuer: "https://buyer.example", Updated: clock.Now().UTC(), NextUpdate: clock.Now().Add(time.Minute).UTC()}
	with := func(change func(*signing.RevocationList)) signing.RevocationList { l := good; change(&l); return l }
	for name, doc := range map[string]string{
		"SignedByAnother":   signList(t, other, "k1", good),
		"UnknownKey":        signList(t, p1, "k9", good),
		"RevokesItsOwnKey":  signList(t, p1, "k1", with(func(l *signing.RevocationList) { l.RevokedKeys = []string{"k1"} })),
		"NoIssuer":          signList(t, p1, "k1", with(func(l *signing.RevocationList) { l.Issuer = "" })),
		"NextBeforeUpdated": signList(t, p1, "k1", with(func(l *signing.RevocationList) { l.NextUpdate = l.Updated })),
		"NoJWS":             "{}",
		"NoJSON":            "a.b",
		"TwoSignatures":     `{"payload":"","signatures":[{},{}]}`,
	} {
		if list, err := signing.OpenRevocationList(t.Context(), []byte(doc), &signing.KeySet{Keys: []*signing.Key{k1}}, ""); err == nil {
			t.Errorf("%s: accepted: %+v", name, list)
		}
	}
	if _, err := signing.OpenRevocationList(t.Context(), []byte(signList(t, p1, "k1", good)), &signing.KeySet{Keys: []*signing.Key{k1}}, ""); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestAnAgentWithoutAListMayBeTakenToRevokeNothing(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	k1, _ := newKey(t, "k1")
	k1.AgentURL = buyer
	revocations, err := signing.NewRemoteRevocations(signing.RemoteRevocationsConfig{
		Keys: &signing.KeySet{}, Client: w.client, Clock: newHand(), Optional: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := revocations.Check(t.Context(), k1); err != nil {
		t.Error(err)
	}
}

func TestASealedRevocationListOpens(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{signing.Ed25519, signing.ECDSAP256} {
		private := newPrivate(t, alg)
		key, err := signing.NewKey("k1", private.Public())
		if err != nil {
			t.Fatal(err)
		}
		signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Request31, KeyID: "k1", Key: private})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_776_520_800, 0).UTC()
		list := &signing.RevocationList{Version: 1, Issuer: "https://a.example", Updated: now, NextUpdate: now.Add(time.Hour), RevokedKeys: []string{"k0"}}
		sealed, err := signer.SealRevocationList(list)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := signing.OpenRevocationList(t.Context(), sealed, &signing.KeySet{Keys: []*signing.Key{key}}, "")
		if err != nil || opened.Issuer != list.Issuer || len(opened.RevokedKeys) != 1 || !opened.Updated.Equal(now) {
			t.Errorf("%s: got %+v, %v", alg, opened, err)
		}
		list.RevokedKeys = []string{"k1"}
		if _, err := signer.SealRevocationList(list); err == nil {
			t.Error("a list revokes its own key")
		}
		list.RevokedKeys, list.NextUpdate = nil, now
		if _, err := signer.SealRevocationList(list); err == nil {
			t.Error("a list is never due again")
		}
	}
}

func TestPublicClientStaysOutside(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	resp, err := signing.PublicClient().Get(server.URL)
	if err == nil {
		resp.Body.Close()
		t.Fatal("the client connects to a loopback address")
	}
}

func TestPostureOfCapabilities(t *testing.T) {
	t.Parallel()
	var c adcp.GetAdcpCapabilitiesResponse
	doc := `{"identity":{"brand_json_url":"https://buyer.example/b.json","key_origins":{"request_signing":"https://keys.buyer.example"}},
		"request_signing":{"supported":true,"supported_for":["create_media_buy"]},
		"webhook_signing":{"supported":true,"profile":"adcp/webhook-signing/v1","algorithms":["ed25519"]}}`
	if err := adcp.Unmarshal([]byte(doc), &c); err != nil {
		t.Fatal(err)
	}
	want := signing.Posture{
		BrandJSONURL: "https://buyer.example/b.json",
		KeyOrigins:   map[string]string{signing.SurfaceRequest: "https://keys.buyer.example"},
		Signs:        []string{signing.SurfaceRequest, signing.SurfaceWebhook},
	}
	if diff := cmp.Diff(want, signing.PostureOf(&c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(signing.Posture{}, signing.PostureOf(&adcp.GetAdcpCapabilitiesResponse{})); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}
