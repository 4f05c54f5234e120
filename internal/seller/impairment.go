package seller

import (
	"context"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// impairments lists what keeps packages of a media buy from serving although the
// buy itself is in order: things that it names and that have gone out of service
// (AdCP 3.1, core/impairment). A buy that is over has none.
func (s *Service) impairments(ctx context.Context, q *store.Queries, b *MediaBuy) ([]adcp.Impairment, error) {
	if b.State.Terminal() {
		return nil, nil
	}
	return s.audienceImpairments(ctx, q, b)
}

func (s *Service) audienceImpairments(ctx context.Context, q *store.Queries, b *MediaBuy) ([]adcp.Impairment, error) {
	if s.audiences == nil {
		return nil, nil
	}
	var list []adcp.Impairment
	held, err := s.audiences.Of(ctx, q, b.AccountID)
	if err != nil {
		return nil, err
	}
	for _, named := range b.audiences() {
		a, ok := held[named]
		if !ok || a.Status != adcp.AudienceStatusSuspended {
			continue
		}
		i := adcp.Impairment{
			ImpairmentID: id.Derive("imp", s.tenant, b.ID, "audience", a.ID, fmt.Sprint(a.StatusAt.UnixMicro())),
			ResourceType: adcp.ImpairmentResourceTypeAudience, ResourceID: a.ID,
			Transition: adcp.ImpairmentTransition{From: optional(string(a.From)), To: adcp.ImpairmentOfflineStateSuspended},
			ReasonCode: a.Reason, ObservedAt: a.StatusAt,
			Remediation: new("Hand in the audience again with sync_audiences once the reason is gone, or change the package's targeting."),
		}
		if i.ReasonCode == "" {
			i.ReasonCode = adcp.ImpairmentReasonCodeSellerRemoved
		}
		for _, p := range b.Packages {
			if !p.Canceled && p.targets(a.ID) {
				i.PackageIDs = append(i.PackageIDs, p.ID)
			}
		}
		list = append(list, i)
	}
	return list, nil
}

// audiences are the buyer's identifiers of the audiences that packages which may
// still run name, each once.
func (b *MediaBuy) audiences() []string {
	var ids []string
	for _, p := range b.Packages {
		if p.Canceled {
			continue
		}
		for _, a := range append(append([]TargetedAudience(nil), p.Targeting.Audiences...), p.Targeting.AvoidAudiences...) {
			ids = include(ids, a.ID)
		}
	}
	return ids
}
