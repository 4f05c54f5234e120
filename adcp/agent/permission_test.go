package agent_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// grant is a permission by name of operation and account.
type grant struct{ operations, accounts string }

func (g *grant) MayCall(op *adcp.Operation) *adcp.Error {
	if strings.Contains(g.operations, op.Name) {
		return nil
	}
	return adcp.NewError(adcp.CodeScopeInsufficient, "", "Not for this.")
}

func (g *grant) SeesAccount(id string) bool { return strings.Contains(g.accounts, id) }
func (g *grant) Reach() string              { return g.accounts }

// token is a grant that came with an OAuth token.
type token struct {
	grant
	scopes []string
}

func (k *token) ScopesFor(*adcp.Operation) []string { return k.scopes }

func doAs(b *bundle, g agent.Permission, operation string, arguments []byte) agent.Response {
	caller := agent.Caller{Tenant: "pub", Principal: "acme", Permission: g}
	return b.DoAs(context.Background(), caller, agent.Request{Operation: operation, Arguments: json.RawMessage(arguments)})
}

func TestPermission(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("an operation in the scope is served", func(t *testing.T) {
		if r := doAs(b, &grant{operations: "create_media_buy", accounts: "acct"}, "create_media_buy", buy(t, nil)); r.Error != nil {
			t.Error(r.Error)
		}
	})
	t.Run("an operation outside the scope is refused", func(t *testing.T) {
		if got := code(t, doAs(b, &grant{operations: "get_products"}, "create_media_buy", buy(t, nil))); got != adcp.CodeScopeInsufficient {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a public operation shows a principal more, and is in the scope or not", func(t *testing.T) {
		if got := code(t, doAs(b, &grant{operations: "create_media_buy"}, "get_products", []byte(brief))); got != adcp.CodeScopeInsufficient {
			t.Errorf("got %q", got)
		}
		if r := doAs(b, &grant{operations: "get_products"}, "get_products", []byte(brief)); r.Error != nil {
			t.Error(r.Error)
		}
	})
	t.Run("a remembered answer is not told outside the scope", func(t *testing.T) {
		first := buy(t, map[string]any{"idempotency_key": "key-of-the-wide-one-1"})
		if r := doAs(b, nil, "create_media_buy", first); r.Error != nil {
			t.Fatal(r.Error)
		}
		if got := code(t, doAs(b, &grant{}, "create_media_buy", first)); got != adcp.CodeScopeInsufficient {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a remembered answer about no account in particular is told to the same reach only", func(t *testing.T) {
		const op = "get_products"
		again := []byte(`{"idempotency_key":"key-of-the-wide-one-2","buying_mode":"wholesale"}`)
		ask := func(g agent.Permission) agent.Response {
			t.Helper()
			r := doAs(b, g, op, again)
			if r.Error != nil {
				t.Fatal(r.Error)
			}
			return r
		}
		ask(nil)
		if !ask(nil).Replayed || !ask(&grant{operations: op + " list_accounts"}).Replayed {
			t.Error("a credential that reaches as much was not told")
		}
		if ask(&grant{operations: op, accounts: "acct_1"}).Replayed {
			t.Error("a credential with less reach was told")
		}
		if !ask(&grant{operations: op, accounts: "acct_1"}).Replayed {
			t.Error("a credential that took its place was not told")
		}
		if ask(&grant{operations: op, accounts: "acct_2"}).Replayed {
			t.Error("a credential with another reach was told")
		}
	})
	t.Run("a caller that lists operations sees its scope", func(t *testing.T) {
		ops := b.Operations(agent.Caller{Principal: "acme", Permission: &grant{operations: "get_products"}})
		if len(ops) != 1 || ops[0].Name != "get_products" {
			t.Errorf("got %v", ops)
		}
	})
}

func TestCapabilitiesAreForEveryScope(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent.Handle(b.Agent, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		return nil, adcp.NewError(adcp.CodeRateLimited, "", "Reached.")
	})
	if got := code(t, doAs(b, &grant{}, "get_adcp_capabilities", []byte(`{}`))); got != adcp.CodeRateLimited {
		t.Errorf("got %q, want the handler's own answer", got)
	}
}

// careless is a resolver that does not look at the caller's permission.
type careless struct{}

func (careless) ResolveAccount(_ context.Context, _ agent.Caller, _ *adcp.Operation, ref *adcp.AccountReference) (string, error) {
	if id := adcp.Val(ref.AccountID); id != "none" {
		return id, nil
	}
	return "", adcp.NewError(adcp.CodeAccountNotFound, "account", "There is no such account.")
}

func TestAccountOutsideTheScopeIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *agent.Config) { c.Accounts = careless{} })
	on := func(account string) agent.Response {
		return doAs(b, &grant{operations: "create_media_buy", accounts: "mine"}, "create_media_buy",
			buy(t, map[string]any{"account": map[string]any{"account_id": account}}))
	}
	if r := on("mine"); r.Error != nil {
		t.Errorf("my own: %v", r.Error)
	}
	theirs, none := on("theirs"), on("none")
	if string(theirs.Body) != string(none.Body) || code(t, none) != adcp.CodeAccountNotFound {
		t.Errorf("an account outside the scope answers\n%s\nand none\n%s", theirs.Body, none.Body)
	}
}

func TestHTTPRefusal(t *testing.T) {
	t.Parallel()
	const metadata = "https://sales.example/.well-known/oauth-protected-resource/sales/mcp"
	oauth := agent.Caller{Permission: &token{scopes: []string{"adcp", `q"u\o`}}}
	key := agent.Caller{Permission: &grant{}}
	refusal := func(c adcp.ErrorCode) *adcp.Error { return adcp.NewError(c, "", "No.") }
	for _, tt := range []struct {
		rule      string
		caller    agent.Caller
		operation string
		refusal   *adcp.Error
		metadata  string
		status    int
		header    string
	}{
		{"no refusal", key, "get_products", nil, metadata, http.StatusOK, ""},
		{"a missing credential", agent.Caller{}, "create_media_buy", refusal(adcp.CodeAuthMissing), "", http.StatusUnauthorized, `Bearer realm="adcp"`},
		{"a missing credential with an issuer", agent.Caller{}, "create_media_buy", refusal(adcp.CodeAuthMissing), metadata, http.StatusUnauthorized, `Bearer realm="adcp", resource_metadata="` + metadata + `"`},
		{"a bad credential", agent.Caller{}, "", refusal(adcp.CodeAuthInvalid), "", http.StatusUnauthorized, `Bearer realm="adcp", error="invalid_token"`},
		{"a bad credential with an issuer", agent.Caller{}, "", refusal(adcp.CodeAuthInvalid), metadata, http.StatusUnauthorized, `Bearer realm="adcp", error="invalid_token", resource_metadata="` + metadata + `"`},
		{"an unchecked credential", agent.Caller{}, "", refusal(adcp.CodeServiceUnavailable), metadata, http.StatusServiceUnavailable, ""},
		{"a key outside its scope", key, "create_media_buy", refusal(adcp.CodeScopeInsufficient), metadata, http.StatusOK, ""},
		{"a token outside its scope", oauth, "create_media_buy", refusal(adcp.CodeScopeInsufficient), metadata, http.StatusForbidden, `Bearer realm="adcp", error="insufficient_scope", scope="adcp q\"u\\o", resource_metadata="` + metadata + `"`},
		{"a token that only reads", oauth, "create_media_buy", refusal(adcp.CodeReadOnlyScope), "", http.StatusForbidden, `Bearer realm="adcp", error="insufficient_scope", scope="adcp q\"u\\o"`},
		{"a refusal of another kind", oauth, "create_media_buy", refusal(adcp.CodePermissionDenied), metadata, http.StatusOK, ""},
		{"an operation that is not there", oauth, "no_such_thing", refusal(adcp.CodeUnsupportedFeature), metadata, http.StatusOK, ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			status, header := agent.HTTPRefusal(tt.caller, tt.operation, tt.refusal, tt.metadata)
			if status != tt.status || header != tt.header {
				t.Errorf("got %d %s, want %d %s", status, header, tt.status, tt.header)
			}
		})
	}
}
