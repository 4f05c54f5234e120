package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// patience is how long a test waits for what happens at once.
const patience = 20 * time.Second

// bundle is a queue whose jobs of kind "work" are written down.
type bundle struct {
	t    *testing.T
	db   *store.DB
	q    *job.Queue
	mu   sync.Mutex
	ran  []string
	work func(ctx context.Context, arg string) error // may be nil
}

// setup makes a queue that works at once and tries again at once.
func setup(t *testing.T, db *store.DB, cfg job.Config) *bundle {
	t.Helper()
	if cfg.Backoff == nil {
		cfg.Backoff = func(int) time.Duration { return 0 }
	}
	q, err := job.New(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{t: t, db: db, q: q}
	job.Register(q, "work", func(ctx context.Context, arg string) error {
		b.mu.Lock()
		b.ran = append(b.ran, arg)
		b.mu.Unlock()
		if b.work == nil {
			return nil
		}
		return b.work(ctx, arg)
	})
	return b
}

func (b *bundle) start() {
	b.t.Helper()
	if err := b.q.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.stop)
}

func (b *bundle) stop() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.q.Stop(ctx); err != nil {
		b.t.Error(err)
	}
}

func (b *bundle) enqueue(kind string, arg any, opts ...job.EnqueueOption) {
	b.t.Helper()
	if err := b.db.Tx(b.t.Context(), func(tx *store.Tx) error { return job.Enqueue(b.t.Context(), tx, kind, arg, opts...) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) drain(within time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if err := b.q.DrainWithin(ctx, within); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) wantRan(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := slices.Sorted(slices.Values(b.ran))
	if !slices.Equal(got, want) {
		b.t.Errorf("jobs that ran: %q, want %q", got, want)
	}
}

func TestJobCommitsWithItsTransaction(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		b.start()
		step := func(name string, fail error) error {
			return db.Tx(t.Context(), func(tx *store.Tx) error {
				if err := job.Enqueue(t.Context(), tx, "work", name); err != nil {
					return err
				}
				if err := tx.AppendEvent(t.Context(), store.Event{Tenant: "t", Kind: name}); err != nil {
					return err
				}
				return fail
			})
		}
		refused := errors.New("refused")
		if err := step("rolled back", refused); !errors.Is(err, refused) {
			t.Errorf("Tx = %v, want %v", err, refused)
		}
		b.drain(0)
		b.wantRan()
		// The job sees what its transaction wrote.
		b.work = func(ctx context.Context, name string) error {
			events, err := db.Read().Events(ctx, "t", store.EventFilter{})
			if err != nil || len(events) != 1 || events[0].Kind != name {
				t.Errorf("the job finds events %v, %v", events, err)
			}
			return nil
		}
		if err := step("committed", nil); err != nil {
			t.Errorf("Tx = %v", err)
		}
		b.drain(0)
		b.wantRan("committed")
	})
}

func TestJobsWaitForAQueue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		b.enqueue("work", "early")
		b.start()
		b.drain(0)
		b.wantRan("early")
	})
}

func TestFailedJobIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func() error{
		"Error": func() error { return errors.New("down") },
		"Panic": func() error { panic("bug") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				b := setup(t, db, job.Config{})
				var attempts atomic.Int64
				b.work = func(context.Context, string) error {
					if attempts.Add(1) < 3 {
						return failure()
					}
					return nil
				}
				b.start()
				b.enqueue("work", "x")
				b.drain(time.Second)
				b.wantRan("x", "x", "x")
			})
		})
	}
}

func TestJobIsGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		b.work = func(_ context.Context, arg string) error {
			if arg == "permanent" {
				return fmt.Errorf("wrapped: %w", job.Cancel(errors.New("gone")))
			}
			return errors.New("down")
		}
		job.Register(b.q, "number", func(context.Context, int) error {
			t.Error("a job ran without the arguments it needs")
			return nil
		})
		b.start()
		b.enqueue("work", "permanent")
		b.enqueue("work", "twice", job.MaxAttempts(2))
		b.enqueue("number", "no number")
		b.drain(time.Hour)
		b.wantRan("permanent", "twice", "twice")
	})
}

func TestFailedJobIsTriedAgainAfterAPause(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var attempts []int
		b := setup(t, db, job.Config{Backoff: func(n int) time.Duration { attempts = append(attempts, n); return time.Hour }})
		b.work = func(context.Context, string) error { return errors.New("down") }
		b.start()
		b.enqueue("work", "x")
		b.drain(0) // does not wait for the next attempt
		b.wantRan("x")
		b.stop()
		if !slices.Equal(attempts, []int{1}) {
			t.Errorf("Backoff was asked for %v, want once for 1 attempt", attempts)
		}
	})
}

func TestJobOfLaterIsNotYetRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		var rounds atomic.Int64
		b.work = func(_ context.Context, arg string) error {
			switch {
			case arg == "again soon" && rounds.Add(1) < 4:
				return job.Later(time.Millisecond)
			case arg == "again in an hour":
				return job.Later(time.Hour)
			}
			return nil
		}
		b.start()
		b.enqueue("work", "again soon", job.MaxAttempts(2)) // no failure, so more often than that
		b.enqueue("work", "again in an hour")
		b.enqueue("work", "tomorrow", job.At(time.Now().Add(24*time.Hour)))
		b.enqueue("work", "soon", job.At(time.Now().Add(300*time.Millisecond)))
		b.drain(time.Minute)
		b.wantRan("again in an hour", "again soon", "again soon", "again soon", "again soon", "soon")
	})
}

func TestJobHasATimeout(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{Timeout: time.Hour})
		job.Register(b.q, "brief", func(ctx context.Context, _ string) error {
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("the job's context ended by %v", ctx.Err())
			}
			return ctx.Err()
		}, job.Timeout(20*time.Millisecond))
		b.work = func(ctx context.Context, _ string) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) < 50*time.Minute {
				t.Errorf("deadline %v, %v; want the queue's timeout", deadline, ok)
			}
			return nil
		}
		b.start()
		b.enqueue("brief", "", job.MaxAttempts(1))
		b.enqueue("work", "x")
		b.drain(0)
		b.wantRan("x")
	})
}

func TestEachJobRunsOnceThoughTwoProcessesWork(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	one := setup(t, storetest.OpenConfig(t, cfg), job.Config{Workers: 3})
	two := setup(t, storetest.OpenConfig(t, cfg), job.Config{Workers: 3})
	one.start()
	two.start()
	const jobs = 60
	var want []string
	if err := one.db.Tx(t.Context(), func(tx *store.Tx) error {
		want = nil
		for i := range jobs {
			arg := fmt.Sprintf("%03d", i)
			want = append(want, arg)
			if err := job.Enqueue(t.Context(), tx, "work", arg); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	one.drain(0)
	one.ran = append(one.ran, two.ran...)
	one.wantRan(want...)
}

func TestManyJobsAreDrained(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		// Each job leaves another behind, in the transaction of its result.
		b.work = func(ctx context.Context, arg string) error {
			if strings.HasSuffix(arg, "!") {
				return nil
			}
			return db.Tx(ctx, func(tx *store.Tx) error { return job.Enqueue(ctx, tx, "work", arg+"!") })
		}
		b.start()
		var want []string
		for i := range 25 {
			b.enqueue("work", fmt.Sprintf("%02d", i))
			want = append(want, fmt.Sprintf("%02d", i), fmt.Sprintf("%02d!", i))
		}
		b.drain(0)
		b.wantRan(want...)
	})
}

func TestPeriodicJob(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		twice := make(chan struct{})
		var runs atomic.Int64
		job.Register(b.q, "tick", func(_ context.Context, arg string) error {
			if arg != "arg" {
				t.Errorf("the job got %q", arg)
			}
			if runs.Add(1) == 2 {
				close(twice)
			}
			return nil
		})
		job.Every(b.q, 100*time.Millisecond, "tick", "arg")
		b.start()
		select {
		case <-twice:
		case <-time.After(patience):
			t.Error("the periodic job did not run twice")
		}
	})
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		running := make(chan struct{})
		b.work = func(ctx context.Context, _ string) error {
			close(running)
			<-ctx.Done()
			return ctx.Err()
		}
		b.start()
		b.enqueue("work", "x")
		<-running
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.q.Stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if err := b.q.Drain(t.Context()); err == nil {
			t.Error("a stopped queue was drained")
		}
		next := setup(t, db, job.Config{})
		next.start()
		next.drain(time.Second)
		next.wantRan("x")
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, job.Config{})
		running, end := make(chan struct{}), make(chan struct{})
		b.work = func(context.Context, string) error { close(running); <-end; return nil }
		b.start()
		b.enqueue("work", "x")
		<-running
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := b.q.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain = %v while a job runs, want its context's end", err)
		}
		close(end)
		b.drain(0)
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	if _, err := job.New(nil, job.Config{}); err == nil {
		t.Error("New without a database gave no error")
	}
	empty, err := job.New(db, job.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing is registered") {
		t.Errorf("Start without a handler = %v", err)
	}
	if err := empty.Drain(t.Context()); err == nil || !strings.Contains(err.Error(), "not started") {
		t.Errorf("Drain before Start = %v", err)
	}
	if err := empty.Stop(t.Context()); err != nil {
		t.Errorf("Stop before Start = %v", err)
	}

	b := setup(t, db, job.Config{})
	handler := func(context.Context, string) error { return nil }
	mustPanic(t, "a kind registered twice", func() { job.Register(b.q, "work", handler) })
	mustPanic(t, "a kind without a name", func() { job.Register(b.q, "", handler) })
	b.start()
	mustPanic(t, "Register after Start", func() { job.Register(b.q, "other", handler) })
	mustPanic(t, "Every after Start", func() { job.Every(b.q, time.Hour, "work", "") })
	if err := b.q.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a second Start = %v", err)
	}
	for want, enqueue := range map[string]func(tx *store.Tx) error{
		"no kind":     func(tx *store.Tx) error { return job.Enqueue(t.Context(), tx, "", "x") },
		"unsupported": func(tx *store.Tx) error { return job.Enqueue(t.Context(), tx, "work", func() {}) },
	} {
		if err := db.Tx(t.Context(), enqueue); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Enqueue = %v, want %q", err, want)
		}
	}
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestQueuesOfSchemasAreApart(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	agents := map[string]*bundle{}
	for _, schema := range []string{"seller", "buyer"} {
		cfg.Schema = schema
		agents[schema] = setup(t, storetest.OpenConfig(t, cfg), job.Config{})
		agents[schema].start()
	}
	for schema, b := range agents {
		b.enqueue("work", schema)
	}
	for schema, b := range agents {
		b.drain(0)
		b.wantRan(schema)
	}
}
