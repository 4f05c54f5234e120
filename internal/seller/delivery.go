package seller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// delivered reads delivery from the ad server. An order that it does not hold has
// delivered nothing.
func (s *Service) delivered(ctx context.Context, q adserver.DeliveryQuery) ([]adserver.HourlyDelivery, error) {
	rows, err := s.adServer.Delivery(ctx, q)
	if errors.Is(err, adserver.ErrNotFound) {
		return []adserver.HourlyDelivery{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("delivery of %s: %w", q.OrderID, err)
	}
	return rows, nil
}

// getMediaBuyDelivery serves get_media_buy_delivery, from the ad server's reports.
func (s *Service) getMediaBuyDelivery(ctx context.Context, call *agent.Call, req *adcp.GetMediaBuyDeliveryRequest) (*adcp.GetMediaBuyDeliveryResponse, error) {
	period, err := periodOf(req)
	if err != nil {
		return nil, err
	}
	q := s.db.Read()
	rows, missing, err := s.ownMediaBuys(ctx, q, call, req.Account, req.MediaBuyIDs, req.StatusFilter)
	if err != nil {
		return nil, err
	}
	if len(req.MediaBuyIDs) > 0 && len(missing) == len(req.MediaBuyIDs) {
		e := missing[0]
		return nil, &e
	}
	currency, err := s.reportCurrency(rows)
	if err != nil {
		return nil, err
	}
	resp := &adcp.GetMediaBuyDeliveryResponse{
		Status: adcp.TaskStatusCompleted, Currency: string(currency), Errors: missing,
		MediaBuyDeliveries: []adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery{},
	}
	var total adserver.Metrics
	covered, step := period, adserver.StepWhole
	if adcp.Val(req.IncludePackageDailyBreakdown) {
		step = adserver.StepDay
	}
	for _, r := range rows {
		b, err := s.assemble(ctx, q, r)
		if err != nil {
			return nil, err
		}
		hours, err := s.delivered(ctx, adserver.DeliveryQuery{OrderID: b.ID, From: period.from, To: period.to, Step: step})
		if err != nil {
			return nil, err
		}
		covered = covered.cover(period, b, s.now())
		m := adserver.Sum(hours)
		total = total.Plus(m)
		credited, err := s.conversions(ctx, q, b, period)
		if err != nil {
			return nil, err
		}
		report := s.buyDelivery(b, hours, m, period, adcp.Val(req.IncludePackageDailyBreakdown))
		credited.convert(b, &report, hours)
		resp.MediaBuyDeliveries = append(resp.MediaBuyDeliveries, report)
	}
	resp.ReportingPeriod = covered.wire(s.now())
	resp.AggregatedTotals = &adcp.GetMediaBuyDeliveryResponseAggregatedTotals{
		Impressions: whole(total.Impressions), Spend: number(total.Spend), MediaBuyCount: int64(len(rows)),
	}
	if total.Clicks > 0 {
		resp.AggregatedTotals.Clicks = new(whole(total.Clicks))
	}
	if total.CompletedViews > 0 {
		resp.AggregatedTotals.CompletedViews = new(whole(total.CompletedViews))
	}
	return resp, nil
}

// reportCurrency is the one currency of a report: amounts of two are never added up.
func (s *Service) reportCurrency(rows []store.MediaBuy) (money.Currency, error) {
	var found []string
	for _, r := range rows {
		if !slices.Contains(found, r.Currency) {
			found = append(found, r.Currency)
		}
	}
	switch len(found) {
	case 1:
		return money.Currency(found[0]), nil
	case 0: // nothing to report; the protocol wants a currency all the same
		return s.shelf().Products[0].Pricing[0].Currency, nil
	}
	return "", refusal(adcp.CodeInvalidRequest, "media_buy_ids", "These media buys are in %d currencies.", len(found)).
		WithSuggestion("Ask for the media buys of one currency at a time, by media_buy_ids.").
		WithDetails(map[string]any{"currencies": found})
}

// period is the part of time that a report covers; zero times leave a side open.
type period struct{ from, to time.Time }

// periodOf reads a report's dates. Days are UTC days.
func periodOf(req *adcp.GetMediaBuyDeliveryRequest) (period, error) {
	var p period
	c := new(checks)
	c.unsupported("attribution_window", "attribution", "Leave attribution_window out.", req.AttributionWindow != nil)
	if adcp.Val(req.IncludeWindowBreakdown) && req.TimeGranularity != nil {
		c.refuse(refusal(adcp.CodeUnsupportedGranularity, "time_granularity", "This seller reports no windows.").
			WithSuggestion("Use include_package_daily_breakdown for days."))
	}
	p.from = c.day("start_date", req.StartDate)
	if to := c.day("end_date", req.EndDate); !to.IsZero() {
		p.to = to.AddDate(0, 0, 1)
	}
	if !p.from.IsZero() && !p.to.IsZero() && !p.from.Before(p.to) {
		c.add(adcp.CodeValidationError, "end_date", "end_date is before start_date.")
	}
	return p, c.err()
}

func (c *checks) day(field string, value *string) time.Time {
	if value == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, *value)
	if err != nil {
		c.add(adcp.CodeValidationError, field, "%s is not a date such as 2027-03-31.", field)
		return time.Time{}
	}
	return t
}

// cover widens a period to what the media buy has run by now, on its open sides.
func (p period) cover(asked period, b *MediaBuy, now time.Time) period {
	start, end := b.Flight()
	if end.After(now) {
		end = now
	}
	if asked.from.IsZero() && (p.from.IsZero() || start.Before(p.from)) {
		p.from = start
	}
	if asked.to.IsZero() && end.After(p.to) {
		p.to = end
	}
	return p
}

func (p period) wire(now time.Time) adcp.GetMediaBuyDeliveryResponseReportingPeriod {
	if p.from.IsZero() {
		p.from = now
	}
	if p.to.Before(p.from) {
		p.to = p.from
	}
	return adcp.GetMediaBuyDeliveryResponseReportingPeriod{Start: p.from.UTC(), End: p.to.UTC()}
}

// buyDelivery is one media buy's part of a report.
func (s *Service) buyDelivery(b *MediaBuy, hours []adserver.HourlyDelivery, total adserver.Metrics, p period, daily bool) adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery {
	d := adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery{
		MediaBuyID: b.ID, Status: adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryStatus(b.State),
		IsFinal: new(b.State == StateCompleted),
	}
	if b.State == StateCompleted {
		d.FinalizedAt = &b.UpdatedAt
	}
	models := map[adserver.PricingModel]bool{}
	wanted := map[string]bool{}
	for i := range b.Packages {
		pkg := &b.Packages[i]
		models[pkg.Price.Model] = true
		metrics := s.metrics(pkg)
		for name := range metrics {
			wanted[name] = true
		}
		d.ByPackage = append(d.ByPackage, s.packageReport(b, pkg, hours, metrics, p, daily))
	}
	t := reported(total, wanted)
	d.Totals = adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryTotals{
		Impressions: t.Impressions, Spend: number(total.Spend), Clicks: t.Clicks, CTR: t.CTR, Views: t.Views,
		CompletedViews: t.CompletedViews, CompletionRate: t.CompletionRate, Conversions: t.Conversions,
		Plays: t.Plays, GRPs: t.GRPs, CPM: t.CPM, CostPerClick: t.CostPerClick, Viewability: t.Viewability,
	}
	if len(models) == 1 {
		model := b.Packages[0].Price.Model
		d.PricingModel, d.Totals.EffectiveRate = new(adcp.PricingModel(model)), effectiveRate(total, model)
	}
	if daily {
		for _, day := range byDay(hours) {
			d.DailyBreakdown = append(d.DailyBreakdown, adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryDailyBreakdownItem{
				Date: day.date, Impressions: whole(day.Impressions), Spend: number(day.Spend),
			})
		}
	}
	return d
}

// packageReport is one package's part of a report.
func (s *Service) packageReport(b *MediaBuy, p *Package, hours []adserver.HourlyDelivery, metrics map[string]bool, in period, daily bool) adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItem {
	own := slices.Clone(hours)
	own = slices.DeleteFunc(own, func(h adserver.HourlyDelivery) bool { return h.LineItemID != p.ID })
	m, now := adserver.Sum(own), s.now()
	t := reported(m, metrics)
	w := adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItem{
		Impressions: t.Impressions, Spend: number(m.Spend), Clicks: t.Clicks, CTR: t.CTR, Views: t.Views,
		CompletedViews: t.CompletedViews, CompletionRate: t.CompletionRate, Conversions: t.Conversions,
		Plays: t.Plays, GRPs: t.GRPs, CPM: t.CPM, CostPerClick: t.CostPerClick, Viewability: t.Viewability,
		PackageID: p.ID, PricingModel: adcp.PricingModel(p.Price.Model), Rate: number(p.unitPrice()),
		Currency: string(p.Price.Currency), Paused: new(p.Paused || b.Held), IsFinal: new(b.State == StateCompleted),
	}
	if p.Price.MaxBid { // the bid is a ceiling: what was paid is the rate
		if rate := effectiveRate(m, p.Price.Model); rate != nil {
			w.Rate = *rate
		}
	}
	if in.from.IsZero() && in.to.IsZero() { // over the whole flight only
		w.PacingIndex, w.DeliveryStatus = p.pacingIndex(m.Spend, now), b.deliveryStatus(p, m, now)
	}
	if b.State == StateCompleted {
		w.FinalizedAt = &b.UpdatedAt
	}
	if daily {
		for _, day := range byDay(own) {
			w.DailyBreakdown = append(w.DailyBreakdown, adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDailyBreakdownItem{
				Date: day.date, Impressions: whole(day.Impressions), Spend: number(day.Spend),
			})
		}
	}
	return w
}

// deliveryStatus is how the package's line item stands, whatever its pause; nil
// before it has started.
func (b *MediaBuy) deliveryStatus(p *Package, m adserver.Metrics, now time.Time) *adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus {
	switch {
	case now.Before(p.Start):
		return nil
	case m.Spend >= p.Budget:
		return new(adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus("budget_exhausted"))
	case p.Impressions > 0 && m.Billed(p.Price.Model) >= p.Impressions:
		return new(adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus("goal_met"))
	case !now.Before(p.End):
		return new(adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus("flight_ended"))
	case p.Canceled || b.State == StateCanceled:
		return new(adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus("completed"))
	case b.State == StateActive && !p.Paused:
		return new(adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItemDeliveryStatus("delivering"))
	}
	return nil
}

// pacingIndex is what was spent against an even spend by now; nil where there is
// nothing to compare.
func (p *Package) pacingIndex(spend money.Micros, now time.Time) *adcp.Decimal {
	if now.After(p.End) {
		now = p.End
	}
	elapsed, whole := now.Sub(p.Start), p.End.Sub(p.Start)
	if elapsed <= 0 || p.Canceled {
		return nil
	}
	return ratio(int64(spend), int64(p.Budget.MulDiv(int64(elapsed/time.Microsecond), int64(whole/time.Microsecond))))
}
