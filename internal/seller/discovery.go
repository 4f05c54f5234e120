package seller

import (
	"context"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/money"
)

// query is one get_products request being answered.
type query struct {
	view
	*Service
	*shelf
	principal string
	// shown names what is shown of the caller's own products instead of everything.
	shown  []string
	req    *adcp.GetProductsRequest
	asOf   time.Time
	budget money.Micros
}

// getProducts answers get_products in every mode. A caller without
// a credential sees everything but prices.
func (s *Service) getProducts(ctx context.Context, call *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, []adcp.Item, error) {
	var shown []string
	if s.showcase != nil {
		var err error
		if shown, err = s.showcase(ctx, call); err != nil {
			return nil, nil, err
		}
	}
	q, w, refusal := s.newQuery(call, req, shown)
	if refusal != nil {
		return nil, nil, refusal
	}
	if req.BuyingMode == adcp.GetProductsRequestBuyingModeRefine {
		return q.refine(ctx, call, w)
	}
	list := q.list(w.query)
	resp := &adcp.GetProductsResponse{
		Status:               adcp.TaskStatusCompleted,
		WholesaleFeedVersion: &list.version,
		// What the caller may buy, and at which price, does not depend on the account.
		CacheScope: new(adcp.GetProductsResponseCacheScopePublic),
	}
	if req.IfWholesaleFeedVersion != nil && *req.IfWholesaleFeedVersion == list.version {
		resp.Unchanged = new(true)
		return resp, nil, nil
	}
	resp.FilterDiagnostics = list.diagnostics
	page, pagination := pageOf(w, list.offers)
	if err := q.lookUpLeft(ctx, page); err != nil {
		return nil, nil, err
	}
	products, err := q.itemsOf(page)
	if err != nil {
		return nil, nil, err
	}
	resp.Pagination, resp.Errors = pagination, q.divergent(page)
	if resp.Proposals, err = q.propose(ctx, w, page); err != nil {
		return nil, nil, err
	}
	if len(resp.Proposals) > 0 {
		resp.CacheScope = new(adcp.GetProductsResponseCacheScopeAccount)
	}
	if q.hidePrices {
		resp.Incomplete = []adcp.GetProductsResponseIncompleteItem{{
			Scope:       adcp.GetProductsResponseIncompleteItemScopePricing,
			Description: "Prices and minimum spends are shown to callers with a credential.",
		}}
	}
	if req.PropertyList != nil {
		resp.PropertyListApplied = new(false)
	}
	if req.Catalog != nil {
		resp.CatalogApplied = new(false)
	}
	return resp, products, nil
}

// newQuery checks what the schema cannot, and finds the request's place in its list.
func (s *Service) newQuery(call *agent.Call, req *adcp.GetProductsRequest, shown []string) (*query, walk, *adcp.Error) {
	if refusal := s.checkMode(req); refusal != nil {
		return nil, walk{}, refusal
	}
	if refusal := s.checkDiscoveryWebhook(req); refusal != nil {
		return nil, walk{}, refusal
	}
	if req.BuyingMode == adcp.GetProductsRequestBuyingModeWholesale {
		// Buyers must not send a brief with a wholesale read, yet widely used ones do.
		// The mode is what counts: the read is the same without.
		bare := *req
		bare.Brief, req = nil, &bare
	}
	q := &query{Service: s, shelf: s.shelf(), principal: call.Principal, shown: shown, req: req, view: view{agentURL: s.agentURL, hidePrices: call.Anonymous, reports: s.webhooks != nil}}
	var refusal *adcp.Error
	if f := req.Filters; f != nil {
		q.countries = f.Countries
		if q.flight, refusal = readFlight(f); refusal != nil {
			return nil, walk{}, refusal
		}
		if f.BudgetRange != nil {
			if q.budget, refusal = budget(f.BudgetRange); refusal != nil {
				return nil, walk{}, refusal
			}
		}
	}
	whose := ""
	if q.private {
		whose = strings.Join(append([]string{call.Principal}, shown...), "\x00")
	}
	name, err := digest("get_products", q.version, whose, call.Anonymous, req.BuyingMode, req.Brief, req.Brand, req.Account,
		req.PreferredDeliveryTypes, req.Filters, req.RequiredPolicies, req.Refine)
	if err != nil {
		return nil, walk{}, adcp.NewError(adcp.CodeInvalidRequest, "", err.Error())
	}
	w, refusal := startWalk(req.Pagination, name, call.Now)
	if q.timeless() {
		// Only the age of its cursor counts. In whole minutes, the same page reads
		// the same for a while.
		w.asOf = w.asOf.Truncate(time.Minute)
	}
	q.asOf = w.asOf
	return q, w, refusal
}

// checkMode refuses what does not go with the buying mode.
func (s *Service) checkMode(req *adcp.GetProductsRequest) *adcp.Error {
	switch req.BuyingMode {
	case adcp.GetProductsRequestBuyingModeRefine:
		if s.takesOrders() {
			return checkRefine(req)
		}
		return adcp.NewError(adcp.CodeUnsupportedFeature, "buying_mode", "This seller does not refine: it makes no proposals.").
			WithSuggestion("Send a new brief with buying_mode brief, or read everything with wholesale.")
	case adcp.GetProductsRequestBuyingModeWholesale:
	default:
		if strings.TrimSpace(adcp.Val(req.Brief)) == "" {
			return adcp.NewError(adcp.CodeInvalidRequest, "brief", "buying_mode brief needs a brief.").
				WithSuggestion("Say in plain words what is to be advertised, to whom, where and when; or use buying_mode wholesale.")
		}
	}
	if len(req.Refine) > 0 {
		return adcp.NewError(adcp.CodeInvalidRequest, "refine", "refine goes with buying_mode refine only.").
			WithSuggestion("Leave refine out.")
	}
	return nil
}

// checkDiscoveryWebhook refuses a registration that could not be honored. What is
// taken is never used: get_products answers at once, and what a call has answered
// itself is not told by webhook.
func (s *Service) checkDiscoveryWebhook(req *adcp.GetProductsRequest) *adcp.Error {
	switch {
	case req.PushNotificationConfig == nil:
		return nil
	case s.webhooks != nil:
		return s.webhooks.Check(pushField, req.PushNotificationConfig)
	case req.BuyingMode == adcp.GetProductsRequestBuyingModeBrief:
		return adcp.NewError(adcp.CodeUnsupportedFeature, pushField, "get_products answers at once and sends no notification.").
			WithSuggestion("Leave push_notification_config out.")
	}
	return nil
}

// readFlight reads the dates that a campaign is to run, as far as they are given.
func readFlight(f *adcp.ProductFilters) (flight, *adcp.Error) {
	var out flight
	for _, day := range []struct {
		field string
		text  *string
		into  *time.Time
	}{{"filters.start_date", f.StartDate, &out.start}, {"filters.end_date", f.EndDate, &out.end}} {
		if day.text == nil {
			continue
		}
		at, err := time.Parse(time.DateOnly, *day.text)
		if err != nil {
			return flight{}, adcp.NewError(adcp.CodeInvalidRequest, day.field, "The date is not a calendar day.").
				WithSuggestion("Write it as YYYY-MM-DD.")
		}
		*day.into = at
	}
	switch {
	case out.known() && out.end.Before(out.start):
		return flight{}, adcp.NewError(adcp.CodeInvalidRequest, "filters.end_date", "The campaign ends before it starts.").
			WithSuggestion("Send an end_date on or after start_date.")
	case out.known() && out.days() > maxFlightDays:
		return flight{}, adcp.NewError(adcp.CodeInvalidRequest, "filters.end_date", "The campaign is longer than ten years.").
			WithSuggestion("Send an earlier end_date.")
	}
	return out, nil
}

// maxFlightDays keeps forecasts within bounds.
const maxFlightDays = 3660
