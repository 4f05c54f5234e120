package builtin_test

import (
	"context"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/adservertest"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

var ample = builtin.Supply{
	Daily: 5_000_000, Variance: 200_000,
	Rates: builtin.Rates{Viewable: 700_000, Click: 2_000, View: 800_000, Complete: 600_000, Convert: 100},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, dialect) // one for all: each test is a tenant
			adservertest.Run(t, func(t *testing.T) adservertest.Bench { return bench(t, db) })
		})
	}
}

func TestConformanceWithFaults(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, dialect)
			adservertest.RunWithFaults(t, func(t *testing.T, trouble *adservertest.Trouble) (adserver.Adapter, adservertest.Bench) {
				b := bench(t, db)
				return &adservertest.Faulty{Adapter: b.Adapter, Trouble: trouble}, b
			})
		})
	}
}

func bench(t *testing.T, db *store.DB) adservertest.Bench {
	now := clock.NewSimulated(monday.Add(17 * time.Minute))
	s := open(t, builtin.Config{Store: db, Clock: now, Supply: map[string]builtin.Supply{"video": ample}})
	return adservertest.Bench{
		Adapter: s, Now: now.Now(), ProductID: "video",
		Elapse: func(ctx context.Context, until time.Time) error {
			now.AdvanceTo(until)
			return s.Deliver(ctx, until)
		},
	}
}

// open opens an ad server for a tenant of the test's name.
func open(t testing.TB, cfg builtin.Config) *builtin.AdServer {
	t.Helper()
	if cfg.Tenant == "" {
		cfg.Tenant = t.Name()
	}
	s, err := builtin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
