package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/upfront-media/upfront/internal/store"
)

const (
	// fetchCooldown is the least time between two looks for new jobs.
	fetchCooldown = 5 * time.Millisecond
	// fetchInterval is how often to look for jobs nobody told of: those whose pause
	// is over. New ones are told of at once, by LISTEN or within the process.
	fetchInterval = 200 * time.Millisecond
	// rescueMargin is added to the longest timeout of a job before a job that still
	// runs is believed lost, where its process could not be asked after.
	rescueMargin = 30 * time.Second
	doneTimeout  = 5 * time.Second
	// leadershipTopic is where River's clients hear that their leader resigned.
	leadershipTopic = "river_leadership"
	// batch bounds how many jobs are promoted or rescued in one go.
	batch = 1000
	// lookAhead is how long before its time a job is made available; its workers
	// then start it in time.
	lookAhead = 2 * promoteInterval
)

// engine is a River client without its type parameter.
type engine interface {
	start(ctx context.Context) error
	stop(ctx context.Context) error
	// promote makes jobs available whose time comes within lookAhead.
	promote(ctx context.Context) error
	// rescue gives jobs of dead processes back to the living.
	rescue(ctx context.Context) error
	// next is when the first unfinished job is due; running ones are due already.
	// It is false where there is none.
	next(ctx context.Context) (time.Time, bool, error)
}

type riverEngine[T any] struct {
	db     *store.DB
	name   string // of this client, in attempted_by and as leader
	client *river.Client[T]
	driver riverdriver.Driver[T]
	logger *slog.Logger
	ended  *bell
	// lockKey is the advisory lock by which those who rescue take turns; 0 where
	// there is one process.
	lockKey int64
}

func newEngine[T any](q *Queue, name string, ended *bell, driver riverdriver.Driver[T]) (*riverEngine[T], error) {
	e := &riverEngine[T]{db: q.db, name: name, driver: driver, logger: q.config.Logger, ended: ended}
	workers := river.NewWorkers()
	longest := q.config.Timeout
	for kindName, k := range q.kinds {
		// River asks a zero value for the kind unless it is given one.
		river.AddWorkerArgs(workers, payload{kind: kindName}, &worker{kind: k, done: e.done})
		longest = max(longest, k.timeout)
	}
	var err error
	e.client, err = river.NewClient(driver, &river.Config{
		ID:                   name,
		Logger:               q.config.Logger,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.config.Workers}},
		Workers:              workers,
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    fetchInterval,
		JobTimeout:           q.config.Timeout,
		MaxAttempts:          q.config.MaxAttempts,
		PeriodicJobs:         q.periodic,
		RescueStuckJobsAfter: longest + rescueMargin,
		RetryPolicy:          retryPolicy{q.config.Backoff},
		// Its only effect: maintenance starts at once, not staggered over seconds so
		// that the clients of a large fleet do not start it at the same time.
		TestOnly: true,
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// done completes a job whose handler has succeeded. River does so too, but up to a
// quarter of a second later and in batches: a kill in between would repeat the job,
// and Drain would wait. Where this fails River's turn follows.
func (e *riverEngine[T]) done(ctx context.Context, id int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doneTimeout)
	defer cancel()
	params := riverdriver.JobSetStateCompleted(id, time.Now().UTC(), nil)
	_, err := e.driver.GetExecutor().JobSetStateIfRunningMany(ctx, &riverdriver.JobSetStateIfRunningManyParams{
		ID:              []int64{params.ID},
		Attempt:         []*int{params.Attempt},
		ErrData:         [][]byte{params.ErrData},
		FinalizedAt:     []*time.Time{params.FinalizedAt},
		MetadataDoMerge: []bool{false},
		MetadataUpdates: [][]byte{nil},
		ScheduledAt:     []*time.Time{params.ScheduledAt},
		State:           []rivertype.JobState{params.State},
	})
	if err != nil {
		e.logger.Warn("writing down the end of a job", "job", id, "error", err)
		return
	}
	e.ended.ring()
}

func (e *riverEngine[T]) start(ctx context.Context) error { return e.client.Start(ctx) }

// stop waits for running jobs as long as ctx lasts, then cancels them.
func (e *riverEngine[T]) stop(ctx context.Context) error {
	if err := e.client.Stop(ctx); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
		defer cancel()
		return e.client.StopAndCancel(hard)
	}
	return nil
}

// unfinished are the states of a job that is still to be worked.
func unfinished() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
		rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}
}

func (e *riverEngine[T]) next(ctx context.Context) (time.Time, bool, error) {
	// One query, so that a job which changes its state meanwhile is not overlooked.
	found, err := e.client.JobList(ctx, river.NewJobListParams().States(unfinished()...).
		OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
	if err != nil || len(found.Jobs) == 0 {
		return time.Time{}, false, err
	}
	return found.Jobs[0].ScheduledAt, true, nil
}

// promote does what River does every five seconds, which is late for what is due in two.
func (e *riverEngine[T]) promote(ctx context.Context) error {
	horizon := time.Now().UTC().Add(lookAhead)
	_, err := e.driver.GetExecutor().JobSchedule(ctx, &riverdriver.JobScheduleParams{Max: batch, Now: &horizon})
	return err
}

func (e *riverEngine[T]) rescue(ctx context.Context) error {
	dead := make(map[string]bool)
	if err := e.buryLeader(ctx, dead); err != nil {
		return err
	}
	running := river.NewJobListParams().States(rivertype.JobStateRunning).First(batch)
	found, err := e.client.JobList(ctx, running)
	if err != nil {
		return err
	}
	if orphans, err := e.orphans(ctx, found.Jobs, dead); err != nil || len(orphans) == 0 {
		return err
	}
	tx, err := e.driver.GetExecutor().Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after the commit
	if e.lockKey != 0 {
		if _, err := tx.PGAdvisoryXactLock(ctx, e.lockKey); err != nil {
			return err
		}
	}
	// Looked for again, because another process may have rescued them meanwhile. The
	// dead stay dead, and nobody is asked after with a transaction open.
	if found, err = e.client.JobListTx(ctx, e.driver.UnwrapTx(tx), running); err != nil {
		return err
	}
	var jobs []*rivertype.JobRow
	for _, job := range found.Jobs {
		if dead[worked(job)] {
			jobs = append(jobs, job)
		}
	}
	params, err := rescueParams(jobs, time.Now().UTC())
	if err != nil {
		return err
	}
	if _, err := tx.JobRescueMany(ctx, params); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	e.logger.Info("rescued jobs of a process that ended", "jobs", len(jobs))
	return nil
}

// orphans are the jobs whose process has ended; dead collects those processes.
func (e *riverEngine[T]) orphans(ctx context.Context, jobs []*rivertype.JobRow, dead map[string]bool) ([]*rivertype.JobRow, error) {
	alive := map[string]bool{e.name: true}
	var orphans []*rivertype.JobRow
	for _, job := range jobs {
		name := worked(job)
		if name == "" || alive[name] {
			continue
		}
		if !dead[name] {
			held, err := e.db.Held(ctx, name)
			if err != nil {
				return nil, err
			}
			if held {
				alive[name] = true
				continue
			}
			dead[name] = true
		}
		orphans = append(orphans, job)
	}
	return orphans, nil
}

// worked is the client that runs the job.
func worked(job *rivertype.JobRow) string {
	if len(job.AttemptedBy) == 0 {
		return ""
	}
	return job.AttemptedBy[len(job.AttemptedBy)-1]
}

// buryLeader resigns for a leader whose process has ended, so that maintenance and
// periodic jobs go on at once rather than when its term is over.
func (e *riverEngine[T]) buryLeader(ctx context.Context, dead map[string]bool) error {
	leader, err := e.driver.GetExecutor().LeaderGetElectedLeader(ctx, &riverdriver.LeaderGetElectedLeaderParams{})
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if leader.LeaderID == e.name {
		return nil
	}
	held, err := e.db.Held(ctx, leader.LeaderID)
	if err != nil || held {
		return err
	}
	dead[leader.LeaderID] = true
	_, err = e.driver.GetExecutor().LeaderResign(ctx, &riverdriver.LeaderResignParams{
		ElectedAt: leader.ElectedAt, LeaderID: leader.LeaderID, LeadershipTopic: leadershipTopic,
	})
	return err
}

// rescueParams makes jobs available again, or discards those whose attempts are
// used up: a job that kills its process must not do so for ever.
func rescueParams(jobs []*rivertype.JobRow, now time.Time) (*riverdriver.JobRescueManyParams, error) {
	params := &riverdriver.JobRescueManyParams{StuckHorizon: now}
	for _, job := range jobs {
		note, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: max(job.Attempt, 0), Error: "its process ended while it ran"})
		if err != nil {
			return nil, fmt.Errorf("note on job %d: %w", job.ID, err)
		}
		state, scheduled := rivertype.JobStateAvailable, now
		var finalized *time.Time
		if job.Attempt >= job.MaxAttempts {
			state, scheduled, finalized = rivertype.JobStateDiscarded, job.ScheduledAt, &now
		}
		params.ID = append(params.ID, job.ID)
		params.Error = append(params.Error, note)
		params.FinalizedAt = append(params.FinalizedAt, finalized)
		params.ScheduledAt = append(params.ScheduledAt, scheduled)
		params.State = append(params.State, string(state))
	}
	return params, nil
}

// retryPolicy tells River when to try a failed job again.
type retryPolicy struct {
	backoff func(attempts int) time.Duration
}

// NextRetry implements [river.ClientRetryPolicy].
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().UTC().Add(p.backoff(job.Attempt))
}
