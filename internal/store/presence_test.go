package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestNameIsHeldUntilReleased(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		held(t, db, "a", false)
		release, err := db.Hold(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		held(t, db, "a", true)
		held(t, db, "b", false)
		release()
		held(t, db, "a", false)
	})
}

func held(t *testing.T, db *store.DB, name string, want bool) {
	t.Helper()
	if got, err := db.Held(t.Context(), name); got != want || err != nil {
		t.Errorf("Held(%s) = %v, %v; want %v", name, got, err, want)
	}
}

func TestNameIsHeldAcrossProcesses(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	db, other := storetest.OpenConfig(t, cfg), storetest.OpenConfig(t, cfg)
	release, err := db.Hold(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	held(t, other, "a", true)
	cfg.Schema = "elsewhere"
	held(t, storetest.OpenConfig(t, cfg), "a", false)

	// A connection that breaks under a living process is replaced.
	conn, err := pgx.Connect(t.Context(), cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	var before, after int
	if err := conn.QueryRow(t.Context(), holder).Scan(&before); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend($1)", before); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for after == 0 || after == before {
		if err := conn.QueryRow(ctx, holder).Scan(&after); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			t.Fatalf("the name was not held again: %v", err)
		}
	}
	held(t, other, "a", true)
}
