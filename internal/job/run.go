package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

const (
	// queueConns is the queue's own PostgreSQL connections, one of which listens. Work
	// that holds all of the store's can thus never keep the queue from writing down
	// that it is done.
	queueConns = 4
	// promoteInterval is how often to look for jobs whose time has come.
	promoteInterval = 500 * time.Millisecond
	// rescueInterval is how often to ask after other processes; at first, when this
	// one may follow one that was killed just now, more often.
	rescueInterval      = 2 * time.Second
	firstRescueInterval = 100 * time.Millisecond
	firstRescues        = 20
	// hardStop is how long a stop waits for cancelled jobs.
	hardStop = 5 * time.Second
	// drainInterval is how often Drain looks where nothing tells it of an end.
	drainInterval = 50 * time.Millisecond
	// drainPause keeps Drain from looking after every one of many jobs.
	drainPause = 5 * time.Millisecond
	// skew is by how much the clocks of processes may differ without Drain
	// overlooking a job that was just enqueued.
	skew = 100 * time.Millisecond
)

var errNotStarted = errors.New("job queue: not started")

// running is what Stop has to undo.
type running struct {
	engine
	ended bell // rings when a job has succeeded
	undo  []func()
}

// Start works jobs until Stop is called or ctx ends, which cancels running ones.
// Jobs that a dead process left behind are taken up at once.
func (q *Queue) Start(ctx context.Context) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.running != nil:
		return errors.New("job queue: started twice")
	case len(q.kinds) == 0:
		return errors.New("job queue: nothing is registered")
	}
	r := &running{}
	defer func() {
		if err != nil {
			r.close()
			err = fmt.Errorf("start the job queue: %w", err)
		}
	}()
	// The name is held before the first job is worked, so that nobody can take this
	// process for a dead one.
	name := "upfront-" + id.New()
	release, err := q.db.Hold(ctx, name)
	if err != nil {
		return err
	}
	r.undo = append(r.undo, release)
	if q.db.Dialect() == store.SQLite {
		r.engine, err = q.sqlite(name, r)
	} else {
		r.engine, err = q.postgreSQL(ctx, name, r)
	}
	if err != nil {
		return err
	}
	if err := r.rescue(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.undo = append(r.undo, q.keep(ctx, "promote jobs that are due", r.promote,
		func(int) time.Duration { return promoteInterval }))
	if q.db.Dialect() == store.PostgreSQL { // of SQLite there was one process, whose jobs are rescued
		r.undo = append(r.undo, q.keep(ctx, "rescue jobs of ended processes", r.rescue, func(turn int) time.Duration {
			if turn <= firstRescues {
				return firstRescueInterval
			}
			return rescueInterval
		}))
	}
	q.running = r
	return nil
}

func (q *Queue) sqlite(name string, r *running) (engine, error) {
	return newEngine[*sql.Tx](q, name, &r.ended, &sqliteDriver{Driver: riversqlite.New(q.db.Writer()), db: q.db})
}

func (q *Queue) postgreSQL(ctx context.Context, name string, r *running) (engine, error) {
	pool, err := q.db.NewPool(ctx, queueConns)
	if err != nil {
		return nil, err
	}
	r.undo = append(r.undo, pool.Close)
	e, err := newEngine[pgx.Tx](q, name, &r.ended, riverpgxv5.New(pool))
	if err != nil {
		return nil, err
	}
	e.lockKey = q.db.LockKey("rescue jobs")
	return e, nil
}

// keep does what, by the intervals that next gives, until the function it returns is
// called. What fails is logged and done again at its next turn.
func (q *Queue) keep(ctx context.Context, what string, do func(ctx context.Context) error, next func(turn int) time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for turn := 1; ; turn++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(next(turn)):
			}
			if err := do(ctx); err != nil && ctx.Err() == nil {
				q.config.Logger.Warn(what, "error", err)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// close undoes what Start did, last first.
func (r *running) close() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		r.undo[i]()
	}
}

// Stop takes no more jobs and waits for those that run; when ctx ends before them
// their contexts are cancelled, and they will run again. It may be called once the
// queue is stopped already, and before the database is closed.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	r := q.running
	q.running = nil
	q.mu.Unlock()
	if r == nil {
		return nil
	}
	err := r.stop(ctx)
	r.close()
	if err != nil {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// Drain returns when no job is running, available or due: of those that wait for a
// later time, by [At], [Later] or after a failure, it waits for none. Other
// processes' jobs on the same database count too. The queue must be started.
func (q *Queue) Drain(ctx context.Context) error { return q.DrainWithin(ctx, 0) }

// DrainWithin is Drain that also waits for jobs which are due within d, such as
// those that are tried again.
func (q *Queue) DrainWithin(ctx context.Context, d time.Duration) error {
	q.mu.Lock()
	r := q.running
	q.mu.Unlock()
	if r == nil {
		return errNotStarted
	}
	for {
		ended := r.ended.wait()
		due, found, err := r.next(ctx)
		if err != nil {
			return fmt.Errorf("drain the job queue: %w", err)
		}
		if !found || time.Until(due) > d+skew {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("drain the job queue: %w", ctx.Err())
		case <-ended:
			time.Sleep(drainPause)
		case <-time.After(drainInterval):
		}
	}
}

// bell wakes all that wait for it.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait gives a channel that is closed by the next ring.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
