package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// Bounds of one round of reports; what is left over is for the next.
const (
	maxReportsDue   = 1000
	maxReportsAtOne = 200
)

// report is one notification of a media buy's delivery.
type report struct {
	kind adcp.MediaBuyDeliveryWebhookResultNotificationType
	// covers is the time that it is about, and next where the stream goes on.
	covers period
	next   time.Time
	// due is when to send it.
	due time.Time
}

// sendReports sends the delivery reports that are due by the clock: one for each
// period that has passed, however far the clock has jumped, and a final one for each
// media buy that has ended.
func (s *Service) sendReports(ctx context.Context, now time.Time) error {
	if s.webhooks == nil {
		return nil
	}
	rows, err := s.db.Read().SellerReportsDue(ctx, store.SellerReportsDueParams{Tenant: s.tenant, Now: store.Micros(now), MaxRows: maxReportsDue})
	if err != nil {
		return fmt.Errorf("reports that are due: %w", err)
	}
	var errs []error
	for _, r := range rows {
		if err := s.sendReportsOf(ctx, r, now); err != nil && !errors.Is(err, errRaced) {
			errs = append(errs, fmt.Errorf("report on media buy %s: %w", r.MediaBuyID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) sendReportsOf(ctx context.Context, r store.SellerReport, now time.Time) error {
	b, err := s.mediaBuy(ctx, s.db.Read(), r.MediaBuyID)
	if err != nil {
		return err
	}
	for range maxReportsAtOne {
		n := s.nextReport(b, r, now)
		if n.due.After(now) {
			r.DueAt = store.Micros(n.due)
			return s.db.Tx(ctx, func(tx *store.Tx) error { return s.saveReport(ctx, tx, r) })
		}
		result, err := s.reportResult(ctx, b, r, n, now)
		if err != nil {
			return errors.Join(err, s.delayReport(ctx, b, r, n, now))
		}
		next := r
		next.Sequence, next.PeriodStart, next.Delayed = r.Sequence+1, store.Micros(n.next), false
		next.Finished = n.kind == adcp.MediaBuyDeliveryWebhookResultNotificationTypeFinal
		if err := s.sendReport(ctx, b, next, result); err != nil || next.Finished {
			return err
		}
		next.Revision++
		r = next
	}
	return nil // still due, and so gone on with at the next round
}

// nextReport is what is to be sent next, and when.
func (s *Service) nextReport(b *MediaBuy, r store.SellerReport, now time.Time) report {
	frequency, from := adcp.ReportingFrequency(r.Frequency), store.Time(r.PeriodStart)
	start, end := b.Flight()
	n := report{kind: adcp.MediaBuyDeliveryWebhookResultNotificationTypeScheduled, next: periodEnd(frequency, from)}
	n.covers = period{from, n.next}
	if !b.State.Terminal() {
		if !from.Before(end) {
			// Everything is reported but the end itself, which is yet to be seen.
			n.due = now.Add(reportRetry)
			return n
		}
		n.due = n.next.Add(s.reportDelay(b))
		return n
	}
	// What is over is reported at once.
	if end.After(b.UpdatedAt) {
		end = b.UpdatedAt
	}
	n.due = now
	if b.State != StateRejected && from.Before(end) {
		return n
	}
	if end.Before(start) {
		end = start
	}
	n.kind, n.next, n.covers = adcp.MediaBuyDeliveryWebhookResultNotificationTypeFinal, from, period{start, end}
	return n
}

// reportRetry is how soon a report that could not be made is tried again.
const reportRetry = 15 * time.Minute

// reportDelay is how long the media buy's delivery takes to show up in reports.
func (s *Service) reportDelay(b *MediaBuy) (d time.Duration) {
	for i := range b.Packages {
		if product, ok := s.shelf().Product(b.Packages[i].ProductID); ok {
			d = max(d, product.Reporting.Delay)
		}
	}
	return d
}

// reportResult is a report's content, from the ad server.
func (s *Service) reportResult(ctx context.Context, b *MediaBuy, r store.SellerReport, n report, now time.Time) (json.RawMessage, error) {
	asked := n.covers
	if n.kind == adcp.MediaBuyDeliveryWebhookResultNotificationTypeFinal {
		asked = period{} // the whole flight
	}
	hours, err := s.delivered(ctx, adserver.DeliveryQuery{OrderID: b.ID, From: asked.from, To: asked.to, Step: adserver.StepWhole})
	if err != nil {
		return nil, err
	}
	row, err := reportRow(s.buyDelivery(b, hours, adserver.Sum(hours), asked, false), r.Metrics)
	if err != nil {
		return nil, err
	}
	doc := n.document(b, r, row)
	if n.kind == adcp.MediaBuyDeliveryWebhookResultNotificationTypeScheduled {
		after := r
		after.PeriodStart = store.Micros(n.next)
		next := s.nextReport(b, after, now)
		if _, end := b.Flight(); next.due.Before(now) || !b.State.Terminal() && !n.next.Before(end) {
			next.due = latest(now, end.Add(s.reportDelay(b)))
		}
		doc["next_expected_at"] = next.due
	}
	return json.Marshal(doc)
}

// document is the part that all reports have.
func (n report) document(b *MediaBuy, r store.SellerReport, row any) map[string]any {
	// Days end at 23:59:59 on the wire.
	end := n.covers.to
	if n.kind != adcp.MediaBuyDeliveryWebhookResultNotificationTypeFinal {
		end = end.Add(-time.Second)
	}
	return map[string]any{
		"notification_type": n.kind, "sequence_number": r.Sequence + 1, "currency": b.Currency,
		"reporting_period":     map[string]any{"start": n.covers.from.UTC(), "end": end.UTC()},
		"media_buy_deliveries": []any{row},
	}
}

// delayReport tells once for each period that its report is late, and tries again.
func (s *Service) delayReport(ctx context.Context, b *MediaBuy, r store.SellerReport, n report, now time.Time) error {
	again := now.Add(reportRetry)
	next := r
	next.DueAt = store.Micros(again)
	if r.Delayed {
		return s.db.Tx(ctx, func(tx *store.Tx) error { return s.saveReport(ctx, tx, next) })
	}
	n.kind = adcp.MediaBuyDeliveryWebhookResultNotificationTypeDelayed
	doc := n.document(b, r, map[string]any{
		"media_buy_id": b.ID, "status": adcp.MediaBuyDeliveryWebhookResultMediaBuyDeliveryStatusReportingDelayed,
		"totals": map[string]any{"spend": 0}, "by_package": []any{}, "expected_availability": again,
	})
	doc["partial_data"], doc["unavailable_count"], doc["next_expected_at"] = true, 1, again
	result, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	next.Sequence, next.Delayed = r.Sequence+1, true
	return s.sendReport(ctx, b, next, result)
}

// sendReport hands a report to the outbox and moves the stream on, in one transaction.
func (s *Service) sendReport(ctx context.Context, b *MediaBuy, next store.SellerReport, result json.RawMessage) error {
	name := id.Derive("report", b.ID, next.RegistrationID, fmt.Sprint(next.Sequence))
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.saveReport(ctx, tx, next); err != nil {
			return err
		}
		if err := s.webhooks.Enqueue(ctx, tx, webhook.Notification{
			EventID: name, Resource: b.ID, Registration: next.RegistrationID,
			Payload: adcp.MCPWebhookPayload{
				TaskID: name, TaskType: adcp.TaskTypeMediaBuyDelivery, Protocol: new(adcp.AdcpProtocolMediaBuy),
				Status: adcp.TaskStatusCompleted, Timestamp: s.now(), Result: result,
			},
		}); err != nil {
			return err
		}
		if !next.Finished {
			return nil
		}
		return s.webhooks.Close(ctx, tx, next.RegistrationID)
	})
}

func (s *Service) saveReport(ctx context.Context, tx *store.Tx, r store.SellerReport) error {
	return one(tx.UpdateSellerReport(ctx, store.UpdateSellerReportParams{
		Sequence: r.Sequence, PeriodStart: r.PeriodStart, DueAt: r.DueAt, Delayed: r.Delayed, Finished: r.Finished,
		Tenant: r.Tenant, MediaBuyID: r.MediaBuyID, Revision: r.Revision,
	}))
}

// reportRow is a media buy's delivery with the metrics that were asked for. Numbers
// stay as they are written.
func reportRow(d adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery, only string) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	var row map[string]json.RawMessage
	if err := json.Unmarshal(raw, &row); err != nil || only == "" {
		return row, err
	}
	var asked []string
	var total map[string]json.RawMessage
	var packages []map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal([]byte(only), &asked), json.Unmarshal(row["totals"], &total), json.Unmarshal(row["by_package"], &packages)); err != nil {
		return nil, err
	}
	for _, part := range append(packages, total) {
		for name := range part {
			if wanted := alwaysReported(name) || slices.Contains(asked, name); !wanted && slices.Contains(metrics, name) {
				delete(part, name)
			}
		}
	}
	row["totals"], err = json.Marshal(total)
	if err == nil {
		row["by_package"], err = json.Marshal(packages)
	}
	return row, err
}

// alwaysReported tells the metrics that a buyer cannot do without.
func alwaysReported(metric string) bool { return metric == "impressions" || metric == "spend" }
