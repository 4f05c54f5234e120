package builtin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// This file turns rows into what they mean and back.

func orderOf(row store.AdserverOrder, items []store.AdserverLineItem) (adserver.Order, error) {
	o := adserver.Order{
		ID: row.OrderID, Advertiser: row.Advertiser, Name: row.Name, Currency: money.Currency(row.Currency),
		Paused: row.Paused, Canceled: row.Canceled,
	}
	for _, item := range items {
		li, err := parseLineItem(item.Document)
		if err != nil {
			return o, err
		}
		o.LineItems = append(o.LineItems, li)
	}
	return o, nil
}

func parseLineItem(document string) (adserver.LineItem, error) {
	var li adserver.LineItem
	if err := json.Unmarshal([]byte(document), &li); err != nil {
		return li, fmt.Errorf("line item as stored: %w", err)
	}
	return li, nil
}

// documentOf is the line item as stored. Equal line items give equal documents.
func documentOf(li adserver.LineItem) (string, error) {
	li.Start, li.End = li.Start.UTC(), li.End.UTC()
	doc, err := json.Marshal(li)
	if err != nil {
		return "", fmt.Errorf("line item %s: %w", li.ID, err)
	}
	return string(doc), nil
}

func (s *AdServer) lineItem(row store.AdserverLineItemsToRunRow, held audiences) (*lineItem, error) {
	doc, err := parseLineItem(row.AdserverLineItem.Document)
	if err != nil {
		return nil, err
	}
	state := row.AdserverLineItem
	li := &lineItem{
		LineItem:       doc,
		currency:       money.Currency(row.OrderCurrency),
		stopped:        doc.Paused || doc.Canceled || row.OrderPaused || row.OrderCanceled,
		liveFrom:       store.Time(state.LiveFrom),
		watermark:      store.Time(state.Watermark),
		total:          totalOf(state),
		deliveredUntil: store.Time(state.DeliveredUntil),
		forgone:        money.Micros(state.Forgone),
	}
	return li.prepare(s.product(doc.ProductID), held), nil
}

func totalOf(row store.AdserverLineItem) adserver.Metrics {
	return adserver.Metrics{
		Impressions:         row.Impressions,
		ViewableImpressions: row.ViewableImpressions,
		Clicks:              row.Clicks,
		Views:               row.Views,
		CompletedViews:      row.CompletedViews,
		Conversions:         row.Conversions,
		Plays:               row.Plays,
		GRPs:                row.Grps,
		Spend:               money.Micros(row.Spend),
	}
}

// advance writes what running hours has changed.
func advance(ctx context.Context, tx *store.Tx, tenant string, li *lineItem, revision int64) error {
	n, err := tx.AdvanceAdserverLineItem(ctx, store.AdvanceAdserverLineItemParams{
		Watermark:           store.Micros(li.watermark),
		Finished:            li.finishedAt(li.watermark),
		DeliveredUntil:      store.Micros(li.deliveredUntil),
		Impressions:         li.total.Impressions,
		ViewableImpressions: li.total.ViewableImpressions,
		Clicks:              li.total.Clicks,
		Views:               li.total.Views,
		CompletedViews:      li.total.CompletedViews,
		Conversions:         li.total.Conversions,
		Plays:               li.total.Plays,
		Grps:                li.total.GRPs,
		Spend:               int64(li.total.Spend),
		Forgone:             int64(li.forgone),
		Tenant:              tenant,
		LineItemID:          li.ID,
		Revision:            revision,
	})
	return changedOne(n, err, li.ID)
}

// changedOne turns an update that met no row into an error: someone else's
// transaction came first, which the databases' isolation rules out.
func changedOne(n int64, err error, id string) error {
	if err == nil && n != 1 {
		err = fmt.Errorf("%s was changed by someone else at the same time", id)
	}
	return err
}

func insertDelivery(ctx context.Context, tx *store.Tx, tenant string, d adserver.HourlyDelivery) error {
	row, err := deliveryRow(tenant, d)
	if err != nil {
		return err
	}
	return tx.InsertAdserverDelivery(ctx, row)
}

// putDelivery writes an hour over what there is of it.
func putDelivery(ctx context.Context, tx *store.Tx, tenant string, d adserver.HourlyDelivery) error {
	row, err := deliveryRow(tenant, d)
	if err != nil {
		return err
	}
	return tx.PutAdserverDelivery(ctx, store.PutAdserverDeliveryParams(row))
}

func deliveryRow(tenant string, d adserver.HourlyDelivery) (store.InsertAdserverDeliveryParams, error) {
	var creatives []byte
	if len(d.Creatives) > 0 {
		var err error
		if creatives, err = json.Marshal(d.Creatives); err != nil {
			return store.InsertAdserverDeliveryParams{}, fmt.Errorf("delivery by creative: %w", err)
		}
	}
	return store.InsertAdserverDeliveryParams{
		Tenant:              tenant,
		LineItemID:          d.LineItemID,
		Hour:                store.Micros(d.Hour),
		Currency:            string(d.Currency),
		Impressions:         d.Impressions,
		ViewableImpressions: d.ViewableImpressions,
		Clicks:              d.Clicks,
		Views:               d.Views,
		CompletedViews:      d.CompletedViews,
		Conversions:         d.Conversions,
		Plays:               d.Plays,
		Grps:                d.GRPs,
		Spend:               int64(d.Spend),
		Creatives:           string(creatives),
	}, nil
}

func deliveryOf(row store.AdserverDelivery) (adserver.HourlyDelivery, error) {
	d := adserver.HourlyDelivery{
		LineItemID: row.LineItemID,
		Hour:       store.Time(row.Hour),
		Currency:   money.Currency(row.Currency),
		Metrics: adserver.Metrics{
			Impressions:         row.Impressions,
			ViewableImpressions: row.ViewableImpressions,
			Clicks:              row.Clicks,
			Views:               row.Views,
			CompletedViews:      row.CompletedViews,
			Conversions:         row.Conversions,
			Plays:               row.Plays,
			GRPs:                row.Grps,
			Spend:               money.Micros(row.Spend),
		},
	}
	if row.Creatives != "" {
		if err := json.Unmarshal([]byte(row.Creatives), &d.Creatives); err != nil {
			return d, fmt.Errorf("delivery by creative as stored: %w", err)
		}
	}
	return d, nil
}
