package job

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/upfront-media/upfront/internal/store"
)

// EnqueueOption changes how one job is worked.
type EnqueueOption func(*river.InsertOpts)

// At lets the job wait until t, in real time.
func At(t time.Time) EnqueueOption { return func(o *river.InsertOpts) { o.ScheduledAt = t.UTC() } }

// MaxAttempts limits how often the job is tried, instead of 25 times.
func MaxAttempts(n int) EnqueueOption { return func(o *river.InsertOpts) { o.MaxAttempts = n } }

// Enqueue puts a job into the transaction. It exists once the transaction commits,
// and never when it rolls back. The kind need not be registered in this process.
// Arguments are encoded as JSON.
func Enqueue(ctx context.Context, tx *store.Tx, kind string, args any, opts ...EnqueueOption) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", kind, err)
	}
	if kind == "" {
		return fmt.Errorf("enqueue: the job has no kind")
	}
	options := &river.InsertOpts{MaxAttempts: DefaultMaxAttempts}
	for _, opt := range opts {
		opt(options)
	}
	job := payload{kind: kind, args: raw}
	if tx.Dialect() == store.SQLite {
		err = insert(ctx, riversqlite.New(nil), tx.SQL(), job, options)
	} else {
		err = tx.PostgreSQL(func(conn *pgx.Conn) error {
			return insert(ctx, riverpgxv5.New(nil), pgx.Tx(transaction{conn}), job, options)
		})
	}
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", kind, err)
	}
	tx.CarriesJobs()
	return nil
}

// insert uses a River client of its own: a shared one would hold back notifications
// that follow each other closely, though they belong to other databases.
func insert[T any](ctx context.Context, driver riverdriver.Driver[T], tx T, job payload, opts *river.InsertOpts) error {
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = client.InsertTx(ctx, tx, job, opts)
	return err
}
