// Package store keeps an agent's state in SQLite or PostgreSQL, with one SQL for
// both. It is the only package that knows SQL; [github.com/upfront-media/upfront/internal/job]
// alone uses its connections besides, to put jobs into the transactions made here.
// It imports nothing of this module but adcp/agent, adcp/client and adcp/signing,
// whose ports it implements, clock and id.
//
// # Adding a table
//
// Write migration/000N_name.sql (goose: "-- +goose Up", "-- +goose Down") and
// query/name.sql (sqlc: "-- name: MediaBuy :one"), run
//
//	go generate ./internal/store      # sqlc v1.31.1 must be on the PATH
//
// and commit both with what it wrote: name.sql.go for the queries, table.sql.go
// for the rows. Exported query names become methods of [Queries], so they are
// reachable as db.Read().MediaBuy(…) and, within a transaction, tx.MediaBuy(…).
// A migration that has been released is never edited; add another.
//
// # What the SQL may use
//
// Both databases run the same text, so
//   - columns are TEXT, BIGINT, BOOLEAN or DOUBLE PRECISION. Times are BIGINT
//     microseconds UTC ([Micros], [Time]), money is BIGINT micros beside its
//     currency, a document is TEXT holding JSON, a key is text;
//   - tables are keyed first by tenant; NOT NULL, empty or 0 for "none", is easier
//     to read than NULL;
//   - a row that two may change has revision BIGINT, and every change of it is
//     UPDATE … SET revision = revision + 1 WHERE … AND revision = sqlc.arg(revision),
//     declared :execrows. No row changed means somebody else was first;
//   - an optional filter is CAST(sqlc.arg(kind) AS TEXT) IN (”, kind);
//     LIMIT is LIMIT CAST(sqlc.arg(max_rows) AS BIGINT); a sum is
//     CAST(COALESCE(SUM(spend), 0) AS BIGINT). Without the casts sqlc types them loosely;
//   - INSERT … ON CONFLICT (…) DO UPDATE SET x = excluded.x, DO NOTHING and RETURNING are fine;
//   - not: arrays, ANY, sqlc.slice, x::type, NOW(), FOR UPDATE, ILIKE, LIKE on
//     letters (SQLite ignores case), JSON operators. PostgreSQL sorts text by its
//     locale: where the order is seen, ORDER BY a number or an identifier.
//
// # Transactions
//
// [DB.Tx] is serializable on both databases: what a transaction has read is still
// true when it commits, so "read, decide, write" is safe without locks. On SQLite
// there is one writer at a time; on PostgreSQL a transaction that lost a race is
// run again, so its function must do nothing outside the database that it could
// not do twice, and must return the errors of its queries, wrapped or not.
package store
