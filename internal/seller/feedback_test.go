package seller_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

// spending is radio with a creative.
func spending(budget string, creatives ...string) object {
	var list []object
	for _, c := range creatives {
		list = append(list, object{"creative_id": c})
	}
	return with(radio(budget), object{"creative_assignments": list})
}

func (h *house) feedBack(id string, changes object) {
	h.t.Helper()
	resp := ask[adcp.ProvidePerformanceFeedbackResponse](h.t, &h.shop, "buyer", "provide_performance_feedback", with(object{
		"idempotency_key": h.key(), "media_buy_id": id, "performance_index": 1.0,
		"measurement_period": object{"start": "2027-03-05T00:00:00Z", "end": "2027-03-06T00:00:00Z"},
	}, changes))
	if !adcp.Val(resp.Success) {
		h.t.Fatal("the feedback was not taken")
	}
}

func (h *house) held(id string) adserver.LineItem {
	h.t.Helper()
	o, err := h.adServer.AdServer.Read(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return o.LineItems[0]
}

func TestFeedbackMovesDelivery(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.upload("spot", "audio_30s")
	h.upload("jingle", "audio_30s")
	better, plain := *h.book(h.order(spending("9000", "spot"))).MediaBuyID, *h.book(h.order(spending("9000", "spot"))).MediaBuyID
	mixed := *h.book(h.order(spending("9000", "spot", "jingle"))).MediaBuyID
	h.deliver(time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC))
	h.feedBack(better, object{"performance_index": 1.5})
	h.feedBack(mixed, object{"creative_id": "spot", "performance_index": 3.0})
	if w := h.held(better).Weight; w != 1_500_000 {
		t.Errorf("the ad server holds weight %d, want 1,500,000", w)
	}
	h.deliver(time.Date(2027, 3, 8, 0, 0, 0, 0, time.UTC))
	impressions := func(id string) (n int64, byCreative map[string]int64) {
		rows, err := h.adServer.Delivery(t.Context(), adserver.DeliveryQuery{OrderID: id, From: time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		byCreative = map[string]int64{}
		for _, r := range rows {
			for _, c := range r.Creatives {
				byCreative[c.CreativeID] += c.Impressions
			}
		}
		return adserver.Sum(rows).Impressions, byCreative
	}
	b, _ := impressions(better)
	p, _ := impressions(plain)
	if b*10 < p*13 {
		t.Errorf("impressions since: %d where it performs, %d where nothing was said; want about half more", b, p)
	}
	if _, by := impressions(mixed); by["spot"] < 2*by["jingle"] || by["jingle"] == 0 {
		t.Errorf("impressions by creative %v, want three to one", by)
	}
}

func TestFeedbackKeepsToBounds(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.upload("spot", "audio_30s")
	id := *h.book(h.order(spending("9000", "spot"))).MediaBuyID
	for _, c := range []struct {
		said string
		want int64
	}{{"0", 100_000}, {"50", 3_000_000}, {"1", 0}} {
		h.feedBack(id, object{"performance_index": json.Number(c.said)})
		if w := h.held(id).Weight; w != c.want {
			t.Errorf("index %s: weight %d, want %d", c.said, w, c.want)
		}
	}
}
