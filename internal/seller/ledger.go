package seller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
)

// reservation is what a change does to what one package holds of the ledger of
// inventory. While the change is on its way, the package holds enough for either
// outcome.
type reservation struct {
	Package string           `json:"package"`
	Before  []inventory.Line `json:"before,omitzero"`
	After   []inventory.Line `json:"after,omitzero"`
}

// ledger is the seller's book of guaranteed impressions.
func (s *Service) ledger() inventory.Ledger { return inventory.Ledger{Tenant: s.tenant} }

// reserve takes the inventory that the task's media buys need, in the transaction
// that submits the task: from then on nobody else gets it, also while a person
// decides. Where there is not enough it refuses, and nothing has happened. Buying
// a proposal takes what the proposal held.
func (s *Service) reserve(ctx context.Context, tx *store.Tx, t *Task) error {
	shelf := s.shelf()
	s.drafts.empty() // plans of a moment ago did not know of this
	for i := range t.Change.Buys {
		c := &t.Change.Buys[i]
		c.Reserved = nil // of an attempt that lost a race
		if c.Proposal != "" {
			if err := s.takeProposal(ctx, tx, t, c.Proposal); err != nil {
				return err
			}
		}
		before := &MediaBuy{}
		if !c.New && slices.ContainsFunc(c.Buy.Packages, func(p Package) bool { return p.Guaranteed }) {
			var err error
			if before, err = s.mediaBuy(ctx, tx.Queries, c.Buy.ID); err != nil {
				return err
			}
		}
		after, _ := c.outcome(t.Change.Actor, t.CreatedAt)
		for j := range after.Packages {
			p := &after.Packages[j]
			was, _ := before.Package(p.ID)
			r, err := s.reservePackage(ctx, tx, shelf, before, was, after, p, t.CreatedAt)
			if short, ok := errors.AsType[*inventory.Shortage](err); ok {
				product, _ := shelf.bought(p)
				return refuseShortage(short, product, p, c.fieldOf(j))
			}
			if err != nil {
				return err
			}
			if r != nil {
				c.Reserved = append(c.Reserved, *r)
			}
		}
	}
	return nil
}

// reservePackage takes what one package needs, and says what it had and is to
// have; nil where nothing about that changes.
func (s *Service) reservePackage(ctx context.Context, tx *store.Tx, shelf *shelf, before *MediaBuy, was *Package, after *MediaBuy, p *Package, now time.Time) (*reservation, error) {
	product, sold := shelf.bought(p)
	if !p.Guaranteed || !sold {
		return nil, nil // what is no longer sold, nobody else can take
	}
	claim, claims := after.claim(p, product)
	if was != nil {
		if old, had := before.claim(was, product); had == claims && old.Same(claim) {
			return nil, nil
		}
	}
	ledger := s.ledger()
	held, err := ledger.Lines(ctx, tx.Queries, p.ID)
	if err != nil {
		return nil, err
	}
	r := &reservation{Package: p.ID, Before: held}
	if claims {
		if r.After, err = ledger.Plan(ctx, tx.Queries, p.ID, product.capacity(), claim, now); err != nil {
			return nil, err
		}
	}
	return r, ledger.Set(ctx, tx, p.ID, inventory.Cover(r.Before, r.After), time.Time{})
}

// confirmReserved leaves each package what it needs now that the change is true.
func (s *Service) confirmReserved(ctx context.Context, tx *store.Tx, t *Task) error {
	return s.setReserved(ctx, tx, t, func(r reservation) []inventory.Line { return r.After })
}

// undoReserved gives back what a change took that did not come true.
func (s *Service) undoReserved(ctx context.Context, tx *store.Tx, t *Task) error {
	if err := s.setReserved(ctx, tx, t, func(r reservation) []inventory.Line { return r.Before }); err != nil {
		return err
	}
	for _, c := range t.Change.Buys {
		if c.Proposal == "" {
			continue
		}
		if err := s.giveBackProposal(ctx, tx, t, c.Proposal, t.UpdatedAt); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) setReserved(ctx context.Context, tx *store.Tx, t *Task, lines func(reservation) []inventory.Line) error {
	for _, c := range t.Change.Buys {
		for _, r := range c.Reserved {
			if err := s.ledger().Set(ctx, tx, r.Package, lines(r), time.Time{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// releaseReserved gives back all that a media buy holds that has ended.
func (s *Service) releaseReserved(ctx context.Context, tx *store.Tx, b *MediaBuy) error {
	for _, p := range b.Packages {
		if !p.Guaranteed {
			continue
		}
		if err := s.ledger().Set(ctx, tx, p.ID, nil, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// fieldOf is the field of the request that asks for the package's inventory.
func (c BuyChange) fieldOf(index int) string {
	if c.Proposal != "" {
		return "proposal_id"
	}
	if c.New {
		return fmt.Sprintf("packages[%d].product_id", index)
	}
	if i := index - (len(c.Buy.Packages) - c.Added); i >= 0 {
		return fmt.Sprintf("new_packages[%d].product_id", i)
	}
	if i := slices.Index(c.Affected, c.Buy.Packages[index].ID); i >= 0 {
		return fmt.Sprintf("packages[%d]", i)
	}
	return "end_time" // a package that follows the media buy's dates
}

// refuseShortage says what is left. Nothing else is sold in its place.
func refuseShortage(short *inventory.Shortage, product *Product, p *Package, field string) *adcp.Error {
	details := map[string]any{
		"product_id": p.ProductID, "requested_impressions": short.Wanted, "available_impressions": short.Left,
		"start_time": stamp(p.Start), "end_time": stamp(p.End),
	}
	if len(p.Targeting.Countries) > 0 {
		details["countries"] = p.Targeting.Countries
	}
	e := refusal(adcp.CodeProductUnavailable, field, "Product %s has %d impressions left for this flight, not %d.", p.ProductID, short.Left, short.Wanted)
	if left := p.budgetFor(product, short.Left); left > 0 {
		details["available_budget"], details["currency"] = number(left), p.Price.Currency
		return e.WithDetails(details).WithSuggestion("Lower the budget to what is left, or choose other dates, countries or another product.")
	}
	return e.WithDetails(details).WithSuggestion("Choose other dates, countries or another product.")
}
