package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func scope(key string) agent.IdempotencyScope {
	return agent.IdempotencyScope{Tenant: "t", Principal: "p", Account: "a", Operation: "create_media_buy", Key: key}
}

// keys is a memory of keys with clocks that the test moves.
type keys struct {
	*store.Idempotency
	t     *testing.T
	clock *clock.Simulated
	lease *clock.Simulated
}

func newKeys(t *testing.T, db *store.DB) keys {
	k := keys{t: t, clock: clock.NewSimulated(now), lease: clock.NewSimulated(now)}
	k.Idempotency = db.Idempotency(store.IdempotencyConfig{Clock: k.clock, LeaseClock: k.lease})
	return k
}

func (k keys) begin(s agent.IdempotencyScope, digest string, want agent.IdempotencyOutcome, response string) {
	k.t.Helper()
	got, stored, err := k.Begin(k.t.Context(), s, digest)
	if err != nil || got != want || string(stored) != response {
		k.t.Errorf("Begin(%s, %s) = %v, %q, %v; want %v, %q", s.Key, digest, got, stored, err, want, response)
	}
}

func (k keys) must(do func(context.Context, agent.IdempotencyScope) error, s agent.IdempotencyScope, want error) {
	k.t.Helper()
	if err := do(k.t.Context(), s); !errors.Is(err, want) {
		k.t.Errorf("got %v, want %v", err, want)
	}
}

func finish(k keys, response string) func(context.Context, agent.IdempotencyScope) error {
	return func(ctx context.Context, s agent.IdempotencyScope) error { return k.Finish(ctx, s, []byte(response)) }
}

func TestKeyIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k, s := newKeys(t, db), scope("key")
		k.begin(s, "d1", agent.Claimed, "")
		k.begin(s, "d1", agent.InFlight, "")
		k.begin(s, "d2", agent.Conflict, "")
		k.must(finish(k, `{"a":1}`), s, nil)
		k.begin(s, "d1", agent.Replay, `{"a":1}`)
		k.begin(s, "d2", agent.Conflict, "")
		k.must(finish(k, `{"a":2}`), s, agent.ErrClaimLost)
		k.must(k.Renew, s, agent.ErrClaimLost)
		k.must(k.Abandon, s, nil) // forgets no answer
		k.begin(s, "d1", agent.Replay, `{"a":1}`)
	})
}

func TestKeyExpires(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k, s := newKeys(t, db), scope("key")
		k.begin(s, "d1", agent.Claimed, "")
		k.must(finish(k, "{}"), s, nil)
		k.clock.Advance(store.DefaultTTL)
		k.begin(s, "d1", agent.Replay, "{}")
		k.clock.Advance(time.Microsecond)
		k.begin(s, "d1", agent.Expired, "")
		k.begin(s, "d2", agent.Expired, "")
		if n, err := k.Prune(t.Context(), now); n != 0 || err != nil {
			t.Errorf("Prune of what is older = %d, %v; want 0", n, err)
		}
		if n, err := k.Prune(t.Context(), now.Add(time.Second)); n != 1 || err != nil {
			t.Errorf("Prune = %d, %v; want 1", n, err)
		}
		k.begin(s, "d2", agent.Claimed, "")
	})
}

func TestTTLIsAtMostAWeek(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	k := newKeys(t, db)
	k.Idempotency = db.Idempotency(store.IdempotencyConfig{Clock: k.clock, TTL: 365 * 24 * time.Hour})
	k.begin(scope("key"), "d", agent.Claimed, "")
	k.must(finish(k, "{}"), scope("key"), nil)
	k.clock.Advance(store.MaxTTL)
	k.begin(scope("key"), "d", agent.Replay, "{}")
	k.clock.Advance(time.Second)
	k.begin(scope("key"), "d", agent.Expired, "")
}

func TestAbandonedKeyIsNew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k, s := newKeys(t, db), scope("key")
		k.begin(s, "d1", agent.Claimed, "")
		k.must(k.Abandon, s, nil)
		k.begin(s, "d2", agent.Claimed, "")
	})
}

func TestClaimOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dead, living, s := newKeys(t, db), newKeys(t, db), scope("key")
		living.lease = dead.lease
		living.Idempotency = db.Idempotency(store.IdempotencyConfig{Clock: living.clock, LeaseClock: dead.lease})

		dead.begin(s, "d1", agent.Claimed, "")
		dead.lease.Advance(store.DefaultLease - time.Second)
		dead.must(dead.Renew, s, nil)
		dead.lease.Advance(store.DefaultLease)
		living.begin(s, "d1", agent.InFlight, "")
		living.must(living.Renew, s, agent.ErrClaimLost) // it is not the holder
		living.must(living.Abandon, s, nil)              // and forgets nobody else's claim
		dead.lease.Advance(time.Microsecond)
		living.begin(s, "d2", agent.Conflict, "")
		living.begin(s, "d1", agent.Resumed, "")
		living.begin(s, "d1", agent.InFlight, "")
		dead.must(dead.Renew, s, agent.ErrClaimLost)
		dead.must(finish(dead, "late"), s, agent.ErrClaimLost)
		dead.must(dead.Abandon, s, nil)
		living.must(finish(living, "first"), s, nil)
		dead.begin(s, "d1", agent.Replay, "first")
	})
}

func TestUnansweredKeyDoesNotExpire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k, s := newKeys(t, db), scope("key")
		k.begin(s, "d1", agent.Claimed, "")
		k.clock.Advance(30 * 24 * time.Hour) // a simulated month in a moment of real time
		k.begin(s, "d1", agent.InFlight, "")
		k.lease.Advance(time.Minute)
		k.begin(s, "d1", agent.Resumed, "")
		k.must(finish(k, "{}"), s, nil)
		k.clock.Advance(store.DefaultTTL)
		k.begin(s, "d1", agent.Replay, "{}")
	})
}

func TestKeyHasAMeaningInItsScopeOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := newKeys(t, db)
		scopes := []agent.IdempotencyScope{scope("key"), scope("key"), scope("key"), scope("key"), scope("key"), scope("key")}
		scopes[1].Tenant, scopes[2].Principal, scopes[3].Account, scopes[4].Operation, scopes[5].Key = "x", "x", "x", "x", "x"
		for i, s := range scopes {
			k.begin(s, fmt.Sprint("digest ", i), agent.Claimed, "")
			k.must(finish(k, fmt.Sprint("answer ", i)), s, nil)
		}
		for i, s := range scopes {
			k.begin(s, fmt.Sprint("digest ", i), agent.Replay, fmt.Sprint("answer ", i))
		}
	})
}

func TestOneOfManyClaimsAKey(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			first, second := storetest.OpenConfig(t, cfg), storetest.OpenConfig(t, cfg)
			holders := []keys{newKeys(t, first), newKeys(t, second)}
			race := func(want agent.IdempotencyOutcome) {
				t.Helper()
				outcomes := make([]agent.IdempotencyOutcome, 50)
				var wg sync.WaitGroup
				for i := range outcomes {
					wg.Go(func() {
						var err error
						outcomes[i], _, err = holders[i%2].Begin(t.Context(), scope("key"), "d")
						if err != nil {
							t.Errorf("Begin: %v", err)
						}
					})
				}
				wg.Wait()
				count := map[agent.IdempotencyOutcome]int{}
				for _, o := range outcomes {
					count[o]++
				}
				if count[want] != 1 || count[agent.InFlight] != len(outcomes)-1 {
					t.Errorf("outcomes %v, want one %v and InFlight", count, want)
				}
			}
			race(agent.Claimed)
			for _, k := range holders {
				k.lease.Advance(time.Minute)
			}
			race(agent.Resumed)
		})
	}
}
