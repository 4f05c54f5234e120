package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// reportUsage serves report_usage: what a buyer or its vendor counted for media
// buys, kept for reconciling bills. Records fail one by one. A record says what it
// is about, so that reporting it again counts once; until it is final it may be
// corrected.
func (s *Service) reportUsage(ctx context.Context, call *agent.Call, req *adcp.ReportUsageRequest) (*adcp.ReportUsageResponse, error) {
	if !req.ReportingPeriod.End.After(req.ReportingPeriod.Start) {
		return nil, refusal(adcp.CodeValidationError, "reporting_period.end", "The period ends before it starts.")
	}
	resp := new(adcp.ReportUsageResponse)
	if call.Sandbox {
		resp.Sandbox = new(true)
	}
	for i := range req.Usage {
		problem, err := s.reportRecord(ctx, call, req, fmt.Sprintf("usage[%d]", i), &req.Usage[i])
		switch {
		case err != nil:
			return nil, err
		case problem != nil:
			resp.Errors = append(resp.Errors, *problem)
		default:
			resp.Accepted++
		}
	}
	return resp, nil
}

// reportRecord keeps one record, or says why it cannot.
func (s *Service) reportRecord(ctx context.Context, call *agent.Call, req *adcp.ReportUsageRequest, at string, u *adcp.ReportUsageRequestUsageItem) (*adcp.Error, error) {
	q := s.db.Read()
	a, err := s.account(ctx, q, call.Caller, &u.Account)
	if errors.Is(err, errNoRow) || err == nil && a.Revision == 0 {
		return errAccountNotFound(at + ".account"), nil
	}
	if err != nil {
		return nil, err
	}
	if u.MediaBuyID == nil {
		return refusal(adcp.CodeInvalidRequest, at+".media_buy_id", "A seller bills media buys; the record names none.").
			WithSuggestion("Name the media buy that was counted."), nil
	}
	b, err := s.mediaBuy(ctx, q, *u.MediaBuyID)
	if errors.Is(err, errNoRow) || err == nil && (b.Principal != call.Principal || b.AccountID != a.ID) {
		return refusal(adcp.CodeMediaBuyNotFound, at+".media_buy_id", "There is no such media buy.").WithSuggestion("Find yours with get_media_buys."), nil
	}
	if err != nil {
		return nil, err
	}
	c := new(checks)
	cost, _ := c.amount(at+".vendor_cost", u.VendorCost)
	if u.Currency != string(b.Currency) {
		c.add(adcp.CodeValidationError, at+".currency", "The media buy is in %s.", b.Currency)
	}
	if u.PricingOptionID != nil && !slices.ContainsFunc(b.Packages, func(p Package) bool { return p.Price.ID == *u.PricingOptionID }) {
		c.add(adcp.CodeValidationError, at+".pricing_option_id", "The media buy has no such price.")
	}
	if u.FinalizedAt != nil && !adcp.Val(u.Final) {
		c.add(adcp.CodeValidationError, at+".finalized_at", "Only a record that is final was made so at a time.")
	}
	if problem, ok := errors.AsType[*adcp.Error](c.err()); ok {
		return problem, nil
	}
	return s.keepRecord(ctx, call, req, at, u, a, cost)
}

// keepRecord writes a record, once for what it is about.
func (s *Service) keepRecord(ctx context.Context, call *agent.Call, req *adcp.ReportUsageRequest, at string, u *adcp.ReportUsageRequestUsageItem, a *Account, cost money.Micros) (*adcp.Error, error) {
	doc, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	period := req.ReportingPeriod
	recordID := id.Derive("usage", s.tenant, call.Principal, a.ID, *u.MediaBuyID, adcp.Val(u.PricingOptionID), adcp.Val(u.CreativeID),
		adcp.Val(u.SignalAgentSegmentID), adcp.Val(u.StandardsID), adcp.Val(u.PropertyListID), adcp.Val(u.RightsID), adcp.Val(u.MeasurementWindow),
		stamp(period.Start), stamp(period.End))
	var problem *adcp.Error
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		problem = nil
		held, err := row(tx.UsageRecord(ctx, store.UsageRecordParams{Tenant: s.tenant, RecordID: recordID}))
		switch {
		case errors.Is(err, errNoRow):
			_, err := tx.InsertUsageRecord(ctx, store.InsertUsageRecordParams{
				Tenant: s.tenant, RecordID: recordID, Principal: call.Principal, AccountID: a.ID, MediaBuyID: *u.MediaBuyID,
				PricingOptionID: adcp.Val(u.PricingOptionID), VendorCost: int64(cost), Currency: u.Currency,
				PeriodStart: store.Micros(period.Start), PeriodEnd: store.Micros(period.End), Final: adcp.Val(u.Final),
				Document: string(doc), ReportedAt: store.Micros(call.Now),
			})
			return err
		case err != nil || held.Document == string(doc):
			return err // the same once more counts once
		case held.Final:
			problem = refusal(adcp.CodeConflict, at, "Final numbers were reported for this already, and they are others.").
				WithSuggestion("Have a person reconcile the two with the seller.")
			return nil
		}
		_, err = tx.UpdateUsageRecord(ctx, store.UpdateUsageRecordParams{
			VendorCost: int64(cost), Currency: u.Currency, Final: adcp.Val(u.Final), Document: string(doc),
			ReportedAt: store.Micros(call.Now), Tenant: s.tenant, RecordID: recordID,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("usage record: %w", err)
	}
	return problem, nil
}
