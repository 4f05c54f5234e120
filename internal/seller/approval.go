package seller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// ErrNotPending reports a task that is not waiting for a decision: there is no
// such task, or it has been decided on.
var ErrNotPending = errors.New("no such task is waiting for a decision")

// ErrTooLate reports an approval of an order whose flight is over.
var ErrTooLate = errors.New("the order's flight is over; it can only be rejected")

// undecided are the states of tasks that wait for a decision.
var undecided = []adcp.TaskStatus{adcp.TaskStatusSubmitted, adcp.TaskStatusInputRequired}

// ErrNotYours reports a decision by somebody whose role does not cover it.
type ErrNotYours struct{ Missing []account.Role }

// Error implements error.
func (e *ErrNotYours) Error() string {
	names := make([]string, len(e.Missing))
	for i, r := range e.Missing {
		names[i] = string(r)
	}
	return "this takes the signature of: " + strings.Join(names, ", ")
}

// Approve signs the order that the task asks for: it goes to the ad server, and
// the buyer has its media buy once that holds it. It returns [ErrNotPending] or
// [ErrTooLate] where there is nothing to sign, and [*ErrNotYours] for a person
// whose roles do not cover every signature that it takes. The note stays in the house.
func (s *Service) Approve(ctx context.Context, taskID string, by account.Staff, note string) error {
	return s.approve(ctx, taskID, by, note, s.now())
}

func (s *Service) approve(ctx context.Context, taskID string, by account.Staff, note string, at time.Time) error {
	return s.sign(ctx, taskID, by, func(tx *store.Tx, t *Task) error {
		if _, end := t.Change.Buys[0].Buy.Flight(); !end.After(at) {
			return ErrTooLate
		}
		if err := one(tx.DecideSellerTask(ctx, store.DecideSellerTaskParams{
			Status: string(adcp.TaskStatusWorking), DecidedBy: by.Name, DecidedAt: store.Micros(at),
			UpdatedAt: store.Micros(at), Tenant: s.tenant, TaskID: t.ID, Revision: t.Revision,
		})); err != nil {
			return err
		}
		t.UpdatedAt = at
		if err := job.Enqueue(ctx, tx, jobTraffic, trafficJob{TaskID: t.ID}); err != nil {
			return err
		}
		return s.appendTaskEvent(ctx, tx, t, "task.approved", by.Name, note)
	})
}

// Reject declines the order that the task asks for. The buyer is told the reason,
// so it should be one that may leave the house. Its errors are those of [Service.Approve].
func (s *Service) Reject(ctx context.Context, taskID string, by account.Staff, reason string) error {
	return s.sign(ctx, taskID, by, func(tx *store.Tx, t *Task) error {
		t.UpdatedAt = s.now()
		t.DecidedBy, t.DecidedAt = by.Name, t.UpdatedAt
		t.Error = refusal(adcp.CodePolicyViolation, "", "The sales desk declined: %s", cmp.Or(reason, "no reason given")).
			WithSuggestion("Change the order to meet the reason, or choose other products.").
			WithDetails(map[string]any{"reason": reason})
		if err := s.release(ctx, tx, t); err != nil {
			return err
		}
		return s.finish(ctx, tx, t, adcp.TaskStatusRejected, by.Name, reason)
	})
}

// sign runs fn on a task that waits for a decision, for a person who may decide.
func (s *Service) sign(ctx context.Context, taskID string, by account.Staff, fn func(tx *store.Tx, t *Task) error) error {
	return s.decide(ctx, taskID, func(tx *store.Tx, t *Task) error {
		if len(t.Change.Buys) == 0 {
			return ErrNotPending // there is no order to sign
		}
		if missing := t.Change.unsigned(by); len(missing) > 0 {
			return &ErrNotYours{Missing: missing}
		}
		return fn(tx, t)
	})
}

// decide runs fn on a task that waits for a decision.
func (s *Service) decide(ctx context.Context, taskID string, fn func(tx *store.Tx, t *Task) error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := s.task(ctx, tx.Queries, taskID)
		switch {
		case errors.Is(err, errNoRow):
			return ErrNotPending
		case err != nil:
			return err
		case !slices.Contains(undecided, t.Status):
			return ErrNotPending
		}
		return fn(tx, t)
	})
}

// unsigned are the roles that the change takes the signature of and the person
// does not have.
func (c Change) unsigned(by account.Staff) []account.Role {
	var missing []account.Role
	for _, needed := range c.Signatures {
		if !by.May(needed.Role) && !slices.Contains(missing, needed.Role) {
			missing = append(missing, needed.Role)
		}
	}
	return missing
}

// decideDue has the sales desk's policy decide on what is due, and declines what
// nobody decided on before its deadline or its flight was over. An approval is dated
// when it was due, so that the outcome does not depend on how often this looks.
func (s *Service) decideDue(ctx context.Context, now time.Time) error {
	pending, err := s.tasksWith(ctx, undecided...)
	if err != nil {
		return err
	}
	clock := account.Staff{Name: cmp.Or(s.desk.Actor, "sales_desk"), Roles: []account.Role{account.RoleAdmin}}
	var errs []error
	for _, t := range pending {
		if len(t.Change.Buys) == 0 {
			continue // it does not wait for the desk
		}
		_, end := t.Change.Buys[0].Buy.Flight()
		err := error(nil)
		switch due := !t.DueAt.IsZero() && !t.DueAt.After(now); {
		case due && s.desk.signs(t) && end.After(t.DueAt):
			err = s.approve(ctx, t.ID, clock, "by the clock", t.DueAt)
		case due && !s.desk.signs(t):
			err = s.Reject(ctx, t.ID, clock, "nobody decided in time")
		case due, !end.After(now):
			err = s.Reject(ctx, t.ID, clock, "the flight was over before anybody decided")
		}
		if err != nil && !errors.Is(err, ErrNotPending) {
			errs = append(errs, fmt.Errorf("decide on task %s: %w", t.ID, err))
		}
	}
	return errors.Join(errs...)
}

// tasksWith lists the tasks that have one of the states, oldest first.
func (s *Service) tasksWith(ctx context.Context, states ...adcp.TaskStatus) ([]*Task, error) {
	var list []*Task
	for _, status := range states {
		rows, err := s.db.Read().SellerTasksWithStatus(ctx, store.SellerTasksWithStatusParams{Tenant: s.tenant, Status: string(status)})
		if err != nil {
			return nil, fmt.Errorf("tasks: %w", err)
		}
		for _, r := range rows {
			t, err := taskOf(r)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *Task) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// firstBuy tells whether the account has bought nothing before.
func (s *Service) firstBuy(ctx context.Context, accountID string) (bool, error) {
	n, err := s.db.Read().CountMediaBuysOfAccount(ctx, store.CountMediaBuysOfAccountParams{Tenant: s.tenant, AccountID: accountID})
	if err != nil {
		return false, fmt.Errorf("media buys of an account: %w", err)
	}
	return n == 0, nil
}
