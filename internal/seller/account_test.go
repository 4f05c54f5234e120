package seller_test

import (
	"errors"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
)

func relations(r map[string]seller.Relation) option {
	return func(c *seller.Config) { c.Relations = r }
}

// sync sends one entry of sync_accounts.
func (h *house) sync(principal string, entry object) adcp.SyncAccountsResponseAccount {
	h.t.Helper()
	resp := ask[adcp.SyncAccountsResponse](h.t, &h.shop, principal, "sync_accounts", object{
		"idempotency_key": h.key(), "accounts": []object{entry},
	})
	return resp.Accounts[0]
}

func named(brand, operator string) object {
	return object{"brand": object{"domain": brand}, "operator": operator}
}

func TestAccountByNaturalKey(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)

	t.Run("OpensOnFirstChange", func(t *testing.T) {
		if got := ask[adcp.ListAccountsResponse](t, &h.shop, "newcomer", "list_accounts", object{}); len(got.Accounts) != 0 {
			t.Fatalf("%d accounts before the first call, want none", len(got.Accounts))
		}
		nova := named("nova.example", "agency.example")
		bought := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "newcomer", "create_media_buy",
			with(h.order(radio("5000")), object{"account": nova, "brand": object{"domain": "nova.example"}}))
		got := ask[adcp.ListAccountsResponse](t, &h.shop, "newcomer", "list_accounts", object{})
		if len(got.Accounts) != 1 || got.Accounts[0].AccountID != bought.Account.AccountID || got.Accounts[0].Name != "nova.example c/o agency.example" {
			t.Fatalf("accounts after the first call: %+v, want that of %s", got.Accounts, bought.Account.AccountID)
		}
		if synced := h.sync("newcomer", with(nova, object{"billing": "operator"})); synced.Action != "unchanged" {
			t.Errorf("sync_accounts afterwards: %s, want unchanged", synced.Action)
		}
	})
	t.Run("ReadsNothingBefore", func(t *testing.T) {
		got := ask[adcp.GetMediaBuysResponse](t, &h.shop, "newcomer", "get_media_buys", object{"account": named("unseen.example", "unseen.example")})
		if len(got.MediaBuys) != 0 {
			t.Errorf("%d media buys on an account that was never used, want none", len(got.MediaBuys))
		}
		list := ask[adcp.ListAccountsResponse](t, &h.shop, "newcomer", "list_accounts", object{"account": named("unseen.example", "unseen.example")})
		if len(list.Accounts) != 0 {
			t.Errorf("reading has opened %+v", list.Accounts)
		}
	})
	t.Run("ErrBeyondTheCredential", func(t *testing.T) {
		e := h.refused("buyer@acct_other", "create_media_buy", with(h.order(radio("5000")), object{
			"account": named("third.example", "third.example"), "brand": object{"domain": "third.example"},
		}))
		if e.Code != adcp.CodeAccountNotFound {
			t.Errorf("code %s, want %s", e.Code, adcp.CodeAccountNotFound)
		}
	})
	t.Run("ErrSandboxWithALiveCredential", func(t *testing.T) {
		e := h.refused("buyer", "create_media_buy", with(h.order(radio("5000")), object{"account": with(acme, object{"sandbox": true})}))
		if e.Code != adcp.CodeAccountNotFound {
			t.Errorf("code %s, want %s", e.Code, adcp.CodeAccountNotFound)
		}
	})
}

func TestAccountInTheSandbox(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	synced := h.sync("sandbox", with(named("acme.example", "agency.example"), object{"billing": "operator"}))
	if !adcp.Val(synced.Sandbox) {
		t.Fatal("the account of a sandbox credential is not in the sandbox")
	}
	order := func(account object) string {
		return ask[adcp.CreateMediaBuyResponse](t, &h.shop, "sandbox", "create_media_buy", with(h.order(radio("5000")), object{"account": account})).Account.AccountID
	}
	t.Run("FlagNeedNotBeRepeated", func(t *testing.T) {
		if got := order(named("acme.example", "agency.example")); got != *synced.AccountID {
			t.Errorf("without the flag: %s, want %s", got, *synced.AccountID)
		}
		if got := order(with(named("acme.example", "agency.example"), object{"sandbox": true})); got != *synced.AccountID {
			t.Errorf("with the flag: %s, want %s", got, *synced.AccountID)
		}
	})
	t.Run("OnlyAccountOfTheBrand", func(t *testing.T) {
		if got := order(named("acme.example", "acme.example")); got != *synced.AccountID {
			t.Errorf("under an operator not seen before: %s, want %s", got, *synced.AccountID)
		}
	})
	t.Run("DeclaredApart", func(t *testing.T) {
		second := h.sync("sandbox", with(named("acme.example", "acme.example"), object{"billing": "operator"}))
		if *second.AccountID == *synced.AccountID {
			t.Fatal("two operators were declared and share an account")
		}
		if got := order(named("acme.example", "acme.example")); got != *second.AccountID {
			t.Errorf("once declared: %s, want %s", got, *second.AccountID)
		}
	})
}

func TestBillingGates(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, func(c *seller.Config) {
		c.Billing = []adcp.BillingParty{adcp.BillingPartyOperator, adcp.BillingPartyAgent}
		c.Relations = map[string]seller.Relation{
			"passthrough": {Billing: []adcp.BillingParty{adcp.BillingPartyOperator}},
			"stranded":    {Billing: []adcp.BillingParty{adcp.BillingPartyAdvertiser}},
		}
	})
	entry := func(billing string) object {
		return with(named("nova.example", "agency.example"), object{"billing": billing})
	}
	for _, c := range []struct {
		name, principal, billing string
		code                     adcp.ErrorCode
		details                  string
	}{
		{"OK", "buyer", "agent", "", ""},
		{"ErrNeverInvoiced", "buyer", "advertiser", adcp.CodeBillingNotSupported, `{"scope":"capability","supported_billing":["operator","agent"]}`},
		{"ErrPassthroughOnly", "passthrough", "agent", adcp.CodeBillingNotPermittedForAgent, `{"rejected_billing":"agent","suggested_billing":"operator"}`},
		{"PassthroughAsSuggested", "passthrough", "operator", "", ""},
		{"ErrNothingToSuggest", "stranded", "agent", adcp.CodeBillingNotPermittedForAgent, `{"rejected_billing":"agent"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.sync(c.principal, entry(c.billing))
			if c.code == "" {
				if got.Action == "failed" || adcp.Val(got.Billing) != adcp.BillingParty(c.billing) {
					t.Errorf("%s with billing %q, want %q taken", got.Action, adcp.Val(got.Billing), c.billing)
				}
				return
			}
			if got.Action != "failed" || got.Status != adcp.AccountStatusRejected || len(got.Errors) != 1 {
				t.Fatalf("answered %+v, want a failed entry", got)
			}
			e := got.Errors[0]
			if e.Code != c.code || adcp.Val(e.Recovery) != adcp.ErrorRecoveryCorrectable || string(e.Details) != c.details {
				t.Errorf("got %s, %s, %s; want %s, correctable, %s", e.Code, adcp.Val(e.Recovery), e.Details, c.code, c.details)
			}
		})
	}
}

func TestAccountStates(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, relations(map[string]seller.Relation{"careful": {NewAccounts: adcp.AccountStatusPendingApproval, PaymentTerms: "net_30"}}))
	synced := h.sync("careful", with(named("acme.example", "acme.example"), object{"billing": "operator"}))
	if synced.Status != adcp.AccountStatusPendingApproval || synced.Setup == nil || adcp.Val(synced.PaymentTerms) != "net_30" {
		t.Fatalf("opened as %+v, want pending_approval with setup and net_30", synced)
	}
	for _, c := range []struct {
		status adcp.AccountStatus
		code   adcp.ErrorCode
	}{
		{adcp.AccountStatusPendingApproval, adcp.CodeAccountSetupRequired},
		{adcp.AccountStatusRejected, adcp.CodeAccountSetupRequired},
		{adcp.AccountStatusSuspended, adcp.CodeAccountSuspended},
		{adcp.AccountStatusPaymentRequired, adcp.CodeAccountPaymentRequired},
		{adcp.AccountStatusClosed, adcp.CodeAccountSetupRequired},
	} {
		t.Run(string(c.status), func(t *testing.T) {
			if err := h.service.SetAccountStatus(t.Context(), "careful", *synced.AccountID, c.status, "sales"); err != nil {
				t.Fatal(err)
			}
			if e := h.refused("careful", "create_media_buy", h.order(radio("5000"))); e.Code != c.code {
				t.Errorf("code %s, want %s", e.Code, c.code)
			}
		})
	}
	t.Run("SuspensionOutlivesSync", func(t *testing.T) {
		if err := h.service.SetAccountStatus(t.Context(), "careful", *synced.AccountID, adcp.AccountStatusSuspended, "sales"); err != nil {
			t.Fatal(err)
		}
		if got := h.sync("careful", with(named("acme.example", "acme.example"), object{"billing": "operator"})); got.Status != adcp.AccountStatusSuspended {
			t.Errorf("status %s after sync_accounts, want suspended", got.Status)
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if err := h.service.SetAccountStatus(t.Context(), "careful", "acct_none", adcp.AccountStatusActive, "sales"); !errors.Is(err, seller.ErrNoAccount) {
			t.Errorf("got %v, want %v", err, seller.ErrNoAccount)
		}
	})
}

func TestOpenAccountAhead(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	key := seller.AccountKey{BrandDomain: "nova.example", Operator: "agency.example"}
	a, err := h.service.OpenAccount(t.Context(), seller.Account{ID: "acct_chosen", Principal: "buyer", Key: key}, "sales")
	if err != nil || a.ID != "acct_chosen" || a.Status != adcp.AccountStatusActive {
		t.Fatalf("opened %+v, %v", a, err)
	}
	again, err := h.service.OpenAccount(t.Context(), seller.Account{Principal: "buyer", Key: key, Status: adcp.AccountStatusSuspended}, "sales")
	if err != nil || again.ID != "acct_chosen" || again.Revision != 2 || again.Status != adcp.AccountStatusSuspended {
		t.Fatalf("opened again %+v, %v; want the same account at revision 2", again, err)
	}
	if _, err := h.service.OpenAccount(t.Context(), seller.Account{Principal: "buyer"}, "sales"); err == nil {
		t.Error("an account without a brand was opened")
	}
}

func TestAccountShowsWhatACredentialIsGoodFor(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	id := h.account("buyer", "nova.example")
	got := ask[adcp.ListAccountsResponse](t, &h.shop, "buyer@"+id, "list_accounts", object{})
	if len(got.Accounts) != 1 || got.Accounts[0].Authorization == nil || len(got.Accounts[0].Authorization.AllowedTasks) == 0 {
		t.Fatalf("accounts %+v, want one with its authorization", got.Accounts)
	}
	all := ask[adcp.ListAccountsResponse](t, &h.shop, "buyer", "list_accounts", object{})
	if all.Accounts[0].Authorization != nil {
		t.Error("a credential without limits shows limits")
	}
}

func TestBankDetailsAreNotReadBack(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	got := h.sync("buyer", with(named("nova.example", "nova.example"), object{"billing": "operator", "billing_entity": object{
		"legal_name": "Nova GmbH", "bank": object{"account_holder": "Nova GmbH", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"},
	}}))
	if got.BillingEntity == nil || got.BillingEntity.LegalName != "Nova GmbH" || got.BillingEntity.Bank != nil {
		t.Errorf("billing entity %+v, want it without its bank", got.BillingEntity)
	}
}
