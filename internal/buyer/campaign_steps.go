package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Open hands a brief in and gives its campaign. The campaign is named by the
// tenant, the brief and the key: the same three find the campaign that is there,
// in whatever state it has reached; another key makes another campaign of the
// same brief.
func (s *Service) Open(ctx context.Context, b brief.Brief, key string) (Campaign, error) {
	document, err := json.Marshal(b)
	if err != nil {
		return Campaign{}, fmt.Errorf("open a campaign: %w", err)
	}
	intent := IntentOf(b)
	if err := intent.check(); err != nil {
		return Campaign{}, err
	}
	read, err := json.Marshal(intent)
	if err != nil {
		return Campaign{}, fmt.Errorf("open a campaign: %w", err)
	}
	campaignID := id.Derive("camp", s.tenant, b.Digest(), key)
	now := store.Micros(s.clock.Now())
	var r record
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.InsertCampaign(ctx, store.InsertCampaignParams{
			Tenant: s.tenant, CampaignID: campaignID, CampaignKey: key, Name: b.Name, Advertiser: b.Advertiser,
			State: string(StateBriefed), Reason: "", Brief: string(document), Intent: string(read), BriefDigest: b.Digest(),
			Budget: int64(b.Budget.Micros), Currency: string(b.Budget.Currency),
			StartAt: store.Micros(intent.Start), EndAt: store.Micros(intent.End), CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			return fmt.Errorf("open campaign %s: %w", campaignID, err)
		}
		if r, err = s.load(ctx, tx.Queries, campaignID); err != nil || n == 0 {
			return err
		}
		return s.history(ctx, tx, &r, "", StateBriefed, ActorSystem, "a brief was handed in")
	})
	if err != nil {
		return Campaign{}, err
	}
	return r.campaign(), nil
}

// check refuses an intent that could not be planned whatever sellers offer.
func (in Intent) check() error {
	if in.Budget.Micros <= 0 {
		return errors.New("budget: must be more than zero")
	}
	if _, err := money.ParseCurrency(string(in.Budget.Currency)); err != nil {
		return fmt.Errorf("currency: %w", err)
	}
	if !in.End.After(in.Start) {
		return errors.New("end_date: must not be before start_date")
	}
	return nil
}

// Campaign finds a campaign.
func (s *Service) Campaign(ctx context.Context, campaignID string) (Campaign, error) {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return Campaign{}, err
	}
	return r.campaign(), nil
}

// Campaigns lists the tenant's campaigns, oldest first.
func (s *Service) Campaigns(ctx context.Context) ([]Campaign, error) {
	rows, err := s.db.Read().Campaigns(ctx, s.tenant)
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	campaigns := make([]Campaign, len(rows))
	for i, row := range rows {
		campaigns[i] = record{BuyerCampaign: row}.campaign()
	}
	return campaigns, nil
}

// Plan asks all sellers side by side, splits the budget and puts the plan before
// a person: the campaign is awaiting approval afterwards. Where no seller can
// serve the brief it fails, and the error is a [*NoSellerError]. A campaign that
// has a plan keeps it.
func (s *Service) Plan(ctx context.Context, campaignID string) (Plan, error) {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return Plan{}, err
	}
	if State(r.State) == StateBriefed {
		if err := s.plan(ctx, &r); err != nil && !errors.Is(err, ErrNoSeller) {
			return Plan{}, err
		}
	}
	if State(r.State) == StatePlanned {
		if err := s.step(ctx, "planned"); err != nil {
			return Plan{}, err
		}
		if err := s.change(ctx, &r, StateAwaitingApproval, ActorSystem, "the plan waits for a person"); err != nil {
			return Plan{}, err
		}
	}
	p, err := r.plan()
	if err != nil {
		return Plan{}, err
	}
	if p == nil {
		return Plan{}, fmt.Errorf("%w: campaign %s is %s and has no plan", ErrState, campaignID, r.State)
	}
	if len(p.Lines) == 0 {
		return *p, &NoSellerError{LeftOut: p.LeftOut, Rejected: p.Rejected}
	}
	return *p, nil
}

func (s *Service) plan(ctx context.Context, r *record) error {
	f, err := s.discover(ctx, r.intent)
	if err != nil {
		return err
	}
	if err := s.step(ctx, "sellers have answered"); err != nil {
		return err
	}
	p, lines, planErr := makePlan(r.intent, r.CampaignID, f, s.clock.Now())
	document, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("plan of campaign %s: %w", r.CampaignID, err)
	}
	before := *r
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		*r = before
		return s.keepPlan(ctx, tx, r, string(document), lines, planErr)
	})
	if err != nil {
		return err
	}
	r.Plan, r.PlanDigest = string(document), digest(document)
	return planErr
}

// keepPlan stores a plan, its lines and the money they mean to spend; or, where
// planErr says that there is none, why.
func (s *Service) keepPlan(ctx context.Context, tx *store.Tx, r *record, document string, lines []planned, planErr error) error {
	var total money.Micros
	for _, l := range lines {
		total += l.budget
	}
	to, reason := StatePlanned, fmt.Sprintf("%d lines for %s", len(lines), money.Amount{Micros: total, Currency: r.currency()})
	if planErr != nil {
		to, reason = StateFailed, planErr.Error()
	}
	if err := s.transit(ctx, tx, r, to, ActorSystem, reason); err != nil {
		return err
	}
	if _, err := tx.SetCampaignPlan(ctx, store.SetCampaignPlanParams{
		Plan: document, PlanDigest: digest([]byte(document)), Tenant: s.tenant, CampaignID: r.CampaignID,
	}); err != nil {
		return fmt.Errorf("keep the plan of campaign %s: %w", r.CampaignID, err)
	}
	book, err := s.ledger(ctx, tx, r)
	if err != nil {
		return err
	}
	for i, l := range lines {
		terms, err := json.Marshal(terms{Formats: l.Formats})
		if err != nil {
			return fmt.Errorf("line %s: %w", l.line.ID, err)
		}
		if err := tx.InsertPlanLine(ctx, store.InsertPlanLineParams{
			Tenant: s.tenant, LineID: l.line.ID, CampaignID: r.CampaignID, Position: int64(i), Seller: l.line.Seller,
			ProductID: l.line.ProductID, PricingOptionID: l.line.PricingOptionID, Budget: int64(l.budget), Currency: r.Currency,
			Price: int64(l.Fixed), Bid: int64(l.bid), Document: string(terms),
		}); err != nil {
			return fmt.Errorf("line %s: %w", l.line.ID, err)
		}
		if err := book.move(ctx, l.line.ID, "", Planned, l.budget, ActorSystem, "planned"); err != nil {
			return err
		}
	}
	return nil
}

// terms is what booking a line needs besides the stored columns.
type terms struct {
	Formats []FormatID `json:"formats,omitempty"`
}

// change moves a campaign in a transaction of its own.
func (s *Service) change(ctx context.Context, r *record, to State, actor, reason string) error {
	before := *r
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		*r = before
		return s.transit(ctx, tx, r, to, actor, reason)
	})
}

// Approve signs a plan: from then on up to the limit may be spent on it. It is
// refused where the limit does not cover the plan or exceeds the budget, and for
// a campaign that does not wait for it. Signing the same again changes nothing.
func (s *Service) Approve(ctx context.Context, campaignID string, a Approval) error {
	if a.Actor == "" {
		return errors.New("approve: actor: say who signs, such as human:ana")
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := s.load(ctx, tx.Queries, campaignID)
		if err != nil {
			return err
		}
		limit := a.Limit.Micros
		if State(r.State) != StateAwaitingApproval {
			if r.Authority > 0 && r.ApprovedBy == a.Actor && money.Micros(r.Authority) == limit && r.currency() == a.Limit.Currency {
				return nil
			}
			return fmt.Errorf("%w: campaign %s is %s, not %s", ErrState, campaignID, r.State, StateAwaitingApproval)
		}
		book, err := s.ledger(ctx, tx, &r)
		if err != nil {
			return err
		}
		plan := money.Amount{Micros: book.totals[Planned], Currency: r.currency()}
		budget := money.Amount{Micros: money.Micros(r.Budget), Currency: r.currency()}
		switch {
		case a.Limit.Currency != r.currency():
			return fmt.Errorf("%w: the limit is in %q, the plan in %s", ErrAuthority, a.Limit.Currency, r.Currency)
		case limit < plan.Micros:
			return fmt.Errorf("%w: the limit of %s does not cover the plan of %s", ErrAuthority, a.Limit, plan)
		case limit > budget.Micros:
			return fmt.Errorf("%w: the limit of %s is more than the brief's budget of %s", ErrAuthority, a.Limit, budget)
		}
		reason := a.Reason
		if reason == "" {
			reason = fmt.Sprintf("may spend up to %s", a.Limit)
		}
		if err := s.transit(ctx, tx, &r, StateApproved, a.Actor, reason); err != nil {
			return err
		}
		if _, err := tx.SetCampaignAuthority(ctx, store.SetCampaignAuthorityParams{
			Authority: int64(limit), ApprovedBy: a.Actor, ApprovedAt: store.Micros(s.clock.Now()), Approval: a.Reason,
			Tenant: s.tenant, CampaignID: campaignID,
		}); err != nil {
			return fmt.Errorf("approve campaign %s: %w", campaignID, err)
		}
		return book.move(ctx, "", "", Authorised, limit, a.Actor, "plan "+r.PlanDigest)
	})
}

// Reject refuses a plan. Nothing was spent and nothing will be.
func (s *Service) Reject(ctx context.Context, campaignID, actor, reason string) error {
	return s.endBefore(ctx, campaignID, StateRejected, actor, reason)
}

// Cancel calls off a campaign that has not begun to book. One that has is ended
// at its sellers, media buy by media buy.
func (s *Service) Cancel(ctx context.Context, campaignID, actor, reason string) error {
	return s.endBefore(ctx, campaignID, StateCanceled, actor, reason)
}

func (s *Service) endBefore(ctx context.Context, campaignID string, to State, actor, reason string) error {
	if actor == "" || reason == "" {
		return fmt.Errorf("%s a campaign: say who and why", to)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := s.load(ctx, tx.Queries, campaignID)
		if err != nil || State(r.State) == to {
			return err
		}
		return s.transit(ctx, tx, &r, to, actor, reason)
	})
}

// Resume does the next step of a campaign, whatever its state: plans, books,
// follows. It does nothing for one that waits for a person or has ended. Calling
// it with the clock's progress until the state is terminal runs a campaign.
func (s *Service) Resume(ctx context.Context, campaignID string) (Campaign, error) {
	c, err := s.Campaign(ctx, campaignID)
	if err != nil {
		return Campaign{}, err
	}
	switch c.State {
	case StateBriefed, StatePlanned:
		_, err = s.Plan(ctx, campaignID)
	case StateApproved:
		err = s.Book(ctx, campaignID)
	case StateBooking:
		if err = s.Book(ctx, campaignID); err == nil {
			err = s.Follow(ctx, campaignID)
		}
	case StateLive:
		err = s.Follow(ctx, campaignID)
	}
	if err != nil {
		return c, err
	}
	return s.Campaign(ctx, campaignID)
}
