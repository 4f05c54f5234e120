package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/agent/tasktest"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// Two handles are two processes: each has connections of its own.
func TestTasks(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			tasktest.Run(t, func(t *testing.T) [2]agent.TaskStore {
				cfg := storetest.Config(t, dialect)
				return [2]agent.TaskStore{storetest.OpenConfig(t, cfg).Tasks(), storetest.OpenConfig(t, cfg).Tasks()}
			})
		})
	}
}

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// A task ends in the transaction that makes its outcome true, or not at all.
func TestATaskEndsInTheTransactionOfItsOutcome(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		at := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
		tasks := agent.NewTasks(agent.TasksConfig{Clock: stopped(at), Store: db.Tasks()})
		err := db.Tasks().Create(ctx, &agent.Task{
			Tenant: "pub", ID: "task_1", Principal: "acme", Type: "sync_audiences", Status: adcp.TaskStatusWorking, CreatedAt: at, UpdatedAt: at, Revision: 1,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		outcome := func(fail error) error {
			return db.Tx(ctx, func(tx *store.Tx) error {
				if err := tx.AppendEvent(ctx, store.Event{Tenant: "pub", ID: "event_1", At: at, Kind: "done", Subject: "task_1", Document: []byte(`{}`)}); err != nil {
					return err
				}
				err := tasks.Fail(store.WithTx(ctx, tx), "pub", "task_1", adcp.NewError(adcp.CodePolicyViolation, "", "No."))
				return errors.Join(err, fail)
			})
		}
		broken := errors.New("broken")
		if err := outcome(broken); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if got, err := tasks.Task(ctx, "pub", "task_1"); err != nil || got.Status != adcp.TaskStatusWorking {
			t.Errorf("after a rollback: %+v, %v", got, err)
		}
		if err := outcome(nil); err != nil {
			t.Fatal(err)
		}
		if got, err := tasks.Task(ctx, "pub", "task_1"); err != nil || got.Status != adcp.TaskStatusFailed {
			t.Errorf("after the commit: %+v, %v", got, err)
		}
	})
}
