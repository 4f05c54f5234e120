package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

func TestTheSandboxIsOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, content, want string }{
		{"loopback is accepted", "listen: 127.0.0.1:0", ""},
		{"all of 127/8 is loopback", "listen: 127.9.9.9:0", ""},
		{"so is IPv6's", "listen: '[::1]:0'", ""},
		{"so is localhost", "listen: localhost:0", ""},
		{"with a public address on loopback", "public_url: http://localhost:9000", ""},
		{"every interface is refused", "listen: 0.0.0.0:8080", "listens on loopback only"},
		{"every interface by no name is refused", "listen: ':8080'", "listens on loopback only"},
		{"every interface of IPv6 is refused", "listen: '[::]:8080'", "listens on loopback only"},
		{"a private network is refused", "listen: 192.168.1.2:8080", "listens on loopback only"},
		{"a name is refused, whatever it resolves to", "listen: localhost.example:8080", "listens on loopback only"},
		{"a public address is refused", "public_url: https://sales.example.com", "no public address"},
		{"a public address that looks local is refused", "public_url: https://127.0.0.1.example.com", "no public address"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, err := LoadSettings(writeConfig(t, "sandbox: true\n"+tt.content), environ(nil), nil)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if _, err := LoadSettings(writeConfig(t, tt.content), environ(nil), nil); err != nil {
				t.Errorf("without sandbox: %v", err)
			}
		})
	}
}

func TestTheSandboxSharesNothingWithAnAgentThatTrades(t *testing.T) {
	t.Parallel()
	trading, err := LoadSettings("", environ(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	sandbox, err := LoadSettings("", environ(nil), map[string]any{"sandbox": true})
	if err != nil {
		t.Fatal(err)
	}
	if trading.tenant() == sandbox.tenant() || trading.Data == sandbox.Data {
		t.Errorf("both use tenant %s and %s", trading.tenant(), trading.Data)
	}
	if len(trading.testKits()) > 0 || trading.KeylessAPI() {
		t.Error("an agent that trades knows published keys, or lets callers in without one")
	}
	if len(sandbox.testKits()) == 0 || !sandbox.KeylessAPI() {
		t.Error("the sandbox knows nobody")
	}
	if sandbox.Sales.Approval.After != time.Second || trading.Sales.Approval.After != 0 {
		t.Errorf("orders are signed after %s in the sandbox and %s outside; want 1s and never", sandbox.Sales.Approval.After, trading.Sales.Approval.After)
	}
}

// openSandbox is a sales agent, with the published principals where kits are given.
func openSandbox(t *testing.T, data string, kits []account.TestKit) *Sales {
	t.Helper()
	catalogue, err := SalesSettings{}.load("northlight")
	if err != nil {
		t.Fatal(err)
	}
	sales, err := NewSales(t.Context(), SalesConfig{
		Tenant: sandboxTenant, Name: "Northlight", PublicURL: "http://127.0.0.1:8080", Catalogue: catalogue, TestKits: kits,
		Store:      store.Config{Path: filepath.Join(data, "sales.db")},
		Clock:      clock.NewSimulated(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)),
		Principals: []account.Principal{{Name: "acme", KeySHA256: account.HashKey(testKey), Sandbox: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sales.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return sales
}

// ask sends a JSON-RPC request to the agent over MCP and returns the answer.
func ask(t *testing.T, sales *Sales, token, method, params string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080"+endpointMCP, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	sales.Handler().ServeHTTP(w, r)
	return w.Body.String()
}

func TestTheControllerIsForSandboxPrincipals(t *testing.T) {
	t.Parallel()
	sales := openSandbox(t, t.TempDir(), account.TestKits())
	const probe = `{"name":"comply_test_controller","arguments":{"scenario":"force_creative_status","params":{"creative_id":"x","status":"approved"},"account":{"sandbox":true},"context":{"correlation_id":"probe"}}}`
	for _, tt := range []struct {
		rule, token string
		sees        bool
	}{
		{"a sandbox principal of a kit", "demo-acme-outdoor-v1", true},
		{"a sandbox principal of the configuration", testKey, true},
		{"a live principal", "demo-acme-outdoor-live-v1", false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if listed := strings.Contains(ask(t, sales, tt.token, "tools/list", "{}"), "comply_test_controller"); listed != tt.sees {
				t.Errorf("listed: %t, want %t", listed, tt.sees)
			}
			capabilities := ask(t, sales, tt.token, "tools/call", `{"name":"get_adcp_capabilities","arguments":{}}`)
			if told := strings.Contains(capabilities, "compliance_testing"); told != tt.sees {
				t.Errorf("advertised: %t, want %t", told, tt.sees)
			}
			var answer struct {
				Result struct {
					StructuredContent struct {
						Success bool
						Error   string
						Context struct {
							CorrelationID string `json:"correlation_id"`
						}
					} `json:"structuredContent"`
				} `json:"result"`
			}
			body := ask(t, sales, tt.token, "tools/call", probe)
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatal(err)
			}
			got := answer.Result.StructuredContent
			if forbidden := got.Error == "FORBIDDEN"; got.Success || forbidden == tt.sees || got.Context.CorrelationID != "probe" {
				t.Errorf("got %s", body)
			}
		})
	}
}

func TestAnAgentThatTradesHasNoController(t *testing.T) {
	t.Parallel()
	sales := openSandbox(t, t.TempDir(), nil)
	if _, served := sales.agent.Serves("comply_test_controller"); served {
		t.Error("it serves comply_test_controller")
	}
	if strings.Contains(ask(t, sales, testKey, "tools/list", "{}"), "comply_test_controller") {
		t.Error("it lists comply_test_controller")
	}
	call := func(tool string) string {
		return ask(t, sales, testKey, "tools/call", `{"name":"`+tool+`","arguments":{"scenario":"list_scenarios","account":{"sandbox":true}}}`)
	}
	if got, want := strings.ReplaceAll(call("comply_test_controller"), "comply_test_controller", "TOOL"), strings.ReplaceAll(call("get_rich_quickly"), "get_rich_quickly", "TOOL"); got != want {
		t.Errorf("got %s\nwant what any unknown tool gets: %s", got, want)
	}
}
