package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestStaff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := clock.NewSimulated(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
		desk := account.NewDesk(account.DeskConfig{Store: db, Tenant: "pub", Clock: now})
		other := account.NewDesk(account.DeskConfig{Store: db, Tenant: "rival", Clock: now})
		key, added, err := desk.Add(t.Context(), account.NewStaff{Name: "maria", Roles: []account.Role{account.RoleSales}, Lifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key, "upf_desk_") || added.KeyID == key {
			t.Errorf("made the key %q with the name %q", key, added.KeyID)
		}
		admitted, err := desk.Admit(t.Context(), key)
		if err != nil || admitted.Name != "maria" || !admitted.May(account.RoleSales) || admitted.May(account.RoleManager) {
			t.Errorf("admitted %+v, %v; want maria of sales", admitted, err)
		}
		refused := func(rule string, desk *account.Desk, key string) {
			t.Helper()
			if _, err := desk.Admit(t.Context(), key); !errors.Is(err, account.ErrNotStaff) {
				t.Errorf("%s: got %v, want ErrNotStaff", rule, err)
			}
		}
		refused("another tenant's key", other, key)
		refused("a key nobody has", desk, account.MakeKey(t))
		refused("no key at all", desk, "")

		if _, _, err := desk.Add(t.Context(), account.NewStaff{Name: "maria", Roles: []account.Role{account.RoleAdmin}}); err == nil {
			t.Error("a second maria took over the name")
		}
		now.Advance(time.Hour)
		refused("a key past its time", desk, key)

		if err := desk.Remove(t.Context(), "maria"); err != nil {
			t.Fatal(err)
		}
		if err := desk.Remove(t.Context(), "maria"); !errors.Is(err, account.ErrNotStaff) {
			t.Errorf("removed twice: %v", err)
		}
		fresh, _, err := desk.Add(t.Context(), account.NewStaff{Name: "maria", Roles: []account.Role{account.RoleAdmin}})
		if err != nil {
			t.Fatalf("who left may come back: %v", err)
		}
		if s, err := desk.Admit(t.Context(), fresh); err != nil || !s.May(account.RoleAdOps) {
			t.Errorf("an admin may do everything; got %+v, %v", s, err)
		}
		if err := desk.Remove(t.Context(), "maria"); err != nil {
			t.Fatal(err)
		}
		refused("the key of who was removed", desk, fresh)
		if list, err := desk.List(t.Context()); err != nil || len(list) != 1 || list[0].RemovedAt.IsZero() {
			t.Errorf("listed %+v, %v; want maria, gone", list, err)
		}
	})
}

func TestStaffThatCannotBeAdded(t *testing.T) {
	t.Parallel()
	desk := account.NewDesk(account.DeskConfig{Store: storetest.Open(t, store.SQLite), Tenant: "pub"})
	for rule, n := range map[string]account.NewStaff{
		"WithoutAName":       {Roles: []account.Role{account.RoleSales}},
		"WithoutARole":       {Name: "maria"},
		"WithAnUnknownRole":  {Name: "maria", Roles: []account.Role{"boss"}},
		"WithBlanksAround":   {Name: " maria", Roles: []account.Role{account.RoleSales}},
		"WithALifetimeBelow": {Name: "maria", Roles: []account.Role{account.RoleSales}, Lifetime: -1},
	} {
		t.Run(rule, func(t *testing.T) {
			if _, _, err := desk.Add(t.Context(), n); err == nil {
				t.Error("was added")
			}
		})
	}
}
