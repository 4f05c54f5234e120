package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/store"
)

// Keys is the keyring of the sales agent, over the database that `upfront serve`
// with the same settings uses, whether it is running or not. Close it when done.
type Keys struct {
	*account.Keyring
	db         *store.DB
	configured []PrincipalSettings
}

// OpenKeys opens the keyring. Unless create is set, a database that is not there
// is an error rather than made: a mistyped directory has no keys to show.
func OpenKeys(ctx context.Context, s Settings, create bool) (*Keys, error) {
	db, err := s.openSalesStore(ctx, create, "make a first key with: upfront keys create")
	if err != nil {
		return nil, err
	}
	return &Keys{
		Keyring: account.NewKeyring(account.KeyringConfig{Store: db, Tenant: s.tenant()}),
		db:      db, configured: s.Principals,
	}, nil
}

// openSalesStore opens the sales agent's database, whether serve is running or not.
// Unless create is set it must be there: otherwise tells what else to do.
func (s Settings) openSalesStore(ctx context.Context, create bool, otherwise string) (*store.DB, error) {
	at := s.salesStore()
	if _, err := os.Stat(at.Path); at.URL == "" && !create && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s: give the --data, --database or --config of serve, or %s", s.Data, otherwise)
	}
	return store.Open(ctx, at)
}

// Create makes a key, as [account.Keyring.Create] does, for a principal that the
// configuration, where it knows it, keeps on the same side of the sandbox.
func (k *Keys) Create(ctx context.Context, n account.NewKey) (string, account.Key, error) {
	for _, p := range k.configured {
		if p.Name == n.Principal && p.Sandbox != n.Sandbox {
			return "", account.Key{}, fmt.Errorf("principal: the configuration has %s with sandbox: %t, and a principal is in the sandbox or live, not both", p.Name, p.Sandbox)
		}
	}
	return k.Keyring.Create(ctx, n)
}

// Close closes the database.
func (k *Keys) Close() error { return k.db.Close() }

// knowsNobody tells that there is no principal at all, and so nobody who can buy.
func (s *Sales) knowsNobody(ctx context.Context, configured Settings) (bool, error) {
	if len(configured.Principals) > 0 || configured.Sandbox || s.oauth {
		return false, nil
	}
	keys, err := s.keys.List(ctx)
	now := time.Now()
	return !slices.ContainsFunc(keys, func(k account.Key) bool { return k.Accepted(now) }), err
}
