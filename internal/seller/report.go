package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// reportField is where requests say whom to send delivery reports.
const reportField = "reporting_webhook"

// ReportOrder is what a buyer wants of its delivery reports. The receiver is with the
// outbox, under the registration's name.
type ReportOrder struct {
	Registration string `json:"registration"`
	// Frequency is hourly, daily or monthly, by UTC.
	Frequency adcp.ReportingFrequency `json:"frequency"`
	// Metrics are what reports hold besides impressions and spend; nil is everything.
	Metrics []adcp.AvailableMetric `json:"metrics,omitzero"`
}

// checkReports refuses reports that could not be sent as they are asked for.
func (s *Service) checkReports(c *checks, b *MediaBuy, r *adcp.ReportingWebhook) {
	if r == nil {
		return
	}
	if s.webhooks == nil {
		c.unsupported(reportField, "report webhooks", "Read reports with get_media_buy_delivery.", true)
		return
	}
	receiver := reportReceiver(r)
	if problem := s.webhooks.Check(reportField, &receiver); problem != nil {
		c.refuse(problem)
	}
	var metrics []string
	for i := range b.Packages {
		product, ok := s.shelf().Product(b.Packages[i].ProductID)
		if !ok {
			continue // refused for itself
		}
		if !slices.Contains(product.Reporting.Frequencies, string(r.ReportingFrequency)) {
			c.refuse(refusal(adcp.CodeValidationError, reportField+".reporting_frequency", "Product %s is not reported %s.", product.ID, r.ReportingFrequency).
				WithSuggestion("Choose a frequency that all products have in reporting_capabilities.available_reporting_frequencies.").
				WithDetails(map[string]any{"product_id": product.ID, "available_reporting_frequencies": product.Reporting.Frequencies}))
			return
		}
		metrics = append(metrics, product.Reporting.Metrics...)
	}
	for i, m := range r.RequestedMetrics {
		if len(metrics) > 0 && !slices.Contains(metrics, string(m)) {
			c.refuse(refusal(adcp.CodeValidationError, fmt.Sprintf("%s.requested_metrics[%d]", reportField, i), "None of the products is reported with %s.", m).
				WithSuggestion("Choose among the products' reporting_capabilities.available_metrics, or leave requested_metrics out for all of them."))
		}
	}
}

// reportReceiver is whom to send reports to, as the outbox knows receivers.
func reportReceiver(r *adcp.ReportingWebhook) adcp.PushNotificationConfig {
	return adcp.PushNotificationConfig{
		URL: r.URL, Token: r.Token,
		Authentication: &adcp.PushNotificationConfigAuthentication{Schemes: r.Authentication.Schemes, Credentials: r.Authentication.Credentials},
	}
}

// registerReports writes down whom to send reports to, in the transaction that
// submits the task. They begin when the task is completed.
func (s *Service) registerReports(ctx context.Context, tx *store.Tx, t *Task) error {
	if s.webhooks == nil || t.Reports == nil || len(t.Change.Buys) == 0 {
		return nil
	}
	r := &ReportOrder{
		Registration: id.Derive("reports", t.ID, t.Change.Buys[0].Buy.ID),
		Frequency:    t.Reports.ReportingFrequency, Metrics: t.Reports.RequestedMetrics,
	}
	t.Change.Buys[0].Reports = r
	return s.webhooks.Register(ctx, tx, webhook.Registration{ID: r.Registration, Receiver: reportReceiver(t.Reports)})
}

// startReports has reports of a media buy sent from now on, by this order and no
// longer by the one before.
func (s *Service) startReports(ctx context.Context, tx *store.Tx, b *MediaBuy, r *ReportOrder) error {
	if r == nil || s.webhooks == nil {
		return nil
	}
	start, _ := b.Flight()
	from := periodStart(r.Frequency, start)
	before, err := row(tx.SellerReport(ctx, store.SellerReportParams{Tenant: s.tenant, MediaBuyID: b.ID}))
	switch {
	case err == nil:
		from = store.Time(before.PeriodStart)
		if err := s.webhooks.Close(ctx, tx, before.RegistrationID); err != nil {
			return err
		}
	case !errors.Is(err, errNoRow):
		return fmt.Errorf("reports of %s: %w", b.ID, err)
	}
	metrics := ""
	if len(r.Metrics) > 0 {
		doc, err := json.Marshal(r.Metrics)
		if err != nil {
			return err
		}
		metrics = string(doc)
	}
	if err := tx.SaveSellerReport(ctx, store.SaveSellerReportParams{
		Tenant: s.tenant, MediaBuyID: b.ID, RegistrationID: r.Registration, Frequency: string(r.Frequency), Metrics: metrics,
		PeriodStart: store.Micros(from), DueAt: store.Micros(periodEnd(r.Frequency, from)),
	}); err != nil {
		return fmt.Errorf("reports of %s: %w", b.ID, err)
	}
	return nil
}

// dropReports forgets what a task that failed would have begun.
func (s *Service) dropReports(ctx context.Context, tx *store.Tx, t *Task) error {
	for _, c := range t.Change.Buys {
		if c.Reports == nil || s.webhooks == nil {
			continue
		}
		if err := s.webhooks.Close(ctx, tx, c.Reports.Registration); err != nil {
			return err
		}
	}
	return nil
}

// endReports makes what is left to report due: the media buy has ended.
func (s *Service) endReports(ctx context.Context, tx *store.Tx, b *MediaBuy) error {
	if s.webhooks == nil {
		return nil
	}
	if err := tx.HurrySellerReport(ctx, store.HurrySellerReportParams{Tenant: s.tenant, MediaBuyID: b.ID, Now: store.Micros(s.now())}); err != nil {
		return fmt.Errorf("reports of %s: %w", b.ID, err)
	}
	return nil
}

// periodStart is the start of the UTC hour, day or month that an instant is in.
func periodStart(f adcp.ReportingFrequency, at time.Time) time.Time {
	at = at.UTC()
	switch f {
	case adcp.ReportingFrequencyHourly:
		return at.Truncate(time.Hour)
	case adcp.ReportingFrequencyMonthly:
		return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

// periodEnd is where the next period begins after the one that an instant is in.
func periodEnd(f adcp.ReportingFrequency, at time.Time) time.Time {
	start := periodStart(f, at)
	switch f {
	case adcp.ReportingFrequencyHourly:
		return start.Add(time.Hour)
	case adcp.ReportingFrequencyMonthly:
		return start.AddDate(0, 1, 0)
	}
	return start.AddDate(0, 0, 1)
}
