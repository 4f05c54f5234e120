package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

var morning = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// people is an authenticator that knows three keys.
func people(_ context.Context, c agent.Credential) (agent.Caller, error) {
	switch {
	case c.Scheme == "":
		return agent.Caller{Tenant: "pub", Anonymous: true}, nil
	case c.Scheme == "bearer" && c.Value == "acme-key":
		return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
	case c.Scheme == "bearer" && c.Value == "nova-key":
		return agent.Caller{Tenant: "pub", Principal: "nova"}, nil
	case c.Scheme == "bearer" && c.Value == "sandbox-key":
		return agent.Caller{Tenant: "pub", Principal: "tester", Sandbox: true}, nil
	case c.Value == "broken":
		return agent.Caller{}, errors.New("key store at 10.0.0.7 is down")
	}
	return agent.Caller{}, agent.ErrBadCredential
}

var (
	acme   = agent.Credential{Scheme: "bearer", Value: "acme-key"}
	tester = agent.Credential{Scheme: "bearer", Value: "sandbox-key"}
	nova   = agent.Credential{Scheme: "bearer", Value: "nova-key"}
	none   = agent.Credential{}
)

type bundle struct {
	*agent.Agent
	mu      sync.Mutex
	created int
	seen    []agent.Observation
	log     strings.Builder
	// create is the handler of create_media_buy; get that of get_products.
	create agent.Handler[adcp.CreateMediaBuyRequest, adcp.CreateMediaBuyResponse]
	get    agent.Handler[adcp.GetProductsRequest, adcp.GetProductsResponse]
}

// setup builds an agent with a get_products that finds nothing and a
// create_media_buy that books.
func setup(t *testing.T, change ...func(*agent.Config)) *bundle {
	t.Helper()
	b := &bundle{}
	cfg := agent.Config{
		Name: "test", Version: "1", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(people),
		Logger:        slog.New(slog.NewTextHandler(&locked{b: b}, nil)),
		Observe: func(_ context.Context, o agent.Observation) {
			b.mu.Lock()
			defer b.mu.Unlock()
			o.Duration = 0
			b.seen = append(b.seen, o)
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	b.Agent = agent.New(cfg)
	b.get = func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}, nil
	}
	b.create = func(_ context.Context, call *agent.Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.created++
		return booked(fmt.Sprintf("mb_%d", b.created), call.Now), nil
	}
	agent.Handle(b.Agent, adcp.GetProducts, func(ctx context.Context, call *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return b.get(ctx, call, req)
	})
	agent.Handle(b.Agent, adcp.CreateMediaBuy, func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		return b.create(ctx, call, req)
	})
	return b
}

type locked struct{ b *bundle }

func (l *locked) Write(p []byte) (int, error) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.b.log.Write(p)
}

func (b *bundle) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func (b *bundle) runs() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.created
}

func booked(id string, now time.Time) *adcp.CreateMediaBuyResponse {
	return &adcp.CreateMediaBuyResponse{
		MediaBuyID:     new(id),
		MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart),
		ConfirmedAt:    adcp.Some(now),
		Revision:       new(int64(1)),
		Packages:       []adcp.Package{},
	}
}

const key = "key-0123456789abcdef"

// buy is a valid create_media_buy request with the given fields put in or, when
// nil, taken out.
func buy(t *testing.T, change map[string]any) json.RawMessage {
	t.Helper()
	doc := map[string]any{
		"idempotency_key": key,
		"account":         map[string]any{"account_id": "acc_1"},
		"brand":           map[string]any{"domain": "acme.example"},
		"start_time":      "asap",
		"end_time":        "2026-12-01T00:00:00Z",
		"packages": []any{map[string]any{
			"product_id": "p1", "budget": 1000, "pricing_option_id": "cpm",
		}},
	}
	for k, v := range change {
		if v == nil {
			delete(doc, k)
		} else {
			doc[k] = v
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const brief = `{"buying_mode":"brief","brief":"running shoes"}`

func do(b *bundle, operation, arguments string, c agent.Credential) agent.Response {
	return b.Do(context.Background(), agent.Request{Operation: operation, Arguments: json.RawMessage(arguments), Credential: c})
}

// code is the code of a refusal, which must stand in both layers of the body.
func code(t *testing.T, r agent.Response) adcp.ErrorCode {
	t.Helper()
	var body struct {
		Status    string       `json:"status"`
		AdcpError *adcp.Error  `json:"adcp_error"`
		Errors    []adcp.Error `json:"errors"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatalf("body %s: %v", r.Body, err)
	}
	if r.Error == nil {
		if body.AdcpError != nil {
			t.Fatalf("body has an error and the response has none: %s", r.Body)
		}
		return ""
	}
	if body.Status != "failed" || body.AdcpError == nil || len(body.Errors) != 1 || !cmp.Equal(*body.AdcpError, body.Errors[0]) {
		t.Fatalf("the refusal is not in both layers: %s", r.Body)
	}
	if body.AdcpError.Code != r.Error.Code {
		t.Fatalf("body says %s and the response %s", body.AdcpError.Code, r.Error.Code)
	}
	if body.AdcpError.Recovery == nil {
		t.Errorf("%s has no recovery class", r.Error.Code)
	}
	return r.Error.Code
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arguments, want string
	}{
		"Default version and status": {
			brief, `{"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public"}`,
		},
		"Release served is echoed": {
			`{"adcp_version":"3.0","buying_mode":"brief","brief":"x"}`,
			`{"adcp_version":"3.0","status":"completed","products":[],"cache_scope":"public"}`,
		},
		"Context byte for byte": {
			`{"context": {"b" : 1.50, "a":"<&\u00e9>", "b2":[ ] } ,"buying_mode":"brief","brief":"x"}`,
			`{"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public","context":{"b" : 1.50, "a":"<&\u00e9>", "b2":[ ] }}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(setup(t), "get_products", tt.arguments, none)
			if got := string(r.Body); got != tt.want || r.HTTPStatus != http.StatusOK {
				t.Errorf("got %d %s, want %s", r.HTTPStatus, got, tt.want)
			}
		})
	}
}

func TestHandlerKnowsItsCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var got agent.Call
	b.create = func(_ context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		got = *call
		if adcp.Val(req.Account.AccountID) != "acc_1" {
			t.Errorf("request account %v", req.Account)
		}
		return booked("mb_1", call.Now), nil
	}
	if c := code(t, do(b, "create_media_buy", string(buy(t, nil)), acme)); c != "" {
		t.Fatalf("refused: %s", c)
	}
	want := agent.Call{
		Caller:         agent.Caller{Tenant: "pub", Principal: "acme"},
		Operation:      adcp.CreateMediaBuy.Operation,
		Arguments:      buy(t, nil),
		IdempotencyKey: key,
		Account:        &adcp.AccountReference{AccountID: new("acc_1")},
		Version:        "3.1",
		Now:            morning,
	}
	if got.Operation != want.Operation {
		t.Errorf("operation %v", got.Operation)
	}
	got.Operation, want.Operation = nil, nil
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(agent.Call{})); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for name, tt := range map[string]struct {
		operation, arguments string
		credential           agent.Credential
		want                 adcp.ErrorCode
		field                string
		http                 int
	}{
		"Bad credential on a public operation":       {"get_products", brief, agent.Credential{Scheme: "bearer", Value: "x"}, adcp.CodeAuthInvalid, "", 401},
		"Bad credential before an unknown operation": {"nonsense", `{}`, agent.Credential{Scheme: "bearer", Value: "x"}, adcp.CodeAuthInvalid, "", 401},
		"Unknown scheme":                               {"get_products", brief, agent.Credential{Scheme: "digest", Value: "acme-key"}, adcp.CodeAuthInvalid, "", 401},
		"Missing credential":                           {"create_media_buy", `{}`, none, adcp.CodeAuthMissing, "", 401},
		"Missing credential on what is not served":     {"update_media_buy", `{}`, none, adcp.CodeAuthMissing, "", 401},
		"Credential store down":                        {"get_products", brief, agent.Credential{Scheme: "bearer", Value: "broken"}, adcp.CodeServiceUnavailable, "", 200},
		"Operation not served":                         {"update_media_buy", `{}`, acme, adcp.CodeUnsupportedFeature, "", 200},
		"Operation not of the protocol":                {"nonsense", `{}`, acme, adcp.CodeUnsupportedFeature, "", 200},
		"No JSON":                                      {"get_products", `{"buying_mode":`, none, adcp.CodeInvalidRequest, "", 200},
		"No object":                                    {"get_products", `[1]`, none, adcp.CodeInvalidRequest, "", 200},
		"A string":                                     {"get_products", `"x"`, none, adcp.CodeInvalidRequest, "", 200},
		"Invalid UTF-8":                                {"get_products", "{\"buying_mode\":\"brief\",\"brief\":\"\xff\"}", none, adcp.CodeInvalidRequest, "", 200},
		"Too deep":                                     {"get_products", `{"buying_mode":"brief","brief":"x","ext":` + deep + `}`, none, adcp.CodeInvalidRequest, "", 200},
		"A field twice":                                {"get_products", `{"buying_mode":"brief","brief":"x","brief":"y"}`, none, adcp.CodeInvalidRequest, "brief", 200},
		"A field twice, once escaped":                  {"get_products", `{"buying_mode":"brief","brief":"x","br\u0069ef":"y"}`, none, adcp.CodeInvalidRequest, "brief", 200},
		"Too large":                                    {"get_products", `{"buying_mode":"brief","brief":"` + strings.Repeat("x", 1<<20) + `"}`, none, adcp.CodeInvalidRequest, "", 413},
		"Release of another major":                     {"get_products", `{"adcp_version":"4.0","buying_mode":"brief","brief":"x"}`, none, adcp.CodeVersionUnsupported, "adcp_version", 200},
		"Major not served":                             {"get_products", `{"adcp_major_version":2,"buying_mode":"brief","brief":"x"}`, none, adcp.CodeVersionUnsupported, "adcp_major_version", 200},
		"Pins that disagree":                           {"get_products", `{"adcp_version":"3.1","adcp_major_version":4,"buying_mode":"brief","brief":"x"}`, none, adcp.CodeVersionUnsupported, "adcp_major_version", 200},
		"Release before publication":                   {"get_products", `{"adcp_version":"3.1-beta","buying_mode":"brief","brief":"x"}`, none, adcp.CodeVersionUnsupported, "adcp_version", 200},
		"A patch number":                               {"get_products", `{"adcp_version":"3.1.2","buying_mode":"brief","brief":"x"}`, none, adcp.CodeVersionUnsupported, "adcp_version", 200},
		"A version that is no string":                  {"get_products", `{"adcp_version":3.1,"buying_mode":"brief","brief":"x"}`, none, adcp.CodeInvalidRequest, "adcp_version", 200},
		"No idempotency key":                           {"create_media_buy", string(buy(t, map[string]any{"idempotency_key": nil})), acme, adcp.CodeInvalidRequest, "idempotency_key", 200},
		"Short idempotency key":                        {"create_media_buy", string(buy(t, map[string]any{"idempotency_key": "short"})), acme, adcp.CodeInvalidRequest, "idempotency_key", 200},
		"Idempotency key with other characters":        {"create_media_buy", string(buy(t, map[string]any{"idempotency_key": "0123456789abcdef€"})), acme, adcp.CodeInvalidRequest, "idempotency_key", 200},
		"Malformed idempotency key on a read":          {"get_products", `{"idempotency_key":7,"buying_mode":"brief","brief":"x"}`, none, adcp.CodeInvalidRequest, "idempotency_key", 200},
		"Schema violation names the field":             {"get_products", `{"buying_mode":"haggle"}`, none, adcp.CodeInvalidRequest, "buying_mode", 200},
		"Schema violation names a field inside a list": {"create_media_buy", string(buy(t, map[string]any{"packages": []any{map[string]any{"product_id": "p1", "budget": -1, "pricing_option_id": "cpm"}}})), acme, adcp.CodeInvalidRequest, "packages[0].budget", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := do(b, tt.operation, tt.arguments, tt.credential)
			if got := code(t, r); got != tt.want {
				t.Fatalf("got %q, want %q: %s", got, tt.want, r.Body)
			}
			if got := adcp.Val(r.Error.Field); got != tt.field {
				t.Errorf("field %q, want %q", got, tt.field)
			}
			if r.HTTPStatus != tt.http {
				t.Errorf("HTTP status %d, want %d", r.HTTPStatus, tt.http)
			}
			if strings.Contains(string(r.Body), "10.0.0.7") {
				t.Error("the refusal tells of the inside")
			}
			if b.runs() != 0 {
				t.Error("the handler ran")
			}
		})
	}
}

func TestVersionNegotiation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ pins, want string }{
		"Exact":                    {`"adcp_version":"3.0",`, "3.0"},
		"Highest below":            {`"adcp_version":"3.7",`, "3.1"},
		"Both, agreeing":           {`"adcp_version":"3.0","adcp_major_version":3,`, "3.0"},
		"Major only is the newest": {`"adcp_major_version":3,`, "3.1"},
		"None is the default":      {``, "3.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(setup(t), "get_products", `{`+tt.pins+`"buying_mode":"brief","brief":"x"}`, none)
			if want := `{"adcp_version":"` + tt.want + `",`; !strings.HasPrefix(string(r.Body), want) {
				t.Errorf("got %s, want %s…", r.Body, want)
			}
		})
	}
	t.Run("Gap is served by the release below", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *agent.Config) { c.Versions = []string{"3.0", "3.2"} })
		r := do(b, "get_products", `{"adcp_version":"3.1","buying_mode":"brief","brief":"x"}`, none)
		if !strings.HasPrefix(string(r.Body), `{"adcp_version":"3.0",`) {
			t.Errorf("got %s", r.Body)
		}
	})
	t.Run("Below the oldest is refused with what is served", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *agent.Config) { c.Versions = []string{"3.1", "3.2"} })
		r := do(b, "get_products", `{"adcp_version":"3.0","buying_mode":"brief","brief":"x"}`, none)
		if code(t, r) != adcp.CodeVersionUnsupported {
			t.Fatalf("got %s", r.Body)
		}
		want := `{"supported_versions":["3.1","3.2"],"supported_majors":[3]}`
		if string(r.Error.Details) != want {
			t.Errorf("details %s, want %s", r.Error.Details, want)
		}
	})
}

func TestContextIsEchoedOnRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		operation, arguments string
		credential           agent.Credential
	}{
		"Credential":  {"get_products", `{"context":{"id": 1},"buying_mode":"brief"}`, agent.Credential{Scheme: "bearer", Value: "x"}},
		"No handler":  {"list_tasks", `{"context":{"id": 1}}`, acme},
		"Version":     {"get_products", `{"context":{"id": 1},"adcp_version":"9.0"}`, none},
		"Key":         {"create_media_buy", `{"context":{"id": 1}}`, acme},
		"Schema":      {"get_products", `{"context":{"id": 1},"buying_mode":"haggle"}`, none},
		"Field twice": {"get_products", `{"context":{"id": 1},"brief":"x","brief":"y"}`, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(setup(t), tt.operation, tt.arguments, tt.credential)
			if code(t, r) == "" || !strings.HasSuffix(string(r.Body), `,"context":{"id": 1}}`) {
				t.Errorf("got %s", r.Body)
			}
		})
	}
}

func TestHandlerFaults(t *testing.T) {
	t.Parallel()
	refused := adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "No such product.")
	for name, tt := range map[string]struct {
		handler func() (*adcp.CreateMediaBuyResponse, error)
		want    adcp.ErrorCode
		logged  string
	}{
		"A refusal is passed on":       {func() (*adcp.CreateMediaBuyResponse, error) { return nil, refused }, adcp.CodeProductNotFound, ""},
		"A wrapped refusal, too":       {func() (*adcp.CreateMediaBuyResponse, error) { return nil, fmt.Errorf("booking: %w", refused) }, adcp.CodeProductNotFound, ""},
		"Any other error stays inside": {func() (*adcp.CreateMediaBuyResponse, error) { return nil, errors.New("dial 10.0.0.7") }, adcp.CodeServiceUnavailable, "10.0.0.7"},
		"A panic stays inside":         {func() (*adcp.CreateMediaBuyResponse, error) { panic("at 10.0.0.7") }, adcp.CodeServiceUnavailable, "10.0.0.7"},
		"No answer":                    {func() (*adcp.CreateMediaBuyResponse, error) { return nil, nil }, adcp.CodeServiceUnavailable, "answered nothing"},
		"An answer against the schema": {func() (*adcp.CreateMediaBuyResponse, error) {
			return &adcp.CreateMediaBuyResponse{MediaBuyID: new("mb_1")}, nil
		}, adcp.CodeServiceUnavailable, "response schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
				return tt.handler()
			}
			r := do(b, "create_media_buy", string(buy(t, nil)), acme)
			if got := code(t, r); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if strings.Contains(string(r.Body), "10.0.0.7") {
				t.Errorf("the caller is told of the inside: %s", r.Body)
			}
			if !strings.Contains(b.logged(), tt.logged) || tt.logged == "" && b.logged() != "" {
				t.Errorf("logged %q, want %q", b.logged(), tt.logged)
			}
		})
	}
	t.Run("Trusted answers are not checked", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *agent.Config) { c.Responses = agent.TrustResponses })
		b.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
			return &adcp.CreateMediaBuyResponse{MediaBuyID: new("mb_1")}, nil
		}
		if got := code(t, do(b, "create_media_buy", string(buy(t, nil)), acme)); got != "" {
			t.Errorf("refused with %s", got)
		}
	})
}

func TestLongRefusalsAreCutToWhatCallersRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		e := adcp.NewError(adcp.CodeValidationError, "packages[0]", "Many things.")
		for range 500 {
			e.Issues = append(e.Issues, adcp.ErrorIssue{Pointer: "/packages/0", Message: "wrong", Keyword: "type"})
		}
		return nil, e
	}
	r := do(b, "create_media_buy", string(buy(t, nil)), acme)
	e, _ := json.Marshal(r.Error)
	if len(e) > 4096 || len(r.Error.Issues) == 0 {
		t.Errorf("%d bytes with %d issues", len(e), len(r.Error.Issues))
	}
}

func TestOperationsListsWhatTheCallerMayCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent.Handle(b.Agent, adcp.ComplyTestController, func(context.Context, *agent.Call, *adcp.ComplyTestControllerRequest) (*adcp.ComplyTestControllerResponse, error) {
		return nil, errors.New("not called")
	})
	for name, tt := range map[string]struct {
		caller agent.Caller
		want   string
	}{
		"Anonymous": {agent.Caller{Anonymous: true}, "get_products"},
		"Live":      {agent.Caller{Principal: "acme"}, "get_products create_media_buy"},
		"Sandbox":   {agent.Caller{Principal: "acme", Sandbox: true}, "get_products create_media_buy comply_test_controller"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, op := range b.Operations(tt.caller) {
				got = append(got, op.Name)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
	t.Run("A live principal is refused the sandbox", func(t *testing.T) {
		t.Parallel()
		if got := code(t, do(b, "comply_test_controller", `{"scenario":"list_scenarios"}`, acme)); got != adcp.CodePermissionDenied {
			t.Errorf("got %q", got)
		}
	})
}

func TestObservations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	do(b, "get_products", brief, none)
	do(b, "create_media_buy", string(buy(t, nil)), acme)
	do(b, "create_media_buy", string(buy(t, nil)), acme)
	do(b, "no_such_thing", `{}`, acme)
	do(b, "get_products", brief, agent.Credential{Scheme: "bearer", Value: "x"})
	want := []agent.Observation{
		{Operation: "get_products", Status: "completed", Tenant: "pub"},
		{Operation: "create_media_buy", Status: "completed", Tenant: "pub"},
		{Operation: "create_media_buy", Status: "completed", Tenant: "pub", Replayed: true},
		{Operation: "unknown", Status: "failed", Code: "UNSUPPORTED_FEATURE", Tenant: "pub"},
		{Operation: "get_products", Status: "failed", Code: "AUTH_INVALID"},
	}
	if diff := cmp.Diff(want, b.seen); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesInTheProgramPanicAtStart(t *testing.T) {
	t.Parallel()
	panics := func(f func()) (did bool) {
		defer func() { did = recover() != nil }()
		f()
		return false
	}
	if !panics(func() { agent.New(agent.Config{}) }) {
		t.Error("an agent without clock and authenticator was built")
	}
	b := setup(t)
	if !panics(func() {
		agent.Handle(b.Agent, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
			return nil, nil
		})
	}) {
		t.Error("an operation got two handlers")
	}
}
