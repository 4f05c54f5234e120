package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var now = time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC)

func appendEvent(t testing.TB, db *store.DB, e store.Event) {
	t.Helper()
	inTx(t, db, func(tx *store.Tx) error { return tx.AppendEvent(t.Context(), e) })
}

func events(t testing.TB, db *store.DB, tenant string, f store.EventFilter) []store.Event {
	t.Helper()
	found, err := db.Read().Events(t.Context(), tenant, f)
	if err != nil {
		t.Fatalf("Events: %v", err)
	}
	return found
}

func TestEventComesBackWhole(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		want := store.Event{
			Tenant: "t", ID: "e1", At: now, Kind: "media_buy.created", Subject: "mb_1", CampaignID: "c1", FlowID: "f1",
			Actor: "principal p", Document: json.RawMessage(`{"price": 12.50, "words": "ü'\"\u2028"}`),
		}
		appendEvent(t, db, want)
		want.Sequence = 1
		if diff := cmp.Diff([]store.Event{want}, events(t, db, "t", store.EventFilter{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestEventIsFilledIn(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			cfg.Clock = clock.NewSimulated(now)
			db := storetest.OpenConfig(t, cfg)
			appendEvent(t, db, store.Event{Tenant: "t", Kind: "k"})
			got := events(t, db, "t", store.EventFilter{})[0]
			if len(got.ID) != 36 || !got.At.Equal(now) || string(got.Document) != "{}" {
				t.Errorf("got %+v, want an ID, the clock's time and an empty document", got)
			}
		})
	}
}

func TestEventRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for want, e := range map[string]store.Event{
			"tenant":   {Kind: "k"},
			"kind":     {Tenant: "t"},
			"document": {Tenant: "t", Kind: "k", Document: json.RawMessage("{")},
		} {
			err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.AppendEvent(t.Context(), e) })
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("AppendEvent(%+v) = %v, want it to name the %s", e, err, want)
			}
		}
	})
}

func TestEventsAreFiltered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i := range 8 {
			bit := func(n int) string { return fmt.Sprint(i >> n & 1) }
			appendEvent(t, db, store.Event{Tenant: "t", Kind: bit(0), Subject: bit(1), CampaignID: bit(2), FlowID: fmt.Sprint(i)})
		}
		appendEvent(t, db, store.Event{Tenant: "other", Kind: "1", Subject: "1", CampaignID: "1", FlowID: "7"})
		for name, tt := range map[string]struct {
			f    store.EventFilter
			want []int64
		}{
			"All":      {store.EventFilter{}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
			"Kind":     {store.EventFilter{Kind: "1"}, []int64{2, 4, 6, 8}},
			"Subject":  {store.EventFilter{Subject: "0"}, []int64{1, 2, 5, 6}},
			"Campaign": {store.EventFilter{CampaignID: "1"}, []int64{5, 6, 7, 8}},
			"Flow":     {store.EventFilter{FlowID: "3"}, []int64{4}},
			"Two":      {store.EventFilter{Kind: "1", CampaignID: "0"}, []int64{2, 4}},
			"After":    {store.EventFilter{After: 6}, []int64{7, 8}},
			"Limit":    {store.EventFilter{After: 2, Limit: 3}, []int64{3, 4, 5}},
			"Nothing":  {store.EventFilter{Kind: "x"}, nil},
		} {
			var got []int64
			for _, e := range events(t, db, "t", tt.f) {
				got = append(got, e.Sequence)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

func TestEventsOfTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tenant := range []string{"a", "b", "a"} {
			appendEvent(t, db, store.Event{Tenant: tenant, ID: "same in both", Kind: tenant})
		}
		for _, tenant := range []string{"a", "b"} {
			got := events(t, db, tenant, store.EventFilter{})
			if len(got) != 1 || got[0].Sequence != 1 || got[0].Kind != tenant {
				t.Errorf("%s sees %v, want its one event", tenant, got)
			}
		}
		if got := events(t, db, "", store.EventFilter{}); len(got) != 0 {
			t.Errorf("no tenant sees %v", got)
		}
	})
}

func TestEventsAreNumberedInTheOrderOfCommit(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			agents := []*store.DB{storetest.OpenConfig(t, cfg), storetest.OpenConfig(t, cfg)}
			const each = 10
			var wg sync.WaitGroup
			for i := range 2 * each {
				wg.Go(func() {
					db := agents[i%2]
					if i%5 == 0 { // leaves no gap
						_ = db.Tx(t.Context(), func(tx *store.Tx) error {
							return errors.Join(tx.AppendEvent(t.Context(), store.Event{Tenant: "t", Kind: "k"}), errors.New("rolled back"))
						})
					}
					if err := db.Tx(t.Context(), func(tx *store.Tx) error {
						return tx.AppendEvent(t.Context(), store.Event{Tenant: "t", Kind: "k"})
					}); err != nil {
						t.Errorf("append: %v", err)
					}
				})
			}
			wg.Wait()
			got := events(t, agents[0], "t", store.EventFilter{})
			if len(got) != 2*each {
				t.Fatalf("%d events, want %d", len(got), 2*each)
			}
			for i, e := range got {
				if e.Sequence != int64(i+1) {
					t.Errorf("event %d has sequence %d", i+1, e.Sequence)
				}
			}
		})
	}
}

func TestTimesAreKeptToTheMicrosecond(t *testing.T) {
	t.Parallel()
	for _, want := range []time.Time{{}, now, now.In(time.FixedZone("x", 3600)), time.Date(1969, 1, 1, 0, 0, 0, 1000, time.UTC)} {
		if got := store.Time(store.Micros(want)); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%v came back as %v", want, got)
		}
	}
}
