package builtin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Report writes down delivery that this ad server has not made itself, as if the
// line item had made it within the present hour: beside what it has reported of
// that hour before, and instead of what it would still deliver in it. Approved
// creatives share it by their weights. It returns the sum of all that the line item
// has delivered, and [adserver.ErrNotFound] where it holds no such line item.
func (s *AdServer) Report(ctx context.Context, lineItemID string, m adserver.Metrics) (adserver.Metrics, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	var sum adserver.Metrics
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := tx.AdserverLineItem(ctx, store.AdserverLineItemParams{Tenant: s.tenant, LineItemID: lineItemID})
		if err != nil {
			return err
		}
		order, err := tx.AdserverOrder(ctx, store.AdserverOrderParams{Tenant: s.tenant, OrderID: row.OrderID})
		if err != nil {
			return err
		}
		li, err := parseLineItem(row.Document)
		if err != nil {
			return err
		}
		hour := s.clock.Now().UTC().Truncate(time.Hour)
		already, err := tx.AdserverDelivery(ctx, store.AdserverDeliveryParams{
			Tenant: s.tenant, LineItemID: lineItemID, FromHour: store.Micros(hour), ToHour: store.Micros(hour.Add(time.Hour)),
		})
		if err != nil {
			return err
		}
		d := adserver.HourlyDelivery{LineItemID: lineItemID, Hour: hour, Currency: money.Currency(order.Currency), Metrics: m}
		var change []adserver.HourlyDelivery
		for _, a := range already {
			before, err := deliveryOf(a)
			if err != nil {
				return err
			}
			d.Metrics = d.Plus(before.Metrics)
			change = append(change, takenBack(before))
		}
		d.Creatives = rotate(d.Metrics, approved(li), 0)
		// The line item comes first, as when hours are run.
		sum = totalOf(row).Plus(m)
		next := later(store.Time(row.Watermark), hour.Add(time.Hour))
		state := &lineItem{
			LineItem: li, total: sum, watermark: next, forgone: money.Micros(row.Forgone),
			deliveredUntil: later(store.Time(row.DeliveredUntil), hour.Add(time.Hour)),
		}
		if err := advance(ctx, tx, s.tenant, state, row.Revision); err != nil {
			return err
		}
		if err := putDelivery(ctx, tx, s.tenant, d); err != nil {
			return err
		}
		return addDays(ctx, tx, s.tenant, append(change, d))
	})
	if errors.Is(err, store.ErrNoRow) {
		return sum, fmt.Errorf("%w: line item %q", adserver.ErrNotFound, lineItemID)
	}
	return sum, unavailable(ctx, err)
}

// approved are the creatives that serve, by identifier.
func approved(li adserver.LineItem) []adserver.CreativeWeight {
	list := slices.DeleteFunc(slices.Clone(li.Creatives), func(c adserver.CreativeWeight) bool { return !c.Approved })
	slices.SortFunc(list, func(a, b adserver.CreativeWeight) int { return strings.Compare(a.CreativeID, b.CreativeID) })
	return list
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
