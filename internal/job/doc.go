// Package job is the durable queue: work that a transaction leaves behind, done
// after it commits, again after a failure, and by the next process after a kill.
// It runs on River, in the agent's own database of either kind, and is the only
// package that knows River. It imports nothing of this module but store and id.
//
// # What a handler must know
//
// A job runs at least once. It may run again after it has done its work: when the
// process died before the end was written down, when its time ran out, or when a
// connection broke. So a handler reads the state first, does only what is missing,
// gives outgoing calls an idempotency key derived from the job's arguments, and
// commits its results with the check that they are still wanted (a revision).
//
// Two jobs, even of one kind, run side by side and in no promised order.
//
// Arguments are JSON that later versions of the program must still understand: an
// identifier is better than a copy of the state.
//
//   - nil: done.
//   - any error: tried again after a pause that grows, until the attempts are used up.
//   - [Cancel]: will never succeed; not tried again.
//   - [Later]: not now; tried again after the pause given, without counting as a failure.
package job
