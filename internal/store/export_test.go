package store

import (
	"database/sql"
	"time"
)

// ExecOnReader runs a statement where only reading is meant to be possible.
func ExecOnReader(db *DB, query string) (sql.Result, error) { return db.reader.Exec(query) }

// MaxAttempts is how often a transaction that loses every race is run.
const MaxAttempts = maxAttempts

// SetPatience is how long transactions of the database wait for a connection.
func SetPatience(db *DB, d time.Duration) { db.patience = d }
