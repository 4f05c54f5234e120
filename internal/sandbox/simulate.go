package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// AdServer is what the controller needs of the ad server beside what the seller
// needs of it.
type AdServer interface {
	// Report writes down delivery of a line item that the ad server has not made
	// itself, and returns the sum of all it has; [adserver.ErrNotFound] where it holds
	// no such line item.
	Report(ctx context.Context, lineItemID string, m adserver.Metrics) (adserver.Metrics, error)
}

// kindReport is what reports of a media buy say beside counts: the last word.
const kindReport = "report"

// delivery is the part of simulate_delivery that adds up.
type delivery struct {
	Impressions    int64 `json:"impressions,omitzero"`
	Clicks         int64 `json:"clicks,omitzero"`
	Views          int64 `json:"views,omitzero"`
	CompletedViews int64 `json:"completed_views,omitzero"`
	Conversions    int64 `json:"conversions,omitzero"`
	ReportedSpend  *struct {
		Amount   adcp.Decimal `json:"amount"`
		Currency string       `json:"currency"`
	} `json:"reported_spend,omitzero"`
	Viewability *struct {
		ViewableImpressions int64 `json:"viewable_impressions"`
	} `json:"viewability,omitzero"`
}

// measured is the part of simulate_delivery that does not add up, as it came. It
// goes into reports by the same names.
type measured struct {
	Reach              json.RawMessage `json:"reach,omitzero"`
	ReachUnit          json.RawMessage `json:"reach_unit,omitzero"`
	Frequency          json.RawMessage `json:"frequency,omitzero"`
	ReachWindow        json.RawMessage `json:"reach_window,omitzero"`
	Viewability        json.RawMessage `json:"viewability,omitzero"`
	VendorMetricValues json.RawMessage `json:"vendor_metric_values,omitzero"`
}

// ordinaryReachUnit is what reach counts where nobody says.
var ordinaryReachUnit = json.RawMessage(`"` + string(adcp.ReachUnitIndividuals) + `"`)

// finality is whether a report is the last word, as it came.
type finality struct {
	IsFinal           json.RawMessage `json:"is_final,omitzero"`
	FinalizedAt       json.RawMessage `json:"finalized_at,omitzero"`
	MeasurementWindow json.RawMessage `json:"measurement_window,omitzero"`
}

// said is everything that reports of a media buy are to say, as it is stored.
type said struct {
	measured
	finality
}

// simulateDelivery has the ad server report delivery of a media buy: its packages
// share it by their budgets. It adds to what was delivered before.
func (d *Controller) simulateDelivery(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		MediaBuyID string `json:"media_buy_id"`
		delivery
	}](r)
	if err != nil {
		return nil, err
	}
	extra, err := read[said](r)
	if err != nil {
		return nil, err
	}
	if extra.Reach != nil && extra.ReachUnit == nil {
		extra.ReachUnit = ordinaryReachUnit
	}
	b, err := d.Seller.MediaBuyOf(ctx, r.call.Principal, p.MediaBuyID)
	if err != nil {
		return nil, err
	}
	m, err := p.metrics(b.Currency)
	if err != nil {
		return nil, err
	}
	sum, err := d.report(ctx, b, m)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	if err := d.put(ctx, r.call.Principal, kindReport, b.ID, string(document)); err != nil {
		return nil, err
	}
	echo := map[string]json.RawMessage{}
	if err := json.Unmarshal(r.Params, &echo); err != nil {
		return nil, err
	}
	delete(echo, "media_buy_id")
	simulated, err := json.Marshal(echo)
	if err != nil {
		return nil, err
	}
	cumulative, err := json.Marshal(cumulated(sum, b.Currency, extra.measured))
	return &adcp.ComplyTestControllerResponse{
		Success: true, Simulated: simulated, Cumulative: cumulative,
		Message: new(fmt.Sprintf("media buy %s has delivered %d impressions so far", b.ID, sum.Impressions)),
	}, err
}

func (p delivery) metrics(c money.Currency) (adserver.Metrics, error) {
	m := adserver.Metrics{
		Impressions: p.Impressions, Clicks: p.Clicks, Views: max(p.Views, p.CompletedViews), CompletedViews: p.CompletedViews,
		Conversions: p.Conversions,
	}
	if p.Viewability != nil {
		m.ViewableImpressions = p.Viewability.ViewableImpressions
	}
	for _, n := range []int64{m.Impressions, m.Clicks, m.Views, m.CompletedViews, m.Conversions, m.ViewableImpressions} {
		if n < 0 {
			return m, invalid("params", "What was delivered is not below zero.")
		}
	}
	if p.ReportedSpend == nil {
		return m, nil
	}
	if p.ReportedSpend.Currency != string(c) {
		return m, invalid("params.reported_spend.currency", "The media buy is in %s.", c)
	}
	spend, err := p.ReportedSpend.Amount.Micros()
	if err != nil || spend < 0 {
		return m, invalid("params.reported_spend.amount", "%s is not an amount of money.", p.ReportedSpend.Amount)
	}
	m.Spend = money.Micros(spend)
	return m, nil
}

// report shares delivery over a media buy's packages that run, or over all where
// none does.
func (d *Controller) report(ctx context.Context, b *seller.MediaBuy, m adserver.Metrics) (adserver.Metrics, error) {
	var running []seller.Package
	for _, p := range b.Packages {
		if !p.Canceled {
			running = append(running, p)
		}
	}
	if len(running) == 0 {
		running = b.Packages
	}
	var budget, before money.Micros
	for _, p := range running {
		budget += p.Budget
	}
	var given, sum adserver.Metrics
	for _, p := range running {
		before += p.Budget
		// What the packages so far have of the whole, less what they were given: the
		// parts add up exactly.
		part := less(scaled(m, int64(before), int64(budget)), given)
		given = given.Plus(part)
		total, err := d.AdServer.Report(ctx, p.ID, part)
		if errors.Is(err, adserver.ErrNotFound) {
			return sum, adcp.NewError(adcp.CodeInvalidState, "params.media_buy_id", "The ad server does not hold the media buy.").
				WithDetails(map[string]any{"current_state": b.State})
		}
		if err != nil {
			return sum, err
		}
		sum = sum.Plus(total)
	}
	return sum, nil
}

// scaled is n/d of each count, rounded down.
func scaled(m adserver.Metrics, n, d int64) adserver.Metrics {
	part := func(of int64) int64 { return int64(money.Micros(of).MulDiv(n, d)) }
	return adserver.Metrics{
		Impressions: part(m.Impressions), ViewableImpressions: part(m.ViewableImpressions), Clicks: part(m.Clicks), Views: part(m.Views),
		CompletedViews: part(m.CompletedViews), Conversions: part(m.Conversions), Spend: money.Micros(part(int64(m.Spend))),
	}
}

func less(a, b adserver.Metrics) adserver.Metrics {
	return adserver.Metrics{
		Impressions: a.Impressions - b.Impressions, ViewableImpressions: a.ViewableImpressions - b.ViewableImpressions,
		Clicks: a.Clicks - b.Clicks, Views: a.Views - b.Views, CompletedViews: a.CompletedViews - b.CompletedViews,
		Conversions: a.Conversions - b.Conversions, Spend: a.Spend - b.Spend,
	}
}

// cumulated is the sum of what a media buy has delivered, in the words of the
// parameters.
func cumulated(m adserver.Metrics, c money.Currency, last measured) any {
	return struct {
		Impressions    int64 `json:"impressions"`
		Clicks         int64 `json:"clicks"`
		CompletedViews int64 `json:"completed_views,omitzero"`
		Conversions    int64 `json:"conversions,omitzero"`
		ReportedSpend  any   `json:"reported_spend"`
		measured
	}{m.Impressions, m.Clicks, m.CompletedViews, m.Conversions, amountOf(m.Spend, c), last}
}

func amountOf(m money.Micros, c money.Currency) any {
	return struct {
		Amount   adcp.Decimal   `json:"amount"`
		Currency money.Currency `json:"currency"`
	}{adcp.DecimalFromMicros(int64(m)), c}
}

// afterDelivery has reports say what was simulated beside counts.
func (d *Controller) afterDelivery(ctx context.Context, call *agent.Call, _ *adcp.GetMediaBuyDeliveryRequest, resp *adcp.GetMediaBuyDeliveryResponse) error {
	if !call.Sandbox {
		return nil
	}
	for i := range resp.MediaBuyDeliveries {
		r := &resp.MediaBuyDeliveries[i]
		row, err := d.Store.Read().SandboxItem(ctx, store.SandboxItemParams{Tenant: d.Tenant, Principal: call.Principal, Kind: kindReport, ItemID: r.MediaBuyID})
		if errors.Is(err, store.ErrNoRow) {
			continue
		}
		if err != nil {
			return err
		}
		if err := say([]byte(row.Document), r); err != nil {
			return fmt.Errorf("simulated report of %s: %w", r.MediaBuyID, err)
		}
	}
	return nil
}

// say lays what was simulated over a report. A media buy of one package says the
// same of that package.
func say(document []byte, r *adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery) error {
	var last said
	if err := json.Unmarshal(document, &last); err != nil {
		return err
	}
	counts, err := json.Marshal(last.measured)
	if err != nil {
		return err
	}
	end, err := json.Marshal(last.finality)
	if err != nil {
		return err
	}
	parts := []any{&r.Totals}
	for i := range r.ByPackage {
		if err := json.Unmarshal(end, &r.ByPackage[i]); err != nil {
			return err
		}
		if len(r.ByPackage) == 1 {
			parts = append(parts, &r.ByPackage[i])
		}
	}
	for _, part := range parts {
		if err := json.Unmarshal(counts, part); err != nil {
			return err
		}
	}
	return json.Unmarshal(end, r)
}

// simulateBudgetSpend brings what a media buy, or an account's media buys together,
// have spent to a share of the budget. What is spent already is not taken back.
func (d *Controller) simulateBudgetSpend(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		AccountID       string       `json:"account_id"`
		MediaBuyID      string       `json:"media_buy_id"`
		SpendPercentage adcp.Decimal `json:"spend_percentage"`
	}](r)
	if err != nil {
		return nil, err
	}
	if p.MediaBuyID == "" {
		return nil, invalid("params.media_buy_id", "The seller keeps budgets by media buy; name one.")
	}
	b, err := d.Seller.MediaBuyOf(ctx, r.call.Principal, p.MediaBuyID)
	if err != nil {
		return nil, err
	}
	if b.Budget() == 0 {
		return nil, invalid("params.media_buy_id", "The media buy has no budget.")
	}
	share, err := p.SpendPercentage.Rat()
	if err != nil {
		return nil, invalid("params.spend_percentage", "%s is not a percentage.", p.SpendPercentage)
	}
	target := new(big.Rat).Mul(share, big.NewRat(int64(b.Budget()), 100))
	spend := money.Micros(new(big.Int).Quo(target.Num(), target.Denom()).Int64())
	before, err := d.report(ctx, b, adserver.Metrics{})
	if err != nil {
		return nil, err
	}
	if spend < before.Spend {
		return nil, adcp.NewError(adcp.CodeInvalidState, "params.spend_percentage", fmt.Sprintf("The media buy has spent %s %s already.", before.Spend.Format(b.Currency), b.Currency)).
			WithDetails(map[string]any{"current_state": b.State})
	}
	if _, err := d.report(ctx, b, adserver.Metrics{Spend: spend - before.Spend}); err != nil {
		return nil, err
	}
	simulated, err := json.Marshal(map[string]any{
		"spend_percentage": p.SpendPercentage, "computed_spend": amountOf(spend, b.Currency), "budget": amountOf(b.Budget(), b.Currency),
	})
	return &adcp.ComplyTestControllerResponse{
		Success: true, Simulated: simulated,
		Message: new(fmt.Sprintf("media buy %s has spent %s of %s %s", b.ID, spend.Format(b.Currency), b.Budget().Format(b.Currency), b.Currency)),
	}, err
}
