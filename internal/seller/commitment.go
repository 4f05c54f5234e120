package seller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Kinds of entries in an account's ledger of commitments. What is outstanding is
// the sum of all: committed adds a budget, released takes back what came to
// nothing, paid takes off what the invoiced party has settled.
const (
	entryCommitted = "committed"
	entryReleased  = "released"
	entryPaid      = "paid"
)

// commitChange enters what a change of a media buy commits the account to, in the
// transaction that accepts it, and refuses what goes beyond the account's limits.
// Two orders can never both have the last of a limit.
func (s *Service) commitChange(ctx context.Context, tx *store.Tx, t *Task, c BuyChange) error {
	if c.Buy.Currency == "" || t.AccountID == "" {
		return nil
	}
	before, err := tx.MediaBuyCommitted(ctx, store.MediaBuyCommittedParams{Tenant: s.tenant, MediaBuyID: c.Buy.ID})
	if err != nil {
		return fmt.Errorf("commitments of %s: %w", c.Buy.ID, err)
	}
	more := c.Buy.Budget() - money.Micros(before)
	if more <= 0 || !c.New && c.Buy.State.Terminal() {
		return nil // what is less, or ends, is taken back once the ad server holds it
	}
	if err := s.withinLimits(ctx, tx, c.Buy, more, t.CreatedAt); err != nil {
		return err
	}
	return s.enter(ctx, tx, c.Buy, entryCommitted, more, t.ID, t.CreatedAt)
}

// withinLimits refuses more than the account's credit or its daily ceiling leaves.
func (s *Service) withinLimits(ctx context.Context, tx *store.Tx, b *MediaBuy, more money.Micros, now time.Time) error {
	r := s.relation(b.Principal)
	currency := string(b.Currency)
	for _, limit := range []struct {
		what  string
		most  money.Amount
		spent func() (int64, error)
	}{
		{"credit limit", r.CreditLimit, func() (int64, error) {
			return tx.AccountOutstanding(ctx, store.AccountOutstandingParams{Tenant: s.tenant, AccountID: b.AccountID, Currency: currency})
		}},
		{"daily ceiling", r.DailyCeiling, func() (int64, error) {
			return tx.AccountCommittedSince(ctx, store.AccountCommittedSinceParams{
				Tenant: s.tenant, AccountID: b.AccountID, Currency: currency, FromAt: store.Micros(now.UTC().Truncate(24 * time.Hour)),
			})
		}},
	} {
		if limit.most.Micros == 0 {
			continue
		}
		if limit.most.Currency != b.Currency {
			return refusal(adcp.CodeValidationError, "packages", "The account's %s is in %s, and the media buy in %s.", limit.what, limit.most.Currency, currency).
				WithSuggestion("Choose prices in " + string(limit.most.Currency) + ".")
		}
		spent, err := limit.spent()
		if err != nil {
			return fmt.Errorf("%s of %s: %w", limit.what, b.AccountID, err)
		}
		if left := limit.most.Micros - money.Micros(spent); more > left {
			left = max(left, 0)
			return refusal(adcp.CodeBudgetExceeded, "packages", "The order commits %s %s more, and the account's %s leaves %s %s.",
				more.Format(b.Currency), currency, limit.what, left.Format(b.Currency), currency).
				WithSuggestion("Order for less, wait until commitments have run off, or have a person speak with the seller.").
				WithDetails(map[string]any{"limit": limit.what, "available": number(left), "currency": currency})
		}
	}
	return nil
}

// enter writes one entry. The same cause enters the same thing once.
func (s *Service) enter(ctx context.Context, tx *store.Tx, b *MediaBuy, kind string, amount money.Micros, cause string, at time.Time) error {
	if amount == 0 {
		return nil
	}
	_, err := tx.InsertAccountCommitment(ctx, store.InsertAccountCommitmentParams{
		Tenant: s.tenant, AccountID: b.AccountID, EntryID: id.Derive("entry", b.AccountID, b.ID, kind, cause), MediaBuyID: b.ID,
		Kind: kind, Amount: int64(amount), Currency: string(b.Currency), At: store.Micros(at),
	})
	if err != nil {
		return fmt.Errorf("commitment of %s: %w", b.ID, err)
	}
	return nil
}

// settleCommitment takes back what a media buy has committed beyond owes, once that
// is known for certain.
func (s *Service) settleCommitment(ctx context.Context, tx *store.Tx, b *MediaBuy, owes money.Micros, cause string, at time.Time) error {
	before, err := tx.MediaBuyCommitted(ctx, store.MediaBuyCommittedParams{Tenant: s.tenant, MediaBuyID: b.ID})
	if err != nil {
		return fmt.Errorf("commitments of %s: %w", b.ID, err)
	}
	return s.enter(ctx, tx, b, entryReleased, min(0, owes-money.Micros(before)), cause, at)
}

// abandonCommitment takes back what a task that came to nothing had entered.
func (s *Service) abandonCommitment(ctx context.Context, tx *store.Tx, t *Task) error {
	for _, c := range t.Change.Buys {
		owes := money.Micros(0)
		if !c.New {
			b, err := s.mediaBuy(ctx, tx.Queries, c.Buy.ID)
			if errors.Is(err, errNoRow) {
				continue
			}
			if err != nil {
				return err
			}
			owes = b.Budget()
		}
		if err := s.settleCommitment(ctx, tx, c.Buy, owes, "undone "+t.ID, t.UpdatedAt); err != nil {
			return err
		}
	}
	return nil
}

// owed is what a media buy costs at most from here on: its budget, or where it is
// over what it has spent.
func (b *MediaBuy) owed(spent money.Micros) money.Micros {
	if b.State.Terminal() {
		return spent
	}
	return b.Budget()
}

// spentOn reads what a media buy has spent by the ad server's reports.
func (s *Service) spentOn(ctx context.Context, mediaBuyID string) (money.Micros, error) {
	rows, err := s.delivered(ctx, adserver.DeliveryQuery{OrderID: mediaBuyID, Step: adserver.StepWhole})
	if err != nil {
		return 0, err
	}
	return adserver.Sum(rows).Spend, nil
}
