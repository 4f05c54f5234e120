package seller_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// reports is the reporting_webhook of a mailbox.
func (m *mailbox) reports(frequency string, metrics ...string) object {
	r := object{"url": m.URL + "/reports", "reporting_frequency": frequency, "token": "a-token-of-the-buyers", "authentication": object{
		"schemes": []string{"Bearer"}, "credentials": "0123456789abcdef0123456789abcdef",
	}}
	if len(metrics) > 0 {
		r["requested_metrics"] = metrics
	}
	return r
}

// delivered is a report as it was sent.
type delivered struct {
	envelope adcp.MCPWebhookPayload
	adcp.MediaBuyDeliveryWebhookResult
}

func (d *delivered) impressions() adcp.Decimal {
	return *d.MediaBuyDeliveries[0].Totals.Impressions
}

// reported gives the reports that have come, each checked against its schema.
func (m *mailbox) reported(h *house) []delivered {
	h.t.Helper()
	var list []delivered
	seen := map[string]bool{}
	for _, p := range m.told(h) {
		if p.TaskType != adcp.TaskTypeMediaBuyDelivery || seen[p.IdempotencyKey] {
			continue
		}
		seen[p.IdempotencyKey] = true
		d := delivered{envelope: p}
		if err := json.Unmarshal(p.Result, &d.MediaBuyDeliveryWebhookResult); err != nil {
			h.t.Fatal(err)
		}
		if err := adcp.ValidateDocument("media-buy/media-buy-delivery-webhook-result.json", p.Result); err != nil {
			h.t.Errorf("%s: %v", p.Result, err)
		}
		if p.Token == nil || p.OperationID == "" || p.Status != adcp.TaskStatusCompleted {
			h.t.Errorf("the envelope is %+v", p)
		}
		list = append(list, d)
	}
	return list
}

// often has the radio show reported an hour after it was, with everything.
func often(c *seller.Config) {
	for _, p := range c.Catalogue.Products {
		if p.ID == "radio_show" {
			p.Reporting = seller.Reporting{
				Frequencies: []string{"hourly", "daily", "monthly"}, Delay: time.Hour,
				Metrics: []string{"impressions", "spend", "views", "completed_views"},
			}
		}
	}
}

// reportedBuy books ten days from the fifth of March on, with a creative, to be reported.
func (h *house) reportedBuy(reports object) string {
	h.t.Helper()
	b := h.book(with(h.order(radio("5000")), object{"reporting_webhook": reports}))
	h.upload("cr_1", "audio_30s", b.Packages[0].PackageID)
	return *b.MediaBuyID
}

func day(n int) time.Time { return time.Date(2027, 3, n, 0, 0, 0, 0, time.UTC) }

// sum adds impressions up.
func sum(h *house, list []delivered) adcp.Decimal {
	h.t.Helper()
	var total int64
	for i := range list {
		n, err := list[i].impressions().Int()
		if err != nil {
			h.t.Fatal(err)
		}
		total += n
	}
	return adcp.DecimalFromInt(total)
}

func TestReportsAreSentEachDayAndAtTheEnd(t *testing.T) {
	t.Parallel()
	// However the clock goes, the buyer gets the same reports.
	for name, stops := range map[string][]time.Time{
		"day by day": {
			day(5).Add(time.Hour), day(6).Add(6 * time.Hour), day(7).Add(6 * time.Hour), day(8).Add(6 * time.Hour), day(9).Add(6 * time.Hour),
			day(10).Add(6 * time.Hour), day(11).Add(6 * time.Hour), day(12).Add(6 * time.Hour), day(13).Add(6 * time.Hour), day(14).Add(6 * time.Hour), day(15),
		},
		"the clock jumps": {day(9).Add(time.Hour), day(30)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				m := openMailbox(t)
				h := openHouse(t, db, telling(t), often)
				h.account("buyer", "acme.example")
				id := h.reportedBuy(m.reports("daily"))
				if got := m.reported(h); len(got) != 0 {
					t.Fatalf("told before the flight: %+v", got)
				}
				for _, at := range stops {
					h.advance(at)
				}
				h.tick()
				got := m.reported(h)
				if len(got) != 11 {
					t.Fatalf("got %d reports, want one for each of ten days and a final one", len(got))
				}
				for i, r := range got {
					if *r.SequenceNumber != int64(i+1) || r.MediaBuyDeliveries[0].MediaBuyID != id || r.Currency != "USD" {
						t.Errorf("report %d is %+v", i, r)
					}
					if i == 10 {
						continue
					}
					if start := day(5 + i); r.NotificationType != "scheduled" || !r.ReportingPeriod.Start.Equal(start) ||
						!r.ReportingPeriod.End.Equal(start.AddDate(0, 0, 1).Add(-time.Second)) || r.NextExpectedAt == nil {
						t.Errorf("report %d is %s on %+v", i, r.NotificationType, r.ReportingPeriod)
					}
				}
				final := got[10]
				if final.NotificationType != "final" || final.NextExpectedAt != nil || !final.ReportingPeriod.Start.Equal(day(5)) || !final.ReportingPeriod.End.Equal(day(15)) ||
					final.MediaBuyDeliveries[0].Status != "completed" || !*final.MediaBuyDeliveries[0].IsFinal {
					t.Errorf("the final report is %+v", final)
				}
				whole := ask[adcp.GetMediaBuyDeliveryResponse](t, &h.shop, "buyer", "get_media_buy_delivery", object{"media_buy_ids": []string{id}})
				if a, b, c := final.impressions(), sum(h, got[:10]), *whole.MediaBuyDeliveries[0].Totals.Impressions; a != b || a != c || a.String() == "0" {
					t.Errorf("the final report says %s, the days add up to %s, and get_media_buy_delivery says %s", a, b, c)
				}
				h.advance(day(30).AddDate(0, 2, 0))
				if n := len(m.reported(h)); n != 11 {
					t.Errorf("%d reports after the final one", n-11)
				}
			})
		})
	}
}

// TestReportsOfTwoProcessesAreSentOnce has a second process on the same books, which
// goes on where the first one was.
func TestReportsOfTwoProcessesAreSentOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		m := openMailbox(t)
		one, two := openHouse(t, db, telling(t), often), openHouse(t, db, telling(t), often)
		one.account("buyer", "acme.example")
		one.reportedBuy(m.reports("hourly"))
		for n := range 12 {
			at := day(5).Add(time.Duration(n) * 4 * time.Hour)
			one.clock.AdvanceTo(at)
			two.clock.AdvanceTo(at)
			var wg sync.WaitGroup
			for _, h := range []*house{one, two} {
				wg.Go(func() {
					if err := h.service.Tick(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		two.tick()
		got := m.reported(one)
		for i, r := range got {
			if *r.SequenceNumber != int64(i+1) || !r.ReportingPeriod.Start.Equal(day(5).Add(time.Duration(i)*time.Hour)) {
				t.Errorf("report %d is number %d on %v", i, *r.SequenceNumber, r.ReportingPeriod.Start)
			}
		}
		if len(got) != 43 { // 44 hours but for the one that is still counted
			t.Errorf("got %d reports", len(got))
		}
	})
}

func TestProductsSayThatReportsAreSent(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, telling(t))
	products := ask[adcp.GetProductsResponse](t, &h.shop, "buyer", "get_products", object{"buying_mode": "wholesale"})
	if !products.Products[0].ReportingCapabilities.SupportsWebhooks {
		t.Error("products do not support webhooks")
	}
	can := ask[adcp.GetAdcpCapabilitiesResponse](t, &h.shop, "buyer", "get_adcp_capabilities", object{})
	if len(can.MediaBuy.ReportingDeliveryMethods) != 1 {
		t.Errorf("reports are delivered by %v", can.MediaBuy.ReportingDeliveryMethods)
	}
}

func TestReportsWaitForTheProductsDelay(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	h.reportedBuy(m.reports("hourly"))
	h.advance(day(5).Add(time.Hour + 59*time.Minute))
	if got := m.reported(h); len(got) != 0 {
		t.Fatalf("told %d reports while the hour is counted", len(got))
	}
	h.advance(day(5).Add(2 * time.Hour))
	got := m.reported(h)
	if len(got) != 1 || !got[0].ReportingPeriod.Start.Equal(day(5)) || !got[0].NextExpectedAt.Equal(day(5).Add(3*time.Hour)) {
		t.Errorf("got %+v", got)
	}
}

func TestMonthsAreOfTheCalendar(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	b := h.book(with(h.order(radio("5000")), object{"end_time": "2027-05-10T00:00:00Z", "reporting_webhook": m.reports("monthly")}))
	h.upload("cr_1", "audio_30s", b.Packages[0].PackageID)
	h.advance(time.Date(2027, 5, 20, 0, 0, 0, 0, time.UTC))
	h.tick()
	var got []string
	for _, r := range m.reported(h) {
		got = append(got, string(r.NotificationType)+" "+r.ReportingPeriod.Start.Format(time.DateOnly)+" "+r.ReportingPeriod.End.Format(time.DateTime))
	}
	want := "scheduled 2027-03-01 2027-03-31 23:59:59, scheduled 2027-04-01 2027-04-30 23:59:59, " +
		"scheduled 2027-05-01 2027-05-31 23:59:59, final 2027-03-05 2027-05-10 00:00:00"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestReportsEndWithTheBuy(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	running, early := h.reportedBuy(m.reports("daily")), *h.book(with(h.order(radio("700")), object{"reporting_webhook": m.reports("daily")})).MediaBuyID
	h.change(early, object{"canceled": true})
	h.tick()
	if got := m.reported(h); len(got) != 1 || got[0].NotificationType != "final" || got[0].MediaBuyDeliveries[0].Status != "canceled" || got[0].impressions().String() != "0" {
		t.Fatalf("a buy that never ran: %+v", got)
	}
	h.advance(day(6).Add(12 * time.Hour))
	h.change(running, object{"canceled": true})
	h.tick()
	var kinds []string
	for _, r := range m.reported(h)[1:] {
		kinds = append(kinds, fmt.Sprintf("%s %d", r.NotificationType, r.ReportingPeriod.Start.Day()))
	}
	if strings.Join(kinds, ", ") != "scheduled 5, scheduled 6, final 5" {
		t.Errorf("got %s", strings.Join(kinds, ", "))
	}
}

func TestLateDataIsSaidOnceAndReportedWhenItIsThere(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	id := h.reportedBuy(m.reports("daily"))
	h.adServer.set(func(m *moody) { m.onDelivery = func() error { return adserver.ErrUnavailable } })
	h.clock.AdvanceTo(day(6).Add(time.Hour))
	for range 3 {
		if err := h.service.Tick(t.Context()); err == nil {
			t.Error("an ad server that gives no reports is no error")
		}
		h.clock.Advance(20 * time.Minute)
	}
	got := m.reported(h)
	if len(got) != 1 || got[0].NotificationType != "delayed" || !*got[0].PartialData || *got[0].UnavailableCount != 1 ||
		got[0].MediaBuyDeliveries[0].MediaBuyID != id || got[0].MediaBuyDeliveries[0].Status != "reporting_delayed" || got[0].NextExpectedAt == nil {
		t.Fatalf("got %+v", got)
	}
	h.adServer.set(func(m *moody) { m.onDelivery = nil })
	h.tick()
	got = m.reported(h)
	if len(got) != 2 || got[1].NotificationType != "scheduled" || *got[1].SequenceNumber != 2 || !got[1].ReportingPeriod.Start.Equal(day(5)) {
		t.Errorf("got %+v", got)
	}
}

func TestReportsHoldWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	id := h.reportedBuy(m.reports("daily", "completed_views"))
	h.advance(day(6).Add(2 * time.Hour))
	row := m.reported(h)[0].MediaBuyDeliveries[0]
	if row.Totals.CompletedViews == nil || row.Totals.Impressions == nil || row.Totals.Views != nil || row.Totals.Clicks != nil ||
		row.ByPackage[0].Views != nil || row.ByPackage[0].CompletedViews == nil {
		t.Errorf("got %+v", row)
	}
	// Another receiver and everything, from the next report on.
	m.forget()
	h.change(id, object{"reporting_webhook": m.reports("daily")})
	h.advance(day(7).Add(2 * time.Hour))
	got := m.reported(h)
	if len(got) != 1 || *got[0].SequenceNumber != 2 || got[0].MediaBuyDeliveries[0].Totals.Views == nil {
		t.Errorf("got %+v", got)
	}
	history := h.buy(id).History
	if len(history) == 0 || history[0].Action != "updated_reporting_webhook" {
		t.Errorf("the history is %+v", history)
	}
}

func TestReportsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	for _, tt := range []struct {
		rule, field string
		reports     object
	}{
		{"the address is public", "reporting_webhook.url", with(m.reports("daily"), object{"url": "https://10.0.0.1/"})},
		{"every product is reported so often", "reporting_webhook.reporting_frequency", m.reports("monthly")},
		{"some product has the metric", "reporting_webhook.requested_metrics[1]", m.reports("daily", "completed_views", "leads")},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			got := h.refused("buyer", "create_media_buy", with(h.order(television("20000")), object{"reporting_webhook": tt.reports}))
			if adcp.Val(got.Field) != tt.field || got.Code != adcp.CodeValidationError {
				t.Errorf("got %s at %s: %s", got.Code, adcp.Val(got.Field), got.Message)
			}
		})
	}
}

func TestReportsOfARejectedOrderNeverBegin(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), often)
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy",
		with(h.order(television("20000")), object{"reporting_webhook": m.reports("daily")}))
	if err := h.service.Reject(t.Context(), *resp.TaskID, jo, "sold out"); err != nil {
		t.Fatal(err)
	}
	h.advance(day(20))
	if got := m.reported(h); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
