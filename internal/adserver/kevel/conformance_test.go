package kevel_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/adservertest"
	"github.com/upfront-media/upfront/internal/adserver/kevel"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/money"
)

var monday = time.Date(2026, 6, 1, 0, 17, 0, 0, time.UTC)

func open(t testing.TB, server *httptest.Server, now clock.Clock, transport http.RoundTripper) *kevel.AdServer {
	t.Helper()
	a, err := kevel.New(kevel.Config{
		URL: server.URL, Key: testKey, Client: &http.Client{Transport: transport}, Currency: "USD", Clock: now,
		Products: map[string]kevel.Product{
			"video":   {SiteID: 11, ZoneID: 12, PriorityID: 21, GuaranteedPriorityID: 22},
			"remnant": {SiteID: 11, PriorityID: 23},
			"broken":  {SiteID: 11, PriorityID: 666},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adservertest.Run(t, func(t *testing.T) adservertest.Bench {
		now := clock.NewSimulated(monday)
		_, server := newFake(t, now.Now)
		return adservertest.Bench{Adapter: open(t, server, now, server.Client().Transport), Now: monday, ProductID: "video", Fit: fit}
	})
}

func TestConformanceWithFaults(t *testing.T) {
	t.Parallel()
	adservertest.RunWithFaults(t, func(t *testing.T, trouble *adservertest.Trouble) (adserver.Adapter, adservertest.Bench) {
		now := clock.NewSimulated(monday)
		f, server := newFake(t, now.Now)
		line := &adservertest.Transport{Base: server.Client().Transport, Trouble: trouble}
		return open(t, server, now, line), adservertest.Bench{
			Adapter: open(t, server, now, server.Client().Transport), Now: monday, ProductID: "video", Fit: fit, Orders: f.campaigns,
		}
	})
}

// fit takes out what [TestRefuses] shows to be refused.
func fit(o *adserver.Order) {
	for i := range o.LineItems {
		li := &o.LineItems[i]
		li.Budget -= li.Budget % money.Unit
		li.Creatives = nil
		if li.MaxBid > 0 {
			li.Rate, li.MaxBid, li.Floor = li.MaxBid, 0, 0
		}
		li.Rate -= li.Rate % 10_000
		if li.Pacing == adserver.PacingFrontLoaded {
			li.Pacing = adserver.PacingEven
		}
		if li.FrequencyCap != nil {
			li.FrequencyCap.Suppress = 0
		}
		if len(li.Targeting.Overlay) > 0 {
			li.Targeting.Overlay = []byte(`{"geo_countries":["US","CA"]}`)
		}
	}
}
