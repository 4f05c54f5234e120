package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
)

// PublishAhead is how long a new key is published before it signs. Counterparties
// may keep a key set for half an hour; one that reads a signature of a key it has
// never seen would refuse it.
const PublishAhead = time.Hour

// Keys are this program's signing keys: all are published, and one of them signs.
type Keys struct {
	keys  []*Key
	signs *Key
	clock clock.Clock
}

// NewKeys takes keys in the order of the operator's preference: the first signs,
// and the others are published, so that what they signed is still good or what
// they will sign is known before.
func NewKeys(c clock.Clock, keys ...*Key) (*Keys, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no signing key")
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if seen[k.ID()] {
			return nil, fmt.Errorf("the signing key %s is there twice", k.ID())
		}
		seen[k.ID()] = true
	}
	return &Keys{keys: keys, signs: keys[0], clock: c}, nil
}

// OpenKeys reads the keys that are kept in a directory, and makes the first. The
// newest that has been published for [PublishAhead] signs; where there is none,
// the oldest. Several processes may open one directory at once.
func OpenKeys(dir string, c clock.Clock) (*Keys, error) {
	kept, err := readKeys(dir)
	if err == nil && len(kept) == 0 {
		if _, err = AddKey(dir, c.Now()); err == nil || errors.Is(err, fs.ErrExist) {
			kept, err = readKeys(dir)
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(kept, func(a, b *Key) int { return a.Created.Compare(b.Created) })
	keys, err := NewKeys(c, kept...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, k := range kept {
		if !k.Created.Add(PublishAhead).After(c.Now()) {
			keys.signs = k
		}
	}
	return keys, nil
}

// AddKey makes a key and keeps it in the directory, readable by its owner alone.
// It is published by whoever opens the directory from now on.
func AddKey(dir string, now time.Time) (*Key, error) {
	k, err := NewKey(now)
	if err != nil {
		return nil, err
	}
	text, err := k.PEM()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := keyFiles(dir)
	if err != nil {
		return nil, err
	}
	number := 0
	if len(names) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(names[len(names)-1]), "key-%d.pem", &number); err != nil {
			return nil, fmt.Errorf("%s: the name is not one of ours", names[len(names)-1])
		}
	}
	return k, keep(filepath.Join(dir, fmt.Sprintf("key-%04d.pem", number+1)), text)
}

// RemoveKey takes a key out of the directory: it is published no more, and what
// it signed is good no more. The last one stays.
func RemoveKey(dir, id string) error {
	names, err := keyFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		k, err := readKey(name)
		switch {
		case err != nil:
			return err
		case k.ID() != id:
		case len(names) == 1:
			return errors.New("this is the only signing key: make another first")
		default:
			return os.Remove(name)
		}
	}
	return fmt.Errorf("there is no signing key %s in %s", id, dir)
}

// keep writes a new file at once or not at all, readable by its owner alone. A
// file that is there is [fs.ErrExist].
func keep(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), name)
}

func keyFiles(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "key-*.pem"))
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return names, err
}

func readKeys(dir string) ([]*Key, error) {
	names, err := keyFiles(dir)
	if err != nil {
		return nil, err
	}
	var keys []*Key
	for _, name := range names {
		k, err := readKey(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func readKey(name string) (*Key, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others than its owner may read this key: chmod 600 it, or remove it where they may have", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// All are the keys, in the order in which they are published.
func (k *Keys) All() []*Key { return slices.Clone(k.keys) }

// Signing is the key that signs.
func (k *Keys) Signing() *Key { return k.signs }

// Set is what is published, for the agent at that address.
func (k *Keys) Set(agentURL string) *signing.KeySet {
	set := &signing.KeySet{AgentURL: agentURL, Keys: []*signing.Key{}}
	for _, key := range k.keys {
		published := *key.Published
		published.AgentURL = agentURL
		set.Keys = append(set.Keys, &published)
	}
	return set
}

// WebhookSigner signs webhooks. It fits webhook.Config.Signer.
func (k *Keys) WebhookSigner() (*signing.Signer, error) {
	return k.signs.Signer(signing.Webhook, signing.DigestRequired, k.clock)
}

// RequestSigner signs requests of a release such as "3.1" as the counterparty's
// policy on digests has it.
func (k *Keys) RequestSigner(release string, digest signing.DigestPolicy) (*signing.Signer, error) {
	return k.signs.Signer(signing.RequestProfile(release), digest, k.clock)
}
