package client_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/signing"
)

const webhookSecret = "0123456789abcdef0123456789abcdef"

const webhookBody = `{"idempotency_key":"whk_0123456789abcdef","operation_id":"op_1","task_id":"task_1","task_type":"create_media_buy","status":"completed","timestamp":"2026-11-16T09:00:00Z","token":"a-token-of-the-buyer","result":{"media_buy_id":"mb_1"}}`

// hand is a clock that a test sets.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

func (h *hand) advance(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.now = h.now.Add(d) }

// inbox is a receiver over HTTP, with an address for each scheme.
type inbox struct {
	*httptest.Server
	t       *testing.T
	clock   *hand
	signer  *signing.Signer
	hmac    *signing.HMAC
	bearer  *signing.Bearer
	handle  func(client.Delivery) error // may be nil
	mu      sync.Mutex
	handled []client.Delivery
}

func openInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{t: t, clock: &hand{now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	public, private, err := ed25519.GenerateKey(nil)
	must(err)
	key, err := signing.NewKey("key-1", public)
	must(err)
	in.signer, err = signing.NewSigner(signing.SignerConfig{Profile: signing.Webhook, KeyID: "key-1", Key: private, Published: key, Clock: in.clock})
	must(err)
	const seller = "https://seller.example/mcp"
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile: signing.Webhook, Clock: in.clock, Revocations: signing.RevokedKeys(nil),
		Keys: &signing.KeySet{AgentURL: seller, Keys: []*signing.Key{key}},
	})
	must(err)
	in.hmac, err = signing.NewHMAC(signing.SharedSecretConfig{Secret: webhookSecret, Clock: in.clock})
	must(err)
	in.bearer, err = signing.NewBearer(signing.SharedSecretConfig{Secret: webhookSecret, Clock: in.clock})
	must(err)
	handler, err := client.NewReceiver(client.ReceiverConfig{
		Registration: func(_ context.Context, r *http.Request) (*client.Registration, error) {
			switch r.URL.Path {
			case "/signed":
				return &client.Registration{Sender: seller}, nil
			case "/hmac":
				return &client.Registration{Sender: seller, HMAC: in.hmac, Token: "a-token-of-the-buyer", OperationID: "op_1"}, nil
			case "/bearer":
				return &client.Registration{Sender: "https://other.example", Bearer: in.bearer}, nil
			case "/broken":
				return nil, errors.New("the database is away")
			}
			return nil, nil
		},
		Handle: func(_ context.Context, d client.Delivery) error {
			in.mu.Lock()
			in.handled = append(in.handled, d)
			handle := in.handle
			in.mu.Unlock()
			if handle != nil {
				return handle(d)
			}
			return nil
		},
		Verifier: verifier, Seen: client.NewMemorySeen(in.clock.Now, 0), MaxBody: 1 << 16,
	})
	must(err)
	in.Server = httptest.NewServer(handler)
	t.Cleanup(in.Close)
	return in
}

// handleBy changes what the handler does with the next webhooks.
func (in *inbox) handleBy(f func(client.Delivery) error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.handle = f
}

// taken are the webhooks that were handed over so far.
func (in *inbox) taken() []client.Delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.handled)
}

// request makes a webhook, signed as its address wants.
func (in *inbox) request(path, body string) *http.Request {
	in.t.Helper()
	req, err := http.NewRequest(http.MethodPost, in.URL+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	switch path {
	case "/signed":
		err = in.signer.Sign(&signing.Message{Method: req.Method, URL: req.URL.String(), Header: req.Header, Body: []byte(body)})
	case "/hmac":
		err = in.hmac.Sign(req.Header, []byte(body))
	case "/bearer":
		err = in.bearer.Sign(req.Header, []byte(body))
	}
	if err != nil {
		in.t.Fatal(err)
	}
	return req
}

// send gives the status and the code of a refusal.
func (in *inbox) send(req *http.Request) (int, string) {
	in.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error string `json:"error"`
	}
	if resp.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			in.t.Errorf("status %d: %v", resp.StatusCode, err)
		}
	}
	return resp.StatusCode, answer.Error
}

func TestReceiverHandsOverOnce(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/signed", "/hmac", "/bearer"} {
		in := openInbox(t)
		fail := true
		in.handleBy(func(client.Delivery) error {
			if fail {
				return errors.New("not now")
			}
			return nil
		})
		if status, _ := in.send(in.request(path, webhookBody)); status != http.StatusServiceUnavailable {
			t.Errorf("%s: a handler's failure is answered with %d", path, status)
		}
		fail = false
		for range 3 { // Each signed anew, as a sender does.
			if status, code := in.send(in.request(path, webhookBody)); status != http.StatusNoContent {
				t.Errorf("%s: got %d %s", path, status, code)
			}
			in.clock.advance(time.Hour)
		}
		if len(in.taken()) != 2 || in.taken()[1].Payload.TaskID != "task_1" || string(in.taken()[1].Body) != webhookBody {
			t.Errorf("%s: handled %+v", path, in.taken())
		}
	}
}

func TestReceiverKeepsSendersApart(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	for _, path := range []string{"/hmac", "/bearer", "/signed"} { // The first and last are one sender.
		if status, code := in.send(in.request(path, webhookBody)); status != http.StatusNoContent {
			t.Errorf("%s: got %d %s", path, status, code)
		}
	}
	if len(in.taken()) != 2 {
		t.Errorf("handled %d times, want once a sender", len(in.taken()))
	}
}

func TestReceiverInFlight(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	in.handleBy(func(client.Delivery) error {
		if status, code := in.send(in.request("/hmac", webhookBody)); status != http.StatusConflict || code != "in_flight" {
			t.Errorf("got %d %s", status, code)
		}
		return nil
	})
	if status, _ := in.send(in.request("/hmac", webhookBody)); status != http.StatusNoContent || len(in.taken()) != 1 {
		t.Errorf("got %d, handled %d times", status, len(in.taken()))
	}
}

func TestReceiverHandlerPanics(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	in.handleBy(func(client.Delivery) error { panic(http.ErrAbortHandler) })
	if resp, err := http.DefaultClient.Do(in.request("/hmac", webhookBody)); err == nil {
		resp.Body.Close()
		t.Errorf("got %d", resp.StatusCode)
	}
	in.handleBy(nil)
	if status, _ := in.send(in.request("/hmac", webhookBody)); status != http.StatusNoContent {
		t.Errorf("after a panic the webhook is not taken: %d", status)
	}
}

func TestReceiverRefuses(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	change := func(old, replacement string) string { return strings.Replace(webhookBody, old, replacement, 1) }
	spoiled := func(path string) *http.Request {
		req := in.request(path, webhookBody)
		body := change("mb_1", "mb_2")
		req.Body = http.NoBody
		req.Body, req.ContentLength = readCloser{bytes.NewReader([]byte(body))}, int64(len(body))
		return req
	}
	get := in.request("/hmac", "")
	get.Method = http.MethodGet
	unsigned := in.request("/elsewhere", webhookBody)
	unsigned.URL.Path = "/signed"
	for name, tt := range map[string]struct {
		req    *http.Request
		status int
		code   string
	}{
		"No registration":           {in.request("/elsewhere", webhookBody), 404, "not_found"},
		"Registrations unavailable": {in.request("/broken", webhookBody), 503, "unavailable"},
		"Another method":            {get, 405, "method_not_allowed"},
		"Too large":                 {in.request("/hmac", `{"a":"`+strings.Repeat("x", 1<<16)+`"}`), 413, "body_too_large"},
		"Too large, signed":         {in.request("/signed", `{"a":"`+strings.Repeat("x", 1<<16)+`"}`), 413, "body_too_large"},
		"No signature":              {unsigned, 401, "webhook_signature_header_malformed"},
		"Another body, signed":      {spoiled("/signed"), 401, "webhook_signature_digest_mismatch"},
		"Another body, HMAC":        {spoiled("/hmac"), 401, "webhook_signature_invalid"},
		"No token":                  {in.request("/hmac", change(`"token":"a-token-of-the-buyer",`, "")), 401, "token_mismatch"},
		"Another token":             {in.request("/hmac", change("a-token-of-the-buyer", "a-token-of-another")), 401, "token_mismatch"},
		"Another operation":         {in.request("/hmac", change("op_1", "op_2")), 400, "operation_mismatch"},
		"No envelope":               {in.request("/hmac", `{"media_buy_deliveries":[]}`), 400, "missing_envelope_fields"},
		"No JSON":                   {in.request("/hmac", `hello`), 400, "invalid_envelope"},
	} {
		if status, code := in.send(tt.req); status != tt.status || code != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", name, status, code, tt.status, tt.code)
		}
	}
	if len(in.taken()) != 0 {
		t.Errorf("handled %+v", in.taken())
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func TestReceiverRefusesReplays(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	// The very same request again: the nonce is used up, whatever the key says.
	first := in.request("/signed", webhookBody)
	again := first.Clone(t.Context())
	again.Body = readCloser{bytes.NewReader([]byte(webhookBody))}
	if status, code := in.send(first); status != http.StatusNoContent {
		t.Fatalf("got %d %s", status, code)
	}
	if status, code := in.send(again); status != http.StatusUnauthorized || code != "webhook_signature_replayed" {
		t.Errorf("got %d %s", status, code)
	}
	// Old ones of either scheme are out of their window.
	for _, path := range []string{"/signed", "/hmac"} {
		old := in.request(path, webhookBody)
		in.clock.advance(10 * time.Minute)
		if status, code := in.send(old); status != http.StatusUnauthorized || code != "webhook_signature_window_invalid" {
			t.Errorf("%s: got %d %s", path, status, code)
		}
	}
}

func TestMemorySeenForgets(t *testing.T) {
	t.Parallel()
	c := &hand{now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	seen := client.NewMemorySeen(c.Now, time.Hour)
	begin := func(want client.SeenState) {
		t.Helper()
		if got, err := seen.Begin(t.Context(), "s", "k"); err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	begin(client.SeenNew)
	begin(client.SeenInFlight)
	_ = seen.Abandon(t.Context(), "s", "k")
	begin(client.SeenNew)
	_ = seen.Finish(t.Context(), "s", "k")
	_ = seen.Abandon(t.Context(), "s", "k")
	begin(client.SeenHandled)
	c.advance(59 * time.Minute)
	begin(client.SeenHandled)
	c.advance(time.Minute)
	begin(client.SeenNew)
}

func TestNewReceiverRefuses(t *testing.T) {
	t.Parallel()
	good := client.ReceiverConfig{
		Registration: func(context.Context, *http.Request) (*client.Registration, error) { return nil, nil },
		Handle:       func(context.Context, client.Delivery) error { return nil },
		Seen:         client.NewMemorySeen(nil, 0),
	}
	if _, err := client.NewReceiver(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*client.ReceiverConfig){
		"No registrations": func(c *client.ReceiverConfig) { c.Registration = nil },
		"No handler":       func(c *client.ReceiverConfig) { c.Handle = nil },
		"No memory":        func(c *client.ReceiverConfig) { c.Seen = nil },
		"Another profile":  func(c *client.ReceiverConfig) { c.Verifier = new(signing.Verifier) },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := client.NewReceiver(cfg); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestPublishedWebhookEnvelopes holds ParseWebhook to the protocol's vectors.
func TestPublishedWebhookEnvelopes(t *testing.T) {
	t.Parallel()
	spec := os.Getenv("ADCP_SPEC")
	if spec == "" {
		spec = filepath.Join("..", "..", "..", "shared", "adcp")
	}
	b, err := os.ReadFile(filepath.Join(spec, "3.1.19", "test-vectors", "webhook-receiver-envelope.json"))
	if err != nil {
		if os.Getenv("ADCP_SPEC_REQUIRED") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the protocol's vectors are not at hand; set ADCP_SPEC to their directory: %v", err)
	}
	type vector struct {
		ID      string          `json:"id"`
		Same    string          `json:"same_event_as"`
		Error   string          `json:"expected_error"`
		Payload json.RawMessage `json:"payload"`
	}
	var file struct {
		Positive []vector `json:"positive"`
		Negative []vector `json:"negative"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Positive) == 0 || len(file.Negative) == 0 {
		t.Fatal("the file holds no vectors")
	}
	keys := map[string]string{}
	for _, v := range file.Positive {
		p, err := client.ParseWebhook(v.Payload)
		if err != nil {
			t.Errorf("%s: %v", v.ID, err)
			continue
		}
		keys[v.ID] = p.IdempotencyKey
		if v.Same != "" && keys[v.Same] != p.IdempotencyKey {
			t.Errorf("%s is not the same event as %s", v.ID, v.Same)
		}
	}
	for _, v := range file.Negative {
		var invalid *client.EnvelopeError
		if _, err := client.ParseWebhook(v.Payload); !errors.As(err, &invalid) || invalid.Code != v.Error {
			t.Errorf("%s: got %v, want %s", v.ID, err, v.Error)
		}
	}
}

// FuzzParseWebhook holds that no body makes the parser panic, and that what it
// takes can be de-duplicated.
func FuzzParseWebhook(f *testing.F) {
	f.Add([]byte(webhookBody))
	f.Add([]byte(`{"idempotency_key":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := client.ParseWebhook(body)
		if err == nil && len(p.IdempotencyKey) < 16 {
			t.Errorf("took %q", body)
		}
		var invalid *client.EnvelopeError
		if err != nil && !errors.As(err, &invalid) {
			t.Errorf("got %v", err)
		}
	})
}
