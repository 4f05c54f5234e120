package signing

import (
	"context"
	"errors"
	"sync"
	"time"
)

// KeyRef names a key across agents, whose key ids may be equal.
type KeyRef struct{ AgentURL, KeyID string }

// Claim is what a [ReplayGuard] found when a nonce was claimed.
type Claim int

const (
	// Claimed says that the nonce is new and now used.
	Claimed Claim = iota
	// Replayed says that the nonce was used before.
	Replayed
	// OverCap says that the key has as many nonces in use as it may have. The
	// nonce is not taken, and nothing is forgotten to make room: forgetting would
	// let replays through just when someone is trying.
	OverCap
)

// ReplayGuard remembers the nonces of accepted signatures, for as long as each
// could be accepted again. All methods are safe for concurrent use.
//
// A guard that several processes share, or that must survive a restart, keeps
// rows of (agent, key id, nonce, until) with a unique key over the first three:
// Claim is then one transaction that counts the key's rows that are not past,
// and inserts. Endpoints that one signer can reach must share one guard.
// A guard whose memory a restart empties lets every signature of the last six
// minutes be used once more.
type ReplayGuard interface {
	// Full tells whether the key is at its cap. It is a cheap look that is asked
	// before any cryptography; Claim decides.
	Full(ctx context.Context, key KeyRef) (bool, error)
	// Claim takes a nonce, atomically, until after the given instant.
	Claim(ctx context.Context, key KeyRef, nonce string, until time.Time) (Claim, error)
}

// Caps that the protocol recommends.
const (
	DefaultRequestCap = 1_000_000
	DefaultWebhookCap = 100_000
	DefaultTotalCap   = 10_000_000
)

// MemoryReplaysConfig is what [NewMemoryReplays] takes.
type MemoryReplaysConfig struct {
	// PerKey is the most nonces that one key may have in use, and Total the most
	// of all keys. Zero takes [DefaultRequestCap] and [DefaultTotalCap].
	PerKey, Total int
	// Clock is the system's when nil.
	Clock Clock
}

// MemoryReplays is a [ReplayGuard] for one process. A restart empties it.
type MemoryReplays struct {
	cfg MemoryReplaysConfig

	mu       sync.Mutex
	keys     map[KeyRef]map[string]struct{}
	due      map[int64][]nonceEntry // by period of expiry
	oldest   int64                  // the first period that may still hold entries
	total    int
	admitted int
}

type nonceEntry struct {
	key   KeyRef
	nonce string
}

// period is the grain in which entries are forgotten.
const period = 16 // seconds

// NewMemoryReplays makes an empty guard.
func NewMemoryReplays(cfg MemoryReplaysConfig) (*MemoryReplays, error) {
	if cfg.PerKey < 0 || cfg.Total < 0 {
		return nil, errors.New("a cap on nonces cannot be negative")
	}
	if cfg.PerKey == 0 {
		cfg.PerKey = DefaultRequestCap
	}
	if cfg.Total == 0 {
		cfg.Total = DefaultTotalCap
	}
	cfg.Clock = orSystem(cfg.Clock)
	return &MemoryReplays{cfg: cfg, keys: map[KeyRef]map[string]struct{}{}, due: map[int64][]nonceEntry{}}, nil
}

// Full implements [ReplayGuard].
func (g *MemoryReplays) Full(_ context.Context, key KeyRef) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	return g.full(key), nil
}

func (g *MemoryReplays) full(key KeyRef) bool {
	return len(g.keys[key]) >= g.cfg.PerKey || g.total >= g.cfg.Total
}

// Claim implements [ReplayGuard].
func (g *MemoryReplays) Claim(_ context.Context, key KeyRef, nonce string, until time.Time) (Claim, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	if _, used := g.keys[key][nonce]; used {
		return Replayed, nil
	}
	if g.full(key) {
		return OverCap, nil
	}
	if g.keys[key] == nil {
		g.keys[key] = map[string]struct{}{}
		g.admitted++
	}
	g.keys[key][nonce] = struct{}{}
	g.total++
	at := max(until.Unix()/period, g.oldest)
	g.due[at] = append(g.due[at], nonceEntry{key, nonce})
	return Claimed, nil
}

// forget drops the entries of the periods that are wholly past.
func (g *MemoryReplays) forget() {
	current := g.cfg.Clock.Now().Unix() / period
	if current <= g.oldest {
		return
	}
	// After a long rest there are fewer periods held than have gone by.
	for at, entries := range g.due {
		if at >= current {
			continue
		}
		for _, e := range entries {
			delete(g.keys[e.key], e.nonce)
			if len(g.keys[e.key]) == 0 {
				delete(g.keys, e.key)
			}
		}
		g.total -= len(entries)
		delete(g.due, at)
	}
	g.oldest = current
}

// ReplayStats are figures for telemetry.
type ReplayStats struct {
	// Keys and Nonces are in use now.
	Keys, Nonces int
	// KeysAdmitted counts, since the start, keys that came with no nonce in use.
	// A sudden rise is the mark of many compromised keys at once, which stays
	// below each single key's cap.
	KeysAdmitted int
}

// Stats returns the present figures.
func (g *MemoryReplays) Stats() ReplayStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	return ReplayStats{Keys: len(g.keys), Nonces: g.total, KeysAdmitted: g.admitted}
}
