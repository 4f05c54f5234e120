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
const maxAttempts = 20

// Tx is a transaction: every change made through it, and every job enqueued with
// it, commits together or not at all.
type Tx struct {
	*Queries
	db   *DB
	sql  *sql.Tx
	conn *sql.Conn // PostgreSQL only: the connection that sql runs on
	jobs bool      // it carries jobs
}

// Tx runs fn in a serializable transaction: it commits when fn returns nil and
// rolls back otherwise, giving back fn's error.
//
// On PostgreSQL fn runs again, in a new transaction, when it lost a race against
// another one (SQLSTATE 40001, 40P01); so fn must have no effect outside the
// transaction, must set what it hands out anew each time, and must return the
// errors of its queries, wrapped with %w or bare. It must not call methods of the
// [DB], which would wait for the connection that fn itself holds.
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
		pause := time.Duration(attempt) * time.Millisecond
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("gave up after %d attempts: %w", maxAttempts, err)
}

func (db *DB) attempt(ctx context.Context, fn func(tx *Tx) error) (err error) {
	tx := &Tx{db: db}
	if db.dialect == PostgreSQL {
		if tx.conn, err = db.writer.Conn(ctx); err != nil {
			return fmt.Errorf("begin a transaction: %w", err)
		}
		defer tx.conn.Close()
		tx.sql, err = tx.conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	} else {
		tx.sql, err = db.writer.BeginTx(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.sql.Rollback() // does nothing after a commit; also on a panic of fn
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
	if tx.conn == nil {
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
