package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// proposal reads a principal's proposal. Somebody else's is no row, like one that
// does not exist.
func (s *Service) proposal(ctx context.Context, q *store.Queries, principal, proposalID string) (*Proposal, error) {
	r, err := row(q.Proposal(ctx, store.ProposalParams{Tenant: s.tenant, Principal: principal, ProposalID: proposalID}))
	if err != nil {
		return nil, fmt.Errorf("proposal: %w", err)
	}
	doc := r.Document
	if r.Commitment != "" {
		doc = r.Commitment
	}
	p := new(Proposal)
	if err := json.Unmarshal([]byte(doc), p); err != nil {
		return nil, fmt.Errorf("proposal %s: %w", proposalID, err)
	}
	p.ID, p.Principal, p.State, p.TaskID = r.ProposalID, r.Principal, ProposalState(r.Status), r.TaskID
	p.ExpiresAt, p.Revision = store.Time(r.ExpiresAt), r.Revision
	return p, nil
}

// maxTwins bounds how many plans that say the same are told apart by number.
const maxTwins = 1000

// saveDraft keeps a plan and names it. A plan that says the same as an earlier one
// that is still a draft is that one; once the earlier one was taken further, the
// new one is a plan of its own.
func (s *Service) saveDraft(ctx context.Context, tx *store.Tx, p *Proposal, now time.Time) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	name, err := digest(p, p.ExpiresAt)
	if err != nil {
		return err
	}
	for twin := range maxTwins {
		p.ID = id.Derive("prop", s.tenant, p.Principal, name, fmt.Sprint(twin))
		known, err := s.proposal(ctx, tx.Queries, p.Principal, p.ID)
		if err == nil && known.State == ProposalDraft {
			p.State, p.Revision = known.State, known.Revision
			return nil
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		p.State, p.Revision = ProposalDraft, 1
		return one(tx.InsertProposal(ctx, store.InsertProposalParams{
			Tenant: s.tenant, ProposalID: p.ID, Principal: p.Principal,
			ExpiresAt: store.Micros(p.ExpiresAt), Document: string(doc), CreatedAt: store.Micros(now),
		}))
	}
	return fmt.Errorf("proposal: %d plans that say the same", maxTwins)
}

// moveProposal takes a proposal to another state, where the table of moves has
// that, and says so in the event log.
func (s *Service) moveProposal(ctx context.Context, tx *store.Tx, p *Proposal, to ProposalState, taskID, actor string, now time.Time) error {
	if !slices.Contains(proposalMoves[p.State], to) {
		return fmt.Errorf("proposal %s: %s cannot become %s", p.ID, p.State, to)
	}
	params := store.MoveProposalParams{
		Status: string(to), TaskID: taskID, UpdatedAt: store.Micros(now),
		Tenant: s.tenant, ProposalID: p.ID, Revision: p.Revision,
	}
	if err := one(tx.MoveProposal(ctx, params)); err != nil {
		return fmt.Errorf("proposal %s: %w", p.ID, err)
	}
	p.State, p.TaskID = to, taskID
	p.Revision++
	return s.appendProposalEvent(ctx, tx, p, actor, now)
}

func (s *Service) appendProposalEvent(ctx context.Context, tx *store.Tx, p *Proposal, actor string, now time.Time) error {
	products := make([]string, len(p.Allocations))
	for i, a := range p.Allocations {
		products[i] = a.Product.ID
	}
	doc, err := json.Marshal(map[string]any{
		"budget": p.Budget.Format(p.Currency), "currency": p.Currency, "products": products, "expires_at": p.ExpiresAt,
	})
	if err != nil {
		return err
	}
	kind := "proposal." + string(p.State)
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: eventID(p.ID, kind, p.Revision), At: now, Kind: kind, Subject: p.ID, FlowID: p.TaskID, Actor: actor, Document: doc,
	})
}
