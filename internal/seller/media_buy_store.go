package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// errNoRow reports that the books hold no such thing.
var errNoRow = errors.New("not in the seller's books")

// errRaced reports that somebody else changed the row first.
var errRaced = errors.New("changed by somebody else meanwhile")

// row turns the database's "no rows" into [errNoRow].
func row[T any](r T, err error) (T, error) {
	if errors.Is(err, store.ErrNoRow) {
		return r, errNoRow
	}
	return r, err
}

// one turns "no row changed" into [errRaced].
func one(n int64, err error) error {
	if err == nil && n != 1 {
		return errRaced
	}
	return err
}

// mediaBuy reads a media buy with its packages, whoever owns it.
func (s *Service) mediaBuy(ctx context.Context, q *store.Queries, id string) (*MediaBuy, error) {
	r, err := row(q.MediaBuy(ctx, store.MediaBuyParams{Tenant: s.tenant, MediaBuyID: id}))
	if err != nil {
		return nil, fmt.Errorf("media buy: %w", err)
	}
	return s.assemble(ctx, q, r)
}

// assemble reads what belongs to a media buy's row.
func (s *Service) assemble(ctx context.Context, q *store.Queries, r store.MediaBuy) (*MediaBuy, error) {
	b := new(MediaBuy)
	if err := json.Unmarshal([]byte(r.Document), b); err != nil {
		return nil, fmt.Errorf("media buy %s: %w", r.MediaBuyID, err)
	}
	b.ID, b.Principal, b.AccountID = r.MediaBuyID, r.Principal, r.AccountID
	b.State, b.Currency = State(r.Status), money.Currency(r.Currency)
	b.PendingTask, b.Revision = r.PendingTask, r.Revision
	b.CreatedAt, b.UpdatedAt = store.Time(r.CreatedAt), store.Time(r.UpdatedAt)
	packages, err := q.MediaBuyPackages(ctx, store.MediaBuyPackagesParams{Tenant: s.tenant, MediaBuyID: b.ID})
	if err != nil {
		return nil, fmt.Errorf("packages of %s: %w", b.ID, err)
	}
	for _, pr := range packages {
		var p Package
		if err := json.Unmarshal([]byte(pr.Document), &p); err != nil {
			return nil, fmt.Errorf("package %s: %w", pr.PackageID, err)
		}
		p.ID, p.ProductID, p.Budget = pr.PackageID, pr.ProductID, money.Micros(pr.Budget)
		p.Start, p.End = store.Time(pr.StartAt), store.Time(pr.EndAt)
		p.Paused, p.Canceled = pr.Paused, pr.Canceled
		b.Packages = append(b.Packages, p)
	}
	assignments, err := q.CreativeAssignmentsOfMediaBuy(ctx, store.CreativeAssignmentsOfMediaBuyParams{Tenant: s.tenant, MediaBuyID: b.ID})
	if err != nil {
		return nil, fmt.Errorf("assignments of %s: %w", b.ID, err)
	}
	for _, ar := range assignments {
		if p, ok := b.Package(ar.PackageID); ok {
			p.Creatives = append(p.Creatives, assignmentOf(ar))
		}
	}
	return b, nil
}

func assignmentOf(r store.CreativeAssignment) Assignment {
	a := Assignment{
		CreativeID: r.CreativeID, Approved: r.Approved,
		Approval: adcp.CreativeApprovalStatus(r.Approval), Reason: r.Reason,
		AssignedAt: store.Time(r.AssignedAt), ReleasedAt: store.Time(r.ReleasedAt),
	}
	if r.Weight >= 0 {
		a.Weight = new(r.Weight)
	}
	return a
}

// saveMediaBuy writes the buy as it is to be: a new one with revision 1, or a
// change of the one that b.PendingTask holds, whose revision rises by one. It sets
// b's revision and lets the pending task go.
func (s *Service) saveMediaBuy(ctx context.Context, tx *store.Tx, b *MediaBuy, isNew bool) error {
	start, end := b.Flight()
	doc, err := json.Marshal(func() MediaBuy { c := *b; c.Packages, c.PendingTask = nil, ""; return c }())
	if err != nil {
		return err
	}
	if isNew {
		err = tx.InsertMediaBuy(ctx, store.InsertMediaBuyParams{
			Tenant: s.tenant, MediaBuyID: b.ID, Principal: b.Principal, AccountID: b.AccountID,
			Status: string(b.State), Currency: string(b.Currency),
			StartAt: store.Micros(start), EndAt: store.Micros(end), Document: string(doc),
			Revision: b.Revision, CreatedAt: store.Micros(b.CreatedAt), UpdatedAt: store.Micros(b.UpdatedAt),
		})
	} else {
		err = one(tx.UpdateMediaBuy(ctx, store.UpdateMediaBuyParams{
			Status: string(b.State), StartAt: store.Micros(start), EndAt: store.Micros(end),
			Document: string(doc), UpdatedAt: store.Micros(b.UpdatedAt),
			Tenant: s.tenant, MediaBuyID: b.ID, Revision: b.Revision, PendingTask: b.PendingTask,
		}))
		b.Revision++
	}
	if err != nil {
		return fmt.Errorf("save media buy %s: %w", b.ID, err)
	}
	b.PendingTask = ""
	if err := tx.DeleteCreativeAssignments(ctx, store.DeleteCreativeAssignmentsParams{Tenant: s.tenant, MediaBuyID: b.ID}); err != nil {
		return fmt.Errorf("save assignments of %s: %w", b.ID, err)
	}
	for i := range b.Packages {
		if err := s.savePackage(ctx, tx, b, i); err != nil {
			return fmt.Errorf("save package %s: %w", b.Packages[i].ID, err)
		}
	}
	return nil
}

func (s *Service) savePackage(ctx context.Context, tx *store.Tx, b *MediaBuy, i int) error {
	p := b.Packages[i]
	assignments := p.Creatives
	p.Creatives = nil
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := one(tx.SaveMediaBuyPackage(ctx, store.SaveMediaBuyPackageParams{
		Tenant: s.tenant, PackageID: p.ID, MediaBuyID: b.ID, Position: int64(i),
		ProductID: p.ProductID, PricingOptionID: p.Price.ID, Budget: int64(p.Budget), Currency: string(b.Currency),
		StartAt: store.Micros(p.Start), EndAt: store.Micros(p.End),
		Paused: p.Paused, Canceled: p.Canceled, Document: string(doc),
	})); err != nil {
		return err
	}
	for position, a := range assignments {
		weight := int64(-1)
		if a.Weight != nil {
			weight = *a.Weight
		}
		if err := tx.InsertCreativeAssignment(ctx, store.InsertCreativeAssignmentParams{
			Tenant: s.tenant, PackageID: p.ID, CreativeID: a.CreativeID, MediaBuyID: b.ID, AccountID: b.AccountID,
			Position: int64(position), Weight: weight, Approved: a.Approved,
			Approval: string(a.Approval), Reason: a.Reason,
			AssignedAt: store.Micros(a.AssignedAt), ReleasedAt: store.Micros(a.ReleasedAt),
		}); err != nil {
			return err
		}
	}
	return nil
}

// HistoryEntry is one change of a media buy, for get_media_buys.
type HistoryEntry struct {
	Actor, Action, PackageID, Summary string
}

// saveHistory adds what happened at the buy's present revision.
func (s *Service) saveHistory(ctx context.Context, tx *store.Tx, b *MediaBuy, entries []HistoryEntry) error {
	for i, e := range entries {
		if err := tx.InsertMediaBuyHistory(ctx, store.InsertMediaBuyHistoryParams{
			Tenant: s.tenant, MediaBuyID: b.ID, Revision: b.Revision, Position: int64(i), At: store.Micros(b.UpdatedAt),
			Actor: e.Actor, Action: e.Action, PackageID: e.PackageID, Summary: e.Summary,
		}); err != nil {
			return fmt.Errorf("history of %s: %w", b.ID, err)
		}
	}
	return nil
}

// appendMediaBuyEvent says in the event log what became of the buy.
func (s *Service) appendMediaBuyEvent(ctx context.Context, tx *store.Tx, b *MediaBuy, kind, flow, actor string, entries []HistoryEntry) error {
	actions := make([]string, 0, len(entries))
	for _, e := range entries {
		if !slices.Contains(actions, e.Action) {
			actions = append(actions, e.Action)
		}
	}
	doc, err := json.Marshal(map[string]any{
		"media_buy_status": b.State, "revision": b.Revision, "actions": actions,
		"total_budget": b.Budget().Format(b.Currency), "currency": b.Currency,
	})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: eventID(b.ID, kind, b.Revision), At: b.UpdatedAt,
		Kind: kind, Subject: b.ID, FlowID: flow, Actor: actor, Document: doc,
	})
}
