package seller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// deal is a committed proposal that an order takes up. A nil deal is an order at
// the rate card.
type deal struct{ *Proposal }

// deal finds the proposal that the request names and makes its packages: all of
// the plan by total_budget, or the request's own packages as parts of it. The
// request is not changed; the one to go on with is returned.
func (s *Service) deal(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*deal, *adcp.CreateMediaBuyRequest, error) {
	if req.ProposalID == nil {
		return nil, req, nil
	}
	p, err := s.proposal(ctx, s.db.Read(), call.Principal, *req.ProposalID)
	switch {
	case errors.Is(err, errNoRow):
		return nil, nil, errProposalNotFound("proposal_id")
	case err != nil:
		return nil, nil, err
	}
	if problem := p.buyable(micro(call.Now)); problem != nil {
		return nil, nil, problem
	}
	d := &deal{p}
	c := new(checks)
	c.ioAcceptance(p, req.IOAcceptance)
	copied := *req
	total, ok := d.total(c, req.TotalBudget, len(req.Packages) == 0)
	if ok && len(req.Packages) == 0 {
		copied.Packages = d.packages(total)
	} else if ok {
		copied.Packages = d.parts(c, req.Packages)
	}
	return d, &copied, c.err()
}

// buyable says why a proposal cannot be bought.
func (p *Proposal) buyable(now time.Time) *adcp.Error {
	const field = "proposal_id"
	switch {
	case p.State == ProposalBought:
		return refusal(adcp.CodeInvalidState, field, "The proposal has been bought already.").
			WithSuggestion("Follow the order with get_media_buys or get_task_status, or send the brief again for another proposal.").
			WithDetails(map[string]any{"task_id": p.TaskID})
	case p.State == ProposalLapsed, !now.Before(p.ExpiresAt):
		return errProposalExpired(field, p)
	case p.State == ProposalDraft:
		return refusal(adcp.CodeProposalNotCommitted, field, "The proposal is a draft: its prices are indicative and nothing is held.").
			WithSuggestion("Finalize it first: get_products with buying_mode refine, scope proposal and action finalize.")
	}
	return nil
}

// ioAcceptance checks the buyer's acceptance of the insertion order.
func (c *checks) ioAcceptance(p *Proposal, accepted *adcp.CreateMediaBuyRequestIOAcceptance) {
	switch {
	case accepted == nil && p.reserves():
		c.refuse(refusal(adcp.CodeIORequired, "io_acceptance", "The proposal's insertion order must be accepted.").
			WithSuggestion("Review insertion_order of the proposal and send io_acceptance with its io_id.").
			WithDetails(map[string]any{"io_id": p.ioID()}))
	case accepted != nil && accepted.IOID != p.ioID():
		c.refuse(refusal(adcp.CodeValidationError, "io_acceptance.io_id", "The proposal's insertion order is another one.").
			WithSuggestion("Send the io_id of the proposal's insertion_order.").
			WithDetails(map[string]any{"io_id": p.ioID()}))
	}
}

// total checks how much of the proposal is to be bought: as much as it commits
// to, or a part, which for the whole plan must be enough for every allocation.
func (d *deal) total(c *checks, total *adcp.CreateMediaBuyRequestTotalBudget, whole bool) (money.Micros, bool) {
	if total == nil {
		c.add(adcp.CodeInvalidRequest, "total_budget", "A proposal is bought with a total_budget.")
		return 0, false
	}
	if total.Currency != string(d.Currency) {
		c.refuse(refusal(adcp.CodeValidationError, "total_budget.currency", "The proposal is in %s.", d.Currency).
			WithSuggestion("Send the total in the proposal's currency."))
		return 0, false
	}
	amount, ok := c.amount("total_budget.amount", total.Amount)
	if ok && amount > d.Budget {
		c.refuse(refusal(adcp.CodeBudgetExceeded, "total_budget.amount", "The proposal commits to %s, not to %s.",
			money.Amount{Micros: d.Budget, Currency: d.Currency}, money.Amount{Micros: amount, Currency: d.Currency}).
			WithSuggestion("Buy up to that amount, or ask for a larger plan with filters.budget_range.").
			WithDetails(map[string]any{"maximum_budget": number(d.Budget), "currency": d.Currency}))
		return 0, false
	}
	if least := d.leastTotal(); ok && whole && amount < least {
		c.refuse(refusal(adcp.CodeBudgetTooLow, "total_budget.amount", "The plan takes at least %s: each of its products has a minimum.", money.Amount{Micros: least, Currency: d.Currency}).
			WithSuggestion("Raise the total, or send packages to buy only some of the plan's products.").
			WithDetails(map[string]any{"minimum_budget": number(least), "currency": d.Currency}))
		return 0, false
	}
	return amount, ok
}

// packages are the plan's allocations with their parts of the total.
func (d *deal) packages(total money.Micros) []adcp.PackageRequest {
	list := make([]adcp.PackageRequest, len(d.Allocations))
	for i, budget := range d.budgets(total) {
		a := &d.Allocations[i]
		list[i] = adcp.PackageRequest{
			ProductID: a.Product.ID, PricingOptionID: a.Price.ID, Budget: number(budget),
			TargetingOverlay: d.overlay(a.Product),
		}
		if a.Price.Auction {
			list[i].BidPrice = new(number(a.Bid))
		}
	}
	return list
}

// parts are the request's own packages: allocations that the buyer takes, each
// with no more than the plan commits to, at the agreed price.
func (d *deal) parts(c *checks, packages []adcp.PackageRequest) []adcp.PackageRequest {
	out := make([]adcp.PackageRequest, len(packages))
	taken := make([]money.Micros, len(d.Allocations))
	held := d.budgets(d.Budget)
	for i, p := range packages {
		at := fmt.Sprintf("packages[%d]", i)
		out[i] = p
		n := d.allocationOf(p.ProductID, p.PricingOptionID)
		if n < 0 {
			c.refuse(refusal(adcp.CodeValidationError, at+".product_id", "The proposal does not hold product %s at the price %s.", p.ProductID, p.PricingOptionID).
				WithSuggestion("Choose among the proposal's allocations, or leave packages out to buy the whole plan."))
			continue
		}
		a := &d.Allocations[n]
		if amount, ok := c.amount(at+".budget", p.Budget); ok {
			if taken[n] += amount; taken[n] > held[n] {
				c.refuse(refusal(adcp.CodeBudgetExceeded, at+".budget", "The proposal commits to %s for this product.", money.Amount{Micros: held[n], Currency: d.Currency}).
					WithSuggestion("Lower the package's budget to what is committed to.").
					WithDetails(map[string]any{"maximum_budget": number(held[n]), "currency": d.Currency}))
			}
		}
		if p.BidPrice == nil && a.Price.Auction {
			out[i].BidPrice = new(number(a.Bid))
		}
		if p.TargetingOverlay == nil {
			out[i].TargetingOverlay = d.overlay(a.Product)
		}
	}
	return out
}

func (d *deal) allocationOf(productID, priceID string) int {
	for i, a := range d.Allocations {
		if a.Product.ID == productID && a.Price.ID == priceID {
			return i
		}
	}
	return -1
}

// overlay keeps a product to the plan's countries.
func (d *deal) overlay(product *Product) *adcp.TargetingOverlay {
	countries := d.countriesOf(product)
	if len(countries) == 0 {
		return nil
	}
	return &adcp.TargetingOverlay{GeoCountries: countries}
}

// offered finds what the buyer may order: in a deal the product as it was
// committed to, with the agreed prices only.
func (d *deal) offered(f *shelf, principal, productID string) (*Product, bool) {
	if d == nil {
		return f.offered(principal, productID)
	}
	var agreed *Product
	for _, a := range d.Allocations {
		switch {
		case a.Product.ID != productID:
		case agreed == nil:
			copied := *a.Product
			copied.Pricing = []PricingOption{a.Price}
			agreed = &copied
		default:
			agreed.Pricing = append(agreed.Pricing, a.Price)
		}
	}
	return agreed, agreed != nil
}

// takeProposal has the order take up the proposal and what it holds, in the
// order's own transaction, which then reserves what the packages need.
func (s *Service) takeProposal(ctx context.Context, tx *store.Tx, t *Task, proposalID string) error {
	p, err := s.proposal(ctx, tx.Queries, t.Principal, proposalID)
	switch {
	case errors.Is(err, errNoRow):
		return errProposalNotFound("proposal_id")
	case err != nil:
		return err
	}
	if problem := p.buyable(t.CreatedAt); problem != nil {
		return problem
	}
	if err := s.releaseHold(ctx, tx, p); err != nil {
		return err
	}
	return s.moveProposal(ctx, tx, p, ProposalBought, t.ID, t.Change.Actor, t.CreatedAt)
}

// giveBackProposal puts a proposal back whose order came to nothing: its hold
// stands again while it lasts, as far as what it held is still there.
func (s *Service) giveBackProposal(ctx context.Context, tx *store.Tx, t *Task, proposalID string, now time.Time) error {
	p, err := s.proposal(ctx, tx.Queries, t.Principal, proposalID)
	if err != nil || p.State != ProposalBought || p.TaskID != t.ID {
		return err
	}
	to := ProposalLapsed
	if now.Before(p.ExpiresAt) {
		short, _, err := s.holdInventory(ctx, tx, p, now)
		if err != nil {
			return err
		}
		if short == nil {
			to = ProposalCommitted
		} else if err := s.releaseHold(ctx, tx, p); err != nil {
			return err
		}
	}
	return s.moveProposal(ctx, tx, p, to, "", t.Change.Actor, now)
}
