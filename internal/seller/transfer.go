package seller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
)

// UnlistedProduct is what a package runs on at the ad server that was agreed
// elsewhere and names no product.
const UnlistedProduct = "unlisted"

// AddCreative puts a creative into an account's library as it is, without review:
// one that was reviewed elsewhere. Its format_id, without an agent_url, is one of
// the seller's own. It refuses with CONFLICT where the library has one of that
// identifier.
func (s *Service) AddCreative(ctx context.Context, principal string, c Creative, actor string) error {
	if f := c.Asset.FormatID; f != nil {
		f.AgentURL = cmp.Or(f.AgentURL, s.agentURL)
	}
	c.Asset.CreativeID, c.Asset.Name = c.ID, cmp.Or(c.Asset.Name, c.ID)
	c.CreatedAt, c.UpdatedAt = s.now(), s.now()
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := row(tx.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: principal, AccountID: c.AccountID})); err != nil {
			if errors.Is(err, errNoRow) {
				return errAccountNotFound("account")
			}
			return err
		}
		_, err := row(tx.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: c.AccountID, CreativeID: c.ID}))
		if err == nil {
			return refusal(adcp.CodeConflict, "creative_id", "The library has a creative %s already.", c.ID)
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		return s.saveCreative(ctx, tx, &c, actor, "")
	})
}

// Offered finds a product that the principal may buy, by its identifier.
func (s *Service) Offered(principal, id string) (*Product, bool) {
	return s.shelf().offered(principal, id)
}

// AddMediaBuy takes over a media buy as it stands, which was agreed elsewhere. Once
// it returns, the ad server holds it, unless it is over. It refuses with
// ACCOUNT_NOT_FOUND, and with CONFLICT where there is a media buy, or a package, of
// that identifier.
func (s *Service) AddMediaBuy(ctx context.Context, b *MediaBuy, actor string) error {
	b = b.Clone()
	b.CreatedAt, b.UpdatedAt, b.Revision = s.now(), s.now(), max(b.Revision, 1)
	a, err := row(s.db.Read().SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: b.Principal, AccountID: b.AccountID}))
	switch {
	case errors.Is(err, errNoRow):
		return errAccountNotFound("account")
	case err != nil:
		return err
	case !slices.Contains([]State{StatePendingCreatives, StatePendingStart, StateActive, StatePaused, StateCompleted, StateRejected, StateCanceled}, b.State):
		return refusal(adcp.CodeValidationError, "status", "There is no status %q of a media buy.", b.State)
	case len(b.Packages) == 0:
		return refusal(adcp.CodeValidationError, "packages", "A media buy needs at least one package.")
	}
	b.Advertiser, b.Held = a.BrandDomain, b.State == StatePaused
	if err := s.notTaken(ctx, b); err != nil {
		return err
	}
	if !b.State.Terminal() {
		if err := s.push(ctx, b.Order()); err != nil {
			return fmt.Errorf("media buy %s: %w", b.ID, err)
		}
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		fresh := b.Clone()
		return s.saveChange(ctx, tx, fresh, true, "media_buy.taken_over", "", actor,
			[]HistoryEntry{{Actor: actor, Action: "created", Summary: fresh.summary()}})
	})
}

func (s *Service) notTaken(ctx context.Context, b *MediaBuy) error {
	q := s.db.Read()
	_, err := row(q.MediaBuy(ctx, store.MediaBuyParams{Tenant: s.tenant, MediaBuyID: b.ID}))
	if err == nil {
		return refusal(adcp.CodeConflict, "media_buy_id", "There is a media buy %s already.", b.ID)
	}
	for i := range b.Packages {
		if !errors.Is(err, errNoRow) {
			return err
		}
		if _, err = row(q.MediaBuyPackage(ctx, store.MediaBuyPackageParams{Tenant: s.tenant, PackageID: b.Packages[i].ID})); err == nil {
			return refusal(adcp.CodeConflict, fmt.Sprintf("packages[%d].package_id", i), "There is a package %s already.", b.Packages[i].ID)
		}
	}
	if !errors.Is(err, errNoRow) {
		return err
	}
	return nil
}

// MediaBuyOf reads a media buy of the principal's. It refuses with
// MEDIA_BUY_NOT_FOUND.
func (s *Service) MediaBuyOf(ctx context.Context, principal, id string) (*MediaBuy, error) {
	b, err := s.mediaBuy(ctx, s.db.Read(), id)
	if errors.Is(err, errNoRow) || err == nil && b.Principal != principal {
		return nil, refusal(adcp.CodeMediaBuyNotFound, "media_buy_id", "There is no such media buy.")
	}
	return b, err
}

// AccountsOf reads the accounts of a principal, by identifier and in order.
func (s *Service) AccountsOf(ctx context.Context, principal string) ([]*Account, error) {
	rows, err := s.db.Read().SellerAccounts(ctx, store.SellerAccountsParams{Tenant: s.tenant, Principal: principal})
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	list := make([]*Account, len(rows))
	for i, r := range rows {
		if list[i], err = accountOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}
