package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
)

// TestTheShopAnswersTheSameOverBothTransports asks the whole program, over real
// HTTP, as a client does that was given no more than an address.
func TestTheShopAnswersTheSameOverBothTransports(t *testing.T) {
	t.Parallel()
	tools := openShop(t, clock.NewSimulated(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)))
	host := strings.TrimSuffix(tools, endpointMCP)
	answers := map[string]map[string]any{}
	for name, cfg := range map[string]client.Config{
		"MCP":                   {URL: tools},
		"A2A":                   {URL: host + endpointA2A, Protocol: client.A2A},
		"A2A, by its card":      {URL: host + endpointA2A + "/.well-known/agent-card.json", Protocol: client.A2A},
		"A2A, by its host only": {URL: host, Protocol: client.A2A},
	} {
		cfg.Token = shopKey
		c := client.New(cfg)
		t.Cleanup(func() { c.Close() })
		answers[name] = map[string]any{}
		for _, op := range []*adcp.Operation{
			adcp.GetAdcpCapabilities.Operation, adcp.GetProducts.Operation, adcp.ListCreativeFormats.Operation, adcp.ListAccounts.Operation,
		} {
			request := `{}`
			if op.Name == adcp.GetProducts.Name {
				request = `{"buying_mode":"wholesale"}`
			}
			raw, err := client.CallRaw(t.Context(), c, op, json.RawMessage(request))
			if err != nil {
				t.Fatalf("%s: %s: %v", name, op.Name, err)
			}
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				t.Fatal(err)
			}
			answers[name][op.Name] = v
		}
	}
	for name, got := range answers {
		if diff := cmp.Diff(answers["MCP"], got); diff != "" {
			t.Errorf("MCP and %s disagree (-MCP +%s):\n%s", name, name, diff)
		}
	}
}

// TestTheAgentCard reads the card where callers look for it, and follows the
// challenge of a refusal over A2A.
func TestTheAgentCard(t *testing.T) {
	t.Parallel()
	handler := openSales(t, &account.OAuthConfig{
		Issuer: "https://login.example", Audiences: []string{"x"}, Subjects: []account.Subject{{Subject: "a", Principal: "acme"}},
	}).Handler()
	ask := func(method, path, body string) (*http.Response, string) {
		r := httptest.NewRequest(method, "https://sales.example"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		b, _ := io.ReadAll(w.Result().Body)
		return w.Result(), string(b)
	}
	for _, path := range []string{
		"/.well-known/agent-card.json", "/.well-known/agent.json", "/sales/a2a/.well-known/agent-card.json", "/sales/a2a/.well-known/agent.json",
	} {
		resp, body := ask(http.MethodGet, path, "")
		if resp.StatusCode != http.StatusOK || strings.Count(body, `"url":"https://sales.example/sales/a2a"`) != 4 ||
			!strings.Contains(body, "Northlight sells advertising") {
			t.Errorf("%s: got %d %s", path, resp.StatusCode, body)
		}
	}
	const metadata = "/.well-known/oauth-protected-resource/sales/a2a"
	resp, body := ask(http.MethodPost, endpointA2A, `{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}`)
	if want := `Bearer realm="adcp", resource_metadata="https://sales.example` + metadata + `"`; resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != want {
		t.Errorf("got %d %q %s, want %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"), body, want)
	}
	if resp, body := ask(http.MethodGet, metadata, ""); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"resource":"https://sales.example/sales/a2a"`) {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}
