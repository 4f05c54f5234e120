package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var signer = signing.KeyRef{AgentURL: "https://buyer.example/agent", KeyID: "key-1"}

func claim(t *testing.T, g signing.ReplayGuard, key signing.KeyRef, nonce string, until time.Time) signing.Claim {
	t.Helper()
	got, err := g.Claim(t.Context(), key, nonce, until)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestANonceIsTakenOnceByItsKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC))
		g := db.Replays(store.ReplayConfig{Tenant: "a", Clock: c})
		until := c.Now().Add(6 * time.Minute)
		if got := claim(t, g, signer, "n", until); got != signing.Claimed {
			t.Fatalf("the first time: %v", got)
		}
		// Another process, or this one after a restart.
		again := db.Replays(store.ReplayConfig{Tenant: "a", Clock: c})
		if got := claim(t, again, signer, "n", until); got != signing.Replayed {
			t.Errorf("the second time: %v", got)
		}
		for name, other := range map[string]struct {
			tenant string
			key    signing.KeyRef
			nonce  string
		}{
			"another nonce":  {"a", signer, "m"},
			"another key":    {"a", signing.KeyRef{AgentURL: signer.AgentURL, KeyID: "key-2"}, "n"},
			"another agent":  {"a", signing.KeyRef{AgentURL: "https://other.example", KeyID: signer.KeyID}, "n"},
			"another tenant": {"b", signer, "n"},
		} {
			if got := claim(t, db.Replays(store.ReplayConfig{Tenant: other.tenant, Clock: c}), other.key, other.nonce, until); got != signing.Claimed {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

func TestOfEqualMessagesThatComeTogetherOneIsAccepted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var accepted atomic.Int64
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				got, err := db.Replays(store.ReplayConfig{Tenant: "a"}).Claim(t.Context(), signer, "n", time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if got == signing.Claimed {
					accepted.Add(1)
				}
			})
		}
		wait.Wait()
		if accepted.Load() != 1 {
			t.Errorf("%d were accepted", accepted.Load())
		}
	})
}

func TestAKeyHasACap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC))
		g := db.Replays(store.ReplayConfig{Tenant: "a", Clock: c, Cap: func(k signing.KeyRef) store.SignatureCap {
			if k != signer {
				return store.SignatureCap{}
			}
			return store.SignatureCap{Signatures: 10, Within: time.Minute}
		}})
		until := c.Now().Add(6 * time.Minute)
		var accepted atomic.Int64
		var wait sync.WaitGroup
		for n := range 16 {
			wait.Go(func() {
				got, err := g.Claim(t.Context(), signer, fmt.Sprint("n", n), until)
				if err != nil {
					t.Error(err)
				}
				if got == signing.Claimed {
					accepted.Add(1)
				}
			})
		}
		wait.Wait()
		if accepted.Load() != 10 {
			t.Errorf("%d were accepted of a cap of 10", accepted.Load())
		}
		if full, err := g.Full(t.Context(), signer); err != nil || !full {
			t.Errorf("full is %t, %v", full, err)
		}
		if got := claim(t, g, signer, "late", until); got != signing.OverCap {
			t.Errorf("above the cap: %v", got)
		}
		if got := claim(t, g, signing.KeyRef{AgentURL: signer.AgentURL, KeyID: "key-2"}, "n", until); got != signing.Claimed {
			t.Errorf("another key: %v", got)
		}
		// What was refused at the cap is not used up, and what was accepted stays so.
		c.Advance(time.Minute + 10*time.Second)
		if full, err := g.Full(t.Context(), signer); err != nil || full {
			t.Errorf("a minute later, full is %t, %v", full, err)
		}
		if got := claim(t, g, signer, "late", until); got != signing.Claimed {
			t.Errorf("a minute later: %v", got)
		}
		if got := claim(t, g, signer, "late", until); got != signing.Replayed {
			t.Errorf("a minute later, again: %v", got)
		}
	})
}

func TestNoncesThatAreOverAreForgotten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC))
		g := db.Replays(store.ReplayConfig{Tenant: "a", Clock: c})
		claim(t, g, signer, "short", c.Now().Add(time.Minute))
		claim(t, g, signer, "long", c.Now().Add(6*time.Minute))
		claim(t, db.Replays(store.ReplayConfig{Tenant: "b", Clock: c}), signer, "short", c.Now().Add(time.Minute))
		c.Advance(2 * time.Minute)
		if n, err := g.Prune(t.Context()); err != nil || n != 1 {
			t.Errorf("forgot %d, %v, want 1", n, err)
		}
		if got := claim(t, g, signer, "long", c.Now().Add(time.Minute)); got != signing.Replayed {
			t.Errorf("one that is not over: %v", got)
		}
		c.Advance(25 * time.Hour)
		if n, err := g.Prune(t.Context()); err != nil || n != 1 {
			t.Errorf("forgot %d, %v, want 1", n, err)
		}
	})
}
