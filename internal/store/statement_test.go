package store_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// Statements are kept by connection. Whatever is kept, a statement that is still
// being read can be run again, one survives a change of the schema, and many
// different ones do not pile up.
func TestStatementsAreRunAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		inTx(t, db, func(tx *store.Tx) error {
			_, err := execute(t.Context(), tx, "CREATE TABLE pairs (a BIGINT NOT NULL, b TEXT NOT NULL)")
			return err
		})
		for i := range 5 {
			inTx(t, db, func(tx *store.Tx) error {
				_, err := execute(t.Context(), tx, "INSERT INTO pairs (a, b) VALUES ($1, $2)", i, fmt.Sprint("b", i))
				return err
			})
		}
		if db.Dialect() == store.SQLite { // PostgreSQL reads one result at a time
			inTx(t, db, func(tx *store.Tx) error { return readNested(t, tx.SQL()) })
		}
		inTx(t, db, func(tx *store.Tx) error {
			_, err := execute(t.Context(), tx, "ALTER TABLE pairs ADD COLUMN c BIGINT NOT NULL DEFAULT 7")
			return err
		})
		inTx(t, db, func(tx *store.Tx) error {
			_, err := execute(t.Context(), tx, "INSERT INTO pairs (a, b) VALUES ($1, $2)", 5, "b5")
			return err
		})
		inTx(t, db, func(tx *store.Tx) error {
			var n, sum int64
			for i := range 1000 {
				query := fmt.Sprintf("SELECT COUNT(*), SUM(c) FROM pairs WHERE a >= $1 AND %d = %[1]d", i)
				if err := tx.SQL().QueryRowContext(t.Context(), query, 1).Scan(&n, &sum); err != nil {
					return err
				}
				if n != 5 || sum != 35 {
					t.Fatalf("statement %d: %d rows with a sum of %d", i, n, sum)
				}
			}
			return nil
		})
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := execute(t.Context(), tx, "INSERT INTO pairs (a, b) VALUES ($1, $2)", 6, nil)
			return err
		}); err == nil {
			t.Error("a null was taken where none may be")
		}
	})
}

// readNested reads a table within reading the same of it.
func readNested(t *testing.T, tx *sql.Tx) error {
	const query = "SELECT a, b FROM pairs WHERE a < $1 ORDER BY a"
	outer, err := tx.QueryContext(t.Context(), query, 3)
	if err != nil {
		return err
	}
	defer outer.Close()
	var seen int
	for outer.Next() {
		var a int64
		var b string
		if err := outer.Scan(&a, &b); err != nil {
			return err
		}
		var first int64
		if err := tx.QueryRowContext(t.Context(), query, 5).Scan(&first, &b); err != nil {
			return err
		}
		if a != int64(seen) || first != 0 {
			t.Errorf("read %d within %d, want 0 within %d", first, a, seen)
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("read %d rows, want 3", seen)
	}
	return outer.Err()
}
