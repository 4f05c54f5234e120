package builtin

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Delivery implements [adserver.Adapter]. It reports the hours that
// [AdServer.Deliver] has run. Days and wholes come from days that were added up when
// they were delivered; only what lies outside of whole days is added up hour by hour.
func (s *AdServer) Delivery(ctx context.Context, q adserver.DeliveryQuery) ([]adserver.HourlyDelivery, error) {
	order, err := s.order(ctx, q.OrderID)
	if err != nil {
		return nil, err
	}
	r := reading{AdServer: s, DeliveryQuery: q, currency: money.Currency(order.Currency)}
	if q.Step == adserver.StepHour {
		err = r.hours(ctx, q.From, q.To)
	} else {
		err = r.sums(ctx)
	}
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	if len(q.LineItemIDs) > 0 {
		r.rows = slices.DeleteFunc(r.rows, func(d adserver.HourlyDelivery) bool { return !slices.Contains(q.LineItemIDs, d.LineItemID) })
	}
	if q.Step != adserver.StepHour {
		return adserver.Fold(r.rows, q.Step), nil
	}
	slices.SortStableFunc(r.rows, func(a, b adserver.HourlyDelivery) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.LineItemID, b.LineItemID))
	})
	return r.rows, nil
}

// reading is one query on its way.
type reading struct {
	*AdServer
	adserver.DeliveryQuery
	currency money.Currency
	rows     []adserver.HourlyDelivery
}

const aDay = 24 * time.Hour

// sums reads whole days, and the hours before the first and after the last of them.
func (r *reading) sums(ctx context.Context) error {
	first, last := r.From.UTC(), r.To.UTC()
	if !r.From.IsZero() {
		if first = first.Truncate(aDay); first.Before(r.From) {
			first = first.Add(aDay)
		}
	}
	if !r.To.IsZero() {
		last = last.Truncate(aDay)
	}
	if !r.From.IsZero() && !r.To.IsZero() && !first.Before(last) {
		return r.hours(ctx, r.From, r.To)
	}
	if first.After(r.From) {
		if err := r.hours(ctx, r.From, first); err != nil {
			return err
		}
	}
	if last.Before(r.To) {
		if err := r.hours(ctx, last, r.To); err != nil {
			return err
		}
	}
	from, to := bounds(first, last)
	if r.Step == adserver.StepDay {
		days, err := r.db.Read().AdserverDeliveryDays(ctx, store.AdserverDeliveryDaysParams{Tenant: r.tenant, OrderID: r.OrderID, FromDay: from, ToDay: to})
		for _, d := range days {
			r.put(d)
		}
		return err
	}
	totals, err := r.db.Read().AdserverDeliveryTotals(ctx, store.AdserverDeliveryTotalsParams{Tenant: r.tenant, OrderID: r.OrderID, FromDay: from, ToDay: to})
	for _, t := range totals {
		r.put(store.AdserverDeliveryDay{
			LineItemID: t.LineItemID, Day: t.Day, CreativeID: t.CreativeID,
			Impressions: t.Impressions, ViewableImpressions: t.ViewableImpressions, Clicks: t.Clicks, Views: t.Views,
			CompletedViews: t.CompletedViews, Conversions: t.Conversions, Plays: t.Plays, Grps: t.Grps, Spend: t.Spend,
		})
	}
	return err
}

// put takes a day of a line item, or of one of its creatives.
func (r *reading) put(d store.AdserverDeliveryDay) {
	m := adserver.Metrics{
		Impressions: d.Impressions, ViewableImpressions: d.ViewableImpressions, Clicks: d.Clicks, Views: d.Views,
		CompletedViews: d.CompletedViews, Conversions: d.Conversions, Plays: d.Plays, GRPs: d.Grps, Spend: money.Micros(d.Spend),
	}
	row := adserver.HourlyDelivery{LineItemID: d.LineItemID, Hour: store.Time(d.Day), Currency: r.currency}
	if d.CreativeID == "" {
		row.Metrics = m
	} else {
		row.Creatives = []adserver.CreativeDelivery{{CreativeID: d.CreativeID, Metrics: m}}
	}
	r.rows = append(r.rows, row)
}

// hours reads the hours from one instant to another.
func (r *reading) hours(ctx context.Context, from, to time.Time) error {
	items, err := r.db.Read().AdserverLineItems(ctx, store.AdserverLineItemsParams{Tenant: r.tenant, OrderID: r.OrderID})
	if err != nil {
		return err
	}
	params := store.AdserverDeliveryParams{Tenant: r.tenant}
	params.FromHour, params.ToHour = bounds(from, to)
	for _, item := range items {
		params.LineItemID = item.LineItemID
		rows, err := r.db.Read().AdserverDelivery(ctx, params)
		if err != nil {
			return err
		}
		for _, row := range rows {
			d, err := deliveryOf(row)
			if err != nil {
				return err
			}
			r.rows = append(r.rows, d)
		}
	}
	return nil
}

// bounds are a time's sides for the store; a zero time leaves its side open.
func bounds(from, to time.Time) (first, last int64) {
	first, last = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		first = from.UnixMicro()
	}
	if !to.IsZero() {
		last = to.UnixMicro()
	}
	return first, last
}

// addDays adds what was delivered to its days. Rows of a line item's own and what is
// taken back of them, less than zero, add up alike.
func addDays(ctx context.Context, tx *store.Tx, tenant string, rows []adserver.HourlyDelivery) error {
	for _, d := range adserver.Fold(rows, adserver.StepDay) {
		parts := append([]adserver.CreativeDelivery{{Metrics: d.Metrics}}, d.Creatives...)
		for _, p := range parts {
			if err := tx.AddAdserverDeliveryDay(ctx, store.AddAdserverDeliveryDayParams{
				Tenant: tenant, LineItemID: d.LineItemID, Day: store.Micros(d.Hour), CreativeID: p.CreativeID,
				Impressions: p.Impressions, ViewableImpressions: p.ViewableImpressions, Clicks: p.Clicks, Views: p.Views,
				CompletedViews: p.CompletedViews, Conversions: p.Conversions, Plays: p.Plays, Grps: p.GRPs, Spend: int64(p.Spend),
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// takenBack is delivery that undoes d.
func takenBack(d adserver.HourlyDelivery) adserver.HourlyDelivery {
	d.Metrics = negative(d.Metrics)
	d.Creatives = slices.Clone(d.Creatives)
	for i := range d.Creatives {
		d.Creatives[i].Metrics = negative(d.Creatives[i].Metrics)
	}
	return d
}

func negative(m adserver.Metrics) adserver.Metrics {
	return adserver.Metrics{
		Impressions: -m.Impressions, ViewableImpressions: -m.ViewableImpressions, Clicks: -m.Clicks, Views: -m.Views,
		CompletedViews: -m.CompletedViews, Conversions: -m.Conversions, Plays: -m.Plays, GRPs: -m.GRPs, Spend: -m.Spend,
	}
}
