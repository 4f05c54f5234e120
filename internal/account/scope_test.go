package account_test

import (
	"slices"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
)

// TestScopes holds every operation of the protocol against scopes.
func TestScopes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule       string
		operations []string
		want       func(op *adcp.Operation) adcp.ErrorCode
	}{
		{"no list is everything", nil, func(*adcp.Operation) adcp.ErrorCode { return "" }},
		{"* is everything", []string{"get_products", "*"}, func(*adcp.Operation) adcp.ErrorCode { return "" }},
		{"read is what changes nothing", []string{"read"}, func(op *adcp.Operation) adcp.ErrorCode {
			if op.Mutating {
				return adcp.CodeReadOnlyScope
			}
			return ""
		}},
		{"read and an operation that reads is still for reading", []string{"read", "get_media_buys"}, func(op *adcp.Operation) adcp.ErrorCode {
			if op.Mutating {
				return adcp.CodeReadOnlyScope
			}
			return ""
		}},
		{"read and a change is both", []string{"read", "sync_creatives"}, func(op *adcp.Operation) adcp.ErrorCode {
			if op.Mutating && op.Name != "sync_creatives" {
				return adcp.CodeScopeInsufficient
			}
			return ""
		}},
		{"names are those operations alone", []string{"get_products", "list_accounts"}, func(op *adcp.Operation) adcp.ErrorCode {
			if slices.Contains([]string{"get_products", "list_accounts"}, op.Name) {
				return ""
			}
			return adcp.CodeScopeInsufficient
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			permission := permissionOf(t, account.Scope{Operations: tt.operations})
			for _, op := range adcp.Operations() {
				got := adcp.ErrorCode("")
				if permission != nil {
					if refusal := permission.MayCall(op); refusal != nil {
						got = refusal.Code
					}
				}
				if want := tt.want(op); got != want {
					t.Errorf("%s answers %q, want %q", op.Name, got, want)
				}
			}
		})
	}
}

func permissionOf(t *testing.T, s account.Scope) agent.Permission {
	t.Helper()
	d, err := account.New(account.Config{Tenant: "sales", Principals: []account.Principal{{Name: "acme", KeySHA256: account.HashKey(key), Scope: s}}})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := bearer(t, d, key)
	if err != nil {
		t.Fatal(err)
	}
	return caller.Permission
}

func TestNoAccountsInAScopeAreAll(t *testing.T) {
	t.Parallel()
	if p := permissionOf(t, account.Scope{}); p != nil {
		t.Errorf("a scope without limits has the permission %+v, want none", p)
	}
	p := permissionOf(t, account.Scope{Operations: []string{"read"}})
	if !p.SeesAccount("acct_1") {
		t.Error("a key without accounts does not see one")
	}
	p = permissionOf(t, account.Scope{Accounts: []string{"acct_1"}})
	if !p.SeesAccount("acct_1") || p.SeesAccount("acct_2") || p.SeesAccount("") {
		t.Error("a key with an account sees another, or none")
	}
	if p.MayCall(adcp.CreateMediaBuy.Operation) != nil {
		t.Error("a key with accounts alone may not call everything on them")
	}
}
