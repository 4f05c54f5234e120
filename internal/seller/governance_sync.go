package seller

import (
	"context"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// governancePlace is what a credential is sealed for.
func governancePlace(accountID string) string { return "governance:" + accountID }

// syncGovernance serves sync_governance: each entry names the one agent that watches
// over an account from now on. Entries fail one by one; accounts that are not named
// keep theirs.
func (s *Service) syncGovernance(ctx context.Context, call *agent.Call, req *adcp.SyncGovernanceRequest) (*adcp.SyncGovernanceResponse, error) {
	resp := &adcp.SyncGovernanceResponse{Status: adcp.TaskStatusCompleted, Accounts: []adcp.SyncGovernanceResponseAccount{}}
	for i := range req.Accounts {
		e := &req.Accounts[i]
		w := adcp.SyncGovernanceResponseAccount{Account: e.Account, Status: "synced"}
		problem, err := s.syncGovernanceOf(ctx, call, fmt.Sprintf("accounts[%d]", i), e)
		switch {
		case err != nil:
			return nil, err
		case problem != nil:
			w.Status, w.Errors = "failed", []adcp.Error{*problem}
		default:
			w.GovernanceAgents = []adcp.SyncGovernanceResponseAccountGovernanceAgent{{URL: e.GovernanceAgents[0].URL}}
		}
		resp.Accounts = append(resp.Accounts, w)
	}
	return resp, nil
}

// syncGovernanceOf binds one account, or says why it cannot.
func (s *Service) syncGovernanceOf(ctx context.Context, call *agent.Call, at string, e *adcp.SyncGovernanceRequestAccount) (*adcp.Error, error) {
	a, err := s.account(ctx, s.db.Read(), call.Caller, &e.Account)
	if errors.Is(err, errNoRow) {
		return errAccountNotFound(at + ".account"), nil
	}
	if err == nil {
		a, err = s.opened(ctx, call, a)
	}
	if err != nil {
		return nil, err
	}
	g := e.GovernanceAgents[0]
	at += ".governance_agents[0]"
	if g.Authentication.Schemes[0] != adcp.AuthenticationSchemeBearer {
		return adcp.NewError(adcp.CodeUnsupportedFeature, at+".authentication.schemes[0]", "This seller presents bearer tokens to governance agents.").
			WithSuggestion("Use Bearer."), nil
	}
	if err := s.governance.Agents.CheckURL(g.URL); err != nil {
		return refusal(adcp.CodeValidationError, at+".url", "The governance agent cannot be called: %v.", err), nil
	}
	return nil, s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.PutAccountGovernance(ctx, store.PutAccountGovernanceParams{
			Tenant: s.tenant, AccountID: a.ID, Principal: call.Principal, URL: g.URL, Scheme: string(g.Authentication.Schemes[0]),
			Credentials: s.governance.Secrets.Seal(g.Authentication.Credentials, governancePlace(a.ID)), UpdatedAt: store.Micros(call.Now),
		}); err != nil {
			return fmt.Errorf("governance of %s: %w", a.ID, err)
		}
		return tx.AppendEvent(ctx, store.Event{
			Tenant: s.tenant, ID: eventID(a.ID, "governance."+call.IdempotencyKey, call.Now.UnixMicro()), At: call.Now,
			Kind: "account.governance", Subject: a.ID, Actor: call.Principal,
		})
	})
}

// reference names the account naturally.
func (a *Account) reference() adcp.AccountReference {
	ref := adcp.AccountReference{Brand: new(a.Key.brand()), Operator: new(a.Key.Operator)}
	if a.Key.Sandbox {
		ref.Sandbox = new(true)
	}
	return ref
}
