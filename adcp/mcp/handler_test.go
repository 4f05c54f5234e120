package mcp_test

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

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

var morning = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// reading is the permission of a key that only reads.
type reading struct{}

func (*reading) MayCall(op *adcp.Operation) *adcp.Error {
	if op.Mutating {
		return adcp.NewError(adcp.CodeReadOnlyScope, "", "The credential is for reading only.")
	}
	return nil
}

func (*reading) SeesAccount(string) bool { return true }
func (*reading) Reach() string           { return "" }

// readingToken is the same of an OAuth token.
type readingToken struct{ reading }

func (*readingToken) ScopesFor(*adcp.Operation) []string { return []string{"adcp", "adcp:buy"} }

// newAgent is a small agent: products without prices for everybody, bookings
// for principals, a brief that panics, and an operation of the sandbox.
func newAgent(t testing.TB) *agent.Agent {
	t.Helper()
	a := agent.New(agent.Config{
		Name: "test-agent", Version: "1.0", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			switch c {
			case agent.Credential{}:
				return agent.Caller{Tenant: "pub", Anonymous: true}, nil
			case agent.Credential{Scheme: "bearer", Value: "acme-key"}, agent.Credential{Scheme: "basic", Value: "YWNtZTprZXk="}:
				return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
			case agent.Credential{Scheme: "bearer", Value: "sandbox-key"}:
				return agent.Caller{Tenant: "pub", Principal: "tester", Sandbox: true}, nil
			case agent.Credential{Scheme: "bearer", Value: "reading-key"}:
				return agent.Caller{Tenant: "pub", Principal: "acme", Permission: &reading{}}, nil
			case agent.Credential{Scheme: "bearer", Value: "reading-token"}:
				return agent.Caller{Tenant: "pub", Principal: "acme", Permission: &readingToken{}}, nil
			case agent.Credential{Scheme: "bearer", Value: "broken"}:
				return agent.Caller{}, errors.New("key store down")
			}
			return agent.Caller{}, agent.ErrBadCredential
		}),
	})
	var mu sync.Mutex
	created := 0
	agent.Handle(a, adcp.GetProducts, func(_ context.Context, _ *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		if adcp.Val(req.Brief) == "panic" {
			panic("asked to")
		}
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic), Message: req.Brief}, nil
	})
	agent.Handle(a, adcp.CreateMediaBuy, func(_ context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		if req.Packages[0].ProductID == "unknown" {
			return nil, adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "There is no such product.").
				WithSuggestion("Ask get_products for what can be bought.")
		}
		mu.Lock()
		defer mu.Unlock()
		created++
		return &adcp.CreateMediaBuyResponse{
			MediaBuyID: new(fmt.Sprintf("mb_%d", created)), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart),
			ConfirmedAt: adcp.Some(call.Now), Revision: new(int64(1)), Packages: []adcp.Package{},
			TotalBudget: new(adcp.Decimal("1000.10")), Currency: new("USD"),
		}, nil
	})
	agent.Handle(a, adcp.ComplyTestController, func(context.Context, *agent.Call, *adcp.ComplyTestControllerRequest) (*adcp.ComplyTestControllerResponse, error) {
		return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "", "No scenarios.")
	})
	return a
}

func serve(t *testing.T, o mcp.Options) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(mcp.NewHandler(newAgent(t), o))
	t.Cleanup(s.Close)
	return s
}

// post sends a body as curl would: with its own Accept header and nothing of MCP's.
func post(t *testing.T, s *httptest.Server, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	for i := 0; i+1 < len(headers); i += 2 {
		switch name := headers[i]; {
		case name == "Host":
			req.Host = headers[i+1]
		case headers[i+1] == "":
			req.Header.Del(name)
		default:
			req.Header.Add(name, headers[i+1])
			if name == "Accept" || name == "Content-Type" {
				req.Header.Set(name, headers[i+1])
			}
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

const getProducts = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":{"buying_mode":"brief","brief":"shoes"}}}`

func TestBareCall(t *testing.T) {
	t.Parallel()
	s := serve(t, mcp.Options{})
	for name, headers := range map[string][]string{
		"As curl sends it":  nil,
		"No Accept":         {"Accept", ""},
		"JSON only":         {"Accept", "application/json"},
		"With charset":      {"Content-Type", "application/json; charset=utf-8"},
		"From this page":    {"Origin", s.URL},
		"Another page here": {"Origin", "http://localhost:3000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := post(t, s, getProducts, headers...)
			want := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"adcp_version\":\"3.1\",\"status\":\"completed\",\"products\":[],\"cache_scope\":\"public\",\"message\":\"shoes\"}"}],` +
				`"structuredContent":{"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public","message":"shoes"}}}`
			if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
				t.Errorf("got %d %s\nwant %s", resp.StatusCode, body, want)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestContextBytesSurviveTheTransport(t *testing.T) {
	t.Parallel()
	s := serve(t, mcp.Options{})
	_, body := post(t, s, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":{"buying_mode":"brief","brief":"x","context":{"b": 1.50,"a":"<&é>\u00e9","n":12345678901234567890}}}}`)
	if want := `"context":{"b": 1.50,"a":"<&é>\u00e9","n":12345678901234567890}}`; !strings.Contains(body, want) {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	here := serve(t, mcp.Options{})
	named := serve(t, mcp.Options{Hosts: []string{"sales.example"}, Origins: []string{"https://console.example"}})
	for name, tt := range map[string]struct {
		server  *httptest.Server
		body    string
		headers []string
		status  int
		says    string
	}{
		"Another content type":          {here, getProducts, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"No content type":               {here, getProducts, []string{"Content-Type", ""}, 415, "application/json"},
		"An Accept without JSON":        {here, getProducts, []string{"Accept", "text/html"}, 406, "Accept"},
		"Not JSON":                      {here, `{"jsonrpc"`, nil, 400, "-32700"},
		"Nothing":                       {here, "", nil, 400, "-32700"},
		"Not UTF-8":                     {here, "{\"jsonrpc\":\"\xff\"}", nil, 400, "-32700"},
		"Not a message":                 {here, `"hello"`, nil, 400, "-32600"},
		"An empty batch":                {here, `[]`, nil, 400, "-32600"},
		"Too large":                     {here, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":{"brief":"` + strings.Repeat("x", 2<<20) + `"}}}`, nil, 413, "INVALID_REQUEST"},
		"Two credentials":               {here, getProducts, []string{"Authorization", "Bearer acme-key", "Authorization", "Bearer acme-key"}, 401, "AUTH_INVALID"},
		"An empty credential":           {here, getProducts, []string{"Authorization", "Bearer "}, 401, "AUTH_INVALID"},
		"A credential without a scheme": {here, getProducts, []string{"Authorization", "acme-key"}, 401, "AUTH_INVALID"},
		"A key store that is down":      {here, getProducts, []string{"Authorization", "Bearer broken"}, 503, "-32027"},
		"A page of another site":        {here, getProducts, []string{"Origin", "https://evil.example"}, 403, "origin"},
		"A page without an origin":      {here, getProducts, []string{"Origin", "null"}, 403, "origin"},
		"A foreign name for loopback":   {here, getProducts, []string{"Host", "evil.example"}, 403, "Host"},
		"A host that is not ours":       {named, getProducts, []string{"Host", "other.example"}, 403, "host"},
		"An unknown method":             {here, `{"jsonrpc":"2.0","id":1,"method":"tools/burn"}`, nil, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := post(t, tt.server, tt.body, tt.headers...)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("got %d %s, want %d with %q", resp.StatusCode, body, tt.status, tt.says)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	t.Run("Our host and a page that may call", func(t *testing.T) {
		t.Parallel()
		resp, body := post(t, named, getProducts, "Host", "Sales.Example:443", "Origin", "https://console.example")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	})
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodOptions, http.MethodHead} {
		t.Run("Method "+method, func(t *testing.T) {
			t.Parallel()
			req, _ := http.NewRequest(method, here.URL, nil)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
				t.Errorf("got %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
			}
		})
	}
}

// TestNoWayAroundTheCredential sends calls whose two readers, the one that
// demands the credential and the one that dispatches, might read differently.
func TestNoWayAroundTheCredential(t *testing.T) {
	t.Parallel()
	s := serve(t, mcp.Options{})
	call := `"params":{"name":"create_media_buy","arguments":{"idempotency_key":"key-0123456789abcdef","account":{"account_id":"a"},"brand":{"domain":"acme.example"},"start_time":"asap","end_time":"2026-12-01T00:00:00Z","packages":[{"product_id":"p1","budget":1,"pricing_option_id":"c"}]}}`
	for name, body := range map[string]string{
		"Method twice":                 `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping",` + call + `}`,
		"Method in capitals":           `{"jsonrpc":"2.0","id":1,"method":"tools/call","METHOD":"ping",` + call + `}`,
		"Name in capitals":             `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + strings.Replace(call, `"name":"create_media_buy"`, `"name":"create_media_buy","NAME":"get_products"`, 1) + `}`,
		"Parameters in capitals after": `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + call + `,"PARAMS":{"name":"get_products"}}`,
		"Parameters twice":             `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + call + `,"params":{"name":"get_products"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, answer := post(t, s, body)
			if strings.Contains(answer, "media_buy_id") {
				t.Errorf("booked without a credential: %s", answer)
			}
		})
	}
}

func TestUnknownToolSaysThatItsResultIsComplete(t *testing.T) {
	t.Parallel()
	s := serve(t, mcp.Options{})
	for version, want := range map[string]bool{"2026-07-28": true, "2025-11-25": false} {
		params := `{"name":"nonsense","arguments":{}`
		headers := []string{"Mcp-Protocol-Version", version}
		if want {
			params += `,"_meta":{"io.modelcontextprotocol/protocolVersion":"` + version + `","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
			headers = append(headers, "Mcp-Method", "tools/call", "Mcp-Name", "nonsense")
		}
		_, body := post(t, s, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":`+params+`}}`, headers...)
		if !strings.Contains(body, "UNSUPPORTED_FEATURE") || strings.Contains(body, `"resultType":"complete"`) != want || !json.Valid([]byte(body)) {
			t.Errorf("%s: got %s", version, body)
		}
	}
}
