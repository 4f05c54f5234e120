package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// Account is whom a principal buys for: a brand, and who operates on its behalf.
// Every principal has its own, though two may name the same brand.
type Account struct {
	ID        string
	Principal string
	Key       AccountKey
	Status    adcp.AccountStatus
	Terms     AccountTerms
	CreatedAt time.Time
	Revision  int64
}

// AccountKey is what names an account naturally (core/account-ref.json).
type AccountKey struct {
	BrandDomain, BrandID, Operator string
	Sandbox                        bool
}

// AccountTerms are how an account is billed, and who is told of what happens on it.
type AccountTerms struct {
	Billing       adcp.BillingParty    `json:"billing,omitzero"`
	PaymentTerms  *adcp.PaymentTerms   `json:"payment_terms,omitzero"`
	BillingEntity *adcp.BusinessEntity `json:"billing_entity,omitzero"`
	// Subscribers are told of events; nil until there were any.
	Subscribers []Subscriber `json:"subscribers,omitzero"`
}

// Name is the account's name for people: "acme.example", or "acme.example c/o agency.example".
func (a *Account) Name() string {
	name := a.Key.BrandDomain
	if a.Key.BrandID != "" {
		name = a.Key.BrandID + " (" + name + ")"
	}
	if a.Key.Operator != a.Key.BrandDomain {
		name += " c/o " + a.Key.Operator
	}
	if a.Key.Sandbox {
		name += " (sandbox)"
	}
	return name
}

func (k AccountKey) brand() adcp.BrandReference {
	b := adcp.BrandReference{Domain: k.BrandDomain}
	if k.BrandID != "" {
		b.BrandID = new(k.BrandID)
	}
	return b
}

// accountID derives the account's identifier, so that a key has one for good.
func (s *Service) accountID(principal string, k AccountKey) string {
	return id.Derive("acct", s.tenant, principal, k.BrandDomain, k.BrandID, k.Operator, fmt.Sprint(k.Sandbox))
}

func accountOf(r store.SellerAccount) (*Account, error) {
	a := &Account{
		ID: r.AccountID, Principal: r.Principal,
		Key:    AccountKey{BrandDomain: r.BrandDomain, BrandID: r.BrandID, Operator: r.Operator, Sandbox: r.Sandbox},
		Status: adcp.AccountStatus(r.Status), CreatedAt: store.Time(r.CreatedAt), Revision: r.Revision,
	}
	if err := json.Unmarshal([]byte(r.Document), &a.Terms); err != nil {
		return nil, fmt.Errorf("account %s: %w", r.AccountID, err)
	}
	return a, nil
}

// wire is the account as core/account.json.
func (a *Account) wire() adcp.Account {
	w := adcp.Account{
		AccountID: a.ID, Name: a.Name(), Advertiser: new(a.Key.BrandDomain), Status: a.Status,
		Brand: new(a.Key.brand()), Operator: new(a.Key.Operator),
		BillingEntity: a.Terms.invoiced(), PaymentTerms: a.Terms.PaymentTerms,
		NotificationConfigs: a.Terms.notificationConfigs(),
	}
	if a.Terms.Billing != "" {
		w.Billing = new(a.Terms.Billing)
	}
	if a.Status == adcp.AccountStatusPendingApproval {
		w.Setup = &adcp.AccountSetup{Message: setupMessage}
	}
	if a.Key.Sandbox {
		w.Sandbox = new(true)
	}
	return w
}

// setupMessage tells the buyer of a pending account what happens next.
const setupMessage = "The seller looks at the account; its status becomes active once it is approved."

// invoiced is who pays, without the bank details: those are written, never read.
func (t AccountTerms) invoiced() *adcp.BusinessEntity {
	if t.BillingEntity == nil {
		return nil
	}
	e := *t.BillingEntity
	e.Bank = nil
	return &e
}

// authorization is what the caller's credential is good for on its accounts, where
// that is less than everything.
func (s *Service) authorization(caller agent.Caller) *adcp.AccountAuthorization {
	if caller.Permission == nil || s.served == nil {
		return nil
	}
	a := &adcp.AccountAuthorization{AllowedTasks: []string{}, ReadOnly: new(true)}
	for _, op := range s.served(caller) {
		a.AllowedTasks = append(a.AllowedTasks, op.Name)
		*a.ReadOnly = *a.ReadOnly && !op.Mutating
	}
	return a
}

// keyOf is the natural key that the caller names. A sandbox credential has sandbox
// accounts only, so it need not say so each time.
func keyOf(caller agent.Caller, brand adcp.BrandReference, operator string, sandbox bool) AccountKey {
	return AccountKey{
		BrandDomain: strings.ToLower(brand.Domain), BrandID: adcp.Val(brand.BrandID),
		Operator: strings.ToLower(operator), Sandbox: sandbox || caller.Sandbox,
	}
}

// errAccountNotFound is the one answer for an account that does not exist and
// for somebody else's.
func errAccountNotFound(field string) *adcp.Error {
	return refusal(adcp.CodeAccountNotFound, field, "There is no such account.").
		WithSuggestion("List your accounts with list_accounts, or create one with sync_accounts.")
}

// ResolveAccount finds the account that a reference names among the caller's own.
// It implements [agent.AccountResolver].
func (s *Service) ResolveAccount(ctx context.Context, caller agent.Caller, op *adcp.Operation, ref *adcp.AccountReference) (string, error) {
	if caller.Anonymous {
		return "", nil // public operations: there is nobody to own an account
	}
	a, err := s.account(ctx, s.db.Read(), caller, ref)
	switch {
	case err == nil:
		return a.ID, nil
	case errors.Is(err, errNoRow) && (op == adcp.ListAccounts.Operation || op.Access != adcp.AccessAccount):
		return "", nil // a filter that matches nothing, or what needs no account
	case errors.Is(err, errNoRow):
		return "", errAccountNotFound("account")
	}
	return "", err
}

// account finds the caller's account that ref names: by identifier, or by brand and
// operator, where a pair that was not seen yet names an account too; see
// [Service.implied]. An account that the caller's credential does not reach is no
// row, like one that does not exist.
func (s *Service) account(ctx context.Context, q *store.Queries, caller agent.Caller, ref *adcp.AccountReference) (*Account, error) {
	if ref.AccountID != nil {
		r, err := row(q.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: caller.Principal, AccountID: *ref.AccountID}))
		if errors.Is(err, errNoRow) && s.standIn != nil {
			var id string
			if id, err = s.standIn(ctx, caller, *ref.AccountID); err == nil {
				r, err = row(q.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: caller.Principal, AccountID: id}))
			}
		}
		if err == nil && !caller.SeesAccount(r.AccountID) {
			err = errNoRow
		}
		if err != nil {
			return nil, fmt.Errorf("account: %w", err)
		}
		return accountOf(r)
	}
	a, err := s.accountByKey(ctx, q, caller, keyOf(caller, adcp.Val(ref.Brand), adcp.Val(ref.Operator), adcp.Val(ref.Sandbox)))
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	return a, nil
}

// accountByKey finds the account of a natural key. In the sandbox an operator that
// was not seen yet stands for the one that the brand has there, if it has one only:
// test drivers name now the agency and now the brand itself.
func (s *Service) accountByKey(ctx context.Context, q *store.Queries, caller agent.Caller, k AccountKey) (*Account, error) {
	a, err := s.declared(ctx, q, caller, k)
	if !errors.Is(err, errNoRow) {
		return a, err
	}
	if caller.Sandbox {
		_, list, err := s.accounts(ctx, q, caller)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(a *Account) bool { return a.Key.BrandDomain != k.BrandDomain || a.Key.Sandbox != k.Sandbox })
		if len(list) == 1 {
			return list[0], nil
		}
	}
	return s.implied(caller, k)
}

// declared finds the account that was opened under exactly this key.
func (s *Service) declared(ctx context.Context, q *store.Queries, caller agent.Caller, k AccountKey) (*Account, error) {
	r, err := row(q.SellerAccountByKey(ctx, store.SellerAccountByKeyParams{
		Tenant: s.tenant, Principal: caller.Principal,
		BrandDomain: k.BrandDomain, BrandID: k.BrandID, Operator: k.Operator, Sandbox: k.Sandbox,
	}))
	if err == nil && !caller.SeesAccount(r.AccountID) {
		err = errNoRow
	}
	if err != nil {
		return nil, err
	}
	return accountOf(r)
}

// accountForWrite finds the account that a change is asked for on, opens it where
// the change is the first, and refuses accounts that may not change anything.
func (s *Service) accountForWrite(ctx context.Context, call *agent.Call, ref *adcp.AccountReference) (*Account, error) {
	a, err := s.account(ctx, s.db.Read(), call.Caller, ref)
	if errors.Is(err, errNoRow) {
		return nil, errAccountNotFound("account")
	}
	if err == nil {
		a, err = s.opened(ctx, call, a)
	}
	if err != nil {
		return nil, err
	}
	if blocked := a.blocked(); blocked != nil {
		return nil, blocked
	}
	return a, nil
}

// accounts reads all the caller's accounts, by identifier and in order.
func (s *Service) accounts(ctx context.Context, q *store.Queries, caller agent.Caller) (map[string]*Account, []*Account, error) {
	rows, err := q.SellerAccounts(ctx, store.SellerAccountsParams{Tenant: s.tenant, Principal: caller.Principal})
	if err != nil {
		return nil, nil, fmt.Errorf("accounts: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r store.SellerAccount) bool { return !caller.SeesAccount(r.AccountID) })
	byID, list := make(map[string]*Account, len(rows)), make([]*Account, len(rows))
	for i, r := range rows {
		a, err := accountOf(r)
		if err != nil {
			return nil, nil, err
		}
		byID[a.ID], list[i] = a, a
	}
	return byID, list, nil
}

// listAccounts serves list_accounts.
func (s *Service) listAccounts(ctx context.Context, call *agent.Call, req *adcp.ListAccountsRequest) (*adcp.ListAccountsResponse, error) {
	_, list, err := s.accounts(ctx, s.db.Read(), call.Caller)
	if err != nil {
		return nil, err
	}
	var matching []*Account
	for _, a := range list {
		switch {
		case req.Status != nil && a.Status != *req.Status,
			req.Sandbox != nil && a.Key.Sandbox != *req.Sandbox,
			req.Account != nil && !a.named(call.Caller, req.Account):
			continue
		}
		matching = append(matching, a)
	}
	page, pagination, err := paginate(matching, req.Pagination, "list_accounts", func(a *Account) string { return a.ID })
	if err != nil {
		return nil, err
	}
	resp := &adcp.ListAccountsResponse{Accounts: []adcp.AccountWithAuthorization{}, Pagination: &pagination}
	for _, a := range page {
		w := a.wire()
		resp.Accounts = append(resp.Accounts, adcp.AccountWithAuthorization{
			AccountID: w.AccountID, Name: w.Name, Advertiser: w.Advertiser, Status: w.Status, Brand: w.Brand,
			Operator: w.Operator, Billing: w.Billing, BillingEntity: w.BillingEntity, PaymentTerms: w.PaymentTerms,
			CreditLimit: w.CreditLimit, Setup: w.Setup, Sandbox: w.Sandbox, Authorization: s.authorization(call.Caller),
			NotificationConfigs: w.NotificationConfigs,
		})
	}
	return resp, nil
}

// named reports whether the reference names the account.
func (a *Account) named(caller agent.Caller, ref *adcp.AccountReference) bool {
	if ref.AccountID != nil {
		return a.ID == *ref.AccountID
	}
	return a.Key == keyOf(caller, adcp.Val(ref.Brand), adcp.Val(ref.Operator), adcp.Val(ref.Sandbox))
}
