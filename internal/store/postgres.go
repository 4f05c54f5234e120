package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	defaultConns   = 8
	connectTimeout = 5 * time.Second
	idleTime       = time.Minute
)

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (db *DB) openPostgreSQL(ctx context.Context, cfg Config) error {
	db.dialect = PostgreSQL
	// The parser's error shows the URL, but not its password.
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.MaxConns, config.MaxConnIdleTime = defaultConns, idleTime
	if cfg.MaxConns > 0 {
		config.MaxConns = int32(min(cfg.MaxConns, 1000))
	}
	if cfg.Schema != "" {
		if !schemaName.MatchString(cfg.Schema) || strings.HasPrefix(cfg.Schema, "pg_") {
			return fmt.Errorf("database schema %q: want lower-case letters, digits and underscores, not starting with a digit or pg_, at most 63", cfg.Schema)
		}
		config.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{cfg.Schema}.Sanitize()
	}
	db.config, db.schema = config, cfg.Schema
	if db.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	db.writer = stdlib.OpenDBFromPool(db.pool)
	db.reader = db.writer
	if err := db.pool.Ping(ctx); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return nil
}

// NewPool opens another pool of connections to the same PostgreSQL and schema, for
// the job queue. The caller closes it.
func (db *DB) NewPool(ctx context.Context, maxConns int) (*pgxpool.Pool, error) {
	if db.dialect != PostgreSQL {
		return nil, errors.New("a pool of PostgreSQL connections was asked of a SQLite database")
	}
	config := db.config.Copy()
	config.MaxConns = int32(maxConns)
	return pgxpool.NewWithConfig(ctx, config)
}
