package buyer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// record is a campaign as it is stored.
type record struct {
	store.BuyerCampaign
	intent Intent
}

func (r record) currency() money.Currency { return money.Currency(r.Currency) }

func (r record) campaign() Campaign {
	return Campaign{
		ID: r.CampaignID, Key: r.CampaignKey, Name: r.Name, Advertiser: r.Advertiser, State: State(r.State), Reason: r.Reason,
		Budget: money.Amount{Micros: money.Micros(r.Budget), Currency: r.currency()},
		Start:  store.Time(r.StartAt), End: store.Time(r.EndAt), Revision: r.Revision,
		CreatedAt: store.Time(r.CreatedAt), UpdatedAt: store.Time(r.UpdatedAt),
	}
}

// plan is the stored plan, nil where there is none yet.
func (r record) plan() (*Plan, error) {
	if r.Plan == "" {
		return nil, nil
	}
	p := new(Plan)
	if err := json.Unmarshal([]byte(r.Plan), p); err != nil {
		return nil, fmt.Errorf("campaign %s: the stored plan: %w", r.CampaignID, err)
	}
	return p, nil
}

// load reads a campaign with the queries of a transaction or of the store.
func (s *Service) load(ctx context.Context, q *store.Queries, campaignID string) (record, error) {
	row, err := q.Campaign(ctx, store.CampaignParams{Tenant: s.tenant, CampaignID: campaignID})
	if errors.Is(err, store.ErrNoRow) {
		return record{}, fmt.Errorf("%w: %s", ErrNotFound, campaignID)
	}
	if err != nil {
		return record{}, fmt.Errorf("campaign %s: %w", campaignID, err)
	}
	r := record{BuyerCampaign: row}
	if err := json.Unmarshal([]byte(row.Intent), &r.intent); err != nil {
		return record{}, fmt.Errorf("campaign %s: the stored intent: %w", campaignID, err)
	}
	return r, nil
}

// transit moves a campaign to its next state, in the transaction of what brings
// it about: the state, the history and the event commit together. It is the only
// writer of states, and refuses what the state table does not allow.
func (s *Service) transit(ctx context.Context, tx *store.Tx, r *record, to State, actor, reason string) error {
	from := State(r.State)
	if !from.CanBecome(to) {
		return fmt.Errorf("%w: campaign %s is %s and cannot become %s", ErrState, r.CampaignID, from, to)
	}
	now := store.Micros(s.clock.Now())
	n, err := tx.MoveCampaign(ctx, store.MoveCampaignParams{
		State: string(to), Reason: reason, UpdatedAt: now, Tenant: s.tenant, CampaignID: r.CampaignID, Revision: r.Revision,
	})
	if err != nil {
		return fmt.Errorf("move campaign %s to %s: %w", r.CampaignID, to, err)
	}
	if n != 1 {
		return fmt.Errorf("%w: %s", ErrConflict, r.CampaignID)
	}
	r.State, r.Reason, r.UpdatedAt = string(to), reason, now
	r.Revision++
	return s.history(ctx, tx, r, from, to, actor, reason)
}

// touch claims the campaign's row for the transaction without moving it, so that
// two transactions that spend its money cannot both have seen the same balance.
func (s *Service) touch(ctx context.Context, tx *store.Tx, r *record) error {
	now := store.Micros(s.clock.Now())
	n, err := tx.TouchCampaign(ctx, store.TouchCampaignParams{UpdatedAt: now, Tenant: s.tenant, CampaignID: r.CampaignID, Revision: r.Revision})
	if err != nil {
		return fmt.Errorf("claim campaign %s: %w", r.CampaignID, err)
	}
	if n != 1 {
		return fmt.Errorf("%w: %s", ErrConflict, r.CampaignID)
	}
	r.UpdatedAt = now
	r.Revision++
	return nil
}

func (s *Service) history(ctx context.Context, tx *store.Tx, r *record, from, to State, actor, reason string) error {
	err := tx.InsertCampaignTransition(ctx, store.InsertCampaignTransitionParams{
		Tenant: s.tenant, CampaignID: r.CampaignID, Position: r.Revision, FromState: string(from), ToState: string(to),
		At: store.Micros(s.clock.Now()), Actor: actor, Reason: reason,
	})
	if err != nil {
		return fmt.Errorf("record the change of campaign %s: %w", r.CampaignID, err)
	}
	return s.event(ctx, tx, "campaign."+string(to), r.CampaignID, r.CampaignID, actor,
		map[string]any{"from": string(from), "to": string(to), "reason": reason, "revision": r.Revision})
}

// event appends a fact of a campaign to the log, named by what caused it, so
// that a step that is run again does not tell it twice.
func (s *Service) event(ctx context.Context, tx *store.Tx, kind, subject, campaignID, actor string, facts map[string]any) error {
	document, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("event %s: %w", kind, err)
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: id.Derive("ev", campaignID, subject, kind, string(document)), At: s.clock.Now(), Kind: kind,
		Subject: subject, CampaignID: campaignID, FlowID: campaignID, Actor: actor, Document: document,
	})
}

// digest names a document by its content.
func digest(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}
