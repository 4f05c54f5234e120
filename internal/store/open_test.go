package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a database, but long enough to be taken for one"), 0o600); err != nil {
		t.Fatal(err)
	}
	const address = "postgres://u:s3cret@127.0.0.1:1/db?sslmode=disable"
	for _, tt := range []struct {
		name string
		cfg  store.Config
		want string
	}{
		{"NoPlace", store.Config{}, "neither a URL nor a path"},
		{"URLOfAnotherKind", store.Config{URL: "mysql://h/db"}, "want postgres://"},
		{"URLMalformed", store.Config{URL: "postgres://u:s3cret@h:port/db"}, "database URL"},
		{"NobodyAnswers", store.Config{URL: address}, "open the database"},
		{"SchemaWithSQLite", store.Config{Path: "x.db", Schema: "s"}, "SQLite has none"},
		{"SchemaInCapitals", store.Config{URL: address, Schema: "Sales"}, "want lower-case letters"},
		{"SchemaWithQuote", store.Config{URL: address, Schema: `a"; DROP`}, "want lower-case letters"},
		{"SchemaStartsWithDigit", store.Config{URL: address, Schema: "1a"}, "want lower-case letters"},
		{"SchemaTooLong", store.Config{URL: address, Schema: strings.Repeat("a", 64)}, "at most 63"},
		{"SchemaOfTheSystem", store.Config{URL: address, Schema: "pg_sales"}, "pg_"},
		{"FileIsNoDatabase", store.Config{Path: file}, "not a database"},
		{"DirectoryIsAFile", store.Config{Path: filepath.Join(file, "agent.db")}, "data directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(t.Context(), tt.cfg)
			if err == nil {
				db.Close()
				t.Fatal("Open gave no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open: %v, want it to say %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "deep")
	path := filepath.Join(dir, "agent.db")
	storetest.OpenConfig(t, store.Config{Path: path})
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}

	t.Run("ThoughItWasOpenToAll", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "agent.db")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		storetest.OpenConfig(t, store.Config{Path: path})
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
		}
	})
}

func TestSQLitePathMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#d%41&e=ü.db")
	appendEvent(t, storetest.OpenConfig(t, store.Config{Path: path}), store.Event{Tenant: "t", Kind: "k"})
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the database is not in the file that was named: %v", err)
	}
}

func TestReaderOfSQLiteCannotWrite(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	_, err := db.Idempotency(store.IdempotencyConfig{}).Prune(t.Context(), now)
	if err != nil {
		t.Fatalf("the writer cannot write: %v", err)
	}
	if _, err := store.ExecOnReader(db, "DELETE FROM event_log"); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("the reader wrote: %v", err)
	}
}

func TestOpenAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			first := storetest.OpenConfig(t, cfg)
			appendEvent(t, first, store.Event{Tenant: "t", Kind: "k"})
			want := migrations(t, first)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second := storetest.OpenConfig(t, cfg)
			if got := migrations(t, second); got != want {
				t.Errorf("%d migrations were recorded, now %d", want, got)
			}
			if n := len(events(t, second, "t", store.EventFilter{})); n != 1 {
				t.Errorf("%d events are left of 1", n)
			}
		})
	}
}

func migrations(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	inTx(t, db, func(tx *store.Tx) error {
		return tx.SQL().QueryRowContext(t.Context(),
			"SELECT (SELECT COUNT(*) FROM migrations) + (SELECT COUNT(*) FROM river_migration)").Scan(&n)
	})
	return n
}

func TestStartersDoNotCollide(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "sales"} {
		t.Run("schema "+schema, func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, store.PostgreSQL)
			cfg.Schema, cfg.MaxConns = schema, 4
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() {
					db, err := store.Open(t.Context(), cfg)
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					if err := db.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestSchemasKeepAgentsApart(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	agents := map[string]*store.DB{}
	for _, schema := range []string{"", "seller", "user"} { // the last is a reserved word
		cfg.Schema = schema
		agents[schema] = storetest.OpenConfig(t, cfg)
		appendEvent(t, agents[schema], store.Event{Tenant: "t", Kind: "kind of " + schema})
	}
	for schema, db := range agents {
		got := events(t, db, "t", store.EventFilter{})
		if len(got) != 1 || got[0].Kind != "kind of "+schema {
			t.Errorf("schema %q holds %v", schema, got)
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("Ping: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
	})
}

func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			killChild(t, cfg)
			db := storetest.OpenConfig(t, cfg)
			got := events(t, db, "t", store.EventFilter{})
			if len(got) != 1 || got[0].Kind != "committed" {
				t.Errorf("the log holds %v, want the committed event alone", got)
			}
			// What was left open hinders nobody.
			appendEvent(t, db, store.Event{Tenant: "t", Kind: "next"})
			if got := events(t, db, "t", store.EventFilter{After: 1}); len(got) != 1 || got[0].Sequence != 2 {
				t.Errorf("the next event is %v, want sequence 2", got)
			}
		})
	}
}

// inTx runs fn in a transaction that must commit.
func inTx(t testing.TB, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Tx(t.Context(), fn); err != nil {
		t.Fatalf("transaction: %v", err)
	}
}

func execute(ctx context.Context, tx *store.Tx, query string, args ...any) (sql.Result, error) {
	return tx.SQL().ExecContext(ctx, query, args...)
}
