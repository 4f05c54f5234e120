package job_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// A change, the event that tells of it and the work that follows from it are one
// transaction. The work is done after it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "upfront")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "agent.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	q, err := job.New(db, job.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	type traffic struct{ MediaBuyID string }
	job.Register(q, "traffic", func(_ context.Context, args traffic) error {
		fmt.Println("tell the ad server of", args.MediaBuyID)
		return nil
	})
	if err := q.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer q.Stop(ctx)

	err = db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.AppendEvent(ctx, store.Event{Tenant: "acme", Kind: "media_buy.created", Subject: "mb_1"}); err != nil {
			return err
		}
		return job.Enqueue(ctx, tx, "traffic", traffic{MediaBuyID: "mb_1"})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q.Drain(ctx))
	// Output:
	// tell the ad server of mb_1
	// <nil>
}
