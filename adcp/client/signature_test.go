package client_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/signing"
)

const (
	acmeURL   = "https://buyer.acme.example/agent"
	globexURL = "https://buyer.globex.example/agent"
)

// signingSeller is a seller that verifies signatures of two agents, of which
// acme's is the principal acme, and globex's is let in under no name.
type signingSeller struct {
	*seller
	policy signing.Policy
	acme   client.SigningKey
	globex client.SigningKey

	mu      sync.Mutex
	callers []agent.Caller
}

func newSigningSeller(t *testing.T, policy signing.Policy, revoked ...string) *signingSeller {
	t.Helper()
	s := &signingSeller{policy: policy}
	keys := pair{}
	for i, k := range []struct {
		url string
		key *client.SigningKey
	}{{acmeURL, &s.acme}, {globexURL, &s.globex}} {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		id := "key-" + string(rune('a'+i))
		published, err := signing.NewKey(id, public)
		if err != nil {
			t.Fatal(err)
		}
		published.AgentURL = k.url
		keys[id] = published
		*k.key = client.SigningKey{KeyID: id, Key: private, Published: published, Clock: stopped(morning)}
	}
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile: signing.Request31, Keys: keys, Policy: policy, Clock: stopped(morning), Revocations: signing.RevokedKeys(revoked),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.seller = newSeller(t, func(cfg *agent.Config) {
		cfg.Signatures = &agent.Signatures{Verifier: verifier, Caller: func(_ context.Context, url string) (agent.Caller, error) {
			if url != acmeURL {
				return agent.Caller{}, agent.ErrBadCredential
			}
			return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
		}}
		authenticate := cfg.Authenticator
		cfg.Authenticator = agent.AuthenticatorFunc(func(ctx context.Context, c agent.Credential) (agent.Caller, error) {
			if c.Value == "globex-key" {
				return agent.Caller{Tenant: "pub", Principal: "globex"}, nil
			}
			return authenticate.Authenticate(ctx, c)
		})
	})
	s.capabilities = func() (*adcp.GetAdcpCapabilitiesResponse, error) {
		resp, err := speaks("3.0", "3.1")()
		resp.RequestSigning = policy.Capability()
		return resp, err
	}
	create := s.create
	s.create = func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		s.mu.Lock()
		s.callers = append(s.callers, call.Caller)
		s.mu.Unlock()
		return create(ctx, call, req)
	}
	return s
}

// pair is a source of keys of several agents.
type pair map[string]*signing.Key

func (p pair) Key(_ context.Context, _, id string) (*signing.Key, error) {
	if k, ok := p[id]; ok {
		return k, nil
	}
	return nil, &signing.Error{Reason: signing.ReasonKeyUnknown}
}

// wiretap remembers the requests that went by, and may change them.
type wiretap struct {
	mu     sync.Mutex
	seen   []*http.Request
	bodies [][]byte
	change func(r *http.Request, body []byte) []byte
	fail   int // so many answers get lost
}

func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	r = r.Clone(r.Context())
	if w.change != nil {
		body = w.change(r, body)
	}
	w.mu.Lock()
	w.seen, w.bodies = append(w.seen, r), append(w.bodies, body)
	lose := w.fail > 0 && r.Header.Get("Signature") != ""
	if lose {
		w.fail--
	}
	w.mu.Unlock()
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && lose {
		resp.Body.Close()
		return nil, errors.New("the answer got lost")
	}
	return resp, err
}

// signed are the requests that carried a signature.
func (w *wiretap) signed() (requests []*http.Request, bodies [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range w.seen {
		if r.Header.Get("Signature") != "" {
			requests, bodies = append(requests, r), append(bodies, w.bodies[i])
		}
	}
	return requests, bodies
}

// signer calls the seller with acme's key and nothing else, through the tap.
func (s *signingSeller) signer(t *testing.T, tap *wiretap, change ...func(*client.Config)) *client.Client {
	t.Helper()
	return s.client(t, append([]func(*client.Config){func(cfg *client.Config) {
		cfg.Token, cfg.Signer, cfg.HTTPClient = "", s.acme, &http.Client{Transport: tap}
	}}, change...)...)
}

func supports(operations ...string) signing.Policy {
	return signing.Policy{Supported: true, Digest: signing.DigestRequired, SupportedFor: operations}
}

func TestASignatureAloneSaysWhoCalls(t *testing.T) {
	overBoth(t, testASignatureAloneSaysWhoCalls)
}

func testASignatureAloneSaysWhoCalls(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, supports())
	if _, err := client.Call(t.Context(), s.signer(t, &wiretap{}), adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	if want := (agent.Caller{Tenant: "pub", Principal: "acme", SignedBy: acmeURL}); len(s.callers) != 1 || s.callers[0] != want {
		t.Errorf("got %+v, want %+v", s.callers, want)
	}
}

func TestWithATokenOnlyWhatIsListedIsSigned(t *testing.T) {
	overBoth(t, testWithATokenOnlyWhatIsListedIsSigned)
}

func testWithATokenOnlyWhatIsListedIsSigned(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, supports("create_media_buy"))
	tap := &wiretap{}
	c := s.signer(t, tap, func(cfg *client.Config) { cfg.Token = "acme-key" })
	if _, err := client.Call(t.Context(), c, adcp.GetProducts, brief()); err != nil {
		t.Fatal(err)
	}
	if requests, _ := tap.signed(); len(requests) != 0 {
		t.Errorf("%d requests are signed that need not be", len(requests))
	}
	if _, err := client.Call(t.Context(), c, adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	requests, _ := tap.signed()
	if len(requests) != 1 || requests[0].Header.Get("Authorization") != "Bearer acme-key" || s.callers[0].SignedBy != acmeURL {
		t.Errorf("got %d signed requests, %+v", len(requests), s.callers)
	}
}

func TestAnAgentThatVerifiesNothingGetsNothingSigned(t *testing.T) {
	overBoth(t, testAnAgentThatVerifiesNothingGetsNothingSigned)
}

func testAnAgentThatVerifiesNothingGetsNothingSigned(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, signing.Policy{})
	tap := &wiretap{}
	c := s.signer(t, tap, func(cfg *client.Config) { cfg.Token = "acme-key" })
	if _, err := client.Call(t.Context(), c, adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	if requests, _ := tap.signed(); len(requests) != 0 || s.callers[0].SignedBy != "" {
		t.Errorf("%d requests are signed", len(requests))
	}
}

func TestTheDigestIsCoveredAsTheOtherSideSays(t *testing.T) {
	overBoth(t, testTheDigestIsCoveredAsTheOtherSideSays)
}

func testTheDigestIsCoveredAsTheOtherSideSays(t *testing.T) {
	t.Parallel()
	for digest, covered := range map[signing.DigestPolicy]bool{
		signing.DigestRequired: true, signing.DigestEither: true, signing.DigestForbidden: false,
	} {
		s := newSigningSeller(t, signing.Policy{Supported: true, Digest: digest})
		tap := &wiretap{}
		if _, err := client.Call(t.Context(), s.signer(t, tap), adcp.CreateMediaBuy, buy()); err != nil {
			t.Fatalf("%s: %v", digest, err)
		}
		requests, _ := tap.signed()
		for _, r := range requests {
			if got := strings.Contains(r.Header.Get("Signature-Input"), `"content-digest"`); got != covered {
				t.Errorf("%s: covered is %t", digest, got)
			}
		}
	}
}

func TestARepeatedCallIsSignedAnew(t *testing.T) {
	overBoth(t, testARepeatedCallIsSignedAnew)
}

func testARepeatedCallIsSignedAnew(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, supports("create_media_buy"))
	tap := &wiretap{fail: 1}
	c := s.signer(t, tap, func(cfg *client.Config) { cfg.Token = "acme-key" })
	if _, err := client.Call(t.Context(), c, adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	requests, _ := tap.signed()
	if len(requests) < 2 || requests[0].Header.Get("Signature") == requests[len(requests)-1].Header.Get("Signature") {
		t.Errorf("%d signed requests", len(requests))
	}
}

// send sends a request as it was, and gives back the answer's status, challenge
// and the protocol's error code.
func send(t *testing.T, r *http.Request, body []byte) (status int, challenge, code string) {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	out.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var told struct {
		Error struct {
			Data struct {
				Error adcp.Error `json:"adcp_error"`
			} `json:"data"`
		} `json:"error"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&told)
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(told.Error.Data.Error.Code)
}

func TestARefusedSignatureNeverFallsBack(t *testing.T) {
	overBoth(t, testARefusedSignatureNeverFallsBack)
}

func testARefusedSignatureNeverFallsBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		revoked []string
		spoil   func(r *http.Request, body []byte) []byte
		key     func(*signingSeller) client.SigningKey
		want    string
	}{
		"replayed": {want: "request_signature_replayed"},
		"revoked":  {revoked: []string{"key-a"}, want: "request_signature_key_revoked"},
		"another body": {spoil: func(_ *http.Request, body []byte) []byte {
			return bytes.Replace(body, []byte("1000.10"), []byte("9000.10"), 1)
		}, want: "request_signature_digest_mismatch"},
		"another host": {spoil: func(r *http.Request, body []byte) []byte {
			r.URL.Host = strings.Replace(r.URL.Host, "127.0.0.1", "localhost", 1)
			return body
		}, want: "request_signature_invalid"},
		"half a signature": {spoil: func(r *http.Request, body []byte) []byte {
			r.Header.Del("Signature-Input")
			return body
		}, want: "request_signature_header_malformed"},
		"an unknown key": {key: func(s *signingSeller) client.SigningKey {
			k := s.acme
			k.KeyID, k.Published = "nobodys", nil
			return k
		}, want: "request_signature_key_unknown"},
		"an agent that is no principal": {
			key: func(s *signingSeller) client.SigningKey { return s.globex }, want: "request_signature_key_unknown",
		},
		"content type of two kinds": {spoil: func(r *http.Request, body []byte) []byte {
			r.Header.Add("Content-Type", "application/json")
			return body
		}, want: "request_signature_header_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigningSeller(t, supports("create_media_buy"), tt.revoked...)
			tap := &wiretap{}
			// The token is good all the while.
			c := s.signer(t, tap, func(cfg *client.Config) {
				cfg.Token, cfg.Attempts = "acme-key", 1
				if tt.key != nil {
					cfg.Signer = tt.key(s)
				}
			})
			_, err := client.Call(t.Context(), c, adcp.CreateMediaBuy, buy())
			requests, bodies := tap.signed()
			if len(requests) != 1 {
				t.Fatalf("%d signed requests", len(requests))
			}
			r, body := requests[0], bodies[0]
			if tt.spoil != nil {
				r = r.Clone(t.Context())
				body = tt.spoil(r, body)
			} else if tt.want != "request_signature_replayed" {
				var refusal *adcp.Error
				if !errors.As(err, &refusal) || refusal.Code != adcp.CodeAuthInvalid || !strings.Contains(string(refusal.Details), tt.want) {
					t.Errorf("the client is told %v", err)
				}
			}
			if tt.key != nil {
				return // Its nonce may be used up.
			}
			calls := len(s.callers)
			status, challenge, code := send(t, r, body)
			if status != http.StatusUnauthorized || challenge != `Signature error="`+tt.want+`"` || code != "AUTH_INVALID" {
				t.Errorf("got %d, %q, %s, want %s", status, challenge, code, tt.want)
			}
			if len(s.callers) != calls {
				t.Error("the call was made all the same")
			}
		})
	}
}

func TestCredentialAndSignatureMustAgree(t *testing.T) {
	overBoth(t, testCredentialAndSignatureMustAgree)
}

func testCredentialAndSignatureMustAgree(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"globex-key", "no-such-key"} {
		s := newSigningSeller(t, supports("create_media_buy"))
		tap := &wiretap{change: func(r *http.Request, body []byte) []byte {
			if r.Header.Get("Signature") != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			return body
		}}
		_, err := client.Call(t.Context(), s.signer(t, tap, func(cfg *client.Config) { cfg.Token = "acme-key" }), adcp.CreateMediaBuy, buy())
		var refusal *adcp.Error
		if !errors.As(err, &refusal) || refusal.Code != adcp.CodeAuthInvalid || len(s.callers) != 0 {
			t.Errorf("%s: got %v after %d calls", token, err, len(s.callers))
		}
	}
}

func TestUnsignedWhereASignatureIsRequired(t *testing.T) {
	overBoth(t, testUnsignedWhereASignatureIsRequired)
}

func testUnsignedWhereASignatureIsRequired(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, signing.Policy{
		Supported: true, Digest: signing.DigestRequired, RequiredFor: []string{"create_media_buy"}, MethodsRequiredFor: []string{"tasks/cancel"},
	})
	// Another credential that is good is enough, and a bad one is as good as none.
	for token, want := range map[string]string{"acme-key": "", "": "AUTH_MISSING", "no-such-key": "AUTH_MISSING"} {
		tap := &wiretap{}
		plain := s.client(t, func(cfg *client.Config) {
			cfg.HTTPClient, cfg.Version = &http.Client{Transport: tap}, "3.1"
			cfg.Token = ""
			tap.change = func(r *http.Request, body []byte) []byte {
				if token != "" && bytes.Contains(body, []byte("create_media_buy")) {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				return body
			}
		})
		_, err := client.Call(t.Context(), plain, adcp.CreateMediaBuy, buy())
		var refusal *adcp.Error
		errors.As(err, &refusal)
		if want == "" && err != nil || want != "" && (refusal == nil || string(refusal.Code) != want || !strings.Contains(string(refusal.Details), "request_signature_required")) {
			t.Errorf("with %q: got %v", token, err)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	status, challenge, code := send(t, r, []byte(`{"jsonrpc":"2.0","method":"tasks/cancel","params":{"taskId":"t"},"id":1}`))
	if status != http.StatusUnauthorized || challenge != `Signature error="request_signature_required"` || code != "AUTH_MISSING" {
		t.Errorf("tasks/cancel: got %d, %q, %s", status, challenge, code)
	}
	if _, err := client.Call(t.Context(), s.signer(t, &wiretap{}), adcp.CreateMediaBuy, buy()); err != nil {
		t.Errorf("signed: %v", err)
	}
}

func TestHowWebhooksAreAuthenticatedIsSetUpBySignedRequestsOnly(t *testing.T) {
	overBoth(t, testHowWebhooksAreAuthenticatedIsSetUpBySignedRequestsOnly)
}

func testHowWebhooksAreAuthenticatedIsSetUpBySignedRequestsOnly(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, supports())
	req := buy()
	req.PushNotificationConfig = &adcp.PushNotificationConfig{
		URL: "https://buyer.acme.example/hook", OperationID: new("op_1"),
		Authentication: &adcp.PushNotificationConfigAuthentication{
			Schemes: []adcp.AuthenticationScheme{"HMAC-SHA256"}, Credentials: strings.Repeat("s", 32),
		},
	}
	_, err := client.Call(t.Context(), s.client(t), adcp.CreateMediaBuy, req)
	var refusal *adcp.Error
	if !errors.As(err, &refusal) || !strings.Contains(string(refusal.Details), "request_signature_required") || len(s.callers) != 0 {
		t.Errorf("unsigned: got %v", err)
	}
	// The client knows, though the operation is not listed.
	if _, err := client.Call(t.Context(), s.signer(t, &wiretap{}, func(cfg *client.Config) { cfg.Token = "acme-key" }), adcp.CreateMediaBuy, req); err != nil {
		t.Errorf("signed: %v", err)
	}
}

func TestAFailureThatIsOnlyWarnedAboutIsNoIdentity(t *testing.T) {
	overBoth(t, testAFailureThatIsOnlyWarnedAboutIsNoIdentity)
}

func testAFailureThatIsOnlyWarnedAboutIsNoIdentity(t *testing.T) {
	t.Parallel()
	s := newSigningSeller(t, signing.Policy{Supported: true, Digest: signing.DigestRequired, WarnFor: []string{"create_media_buy"}}, "key-a")
	if _, err := client.Call(t.Context(), s.signer(t, &wiretap{}, func(cfg *client.Config) { cfg.Token = "acme-key" }), adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	if s.callers[0].SignedBy != "" {
		t.Errorf("a revoked key names %s", s.callers[0].SignedBy)
	}
	// Without a token there is nobody left.
	_, err := client.Call(t.Context(), s.signer(t, &wiretap{}), adcp.CreateMediaBuy, buy())
	var refusal *adcp.Error
	if !errors.As(err, &refusal) || refusal.Code != adcp.CodeAuthMissing {
		t.Errorf("got %v", err)
	}
}
