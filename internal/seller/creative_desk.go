package seller

import (
	"context"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/store"
)

// CreativeReview says who looks at creatives before they are served. What a format
// rules out is refused either way.
type CreativeReview struct {
	// Manual has every new or changed creative wait for a person of ad operations.
	Manual bool
}

// mode is how the review is told of in the agent's capabilities.
func (r CreativeReview) mode() adcp.GetAdcpCapabilitiesResponseMediaBuyCreativeApprovalMode {
	if r.Manual {
		return adcp.GetAdcpCapabilitiesResponseMediaBuyCreativeApprovalModeRequireHuman
	}
	return adcp.GetAdcpCapabilitiesResponseMediaBuyCreativeApprovalModeAutoApprove
}

// opens is the state that a creative begins in that a buyer has just handed in,
// over an earlier version where there is one. What the seller has suspended is not
// lifted by sending it again, and what a person has rejected is for a person to
// look at again.
func (r CreativeReview) opens(before *Creative) adcp.CreativeStatus {
	switch {
	case before != nil && before.Status == adcp.CreativeStatusSuspended:
		return before.Status
	case r.Manual, before != nil && before.Status == adcp.CreativeStatusRejected && before.Review.Person:
		return adcp.CreativeStatusPendingReview
	}
	return adcp.CreativeStatusApproved
}

// CreativesInReview lists the creatives of all accounts in a state, longest there
// first.
func (s *Service) CreativesInReview(ctx context.Context, status adcp.CreativeStatus) ([]*Creative, error) {
	rows, err := s.db.Read().CreativesWithStatus(ctx, store.CreativesWithStatusParams{Tenant: s.tenant, Status: string(status)})
	if err != nil {
		return nil, fmt.Errorf("creatives in review: %w", err)
	}
	list := make([]*Creative, len(rows))
	for i, r := range rows {
		if list[i], err = creativeOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// LibraryCreative reads one creative of an account's library and the packages that
// hold it. It refuses with CREATIVE_NOT_FOUND.
func (s *Service) LibraryCreative(ctx context.Context, accountID, creativeID string) (*Creative, []string, error) {
	q := s.db.Read()
	r, err := row(q.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: accountID, CreativeID: creativeID}))
	if errors.Is(err, errNoRow) {
		return nil, nil, errCreativeNotFound()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("creative: %w", err)
	}
	c, err := creativeOf(r)
	if err != nil {
		return nil, nil, err
	}
	rows, err := q.CreativeAssignmentsOfAccount(ctx, store.CreativeAssignmentsOfAccountParams{Tenant: s.tenant, AccountID: accountID})
	if err != nil {
		return nil, nil, fmt.Errorf("assignments of %s: %w", accountID, err)
	}
	var packages []string
	for _, a := range rows {
		if a.CreativeID == creativeID && a.ReleasedAt == 0 {
			packages = append(packages, a.PackageID)
		}
	}
	return c, packages, nil
}

// ReviewCreative is a person's decision on a creative: approved, rejected, suspended
// or back to pending_review. It refuses as [Service.MoveCreative] does.
func (s *Service) ReviewCreative(ctx context.Context, accountID, creativeID string, to adcp.CreativeStatus, reason string, by account.Staff) error {
	_, err := s.MoveCreative(ctx, CreativeDecision{
		AccountID: accountID, CreativeID: creativeID, Status: to, Reason: reason, Actor: by.Name, Person: true,
	})
	return err
}

func errCreativeNotFound() *adcp.Error {
	return refusal(adcp.CodeCreativeNotFound, "creative_id", "There is no such creative.").
		WithSuggestion("Find creatives with list_creatives.")
}
