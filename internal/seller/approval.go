package seller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// SalesDesk says who decides on orders that hold a product with [ApprovalManual].
// The zero SalesDesk leaves every one of them to a person ([Service.Approve],
// [Service.Reject]).
type SalesDesk struct {
	// ApproveAfter, above zero, has [Service.Tick] approve what nobody has decided
	// on within that time, by the agent's clock. It is for demonstrations, and for
	// publishers who only want a chance to object.
	ApproveAfter time.Duration
	// Actor is who such approvals are written down as; "sales_desk" where empty.
	Actor string
}

// ErrNotPending reports a task that is not waiting for a decision: there is no
// such task, or it has been decided on.
var ErrNotPending = errors.New("no such task is waiting for a decision")

// ErrTooLate reports an approval of an order whose flight is over.
var ErrTooLate = errors.New("the order's flight is over; it can only be rejected")

// Pending is an order, or a change of one, that waits for a decision.
type Pending struct {
	TaskID    string
	Type      string
	Principal string
	AccountID string
	// MediaBuyID names the buy that is to change; empty for a new one.
	MediaBuyID  string
	Advertiser  string
	Budget      money.Amount
	Start, End  time.Time
	SubmittedAt time.Time
	// DueAt is when the sales desk's policy decides; zero is never.
	DueAt time.Time
	// Asked tells that the buyer was asked something and has not answered yet.
	Asked bool
	// History is what the buyer was asked and answered, oldest first.
	History []agent.TaskExchange
}

// undecided are the states of tasks that wait for a decision.
var undecided = []adcp.TaskStatus{adcp.TaskStatusSubmitted, adcp.TaskStatusInputRequired}

// Pending lists what waits for a decision, oldest first.
func (s *Service) Pending(ctx context.Context) ([]Pending, error) {
	var rows []store.SellerTask
	for _, status := range undecided {
		some, err := s.db.Read().SellerTasksWithStatus(ctx, store.SellerTasksWithStatusParams{Tenant: s.tenant, Status: string(status)})
		if err != nil {
			return nil, fmt.Errorf("pending orders: %w", err)
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b store.SellerTask) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.TaskID, b.TaskID))
	})
	list := make([]Pending, 0, len(rows))
	for _, r := range rows {
		t, err := taskOf(r)
		if err != nil {
			return nil, err
		}
		c := t.Change.Buys[0]
		start, end := c.Buy.Flight()
		p := Pending{
			TaskID: t.ID, Type: t.Type, Principal: t.Principal, AccountID: t.AccountID,
			Advertiser: c.Buy.Advertiser, Budget: money.Amount{Micros: c.Buy.Budget(), Currency: c.Buy.Currency},
			Start: start, End: end, SubmittedAt: t.CreatedAt, DueAt: t.DueAt,
			Asked: t.Status == adcp.TaskStatusInputRequired, History: t.Change.History,
		}
		if !c.New {
			p.MediaBuyID = c.Buy.ID
		}
		list = append(list, p)
	}
	return list, nil
}

// Approve signs the order that the task asks for: it goes to the ad server, and
// the buyer has its media buy once that holds it. Actor is the person who signed.
// It returns [ErrNotPending] or [ErrTooLate] where there is nothing to sign.
func (s *Service) Approve(ctx context.Context, taskID, actor string) error {
	return s.approve(ctx, taskID, actor, s.now())
}

func (s *Service) approve(ctx context.Context, taskID, actor string, at time.Time) error {
	return s.decide(ctx, taskID, func(tx *store.Tx, t *Task) error {
		if _, end := t.Change.Buys[0].Buy.Flight(); !end.After(at) {
			return ErrTooLate
		}
		if err := one(tx.DecideSellerTask(ctx, store.DecideSellerTaskParams{
			Status: string(adcp.TaskStatusWorking), DecidedBy: actor, DecidedAt: store.Micros(at),
			UpdatedAt: store.Micros(at), Tenant: s.tenant, TaskID: t.ID, Revision: t.Revision,
		})); err != nil {
			return err
		}
		t.UpdatedAt = at
		if err := job.Enqueue(ctx, tx, jobTraffic, trafficJob{TaskID: t.ID}); err != nil {
			return err
		}
		return s.appendTaskEvent(ctx, tx, t, "task.approved", actor, "")
	})
}

// Reject declines the order that the task asks for. The buyer is told the reason,
// so it should be one that may leave the house. It returns [ErrNotPending] where
// there is nothing to decline.
func (s *Service) Reject(ctx context.Context, taskID, actor, reason string) error {
	return s.decide(ctx, taskID, func(tx *store.Tx, t *Task) error {
		t.UpdatedAt = s.now()
		t.Error = refusal(adcp.CodePolicyViolation, "", "The sales desk declined: %s", cmp.Or(reason, "no reason given")).
			WithSuggestion("Change the order to meet the reason, or choose other products.").
			WithDetails(map[string]any{"reason": reason})
		if err := s.release(ctx, tx, t); err != nil {
			return err
		}
		return s.finish(ctx, tx, t, adcp.TaskStatusRejected, actor, reason)
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

// decideDue has the sales desk's policy decide on what is due, and declines what
// nobody decided on before its flight was over. An approval is dated when it was
// due, so that the outcome does not depend on how often this looks.
func (s *Service) decideDue(ctx context.Context, now time.Time) error {
	pending, err := s.Pending(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pending {
		err := error(nil)
		switch due := !p.DueAt.IsZero() && !p.DueAt.After(now); {
		case due && p.End.After(p.DueAt):
			err = s.approve(ctx, p.TaskID, cmp.Or(s.desk.Actor, "sales_desk"), p.DueAt)
		case due, !p.End.After(now):
			err = s.Reject(ctx, p.TaskID, "clock", "the flight was over before anybody decided")
		}
		if err != nil && !errors.Is(err, ErrNotPending) {
			errs = append(errs, fmt.Errorf("decide on task %s: %w", p.TaskID, err))
		}
	}
	return errors.Join(errs...)
}
