package kevel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/upfront-media/upfront/internal/adserver"
)

// Apply implements [adserver.Adapter]. What the adapter refuses it refuses before it
// changes anything; where Kevel itself refuses half-way, what was there is put back.
//
// Flights that have begun count as having delivered: Kevel's reports come too
// late to know.
func (a *AdServer) Apply(ctx context.Context, order adserver.Order) error {
	if err := order.Validate(); err != nil {
		return err
	}
	wanted, err := a.flights(order)
	if err != nil {
		return err
	}
	a.turn.Lock()
	defer a.turn.Unlock()
	st, err := a.load(ctx, order.ID)
	if err != nil {
		return passing(err)
	}
	if err := a.check(ctx, st, order); err != nil {
		return err
	}
	settled := st.settled()
	var before adserver.Order
	if settled {
		if before, err = a.order(st); err != nil {
			return err
		}
		if len(st.spareCampaigns) == 0 && same(order, before) {
			return nil
		}
	}
	err = a.change(ctx, st, order, wanted)
	if _, refused := errors.AsType[*adserver.Refusal](err); refused {
		a.putBack(ctx, order.ID, settled, before)
	}
	return passing(err)
}

func same(want, got adserver.Order) bool {
	return len(adserver.Diff(want, got)) == 0 && slices.EqualFunc(want.LineItems, got.LineItems,
		func(x, y adserver.LineItem) bool { return x.ID == y.ID })
}

// flights maps the whole order, or refuses it.
func (a *AdServer) flights(order adserver.Order) ([]flight, error) {
	switch {
	case order.Currency != a.currency:
		return nil, &adserver.Refusal{Field: "currency", Reason: fmt.Sprintf("the network at Kevel is in %s", a.currency)}
	case order.Advertiser == "":
		return nil, &adserver.Refusal{Field: "advertiser", Reason: "a campaign at Kevel needs an advertiser"}
	case utf8.RuneCountInString(tagged(order.Name, order.ID)) > maxCampaignName:
		return nil, &adserver.Refusal{Field: "name", Reason: fmt.Sprintf("Kevel holds %d characters, the identifier included; shorten the name", maxCampaignName)}
	}
	flights := make([]flight, len(order.LineItems))
	for i, li := range order.LineItems {
		var err error
		if flights[i], err = a.flight(i, li); err != nil {
			return nil, err
		}
	}
	return flights, nil
}

// check applies the port's rules about changing what is held.
func (a *AdServer) check(ctx context.Context, st *state, order adserver.Order) error {
	if st.doc.Canceled && !order.Canceled {
		return &adserver.Refusal{Field: "canceled", Reason: "the order was canceled, which is final; make a new order"}
	}
	now := a.clock.Now()
	wanted := map[string]bool{}
	for i, li := range order.LineItems {
		wanted[li.ID] = true
		at := fmt.Sprintf("line_items[%d].", i)
		held := st.flight(li.ID)
		if held == nil {
			other, err := a.elsewhere(ctx, order.ID, li.ID)
			if err != nil {
				return err
			}
			if other != "" {
				return refuse(at, "id", "%q belongs to order %q", li.ID, other)
			}
			if !li.Canceled && !order.Canceled && !li.End.After(now) {
				return refuse(at, "end", "the flight is over: it is %s", now.Format(time.RFC3339))
			}
			continue
		}
		if err := a.checkChange(ctx, st, at, held.doc.Item, li, now); err != nil {
			return err
		}
	}
	for _, f := range st.flights {
		if !wanted[f.doc.Item.ID] && st.doc.Revision > 0 && !f.doc.Item.Start.After(now) {
			return &adserver.Refusal{Field: "line_items", Reason: fmt.Sprintf("%q has begun and cannot be taken out; cancel it instead", f.doc.Item.ID)}
		}
	}
	return nil
}

func (a *AdServer) checkChange(ctx context.Context, st *state, at string, was, li adserver.LineItem, now time.Time) error {
	switch {
	case was.Canceled && !li.Canceled:
		return refuse(at, "canceled", "the line item was canceled, which is final; add a new one")
	case st.doc.Revision == 0 || was.Start.After(now):
		return nil
	case was.ProductID != li.ProductID:
		return refuse(at, "product_id", "the line item has begun to deliver %q; add a new one", was.ProductID)
	case was.PricingModel != li.PricingModel:
		return refuse(at, "pricing_model", "the line item has begun to deliver at %s; add a new one", was.PricingModel)
	case !was.Start.Equal(li.Start):
		return refuse(at, "start", "the line item has begun; its start stays %s", was.Start.Format(time.RFC3339))
	case li.Budget >= was.Budget:
		return nil
	}
	rows, err := a.delivered(ctx, st, adserver.DeliveryQuery{LineItemIDs: []string{li.ID}})
	if err != nil {
		return err
	}
	if spent := adserver.Sum(rows).Spend; li.Budget < spent {
		return refuse(at, "budget", "%s is below the %s already spent", li.Budget, spent)
	}
	return nil
}

// change closes the campaign, makes its flights what is wanted, sees that they are, and opens it.
func (a *AdServer) change(ctx context.Context, st *state, order adserver.Order, wanted []flight) error {
	advertiser, err := a.advertiser(ctx, order.Advertiser)
	if err != nil {
		return err
	}
	c := campaign{ID: st.campaign.ID, AdvertiserID: advertiser, Name: tagged(order.Name, order.ID), StartDateISO: earliest(order, a.clock.Now())}
	doc := campaignDoc{
		Order: order.ID, Advertiser: order.Advertiser, AdvertiserID: advertiser, Currency: order.Currency,
		Canceled: st.doc.Canceled, Revision: st.doc.Revision, Changing: true,
	}
	if err := a.save(ctx, &c, doc); err != nil {
		return err
	}
	if st.campaign.ID == 0 {
		// Found rather than taken from the answer: an earlier answer may have been lost.
		if st, err = a.load(ctx, order.ID); err != nil {
			return err
		}
		if st.campaign.ID == 0 {
			return unavailable("the campaign that was made is not shown yet")
		}
		c.ID = st.campaign.ID
	}
	if err := a.clear(ctx, st); err != nil {
		return err
	}
	if err := a.fill(ctx, st, wanted); err != nil {
		return err
	}
	shown, err := a.seen(ctx, order)
	if err != nil {
		return err
	}
	doc.Canceled, doc.Revision, doc.Changing, doc.Sum = order.Canceled, doc.Revision+1, false, sum(shown.flights)
	c.IsActive = !order.Paused && !order.Canceled
	if err := a.save(ctx, &c, doc); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.campaigns[order.ID] = c.ID
	return nil
}

func earliest(order adserver.Order, now time.Time) string {
	for _, li := range order.LineItems {
		if li.Start.Before(now) {
			now = li.Start
		}
	}
	return iso(now)
}

func (a *AdServer) save(ctx context.Context, c *campaign, doc campaignDoc) error {
	var err error
	if c.CustomFieldsJSON, err = pack(doc); err != nil {
		return err
	}
	if utf8.RuneCountInString(c.CustomFieldsJSON) > maxCustomFields {
		return &adserver.Refusal{Field: "advertiser", Reason: "the name is too long for Kevel's custom fields; shorten it"}
	}
	return a.put(ctx, "/v1/campaign", c.ID, c)
}

// put creates or replaces an object.
func (a *AdServer) put(ctx context.Context, path string, id int64, object any) error {
	method := http.MethodPost
	if id != 0 {
		method, path = http.MethodPut, fmt.Sprintf("%s/%d", path, id)
	}
	var answer struct {
		ID int64 `json:"Id"`
	}
	return passing(a.api.call(ctx, method, path, nil, object, &answer))
}

// clear takes away what other attempts left.
func (a *AdServer) clear(ctx context.Context, st *state) error {
	for _, c := range st.spareCampaigns {
		c.IsActive, c.IsDeleted, c.StartDateISO = false, true, iso(a.clock.Now())
		if err := a.put(ctx, "/v1/campaign", c.ID, &c); err != nil {
			return err
		}
	}
	for _, f := range st.spareFlights {
		if err := a.remove(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (a *AdServer) remove(ctx context.Context, f flight) error {
	f.IsActive, f.IsDeleted = false, true
	return a.put(ctx, "/v1/flight", f.ID, &f)
}

// fill makes the campaign's flights those that are wanted.
func (a *AdServer) fill(ctx context.Context, st *state, wanted []flight) error {
	keep := map[int64]bool{}
	for i := range wanted {
		f := &wanted[i]
		var doc flightDoc
		unpack(f.CustomFieldsJSON, &doc)
		f.CampaignID = st.campaign.ID
		if held := st.flight(doc.Item.ID); held != nil {
			f.ID = held.ID
			keep[held.ID] = true
		}
		if err := a.put(ctx, "/v1/flight", f.ID, f); err != nil {
			return inLineItem(i, err)
		}
	}
	for _, held := range st.flights {
		if !keep[held.ID] {
			if err := a.remove(ctx, held.flight); err != nil {
				return err
			}
		}
	}
	return nil
}

func inLineItem(i int, err error) error {
	if r, ok := errors.AsType[*adserver.Refusal](err); ok {
		return &adserver.Refusal{Field: fmt.Sprintf("line_items[%d]", i), Reason: r.Reason}
	}
	return err
}

// seen reads back that the campaign, still closed, holds what is wanted.
func (a *AdServer) seen(ctx context.Context, order adserver.Order) (*state, error) {
	st, err := a.load(ctx, order.ID)
	if err != nil {
		return nil, err
	}
	got, err := a.order(st)
	if err != nil {
		return nil, err
	}
	got.Paused, got.Canceled = order.Paused, order.Canceled
	switch {
	case len(st.spareCampaigns) > 0 || len(st.spareFlights) > 0:
		return nil, unavailable("there is more than one of the order; it is put right when it is applied again")
	case !st.doc.Changing || !same(order, got):
		return nil, unavailable("the change is not shown yet: %v", adserver.Diff(order, got))
	}
	return st, nil
}

// putBack undoes a change that Kevel refused half-way. Should that fail too, the
// campaign stays closed until its order is applied again.
func (a *AdServer) putBack(ctx context.Context, orderID string, settled bool, before adserver.Order) {
	st, err := a.load(ctx, orderID)
	if err != nil || st.campaign.ID == 0 {
		return
	}
	if settled {
		if flights, err := a.flights(before); err == nil {
			_ = a.change(ctx, st, before, flights)
		}
		return
	}
	if st.doc.Revision == 0 {
		st.campaign.IsDeleted, st.campaign.StartDateISO = true, cmp.Or(st.campaign.StartDateISO, iso(a.clock.Now()))
		_ = a.put(ctx, "/v1/campaign", st.campaign.ID, &st.campaign)
	}
}

// advertiser finds an advertiser by its name, or makes it.
func (a *AdServer) advertiser(ctx context.Context, title string) (int64, error) {
	for range 2 {
		all, err := list[advertiser](ctx, a.api, "/v1/advertiser")
		if err != nil {
			return 0, passing(err)
		}
		var id int64
		for _, adv := range all {
			if adv.Title == title && !adv.IsDeleted && (id == 0 || adv.ID < id) {
				id = adv.ID
			}
		}
		if id != 0 {
			return id, nil
		}
		if err := a.put(ctx, "/v1/advertiser", 0, &advertiser{Title: title, IsActive: true}); err != nil {
			return 0, err
		}
	}
	return 0, unavailable("the advertiser that was made is not shown yet")
}
