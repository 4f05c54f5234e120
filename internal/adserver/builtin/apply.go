package builtin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Apply implements [adserver.Adapter]. Hours that have passed are delivered first,
// from the order as it was; the hour that is going on is delivered, when it has
// passed, from the order as it then is.
//
// Beyond the port's rules it refuses a product without supply, a new line item whose flight
// is over, and an end before what was delivered.
func (s *AdServer) Apply(ctx context.Context, order adserver.Order) error {
	if err := order.Validate(); err != nil {
		return err
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	now := s.clock.Now().UTC().Truncate(time.Microsecond)
	if err := s.deliver(ctx, now); err != nil {
		return err
	}
	return unavailable(ctx, s.db.Tx(ctx, func(tx *store.Tx) error {
		a := application{AdServer: s, tx: tx, now: now, order: order}
		return a.run(ctx)
	}))
}

// application is one order on its way into the store, within one transaction.
type application struct {
	*AdServer
	tx    *store.Tx
	now   time.Time
	order adserver.Order

	held  *store.AdserverOrder // nil for a new order
	items map[string]store.AdserverLineItem
	docs  []string // the line items as they will be stored
}

func (a *application) run(ctx context.Context) error {
	if err := a.load(ctx); err != nil {
		return err
	}
	if a.unchanged() {
		return nil
	}
	if err := a.check(); err != nil {
		return err
	}
	if err := a.writeOrder(ctx); err != nil {
		return err
	}
	for i := range a.order.LineItems {
		if err := a.writeLineItem(ctx, i); err != nil {
			return err
		}
	}
	return a.removeOthers(ctx)
}

func (a *application) load(ctx context.Context) error {
	held, err := a.tx.AdserverOrder(ctx, store.AdserverOrderParams{Tenant: a.tenant, OrderID: a.order.ID})
	switch {
	case err == nil:
		a.held = &held
	case !errors.Is(err, store.ErrNoRow):
		return err
	}
	rows, err := a.tx.AdserverLineItems(ctx, store.AdserverLineItemsParams{Tenant: a.tenant, OrderID: a.order.ID})
	if err != nil {
		return err
	}
	a.items = make(map[string]store.AdserverLineItem, len(rows))
	for _, row := range rows {
		a.items[row.LineItemID] = row
	}
	for i, li := range a.order.LineItems {
		doc, err := documentOf(li)
		if err != nil {
			return err
		}
		a.docs = append(a.docs, doc)
		if _, ok := a.items[li.ID]; ok {
			continue
		}
		other, err := a.tx.AdserverLineItem(ctx, store.AdserverLineItemParams{Tenant: a.tenant, LineItemID: li.ID})
		if err == nil {
			return refusal(i, "id", "%q belongs to order %q", li.ID, other.OrderID)
		} else if !errors.Is(err, store.ErrNoRow) {
			return err
		}
	}
	return nil
}

// unchanged says whether the store holds the order already, to the letter.
func (a *application) unchanged() bool {
	if a.held == nil || len(a.items) != len(a.docs) {
		return false
	}
	for i, li := range a.order.LineItems {
		if row := a.items[li.ID]; row.Document != a.docs[i] || row.Position != int64(i) {
			return false
		}
	}
	o := a.order
	return a.held.Advertiser == o.Advertiser && a.held.Name == o.Name && a.held.Currency == string(o.Currency) &&
		a.held.Paused == o.Paused && a.held.Canceled == o.Canceled
}

// check applies the rules about changing what is held.
func (a *application) check() error {
	if a.held != nil && a.held.Canceled && !a.order.Canceled {
		return &adserver.Refusal{Field: "canceled", Reason: "the order was canceled, which is final; make a new order"}
	}
	wanted := make(map[string]bool, len(a.order.LineItems))
	for i, li := range a.order.LineItems {
		wanted[li.ID] = true
		if err := a.checkLineItem(i, li); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.items)) {
		row := a.items[id]
		if delivered(row) && a.held.Currency != string(a.order.Currency) {
			return &adserver.Refusal{Field: "currency", Reason: "the order has delivered in " + a.held.Currency}
		}
		if delivered(row) && !wanted[id] {
			return &adserver.Refusal{Field: "line_items", Reason: fmt.Sprintf("%q has delivered and cannot be taken out; cancel it instead", id)}
		}
	}
	return nil
}

func (a *application) checkLineItem(i int, li adserver.LineItem) error {
	row, held := a.items[li.ID]
	if !held {
		if a.product(li.ProductID) == nil {
			return refusal(i, "product_id", "there is no supply of %q", li.ProductID)
		}
		if over := li.Canceled || a.order.Canceled; !over && !li.End.After(a.now) {
			return refusal(i, "end", "the flight is over: it is %s", a.now.Format(time.RFC3339))
		}
		return nil
	}
	was, err := parseLineItem(row.Document)
	if err != nil {
		return err
	}
	spent := money.Micros(row.Spend)
	switch {
	case was.Canceled && !li.Canceled:
		return refusal(i, "canceled", "the line item was canceled, which is final; add a new one")
	case was.ProductID != li.ProductID && a.product(li.ProductID) == nil:
		return refusal(i, "product_id", "there is no supply of %q", li.ProductID)
	case li.Budget < spent:
		return refusal(i, "budget", "%s is below the %s already spent", li.Budget.Format(a.order.Currency), spent.Format(a.order.Currency))
	case !delivered(row):
		return nil
	case was.ProductID != li.ProductID:
		return refusal(i, "product_id", "the line item has delivered %q; add a new one", was.ProductID)
	case was.PricingModel != li.PricingModel || was.TimeUnit != li.TimeUnit:
		return refusal(i, "pricing_model", "the line item has delivered at %s; add a new one", was.PricingModel)
	case !was.Start.Equal(li.Start):
		return refusal(i, "start", "the line item started to deliver; its start stays %s", was.Start.Format(time.RFC3339))
	case li.End.Before(store.Time(row.DeliveredUntil)):
		return refusal(i, "end", "the line item has delivered until %s", store.Time(row.DeliveredUntil).Format(time.RFC3339))
	}
	return nil
}

func delivered(row store.AdserverLineItem) bool { return row.DeliveredUntil != 0 }

func refusal(i int, field, format string, args ...any) *adserver.Refusal {
	return &adserver.Refusal{Field: fmt.Sprintf("line_items[%d].%s", i, field), Reason: fmt.Sprintf(format, args...)}
}

func (a *application) writeOrder(ctx context.Context) error {
	o := a.order
	if a.held == nil {
		return a.tx.InsertAdserverOrder(ctx, store.InsertAdserverOrderParams{
			Tenant: a.tenant, OrderID: o.ID, Advertiser: o.Advertiser, Name: o.Name, Currency: string(o.Currency),
			Paused: o.Paused, Canceled: o.Canceled, CreatedAt: store.Micros(a.now),
		})
	}
	n, err := a.tx.UpdateAdserverOrder(ctx, store.UpdateAdserverOrderParams{
		Advertiser: o.Advertiser, Name: o.Name, Currency: string(o.Currency), Paused: o.Paused, Canceled: o.Canceled,
		UpdatedAt: store.Micros(a.now), Tenant: a.tenant, OrderID: o.ID, Revision: a.held.Revision,
	})
	return changedOne(n, err, o.ID)
}

// writeLineItem stores line item i and the hour it goes on from.
func (a *application) writeLineItem(ctx context.Context, i int) error {
	li := a.order.LineItems[i]
	row, held := a.items[li.ID]
	liveFrom, next, forgone := a.now, a.now, int64(0)
	if li.Start.After(next) {
		next = li.Start
	}
	next = next.UTC().Truncate(time.Hour)
	if held {
		was, err := parseLineItem(row.Document)
		if err != nil {
			return err
		}
		// A line item whose start is moved begins anew; any other goes on where it is.
		if was.Start.Equal(li.Start) {
			liveFrom, forgone = store.Time(row.LiveFrom), row.Forgone
			if at := store.Time(row.Watermark); at.After(next) {
				next = at
			}
		}
	}
	finished := a.order.Canceled || li.Canceled || !next.Before(li.End)
	if !held {
		return a.tx.InsertAdserverLineItem(ctx, store.InsertAdserverLineItemParams{
			Tenant: a.tenant, LineItemID: li.ID, OrderID: a.order.ID, Position: int64(i), Document: a.docs[i],
			LiveFrom: store.Micros(liveFrom), Watermark: store.Micros(next), Finished: finished,
		})
	}
	n, err := a.tx.UpdateAdserverLineItem(ctx, store.UpdateAdserverLineItemParams{
		Position: int64(i), Document: a.docs[i], LiveFrom: store.Micros(liveFrom), Watermark: store.Micros(next),
		Finished: finished, Forgone: forgone, Tenant: a.tenant, LineItemID: li.ID, Revision: row.Revision,
	})
	delete(a.items, li.ID)
	return changedOne(n, err, li.ID)
}

// removeOthers deletes the line items that are no longer wanted; none has delivered.
func (a *application) removeOthers(ctx context.Context) error {
	for id, row := range a.items {
		n, err := a.tx.DeleteAdserverLineItem(ctx, store.DeleteAdserverLineItemParams{
			Tenant: a.tenant, LineItemID: id, Revision: row.Revision,
		})
		if err := changedOne(n, err, id); err != nil {
			return err
		}
	}
	return nil
}
