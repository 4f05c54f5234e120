package seller

import (
	"context"
	"encoding/json"
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

// getMediaBuys serves get_media_buys.
func (s *Service) getMediaBuys(ctx context.Context, call *agent.Call, req *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
	filter := req.StatusFilter
	if len(filter) == 0 && len(req.MediaBuyIDs) == 0 {
		filter = json.RawMessage(`"active"`)
	}
	q := s.db.Read()
	rows, missing, err := s.ownMediaBuys(ctx, q, call, req.Account, req.MediaBuyIDs, filter)
	if err != nil {
		return nil, err
	}
	page, pagination, err := paginate(rows, req.Pagination, "get_media_buys", func(r store.MediaBuy) string { return r.MediaBuyID })
	if err != nil {
		return nil, err
	}
	accounts, _, err := s.accounts(ctx, q, call.Caller)
	if err != nil {
		return nil, err
	}
	resp := &adcp.GetMediaBuysResponse{
		Status: adcp.TaskStatusCompleted, MediaBuys: []adcp.GetMediaBuysResponseMediaBuy{}, Pagination: &pagination, Errors: missing,
	}
	for _, r := range page {
		b, err := s.assemble(ctx, q, r)
		if err != nil {
			return nil, err
		}
		w, err := s.mediaBuyStatus(ctx, q, b, accounts[b.AccountID], req)
		if err != nil {
			return nil, err
		}
		resp.MediaBuys = append(resp.MediaBuys, *w)
	}
	return resp, nil
}

// ownMediaBuys reads the rows of the caller's media buys that a request selects,
// oldest first, and says which of the named ones there are not.
func (s *Service) ownMediaBuys(ctx context.Context, q *store.Queries, call *agent.Call, account *adcp.AccountReference, ids []string, filter json.RawMessage) ([]store.MediaBuy, []adcp.Error, error) {
	states, err := statesOf(filter)
	if err != nil {
		return nil, nil, err
	}
	accountID := ""
	if account != nil {
		a, err := s.account(ctx, q, call.Caller, account)
		if errors.Is(err, errNoRow) {
			return nil, nil, errAccountNotFound("account")
		} else if err != nil {
			return nil, nil, err
		}
		accountID = a.ID
	}
	rows, err := q.MediaBuysOfPrincipal(ctx, store.MediaBuysOfPrincipalParams{Tenant: s.tenant, Principal: call.Principal})
	if err != nil {
		return nil, nil, fmt.Errorf("media buys: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r store.MediaBuy) bool {
		return accountID != "" && r.AccountID != accountID || !call.SeesAccount(r.AccountID)
	})
	var missing []adcp.Error
	for i, id := range ids {
		if !slices.ContainsFunc(rows, func(r store.MediaBuy) bool { return r.MediaBuyID == id }) {
			missing = append(missing, *refusal(adcp.CodeMediaBuyNotFound, fmt.Sprintf("media_buy_ids[%d]", i), "There is no such media buy.").
				WithSuggestion("Find yours with get_media_buys."))
		}
	}
	rows = slices.DeleteFunc(rows, func(r store.MediaBuy) bool {
		return len(ids) > 0 && !slices.Contains(ids, r.MediaBuyID) || len(states) > 0 && !slices.Contains(states, State(r.Status))
	})
	return rows, missing, nil
}

// statesOf reads a status_filter: one state or a list of them.
func statesOf(filter json.RawMessage) ([]State, error) {
	if len(filter) == 0 {
		return nil, nil
	}
	var one State
	if json.Unmarshal(filter, &one) == nil {
		return []State{one}, nil
	}
	var list []State
	if err := json.Unmarshal(filter, &list); err != nil {
		return nil, refusal(adcp.CodeValidationError, "status_filter", "status_filter is neither a status nor a list of them.")
	}
	return list, nil
}

// mediaBuyStatus is a media buy as get_media_buys shows it.
func (s *Service) mediaBuyStatus(ctx context.Context, q *store.Queries, b *MediaBuy, account *Account, req *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponseMediaBuy, error) {
	start, end := b.Flight()
	w := &adcp.GetMediaBuysResponseMediaBuy{
		MediaBuyID: b.ID, Status: adcp.MediaBuyStatus(b.State), Health: new(adcp.MediaBuyHealthOk),
		Currency: string(b.Currency), TotalBudget: number(b.Budget()), StartTime: &start, EndTime: &end,
		ConfirmedAt: &b.ConfirmedAt, Revision: b.Revision, CreatedAt: &b.CreatedAt, UpdatedAt: &b.UpdatedAt,
		Context: b.Context, ValidActions: b.validActions(), AvailableActions: b.availableActions(s.desk),
		RejectionReason: optional(b.RejectionReason), Packages: []adcp.PackageStatus{},
	}
	if account != nil {
		w.Account = new(account.wire())
	}
	if x := b.Cancellation; x != nil && b.State == StateCanceled {
		w.Cancellation = &adcp.GetMediaBuysResponseMediaBuyCancellation{
			CanceledAt: x.At, CanceledBy: adcp.CanceledBy(x.By), Reason: optional(x.Reason),
		}
	}
	var rows []adserver.HourlyDelivery
	var snapshotErr error
	if adcp.Val(req.IncludeSnapshot) {
		if rows, snapshotErr = s.delivered(ctx, adserver.DeliveryQuery{OrderID: b.ID, Step: adserver.StepWhole}); snapshotErr != nil {
			s.log.WarnContext(ctx, "no delivery snapshot", "media_buy", b.ID, "error", snapshotErr)
		}
	}
	for i := range b.Packages {
		p := b.Packages[i].status()
		switch {
		case !adcp.Val(req.IncludeSnapshot):
		case snapshotErr != nil:
			p.SnapshotUnavailableReason = new(adcp.SnapshotUnavailableReasonSnapshotTemporarilyUnavailable)
		default:
			p.Snapshot = b.Packages[i].snapshot(rows, s.now())
		}
		w.Packages = append(w.Packages, p)
	}
	var err error
	if w.Impairments, err = s.impairments(ctx, q, b); len(w.Impairments) > 0 {
		w.Health = new(adcp.MediaBuyHealthImpaired)
	}
	if n := adcp.Val(req.IncludeHistory); n > 0 && err == nil {
		w.History, err = s.history(ctx, q, b.ID, n)
	}
	return w, err
}

// status is the package as get_media_buys shows it.
func (p *Package) status() adcp.PackageStatus {
	full := p.wire()
	w := adcp.PackageStatus{
		PackageID: p.ID, ProductID: full.ProductID, Budget: full.Budget, Currency: new(string(p.Price.Currency)),
		BidPrice: full.BidPrice, FormatIDs: full.FormatIDs, Impressions: full.Impressions,
		TargetingOverlay: full.TargetingOverlay, StartTime: full.StartTime, EndTime: full.EndTime,
		Paused: full.Paused, Canceled: full.Canceled, Context: full.Context, Ext: full.Ext,
	}
	if x := p.Cancellation; x != nil {
		w.Cancellation = &adcp.PackageStatusCancellation{CanceledAt: x.At, CanceledBy: adcp.CanceledBy(x.By), Reason: optional(x.Reason)}
	}
	for _, a := range p.Creatives {
		if !a.ReleasedAt.IsZero() {
			continue
		}
		w.CreativeApprovals = append(w.CreativeApprovals, adcp.PackageStatusCreativeApproval{
			CreativeID: a.CreativeID, ApprovalStatus: a.approval(), RejectionReason: optional(a.Reason),
		})
	}
	return w
}

// reportLag is how old a snapshot may be: the ad server reports whole hours.
const reportLag = time.Hour

func (p *Package) snapshot(rows []adserver.HourlyDelivery, now time.Time) *adcp.PackageStatusSnapshot {
	m := sumOf(rows, p.ID)
	return &adcp.PackageStatusSnapshot{
		AsOf: now, StalenessSeconds: int64(reportLag / time.Second), Impressions: whole(m.Impressions),
		Spend: number(m.Spend), Clicks: new(whole(m.Clicks)), PacingIndex: p.pacingIndex(m.Spend, now),
	}
}

// sumOf adds up one line item's delivery.
func sumOf(rows []adserver.HourlyDelivery, lineItem string) adserver.Metrics {
	var m adserver.Metrics
	for i := range rows {
		if rows[i].LineItemID == lineItem {
			m = m.Plus(rows[i].Metrics)
		}
	}
	return m
}

// whole is a count as the protocol's JSON number.
func whole(n int64) adcp.Decimal { return adcp.Decimal(fmt.Sprint(n)) }

// ratio is n/d with six decimals, rounded down; nil where d is zero.
func ratio(n, d int64) *adcp.Decimal {
	if d <= 0 {
		return nil
	}
	return new(number(money.Micros(n).MulDiv(int64(money.Unit), d)))
}

// history lists the latest changes of a media buy, newest first.
func (s *Service) history(ctx context.Context, q *store.Queries, id string, limit int64) ([]adcp.GetMediaBuysResponseMediaBuyHistoryItem, error) {
	rows, err := q.MediaBuyHistory(ctx, store.MediaBuyHistoryParams{Tenant: s.tenant, MediaBuyID: id, MaxRows: limit})
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", id, err)
	}
	list := make([]adcp.GetMediaBuysResponseMediaBuyHistoryItem, len(rows))
	for i, r := range rows {
		list[i] = adcp.GetMediaBuysResponseMediaBuyHistoryItem{
			Revision: r.Revision, Timestamp: store.Time(r.At), Actor: optional(r.Actor),
			Action: r.Action, Summary: optional(r.Summary), PackageID: optional(r.PackageID),
		}
	}
	return list, nil
}
