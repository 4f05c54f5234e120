package seller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// listed is a creative as list_creatives sorts and filters it.
type listed struct {
	*Creative
	account  *Account
	assigned []store.CreativeAssignment // what packages hold it now
}

// listCreatives serves list_creatives.
func (s *Service) listCreatives(ctx context.Context, call *agent.Call, req *adcp.ListCreativesRequest) (*adcp.ListCreativesResponse, error) {
	c := new(checks)
	c.unsupported("include_pricing", "prices of creatives", "Leave include_pricing out.", adcp.Val(req.IncludePricing))
	if f := req.Filters; f != nil {
		c.unsupported("filters.has_served", "filtering by delivery", "Read get_media_buy_delivery.", f.HasServed != nil)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	all, err := s.listedCreatives(ctx, call, req)
	if err != nil {
		return nil, err
	}
	keep, applied, err := s.creativeFilter(ctx, call, req.Filters)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(l listed) bool { return !keep(l) })
	field, direction := adcp.CreativeSortFieldCreatedDate, adcp.SortDirectionDesc
	if req.Sort != nil {
		field, direction = cmp.Or(adcp.Val(req.Sort.Field), field), cmp.Or(adcp.Val(req.Sort.Direction), direction)
	}
	sortCreatives(all, field, direction)
	page, pagination, err := paginate(all, req.Pagination, "list_creatives", func(l listed) string { return l.AccountID + "/" + l.ID })
	if err != nil {
		return nil, err
	}
	resp := &adcp.ListCreativesResponse{
		Status: adcp.TaskStatusCompleted, Pagination: pagination, Creatives: []adcp.ListCreativesResponseCreative{},
		StatusSummary: statusSummary(all), FormatSummary: map[string]int64{},
		QuerySummary: adcp.ListCreativesResponseQuerySummary{
			TotalMatching: int64(len(all)), Returned: int64(len(page)), FiltersApplied: applied,
			SortApplied: &adcp.ListCreativesResponseQuerySummarySortApplied{Field: new(string(field)), Direction: &direction},
		},
	}
	for _, l := range all {
		resp.FormatSummary[l.FormatName()]++
	}
	for _, l := range page {
		resp.Creatives = append(resp.Creatives, l.wire(req))
	}
	return resp, nil
}

// listedCreatives reads the caller's creatives, of one account or of all.
func (s *Service) listedCreatives(ctx context.Context, call *agent.Call, req *adcp.ListCreativesRequest) ([]listed, error) {
	only, err := s.filterAccount(ctx, call, req.Account)
	if err != nil {
		return nil, err
	}
	q := s.db.Read()
	_, accounts, err := s.accounts(ctx, q, call.Caller)
	if err != nil {
		return nil, err
	}
	var all []listed
	for _, a := range accounts {
		if only != "" && a.ID != only {
			continue
		}
		library, err := s.library(ctx, q, a.ID)
		if err != nil {
			return nil, err
		}
		rows, err := q.CreativeAssignmentsOfAccount(ctx, store.CreativeAssignmentsOfAccountParams{Tenant: s.tenant, AccountID: a.ID})
		if err != nil {
			return nil, fmt.Errorf("assignments of %s: %w", a.ID, err)
		}
		assigned := map[string][]store.CreativeAssignment{}
		for _, r := range rows {
			if r.ReleasedAt == 0 {
				assigned[r.CreativeID] = append(assigned[r.CreativeID], r)
			}
		}
		for id, c := range library {
			all = append(all, listed{c, a, assigned[id]})
		}
	}
	return all, nil
}

// creativeFilter is a test for creatives, and the names of the filters in it.
// Archived creatives are left out unless they are asked for.
func (s *Service) creativeFilter(ctx context.Context, call *agent.Call, f *adcp.CreativeFilters) (func(listed) bool, []string, error) {
	if f == nil {
		f = new(adcp.CreativeFilters)
	}
	var accounts []string
	for i := range f.Accounts {
		id, err := s.filterAccount(ctx, call, &f.Accounts[i])
		if err != nil {
			return nil, nil, err
		}
		accounts = append(accounts, id)
	}
	var applied []string
	var tests []func(listed) bool
	add := func(name string, present bool, test func(listed) bool) {
		if present {
			applied, tests = append(applied, name), append(tests, test)
		}
	}
	held := func(l listed, test func(store.CreativeAssignment) bool) bool {
		return slices.ContainsFunc(l.assigned, test)
	}
	add("accounts", len(f.Accounts) > 0, func(l listed) bool { return slices.Contains(accounts, l.AccountID) })
	add("statuses", len(f.Statuses) > 0, func(l listed) bool { return slices.Contains(f.Statuses, l.Status) })
	add("tags", len(f.Tags) > 0, func(l listed) bool {
		return !slices.ContainsFunc(f.Tags, func(t string) bool { return !slices.Contains(l.Asset.Tags, t) })
	})
	add("tags_any", len(f.TagsAny) > 0, func(l listed) bool {
		return slices.ContainsFunc(f.TagsAny, func(t string) bool { return slices.Contains(l.Asset.Tags, t) })
	})
	add("name_contains", f.NameContains != nil, func(l listed) bool {
		return strings.Contains(strings.ToLower(l.Asset.Name), strings.ToLower(*f.NameContains))
	})
	add("creative_ids", len(f.CreativeIDs) > 0, func(l listed) bool { return slices.Contains(f.CreativeIDs, l.ID) })
	add("created_after", f.CreatedAfter != nil, func(l listed) bool { return l.CreatedAt.After(*f.CreatedAfter) })
	add("created_before", f.CreatedBefore != nil, func(l listed) bool { return l.CreatedAt.Before(*f.CreatedBefore) })
	add("updated_after", f.UpdatedAfter != nil, func(l listed) bool { return l.UpdatedAt.After(*f.UpdatedAfter) })
	add("updated_before", f.UpdatedBefore != nil, func(l listed) bool { return l.UpdatedAt.Before(*f.UpdatedBefore) })
	add("assigned_to_packages", len(f.AssignedToPackages) > 0, func(l listed) bool {
		return held(l, func(a store.CreativeAssignment) bool { return slices.Contains(f.AssignedToPackages, a.PackageID) })
	})
	add("media_buy_ids", len(f.MediaBuyIDs) > 0, func(l listed) bool {
		return held(l, func(a store.CreativeAssignment) bool { return slices.Contains(f.MediaBuyIDs, a.MediaBuyID) })
	})
	add("unassigned", f.Unassigned != nil, func(l listed) bool { return *f.Unassigned == (len(l.assigned) == 0) })
	add("format_ids", len(f.FormatIDs) > 0, func(l listed) bool {
		return slices.ContainsFunc(f.FormatIDs, func(r adcp.FormatReference) bool {
			return r.ID == l.format().ID && sameURL(r.AgentURL, l.format().AgentURL)
		})
	})
	// Creatives here have neither concepts nor variables.
	add("concept_ids", len(f.ConceptIDs) > 0, func(listed) bool { return false })
	add("has_variables", f.HasVariables != nil, func(listed) bool { return !*f.HasVariables })
	if len(f.Statuses) == 0 {
		tests = append(tests, func(l listed) bool { return l.Status != adcp.CreativeStatusArchived })
	}
	return func(l listed) bool {
		return !slices.ContainsFunc(tests, func(test func(listed) bool) bool { return !test(l) })
	}, applied, nil
}

func sortCreatives(all []listed, field adcp.CreativeSortField, direction adcp.SortDirection) {
	slices.SortFunc(all, func(a, b listed) int {
		var order int
		switch field {
		case adcp.CreativeSortFieldUpdatedDate:
			order = a.UpdatedAt.Compare(b.UpdatedAt)
		case adcp.CreativeSortFieldName:
			order = cmp.Compare(a.Asset.Name, b.Asset.Name)
		case adcp.CreativeSortFieldStatus:
			order = cmp.Compare(a.Status, b.Status)
		case adcp.CreativeSortFieldAssignmentCount:
			order = cmp.Compare(len(a.assigned), len(b.assigned))
		}
		order = cmp.Or(order, a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID), cmp.Compare(a.AccountID, b.AccountID))
		if direction == adcp.SortDirectionDesc {
			return -order
		}
		return order
	})
}

func statusSummary(all []listed) *adcp.ListCreativesResponseStatusSummary {
	count := func(status adcp.CreativeStatus) *int64 {
		var n int64
		for _, l := range all {
			if l.Status == status {
				n++
			}
		}
		return &n
	}
	return &adcp.ListCreativesResponseStatusSummary{
		Processing: count(adcp.CreativeStatusProcessing), Approved: count(adcp.CreativeStatusApproved),
		PendingReview: count(adcp.CreativeStatusPendingReview), Rejected: count(adcp.CreativeStatusRejected),
		Archived: count(adcp.CreativeStatusArchived),
	}
}

// wire is the creative as list_creatives shows it, with the fields asked for.
func (l listed) wire(req *adcp.ListCreativesRequest) adcp.ListCreativesResponseCreative {
	asked := func(f adcp.ListCreativesRequestField) bool {
		return len(req.Fields) == 0 || slices.Contains(req.Fields, f)
	}
	w := adcp.ListCreativesResponseCreative{
		CreativeID: l.ID, Name: l.Asset.Name, FormatID: l.Asset.FormatID, FormatKind: l.Asset.FormatKind,
		FormatOptionRef: l.Asset.FormatOptionRef, Status: l.Status,
		CreatedDate: l.CreatedAt, UpdatedDate: l.UpdatedAt,
	}
	if len(req.Fields) == 0 {
		w.Account, w.Assets = new(l.account.wire()), l.Asset.Assets
	}
	if asked("tags") {
		w.Tags = l.Asset.Tags
	}
	if asked("assignments") && (req.IncludeAssignments == nil || *req.IncludeAssignments) {
		w.Assignments = &adcp.ListCreativesResponseCreativeAssignments{AssignmentCount: int64(len(l.assigned))}
		for _, a := range l.assigned {
			w.Assignments.AssignedPackages = append(w.Assignments.AssignedPackages, adcp.ListCreativesResponseCreativeAssignmentsAssignedPackage{
				PackageID: a.PackageID, AssignedDate: store.Time(a.AssignedAt),
			})
		}
	}
	if adcp.Val(req.IncludeSnapshot) {
		w.SnapshotUnavailableReason = new(adcp.SnapshotUnavailableReasonSnapshotUnsupported)
	}
	return w
}
