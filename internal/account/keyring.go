package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// maxPrincipal bounds a principal's name, in bytes.
const maxPrincipal = 200

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// DefaultOverlap is how long a rotated key stays valid beside its successor.
const DefaultOverlap = 24 * time.Hour

// Key is what is known of an API key. The key itself is known only to whom it
// was given: it is shown when it is made, and never again.
type Key struct {
	// ID names the key: its first characters, such as "upf_live_k3f9x2ab".
	ID string
	// Principal is whom it stands for.
	Principal string
	// Sandbox keys begin with upf_test_ and see the sandbox's operations.
	Sandbox bool
	// Scope is what it is good for.
	Scope Scope
	// CreatedAt is when it was made; ExpiresAt when it ends, zero for never;
	// RevokedAt when it was revoked, zero where it was not. UTC.
	CreatedAt, ExpiresAt, RevokedAt time.Time
	// LastUsedAt is when it was last used, to within [TouchEvery]; zero for never.
	LastUsedAt time.Time
	// ReplacedBy is the ID of the key that it was rotated to, or "".
	ReplacedBy string

	revision int64
}

// KeyStatus is what has become of a key.
type KeyStatus string

// The states of a key.
const (
	// KeyActive keys are accepted.
	KeyActive KeyStatus = "active"
	// KeyRotated keys are accepted until they expire; a successor is there.
	KeyRotated KeyStatus = "rotated"
	// KeyExpired keys have had their time.
	KeyExpired KeyStatus = "expired"
	// KeyRevoked keys were taken back.
	KeyRevoked KeyStatus = "revoked"
)

// Status is the key's state at that time.
func (k Key) Status(now time.Time) KeyStatus {
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	case k.ReplacedBy != "":
		return KeyRotated
	}
	return KeyActive
}

// Accepted tells whether a call with the key is let in at that time.
func (k Key) Accepted(now time.Time) bool {
	status := k.Status(now)
	return status == KeyActive || status == KeyRotated
}

// ErrNoKey is returned for an ID that names no key of the tenant.
var ErrNoKey = errors.New("there is no such key; list them with: upfront keys list")

// KeyringConfig is what a [Keyring] is made of.
type KeyringConfig struct {
	// Store keeps the keys' digests.
	Store *store.DB
	// Tenant is whose keys they are.
	Tenant string
	// Clock is real time: the system's where nil.
	Clock clock.Clock
	// Random is where keys come from: crypto/rand where nil.
	Random io.Reader
}

// Keyring makes, lists, rotates and revokes a tenant's API keys. It is safe for
// concurrent use, also by several processes on one database.
type Keyring struct {
	cfg KeyringConfig
}

// NewKeyring returns a keyring over the store.
func NewKeyring(cfg KeyringConfig) *Keyring {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return &Keyring{cfg: cfg}
}

// NewKey says what key to make.
type NewKey struct {
	// Principal is whom the key stands for; required.
	Principal string
	// Sandbox makes a upf_test_ key. The keys of one principal that are in
	// force are all for the sandbox or all live.
	Sandbox bool
	// Scope is what the key is good for; the zero Scope is everything.
	Scope Scope
	// Lifetime, where positive, is how long the key is valid.
	Lifetime time.Duration
}

// Create makes a key and returns it, this once, with what is kept of it.
func (r *Keyring) Create(ctx context.Context, n NewKey) (key string, kept Key, err error) {
	switch {
	case n.Principal == "":
		return "", Key{}, errors.New("principal: name whom the key stands for")
	case len(n.Principal) > maxPrincipal || strings.TrimSpace(n.Principal) != n.Principal || strings.ContainsFunc(n.Principal, unprintable):
		return "", Key{}, fmt.Errorf("principal: use at most %d printable characters, without blanks around them", maxPrincipal)
	case n.Lifetime < 0:
		return "", Key{}, fmt.Errorf("expires: %s is in the past", n.Lifetime)
	}
	if err := n.Scope.Validate(); err != nil {
		return "", Key{}, err
	}
	now := r.now()
	kept = Key{Principal: n.Principal, Sandbox: n.Sandbox, Scope: n.Scope, CreatedAt: now}
	if n.Lifetime > 0 {
		kept.ExpiresAt = now.Add(n.Lifetime)
	}
	err = r.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		rows, err := tx.AccountKeys(ctx, r.cfg.Tenant)
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		for _, row := range rows {
			other, err := keyOf(row)
			if err != nil {
				return err
			}
			if other.Principal == n.Principal && other.Sandbox != n.Sandbox && other.Accepted(now) {
				return fmt.Errorf("principal: %s has the key %s, and a principal is in the sandbox or live, not both; name another principal", n.Principal, other.ID)
			}
		}
		key, err = r.insert(ctx, tx, &kept)
		return err
	})
	if err != nil {
		return "", Key{}, err
	}
	return key, kept, nil
}

// insert makes the secret of a key and keeps its digest.
func (r *Keyring) insert(ctx context.Context, tx *store.Tx, k *Key) (string, error) {
	prefix := livePrefix
	if k.Sandbox {
		prefix = testPrefix
	}
	key, err := newKey(r.cfg.Random, prefix)
	if err != nil {
		return "", err
	}
	k.ID, k.revision = keyID(key), 1
	operations, accounts, err := k.Scope.documents()
	if err != nil {
		return "", err
	}
	if err := tx.InsertAccountKey(ctx, store.InsertAccountKeyParams{
		Tenant: r.cfg.Tenant, KeyID: k.ID, Digest: HashKey(key), Principal: k.Principal, Sandbox: k.Sandbox,
		Operations: operations, Accounts: accounts,
		CreatedAt: store.Micros(k.CreatedAt), ExpiresAt: store.Micros(k.ExpiresAt),
	}); err != nil {
		return "", fmt.Errorf("keep the key: %w", err)
	}
	return key, nil
}

// List returns every key of the tenant, also those that are over, oldest first.
func (r *Keyring) List(ctx context.Context) ([]Key, error) {
	rows, err := r.cfg.Store.Read().AccountKeys(ctx, r.cfg.Tenant)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys := make([]Key, 0, len(rows))
	for _, row := range rows {
		k, err := keyOf(row)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Revoke takes the key of that ID back, for good; the key itself in place of its
// ID will do. Revoking it again changes nothing and is no
// error. The error is [ErrNoKey] where there is none of that ID.
func (r *Keyring) Revoke(ctx context.Context, id string) (revoked Key, err error) {
	now := r.now()
	err = r.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		k, err := r.key(ctx, tx.Queries, id)
		if err != nil {
			return err
		}
		if k.RevokedAt.IsZero() {
			k.RevokedAt = now
			if err := r.end(ctx, tx, &k); err != nil {
				return err
			}
		}
		revoked = k
		return nil
	})
	if err != nil {
		return Key{}, err
	}
	return revoked, nil
}

// Rotate makes a key that is good for the same as the one of that ID, and lets
// the old one end after the overlap, or earlier where it would have ended
// anyway; without an overlap it ends at once. The new key lives as long as the
// old one was made to. A key that is no longer in force is not rotated, nor one
// that was: of two who rotate a key at the same time one succeeds.
func (r *Keyring) Rotate(ctx context.Context, id string, overlap time.Duration) (key string, successor, old Key, err error) {
	if overlap < 0 {
		return "", Key{}, Key{}, fmt.Errorf("overlap: %s is negative", overlap)
	}
	now := r.now()
	err = r.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if old, err = r.key(ctx, tx.Queries, id); err != nil {
			return err
		}
		switch status := old.Status(now); status {
		case KeyActive:
		case KeyRotated:
			return fmt.Errorf("%s was rotated to %s already; rotate that one", old.ID, old.ReplacedBy)
		default:
			return fmt.Errorf("%s is %s; create a new key", old.ID, status)
		}
		successor = Key{Principal: old.Principal, Sandbox: old.Sandbox, Scope: old.Scope, CreatedAt: now}
		if !old.ExpiresAt.IsZero() {
			successor.ExpiresAt = now.Add(old.ExpiresAt.Sub(old.CreatedAt))
		}
		if key, err = r.insert(ctx, tx, &successor); err != nil {
			return err
		}
		if end := now.Add(overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			old.ExpiresAt = end
		}
		old.ReplacedBy = successor.ID
		return r.end(ctx, tx, &old)
	})
	if err != nil {
		return "", Key{}, Key{}, err
	}
	return key, successor, old, nil
}

// end writes when a key ends and what follows it.
func (r *Keyring) end(ctx context.Context, tx *store.Tx, k *Key) error {
	n, err := tx.EndAccountKey(ctx, store.EndAccountKeyParams{
		Tenant: r.cfg.Tenant, KeyID: k.ID, Revision: k.revision,
		ExpiresAt: store.Micros(k.ExpiresAt), RevokedAt: store.Micros(k.RevokedAt), ReplacedBy: k.ReplacedBy,
	})
	switch {
	case err != nil:
		return fmt.Errorf("end %s: %w", k.ID, err)
	case n != 1:
		return fmt.Errorf("%s was changed by somebody else at the same time; try again", k.ID)
	}
	k.revision++
	return nil
}

func (r *Keyring) key(ctx context.Context, q *store.Queries, id string) (Key, error) {
	if wellFormed(id) {
		id = keyID(id) // the whole key, as one who found it somewhere has it
	}
	row, err := q.AccountKey(ctx, store.AccountKeyParams{Tenant: r.cfg.Tenant, KeyID: id})
	switch {
	case errors.Is(err, store.ErrNoRow):
		return Key{}, ErrNoKey
	case err != nil:
		return Key{}, fmt.Errorf("key: %w", err)
	}
	return keyOf(row)
}

// now is the time to the microsecond, as it will be read back.
func (r *Keyring) now() time.Time { return r.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

func (s Scope) documents() (operations, accounts string, err error) {
	o, err := json.Marshal(append([]string{}, s.Operations...))
	if err != nil {
		return "", "", err
	}
	a, err := json.Marshal(append([]string{}, s.Accounts...))
	return string(o), string(a), err
}

func keyOf(row store.AccountKey) (Key, error) {
	k := Key{
		ID: row.KeyID, Principal: row.Principal, Sandbox: row.Sandbox,
		CreatedAt: store.Time(row.CreatedAt), ExpiresAt: store.Time(row.ExpiresAt), RevokedAt: store.Time(row.RevokedAt),
		LastUsedAt: store.Time(row.LastUsedAt), ReplacedBy: row.ReplacedBy, revision: row.Revision,
	}
	// A scope that cannot be read would limit nothing: such a key is not accepted.
	if err := json.Unmarshal([]byte(row.Operations), &k.Scope.Operations); err != nil {
		return Key{}, fmt.Errorf("the operations of %s: %w", row.KeyID, err)
	}
	if err := json.Unmarshal([]byte(row.Accounts), &k.Scope.Accounts); err != nil {
		return Key{}, fmt.Errorf("the accounts of %s: %w", row.KeyID, err)
	}
	return k, nil
}
