package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
)

// errProposalNotFound is the one answer for a proposal that does not exist and
// for somebody else's.
func errProposalNotFound(field string) *adcp.Error {
	return refusal(adcp.CodeProposalNotFound, field, "There is no such proposal.").
		WithSuggestion("Send the brief again for proposals, then finalize one with buying_mode refine.")
}

func errProposalExpired(field string, p *Proposal) *adcp.Error {
	return refusal(adcp.CodeProposalExpired, field, "The proposal expired at %s.", stamp(p.ExpiresAt)).
		WithSuggestion("Send the brief again for a proposal of today.").
		WithDetails(map[string]any{"expires_at": stamp(p.ExpiresAt)})
}

// commit makes drafts of the caller committed, all or none: at today's prices,
// with their inventory held until they expire. There is one transaction, and every
// check is made in it.
func (s *Service) commit(ctx context.Context, call *agent.Call, ids, fields []string) ([]*Proposal, error) {
	now := s.now()
	var done []*Proposal
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		done = nil
		drafts := make([]*Proposal, len(ids))
		for i, proposalID := range ids {
			p, err := s.proposal(ctx, tx.Queries, call.Principal, proposalID)
			switch {
			case errors.Is(err, errNoRow):
				return errProposalNotFound(fields[i])
			case err != nil:
				return err
			}
			if problem := p.finalizable(now, fields[i]); problem != nil {
				return problem
			}
			drafts[i] = p
		}
		for i, draft := range drafts {
			p, err := s.commitOne(ctx, tx, draft, fields[i], now)
			if err != nil {
				return err
			}
			done = append(done, p)
		}
		return nil
	})
	s.drafts.empty()
	return done, err
}

// finalizable says why a proposal cannot be committed to.
func (p *Proposal) finalizable(now time.Time, field string) *adcp.Error {
	switch {
	case p.State == ProposalBought:
		return refusal(adcp.CodeInvalidState, field, "The proposal has been bought already.").
			WithSuggestion("Read the media buy with get_media_buys, or send the brief again for another proposal.")
	case p.State == ProposalLapsed, !now.Before(p.ExpiresAt):
		return errProposalExpired(field, p)
	case p.State == ProposalCommitted:
		return refusal(adcp.CodeInvalidState, field, "The proposal is committed already, until %s.", stamp(p.ExpiresAt)).
			WithSuggestion("Buy it with create_media_buy, or read it with action include.").
			WithDetails(map[string]any{"proposal_status": "committed", "expires_at": stamp(p.ExpiresAt)})
	}
	return nil
}

// commitOne writes one commitment down and holds its inventory.
func (s *Service) commitOne(ctx context.Context, tx *store.Tx, draft *Proposal, field string, now time.Time) (*Proposal, error) {
	p, err := s.firm(draft, field, now)
	if err != nil {
		return nil, err
	}
	p.ExpiresAt = now.Add(s.holdFor).Truncate(time.Second)
	if p.End.Before(p.ExpiresAt) {
		p.ExpiresAt = p.End
	}
	if short, at, err := s.holdInventory(ctx, tx, p, now); err != nil {
		return nil, err
	} else if short != nil {
		a := &p.Allocations[at]
		return nil, refuseShortage(short, a.Product, p.packageOf(a, p.budgets(p.Budget)[at]), field).
			WithSuggestion("Send the brief again: plans of today go by what is left.")
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if err := one(tx.CommitProposal(ctx, store.CommitProposalParams{
		Commitment: string(doc), ExpiresAt: store.Micros(p.ExpiresAt), UpdatedAt: store.Micros(now),
		Tenant: s.tenant, ProposalID: p.ID, Revision: draft.Revision,
	})); err != nil {
		return nil, fmt.Errorf("commit proposal %s: %w", p.ID, err)
	}
	p.State, p.Revision = ProposalCommitted, draft.Revision+1
	return p, s.appendProposalEvent(ctx, tx, p, p.Principal, now)
}

// firm is the draft at the prices and for the flight that the seller stands by
// from now on. What can no longer be had at all is refused.
func (s *Service) firm(draft *Proposal, field string, now time.Time) (*Proposal, error) {
	p := *draft
	p.Allocations = make([]Allocation, len(draft.Allocations))
	shelf := s.shelf()
	for i, a := range draft.Allocations {
		product, ok := shelf.offered(draft.Principal, a.Product.ID)
		if !ok {
			return nil, refusal(adcp.CodeProductUnavailable, field, "Product %s of the proposal is no longer sold.", a.Product.ID).
				WithSuggestion("Refine the proposal without it, or send the brief again.")
		}
		price, ok := product.PricingOption(a.Price.ID)
		if !ok || price.Currency != p.Currency || price.Auction != a.Price.Auction || price.Model != a.Price.Model {
			return nil, refusal(adcp.CodeProductUnavailable, field, "Product %s is no longer sold by the price %s.", product.ID, a.Price.ID).
				WithSuggestion("Send the brief again for a proposal at today's prices.")
		}
		a.Product, a.Price, a.Bid = product, *price, max(a.Bid, price.Floor)
		if !price.Auction {
			a.Bid = 0
		}
		if earliest := now.Add(product.LeadTime); p.Start.Before(earliest) {
			p.Start = micro(earliest)
		}
		p.Allocations[i] = a
	}
	if !p.End.After(p.Start) {
		return nil, errProposalExpired(field, &p)
	}
	for i, budget := range p.budgets(p.Budget) {
		a := &p.Allocations[i]
		pkg := p.packageOf(a, budget)
		if least := pkg.leastBudget(); budget < least {
			return nil, refusal(adcp.CodeBudgetTooLow, field, "Product %s now takes at least %s.", a.Product.ID, money.Amount{Micros: least, Currency: p.Currency}).
				WithSuggestion("Send the brief again for a proposal at today's terms.").
				WithDetails(map[string]any{"minimum_budget": number(least), "currency": p.Currency})
		}
		a.Impressions = pkg.claim(a.Product).Impressions
	}
	return &p, nil
}

// holder names in the ledger what one allocation of a proposal holds.
func (p *Proposal) holder(allocation int) string { return fmt.Sprintf("%s/%d", p.ID, allocation) }

// holdInventory reserves what a committed proposal promises, until it expires.
// Where an allocation's product has not enough left, it says which and reserves
// nothing more; the transaction is then to be given up, or the hold released.
func (s *Service) holdInventory(ctx context.Context, tx *store.Tx, p *Proposal, now time.Time) (*inventory.Shortage, int, error) {
	for i, budget := range p.budgets(p.Budget) {
		a := &p.Allocations[i]
		if !a.Product.Guaranteed {
			continue
		}
		product := a.Product
		if today, sold := s.shelf().offered(p.Principal, product.ID); sold {
			product = today
		}
		lines, err := s.ledger().Plan(ctx, tx.Queries, p.holder(i), product.capacity(), p.packageOf(a, budget).claim(a.Product), now)
		if short, ok := errors.AsType[*inventory.Shortage](err); ok {
			return short, i, nil
		}
		if err == nil {
			err = s.ledger().Set(ctx, tx, p.holder(i), lines, p.ExpiresAt)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, nil
}

// releaseHold gives back all that a proposal holds.
func (s *Service) releaseHold(ctx context.Context, tx *store.Tx, p *Proposal) error {
	for i := range p.Allocations {
		if err := s.ledger().Set(ctx, tx, p.holder(i), nil, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// lapseDue writes down which holds have run out. They count for nothing from
// their expiry on, also before this has looked.
func (s *Service) lapseDue(ctx context.Context, now time.Time) error {
	rows, err := s.db.Read().ProposalsLapsing(ctx, store.ProposalsLapsingParams{Tenant: s.tenant, ExpiresAt: store.Micros(now)})
	if err != nil {
		return fmt.Errorf("proposals that lapse: %w", err)
	}
	var errs []error
	for _, r := range rows {
		errs = append(errs, s.db.Tx(ctx, func(tx *store.Tx) error {
			p, err := s.proposal(ctx, tx.Queries, r.Principal, r.ProposalID)
			if err != nil || p.State != ProposalCommitted || now.Before(p.ExpiresAt) {
				return err
			}
			if err := s.releaseHold(ctx, tx, p); err != nil {
				return err
			}
			return s.moveProposal(ctx, tx, p, ProposalLapsed, "", "clock", now)
		}))
	}
	return errors.Join(errs...)
}
