package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// maxStatements is how many statements a connection keeps. The store has fewer,
// with the job queue's.
const maxStatements = 256

// openKept opens a SQLite database whose connections keep the statements that they
// have run. Compiling a statement takes longer than running it, and the driver
// compiles anew each time; PostgreSQL's driver keeps its own.
func openKept(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keepingConnector{c}), nil
}

type keepingConnector struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c keepingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(sqliteConn)
	if !ok {
		return nil, fmt.Errorf("the SQLite driver's connection is a %T", conn)
	}
	return &keepingConn{sqliteConn: whole, idle: map[string]statement{}}, nil
}

// sqliteConn is what database/sql uses of the driver's connections.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what is used of the driver's statements.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keepingConn keeps statements. As with any driver's connection, database/sql
// never uses it, or rows that came from it, twice at the same time.
type keepingConn struct {
	sqliteConn
	// idle are compiled and not running: one that runs is taken out, so that its
	// text may be run again meanwhile.
	idle map[string]statement
}

// ExecContext implements [driver.ExecerContext].
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	defer c.put(query, s)
	return s.ExecContext(ctx, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		c.put(query, s)
		return nil, err
	}
	return &keptRows{Rows: rows, done: func() { c.put(query, s) }}, nil
}

// take gives the compiled statement of the text, or nil for one that is not kept.
func (c *keepingConn) take(ctx context.Context, query string) (statement, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	if !keeps(query) {
		return nil, nil //nolint:nilnil // there is none to keep, and nothing is wrong
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, fmt.Errorf("the SQLite driver's statement is a %T", prepared)
	}
	return s, nil
}

// put keeps a statement that is no longer running.
func (c *keepingConn) put(query string, s statement) {
	if _, twice := c.idle[query]; twice {
		_ = s.Close()
		return
	}
	for other, old := range c.idle {
		if len(c.idle) < maxStatements {
			break
		}
		delete(c.idle, other)
		_ = old.Close()
	}
	c.idle[query] = s
}

// keeps tells whether statements of that text are kept: those that read and write
// rows are; what changes the schema or the connection is run once.
func keeps(query string) bool {
	for {
		query = strings.TrimSpace(query)
		if !strings.HasPrefix(query, "--") {
			break
		}
		_, query, _ = strings.Cut(query, "\n")
	}
	verb := query[:min(len(query), len("SELECT"))]
	for _, kept := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"} {
		if len(verb) >= len(kept) && strings.EqualFold(verb[:len(kept)], kept) {
			return true
		}
	}
	return false
}

// Close implements [driver.Conn].
func (c *keepingConn) Close() error {
	for query, s := range c.idle {
		delete(c.idle, query)
		_ = s.Close()
	}
	return c.sqliteConn.Close()
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	driver.Rows
	done func()
}

// Close implements [driver.Rows].
func (r *keptRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
	return err
}
