package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
)

func TestASandboxHasNoRateLimit(t *testing.T) {
	t.Parallel()
	s, err := LoadSettings("", environ(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := s.rateLimit(); l.Requests.PerSecond != 500 || l.Writes != agent.DefaultKeyWrites {
		t.Errorf("by default: %+v", l)
	}
	s.Sandbox = true
	if l := s.rateLimit(); l.Requests != (agent.Rate{}) || l.Reads != (agent.Rate{}) || l.Writes != (agent.Rate{}) {
		t.Errorf("in the sandbox: %+v", l)
	}
}

// The limit is one for a principal, whatever transport it comes by, and is the
// protocol's answer and no HTTP error.
func TestRateLimitOverTheWire(t *testing.T) {
	t.Parallel()
	url := openShop(t, clock.System{}, func(c *SalesConfig) {
		c.RateLimit = agent.RateLimit{
			Requests: agent.Rate{PerSecond: 0.001, Burst: 2},
			Now:      func() time.Time { return time.Unix(1_800_000_000, 0) },
		}
	})
	overMCP := func() string {
		return string(post(t, http.DefaultClient, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_accounts","arguments":{}}}`))
	}
	overA2A := func() string {
		return string(post(t, http.DefaultClient, strings.TrimSuffix(url, "/mcp")+"/a2a",
			`{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"kind":"message","role":"user","messageId":"1","parts":[{"kind":"data","data":{"skill":"list_accounts","input":{}}}]}}}`))
	}
	for _, ask := range []func() string{overMCP, overA2A} {
		if got := ask(); !strings.Contains(got, `"accounts"`) {
			t.Fatalf("not served: %s", got)
		}
	}
	for _, ask := range []func() string{overMCP, overA2A} {
		got := ask()
		for _, want := range []string{`"RATE_LIMITED"`, `"retry_after":1000`, `"recovery":"transient"`} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in %s", want, got)
			}
		}
	}
}
