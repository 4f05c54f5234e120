package seller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// creativeMoves is the protocol's table of what the seller may make of a creative
// in the library. What only its buyer does, to unarchive and to submit again, goes
// through sync_creatives.
var creativeMoves = map[adcp.CreativeStatus][]adcp.CreativeStatus{
	adcp.CreativeStatusProcessing:    {adcp.CreativeStatusPendingReview, adcp.CreativeStatusRejected},
	adcp.CreativeStatusPendingReview: {adcp.CreativeStatusApproved, adcp.CreativeStatusRejected},
	adcp.CreativeStatusApproved:      {adcp.CreativeStatusSuspended, adcp.CreativeStatusPendingReview, adcp.CreativeStatusRejected, adcp.CreativeStatusArchived},
	adcp.CreativeStatusSuspended:     {adcp.CreativeStatusApproved, adcp.CreativeStatusRejected},
	adcp.CreativeStatusRejected:      {},
	adcp.CreativeStatusArchived:      {},
}

// taskReview is the seller's own task of making a decision on a creative true at
// the ad server. No principal owns it, so no buyer sees it.
const taskReview = "review_creative"

// CreativeDecision is what the seller decides on a creative in the library.
type CreativeDecision struct {
	Principal string
	// AccountID says in whose library it is; the principal's accounts are looked
	// through where empty. Without a principal it is any account of the tenant.
	AccountID, CreativeID string
	Status                adcp.CreativeStatus
	// Reason says why, to the buyer, and Code in the protocol's words; what the
	// transition usually means where it is empty.
	Reason string
	Code   adcp.CreativeEventReasonCode
	// Actor decides; Person says that it is a colleague.
	Actor  string
	Person bool
}

// MoveCreative moves a creative to a state that its present one leads to, and
// returns that one. Once it returns, the ad server serves the creative where it is
// assigned, or no longer does. Staying is no move. It refuses with
// CREATIVE_NOT_FOUND, with INVALID_STATE and the details' current_state, and with
// CONFLICT while a change of a media buy that holds the creative is on its way.
func (s *Service) MoveCreative(ctx context.Context, d CreativeDecision) (from adcp.CreativeStatus, err error) {
	var taskID string
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		taskID = ""
		c, err := s.decidedOn(ctx, tx.Queries, d)
		if err != nil {
			return err
		}
		if from = c.Status; from == d.Status {
			return nil
		}
		if !slices.Contains(creativeMoves[from], d.Status) {
			return errNoMove("creative", string(from), string(d.Status))
		}
		next := *c
		next.Status, next.UpdatedAt = d.Status, s.now()
		next.Review = Review{From: from, At: next.UpdatedAt, By: d.Actor, Person: d.Person, Code: cmp.Or(d.Code, creativeReasons[from][d.Status]), Reason: d.Reason}
		t := &Task{
			ID: id.Derive("task", s.tenant, taskReview, c.AccountID, c.ID, fmt.Sprint(c.Revision)), Type: taskReview, AccountID: c.AccountID,
			Status: adcp.TaskStatusWorking, DecidedBy: d.Actor, DecidedAt: next.UpdatedAt, CreatedAt: next.UpdatedAt, Revision: 1,
			Change: Change{Actor: d.Actor, Library: []*Creative{&next}, Note: d.Reason},
		}
		if t.Change.Buys, err = s.reassess(ctx, tx.Queries, &next, d); err != nil {
			return err
		}
		if err := s.submit(ctx, tx, t); err != nil {
			return err
		}
		if len(t.Change.Buys) == 0 {
			return s.completeIn(ctx, tx, t)
		}
		taskID = t.ID
		return nil
	})
	if err != nil || taskID == "" {
		return from, err
	}
	return from, s.carried(ctx, taskID)
}

// decidedOn finds the creative.
func (s *Service) decidedOn(ctx context.Context, q *store.Queries, d CreativeDecision) (*Creative, error) {
	if d.Principal == "" {
		r, err := row(q.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: d.AccountID, CreativeID: d.CreativeID}))
		if errors.Is(err, errNoRow) {
			return nil, errCreativeNotFound()
		}
		if err != nil {
			return nil, fmt.Errorf("creative: %w", err)
		}
		return creativeOf(r)
	}
	accounts, err := q.SellerAccounts(ctx, store.SellerAccountsParams{Tenant: s.tenant, Principal: d.Principal})
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	for _, a := range accounts {
		if d.AccountID != "" && a.AccountID != d.AccountID {
			continue
		}
		r, err := row(q.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: a.AccountID, CreativeID: d.CreativeID}))
		if errors.Is(err, errNoRow) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("creative: %w", err)
		}
		return creativeOf(r)
	}
	return nil, errCreativeNotFound()
}

// reassess is what the creative's new state means for the media buys that hold it:
// only what is approved serves.
func (s *Service) reassess(ctx context.Context, q *store.Queries, c *Creative, d CreativeDecision) ([]BuyChange, error) {
	rows, err := q.CreativeAssignmentsOfAccount(ctx, store.CreativeAssignmentsOfAccountParams{Tenant: s.tenant, AccountID: c.AccountID})
	if err != nil {
		return nil, fmt.Errorf("assignments of %s: %w", c.AccountID, err)
	}
	held := map[string]*MediaBuy{}
	done := map[string][]HistoryEntry{}
	for _, r := range rows {
		if r.CreativeID != c.ID || r.ReleasedAt != 0 {
			continue
		}
		b := held[r.MediaBuyID]
		if b == nil {
			if b, err = s.mediaBuy(ctx, q, r.MediaBuyID); err != nil {
				return nil, err
			}
			if b.PendingTask != "" {
				return nil, errPending(b)
			}
			held[b.ID] = b
		}
		p, ok := b.Package(r.PackageID)
		if !ok {
			continue
		}
		for i := range p.Creatives {
			if p.Creatives[i].CreativeID == c.ID && p.Creatives[i].ReleasedAt.IsZero() {
				p.Creatives[i].review(c)
			}
		}
		done[b.ID] = append(done[b.ID], HistoryEntry{Actor: d.Actor, Action: "creative_" + string(c.Status), PackageID: p.ID, Summary: d.Reason})
	}
	var changes []BuyChange
	for _, buy := range slices.Sorted(maps.Keys(held)) {
		changes = append(changes, BuyChange{Buy: held[buy], Done: done[buy]})
	}
	return changes, nil
}

// carried waits until a task of the seller's own has reached the ad server.
func (s *Service) carried(ctx context.Context, taskID string) error {
	t, err := s.await(ctx, taskID)
	switch {
	case err != nil:
		return err
	case t.Error != nil:
		return t.Error
	case t.Status != adcp.TaskStatusCompleted:
		return adcp.NewError(adcp.CodeServiceUnavailable, "", "The ad server has not confirmed the change yet.").WithRetryAfter(1)
	}
	return nil
}
