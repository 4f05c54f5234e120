package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

const (
	// CacheFor is how long a key that was read from the store is believed: a
	// revoked key is refused after that at the latest.
	CacheFor = time.Second
	// TouchEvery is how often the last use of a busy key is written.
	TouchEvery = time.Minute
	// touchWithin bounds one such write.
	touchWithin = 30 * time.Second
)

// lookup finds keys in the store, and remembers for a moment those that are
// there. Unknown ones are not remembered: a key is good as soon as it is made,
// and nobody can fill the memory with keys of their own invention.
type lookup struct {
	store  *store.DB
	tenant string
	clock  clock.Clock
	log    *slog.Logger

	mu      sync.Mutex
	known   map[string]held      // by digest
	touched map[string]time.Time // by key ID: when its use was last written
	closed  bool
	writing sync.WaitGroup
}

// held is a key as it was read at a time.
type held struct {
	key    Key
	caller agent.Caller
	readAt time.Time
}

// authenticate names the caller that presents the key with that digest.
func (l *lookup) authenticate(ctx context.Context, digest string) (agent.Caller, error) {
	now := l.clock.Now()
	h, fresh := l.remembered(digest, now)
	if !fresh {
		row, err := l.store.Read().AccountKeyByDigest(ctx, store.AccountKeyByDigestParams{Tenant: l.tenant, Digest: digest})
		if errors.Is(err, store.ErrNoRow) {
			return agent.Caller{}, agent.ErrBadCredential
		} else if err != nil {
			return agent.Caller{}, fmt.Errorf("look up a key: %w", err)
		}
		k, err := keyOf(row)
		if err != nil {
			return agent.Caller{}, err
		}
		h = held{key: k, readAt: now, caller: agent.Caller{
			Tenant: l.tenant, Principal: k.Principal, Sandbox: k.Sandbox, Permission: k.Scope.permission(),
		}}
		l.remember(digest, h)
	}
	if !h.key.Accepted(now) {
		return agent.Caller{}, agent.ErrBadCredential
	}
	l.touch(ctx, h.key, now)
	return h.caller, nil
}

func (l *lookup) remembered(digest string, now time.Time) (held, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.known[digest]
	age := now.Sub(h.readAt)
	return h, ok && age >= 0 && age < CacheFor
}

// remember keeps what was read, unless something newer is there.
func (l *lookup) remember(digest string, h held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.known[digest]; ok && before.key.revision > h.key.revision {
		return
	}
	l.known[digest] = h
}

// touch writes that the key was used, once in [TouchEvery] and beside the call:
// a use is worth knowing, but nobody waits for it.
func (l *lookup) touch(ctx context.Context, k Key, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := k.LastUsedAt
	if t := l.touched[k.ID]; t.After(last) {
		last = t
	}
	if l.closed || now.Sub(last) < TouchEvery {
		return
	}
	l.touched[k.ID] = now
	ctx = context.WithoutCancel(ctx)
	l.writing.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, touchWithin)
		defer cancel()
		err := l.store.Tx(ctx, func(tx *store.Tx) error {
			return tx.TouchAccountKey(ctx, store.TouchAccountKeyParams{
				Tenant: l.tenant, KeyID: k.ID, LastUsedAt: store.Micros(now),
			})
		})
		if err != nil {
			l.log.WarnContext(ctx, "the last use of a key was not written", "key", k.ID, "err", err)
		}
	})
}

// close waits for what is being written.
func (l *lookup) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.writing.Wait()
}
