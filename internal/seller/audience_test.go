package seller_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/seller/audience"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// people are n members with hashed addresses.
func people(n int) []object {
	list := make([]object, n)
	for i := range list {
		list[i] = object{"external_id": fmt.Sprintf("crm_%d", i), "hashed_email": fmt.Sprintf("%064x", i+1)}
	}
	return list
}

func (h *house) handIn(id string, members []object) adcp.SyncAudiencesResponseAudience {
	h.t.Helper()
	resp := ask[adcp.SyncAudiencesResponse](h.t, &h.shop, "buyer", "sync_audiences", object{
		"idempotency_key": h.key(), "account": acme, "audiences": []object{{"audience_id": id, "add": members}},
	})
	return resp.Audiences[0]
}

// deliver lets the ad server run until then.
func (h *house) deliver(until time.Time) {
	h.t.Helper()
	h.advance(until)
	if err := h.adServer.Deliver(h.t.Context(), until); err != nil {
		h.t.Fatal(err)
	}
}

func targeting(p object, overlay object) object { return with(p, object{"targeting_overlay": overlay}) }

func TestAudienceLifecycle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db, func(c *seller.Config) { c.MinimumAudience = 100 })
		h.account("buyer", "acme.example")
		if a := h.handIn("loyal", people(50)); a.Action != "created" || adcp.Val(a.Status) != adcp.AudienceStatusTooSmall || adcp.Val(a.MinimumSize) != 100 {
			t.Fatalf("50 people: %s, %s, least %d; want created, too_small, 100", a.Action, adcp.Val(a.Status), adcp.Val(a.MinimumSize))
		}
		a := h.handIn("loyal", people(1000))
		if a.Action != "updated" || adcp.Val(a.Status) != adcp.AudienceStatusReady || adcp.Val(a.TotalUploadedCount) != 1000 || adcp.Val(a.UploadedCount) != 1000 {
			t.Fatalf("1,000 people: %+v, want updated and ready", a)
		}
		// The ad server knows seven in ten.
		if n := adcp.Val(a.MatchedCount); n < 600 || n > 800 || len(a.MatchBreakdown) != 1 || a.MatchBreakdown[0].Matched != n {
			t.Errorf("matched %d with %+v, want about 700 by hashed_email", n, a.MatchBreakdown)
		}
		if again := h.handIn("loyal", people(1000)); again.Action != "unchanged" {
			t.Errorf("handed in again: %s, want unchanged", again.Action)
		}
	})
}

func TestAudienceRestrictsDelivery(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.upload("spot", "audio_30s")
	h.handIn("loyal", people(2000))
	spot := object{"creative_assignments": []object{{"creative_id": "spot"}}}
	run := func(overlay object) string {
		return *h.book(h.order(targeting(with(radio("50000"), spot), overlay))).MediaBuyID
	}
	all, loyal, others := run(object{}), run(object{"audience_include": []string{"loyal"}}), run(object{"audience_exclude": []string{"loyal"}})
	h.deliver(time.Date(2027, 3, 12, 0, 0, 0, 0, time.UTC))
	impressions := func(id string) float64 {
		resp := ask[adcp.GetMediaBuyDeliveryResponse](t, &h.shop, "buyer", "get_media_buy_delivery", object{"media_buy_ids": []string{id}})
		n, err := strconv.ParseFloat(string(*resp.MediaBuyDeliveries[0].Totals.Impressions), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, l, o := impressions(all), impressions(loyal), impressions(others); l == 0 || l > a/2 || o < a/2 {
		t.Errorf("impressions: %v to all, %v to the audience, %v to the rest; want few to the audience", a, l, o)
	}
}

func TestAudienceSuspension(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.upload("spot", "audio_30s")
	h.handIn("loyal", people(2000))
	id := *h.book(h.order(targeting(with(radio("50000"), object{"creative_assignments": []object{{"creative_id": "spot"}}}),
		object{"audience_include": []string{"loyal"}}))).MediaBuyID
	health := func(want adcp.MediaBuyHealth) adcp.GetMediaBuysResponseMediaBuy {
		t.Helper()
		b := h.buy(id)
		if adcp.Val(b.Health) != want || (want == adcp.MediaBuyHealthOk) != (len(b.Impairments) == 0) {
			t.Fatalf("health %s with %d impairments, want %s", adcp.Val(b.Health), len(b.Impairments), want)
		}
		return b
	}
	health(adcp.MediaBuyHealthOk)
	set := func(status adcp.AudienceStatus, reason adcp.ImpairmentReasonCode) adcp.AudienceStatus {
		t.Helper()
		before, err := h.service.Audiences().SetStatus(t.Context(), "buyer", "", "loyal", status, reason)
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	if before := set(adcp.AudienceStatusSuspended, adcp.ImpairmentReasonCodeConsentExpired); before != adcp.AudienceStatusReady {
		t.Errorf("was %s before, want ready", before)
	}
	b := health(adcp.MediaBuyHealthImpaired)
	i := b.Impairments[0]
	if i.ResourceType != "audience" || i.ResourceID != "loyal" || i.Transition.To != "suspended" || adcp.Val(i.Transition.From) != "ready" ||
		i.ReasonCode != adcp.ImpairmentReasonCodeConsentExpired || len(i.PackageIDs) != 1 || i.PackageIDs[0] != b.Packages[0].PackageID {
		t.Errorf("impairment %+v", i)
	}
	if a := h.handIn("loyal", people(2001)); adcp.Val(a.Status) != adcp.AudienceStatusSuspended {
		t.Errorf("handing in more has made it %s, want suspended", adcp.Val(a.Status))
	}
	h.deliver(time.Date(2027, 3, 12, 0, 0, 0, 0, time.UTC))
	resp := ask[adcp.GetMediaBuyDeliveryResponse](t, &h.shop, "buyer", "get_media_buy_delivery", object{"media_buy_ids": []string{id}})
	if n := *resp.MediaBuyDeliveries[0].Totals.Impressions; n != "0" {
		t.Errorf("%s impressions while suspended, want none", n)
	}
	set(adcp.AudienceStatusReady, "")
	health(adcp.MediaBuyHealthOk)

	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := h.service.Audiences().SetStatus(t.Context(), "stranger", "", "loyal", adcp.AudienceStatusReady, ""); !errors.Is(err, audience.ErrUnknown) {
			t.Errorf("got %v, want %v", err, audience.ErrUnknown)
		}
	})
}

func TestAudienceReachesTheAdServerLater(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.adServer.set(func(m *moody) { m.onAudience = errors.New("down") })
	if a := h.handIn("loyal", people(2000)); adcp.Val(a.Status) != adcp.AudienceStatusProcessing {
		t.Fatalf("%s while the ad server is down, want processing", adcp.Val(a.Status))
	}
	h.adServer.set(func(m *moody) { m.onAudience = nil })
	if a := h.handIn("loyal", people(1)); adcp.Val(a.Status) != adcp.AudienceStatusReady {
		t.Errorf("%s once it is up, want ready", adcp.Val(a.Status))
	}
}
