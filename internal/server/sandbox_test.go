package server

import (
	"strings"
	"testing"
	"time"
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
