package seller

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// getTaskStatus serves get_task_status. A task that does not exist and somebody
// else's get the same answer.
func (s *Service) getTaskStatus(ctx context.Context, call *agent.Call, req *adcp.GetTaskStatusRequest) (*adcp.GetTaskStatusResponse, error) {
	notFound := refusal(adcp.CodeReferenceNotFound, "task_id", "There is no such task.").
		WithSuggestion("Find your tasks with list_tasks.")
	accountID, err := s.filterAccount(ctx, call, req.Account)
	if err != nil {
		return nil, err
	}
	t, err := s.task(ctx, s.db.Read(), req.TaskID)
	switch {
	case errors.Is(err, errNoRow):
		return nil, notFound
	case err != nil:
		return nil, err
	case t.Principal != call.Principal, !call.SeesAccount(t.AccountID), accountID != "" && t.AccountID != accountID:
		return nil, notFound
	}
	resp := &adcp.GetTaskStatusResponse{
		TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Protocol: protocolOf(t.Type), Status: t.Status,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, HasWebhook: new(t.Change.Webhook),
	}
	if t.settled() {
		resp.CompletedAt = &t.CompletedAt
	}
	if t.Status == adcp.TaskStatusCompleted && adcp.Val(req.IncludeResult) {
		resp.Result = t.Result
	}
	if t.Error != nil {
		resp.Error, err = taskError(t)
	}
	return resp, err
}

// taskError is a failed task's error in the shape that get_task_status has for it:
// what the shape has no member for is in the details.
func taskError(t *Task) (*adcp.GetTaskStatusResponseError, error) {
	specific := map[string]any{"recovery": t.Error.RecoveryClass()}
	if t.Error.Field != nil {
		specific["field"] = *t.Error.Field
	}
	if t.Error.Suggestion != nil {
		specific["suggestion"] = *t.Error.Suggestion
	}
	if len(t.Error.Details) > 0 {
		specific["details"] = t.Error.Details
	}
	raw, err := json.Marshal(specific)
	return &adcp.GetTaskStatusResponseError{
		Code: string(t.Error.Code), Message: t.Error.Message,
		Details: &adcp.GetTaskStatusResponseErrorDetails{
			Protocol: new(protocolOf(t.Type)), Operation: new(t.Type), SpecificContext: raw,
		},
	}, err
}

func protocolOf(taskType string) adcp.AdcpProtocol {
	if op, ok := adcp.OperationNamed(taskType); ok {
		return adcp.AdcpProtocol(op.Protocol)
	}
	return adcp.AdcpProtocolMediaBuy
}

// filterAccount resolves the account that a read is limited to; "" is no limit.
func (s *Service) filterAccount(ctx context.Context, call *agent.Call, ref *adcp.AccountReference) (string, error) {
	if ref == nil {
		return "", nil
	}
	a, err := s.account(ctx, s.db.Read(), call.Caller, ref)
	if errors.Is(err, errNoRow) {
		return "", errAccountNotFound("account")
	} else if err != nil {
		return "", err
	}
	return a.ID, nil
}

// listTasks serves list_tasks.
func (s *Service) listTasks(ctx context.Context, call *agent.Call, req *adcp.ListTasksRequest) (*adcp.ListTasksResponse, error) {
	accountID, err := s.filterAccount(ctx, call, req.Account)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Read().SellerTasksOfPrincipal(ctx, store.SellerTasksOfPrincipalParams{Tenant: s.tenant, Principal: call.Principal})
	if err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	f, applied := taskFilter(req.Filters)
	rows = slices.DeleteFunc(rows, func(r store.SellerTask) bool {
		return accountID != "" && r.AccountID != accountID || !call.SeesAccount(r.AccountID) || !f(r)
	})
	field, direction := adcp.ListTasksRequestSortFieldCreatedAt, adcp.SortDirectionDesc
	if req.Sort != nil {
		field, direction = cmp.Or(adcp.Val(req.Sort.Field), field), cmp.Or(adcp.Val(req.Sort.Direction), direction)
	}
	sortTasks(rows, field, direction)
	summary := adcp.ListTasksResponseQuerySummary{
		TotalMatching: new(int64(len(rows))), FiltersApplied: applied, StatusBreakdown: map[string]int64{},
		SortApplied: &adcp.ListTasksResponseQuerySummarySortApplied{
			Field: string(field), Direction: adcp.ListTasksResponseQuerySummarySortAppliedDirection(direction),
		},
	}
	for _, r := range rows {
		summary.StatusBreakdown[r.Status]++
	}
	page, pagination, err := paginate(rows, req.Pagination, "list_tasks", func(r store.SellerTask) string { return r.TaskID })
	if err != nil {
		return nil, err
	}
	summary.Returned = new(int64(len(page)))
	resp := &adcp.ListTasksResponse{Status: adcp.TaskStatusCompleted, QuerySummary: summary, Pagination: pagination, Tasks: []adcp.ListTasksResponseTask{}}
	for _, r := range page {
		w := adcp.ListTasksResponseTask{
			TaskID: r.TaskID, TaskType: adcp.TaskType(r.TaskType), Domain: adcp.ListTasksResponseTaskDomain(protocolOf(r.TaskType)),
			Status: adcp.TaskStatus(r.Status), CreatedAt: store.Time(r.CreatedAt), UpdatedAt: store.Time(r.UpdatedAt), HasWebhook: new(hasWebhook(r)),
		}
		if r.CompletedAt != 0 {
			w.CompletedAt = new(store.Time(r.CompletedAt))
		}
		resp.Tasks = append(resp.Tasks, w)
	}
	return resp, nil
}

// taskFilter is a test for rows, and the names of the filters in it.
func taskFilter(f *adcp.ListTasksRequestFilters) (func(store.SellerTask) bool, []string) {
	if f == nil {
		return func(store.SellerTask) bool { return true }, nil
	}
	var applied []string
	var tests []func(store.SellerTask) bool
	add := func(name string, present bool, test func(store.SellerTask) bool) {
		if present {
			applied, tests = append(applied, name), append(tests, test)
		}
	}
	add("protocol", f.Protocol != nil, func(r store.SellerTask) bool { return protocolOf(r.TaskType) == *f.Protocol })
	add("protocols", len(f.Protocols) > 0, func(r store.SellerTask) bool { return slices.Contains(f.Protocols, protocolOf(r.TaskType)) })
	add("status", f.Status != nil, func(r store.SellerTask) bool { return adcp.TaskStatus(r.Status) == *f.Status })
	add("statuses", len(f.Statuses) > 0, func(r store.SellerTask) bool { return slices.Contains(f.Statuses, adcp.TaskStatus(r.Status)) })
	add("task_type", f.TaskType != nil, func(r store.SellerTask) bool { return adcp.TaskType(r.TaskType) == *f.TaskType })
	add("task_types", len(f.TaskTypes) > 0, func(r store.SellerTask) bool { return slices.Contains(f.TaskTypes, adcp.TaskType(r.TaskType)) })
	add("created_after", f.CreatedAfter != nil, func(r store.SellerTask) bool { return store.Time(r.CreatedAt).After(*f.CreatedAfter) })
	add("created_before", f.CreatedBefore != nil, func(r store.SellerTask) bool { return store.Time(r.CreatedAt).Before(*f.CreatedBefore) })
	add("updated_after", f.UpdatedAfter != nil, func(r store.SellerTask) bool { return store.Time(r.UpdatedAt).After(*f.UpdatedAfter) })
	add("updated_before", f.UpdatedBefore != nil, func(r store.SellerTask) bool { return store.Time(r.UpdatedAt).Before(*f.UpdatedBefore) })
	add("task_ids", len(f.TaskIDs) > 0, func(r store.SellerTask) bool { return slices.Contains(f.TaskIDs, r.TaskID) })
	add("context_contains", f.ContextContains != nil, func(r store.SellerTask) bool { return strings.Contains(r.Result, *f.ContextContains) })
	add("has_webhook", f.HasWebhook != nil, func(r store.SellerTask) bool { return hasWebhook(r) == *f.HasWebhook })
	return func(r store.SellerTask) bool {
		return !slices.ContainsFunc(tests, func(test func(store.SellerTask) bool) bool { return !test(r) })
	}, applied
}

func sortTasks(rows []store.SellerTask, field adcp.ListTasksRequestSortField, direction adcp.SortDirection) {
	slices.SortStableFunc(rows, func(a, b store.SellerTask) int {
		var order int
		switch field {
		case adcp.ListTasksRequestSortFieldUpdatedAt:
			order = cmp.Compare(a.UpdatedAt, b.UpdatedAt)
		case adcp.ListTasksRequestSortFieldStatus:
			order = cmp.Compare(a.Status, b.Status)
		case adcp.ListTasksRequestSortFieldTaskType:
			order = cmp.Compare(a.TaskType, b.TaskType)
		case adcp.ListTasksRequestSortFieldProtocol:
			order = cmp.Compare(protocolOf(a.TaskType), protocolOf(b.TaskType))
		}
		order = cmp.Or(order, cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.TaskID, b.TaskID))
		if direction == adcp.SortDirectionDesc {
			return -order
		}
		return order
	})
}
