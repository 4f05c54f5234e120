package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

const defaultReaders = 4

// openSQLite opens one writing and a few reading connections. SQLite allows one
// writer at a time; queueing for it in Go is fair and never ends in SQLITE_BUSY.
func (db *DB) openSQLite(ctx context.Context, cfg Config) error {
	db.dialect = SQLite
	if cfg.Path == "" {
		return errors.New("database: neither a URL nor a path was given")
	}
	if cfg.Schema != "" {
		return errors.New("database schema: SQLite has none; give each agent a file of its own")
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return fmt.Errorf("database path: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	if db.writer, err = openKept(sqliteDSN(path, false)); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.writer.SetMaxOpenConns(1)
	// The first connection turns the file to WAL, which a reader cannot do.
	if err := db.writer.PingContext(ctx); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if db.reader, err = openKept(sqliteDSN(path, true)); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	readers := cfg.MaxConns
	if readers <= 0 {
		readers = defaultReaders
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	return nil
}

// makePrivate creates the file, and its directory where absent, for the owner alone.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	defer f.Close()
	// SQLite gives the files beside it (-wal, -shm) the same permissions.
	if info, err := f.Stat(); err != nil {
		return fmt.Errorf("database file: %w", err)
	} else if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return fmt.Errorf("database file: %w", err)
		}
	}
	return nil
}

func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"}}
	if readOnly {
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
	} else {
		q.Set("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}
