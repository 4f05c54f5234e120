package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// overBoth runs a test over each transport. The name of a test's run says
// which, and its seller and clients go by that.
func overBoth(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Parallel()
	for _, p := range []client.Protocol{client.MCP, client.A2A} {
		t.Run("over="+string(p), test)
	}
}

func protocolOf(t *testing.T) client.Protocol {
	if strings.Contains(t.Name(), "/over=a2a") {
		return client.A2A
	}
	return client.MCP
}

var morning = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// seller is an agent over real HTTP whose handlers a test can replace.
type seller struct {
	*httptest.Server
	protocol client.Protocol
	mu       sync.Mutex
	requests []json.RawMessage // the arguments of each call, in order
	waits    []time.Duration

	capabilities func() (*adcp.GetAdcpCapabilitiesResponse, error)
	get          agent.Handler[adcp.GetProductsRequest, adcp.GetProductsResponse]
	create       agent.Handler[adcp.CreateMediaBuyRequest, adcp.CreateMediaBuyResponse]
	task         agent.Handler[adcp.GetTaskStatusRequest, adcp.GetTaskStatusResponse]
	// intercept, when set, may answer a request in the agent's place.
	intercept func(w http.ResponseWriter, id, arguments json.RawMessage) bool
}

func speaks(releases ...string) func() (*adcp.GetAdcpCapabilitiesResponse, error) {
	return func() (*adcp.GetAdcpCapabilitiesResponse, error) {
		doc := map[string]any{
			"adcp": map[string]any{
				"major_versions": []int{3}, "supported_versions": releases,
				"idempotency": map[string]any{"supported": true, "replay_ttl_seconds": 86400},
			},
			"supported_protocols": []string{"media_buy"},
		}
		b, _ := json.Marshal(doc)
		resp := new(adcp.GetAdcpCapabilitiesResponse)
		return resp, json.Unmarshal(b, resp)
	}
}

func newSeller(t *testing.T, change ...func(*agent.Config)) *seller {
	t.Helper()
	s := &seller{capabilities: speaks("3.0", "3.1"), protocol: protocolOf(t)}
	cfg := agent.Config{
		Name: "seller", Version: "1", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			switch c.Value {
			case "":
				return agent.Caller{Tenant: "pub", Anonymous: true}, nil
			case "acme-key":
				return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
			}
			return agent.Caller{}, agent.ErrBadCredential
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	a := agent.New(cfg)
	s.get = func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}, nil
	}
	s.create = func(_ context.Context, call *agent.Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		return &adcp.CreateMediaBuyResponse{
			MediaBuyID: new("mb_" + call.IdempotencyKey), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart),
			ConfirmedAt: adcp.Some(call.Now), Revision: new(int64(1)), Packages: []adcp.Package{},
			Currency: new("USD"), TotalBudget: new(adcp.Decimal("12345678901234.567890")),
		}, nil
	}
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		return s.capabilities()
	})
	agent.Handle(a, adcp.GetProducts, func(ctx context.Context, call *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return s.get(ctx, call, req)
	})
	agent.Handle(a, adcp.CreateMediaBuy, func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		return s.create(ctx, call, req)
	})
	agent.Handle(a, adcp.GetTaskStatus, func(ctx context.Context, call *agent.Call, req *adcp.GetTaskStatusRequest) (*adcp.GetTaskStatusResponse, error) {
		return s.task(ctx, call, req)
	})
	inner := mcp.NewHandler(a, mcp.Options{})
	if s.protocol == client.A2A {
		inner = a2a.NewHandler(a, a2a.Options{})
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var msg struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Arguments json.RawMessage `json:"arguments"`
				Message   struct {
					Parts []struct {
						Data struct {
							Input json.RawMessage `json:"input"`
						} `json:"data"`
					} `json:"parts"`
				} `json:"message"`
			} `json:"params"`
		}
		if json.Unmarshal(b, &msg); msg.Method == "tools/call" || msg.Method == "SendMessage" {
			arguments := msg.Params.Arguments
			if len(msg.Params.Message.Parts) == 1 {
				arguments = msg.Params.Message.Parts[0].Data.Input
			}
			s.mu.Lock()
			s.requests = append(s.requests, arguments)
			s.mu.Unlock()
			if s.intercept != nil && s.intercept(w, msg.ID, arguments) {
				return
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// client calls the seller; its waits are noted and take no time, its keys and
// jitter are fixed.
func (s *seller) client(t *testing.T, change ...func(*client.Config)) *client.Client {
	t.Helper()
	keys := 0
	cfg := client.Config{
		URL: s.URL, Token: "acme-key", Protocol: s.protocol,
		Wait: func(ctx context.Context, d time.Duration) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.waits = append(s.waits, d)
			return ctx.Err()
		},
		Jitter: func() float64 { return 0 },
		Now:    func() time.Time { return morning },
		NewKey: func() string {
			s.mu.Lock()
			defer s.mu.Unlock()
			keys++
			return fmt.Sprintf("minted-key-%08d", keys)
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	c := client.New(cfg)
	t.Cleanup(func() { c.Close() })
	return c
}

// sent are the arguments of the calls so far, without the capability call.
func (s *seller) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for i, r := range s.requests {
		if i > 0 || !strings.HasPrefix(string(r), `{"adcp_version":"3.1","adcp_major_version":3}`) {
			out = append(out, string(r))
		}
	}
	return out
}

func brief() *adcp.GetProductsRequest {
	return &adcp.GetProductsRequest{BuyingMode: "brief", Brief: new("shoes")}
}

func buy() *adcp.CreateMediaBuyRequest {
	return &adcp.CreateMediaBuyRequest{
		Account: adcp.AccountReference{AccountID: new("acc_1")}, Brand: adcp.BrandReference{Domain: "acme.example"},
		StartTime: "asap", EndTime: morning.AddDate(0, 1, 0),
		Packages: []adcp.PackageRequest{{ProductID: "p1", Budget: "1000.10", PricingOptionID: "cpm"}},
	}
}

func TestCallFillsInWhatEveryRequestCarries(t *testing.T) {
	overBoth(t, testCallFillsInWhatEveryRequestCarries)
}

func testCallFillsInWhatEveryRequestCarries(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	c := s.client(t)
	ctx := context.Background()
	if _, err := client.Call(ctx, c, adcp.GetProducts, brief()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Call(ctx, c, adcp.CreateMediaBuy, buy()); err != nil {
		t.Fatal(err)
	}
	own := buy()
	own.IdempotencyKey, own.AdcpVersion = "own-key-0123456789", new("3.0")
	resp, err := client.Call(ctx, c, adcp.CreateMediaBuy, own)
	if err != nil {
		t.Fatal(err)
	}
	if got := adcp.Val(resp.MediaBuyID); got != "mb_own-key-0123456789" {
		t.Errorf("media buy %q", got)
	}
	if got := adcp.Val(resp.TotalBudget); got != "12345678901234.567890" {
		t.Errorf("the amount lost digits: %s", got)
	}
	for i, want := range []string{
		`{"adcp_version":"3.1","adcp_major_version":3,"idempotency_key":"minted-key-00000001","buying_mode":"brief",`,
		`{"adcp_version":"3.1","adcp_major_version":3,"idempotency_key":"minted-key-00000002","account":`,
		`{"idempotency_key":"own-key-0123456789","account":`,
	} {
		if got := s.sent()[i]; !strings.HasPrefix(got, want) {
			t.Errorf("call %d sent %s, want %s…", i, got, want)
		}
	}
	if got := s.sent()[2]; !strings.Contains(got, `"adcp_version":"3.0"`) || strings.Contains(got, "adcp_major_version") {
		t.Errorf("the caller's own pin was changed: %s", got)
	}
}

func TestCapabilities(t *testing.T) { overBoth(t, testCapabilities) }

func testCapabilities(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("Asked once, by whoever comes first", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		c := s.client(t)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := client.Call(ctx, c, adcp.GetProducts, brief()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(s.requests) != 11 {
			t.Errorf("%d requests, want 11", len(s.requests))
		}
		known, err := c.Capabilities(ctx)
		if err != nil || known.Release != "3.1" || known.ReplayTTL != 24*time.Hour || known.Response == nil {
			t.Errorf("got %+v, %v", known, err)
		}
	})
	t.Run("Asked anew when they are old", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		now := morning
		c := s.client(t, func(cfg *client.Config) { cfg.Now = func() time.Time { return now } })
		for range 3 {
			if _, err := c.Capabilities(ctx); err != nil {
				t.Fatal(err)
			}
			now = now.Add(6 * time.Minute)
		}
		if len(s.requests) != 2 {
			t.Errorf("%d requests, want 2", len(s.requests))
		}
	})
	t.Run("The highest release of both is pinned", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t, func(cfg *agent.Config) { cfg.Versions = []string{"3.0"} })
		s.capabilities = speaks("3.0")
		c := s.client(t)
		if _, err := client.Call(ctx, c, adcp.GetProducts, brief()); err != nil {
			t.Fatal(err)
		}
		if got := s.sent()[0]; !strings.HasPrefix(got, `{"adcp_version":"3.0",`) {
			t.Errorf("sent %s", got)
		}
	})
	t.Run("No release in common", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		s.capabilities = speaks("4.0", "4.1")
		_, err := client.Call(ctx, s.client(t), adcp.GetProducts, brief())
		wantKind(t, err, client.Incompatible)
	})
	t.Run("An agent that refuses our newest release is asked in its own", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t, func(cfg *agent.Config) { cfg.Versions = []string{"3.0"} })
		s.capabilities = speaks("3.0")
		s.intercept = func(w http.ResponseWriter, id, arguments json.RawMessage) bool {
			if !strings.Contains(string(arguments), `"3.1"`) {
				return false
			}
			s.refuse(w, id, `{"code":"VERSION_UNSUPPORTED","message":"no","details":{"supported_versions":["2.9","3.0"]}}`)
			return true
		}
		known, err := s.client(t).Capabilities(ctx)
		if err != nil || known.Release != "3.0" {
			t.Errorf("got %+v, %v", known, err)
		}
	})
	t.Run("A refused release is a typed error, and the next call asks anew", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		c := s.client(t)
		if _, err := c.Capabilities(ctx); err != nil {
			t.Fatal(err)
		}
		s.intercept = func(w http.ResponseWriter, id, arguments json.RawMessage) bool {
			if !strings.Contains(string(arguments), "shoes") {
				return false
			}
			s.refuse(w, id, `{"code":"VERSION_UNSUPPORTED","message":"not any more","recovery":"correctable"}`)
			return true
		}
		_, err := client.Call(ctx, c, adcp.GetProducts, brief())
		wantCode(t, err, adcp.CodeVersionUnsupported)
		s.intercept = nil
		if _, err := client.Call(ctx, c, adcp.GetProducts, brief()); err != nil {
			t.Fatal(err)
		}
		if len(s.requests) != 4 {
			t.Errorf("%d requests, want 4: capabilities, refused, capabilities, answered", len(s.requests))
		}
	})
}

// refuse writes an error of the protocol's as the seller's transport has it.
func (s *seller) refuse(w http.ResponseWriter, id json.RawMessage, e string) {
	if s.protocol == client.A2A {
		answer(w, id, `{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_FAILED"},"artifacts":[{"artifactId":"e","parts":[{"data":{"adcp_error":`+e+`}}]}]}}`)
		return
	}
	answer(w, id, `{"isError":true,"content":[],"structuredContent":{"adcp_error":`+e+`}}`)
}

// answer writes a result as the JSON-RPC response to a request.
func answer(w http.ResponseWriter, id json.RawMessage, result string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}

func wantKind(t *testing.T, err error, want client.Kind) *client.Error {
	t.Helper()
	var failed *client.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a transport error of kind %s", err, want)
	}
	if failed.Kind != want {
		t.Fatalf("kind %s, want %s: %v", failed.Kind, want, err)
	}
	return failed
}

func wantCode(t *testing.T, err error, want adcp.ErrorCode) *adcp.Error {
	t.Helper()
	var refusal *adcp.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal with %s", err, want)
	}
	if refusal.Code != want {
		t.Fatalf("code %s, want %s", refusal.Code, want)
	}
	return refusal
}

func TestRefusalsArriveAsErrorsOfTheProtocol(t *testing.T) {
	overBoth(t, testRefusalsArriveAsErrorsOfTheProtocol)
}

func testRefusalsArriveAsErrorsOfTheProtocol(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("From a handler", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		s.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
			return nil, adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "No such product.").
				WithSuggestion("Ask again.").WithDetails(map[string]int{"n": 1})
		}
		_, err := client.Call(ctx, s.client(t), adcp.CreateMediaBuy, buy())
		got := wantCode(t, err, adcp.CodeProductNotFound)
		want := adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "No such product.").
			WithSuggestion("Ask again.").WithDetails(map[string]int{"n": 1})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(s.waits) != 0 {
			t.Error("a correctable error was tried again")
		}
	})
	t.Run("Bad credential", func(t *testing.T) {
		t.Parallel()
		_, err := client.Call(ctx, newSeller(t).client(t, func(c *client.Config) { c.Token = "wrong" }), adcp.GetProducts, brief())
		wantCode(t, err, adcp.CodeAuthInvalid)
	})
	t.Run("Missing credential", func(t *testing.T) {
		t.Parallel()
		_, err := client.Call(ctx, newSeller(t).client(t, func(c *client.Config) { c.Token = "" }), adcp.CreateMediaBuy, buy())
		wantCode(t, err, adcp.CodeAuthMissing)
	})
	t.Run("Operation not served", func(t *testing.T) {
		t.Parallel()
		_, err := client.CallRaw(ctx, newSeller(t).client(t), adcp.ListAccounts.Operation, nil)
		wantCode(t, err, adcp.CodeUnsupportedFeature)
	})
}

func TestRetries(t *testing.T) { overBoth(t, testRetries) }

func testRetries(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	busy := func(after int) *adcp.Error {
		e := adcp.NewError(adcp.CodeRateLimited, "", "Slow down.")
		if after > 0 {
			e = e.WithRetryAfter(after)
		}
		return e
	}
	for name, tt := range map[string]struct {
		refusals []*adcp.Error
		change   func(*client.Config)
		options  []client.Option
		waits    []time.Duration
		code     adcp.ErrorCode
	}{
		"A transient fault passes":             {[]*adcp.Error{busy(0), busy(0)}, nil, nil, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond}, ""},
		"The wait is as long as asked":         {[]*adcp.Error{busy(7)}, nil, nil, []time.Duration{7 * time.Second}, ""},
		"Attempts run out":                     {[]*adcp.Error{busy(0), busy(0), busy(0)}, nil, nil, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond}, adcp.CodeRateLimited},
		"Attempts of one call":                 {[]*adcp.Error{busy(0)}, nil, []client.Option{client.WithAttempts(1)}, nil, adcp.CodeRateLimited},
		"Patience runs out":                    {[]*adcp.Error{busy(40), busy(40)}, nil, nil, []time.Duration{40 * time.Second}, adcp.CodeRateLimited},
		"Jitter spreads":                       {[]*adcp.Error{busy(0)}, func(c *client.Config) { c.Jitter = func() float64 { return 0.5 } }, nil, []time.Duration{375 * time.Millisecond}, ""},
		"Correctable is not tried again":       {[]*adcp.Error{adcp.NewError(adcp.CodeBudgetTooLow, "", "More.")}, nil, nil, nil, adcp.CodeBudgetTooLow},
		"Terminal is not tried again":          {[]*adcp.Error{adcp.NewError(adcp.CodeAccountSuspended, "", "Ask us.")}, nil, nil, nil, adcp.CodeAccountSuspended},
		"A conflict wants a fresh look first":  {[]*adcp.Error{adcp.NewError(adcp.CodeConflict, "", "Changed.")}, nil, nil, nil, adcp.CodeConflict},
		"The class counts, and not the code":   {[]*adcp.Error{busy(0).WithRecovery(adcp.ErrorRecoveryTerminal)}, nil, nil, nil, adcp.CodeRateLimited},
		"An unknown code with a class we know": {[]*adcp.Error{adcp.NewError("X_TIRED", "", "…").WithRecovery(adcp.ErrorRecoveryTransient)}, nil, nil, []time.Duration{250 * time.Millisecond}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSeller(t)
			books := s.create
			left := tt.refusals
			s.create = func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
				if len(left) > 0 {
					e := left[0]
					left = left[1:]
					return nil, e
				}
				return books(ctx, call, req)
			}
			var change []func(*client.Config)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			_, err := client.Call(ctx, s.client(t, change...), adcp.CreateMediaBuy, buy(), tt.options...)
			if tt.code == "" && err != nil {
				t.Fatal(err)
			}
			if tt.code != "" {
				wantCode(t, err, tt.code)
			}
			if diff := cmp.Diff(tt.waits, s.waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			sent := s.sent()
			for _, again := range sent[1:] {
				if again != sent[0] {
					t.Errorf("tried again with other bytes: %s, first %s", again, sent[0])
				}
			}
		})
	}
	t.Run("Waiting ends with the context", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		s.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
			return nil, busy(0)
		}
		c := s.client(t, func(c *client.Config) {
			c.Wait = func(context.Context, time.Duration) error { return context.Canceled }
		})
		_, err := client.Call(ctx, c, adcp.CreateMediaBuy, buy())
		wantCode(t, err, adcp.CodeRateLimited)
		if len(s.sent()) != 1 {
			t.Errorf("sent %d times", len(s.sent()))
		}
	})
	t.Run("A lost answer is asked for again with the same key, and replayed", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		lost := false
		c := s.client(t, func(cfg *client.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(strings.NewReader(string(b)))
				resp, err := http.DefaultTransport.RoundTrip(r)
				if strings.Contains(string(b), "create_media_buy") && !lost {
					lost = true
					resp.Body.Close()
					return nil, errors.New("connection reset")
				}
				return resp, err
			})}
		})
		resp, err := client.Call(ctx, c, adcp.CreateMediaBuy, buy())
		if err != nil || !adcp.Val(resp.Replayed) {
			t.Errorf("got %+v, %v", resp, err)
		}
	})
	t.Run("An agent that keeps no keys is not asked to change something twice", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		s.capabilities = func() (*adcp.GetAdcpCapabilitiesResponse, error) {
			resp := new(adcp.GetAdcpCapabilitiesResponse)
			return resp, json.Unmarshal([]byte(`{"adcp":{"major_versions":[3],"supported_versions":["3.1"],"idempotency":{"supported":false}},"supported_protocols":["media_buy"]}`), resp)
		}
		s.intercept = func(w http.ResponseWriter, id, arguments json.RawMessage) bool {
			if strings.Contains(string(arguments), "packages") {
				w.WriteHeader(http.StatusBadGateway)
				return true
			}
			return false
		}
		_, err := client.Call(ctx, s.client(t), adcp.CreateMediaBuy, buy())
		wantKind(t, err, client.Refused)
		if len(s.sent()) != 1 {
			t.Errorf("sent %d times", len(s.sent()))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnswersAreChecked(t *testing.T) { overBoth(t, testAnswersAreChecked) }

func testAnswersAreChecked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newSeller(t, func(c *agent.Config) { c.Responses = agent.TrustResponses })
	s.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		return &adcp.CreateMediaBuyResponse{MediaBuyID: new("mb_1")}, nil
	}
	_, err := client.Call(ctx, s.client(t), adcp.CreateMediaBuy, buy())
	failed := wantKind(t, err, client.Malformed)
	if failed.Retryable() || len(s.sent()) != 1 {
		t.Error("a malformed answer was asked for again")
	}
	var refusal *adcp.Error
	if errors.As(err, &refusal) {
		t.Error("our own finding looks like the agent's refusal")
	}
	resp, err := client.Call(ctx, s.client(t), adcp.CreateMediaBuy, buy(), client.WithoutResponseCheck())
	if err != nil || adcp.Val(resp.MediaBuyID) != "mb_1" {
		t.Errorf("got %+v, %v", resp, err)
	}
}

func TestUnsendable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, tt := range map[string]struct{ url, token, arguments string }{
		"No URL":                      {"", "", ""},
		"No host":                     {"/mcp", "", ""},
		"Another scheme":              {"ftp://seller.example/mcp", "", ""},
		"A password in the address":   {"https://me:secret@seller.example/mcp", "", ""},
		"A token in the clear":        {"http://seller.example/mcp", "key", ""},
		"A request that is no object": {"http://127.0.0.1:1/mcp", "", "[]"},
		"A request that is not JSON":  {"http://127.0.0.1:1/mcp", "", "{"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client.New(client.Config{URL: tt.url, Token: tt.token, Version: "3.1"})
			_, err := client.CallRaw(ctx, c, adcp.GetProducts.Operation, json.RawMessage(tt.arguments))
			failed := wantKind(t, err, client.Unsendable)
			if strings.Contains(err.Error(), "secret") || failed.Retryable() {
				t.Errorf("got %v", err)
			}
		})
	}
}
