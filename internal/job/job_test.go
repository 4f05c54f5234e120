package job_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestQuick(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		q, err := job.New(db, job.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan int, 10)
		job.Register(q, "num", func(ctx context.Context, n int) error { got <- n; return nil })
		t0 := time.Now()
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Log("start", time.Since(t0))
		for i := range 3 {
			t0 = time.Now()
			if err := db.Tx(t.Context(), func(tx *store.Tx) error { return job.Enqueue(t.Context(), tx, "num", i) }); err != nil {
				t.Fatal(err)
			}
			t.Log("enqueue", time.Since(t0))
			<-got
			t.Log("got", time.Since(t0))
			if err := q.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Log("drain", time.Since(t0))
		}
		t0 = time.Now()
		if err := q.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Log("stop", time.Since(t0))
	})
}
