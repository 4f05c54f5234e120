package store_test

import (
	"testing"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestAppendEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.AppendEvent(t.Context(), store.Event{Tenant: "t", Kind: "k"})
		}); err != nil {
			t.Fatal(err)
		}
		events, err := db.Read().Events(t.Context(), "t", store.EventFilter{})
		if err != nil || len(events) != 1 {
			t.Fatal(events, err)
		}
	})
}
