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

// Accounts are declared by the buyer: a brand and who operates for it name one,
// and the first change that names a pair opens its account. sync_accounts says more
// about it, such as who is invoiced; it need not come first.

// implied is the account that the caller's own natural key names although nothing
// was done on it yet, or no row where the credential does not reach it.
func (s *Service) implied(caller agent.Caller, key AccountKey) (*Account, error) {
	id := s.accountID(caller.Principal, key)
	if key.BrandDomain == "" || key.Operator == "" || key.Sandbox != caller.Sandbox || !caller.SeesAccount(id) {
		return nil, errNoRow
	}
	r := s.relation(caller.Principal)
	a := &Account{ID: id, Principal: caller.Principal, Key: key, Status: r.NewAccounts}
	a.Terms.Billing = s.suggested(r)
	return a.under(r), nil
}

// under gives an account what its principal's relation has for accounts that do
// not say.
func (a *Account) under(r Relation) *Account {
	if a.Terms.PaymentTerms == nil && r.PaymentTerms != "" {
		a.Terms.PaymentTerms = new(r.PaymentTerms)
	}
	return a
}

// opened is the account as the books have it, opened now where it is only implied.
func (s *Service) opened(ctx context.Context, call *agent.Call, a *Account) (*Account, error) {
	if a.Revision > 0 {
		return a, nil
	}
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := row(tx.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: a.Principal, AccountID: a.ID}))
		if err == nil { // somebody was first
			a, err = accountOf(r)
			return err
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		fresh := *a
		if err := s.insertAccount(ctx, tx, &fresh, call.Principal); err != nil {
			return err
		}
		a = &fresh
		return nil
	})
	return a, err
}

// insertAccount writes a new account and its event.
func (s *Service) insertAccount(ctx context.Context, tx *store.Tx, a *Account, actor string) error {
	doc, err := json.Marshal(a.Terms)
	if err != nil {
		return err
	}
	now := s.now()
	if err := tx.InsertSellerAccount(ctx, store.InsertSellerAccountParams{
		Tenant: s.tenant, AccountID: a.ID, Principal: a.Principal,
		BrandDomain: a.Key.BrandDomain, BrandID: a.Key.BrandID, Operator: a.Key.Operator, Sandbox: a.Key.Sandbox,
		Status: string(a.Status), Document: string(doc), CreatedAt: store.Micros(now), UpdatedAt: store.Micros(now),
	}); err != nil {
		return fmt.Errorf("account %s: %w", a.ID, err)
	}
	a.Revision, a.CreatedAt = 1, now
	return s.appendAccountEvent(ctx, tx, a, "account.created", actor)
}

// updateAccount writes an account's state and terms over those of revision
// a.Revision, and its event.
func (s *Service) updateAccount(ctx context.Context, tx *store.Tx, a *Account, kind, actor string) error {
	doc, err := json.Marshal(a.Terms)
	if err != nil {
		return err
	}
	if err := one(tx.UpdateSellerAccount(ctx, store.UpdateSellerAccountParams{
		Status: string(a.Status), Document: string(doc), UpdatedAt: store.Micros(s.now()),
		Tenant: s.tenant, AccountID: a.ID, Revision: a.Revision,
	})); err != nil {
		return fmt.Errorf("account %s: %w", a.ID, err)
	}
	a.Revision++
	return s.appendAccountEvent(ctx, tx, a, kind, actor)
}

func (s *Service) appendAccountEvent(ctx context.Context, tx *store.Tx, a *Account, kind, actor string) error {
	doc, err := json.Marshal(map[string]any{"status": a.Status})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: eventID(a.ID, kind, a.Revision), At: s.now(),
		Kind: kind, Subject: a.ID, Actor: actor, Document: doc,
	})
}

// OpenAccount opens an account for a principal ahead of its first call, as an
// onboarding does, or changes the one that its key names. a.ID may name it; it
// follows from the key where empty. A status that is empty is that of the
// principal's relation. The account is returned as the books have it.
func (s *Service) OpenAccount(ctx context.Context, a Account, actor string) (*Account, error) {
	if a.Principal == "" || a.Key.BrandDomain == "" || a.Key.Operator == "" {
		return nil, errors.New("seller: an account needs a principal, a brand and an operator")
	}
	r := s.relation(a.Principal)
	if a.ID == "" {
		a.ID = s.accountID(a.Principal, a.Key)
	}
	if a.Status == "" {
		a.Status = r.NewAccounts
	}
	if a.Terms.Billing == "" {
		a.Terms.Billing = s.suggested(r)
	}
	a.under(r)
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		current, err := row(tx.SellerAccountByKey(ctx, store.SellerAccountByKeyParams{
			Tenant: s.tenant, Principal: a.Principal, BrandDomain: a.Key.BrandDomain, BrandID: a.Key.BrandID,
			Operator: a.Key.Operator, Sandbox: a.Key.Sandbox,
		}))
		if errors.Is(err, errNoRow) {
			return s.insertAccount(ctx, tx, &a, actor)
		}
		if err != nil {
			return err
		}
		a.ID, a.Revision, a.CreatedAt = current.AccountID, current.Revision, store.Time(current.CreatedAt)
		return s.updateAccount(ctx, tx, &a, "account.updated", actor)
	})
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// SetAccountStatus moves an account to a state, as the seller's people do: approve
// a pending one, suspend it, ask for payment, close it. It returns [ErrNoAccount]
// for one that does not exist.
func (s *Service) SetAccountStatus(ctx context.Context, principal, accountID string, status adcp.AccountStatus, actor string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := row(tx.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: principal, AccountID: accountID}))
		if errors.Is(err, errNoRow) {
			return ErrNoAccount
		}
		if err != nil {
			return err
		}
		a, err := accountOf(r)
		if err != nil || a.Status == status {
			return err
		}
		a.Status = status
		return s.updateAccount(ctx, tx, a, "account."+string(status), actor)
	})
}

// ErrNoAccount reports an account that does not exist.
var ErrNoAccount = errors.New("there is no such account")

// blocked is why nothing may be changed on the account, or nil.
func (a *Account) blocked() *adcp.Error {
	field := "account"
	switch a.Status {
	case adcp.AccountStatusActive:
		return nil
	case adcp.AccountStatusPaymentRequired:
		return refusal(adcp.CodeAccountPaymentRequired, field, "The account waits for a payment.").
			WithSuggestion("Have the invoiced party pay what is due; get_account_financials says what that is.")
	case adcp.AccountStatusSuspended:
		return refusal(adcp.CodeAccountSuspended, field, "The account is suspended.").
			WithSuggestion("Have a person speak with the seller.")
	case adcp.AccountStatusPendingApproval:
		return refusal(adcp.CodeAccountSetupRequired, field, "The seller has not approved the account yet.").
			WithSuggestion("Read its status with list_accounts until it is active.")
	case adcp.AccountStatusRejected:
		return refusal(adcp.CodeAccountSetupRequired, field, "The seller has rejected the account.").
			WithSuggestion("Have a person speak with the seller, or use another account.")
	}
	return refusal(adcp.CodeAccountSetupRequired, field, "The account is %s.", a.Status).
		WithSuggestion("Send the account with sync_accounts to open it again.")
}
