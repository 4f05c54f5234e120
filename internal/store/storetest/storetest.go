// Package storetest opens empty databases for tests, so that every package that
// keeps state runs its suite on SQLite and on PostgreSQL.
//
// PostgreSQL is looked for at UPFRONT_TEST_POSTGRES, by default
// postgres://root@127.0.0.1:5432/postgres?sslmode=disable, by a role that may
// create databases. Where none answers those tests are skipped, unless
// UPFRONT_TEST_POSTGRES_REQUIRED=1 makes that a failure.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/upfront-media/upfront/internal/store"
)

const (
	defaultURL     = "postgres://root@127.0.0.1:5432/postgres?sslmode=disable"
	connectTimeout = 10 * time.Second
)

// Dialects are the databases that a suite runs on.
func Dialects() []store.Dialect { return []store.Dialect{store.SQLite, store.PostgreSQL} }

// Each runs test on an empty database of each kind, as parallel subtests.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, dialect := range Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, dialect))
		})
	}
}

// Open opens an empty database, which is gone when the test ends.
func Open(t testing.TB, dialect store.Dialect) *store.DB {
	t.Helper()
	return OpenConfig(t, Config(t, dialect))
}

// OpenConfig opens the database that cfg names and closes it when the test ends.
// Closing it before is no error.
func OpenConfig(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return db
}

// Config names a new empty database, for tests that open it more than once: as two
// processes would, or as one that comes back after a kill.
func Config(t testing.TB, dialect store.Dialect) store.Config {
	t.Helper()
	if dialect == store.SQLite {
		return store.Config{Path: filepath.Join(t.TempDir(), "agent.db")}
	}
	return store.Config{URL: createDatabase(t)}
}

// createDatabase makes a PostgreSQL database that is dropped when the test ends.
func createDatabase(t testing.TB) string {
	t.Helper()
	address := os.Getenv("UPFRONT_TEST_POSTGRES")
	if address == "" {
		address = defaultURL
	}
	ctx, cancel := context.WithTimeout(t.Context(), connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		if os.Getenv("UPFRONT_TEST_POSTGRES_REQUIRED") == "1" {
			t.Fatalf("PostgreSQL is required (UPFRONT_TEST_POSTGRES_REQUIRED=1): %v", err)
		}
		t.Skipf("no PostgreSQL at UPFRONT_TEST_POSTGRES: %v", err)
	}
	defer conn.Close(ctx)
	name := "upfront_test_" + strings.ToLower(rand.Text()[:16])
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() { dropDatabase(t, address, name) })
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("UPFRONT_TEST_POSTGRES: %v", err)
	}
	u.Path = "/" + name
	// The server outlives every test, so none needs its commits to be on the disk.
	q := u.Query()
	q.Set("synchronous_commit", "off")
	u.RawQuery = q.Encode()
	return u.String()
}

func dropDatabase(t testing.TB, address, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	err := func() error {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name))
		return err
	}()
	if err != nil {
		t.Errorf("drop database %s: %v", name, err)
	}
}
