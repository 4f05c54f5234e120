package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestSeen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC))
		open := func(tenant string) *store.Seen {
			return db.Seen(store.SeenConfig{Tenant: tenant, Clock: c, LeaseClock: c, Lease: time.Minute, Remember: 72 * time.Hour})
		}
		one, two, other := open("buyer"), open("buyer"), open("another")
		want := func(rule string, s *store.Seen, sender string, want client.SeenState) {
			t.Helper()
			if got, err := s.Begin(t.Context(), sender, "whk_1"); err != nil || got != want {
				t.Errorf("%s: got %v, %v, want %v", rule, got, err, want)
			}
		}
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		want("the first has it", one, "a", client.SeenNew)
		want("nobody else meanwhile", two, "a", client.SeenInFlight)
		want("another sender's key is another key", two, "b", client.SeenNew)
		want("another tenant's too", other, "a", client.SeenNew)
		ok(two.Abandon(t.Context(), "a", "whk_1"))
		want("who has no claim cannot give it back", two, "a", client.SeenInFlight)
		ok(one.Abandon(t.Context(), "a", "whk_1"))
		want("what was given back can be had", two, "a", client.SeenNew)
		c.Advance(61 * time.Second)
		want("the claim of a dead process runs out", one, "a", client.SeenNew)
		if err := two.Finish(t.Context(), "a", "whk_1"); err == nil {
			t.Error("a lost claim is finished")
		}
		ok(one.Finish(t.Context(), "a", "whk_1"))
		want("handled is handled", two, "a", client.SeenHandled)
		ok(one.Abandon(t.Context(), "a", "whk_1"))
		c.Advance(71 * time.Hour)
		want("for three days", one, "a", client.SeenHandled)
		c.Advance(2 * time.Hour)
		want("and is forgotten then", one, "a", client.SeenNew)
	})
}

func TestSeenIsClaimedByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				state, err := db.Seen(store.SeenConfig{Tenant: "buyer"}).Begin(t.Context(), "a", "whk_1")
				if err != nil {
					t.Error(err)
				}
				if state == client.SeenNew {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d have it, want one", won.Load())
		}
	})
}
