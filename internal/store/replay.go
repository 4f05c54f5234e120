package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
)

// signatureLife is the longest that an accepted signature could be accepted again,
// from clocks that are apart either way.
const signatureLife = signing.MaxValidity + 2*signing.Skew

// signaturePeriod is the grain in which signatures are counted.
const signaturePeriod = 10 * time.Second

// maxCapWithin is how far back a cap may look.
const maxCapWithin = 24 * time.Hour

// SignatureCap is how many signatures of one key are accepted within a time, of at
// most a day.
type SignatureCap struct {
	Signatures int64
	Within     time.Duration
}

// ReplayConfig says for whom nonces are remembered, and how many.
type ReplayConfig struct {
	// Tenant keys what is stored. Required.
	Tenant string
	// Cap bounds a key's signatures; where nil, and where it returns the zero
	// SignatureCap, that is [signing.DefaultRequestCap] in the life of a signature.
	Cap func(signing.KeyRef) SignatureCap
	// Clock is the verifier's, by which signatures expire; the machine's where nil.
	Clock clock.Clock
}

// Replays remembers the nonces of accepted signatures in the database, so that a
// restart forgets none and processes share them. It implements
// [signing.ReplayGuard].
type Replays struct {
	db  *DB
	cfg ReplayConfig
}

var _ signing.ReplayGuard = (*Replays)(nil)

// Replays gives the memory of a tenant's nonces. Call [Replays.Prune] now and then.
func (db *DB) Replays(cfg ReplayConfig) *Replays {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	return &Replays{db: db, cfg: cfg}
}

// errOverCap takes a nonce back that was one too many.
var errOverCap = errors.New("the key is at its cap")

// Full implements [signing.ReplayGuard].
func (r *Replays) Full(ctx context.Context, key signing.KeyRef) (bool, error) {
	full, err := r.full(ctx, r.db.Read(), key)
	if err != nil {
		return false, fmt.Errorf("count signatures: %w", err)
	}
	return full, nil
}

func (r *Replays) full(ctx context.Context, q *Queries, key signing.KeyRef) (bool, error) {
	limit := r.cap(key)
	accepted, err := q.signaturesAccepted(ctx, signaturesAcceptedParams{
		Tenant: r.cfg.Tenant, AgentURL: key.AgentURL, KeyID: key.KeyID,
		AfterPeriod: signaturePeriodOf(r.cfg.Clock.Now().Add(-limit.Within)),
	})
	return accepted >= limit.Signatures, err
}

func (r *Replays) cap(key signing.KeyRef) SignatureCap {
	var limit SignatureCap
	if r.cfg.Cap != nil {
		limit = r.cfg.Cap(key)
	}
	if limit.Signatures <= 0 || limit.Within <= 0 || limit.Within > maxCapWithin {
		limit = SignatureCap{signing.DefaultRequestCap, signatureLife}
	}
	return limit
}

// Claim implements [signing.ReplayGuard]: the nonce is looked for, taken and
// counted in one transaction, so that of equal messages that come together, to
// whichever process, one is accepted, and the cap holds to the last.
func (r *Replays) Claim(ctx context.Context, key signing.KeyRef, nonce string, until time.Time) (signing.Claim, error) {
	claim := signing.Claimed
	err := r.db.Tx(ctx, func(tx *Tx) error {
		claim = signing.Claimed
		n, err := tx.claimSignatureNonce(ctx, claimSignatureNonceParams{
			Tenant: r.cfg.Tenant, AgentURL: key.AgentURL, KeyID: key.KeyID, Nonce: nonce, UntilAt: Micros(until),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			claim = signing.Replayed
			return nil
		}
		full, err := r.full(ctx, tx.Queries, key)
		if err != nil {
			return err
		}
		if full {
			claim = signing.OverCap
			return errOverCap
		}
		return tx.countSignature(ctx, countSignatureParams{
			Tenant: r.cfg.Tenant, AgentURL: key.AgentURL, KeyID: key.KeyID, Period: signaturePeriodOf(r.cfg.Clock.Now()),
		})
	})
	if err != nil && !errors.Is(err, errOverCap) {
		return 0, fmt.Errorf("take a signature's nonce: %w", err)
	}
	return claim, nil
}

// Prune forgets the tenant's nonces that could not be accepted again anyway, and
// says how many.
func (r *Replays) Prune(ctx context.Context) (int64, error) {
	now := r.cfg.Clock.Now()
	var pruned int64
	err := r.db.Tx(ctx, func(tx *Tx) (err error) {
		if pruned, err = tx.pruneSignatureNonces(ctx, pruneSignatureNoncesParams{Tenant: r.cfg.Tenant, Before: Micros(now)}); err != nil {
			return err
		}
		return tx.pruneSignatureCounts(ctx, pruneSignatureCountsParams{
			Tenant: r.cfg.Tenant, UntilPeriod: signaturePeriodOf(now.Add(-maxCapWithin)),
		})
	})
	if err != nil {
		return 0, fmt.Errorf("forget nonces: %w", err)
	}
	return pruned, nil
}

func signaturePeriodOf(t time.Time) int64 { return t.Unix() / int64(signaturePeriod/time.Second) }
