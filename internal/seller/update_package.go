package seller

import (
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
)

// dates moves the media buy's flight, and that of the packages that follow it.
func (u *update) dates(call *agent.Call, req *adcp.UpdateMediaBuyRequest) {
	now, b := micro(call.Now), u.buy
	if req.StartTime != nil {
		start := now
		if *req.StartTime != "asap" {
			t, err := time.Parse(time.RFC3339, *req.StartTime)
			if err != nil {
				u.add(adcp.CodeValidationError, "start_time", "start_time is neither asap nor a date-time.")
				return
			}
			start = micro(t)
		}
		if !start.Equal(b.Start) {
			if start.Before(now) {
				u.add(adcp.CodeValidationError, "start_time", "start_time %s has passed; it is %s.", stamp(start), stamp(now))
			}
			b.Start, b.ASAP = start, false
			u.attempt(ActionUpdateFlightDates, "start_time", "updated_dates", "", "starts "+stamp(start))
		}
	}
	if req.EndTime != nil {
		if end := micro(*req.EndTime); !end.Equal(b.End) {
			action := ActionShortenFlight
			if end.After(b.End) {
				action = ActionExtendFlight
			}
			if !end.After(now) {
				u.add(adcp.CodeValidationError, "end_time", "end_time %s has passed; it is %s.", stamp(end), stamp(now))
			}
			b.End = end
			u.attempt(action, "end_time", "updated_dates", "", "ends "+stamp(end))
		}
	}
	if !b.End.After(b.Start) {
		u.add(adcp.CodeValidationError, "end_time", "end_time %s is not after the start, %s.", stamp(b.End), stamp(b.Start))
		return
	}
	if b.End.Sub(b.Start) > maxFlight {
		u.add(adcp.CodeValidationError, "end_time", "The flight is longer than %d years.", int(maxFlight/(365*24*time.Hour)))
		return
	}
	u.follow(req, now)
}

// follow lets packages without dates of their own follow the media buy's, and
// refuses dates that would leave the others outside of it.
func (u *update) follow(req *adcp.UpdateMediaBuyRequest, now time.Time) {
	b := u.buy
	startMoved, endMoved := !b.Start.Equal(u.before.Start), !b.End.Equal(u.before.End)
	for i := range b.Packages {
		p := &b.Packages[i]
		if p.Canceled || !startMoved && !endMoved {
			continue
		}
		if startMoved && !p.OwnStart {
			p.Start = b.Start
			if earliest := now.Add(p.LeadTime); p.Start.Before(earliest) {
				u.add(adcp.CodeValidationError, "start_time", "Product %s needs %s between booking and start.", p.ProductID, days(p.LeadTime))
			}
		}
		if endMoved && !p.OwnEnd {
			p.End = b.End
		}
		field := "end_time"
		if startMoved && p.Start.Before(b.Start) {
			field = "start_time"
		}
		dated := slices.ContainsFunc(req.Packages, func(r adcp.PackageUpdate) bool {
			return r.PackageID == p.ID && (r.StartTime != nil || r.EndTime != nil)
		})
		if !dated && (p.Start.Before(b.Start) || p.End.After(b.End) || !p.End.After(p.Start)) {
			u.refuse(refusal(adcp.CodeValidationError, field, "Package %s runs from %s to %s, outside of these dates.", p.ID, stamp(p.Start), stamp(p.End)).
				WithSuggestion("Send the package's own dates along."))
		}
	}
}

// updatePackages changes single packages.
func (s *Service) updatePackages(u *update, call *agent.Call, library map[string]*Creative, packages []adcp.PackageUpdate) {
	for i := range packages {
		req, at := &packages[i], fmt.Sprintf("packages[%d]", i)
		p, ok := u.buy.Package(req.PackageID)
		switch {
		case !ok:
			u.refuse(refusal(adcp.CodePackageNotFound, at+".package_id", "The media buy has no such package.").
				WithSuggestion("Find its packages with get_media_buys."))
			continue
		case slices.Contains(u.affected, p.ID):
			u.add(adcp.CodeValidationError, at+".package_id", "The package is twice in the request.")
			continue
		case p.Canceled && adcp.Val(req.Canceled):
			u.add(adcp.CodeNotCancellable, at+".canceled", "The package is canceled already.")
			continue
		case p.Canceled:
			u.add(adcp.CodeInvalidState, at+".package_id", "The package is canceled; nothing about it can be changed.")
			continue
		}
		u.affected = append(u.affected, p.ID)
		if adcp.Val(req.Canceled) {
			p.Canceled = true
			p.Cancellation = &Cancellation{At: micro(call.Now), By: string(adcp.CanceledByBuyer), Reason: adcp.Val(req.CancellationReason)}
			p.release(micro(call.Now))
			u.attempt(ActionRemovePackages, at+".canceled", "package_canceled", p.ID, adcp.Val(req.CancellationReason))
			continue
		}
		u.packageExtras(at, req)
		u.packageMoney(at, p, req)
		u.packageFlight(at, p, req, micro(call.Now))
		s.packageDelivery(u, at, p, req, library, micro(call.Now))
	}
}

// packageExtras refuses what the seller would not act on.
func (u *update) packageExtras(at string, req *adcp.PackageUpdate) {
	keywords := len(req.KeywordTargetsAdd) + len(req.KeywordTargetsRemove) + len(req.NegativeKeywordsAdd) + len(req.NegativeKeywordsRemove)
	u.unsupported(at+".keyword_targets_add", "keyword targeting", "Leave keywords out.", keywords > 0)
}

// packageMoney changes a package's bid, budget and goal. The agreed price stays.
func (u *update) packageMoney(at string, p *Package, req *adcp.PackageUpdate) {
	before := *p
	if req.BidPrice != nil && u.bid(at, p, req.BidPrice) && p.Bid != before.Bid {
		u.attempt(ActionUpdatePackages, at+".bid_price", "updated_packages", p.ID, "bid "+p.Bid.Format(p.Price.Currency))
	}
	if req.Budget != nil {
		u.budget(at, p, *req.Budget)
	}
	if req.Impressions != nil {
		if u.goal(at, p, req.Impressions); p.Impressions != before.Impressions {
			u.attempt(ActionUpdatePackages, at+".impressions", "updated_packages", p.ID, "")
		}
	}
}

// packageFlight moves a package's own flight.
func (u *update) packageFlight(at string, p *Package, req *adcp.PackageUpdate, now time.Time) {
	before, _ := u.before.Package(p.ID)
	u.flight(at, u.buy, p, req.StartTime, req.EndTime)
	if req.StartTime != nil && !p.Start.Equal(before.Start) {
		if p.Start.Before(now) {
			u.add(adcp.CodeValidationError, at+".start_time", "start_time %s has passed; it is %s.", stamp(p.Start), stamp(now))
		}
		u.leadTime(at, u.buy, p, now)
		u.attempt(ActionUpdateFlightDates, at+".start_time", "updated_dates", p.ID, "starts "+stamp(p.Start))
	}
	if req.EndTime != nil && !p.End.Equal(before.End) {
		if !p.End.After(now) {
			u.add(adcp.CodeValidationError, at+".end_time", "end_time %s has passed; it is %s.", stamp(p.End), stamp(now))
		}
		action := ActionShortenFlight
		if p.End.After(before.End) {
			action = ActionExtendFlight
		}
		u.attempt(action, at+".end_time", "updated_dates", p.ID, "ends "+stamp(p.End))
	}
	u.duration(at, p)
}

// packageDelivery changes how a package runs: its pause, pacing, targeting and
// creatives.
func (s *Service) packageDelivery(u *update, at string, p *Package, req *adcp.PackageUpdate, library map[string]*Creative, now time.Time) {
	before, _ := u.before.Package(p.ID)
	if req.Paused != nil && *req.Paused != p.Paused {
		p.Paused = *req.Paused
		name := "package_resumed"
		if p.Paused {
			name = "package_paused"
		}
		u.attempt(ActionUpdatePackages, at+".paused", name, p.ID, "")
	}
	if req.Pacing != nil && adserver.Pacing(*req.Pacing) != p.Pacing {
		u.pacing(p, req.Pacing)
		u.attempt(ActionUpdatePacing, at+".pacing", "updated_packages", p.ID, "pacing "+string(p.Pacing))
	}
	if req.TargetingOverlay != nil {
		product, ok := s.shelf().bought(p)
		if !ok {
			u.add(adcp.CodeProductUnavailable, at+".targeting_overlay", "The product is no longer sold; its targeting cannot be changed.")
			return
		}
		if u.targeting(at, product, p, req.TargetingOverlay); !slices.Equal(p.Targeting.Overlay, before.Targeting.Overlay) {
			u.attempt(ActionUpdateTargeting, at+".targeting_overlay", "updated_targeting", p.ID, "")
		}
	}
	if req.Catalogs != nil {
		u.attempt(ActionUpdatePackages, at+".catalogs", "updated_packages", p.ID, "catalogs")
	}
	if req.OptimizationGoals != nil { // [Service.bindUpdate] looks at them
		u.attempt(ActionUpdatePackages, at+".optimization_goals", "updated_packages", p.ID, "optimization goals")
	}
	if req.CreativeAssignments != nil || req.Creatives != nil {
		if req.CreativeAssignments != nil {
			s.assign(&u.checks, at+".creative_assignments", p, library, req.CreativeAssignments, now)
		} else {
			p.Creatives = nil
		}
		s.inline(&u.checks, at+".creatives", u.buy, p, library, req.Creatives, now)
		if u.buy.State != StatePendingCreatives && !p.ready() {
			u.refuse(refusal(adcp.CodeValidationError, at+".creative_assignments", "The package would be left without a creative that serves.").
				WithSuggestion("Assign another creative in its place, or pause the package."))
		}
		u.attempt(ActionUpdateCreativeAssignments, at+".creative_assignments", "updated_creatives", p.ID, "")
	}
}
