package signing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Ages of what is read from other parties.
const (
	// DefaultMaxAge is how long a key set or a brand.json is believed.
	DefaultMaxAge = 5 * time.Minute
	// maxMaxAge is the protocol's ceiling, that of polling revocations.
	maxMaxAge = maxPolling
)

// RemoteKeysConfig is what [NewRemoteKeys] takes.
type RemoteKeysConfig struct {
	// AgentURL is the agent whose keys these are.
	AgentURL string
	// URL is where they are published: the agent's jwks_uri. It must be https.
	URL string
	// Client reads it; [PublicClient] when nil. Redirects are never followed.
	Client *http.Client
	// MaxAge is how long the set is believed; [DefaultMaxAge] when zero, at most 30 minutes.
	MaxAge time.Duration
	// Clock is the system's when nil.
	Clock Clock
}

// RemoteKeys is the key set of one agent, read when it is needed and read again
// when it is old, or when a key is asked for that it does not hold; the latter
// at most twice a minute. It is a [KeySource].
type RemoteKeys struct {
	cfg RemoteKeysConfig
	doc document[*KeySet]

	mu     sync.Mutex
	missed time.Time // when it was last read for a key it did not hold
}

// NewRemoteKeys checks the configuration and reads nothing yet.
func NewRemoteKeys(cfg RemoteKeysConfig) (*RemoteKeys, error) {
	if u, err := split(cfg.URL); err != nil || u.scheme != "https" {
		return nil, refuse(ReasonKeysUntrusted, "the address of a key set must be https")
	}
	if cfg.AgentURL == "" {
		return nil, errors.New("a key set needs the agent whose it is")
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	if cfg.MaxAge < 0 || cfg.MaxAge > maxMaxAge {
		return nil, fmt.Errorf("the age of a key set must be between 0 and %s", maxMaxAge)
	}
	if cfg.Client == nil {
		cfg.Client = PublicClient()
	}
	cfg.Clock = orSystem(cfg.Clock)
	return &RemoteKeys{cfg: cfg}, nil
}

// Key implements [KeySource].
func (r *RemoteKeys) Key(ctx context.Context, agentURL, keyID string) (*Key, error) {
	if agentURL != "" && agentURL != r.cfg.AgentURL {
		return nil, refuse(ReasonKeyUnknown, "the key set is another agent's")
	}
	cached := false
	set, err := r.doc.get(ctx, r.cfg.Clock, func(_ *KeySet, at time.Time) bool {
		cached = r.cfg.Clock.Now().Sub(at) < r.cfg.MaxAge
		return cached
	}, r.read)
	if err != nil {
		return nil, err
	}
	key, err := set.Key(ctx, "", keyID)
	unknown := errors.Is(err, &Error{Reason: ReasonKeyUnknown})
	if !unknown || !cached || !r.mayReadForMiss() {
		return key, err
	}
	never := func(*KeySet, time.Time) bool { return false }
	if set, err = r.doc.get(ctx, r.cfg.Clock, never, r.read); err != nil {
		return nil, err
	}
	return set.Key(ctx, "", keyID)
}

// mayReadForMiss spends the one reading that a missing key is worth.
func (r *RemoteKeys) mayReadForMiss() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Clock.Now()
	if !r.missed.IsZero() && now.Sub(r.missed) < missPause {
		return false
	}
	r.missed = now
	return true
}

func (r *RemoteKeys) read(ctx context.Context) (*KeySet, error) {
	doc, err := fetch(ctx, r.cfg.Client, r.cfg.URL, maxKeySetBytes)
	if errors.Is(err, errUntrusted) {
		return nil, &Error{Reason: ReasonKeysUntrusted, Detail: "the key set", Err: err}
	}
	if err != nil {
		return nil, &Error{Reason: ReasonKeysUnavailable, Detail: "the key set", Err: err}
	}
	set, err := ParseKeySet(r.cfg.AgentURL, doc)
	if err != nil {
		return nil, &Error{Reason: ReasonKeysUnavailable, Detail: "the key set", Err: err}
	}
	return set, nil
}
