package seller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller/audience"
	"github.com/upfront-media/upfront/internal/seller/catalog"
	"github.com/upfront-media/upfront/internal/seller/conversion"
	"github.com/upfront-media/upfront/internal/store"
)

// holdings are what the buyer has declared on an account for its packages to use.
type holdings struct {
	audiences map[string]*audience.Audience
	sources   map[string]*conversion.Source
	catalogs  map[string]*catalog.Catalog
}

// holdings reads them.
func (s *Service) holdings(ctx context.Context, q *store.Queries, accountID string) (*holdings, error) {
	d := new(holdings)
	var err error
	if s.audiences != nil {
		if d.audiences, err = s.audiences.Of(ctx, q, accountID); err != nil {
			return nil, err
		}
	}
	if d.sources, err = s.events.Sources(ctx, q, accountID); err != nil {
		return nil, err
	}
	if d.catalogs, err = s.catalogs.Of(ctx, q, accountID); err != nil {
		return nil, err
	}
	return d, nil
}

// takeData sets up what the account's data is kept with, as far as the ad server can
// act on it.
func (s *Service) takeData(c Config) {
	holder, ok := c.AdServer.(adserver.AudienceHolder)
	s.events = conversion.New(conversion.Config{
		Tenant: s.tenant, Clock: s.clock, Store: c.Store, People: holder,
		Account: s.accountIDForWrite, InUse: s.sourceInUse, Logger: s.log,
	})
	s.governance = c.Governance
	s.catalogs = catalog.New(catalog.Config{
		Tenant: s.tenant, Clock: s.clock, Store: c.Store, Account: s.accountIDForWrite, InUse: s.catalogInUse,
	})
	if ok {
		s.audiences = audience.New(audience.Config{
			Tenant: s.tenant, Clock: s.clock, Store: c.Store, Queue: c.Queue, AdServer: holder,
			Account: s.accountIDForWrite, InUse: s.audienceInUse, MinimumSize: c.MinimumAudience, Logger: s.log,
		})
	}
}

// accountIDForWrite is [Service.accountForWrite] for packages that need no more.
func (s *Service) accountIDForWrite(ctx context.Context, call *agent.Call, ref *adcp.AccountReference) (string, error) {
	a, err := s.accountForWrite(ctx, call, ref)
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

// Audiences are the audiences that buyers have handed in; nil where the ad server
// does not serve by audience.
func (s *Service) Audiences() *audience.Service { return s.audiences }

// bindNew ties new packages to what the account has declared, and refuses what names
// nothing in c. Field is where in the request they are: packages or new_packages.
func (s *Service) bindNew(ctx context.Context, c *checks, accountID, field string, packages []Package, requests []adcp.PackageRequest) error {
	d, err := s.holdings(ctx, s.db.Read(), accountID)
	if err != nil {
		return err
	}
	shelf := s.shelf()
	for i := range packages {
		p, at := &packages[i], fmt.Sprintf("%s[%d]", field, i)
		c.bindTargeting(at, p, d)
		if i < len(requests) {
			product, _ := shelf.bought(p)
			c.bindGoals(at, product, p, requests[i].OptimizationGoals, d)
			if err := s.bindCatalogs(ctx, s.db.Read(), c, at, product, accountID, p, requests[i].Catalogs, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// bindUpdate does the same for the packages that an update touches.
func (s *Service) bindUpdate(ctx context.Context, u *update, requests []adcp.PackageUpdate) error {
	var d *holdings
	for i := range requests {
		req := &requests[i]
		p, ok := u.buy.Package(req.PackageID)
		if !ok || req.TargetingOverlay == nil && req.OptimizationGoals == nil && req.Catalogs == nil {
			continue
		}
		if d == nil {
			var err error
			if d, err = s.holdings(ctx, s.db.Read(), u.buy.AccountID); err != nil {
				return err
			}
		}
		at := fmt.Sprintf("packages[%d]", i)
		if req.TargetingOverlay != nil {
			u.bindTargeting(at, p, d)
		}
		product, _ := s.shelf().bought(p)
		if req.Catalogs != nil {
			if err := s.bindCatalogs(ctx, s.db.Read(), &u.checks, at, product, u.buy.AccountID, p, req.Catalogs, d); err != nil {
				return err
			}
		}
		if req.OptimizationGoals != nil {
			u.bindGoals(at, product, p, req.OptimizationGoals, d)
		}
	}
	return nil
}

// TargetedAudience is an audience of the account that a package is to reach or avoid.
type TargetedAudience struct {
	ID string `json:"id"`
	// SellerID is what the ad server knows it by.
	SellerID string `json:"seller_id"`
}

// bindTargeting ties the audiences of a package's targeting. One that is not on the
// account cannot restrict anything, so it is refused.
func (c *checks) bindTargeting(at string, p *Package, d *holdings) {
	var overlay struct {
		Include []string `json:"audience_include"`
		Exclude []string `json:"audience_exclude"`
	}
	if len(p.Targeting.Overlay) == 0 || json.Unmarshal(p.Targeting.Overlay, &overlay) != nil {
		return
	}
	bind := func(name string, ids []string) []TargetedAudience {
		c.unsupported(at+".targeting_overlay."+name, "targeting by audience", "Leave "+name+" out.", d.audiences == nil && len(ids) > 0)
		var list []TargetedAudience
		for i, id := range ids {
			a, ok := d.audiences[id]
			if d.audiences == nil {
				break
			}
			if !ok {
				field := fmt.Sprintf("%s.targeting_overlay.%s[%d]", at, name, i)
				c.refuse(refusal(adcp.CodeInvalidRequest, field, "The account has no such audience.").
					WithSuggestion("Hand it in with sync_audiences on this account first."))
				continue
			}
			list = append(list, TargetedAudience{ID: a.ID, SellerID: a.SellerID})
		}
		return list
	}
	p.Targeting.Audiences, p.Targeting.AvoidAudiences = bind("audience_include", overlay.Include), bind("audience_exclude", overlay.Exclude)
}

// sellerIDs are what the ad server knows audiences by.
func sellerIDs(list []TargetedAudience) []string {
	var ids []string
	for _, a := range list {
		ids = append(ids, a.SellerID)
	}
	return ids
}

// targets tells whether the package reaches or avoids the account's audience.
func (p *Package) targets(audienceID string) bool {
	named := func(a TargetedAudience) bool { return a.ID == audienceID }
	return slices.ContainsFunc(p.Targeting.Audiences, named) || slices.ContainsFunc(p.Targeting.AvoidAudiences, named)
}

// liveMediaBuys reads the account's media buys that are not over.
func (s *Service) liveMediaBuys(ctx context.Context, q *store.Queries, accountID string) ([]*MediaBuy, error) {
	rows, err := q.LiveMediaBuysOfAccount(ctx, store.LiveMediaBuysOfAccountParams{Tenant: s.tenant, AccountID: accountID})
	if err != nil {
		return nil, fmt.Errorf("media buys of %s: %w", accountID, err)
	}
	list := make([]*MediaBuy, len(rows))
	for i, r := range rows {
		if list[i], err = s.assemble(ctx, q, r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// audienceInUse lists the media buys not yet over that name an audience.
func (s *Service) audienceInUse(ctx context.Context, accountID, audienceID string) ([]string, error) {
	return s.usedBy(ctx, accountID, func(p *Package) bool { return p.targets(audienceID) })
}

// sourceInUse lists those with a goal on an event source.
func (s *Service) sourceInUse(ctx context.Context, accountID, sourceID string) ([]string, error) {
	return s.usedBy(ctx, accountID, func(p *Package) bool { return p.countsOn(sourceID) })
}

// usedBy lists the account's media buys not yet over with a package that uses
// something.
func (s *Service) usedBy(ctx context.Context, accountID string, uses func(*Package) bool) ([]string, error) {
	buys, err := s.liveMediaBuys(ctx, s.db.Read(), accountID)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, b := range buys {
		if slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Canceled && uses(&p) }) {
			ids = append(ids, b.ID)
		}
	}
	return ids, nil
}
