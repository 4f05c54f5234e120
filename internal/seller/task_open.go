package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// OpenTask submits a task for the call under that identifier, which nobody here
// works on: [Service.CompleteTask] ends it, or its owner withdraws it. Push says
// whom to tell of its end. It refuses with CONFLICT where there is such a task,
// whoever owns it.
func (s *Service) OpenTask(ctx context.Context, call *agent.Call, taskID, message string, push *adcp.PushNotificationConfig) error {
	now := micro(call.Now)
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := s.task(ctx, tx.Queries, taskID)
		if err == nil {
			return refusal(adcp.CodeConflict, "task_id", "There is a task of that identifier already.")
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		return s.submit(ctx, tx, &Task{
			ID: taskID, Principal: call.Principal, AccountID: call.AccountID, Type: call.Operation.Name,
			Status: adcp.TaskStatusSubmitted, CreatedAt: now, Revision: 1, Push: push,
			Change: Change{Actor: call.Principal, Note: message},
		})
	})
}

// ForgetTask removes a task of the principal's that [Service.OpenTask] has opened.
// It reports whether there was one.
func (s *Service) ForgetTask(ctx context.Context, principal, taskID string) (bool, error) {
	var gone bool
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := s.task(ctx, tx.Queries, taskID)
		if errors.Is(err, errNoRow) || err == nil && !t.opened(principal) {
			gone = false
			return nil
		}
		if err != nil {
			return err
		}
		n, err := tx.ForgetSellerTask(ctx, store.ForgetSellerTaskParams{Tenant: s.tenant, Principal: principal, TaskID: taskID})
		gone = n > 0
		return err
	})
	return gone, err
}

// opened tells a task of the principal's that has no work of the seller's behind it.
func (t *Task) opened(principal string) bool {
	return t.Principal == principal && len(t.Change.Buys) == 0
}

// CompleteTask ends a task that [Service.OpenTask] has opened with the result that
// its operation would have answered with, and returns the status it had. Its owner
// is told where it asked for that. It refuses with REFERENCE_NOT_FOUND, with
// INVALID_STATE and the details' current_state, and with VALIDATION_ERROR for a
// result that is none of the operation's.
func (s *Service) CompleteTask(ctx context.Context, principal, taskID string, result json.RawMessage, actor string) (*Task, adcp.TaskStatus, error) {
	var t *Task
	var from adcp.TaskStatus
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if t, err = s.task(ctx, tx.Queries, taskID); errors.Is(err, errNoRow) || err == nil && !t.opened(principal) {
			return refusal(adcp.CodeReferenceNotFound, "task_id", "There is no such task.").
				WithSuggestion("Find tasks with list_tasks.")
		}
		if err != nil {
			return err
		}
		if from = t.Status; agent.TaskSettled(from) {
			return errNoMove("task", string(from), string(adcp.TaskStatusCompleted))
		}
		if t.Result, err = resultOf(t.Type, result); err != nil {
			return err
		}
		t.UpdatedAt = latest(t.UpdatedAt, s.now())
		return s.finish(ctx, tx, t, adcp.TaskStatusCompleted, actor, "")
	})
	if err != nil {
		return nil, from, err
	}
	s.bell.Ring(taskID)
	return t, from, nil
}

// resultOf checks a result against the operation's response, and says in it that
// the task is completed where it has no status of its own.
func resultOf(operation string, result json.RawMessage) (json.RawMessage, error) {
	op, known := adcp.OperationNamed(operation)
	if !known {
		return nil, fmt.Errorf("there is no operation %s", operation)
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(result, &members); err != nil {
		return nil, refusal(adcp.CodeValidationError, "result", "The result is not a JSON object.")
	}
	if _, said := members["status"]; !said {
		members["status"] = json.RawMessage(`"completed"`)
	}
	document, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	if err := adcp.ValidateResponse(op, document); err != nil {
		return nil, refusal(adcp.CodeValidationError, "result", "The result is not one of %s: %v", operation, err)
	}
	return document, nil
}
