package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxAttempts bounds how often a transaction that lost a race is run. Repeats
// within one process go one by one, so few are ever needed.
const maxAttempts = 40

// defaultPatience is how long a transaction waits for a connection.
const defaultPatience = 30 * time.Second

// Tx is a transaction: every change made through it, and every job enqueued with
// it, commits together or not at all.
type Tx struct {
	*Queries
	db   *DB
	sql  *sql.Tx
	conn *sql.Conn // that sql runs on
	jobs bool      // it carries jobs
}

// Tx runs fn in a serializable transaction: it commits when fn returns nil and
// rolls back otherwise, giving back fn's error.
//
// On PostgreSQL fn runs again, in a new transaction, when it lost a race against
// another one (SQLSTATE 40001, 40P01); so fn must have no effect outside the
// transaction, must set what it hands out anew each time, and must return the
// errors of its queries, wrapped with %w or bare.
//
// fn must not call methods of the [DB], which would wait for the connection that fn
// itself holds, nor wait for anything outside the database: on SQLite every other
// writer waits as long.
func (db *DB) Tx(ctx context.Context, fn func(tx *Tx) error) error {
	err := db.attempt(ctx, fn)
	if !lostRace(err) {
		return err
	}
	// Those that lost go one by one from here: they then race only with newcomers.
	select {
	case db.retry <- struct{}{}:
		defer func() { <-db.retry }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for attempt := 1; attempt < maxAttempts; attempt++ {
		if err = db.attempt(ctx, fn); !lostRace(err) {
			return err
		}
		pause := time.Duration(min(attempt, 10)) * time.Millisecond
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // it spreads attempts, and is no secret
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("gave up after %d attempts: %w", maxAttempts, err)
}

func (db *DB) attempt(ctx context.Context, fn func(tx *Tx) error) (err error) {
	tx := &Tx{db: db}
	if tx.conn, err = db.connection(ctx); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.conn.Close()
	isolation := sql.LevelDefault // of SQLite is serializable
	if db.dialect == PostgreSQL {
		isolation = sql.LevelSerializable
	}
	if tx.sql, err = tx.conn.BeginTx(ctx, &sql.TxOptions{Isolation: isolation}); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.sql.Rollback() }() // also on a panic of fn; does nothing after a commit
	tx.Queries = New(tx.sql)
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.sql.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if tx.jobs {
		db.jobs.signal()
	}
	return nil
}

// connection waits for a connection to write with, but not for ever: one who begins
// a transaction within another on SQLite is told so rather than left to hang.
func (db *DB) connection(ctx context.Context) (*sql.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, db.patience)
	defer cancel()
	conn, err := db.writer.Conn(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return nil, fmt.Errorf("no connection became free in %v: is a transaction begun within another, or left waiting for something outside the database? %w", db.patience, err)
	}
	return conn, err
}

// lostRace says whether the transaction may succeed when run again.
func lostRace(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return false
}

// Dialect is the kind of database.
func (tx *Tx) Dialect() Dialect { return tx.db.dialect }

// SQL is the transaction itself. It is for the job queue.
func (tx *Tx) SQL() *sql.Tx { return tx.sql }

// PostgreSQL runs fn with the connection that the transaction runs on. It is for
// the job queue; fn must not end the transaction nor keep the connection.
func (tx *Tx) PostgreSQL(fn func(conn *pgx.Conn) error) error {
	if tx.db.dialect != PostgreSQL {
		return errors.New("a PostgreSQL connection was asked of a SQLite transaction")
	}
	return tx.conn.Raw(func(driverConn any) error {
		conn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("unexpected driver connection %T", driverConn)
		}
		return fn(conn.Conn())
	})
}

// CarriesJobs says that jobs were put into the transaction: once it commits, those
// that wait on [DB.Jobs] are told.
func (tx *Tx) CarriesJobs() { tx.jobs = true }
