package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/store"
)

// Ledger is one seller's book of lines. All its methods work in the caller's
// transaction, which is serializable: what a plan was made against is still true
// when the lines that follow from it commit.
type Ledger struct{ Tenant string }

// Plan is [Plan] against what everybody but the owner holds at the instant now.
func (l Ledger) Plan(ctx context.Context, q *store.Queries, owner string, capacity Capacity, claim Claim, now time.Time) ([]Line, error) {
	others, own, err := l.taken(ctx, q, owner, claim, now)
	if err != nil {
		return nil, err
	}
	return Plan(capacity, claim, others, own, DayOf(now))
}

// Left is [Left] against what everybody holds at the instant now.
func (l Ledger) Left(ctx context.Context, q *store.Queries, capacity Capacity, claim Claim, now time.Time) (int64, error) {
	others, _, err := l.taken(ctx, q, "", claim, now)
	if err != nil {
		return 0, err
	}
	return Left(capacity, claim, others, nil, DayOf(now)), nil
}

// LeftIn is [Ledger.Left] by country; "" is a product whose supply is not told
// apart.
func (l Ledger) LeftIn(ctx context.Context, q *store.Queries, capacity Capacity, claim Claim, now time.Time) (map[string]int64, error) {
	others, _, err := l.taken(ctx, q, "", claim, now)
	if err != nil {
		return nil, err
	}
	left := map[string]int64{}
	cells := capacity.cells(claim)
	for i, n := range capacity.left(cells, claim, others, nil, DayOf(now)) {
		left[cells[i].Country] = n
	}
	return left, nil
}

// taken reads the lines of the claim's product that touch its flight from today on.
func (l Ledger) taken(ctx context.Context, q *store.Queries, owner string, claim Claim, now time.Time) (others, own []Line, err error) {
	first, last := claim.days()
	rows, err := q.InventoryLinesOfProduct(ctx, store.InventoryLinesOfProductParams{
		Tenant: l.Tenant, ProductID: claim.Product,
		FromDay: int64(max(first, DayOf(now))), ThroughDay: int64(last), At: store.Micros(now),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("inventory of %s: %w", claim.Product, err)
	}
	for _, r := range rows {
		if r.Owner == owner {
			own = append(own, lineOf(r))
		} else {
			others = append(others, lineOf(r))
		}
	}
	return others, own, nil
}

// Lines are what the owner holds, expired or not.
func (l Ledger) Lines(ctx context.Context, q *store.Queries, owner string) ([]Line, error) {
	rows, err := q.InventoryLinesOfOwner(ctx, store.InventoryLinesOfOwnerParams{Tenant: l.Tenant, Owner: owner})
	if err != nil {
		return nil, fmt.Errorf("inventory of %s: %w", owner, err)
	}
	lines := make([]Line, len(rows))
	for i, r := range rows {
		lines[i] = lineOf(r)
	}
	return lines, nil
}

// Set makes the lines what the owner holds, in place of what it held: none
// releases everything. They count until they expire; the zero time is never.
// Set does not look at the capacity: the lines come from [Ledger.Plan] in the same
// transaction, or were the owner's before.
func (l Ledger) Set(ctx context.Context, tx *store.Tx, owner string, lines []Line, expires time.Time) error {
	if err := tx.DeleteInventoryLines(ctx, store.DeleteInventoryLinesParams{Tenant: l.Tenant, Owner: owner}); err != nil {
		return fmt.Errorf("release inventory of %s: %w", owner, err)
	}
	for i, line := range lines {
		if err := tx.InsertInventoryLine(ctx, store.InsertInventoryLineParams{
			Tenant: l.Tenant, Owner: owner, Position: int64(i), ProductID: line.Product, Country: line.Country,
			FirstDay: int64(line.First), LastDay: int64(line.Last), PerDay: line.PerDay, ExpiresAt: store.Micros(expires),
		}); err != nil {
			return fmt.Errorf("reserve inventory for %s: %w", owner, err)
		}
	}
	return nil
}

func lineOf(r store.InventoryLine) Line {
	return Line{Product: r.ProductID, Country: r.Country, First: Day(r.FirstDay), Last: Day(r.LastDay), PerDay: r.PerDay}
}
