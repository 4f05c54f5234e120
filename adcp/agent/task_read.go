package agent

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// HandleTasks serves get_task_status and list_tasks from the source, so that an
// agent whose handlers answer later writes no handler for them, and lets transports
// with tasks of their own show the agent's. Call it once, before the first call.
//
// With a [*Tasks], handlers may answer later by [Submitted], [Working] and
// [InputRequired].
func HandleTasks(a *Agent, source TaskSource) {
	a.source = source
	a.tasks, _ = source.(*Tasks)
	Handle(a, adcp.GetTaskStatus, a.getTaskStatus)
	Handle(a, adcp.ListTasks, a.listTasks)
}

// reaches tells whether a task exists for the caller.
func (t *Task) reaches(caller Caller) bool {
	switch {
	case caller.Anonymous, t.Tenant != caller.Tenant, t.Principal != caller.Principal:
		return false
	case caller.Permission == nil, caller.SeesAccount(t.AccountID):
		return true
	}
	// A task of a request without an account is for those who reach as much.
	return t.AccountID == scopeOf(caller, nil)
}

// errNoSuchTask is for a task that does not exist and equally for somebody else's.
func errNoSuchTask() *adcp.Error {
	return adcp.NewError(adcp.CodeReferenceNotFound, "task_id", "There is no such task.").
		WithSuggestion("Find your tasks with list_tasks.")
}

// find reads the caller's task.
func (a *Agent) find(ctx context.Context, caller Caller, id string) (*Task, error) {
	if a.source == nil {
		return nil, errNoSuchTask() // its handlers of tasks are its own
	}
	t, err := a.source.Task(ctx, caller.Tenant, id)
	switch {
	case errors.Is(err, ErrNoTask):
		return nil, errNoSuchTask()
	case err != nil:
		return nil, err
	case !t.reaches(caller):
		return nil, errNoSuchTask()
	}
	return t, nil
}

func (a *Agent) getTaskStatus(ctx context.Context, call *Call, req *adcp.GetTaskStatusRequest) (*adcp.GetTaskStatusResponse, error) {
	t, err := a.find(ctx, call.Caller, req.TaskID)
	if err != nil {
		return nil, err
	}
	if call.Account != nil && t.AccountID != call.account {
		return nil, errNoSuchTask()
	}
	return t.View(adcp.Val(req.IncludeResult), adcp.Val(req.IncludeHistory))
}

// View is the task as get_task_status shows it, on demand with the result of a
// completed task and with what was asked and answered.
func (t *Task) View(result, history bool) (*adcp.GetTaskStatusResponse, error) {
	resp := &adcp.GetTaskStatusResponse{
		TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Protocol: t.protocol(), Status: t.Status,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, HasWebhook: &t.HasWebhook, Progress: t.Progress,
	}
	if t.Message != "" {
		resp.Message = &t.Message
	}
	if t.Settled() {
		resp.CompletedAt = &t.CompletedAt
	}
	if t.Status == adcp.TaskStatusCompleted && result {
		resp.Result = t.Result
	}
	if history {
		for _, x := range t.History {
			kind := adcp.GetTaskStatusResponseHistoryItemTypeResponse
			if x.FromCaller {
				kind = adcp.GetTaskStatusResponseHistoryItemTypeRequest
			}
			resp.History = append(resp.History, adcp.GetTaskStatusResponseHistoryItem{Timestamp: x.At, Type: kind, Data: x.Data})
		}
	}
	if t.Error == nil {
		return resp, nil
	}
	failure, err := t.failure()
	resp.Error = failure
	return resp, err
}

// failure is the task's error in the shape that get_task_status has for it: what the
// shape has no member for is in the details.
func (t *Task) failure() (*adcp.GetTaskStatusResponseError, error) {
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
			Protocol: new(t.protocol()), Operation: &t.Type, SpecificContext: raw,
		},
	}, err
}

// protocol is the one that the task's operation belongs to.
func (t *Task) protocol() adcp.AdcpProtocol {
	if op, ok := adcp.OperationNamed(t.Type); ok {
		return adcp.AdcpProtocol(op.Protocol)
	}
	return adcp.AdcpProtocolMediaBuy
}

// domain is the protocol in the shorter list that list_tasks has of them.
func (t *Task) domain() adcp.ListTasksResponseTaskDomain {
	switch d := adcp.ListTasksResponseTaskDomain(t.protocol()); d {
	case adcp.ListTasksResponseTaskDomainSignals, adcp.ListTasksResponseTaskDomainCreative:
		return d
	}
	return adcp.ListTasksResponseTaskDomainMediaBuy
}

func (a *Agent) listTasks(ctx context.Context, call *Call, req *adcp.ListTasksRequest) (*adcp.ListTasksResponse, error) {
	tasks, err := a.source.Tasks(ctx, call.Tenant, call.Principal)
	if err != nil {
		return nil, err
	}
	matches, applied := taskFilter(req.Filters)
	tasks = slices.DeleteFunc(tasks, func(t *Task) bool {
		return !t.reaches(call.Caller) || call.Account != nil && t.AccountID != call.account || !matches(t)
	})
	field, direction := adcp.ListTasksRequestSortFieldCreatedAt, adcp.SortDirectionDesc
	if req.Sort != nil {
		field, direction = cmp.Or(adcp.Val(req.Sort.Field), field), cmp.Or(adcp.Val(req.Sort.Direction), direction)
	}
	sortTasks(tasks, field, direction)
	summary := adcp.ListTasksResponseQuerySummary{
		TotalMatching: new(int64(len(tasks))), FiltersApplied: applied, StatusBreakdown: map[string]int64{},
		SortApplied: &adcp.ListTasksResponseQuerySummarySortApplied{
			Field: string(field), Direction: adcp.ListTasksResponseQuerySummarySortAppliedDirection(direction),
		},
	}
	for _, t := range tasks {
		summary.StatusBreakdown[string(t.Status)]++
	}
	page, pagination, err := pageOfTasks(tasks, req.Pagination)
	if err != nil {
		return nil, err
	}
	summary.Returned = new(int64(len(page)))
	resp := &adcp.ListTasksResponse{Status: adcp.TaskStatusCompleted, QuerySummary: summary, Pagination: pagination, Tasks: []adcp.ListTasksResponseTask{}}
	for _, t := range page {
		w := adcp.ListTasksResponseTask{
			TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Domain: t.domain(), Status: t.Status,
			CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, HasWebhook: &t.HasWebhook,
		}
		if t.Settled() {
			w.CompletedAt = &t.CompletedAt
		}
		resp.Tasks = append(resp.Tasks, w)
	}
	return resp, nil
}

// taskFilter is a test for tasks, and the names of the filters in it.
func taskFilter(f *adcp.ListTasksRequestFilters) (func(*Task) bool, []string) {
	if f == nil {
		return func(*Task) bool { return true }, nil
	}
	var applied []string
	var tests []func(*Task) bool
	add := func(name string, present bool, test func(*Task) bool) {
		if present {
			applied, tests = append(applied, name), append(tests, test)
		}
	}
	add("protocol", f.Protocol != nil, func(t *Task) bool { return t.protocol() == *f.Protocol })
	add("protocols", len(f.Protocols) > 0, func(t *Task) bool { return slices.Contains(f.Protocols, t.protocol()) })
	add("status", f.Status != nil, func(t *Task) bool { return t.Status == *f.Status })
	add("statuses", len(f.Statuses) > 0, func(t *Task) bool { return slices.Contains(f.Statuses, t.Status) })
	add("task_type", f.TaskType != nil, func(t *Task) bool { return adcp.TaskType(t.Type) == *f.TaskType })
	add("task_types", len(f.TaskTypes) > 0, func(t *Task) bool { return slices.Contains(f.TaskTypes, adcp.TaskType(t.Type)) })
	add("created_after", f.CreatedAfter != nil, func(t *Task) bool { return t.CreatedAt.After(*f.CreatedAfter) })
	add("created_before", f.CreatedBefore != nil, func(t *Task) bool { return t.CreatedAt.Before(*f.CreatedBefore) })
	add("updated_after", f.UpdatedAfter != nil, func(t *Task) bool { return t.UpdatedAt.After(*f.UpdatedAfter) })
	add("updated_before", f.UpdatedBefore != nil, func(t *Task) bool { return t.UpdatedAt.Before(*f.UpdatedBefore) })
	add("task_ids", len(f.TaskIDs) > 0, func(t *Task) bool { return slices.Contains(f.TaskIDs, t.ID) })
	add("context_contains", f.ContextContains != nil, func(t *Task) bool {
		return strings.Contains(string(t.Result), *f.ContextContains) || strings.Contains(string(t.Context), *f.ContextContains)
	})
	add("has_webhook", f.HasWebhook != nil, func(t *Task) bool { return t.HasWebhook == *f.HasWebhook })
	return func(t *Task) bool {
		return !slices.ContainsFunc(tests, func(test func(*Task) bool) bool { return !test(t) })
	}, applied
}

func sortTasks(tasks []*Task, field adcp.ListTasksRequestSortField, direction adcp.SortDirection) {
	slices.SortStableFunc(tasks, func(a, b *Task) int {
		var order int
		switch field {
		case adcp.ListTasksRequestSortFieldUpdatedAt:
			order = a.UpdatedAt.Compare(b.UpdatedAt)
		case adcp.ListTasksRequestSortFieldStatus:
			order = cmp.Compare(a.Status, b.Status)
		case adcp.ListTasksRequestSortFieldTaskType:
			order = cmp.Compare(a.Type, b.Type)
		case adcp.ListTasksRequestSortFieldProtocol:
			order = cmp.Compare(a.protocol(), b.protocol())
		}
		order = cmp.Or(order, a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		if direction == adcp.SortDirectionDesc {
			return -order
		}
		return order
	})
}

// defaultTaskPage is how many tasks a page has that asks for no number.
const defaultTaskPage = 50

// pageOfTasks cuts a page out of the tasks. Tasks come while a caller pages, so a
// cursor names the last one shown and not a number.
func pageOfTasks(tasks []*Task, req *adcp.PaginationRequest) ([]*Task, adcp.PaginationResponse, error) {
	size, total := defaultTaskPage, int64(len(tasks))
	if req != nil && req.MaxResults != nil {
		size = int(*req.MaxResults)
	}
	if req != nil && req.Cursor != nil {
		last, err := base64.RawURLEncoding.DecodeString(*req.Cursor)
		i := slices.IndexFunc(tasks, func(t *Task) bool { return t.ID == string(last) })
		if err != nil || i < 0 {
			return nil, adcp.PaginationResponse{}, invalid("pagination.cursor", "The cursor is not one of this list.", "Start again without a cursor.")
		}
		tasks = tasks[i+1:]
	}
	page := adcp.PaginationResponse{TotalCount: &total}
	if len(tasks) > size {
		tasks = tasks[:size]
		page.HasMore, page.Cursor = true, new(base64.RawURLEncoding.EncodeToString([]byte(tasks[size-1].ID)))
	}
	return tasks, page, nil
}
