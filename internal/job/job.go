package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/upfront-media/upfront/internal/store"
)

// Defaults of [Config].
const (
	DefaultWorkers     = 10
	DefaultTimeout     = 30 * time.Second
	DefaultMaxAttempts = 25
	maxBackoff         = time.Minute
)

// Config says how a queue works. The zero value is good.
type Config struct {
	// Logger receives warnings and failed jobs; nothing is logged where nil.
	Logger *slog.Logger
	// Workers is how many jobs this process runs at a time; 10 where zero.
	Workers int
	// Timeout is how long a job may run before its context is cancelled; 30 s where
	// zero. See also [Timeout] for one kind.
	Timeout time.Duration
	// MaxAttempts is how often a failing job is tried; 25 where zero.
	MaxAttempts int
	// Backoff is the pause before a failed job is tried again, by how many attempts
	// it has had. Where nil it doubles from 100 ms to a minute, give or take a tenth.
	Backoff func(attempts int) time.Duration
}

// Queue works the jobs of one database. It is safe for concurrent use.
type Queue struct {
	db       *store.DB
	config   Config
	mu       sync.Mutex
	kinds    map[string]*kind
	periodic []*river.PeriodicJob
	running  *running // nil unless started
}

// New makes a queue on the database. Register its handlers, then Start it.
func New(db *store.DB, cfg Config) (*Queue, error) {
	if db == nil {
		return nil, errors.New("job queue: no database")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Workers <= 0 {
		cfg.Workers = DefaultWorkers
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxAttempts <= 0 {
		cfg.MaxAttempts = DefaultMaxAttempts
	}
	if cfg.Backoff == nil {
		cfg.Backoff = backoff
	}
	return &Queue{db: db, config: cfg, kinds: make(map[string]*kind)}, nil
}

func backoff(attempts int) time.Duration {
	d := maxBackoff
	if attempts = max(attempts, 1); attempts <= 10 {
		d = min(maxBackoff, 100*time.Millisecond<<(attempts-1))
	}
	return d + rand.N(d/5) - d/10 //nolint:gosec // it spreads attempts, and is no secret
}

// kind is what was registered under one name.
type kind struct {
	timeout time.Duration
	work    func(ctx context.Context, args json.RawMessage) error
}

// RegisterOption changes how one kind of job is worked.
type RegisterOption func(*kind)

// Timeout lets jobs of the kind run for d instead of the queue's timeout.
func Timeout(d time.Duration) RegisterOption { return func(k *kind) { k.timeout = d } }

// Register says what works jobs of that kind. Kinds are lower-case words with
// underscores or dots, such as "traffic"; each is registered once, before Start, in
// every process that starts the queue. It panics otherwise: that is a mistake in
// the program.
//
// The handler may be run more than once for one job; see the package's description.
// Its context ends when its time is up or the queue stops.
func Register[T any](q *Queue, name string, handler func(ctx context.Context, args T) error, opts ...RegisterOption) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != nil {
		panic("job: Register " + name + " after Start")
	}
	if _, twice := q.kinds[name]; twice || name == "" {
		panic(fmt.Sprintf("job: kind %q is registered twice or has no name", name))
	}
	k := &kind{timeout: q.config.Timeout, work: func(ctx context.Context, raw json.RawMessage) error {
		var args T
		if err := json.Unmarshal(raw, &args); err != nil {
			return Cancel(fmt.Errorf("arguments of job %s: %w", name, err))
		}
		return handler(ctx, args)
	}}
	for _, opt := range opts {
		opt(k)
	}
	q.kinds[name] = k
}

// Every enqueues a job of that kind when the queue starts and at each interval,
// unless one is waiting or running still; one process of those on a database does
// so. It measures real time. Call it before Start.
func Every(q *Queue, interval time.Duration, name string, args any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != nil {
		panic("job: Every " + name + " after Start")
	}
	opts := &river.InsertOpts{
		MaxAttempts: q.config.MaxAttempts,
		UniqueOpts:  river.UniqueOpts{ByArgs: true, ByState: unfinished()},
	}
	q.periodic = append(q.periodic, river.NewPeriodicJob(river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) {
			raw, err := json.Marshal(args)
			if err != nil {
				q.config.Logger.Error("periodic job not enqueued", "kind", name, "error", err)
				return nil, nil
			}
			return payload{kind: name, args: raw}, opts
		}, &river.PeriodicJobOpts{RunOnStart: true}))
}

// Cancel marks err as permanent: the job is given up at once.
func Cancel(err error) error { return river.JobCancel(err) }

// Later makes an error by which a handler has its job tried again after d. It is not
// a failure, and may be returned any number of times.
func Later(d time.Duration) error { return river.JobSnooze(d) }

// payload is the arguments of any job: JSON that only its handler understands.
type payload struct {
	kind string
	args json.RawMessage
}

// envelope is a payload as it is stored. Bare arguments will not do: SQLite takes
// JSON text that happens to look like its binary form, such as "ab" or {"n":10},
// for that. An object of more than eight characters never does.
type envelope struct {
	Args json.RawMessage `json:"args"`
}

// Kind implements [river.JobArgs].
func (p payload) Kind() string { return p.kind }

// MarshalJSON implements [json.Marshaler].
func (p payload) MarshalJSON() ([]byte, error) { return json.Marshal(envelope{p.args}) }

// UnmarshalJSON implements [json.Unmarshaler].
func (p *payload) UnmarshalJSON(raw []byte) error {
	var e envelope
	err := json.Unmarshal(raw, &e)
	p.args = e.Args
	return err
}

// worker hands River's jobs of one kind to its handler.
type worker struct {
	river.WorkerDefaults[payload]
	kind *kind
	// done writes down at once that a job has succeeded.
	done func(ctx context.Context, id int64)
}

// Timeout implements [river.Worker].
func (w *worker) Timeout(*river.Job[payload]) time.Duration { return w.kind.timeout }

// Work implements [river.Worker].
func (w *worker) Work(ctx context.Context, job *river.Job[payload]) error {
	if err := w.kind.work(ctx, job.Args.args); err != nil {
		return err
	}
	w.done(ctx, job.ID)
	return nil
}
