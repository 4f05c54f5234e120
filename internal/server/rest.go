package server

import (
	"context"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/api"
	"github.com/upfront-media/upfront/internal/store"
)

// rest is the interface for the publisher's own people: a line a resource.
func (s *Sales) rest() *api.API {
	a := api.New(api.Config{
		Title: "Upfront", Version: Version, Desk: s.staff, Open: s.openREST, Hosts: s.hosts, Logger: s.log,
	})
	api.HandleStaff(a)
	api.HandleApprovals(a, s.service)
	api.HandleCreatives(a, s.service)
	api.HandleCatalogue(a, s.service)
	return a
}

// Staff are the people of the sales agent, over the database that `upfront serve`
// with the same settings uses, whether it is running or not. Close it when done.
type Staff struct {
	*account.Desk
	db *store.DB
}

// OpenStaff opens the list of people. Unless create is set, a database that is not
// there is an error rather than made.
func OpenStaff(ctx context.Context, s Settings, create bool) (*Staff, error) {
	db, err := s.openSalesStore(ctx, create, "add somebody with: upfront staff add")
	if err != nil {
		return nil, err
	}
	return &Staff{Desk: account.NewDesk(account.DeskConfig{Store: db, Tenant: s.tenant()}), db: db}, nil
}

// Close closes the database.
func (s *Staff) Close() error { return s.db.Close() }
