package seller

import (
	"context"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// ReviewCreative moves a creative that is on no package, as a decision of the
// seller's own does.
func (s *Service) ReviewCreative(ctx context.Context, accountID, creativeID string, to adcp.CreativeStatus, note string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := tx.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: accountID, CreativeID: creativeID})
		if err != nil {
			return err
		}
		c, err := creativeOf(r)
		if err != nil {
			return err
		}
		c.Status, c.UpdatedAt = to, s.now()
		t := &Task{
			ID: id.Derive("task", creativeID, fmt.Sprint(r.Revision)), Type: "review_creative", AccountID: accountID,
			Status: adcp.TaskStatusWorking, DecidedBy: "jo", DecidedAt: c.UpdatedAt, CreatedAt: c.UpdatedAt, Revision: 1,
			Change: Change{Actor: "jo", Library: []*Creative{c}, Note: note},
		}
		if err := s.submit(ctx, tx, t); err != nil {
			return err
		}
		return s.completeIn(ctx, tx, t)
	})
}
