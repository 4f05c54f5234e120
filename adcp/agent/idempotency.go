package agent

import (
	"context"
	"errors"
)

// IdempotencyScope is the space in which an idempotency key has a meaning: one
// caller, one account, one operation. The same text elsewhere is another key.
type IdempotencyScope struct {
	Tenant, Principal, Account, Operation, Key string
}

// IdempotencyOutcome is what a store found when a key was claimed.
type IdempotencyOutcome int

const (
	// Claimed says that the key is new and now held by this caller, who must
	// Finish or Abandon it.
	Claimed IdempotencyOutcome = iota
	// Replay says that the same request was answered before; the answer is returned.
	Replay
	// Conflict says that the key was used, or is in use, for another request.
	Conflict
	// InFlight says that the same request is running now.
	InFlight
	// Expired says that the key was used and is past its time.
	Expired
	// Resumed is Claimed for a key whose holder stopped renewing its lease
	// before it answered. A store that does not tell the two apart may say Claimed.
	Resumed
)

// ErrClaimLost is what [IdempotencyStore].Renew and Finish return when the
// claim is no longer the caller's: its lease ran out and another took it.
var ErrClaimLost = errors.New("the claim on the idempotency key is lost")

// IdempotencyStore remembers keys and first answers. Every method is one atomic
// step; all are safe for concurrent use, by several processes too. The digest
// is kept from Begin on, so that another request under a running key is a
// Conflict and not InFlight.
//
// A claim is a lease: of about 5 s in real time, renewed while the handler
// runs. One that ran out may be claimed again by the same request, because
// handlers can be run again. Times of expiry are the store's to decide.
type IdempotencyStore interface {
	// Begin claims the key for the request of that digest, or tells why not. The
	// bytes are the first answer when the outcome is [Replay], otherwise nil.
	Begin(ctx context.Context, scope IdempotencyScope, digest string) (IdempotencyOutcome, []byte, error)
	// Renew prolongs the lease of a claim.
	Renew(ctx context.Context, scope IdempotencyScope) error
	// Finish stores the answer, durably, and ends the claim.
	Finish(ctx context.Context, scope IdempotencyScope, response []byte) error
	// Abandon forgets the key: the call was refused and may be tried again.
	Abandon(ctx context.Context, scope IdempotencyScope) error
}
