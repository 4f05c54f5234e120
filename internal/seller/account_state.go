package seller

import (
	"context"
	"errors"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
)

// accountMoves is the protocol's table of an account's states: what a seller's
// people may make of one. A state with no moves is terminal.
var accountMoves = map[adcp.AccountStatus][]adcp.AccountStatus{
	adcp.AccountStatusPendingApproval: {adcp.AccountStatusActive, adcp.AccountStatusRejected},
	adcp.AccountStatusActive:          {adcp.AccountStatusPaymentRequired, adcp.AccountStatusSuspended, adcp.AccountStatusClosed},
	adcp.AccountStatusPaymentRequired: {adcp.AccountStatusActive},
	adcp.AccountStatusSuspended:       {adcp.AccountStatusActive, adcp.AccountStatusClosed},
	adcp.AccountStatusRejected:        {},
	adcp.AccountStatusClosed:          {},
}

// MoveAccount moves an account of the principal's to a state that its present one
// leads to, and returns that one. Staying is no move. It refuses with
// ACCOUNT_NOT_FOUND, or with INVALID_STATE and the details' current_state.
func (s *Service) MoveAccount(ctx context.Context, principal, accountID string, to adcp.AccountStatus, actor string) (from adcp.AccountStatus, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := row(tx.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: principal, AccountID: accountID}))
		if errors.Is(err, errNoRow) {
			return errAccountNotFound("account_id")
		}
		if err != nil {
			return err
		}
		a, err := accountOf(r)
		if err != nil {
			return err
		}
		if from = a.Status; from == to {
			return nil
		}
		if !slices.Contains(accountMoves[from], to) {
			return errNoMove("account", string(from), string(to))
		}
		a.Status = to
		return s.updateAccount(ctx, tx, a, "account."+string(to), actor)
	})
	return from, err
}

// errNoMove refuses a move that a table of states does not have.
func errNoMove(what, from, to string) *adcp.Error {
	return adcp.NewError(adcp.CodeInvalidState, "status", "The "+what+" is "+from+", which does not lead to "+to+".").
		WithSuggestion("Choose a state that follows from " + from + ".").
		WithDetails(map[string]any{"current_state": from})
}
