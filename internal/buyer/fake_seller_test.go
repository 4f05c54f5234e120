package buyer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
)

// fakeSeller is a small sales agent that speaks the real protocol over the real
// transport, and can be told to misbehave.
type fakeSeller struct {
	name     string
	clock    clock.Clock
	products []map[string]any
	server   *httptest.Server

	mu    sync.Mutex
	buys  map[string]*fakeBuy
	tasks map[string]string // to the media buy
	// requests are the create requests seen, by key; more than one for a key differ.
	requests map[string][]string
	creates  int
	syncs    int

	// manual sellers answer submitted and decide at decideAt; reject refuses then.
	manual   bool
	decideAt time.Time
	reject   bool
	// change alters what is booked against what was asked for.
	change func(*adcp.CreateMediaBuyResponse)
	// refuse refuses a create request.
	refuse func(*adcp.CreateMediaBuyRequest) error
	// loseAnswers drops so many answers to create_media_buy after they took effect.
	loseAnswers int
	// overspend reports more than was booked.
	overspend bool
	// page splits the products into pages of so many; endless sellers always
	// say that there is another, at the same place or at ever new ones.
	page            int
	endless, moving bool
}

type fakeBuy struct {
	id       string
	request  adcp.CreateMediaBuyRequest
	canceled bool
	creative map[string]string // by package
	at       time.Time
}

func newFakeSeller(t *testing.T, name string, c clock.Clock, products ...map[string]any) *fakeSeller {
	t.Helper()
	f := &fakeSeller{name: name, clock: c, products: products, buys: map[string]*fakeBuy{}, tasks: map[string]string{}, requests: map[string][]string{}}
	a := agent.New(agent.Config{
		Name: name, Clock: c, Responses: agent.TrustResponses,
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			if c.Value != "token" {
				return agent.Caller{}, agent.ErrBadCredential
			}
			return agent.Caller{Tenant: name, Principal: "buyer"}, nil
		}),
	})
	f.register(a)
	next := mcp.NewHandler(a, mcp.Options{})
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		buffered := httptest.NewRecorder()
		next.ServeHTTP(buffered, r)
		f.mu.Lock()
		lose := bytes.Contains(body, []byte(`"create_media_buy"`)) && f.loseAnswers > 0
		if lose {
			f.loseAnswers--
		}
		f.mu.Unlock()
		if lose {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		for k, v := range buffered.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(buffered.Code)
		_, _ = w.Write(buffered.Body.Bytes())
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeSeller) seller() Seller {
	return Seller{Name: f.name, URL: f.server.URL + "/mcp", Token: "token"}
}

func (f *fakeSeller) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.creates
}

// booked is what the seller holds: the budgets of all packages not cancelled.
func (f *fakeSeller) booked() (budgets []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.buys {
		for _, p := range b.request.Packages {
			if !b.canceled {
				budgets = append(budgets, p.ProductID+" "+string(p.Budget))
			}
		}
	}
	slices.Sort(budgets)
	return budgets
}

func (f *fakeSeller) register(a *agent.Agent) {
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		resp := new(adcp.GetAdcpCapabilitiesResponse)
		return resp, json.Unmarshal([]byte(`{"adcp":{"major_versions":[3],"supported_versions":["3.0","3.1"],
			"idempotency":{"supported":true,"replay_ttl_seconds":86400}},"supported_protocols":["media_buy"]}`), resp)
	})
	agent.Handle(a, adcp.GetProducts, f.getProducts)
	agent.Handle(a, adcp.SyncAccounts, func(_ context.Context, _ *agent.Call, req *adcp.SyncAccountsRequest) (*adcp.SyncAccountsResponse, error) {
		return &adcp.SyncAccountsResponse{Accounts: []adcp.SyncAccountsResponseAccount{{
			Brand: *req.Accounts[0].Brand, Operator: *req.Accounts[0].Operator, Action: "created", Status: adcp.AccountStatusActive,
		}}}, nil
	})
	agent.Handle(a, adcp.CreateMediaBuy, f.create)
	agent.Handle(a, adcp.UpdateMediaBuy, func(_ context.Context, _ *agent.Call, req *adcp.UpdateMediaBuyRequest) (*adcp.UpdateMediaBuyResponse, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		b := f.buys[req.MediaBuyID]
		if b == nil {
			return nil, adcp.NewError(adcp.CodeMediaBuyNotFound, "media_buy_id", "no such media buy")
		}
		b.canceled = adcp.Val(req.Canceled)
		return &adcp.UpdateMediaBuyResponse{MediaBuyID: &b.id, Revision: new(int64(2))}, nil
	})
	agent.Handle(a, adcp.GetTaskStatus, f.task)
	agent.Handle(a, adcp.GetMediaBuys, f.getBuys)
	agent.Handle(a, adcp.GetMediaBuyDelivery, f.delivery)
	agent.Handle(a, adcp.ListCreativeFormats, func(context.Context, *agent.Call, *adcp.ListCreativeFormatsRequest) (*adcp.ListCreativeFormatsResponse, error) {
		resp := new(adcp.ListCreativeFormatsResponse)
		return resp, json.Unmarshal([]byte(`{"formats":[
			{"format_id":{"agent_url":"https://formats.example","id":"video_15s"},"name":"15 s","assets":[
				{"item_type":"individual","asset_id":"video_file","asset_type":"video","required":true,"requirements":{"min_duration_ms":14500,"max_duration_ms":15500}},
				{"item_type":"individual","asset_id":"click_url","asset_type":"url","required":true,"requirements":{"role":"clickthrough"}}]}]}`), resp)
	})
	agent.Handle(a, adcp.SyncCreatives, func(_ context.Context, _ *agent.Call, req *adcp.SyncCreativesRequest) (*adcp.SyncCreativesResponse, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.syncs++
		resp := &adcp.SyncCreativesResponse{Creatives: []adcp.SyncCreativesResponseCreative{}}
		for _, c := range req.Creatives {
			resp.Creatives = append(resp.Creatives, adcp.SyncCreativesResponseCreative{CreativeID: c.CreativeID, Action: adcp.CreativeActionCreated})
		}
		for _, assign := range req.Assignments {
			for _, b := range f.buys {
				for i := range b.request.Packages {
					if packageID(b.id, i) == assign.PackageID {
						b.creative[assign.PackageID] = assign.CreativeID
					}
				}
			}
		}
		return resp, nil
	})
}

func (f *fakeSeller) getProducts(_ context.Context, _ *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
	start := 0
	if c := adcp.Val(req.Pagination.Cursor); c != "" {
		_, _ = fmt.Sscan(c, &start)
	}
	end := len(f.products)
	document := map[string]any{"cache_scope": "account", "status": "completed"}
	if f.page > 0 && start+f.page < end {
		end = start + f.page
		document["pagination"] = map[string]any{"has_more": true, "cursor": fmt.Sprint(end)}
	}
	if f.endless {
		next := "again"
		if f.moving {
			next = "0" + adcp.Val(req.Pagination.Cursor)
		}
		document["pagination"] = map[string]any{"has_more": true, "cursor": next}
	}
	document["products"] = append([]map[string]any{}, f.products[start:end]...)
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	resp := new(adcp.GetProductsResponse)
	return resp, json.Unmarshal(raw, resp)
}

func packageID(buy string, i int) string { return fmt.Sprintf("%s_p%d", buy, i) }

func (f *fakeSeller) create(_ context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.creates++
	if f.refuse != nil {
		if err := f.refuse(req); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(f.requests[call.IdempotencyKey], string(raw)) {
		f.requests[call.IdempotencyKey] = append(f.requests[call.IdempotencyKey], string(raw))
	}
	b := &fakeBuy{id: id.Derive("mb", f.name, call.IdempotencyKey), request: *req, creative: map[string]string{}, at: call.Now}
	if f.manual {
		task := id.Derive("task", b.id)
		f.tasks[task] = b.id
		f.buys[b.id] = b
		b.canceled = true // not before it is decided
		return &adcp.CreateMediaBuyResponse{Status: adcp.TaskStatusSubmitted, TaskID: &task}, nil
	}
	f.buys[b.id] = b
	return f.answer(b), nil
}

func (f *fakeSeller) answer(b *fakeBuy) *adcp.CreateMediaBuyResponse {
	resp := &adcp.CreateMediaBuyResponse{
		Status: adcp.TaskStatusCompleted, MediaBuyID: &b.id, MediaBuyStatus: new(adcp.MediaBuyStatusPendingCreatives), Revision: new(int64(1)),
		ConfirmedAt: adcp.Some(b.at), Currency: new("USD"), Packages: []adcp.Package{},
	}
	for i, p := range b.request.Packages {
		resp.Packages = append(resp.Packages, adcp.Package{
			PackageID: packageID(b.id, i), ProductID: &p.ProductID, Budget: &p.Budget,
			PricingOptionID: &p.PricingOptionID, BidPrice: p.BidPrice,
		})
	}
	if f.change != nil {
		f.change(resp)
	}
	return resp
}

func (f *fakeSeller) task(_ context.Context, _ *agent.Call, req *adcp.GetTaskStatusRequest) (*adcp.GetTaskStatusResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.buys[f.tasks[req.TaskID]]
	if b == nil {
		return nil, adcp.NewError(adcp.CodeReferenceNotFound, "task_id", "no such task")
	}
	now := f.clock.Now()
	resp := &adcp.GetTaskStatusResponse{TaskID: req.TaskID, TaskType: "create_media_buy", Protocol: "media-buy", Status: adcp.TaskStatusSubmitted, CreatedAt: b.at, UpdatedAt: now}
	if now.Before(f.decideAt) {
		return resp, nil
	}
	if f.reject {
		resp.Status, resp.Error = adcp.TaskStatusRejected, &adcp.GetTaskStatusResponseError{Code: "POLICY_VIOLATION", Message: "not on our screens"}
		return resp, nil
	}
	b.canceled = false
	result, err := json.Marshal(f.answer(b))
	if err != nil {
		return nil, err
	}
	resp.Status, resp.Result = adcp.TaskStatusCompleted, result
	return resp, nil
}

func (b *fakeBuy) status(now time.Time) adcp.MediaBuyStatus {
	start, err := time.Parse(time.RFC3339, b.request.StartTime)
	if err != nil {
		start = b.at
	}
	switch {
	case b.canceled:
		return adcp.MediaBuyStatusCanceled
	case !now.Before(b.request.EndTime):
		return adcp.MediaBuyStatusCompleted
	case len(b.creative) == 0:
		return adcp.MediaBuyStatusPendingCreatives
	case now.Before(start):
		return adcp.MediaBuyStatusPendingStart
	}
	return adcp.MediaBuyStatusActive
}

func (f *fakeSeller) getBuys(_ context.Context, _ *agent.Call, req *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := &adcp.GetMediaBuysResponse{MediaBuys: []adcp.GetMediaBuysResponseMediaBuy{}}
	for _, mediaBuyID := range req.MediaBuyIDs {
		if b := f.buys[mediaBuyID]; b != nil {
			resp.MediaBuys = append(resp.MediaBuys, adcp.GetMediaBuysResponseMediaBuy{
				MediaBuyID: b.id, Status: b.status(f.clock.Now()), Currency: "USD",
				TotalBudget: "0", ConfirmedAt: &b.at, Revision: 1, Packages: []adcp.PackageStatus{},
			})
		}
	}
	return resp, nil
}

// delivery spends half of each budget once the flight is over, and nothing before.
func (f *fakeSeller) delivery(_ context.Context, _ *agent.Call, req *adcp.GetMediaBuyDeliveryRequest) (*adcp.GetMediaBuyDeliveryResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	resp := &adcp.GetMediaBuyDeliveryResponse{
		Currency: "USD", ReportingPeriod: adcp.GetMediaBuyDeliveryResponseReportingPeriod{Start: now, End: now},
		MediaBuyDeliveries: []adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery{},
	}
	for _, mediaBuyID := range req.MediaBuyIDs {
		b := f.buys[mediaBuyID]
		if b == nil {
			continue
		}
		d := adcp.GetMediaBuyDeliveryResponseMediaBuyDelivery{MediaBuyID: b.id, Status: "active", ByPackage: []adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItem{}}
		d.Totals.Spend = "0"
		for i, p := range b.request.Packages {
			item := adcp.GetMediaBuyDeliveryResponseMediaBuyDeliveryByPackageItem{
				PackageID: packageID(b.id, i), Spend: "0", Impressions: new(adcp.Decimal("0")),
				PricingModel: "cpm", Rate: "1", Currency: "USD",
			}
			if !now.Before(b.request.EndTime) && !b.canceled {
				budget, err := p.Budget.Micros()
				if err != nil {
					return nil, err
				}
				if budget /= 2; f.overspend {
					budget *= 3
				}
				item.Spend, item.Impressions = adcp.DecimalFromMicros(budget), new(adcp.Decimal("1000"))
			}
			d.ByPackage = append(d.ByPackage, item)
		}
		resp.MediaBuyDeliveries = append(resp.MediaBuyDeliveries, d)
	}
	return resp, nil
}

// wireProduct is a product as a seller sends it.
func wireProduct(productID, channel string, price float64) map[string]any {
	return map[string]any{
		"product_id": productID, "name": "The " + productID, "description": "Somewhere good", "delivery_type": "non_guaranteed",
		"channels":             []string{channel},
		"publisher_properties": []any{map[string]any{"publisher_domain": "pub.example", "selection_type": "all"}},
		"format_ids":           []any{map[string]any{"agent_url": "https://formats.example", "id": "video_15s"}},
		"pricing_options":      []any{map[string]any{"pricing_option_id": "cpm1", "pricing_model": "cpm", "currency": "USD", "fixed_price": price}},
		"reporting_capabilities": map[string]any{
			"available_reporting_frequencies": []string{"daily"}, "expected_delay_minutes": 0, "timezone": "UTC",
			"supports_webhooks": false, "available_metrics": []string{"impressions", "spend"}, "date_range_support": "date_range",
		},
	}
}
