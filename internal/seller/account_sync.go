package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// errDryRun rolls a rehearsal back.
var errDryRun = errors.New("dry run")

// syncAccounts serves sync_accounts: each entry opens an account or changes its
// terms. Entries fail one by one; what succeeded commits together.
func (s *Service) syncAccounts(ctx context.Context, call *agent.Call, req *adcp.SyncAccountsRequest) (*adcp.SyncAccountsResponse, error) {
	c := new(checks)
	s.checkWebhook(c, req.PushNotificationConfig) // nothing here takes longer than the call, so it is never used
	if err := c.err(); err != nil {
		return nil, err
	}
	subs, err := s.subscriptions(ctx, call, req)
	if err != nil {
		return nil, err
	}
	var resp *adcp.SyncAccountsResponse
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		resp = &adcp.SyncAccountsResponse{Accounts: []adcp.SyncAccountsResponseAccount{}}
		kept := map[string]bool{}
		for i := range req.Accounts {
			result, err := s.syncAccount(ctx, tx, call, fmt.Sprintf("accounts[%d]", i), &req.Accounts[i], subs[i])
			if err != nil {
				return err
			}
			kept[adcp.Val(result.AccountID)] = true
			resp.Accounts = append(resp.Accounts, *result)
		}
		if adcp.Val(req.DeleteMissing) {
			if err := s.closeAccounts(ctx, tx, call, kept); err != nil {
				return err
			}
		}
		if adcp.Val(req.DryRun) {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		resp.DryRun, err = new(true), nil
	}
	return resp, err
}

// syncAccount opens or changes one account. An entry that cannot be taken is a
// result; an error fails the whole request.
func (s *Service) syncAccount(ctx context.Context, tx *store.Tx, call *agent.Call, at string, e *adcp.SyncAccountsRequestAccount, sub *subscription) (*adcp.SyncAccountsResponseAccount, error) {
	key, current, err := s.syncedAccount(ctx, tx.Queries, call, e)
	if err != nil {
		return nil, err
	}
	if current == nil && e.Account != nil && e.Account.AccountID != nil {
		return nil, errAccountNotFound(at + ".account") // there is no brand to report a failed entry under
	}
	if current == nil && !call.SeesAccount(s.accountID(call.Principal, key)) {
		// Whether there is such an account beyond the credential's reach does not show.
		return failedAccount(key, nil, refusal(adcp.CodeScopeInsufficient, at, "The credential is good for certain accounts only, and not for this one.").
			WithSuggestion("List its accounts with list_accounts, or have the operator of this agent widen it.")), nil
	}
	if problem := s.accountProblem(call, at, e, key, current, sub); problem != nil {
		return failedAccount(key, current, problem), nil
	}
	next, action := s.syncedTerms(call, e, key, current), adcp.SyncAccountsResponseAccountActionUpdated
	if sub != nil {
		if err := s.subscribe(ctx, tx, sub, next); err != nil {
			return nil, err
		}
	}
	switch {
	case current == nil:
		action, err = adcp.SyncAccountsResponseAccountActionCreated, s.insertAccount(ctx, tx, next, call.Principal)
	case next.Status == current.Status && sameTerms(next.Terms, current.Terms):
		action = adcp.SyncAccountsResponseAccountActionUnchanged
	default:
		err = s.updateAccount(ctx, tx, next, "account.updated", call.Principal)
	}
	if err != nil {
		return nil, err
	}
	r := accountResult(next, action)
	r.Authorization = s.authorization(call.Caller)
	return r, nil
}

// syncedAccount finds what an entry is about: its natural key, and the account as
// it is now, nil for one that is to be opened.
func (s *Service) syncedAccount(ctx context.Context, q *store.Queries, call *agent.Call, e *adcp.SyncAccountsRequestAccount) (AccountKey, *Account, error) {
	var a *Account
	var err error
	key := keyOf(call.Caller, adcp.Val(e.Brand), adcp.Val(e.Operator), adcp.Val(e.Sandbox))
	switch ref := e.Account; {
	case ref == nil:
		a, err = s.declared(ctx, q, call.Caller, key)
	case ref.AccountID != nil:
		a, err = s.account(ctx, q, call.Caller, ref)
	default:
		key = keyOf(call.Caller, adcp.Val(ref.Brand), adcp.Val(ref.Operator), adcp.Val(ref.Sandbox))
		a, err = s.declared(ctx, q, call.Caller, key)
	}
	switch {
	case errors.Is(err, errNoRow):
		return key, nil, nil
	case err != nil:
		return key, nil, err
	}
	return a.Key, a, nil
}

// syncedTerms is the account as the entry wants it. What the entry leaves out
// stays; an account that its buyer closed is open again.
func (s *Service) syncedTerms(call *agent.Call, e *adcp.SyncAccountsRequestAccount, key AccountKey, current *Account) *Account {
	r := s.relation(call.Principal)
	next := &Account{ID: s.accountID(call.Principal, key), Principal: call.Principal, Key: key, Status: r.NewAccounts}
	if current != nil {
		*next = *current
		if current.Status == adcp.AccountStatusClosed {
			next.Status = r.NewAccounts
		}
	}
	if e.Billing != nil {
		next.Terms.Billing = *e.Billing
	}
	if e.PaymentTerms != nil {
		next.Terms.PaymentTerms = e.PaymentTerms
	}
	if e.BillingEntity != nil {
		next.Terms.BillingEntity = e.BillingEntity
	}
	return next.under(r)
}

// accountProblem is why an entry cannot be taken, or nil.
func (s *Service) accountProblem(call *agent.Call, at string, e *adcp.SyncAccountsRequestAccount, key AccountKey, current *Account, sub *subscription) *adcp.Error {
	switch {
	case e.Account != nil && current == nil:
		return errAccountNotFound(at + ".account")
	case key.Sandbox && !call.Sandbox:
		return refusal(adcp.CodeUnsupportedFeature, at+".sandbox", "This seller has no sandbox accounts for your credential.").
			WithSuggestion("Leave sandbox out, or use a sandbox credential.")
	case sub != nil && sub.problem != nil:
		return sub.problem
	case e.PreferredReportingProtocol != nil:
		return refusal(adcp.CodeUnsupportedFeature, at+".preferred_reporting_protocol", "This seller does not deliver reports to storage.").
			WithSuggestion("Leave preferred_reporting_protocol out and read with get_media_buy_delivery.")
	case e.Billing != nil:
		return s.billingProblem(call.Principal, at+".billing", *e.Billing)
	}
	return nil
}

func sameTerms(a, b AccountTerms) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func accountResult(a *Account, action adcp.SyncAccountsResponseAccountAction) *adcp.SyncAccountsResponseAccount {
	r := &adcp.SyncAccountsResponseAccount{
		AccountID: new(a.ID), Brand: a.Key.brand(), Operator: a.Key.Operator, Name: new(a.Name()),
		Action: action, Status: a.Status, PaymentTerms: a.Terms.PaymentTerms, BillingEntity: a.Terms.invoiced(),
		NotificationConfigs: a.Terms.notificationConfigs(),
	}
	if a.Status == adcp.AccountStatusPendingApproval {
		r.Setup = &adcp.SyncAccountsResponseAccountSetup{Message: setupMessage}
	}
	if a.Terms.Billing != "" {
		r.Billing = new(a.Terms.Billing)
	}
	if a.Key.Sandbox {
		r.Sandbox = new(true)
	}
	return r
}

// failedAccount is the result of an entry that was not taken. Its status is that of
// the request, which was declined, whatever state an account is in that stands.
func failedAccount(key AccountKey, current *Account, problem *adcp.Error) *adcp.SyncAccountsResponseAccount {
	r := &adcp.SyncAccountsResponseAccount{
		Brand: key.brand(), Operator: key.Operator, Status: adcp.AccountStatusRejected,
		Action: adcp.SyncAccountsResponseAccountActionFailed, Errors: []adcp.Error{*problem},
	}
	if current != nil {
		r.AccountID = new(current.ID)
	}
	return r
}

// closeAccounts closes the caller's accounts that are not among those kept.
// What they have bought goes on.
func (s *Service) closeAccounts(ctx context.Context, tx *store.Tx, call *agent.Call, kept map[string]bool) error {
	_, list, err := s.accounts(ctx, tx.Queries, call.Caller)
	if err != nil {
		return err
	}
	for _, a := range list {
		if kept[a.ID] || a.Status == adcp.AccountStatusClosed {
			continue
		}
		a.Status = adcp.AccountStatusClosed
		if err := s.updateAccount(ctx, tx, a, "account.closed", call.Principal); err != nil {
			return err
		}
	}
	return nil
}
