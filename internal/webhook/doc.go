// Package webhook tells counterparties over HTTP what has happened. An [Outbox]
// takes a [Notification] in the transaction that made it true, and delivers it
// afterwards: signed the way the receiver asked for, in order for each resource,
// again after a failure with growing pauses for 24 hours, and not at all while the
// receiver's breaker is open. What could not be delivered is kept, listed and
// replayed.
//
// A receiver gets every notification at least once, always with the same
// idempotency_key and the same body; it may get one twice when a process dies
// between the receiver's answer and its being written down.
//
// All that delivery has to remember is in the database, so another process, or the
// same one after a kill, goes on where the last one stopped. Times are the injected
// clock's. What receivers entrust to us, shared secrets and tokens, is sealed, and erased
// with the registration's last letter. It imports nothing of this module but adcp,
// adcp/agent, adcp/egress, adcp/signing, internal/clock, internal/id,
// internal/secret, internal/store and internal/job.
package webhook
