package seller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	list, err := s.audienceImpairments(ctx, q, b)
	if err != nil {
		return nil, err
	}
	creatives, err := s.creativeImpairments(ctx, q, b)
	return append(list, creatives...), err
}

// creativeImpairments lists the creatives that packages hold and that were served
// until the seller took them back, each with its packages.
func (s *Service) creativeImpairments(ctx context.Context, q *store.Queries, b *MediaBuy) ([]adcp.Impairment, error) {
	held := map[string][]string{}
	for _, p := range b.Packages {
		for _, a := range p.Creatives {
			if !p.Canceled && a.ReleasedAt.IsZero() && !a.Approved {
				held[a.CreativeID] = append(held[a.CreativeID], p.ID)
			}
		}
	}
	var list []adcp.Impairment
	for _, creativeID := range slices.Sorted(maps.Keys(held)) {
		r, err := row(q.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: b.AccountID, CreativeID: creativeID}))
		if errors.Is(err, errNoRow) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("creative %s: %w", creativeID, err)
		}
		c, err := creativeOf(r)
		if err != nil {
			return nil, err
		}
		if i, ok := s.creativeImpairment(b, c); ok {
			i.PackageIDs = held[creativeID]
			list = append(list, i)
		}
	}
	return list, nil
}

// creativeImpairment is what a creative's state means for a media buy that holds it.
func (s *Service) creativeImpairment(b *MediaBuy, c *Creative) (adcp.Impairment, bool) {
	var to adcp.ImpairmentOfflineState
	remedy := "Send a corrected version with sync_creatives, or assign another creative with update_media_buy."
	switch c.Status {
	case adcp.CreativeStatusRejected:
		to = adcp.ImpairmentOfflineStateRejected
	case adcp.CreativeStatusSuspended:
		to, remedy = adcp.ImpairmentOfflineStateSuspended, "Put right what the reason names, or assign another creative with update_media_buy."
	default:
		return adcp.Impairment{}, false
	}
	at := latest(c.Review.At, c.UpdatedAt)
	return adcp.Impairment{
		ImpairmentID: id.Derive("imp", s.tenant, b.ID, "creative", c.ID, fmt.Sprint(at.UnixMicro())),
		ResourceType: adcp.ImpairmentResourceTypeCreative, ResourceID: c.ID,
		Transition: adcp.ImpairmentTransition{From: optional(string(c.Review.From)), To: to},
		ReasonCode: impairmentReason(c), Reason: optional(c.Review.Reason), ObservedAt: at, Remediation: &remedy,
	}, true
}

// impairmentReason says in the words of impairments why a creative is offline
// (enums/impairment-reason-code.json).
func impairmentReason(c *Creative) adcp.ImpairmentReasonCode {
	switch code := adcp.ImpairmentReasonCode(c.Review.Code); code {
	case adcp.ImpairmentReasonCodeIdentityAuthorizationRevoked, adcp.ImpairmentReasonCodeIdentityAuthorizationExpired, adcp.ImpairmentReasonCodeSourcePrivate:
		return code
	}
	if c.Status == adcp.CreativeStatusSuspended {
		return adcp.ImpairmentReasonCodePolicyViolation
	}
	return adcp.ImpairmentReasonCodeContentRejected
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
