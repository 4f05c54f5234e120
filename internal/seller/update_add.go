package seller

import (
	"context"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
)

// addPackages adds packages to the media buy: checked like those of a new one, at
// today's prices, in the media buy's currency and within its flight. One that is to
// start with a flight that has begun starts as soon as its product can.
func (s *Service) addPackages(ctx context.Context, u *update, call *agent.Call, library map[string]*Creative, requests []adcp.PackageRequest) error {
	if len(requests) == 0 {
		return nil
	}
	b, now := u.buy, micro(call.Now)
	if len(b.Packages)+len(requests) > maxPackages {
		u.add(adcp.CodeValidationError, "new_packages", "A media buy holds at most %d packages.", maxPackages)
		return nil
	}
	first := len(b.Packages)
	for i := range requests {
		req, at := &requests[i], fmt.Sprintf("new_packages[%d]", i)
		p := s.newPackage(&u.checks, at, req, b.from(now, s.leadOf(b, req)), library, now, nil)
		// Named by the request, so that a call that is run again adds nothing twice.
		p.ID = id.Derive("pkg", b.ID, call.IdempotencyKey, fmt.Sprint(i))
		if p.Price.Currency != "" && p.Price.Currency != b.Currency {
			u.refuse(refusal(adcp.CodeValidationError, at+".pricing_option_id", "The price is in %s and the media buy in %s.", p.Price.Currency, b.Currency).
				WithSuggestion("Choose a price in the media buy's currency, or create another media buy."))
		}
		if !p.OwnStart && !p.OwnEnd && !p.End.After(p.Start) {
			u.refuse(refusal(adcp.CodeValidationError, at, "The product could start at %s, when the media buy ends.", stamp(p.Start)).
				WithSuggestion("Extend the media buy first, or create another."))
		}
		p.OwnStart = p.OwnStart || !p.Start.Equal(b.Start)
		b.Packages = append(b.Packages, p)
		u.affected = append(u.affected, p.ID)
		u.attempt(ActionAddPackages, at, "package_added", p.ID, p.Budget.Format(b.Currency)+" "+string(b.Currency))
	}
	if len(u.found) > 0 {
		return nil // the rest would only repeat it
	}
	return s.bindNew(ctx, &u.checks, b.AccountID, "new_packages", b.Packages[first:], requests)
}

// leadOf is how long the product of a request needs before it can start; none where
// the product is unknown, which is refused elsewhere.
func (s *Service) leadOf(b *MediaBuy, req *adcp.PackageRequest) time.Duration {
	if product, ok := s.shelf().offered(b.Principal, req.ProductID); ok {
		return product.LeadTime
	}
	return 0
}

// from is the media buy as a package sees it that is booked now: where its flight
// has begun, or begins sooner than the package can, the flight left to it.
func (b *MediaBuy) from(now time.Time, lead time.Duration) *MediaBuy {
	rest := *b
	rest.Start, rest.ASAP = latest(b.Start, now.Add(lead)), false
	return &rest
}
