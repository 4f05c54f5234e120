package store

import (
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migration/*.sql
var migrationFiles embed.FS

// migrate creates the schema and applies the migrations that are missing, ours and
// the job queue's. On PostgreSQL a session lock makes concurrent starters take turns.
func (db *DB) migrate(ctx context.Context) error {
	if db.dialect == PostgreSQL {
		conn, err := db.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		key := db.LockKey("migration")
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", key); err != nil {
			return fmt.Errorf("wait for another process: %w", err)
		}
		defer func() {
			// Not by ctx, so that a start that was cancelled does not leave the lock to the
			// pool. Where this fails the connection is broken, which frees the lock too.
			_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", key)
		}()
		if db.schema != "" {
			if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{db.schema}.Sanitize()); err != nil {
				return fmt.Errorf("create the schema: %w", err)
			}
		}
	}
	files, err := fs.Sub(migrationFiles, "migration")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if db.dialect == PostgreSQL {
		dialect = goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, db.writer, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithTableName("migrations"))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	if db.dialect == PostgreSQL {
		return migrateQueue(ctx, riverpgxv5.New(db.pool))
	}
	return migrateQueue(ctx, riversqlite.New(db.writer))
}

func migrateQueue[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	return nil
}

// LockKey is the number of the PostgreSQL advisory lock of that name. Those locks
// are shared by the whole database, so the schema is part of it.
func (db *DB) LockKey(name string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "upfront/%d:%s/%s", len(db.schema), db.schema, name)
	return int64(h.Sum64())
}
