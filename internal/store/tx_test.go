package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// counters makes a table of numbers with revisions.
func counters(t *testing.T, db *store.DB, names ...string) {
	t.Helper()
	inTx(t, db, func(tx *store.Tx) error {
		if _, err := execute(t.Context(), tx, "CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL, revision BIGINT NOT NULL)"); err != nil {
			return err
		}
		for _, name := range names {
			if _, err := execute(t.Context(), tx, "INSERT INTO counters (name, n, revision) VALUES ($1, 0, 1)", name); err != nil {
				return err
			}
		}
		return nil
	})
}

func sum(ctx context.Context, tx *store.Tx) (n int64, err error) {
	err = tx.SQL().QueryRowContext(ctx, "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counters").Scan(&n)
	return n, err
}

func TestTxRollsBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		counters(t, db, "a")
		change := func(tx *store.Tx) {
			if _, err := execute(t.Context(), tx, "UPDATE counters SET n = 1"); err != nil {
				t.Error(err)
			}
		}
		refused := errors.New("refused")
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { change(tx); return refused }); !errors.Is(err, refused) {
			t.Errorf("Tx = %v, want the function's own error", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a panic was swallowed")
				}
			}()
			_ = db.Tx(t.Context(), func(tx *store.Tx) error { change(tx); panic("bug") })
		}()
		ctx, cancel := context.WithCancel(t.Context())
		if err := db.Tx(ctx, func(tx *store.Tx) error { change(tx); cancel(); return nil }); err == nil {
			t.Error("a cancelled transaction was committed")
		}
		inTx(t, db, func(tx *store.Tx) error {
			n, err := sum(t.Context(), tx)
			if n != 0 {
				t.Errorf("what was rolled back is there: %d", n)
			}
			return err
		})
	})
}

func TestOneOfTwoWinsARevision(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			agents := []*store.DB{storetest.OpenConfig(t, cfg), storetest.OpenConfig(t, cfg)}
			counters(t, agents[0], "a")
			var won atomic.Int64
			var wg sync.WaitGroup
			for _, db := range agents {
				wg.Go(func() {
					var changed int64
					err := db.Tx(t.Context(), func(tx *store.Tx) error {
						result, err := execute(t.Context(), tx, "UPDATE counters SET n = n + 1, revision = revision + 1 WHERE name = $1 AND revision = $2", "a", 1)
						if err != nil {
							return err
						}
						changed, err = result.RowsAffected()
						return err
					})
					if err != nil {
						t.Errorf("Tx: %v", err)
					}
					won.Add(changed)
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%d won, want 1", won.Load())
			}
		})
	}
}

func TestReadDecideWriteIsSafe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const writers = 8
		names := make([]string, writers)
		for i := range names {
			names[i] = fmt.Sprint("counter ", i)
		}
		counters(t, db, names...)
		// Each may take one of what all share, of which there is enough for half of
		// them; none writes a row that another one writes.
		var taken atomic.Int64
		var wg sync.WaitGroup
		for _, name := range names {
			wg.Go(func() {
				var took int64
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					took = 0
					n, err := sum(t.Context(), tx)
					if err != nil || n >= writers/2 {
						return err
					}
					took = 1
					_, err = execute(t.Context(), tx, "UPDATE counters SET n = n + 1 WHERE name = $1", name)
					return err
				})
				if err != nil {
					t.Errorf("Tx: %v", err)
				}
				taken.Add(took)
			})
		}
		wg.Wait()
		if taken.Load() != writers/2 {
			t.Errorf("%d took one, of which there were %d", taken.Load(), writers/2)
		}
	})
}

func TestTxWithinATxIsRefused(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	store.SetPatience(db, 10*time.Millisecond)
	err := db.Tx(t.Context(), func(*store.Tx) error {
		return db.Tx(t.Context(), func(*store.Tx) error { return nil })
	})
	if err == nil || !strings.Contains(err.Error(), "within another") {
		t.Errorf("Tx = %v, want it to say what is wrong", err)
	}
	appendEvent(t, db, store.Event{Tenant: "t", Kind: "k"}) // and nothing hangs
}

func TestTxGivesUpOnRacesItKeepsLosing(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.PostgreSQL)
	lose := func(ctx context.Context, tx *store.Tx) error {
		_, err := execute(ctx, tx, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
		return fmt.Errorf("wrapped: %w", err)
	}
	attempts := 0
	err := db.Tx(t.Context(), func(tx *store.Tx) error { attempts++; return lose(t.Context(), tx) })
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "40001" || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("Tx = %v, want the last failure", err)
	}
	if attempts != store.MaxAttempts {
		t.Errorf("%d attempts, want %d", attempts, store.MaxAttempts)
	}

	ctx, cancel := context.WithCancel(t.Context())
	attempts = 0
	err = db.Tx(ctx, func(tx *store.Tx) error {
		if attempts++; attempts == 3 {
			defer cancel()
		}
		return lose(ctx, tx)
	})
	if err == nil || attempts > 4 {
		t.Errorf("Tx = %v after %d attempts, want an end when the caller gives up", err, attempts)
	}
}

// The text of every query runs on both databases, so what sqlc and we rely on must
// mean the same on both.
func TestDialectsAgree(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		inTx(t, db, func(tx *store.Tx) error {
			_, err := execute(ctx, tx, `CREATE TABLE things (tenant TEXT NOT NULL, id TEXT NOT NULL, n BIGINT NOT NULL,
				yes BOOLEAN NOT NULL, ratio DOUBLE PRECISION NOT NULL, note TEXT, PRIMARY KEY (tenant, id))`)
			return err
		})
		type thing struct {
			n     int64
			yes   bool
			ratio float64
			note  sql.NullString
		}
		upsert := func(tx *store.Tx, id string, in thing) (out thing, err error) {
			// Placeholders are neither in order nor used once.
			err = tx.SQL().QueryRowContext(ctx, `INSERT INTO things (tenant, id, n, yes, ratio, note)
				VALUES ($2, $1, $3, $4, $5, $6)
				ON CONFLICT (tenant, id) DO UPDATE SET n = things.n + excluded.n, yes = NOT excluded.yes, note = excluded.note
				WHERE $2 = things.tenant AND $1 <> ''
				RETURNING n, yes, ratio, note`, id, "t", in.n, in.yes, in.ratio, in.note).Scan(&out.n, &out.yes, &out.ratio, &out.note)
			return out, err
		}
		big := thing{n: 9_007_199_254_740_993, yes: true, ratio: 0.1}
		inTx(t, db, func(tx *store.Tx) error {
			got, err := upsert(tx, "a", big)
			if got != big {
				t.Errorf("inserted %v, got back %v", big, got)
			}
			return err
		})
		inTx(t, db, func(tx *store.Tx) error {
			got, err := upsert(tx, "a", thing{n: 1, yes: true, note: sql.NullString{String: "'ü\n", Valid: true}})
			want := thing{n: big.n + 1, ratio: 0.1, note: sql.NullString{String: "'ü\n", Valid: true}}
			if got != want {
				t.Errorf("after the upsert %v, want %v", got, want)
			}
			return err
		})
		inTx(t, db, func(tx *store.Tx) error {
			var total int64
			var exists, yes bool
			err := tx.SQL().QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT), EXISTS (SELECT 1 FROM things WHERE NOT yes),
				COALESCE(yes, FALSE) FROM things WHERE CAST($1 AS TEXT) IN ('', id) GROUP BY yes LIMIT CAST($2 AS BIGINT)`, "", 10).Scan(&total, &exists, &yes)
			if total != big.n+1 || !exists || yes {
				t.Errorf("sum %d, exists %v, yes %v", total, exists, yes)
			}
			return err
		})
		inTx(t, db, func(tx *store.Tx) error {
			result, err := execute(ctx, tx, "INSERT INTO things (tenant, id, n, yes, ratio) VALUES ('t', 'a', 1, TRUE, 1) ON CONFLICT DO NOTHING")
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); n != 0 || err != nil {
				t.Errorf("%d rows, %v; want none", n, err)
			}
			return nil
		})
	})
}
