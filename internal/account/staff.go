package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// Role is what a member of staff may do. A person may have several.
type Role string

// The roles. Everybody may look.
const (
	// RoleViewer looks and changes nothing.
	RoleViewer Role = "viewer"
	// RoleSales decides on orders: approves, rejects, asks.
	RoleSales Role = "sales"
	// RoleManager decides on what the approval rules keep from sales.
	RoleManager Role = "manager"
	// RoleAdOps publishes the catalogue, reviews creatives and sends out again
	// what did not arrive.
	RoleAdOps Role = "adops"
	// RoleAdmin does everything.
	RoleAdmin Role = "admin"
)

// Roles lists them all.
func Roles() []Role { return []Role{RoleViewer, RoleSales, RoleManager, RoleAdOps, RoleAdmin} }

// Staff is a person who works for the tenant.
type Staff struct {
	// Name is what decisions are recorded under.
	Name  string
	Roles []Role
	// KeyID names the person's key without giving it away.
	KeyID string
	// CreatedAt is when the person was added; ExpiresAt when the key ends, zero for
	// never; RemovedAt when the person left, zero for not yet. UTC.
	CreatedAt, ExpiresAt, RemovedAt time.Time
}

// May tells whether the person has one of the roles, or one that covers it: a
// manager may do what sales may, an admin everything.
func (s Staff) May(roles ...Role) bool {
	return slices.ContainsFunc(s.Roles, func(r Role) bool {
		return r == RoleAdmin || slices.Contains(roles, r) || r == RoleManager && slices.Contains(roles, RoleSales)
	})
}

// ErrNotStaff is the one answer to a key that lets nobody in.
var ErrNotStaff = errors.New("the key belongs to nobody who works here")

// DeskConfig is what a [Desk] is made of.
type DeskConfig struct {
	// Store keeps the people and their keys' digests.
	Store *store.DB
	// Tenant is whose people they are.
	Tenant string
	// Clock is real time: the system's where nil.
	Clock clock.Clock
	// Random is where keys come from: crypto/rand where nil.
	Random io.Reader
}

// Desk knows the people who work for a tenant. It is safe for concurrent use,
// also by several processes on one database.
type Desk struct{ cfg DeskConfig }

// NewDesk returns a desk over the store.
func NewDesk(cfg DeskConfig) *Desk {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return &Desk{cfg: cfg}
}

// NewStaff says whom to add.
type NewStaff struct {
	// Name is unique among the tenant's people; required.
	Name string
	// Roles are what the person may do; at least one.
	Roles []Role
	// Lifetime, where positive, is how long the key is valid.
	Lifetime time.Duration
}

// Add adds a person and returns the key, this once. A person who left may be
// added again, with a new key.
func (d *Desk) Add(ctx context.Context, n NewStaff) (key string, added Staff, err error) {
	switch {
	case n.Name == "":
		return "", Staff{}, errors.New("name: name the person, as decisions are to be recorded")
	case len(n.Name) > maxPrincipal || strings.TrimSpace(n.Name) != n.Name || strings.ContainsFunc(n.Name, unprintable):
		return "", Staff{}, fmt.Errorf("name: use at most %d printable characters, without blanks around them", maxPrincipal)
	case len(n.Roles) == 0:
		return "", Staff{}, fmt.Errorf("role: say what the person may do: %s", roleList())
	case n.Lifetime < 0:
		return "", Staff{}, fmt.Errorf("expires: %s is in the past", n.Lifetime)
	}
	for _, r := range n.Roles {
		if !slices.Contains(Roles(), r) {
			return "", Staff{}, fmt.Errorf("role: %q is none of %s", r, roleList())
		}
	}
	if key, err = newKey(d.cfg.Random, deskPrefix); err != nil {
		return "", Staff{}, err
	}
	added = Staff{Name: n.Name, Roles: n.Roles, KeyID: keyID(key), CreatedAt: d.now()}
	if n.Lifetime > 0 {
		added.ExpiresAt = added.CreatedAt.Add(n.Lifetime)
	}
	roles, err := json.Marshal(n.Roles)
	if err != nil {
		return "", Staff{}, err
	}
	err = d.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		rows, err := tx.InsertStaff(ctx, store.InsertStaffParams{
			Tenant: d.cfg.Tenant, Name: n.Name, Roles: string(roles), KeyID: added.KeyID, Digest: HashKey(key),
			CreatedAt: store.Micros(added.CreatedAt), ExpiresAt: store.Micros(added.ExpiresAt),
		})
		switch {
		case err != nil:
			return fmt.Errorf("add %s: %w", n.Name, err)
		case rows == 0:
			return fmt.Errorf("name: %s works here already; remove them first, or add another name", n.Name)
		}
		return nil
	})
	if err != nil {
		return "", Staff{}, err
	}
	return key, added, nil
}

// Remove ends a person's access, for good; their decisions stay recorded. Nobody
// of that name is [ErrNotStaff].
func (d *Desk) Remove(ctx context.Context, name string) error {
	return d.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		rows, err := tx.RemoveStaff(ctx, store.RemoveStaffParams{Tenant: d.cfg.Tenant, Name: name, RemovedAt: store.Micros(d.now())})
		switch {
		case err != nil:
			return fmt.Errorf("remove %s: %w", name, err)
		case rows == 0:
			return ErrNotStaff
		}
		return nil
	})
}

// List returns everybody, also those who left, by name.
func (d *Desk) List(ctx context.Context) ([]Staff, error) {
	rows, err := d.cfg.Store.Read().Staff(ctx, d.cfg.Tenant)
	if err != nil {
		return nil, fmt.Errorf("staff: %w", err)
	}
	list := make([]Staff, 0, len(rows))
	for _, row := range rows {
		s, err := staffOf(row)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Admit finds the person whom the key belongs to. Whatever is wrong with a key,
// the error is [ErrNotStaff]; any other error is a fault.
func (d *Desk) Admit(ctx context.Context, key string) (Staff, error) {
	if !wellFormed(key) {
		return Staff{}, ErrNotStaff
	}
	row, err := d.cfg.Store.Read().StaffByDigest(ctx, store.StaffByDigestParams{Tenant: d.cfg.Tenant, Digest: HashKey(key)})
	switch {
	case errors.Is(err, store.ErrNoRow):
		return Staff{}, ErrNotStaff
	case err != nil:
		return Staff{}, fmt.Errorf("staff: %w", err)
	}
	s, err := staffOf(row)
	if err != nil {
		return Staff{}, err
	}
	if now := d.now(); !s.RemovedAt.IsZero() || !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) {
		return Staff{}, ErrNotStaff
	}
	return s, nil
}

func (d *Desk) now() time.Time { return d.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

func staffOf(row store.Staff) (Staff, error) {
	s := Staff{
		Name: row.Name, KeyID: row.KeyID,
		CreatedAt: store.Time(row.CreatedAt), ExpiresAt: store.Time(row.ExpiresAt), RemovedAt: store.Time(row.RemovedAt),
	}
	if err := json.Unmarshal([]byte(row.Roles), &s.Roles); err != nil {
		return Staff{}, fmt.Errorf("the roles of %s: %w", row.Name, err)
	}
	return s, nil
}

func roleList() string {
	var names []string
	for _, r := range Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
