package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/upfront-media/upfront/internal/clock"
)

// Dialect is the kind of database behind a [DB].
type Dialect string

// The databases that a store runs on.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

// ErrNoRow is what a query for one row returns where there is none.
var ErrNoRow = sql.ErrNoRows

// Config says where an agent's state is kept.
type Config struct {
	// URL is the address of a PostgreSQL database, "postgres://…". Empty means SQLite.
	URL string
	// Path is the SQLite file. It is created where absent, readable by its owner
	// only, in a directory that is created likewise. Unused with URL.
	Path string
	// Schema, optional, is the PostgreSQL schema that holds the agent's tables. It
	// is created where absent, so that agents with a schema each share a database.
	// Lower-case letters, digits and underscores, not starting with a digit, at
	// most 63. Without it tables go where the URL's search_path says.
	Schema string
	// MaxConns limits connections: to PostgreSQL 8 where zero, readers of SQLite 4.
	MaxConns int
	// Clock dates events; the machine's clock where nil.
	Clock clock.Clock
}

// DB is one agent's database. It is safe for concurrent use.
type DB struct {
	dialect  Dialect
	clock    clock.Clock
	writer   *sql.DB       // SQLite: the one writing connection. PostgreSQL: the pool.
	reader   *sql.DB       // SQLite: reading connections. PostgreSQL: the pool.
	pool     *pgxpool.Pool // PostgreSQL only
	config   *pgxpool.Config
	schema   string
	queries  *Queries // over reader
	direct   *Queries // over writer, each statement a transaction of its own
	retry    chan struct{}
	patience time.Duration
	jobs     signals
	names    names
}

// Open opens the database, creating what is absent, and brings its tables up to
// date. Processes that start at the same time on one PostgreSQL wait for each other.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{clock: cfg.Clock, retry: make(chan struct{}, 1), patience: defaultPatience}
	if db.clock == nil {
		db.clock = clock.System{}
	}
	var err error
	switch {
	case cfg.URL == "":
		err = db.openSQLite(ctx, cfg)
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		err = db.openPostgreSQL(ctx, cfg)
	default:
		err = errors.New("database URL: want postgres://user@host:port/name, or none for a SQLite file")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.queries, db.direct = New(db.reader), New(db.writer)
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bring the database's tables up to date: %w", err), db.Close())
	}
	return db, nil
}

// Dialect is the kind of database.
func (db *DB) Dialect() Dialect { return db.dialect }

// Read gives queries that see what is committed. They must not write; within a
// transaction use the [Tx].
func (db *DB) Read() *Queries { return db.queries }

// Writer is the one writing connection of a SQLite database. It is for the job queue.
func (db *DB) Writer() *sql.DB { return db.writer }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.reader.PingContext(ctx) }

// Close closes every connection. Stop what uses the database before.
func (db *DB) Close() error {
	var errs []error
	if db.reader != nil && db.reader != db.writer {
		errs = append(errs, db.reader.Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.Close())
	}
	if db.pool != nil {
		db.pool.Close()
	}
	return errors.Join(errs...)
}

// Micros is t as it is stored: microseconds since 1970 UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the instant that was stored with [Micros].
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
