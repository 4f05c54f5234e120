package seller_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func usd(n int64) money.Amount {
	return money.Amount{Micros: money.Micros(n) * money.Unit, Currency: "USD"}
}

func (h *house) financials(account object) *adcp.GetAccountFinancialsResponse {
	h.t.Helper()
	return ask[adcp.GetAccountFinancialsResponse](h.t, &h.shop, "buyer", "get_account_financials", object{"account": account})
}

func (h *house) available() string {
	h.t.Helper()
	c := h.financials(acme).Credit
	if c == nil {
		h.t.Fatal("no credit")
	}
	return string(c.AvailableCredit)
}

func TestCreditLimit(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, relations(map[string]seller.Relation{"buyer": {CreditLimit: usd(10_000)}}))
	h.upload("spot", "audio_30s")
	h.upload("clip", "video_15s")
	left := func(what, want string) {
		t.Helper()
		if got := h.available(); got != want {
			t.Errorf("%s: %s available, want %s", what, got, want)
		}
	}
	b := h.book(h.order(spending("6000", "spot")))
	left("booked", "4000")
	e := h.refused("buyer", "create_media_buy", h.order(radio("4001")))
	if e.Code != adcp.CodeBudgetExceeded || string(e.Details) != `{"available":4000,"currency":"USD","limit":"credit limit"}` {
		t.Errorf("%s %s", e.Code, e.Details)
	}
	budget := func(n string) object {
		return object{"packages": []object{{"package_id": b.Packages[0].PackageID, "budget": json.Number(n)}}}
	}
	if e := h.refused("buyer", "update_media_buy", h.update(*b.MediaBuyID, budget("10001"))); e.Code != adcp.CodeBudgetExceeded {
		t.Errorf("raised beyond: %s", e.Code)
	}
	h.change(*b.MediaBuyID, budget("9000"))
	left("raised", "1000")
	h.change(*b.MediaBuyID, budget("2000"))
	left("lowered", "8000")

	h.adServer.set(func(m *moody) {
		m.beforeApply = func(adserver.Order) error { return &adserver.Refusal{Field: "line_items[0].budget", Reason: "no"} }
	})
	h.refused("buyer", "create_media_buy", h.order(radio("3000")))
	h.adServer.set(func(m *moody) { m.beforeApply = nil })
	left("refused by the ad server", "8000")

	h.deliver(time.Date(2027, 3, 7, 0, 0, 0, 0, time.UTC))
	h.change(*b.MediaBuyID, object{"canceled": true})
	spent, err := money.Parse(string(h.financials(acme).Spend.TotalSpend))
	if err != nil || spent == 0 {
		t.Fatalf("spent %s, %v", spent, err)
	}
	left("canceled: only what was spent is owed", (usd(10_000).Micros - spent).Literal())
}

func TestCommitmentOfAPendingOrder(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, relations(map[string]seller.Relation{"buyer": {CreditLimit: usd(50_000)}}))
	request := with(h.order(television("30000")), object{"start_time": "2027-03-15T00:00:00Z", "end_time": "2027-03-25T00:00:00Z"})
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request)
	if got := h.available(); got != "20000" {
		t.Errorf("%s available while a person decides, want 20000", got)
	}
	if err := h.service.Reject(t.Context(), *resp.TaskID, account.Staff{Name: "ann", Roles: []account.Role{account.RoleAdmin}}, "no room"); err != nil {
		t.Fatal(err)
	}
	if got := h.available(); got != "50000" {
		t.Errorf("%s available once rejected, want 50000", got)
	}
}

func TestDailyCeiling(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, relations(map[string]seller.Relation{"buyer": {DailyCeiling: usd(8_000)}}))
	h.book(h.order(radio("5000")))
	if e := h.refused("buyer", "create_media_buy", h.order(radio("3001"))); e.Code != adcp.CodeBudgetExceeded {
		t.Errorf("code %s, want %s", e.Code, adcp.CodeBudgetExceeded)
	}
	h.advance(today.Add(24 * time.Hour))
	h.book(h.order(radio("8000")))
}

func TestLimitInOneCurrency(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, relations(map[string]seller.Relation{"buyer": {CreditLimit: money.Amount{Micros: money.Unit, Currency: "EUR"}}}))
	if e := h.refused("buyer", "create_media_buy", h.order(radio("5000"))); e.Code != adcp.CodeValidationError {
		t.Errorf("code %s, want %s", e.Code, adcp.CodeValidationError)
	}
}

func TestTwoOrdersCannotBothHaveTheLastOfALimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db, relations(map[string]seller.Relation{"buyer": {CreditLimit: usd(10_000)}}))
		h.account("buyer", "acme.example")
		requests := make([]json.RawMessage, 8)
		for i := range requests {
			doc, err := json.Marshal(h.order(radio("3000")))
			if err != nil {
				t.Fatal(err)
			}
			requests[i] = doc
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		booked, refused := 0, 0
		for _, doc := range requests {
			wg.Go(func() {
				r := h.agent.Do(context.Background(), agent.Request{
					Operation: "create_media_buy", Arguments: doc, Credential: agent.Credential{Scheme: "bearer", Value: "buyer"},
				})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.Error == nil:
					booked++
				case r.Error.Code == adcp.CodeBudgetExceeded:
					refused++
				default:
					t.Errorf("%s", r.Body)
				}
			})
		}
		wg.Wait()
		if booked != 3 || refused != 5 || h.available() != "1000" {
			t.Errorf("%d booked, %d refused, %s available; want 3, 5, 1000", booked, refused, h.available())
		}
	})
}

func TestFinancials(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	if got := h.financials(acme); got.Credit != nil || *got.Timezone != "UTC" || got.Period.Start != "2027-03-01" || *got.PaymentStatus != "current" {
		t.Errorf("answered %+v", got)
	}
	nova := named("nova.example", "nova.example")
	h.sync("buyer", with(nova, object{"billing": "agent"}))
	for _, c := range []struct {
		name    string
		request object
		code    adcp.ErrorCode
	}{
		{"ErrNotOperatorBilled", object{"account": nova}, adcp.CodeUnsupportedFeature},
		{"ErrUnknown", object{"account": named("none.example", "none.example")}, adcp.CodeAccountNotFound},
		{"ErrPeriodReversed", object{"account": acme, "period": object{"start": "2027-03-05", "end": "2027-03-01"}}, adcp.CodeValidationError},
	} {
		t.Run(c.name, func(t *testing.T) {
			if e := h.refused("buyer", "get_account_financials", c.request); e.Code != c.code {
				t.Errorf("code %s, want %s", e.Code, c.code)
			}
		})
	}
}

func TestReportUsage(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	id := *h.book(h.order(radio("5000"))).MediaBuyID
	record := func(changes object) object {
		return with(object{"account": acme, "media_buy_id": id, "vendor_cost": json.Number("12.5"), "currency": "USD"}, changes)
	}
	report := func(principal string, records ...object) *adcp.ReportUsageResponse {
		t.Helper()
		return ask[adcp.ReportUsageResponse](t, &h.shop, principal, "report_usage", object{
			"idempotency_key": h.key(), "usage": records,
			"reporting_period": object{"start": "2027-03-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"},
		})
	}
	kept := func(want int64) {
		t.Helper()
		rows, err := h.db.Read().UsageRecords(t.Context(), store.UsageRecordsParams{Tenant: "shop", AccountID: h.account("buyer", "acme.example")})
		if err != nil || len(rows) != 1 || rows[0].VendorCost != want {
			t.Errorf("kept %+v, %v; want one of %d", rows, err, want)
		}
	}
	if r := report("buyer", record(nil)); r.Accepted != 1 {
		t.Fatalf("answered %+v", r)
	}
	report("buyer", record(nil))
	kept(12_500_000)
	report("buyer", record(object{"vendor_cost": json.Number("13"), "final": true, "finalized_at": "2027-04-02T00:00:00Z"}))
	kept(13_000_000)
	if r := report("buyer", record(object{"vendor_cost": json.Number("14")})); r.Accepted != 0 || r.Errors[0].Code != adcp.CodeConflict {
		t.Errorf("final numbers changed: %+v", r)
	}
	kept(13_000_000)
	for _, c := range []struct {
		name      string
		principal string
		record    object
		code      adcp.ErrorCode
	}{
		{"ErrNoMediaBuy", "buyer", record(object{"media_buy_id": nil}), adcp.CodeInvalidRequest},
		{"ErrUnknown", "buyer", record(object{"media_buy_id": "mb_none"}), adcp.CodeMediaBuyNotFound},
		{"ErrOfAnother", "stranger", record(nil), adcp.CodeAccountNotFound},
		{"ErrCurrency", "buyer", record(object{"currency": "EUR"}), adcp.CodeValidationError},
		{"ErrPrice", "buyer", record(object{"pricing_option_id": "none"}), adcp.CodeValidationError},
		{"ErrTooPrecise", "buyer", record(object{"vendor_cost": json.Number("0.0000001")}), adcp.CodeValidationError},
		{"ErrFinalizedButNotFinal", "buyer", record(object{"finalized_at": "2027-04-02T00:00:00Z"}), adcp.CodeValidationError},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := report(c.principal, c.record)
			if r.Accepted != 0 || len(r.Errors) != 1 || r.Errors[0].Code != c.code {
				t.Errorf("answered %+v, want %s", r, c.code)
			}
		})
	}
}
