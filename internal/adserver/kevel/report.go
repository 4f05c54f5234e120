package kevel

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// hourly is how far back Kevel reports by the hour.
const hourly = 35 * 24 * time.Hour

// Statuses of a queued report.
const (
	reportRunning  = 1
	reportComplete = 2
)

type report struct {
	Status  int    `json:"Status"`
	Message string `json:"Message"`
	Result  struct {
		Records []struct {
			Date    string `json:"Date"`
			Details []struct {
				Grouping struct {
					FlightID int64 `json:"FlightId"`
					OptionID int64 `json:"OptionId"` // what reports call it of old
				} `json:"Grouping"`
				Impressions int64       `json:"Impressions"`
				Clicks      int64       `json:"Clicks"`
				Revenue     json.Number `json:"Revenue"`
			} `json:"Details"`
		} `json:"Records"`
	} `json:"Result"`
}

// Delivery implements [adserver.Adapter]. Kevel makes a report on request and by the
// hour for the last 35 days: earlier hours are left out, and while a report is being
// made Delivery is unavailable; asking again asks for the same report. Hours that are
// not over are left out. Revenue is cut to the micro.
func (a *AdServer) Delivery(ctx context.Context, q adserver.DeliveryQuery) ([]adserver.HourlyDelivery, error) {
	st, err := a.load(ctx, q.OrderID)
	if err != nil {
		return nil, passing(err)
	}
	if st.campaign.ID == 0 || st.doc.Revision == 0 {
		return nil, fmt.Errorf("%w: %q", adserver.ErrNotFound, q.OrderID)
	}
	return a.delivered(ctx, st, q)
}

func (a *AdServer) delivered(ctx context.Context, st *state, q adserver.DeliveryQuery) ([]adserver.HourlyDelivery, error) {
	now := a.clock.Now().UTC().Truncate(time.Hour)
	from, to := now.Add(-hourly+time.Hour), now
	if q.From.After(from) {
		from = q.From.UTC().Truncate(time.Hour)
	}
	if !q.To.IsZero() && q.To.Before(to) {
		to = q.To.UTC()
	}
	began := false
	for _, f := range st.flights {
		began = began || f.doc.Item.Start.Before(to)
	}
	if !began || !from.Before(to) {
		return nil, nil
	}
	r, err := a.report(ctx, st.campaign.ID, from, to)
	if err != nil {
		return nil, err
	}
	return rows(st, r, q, from, to)
}

// report asks for a report, or for the one that was asked for before.
func (a *AdServer) report(ctx context.Context, campaignID int64, from, to time.Time) (*report, error) {
	ask := map[string]any{
		"StartDateISO": iso(from), "EndDateISO": iso(to), "GroupBy": []string{"hour", "flightId"},
		"Parameters": []map[string]int64{{"campaignId": campaignID}},
	}
	key := fmt.Sprint(campaignID, from, to)
	a.mu.Lock()
	id := a.reports[key]
	a.mu.Unlock()
	if id == "" {
		var queued struct {
			ID string `json:"Id"`
		}
		if err := a.api.call(ctx, http.MethodPost, "/v1/report/queue", nil, ask, &queued); err != nil {
			return nil, faulty(err)
		}
		if id = queued.ID; id == "" {
			return nil, unavailable("the report that was asked for has no identifier")
		}
	}
	var r report
	err := a.api.call(ctx, http.MethodGet, "/v1/report/queue/"+id, nil, nil, &r)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && r.Status == reportRunning {
		a.reports[key] = id
		return nil, unavailable("the report is being made; ask again")
	}
	if err != nil {
		return nil, faulty(err)
	}
	delete(a.reports, key)
	if r.Status != reportComplete {
		return nil, unavailable("the report failed with status %d: %.300s", r.Status, r.Message)
	}
	return &r, nil
}

// faulty makes a refused report a fault: a [*adserver.Refusal] is about orders.
func faulty(err error) error { return unavailable("report: %s", err.Error()) }

func rows(st *state, r *report, q adserver.DeliveryQuery, from, to time.Time) ([]adserver.HourlyDelivery, error) {
	type place struct {
		lineItem string
		hour     time.Time
	}
	sums := map[place]adserver.Metrics{}
	for _, record := range r.Result.Records {
		hour, err := parseISO(record.Date)
		if err != nil {
			return nil, unavailable("report: %w", err)
		}
		hour = hour.Truncate(time.Hour)
		for _, d := range record.Details {
			id := cmp.Or(d.Grouping.FlightID, d.Grouping.OptionID)
			at := slices.IndexFunc(st.flights, func(f heldFlight) bool { return f.ID == id })
			if at < 0 || hour.Before(from) || !hour.Before(to) {
				continue
			}
			li := st.flights[at].doc.Item.ID
			if len(q.LineItemIDs) > 0 && !slices.Contains(q.LineItemIDs, li) {
				continue
			}
			spend, err := micros(d.Revenue)
			if err != nil {
				return nil, err
			}
			p := place{li, hour}
			sums[p] = sums[p].Plus(adserver.Metrics{Impressions: d.Impressions, Clicks: d.Clicks, Spend: spend})
		}
	}
	var list []adserver.HourlyDelivery
	for p, m := range sums {
		if m != (adserver.Metrics{}) {
			list = append(list, adserver.HourlyDelivery{LineItemID: p.lineItem, Hour: p.hour, Metrics: m, Currency: st.doc.Currency})
		}
	}
	slices.SortFunc(list, func(x, y adserver.HourlyDelivery) int {
		return cmp.Or(x.Hour.Compare(y.Hour), cmp.Compare(x.LineItemID, y.LineItemID))
	})
	return list, nil
}

// micros cuts a decimal of any length to the micro.
func micros(n json.Number) (money.Micros, error) {
	if n == "" {
		return 0, nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return 0, unavailable("report: revenue %q is not an amount", n)
	}
	r.Mul(r, big.NewRat(int64(money.Unit), 1))
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	if !whole.IsInt64() {
		return 0, unavailable("report: revenue %q is too large", n)
	}
	return money.Micros(whole.Int64()), nil
}
