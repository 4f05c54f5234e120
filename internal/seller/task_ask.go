package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/store"
)

var (
	_ agent.TaskAnswerer = (*Service)(nil)
	_ agent.TaskCanceler = (*Service)(nil)
)

// Ask asks the buyer something about an order that waits for a decision: its task
// is then in input-required until the buyer answers, or somebody decides all the
// same. It returns [ErrNotPending] where there is nothing to ask about.
func (s *Service) Ask(ctx context.Context, taskID string, by account.Staff, question string) error {
	err := s.decide(ctx, taskID, func(tx *store.Tx, t *Task) error {
		t.DueAt = time.Time{} // the clock does not decide while the buyer is asked
		return s.exchange(ctx, tx, t, adcp.TaskStatusInputRequired, by.Name, agent.TaskExchange{}, agent.TaskInput{Text: question})
	})
	if err == nil {
		s.bell.Ring(taskID)
	}
	return err
}

// AnswerTask implements [agent.TaskAnswerer]: the answer goes to the sales desk,
// and the order waits for it again.
func (s *Service) AnswerTask(ctx context.Context, asked *agent.Task, in agent.TaskInput) error {
	err := s.decide(ctx, asked.ID, func(tx *store.Tx, t *Task) error {
		if t.Status != adcp.TaskStatusInputRequired {
			return ErrNotPending
		}
		t.DueAt = s.desk.due(t, s.now())
		return s.exchange(ctx, tx, t, adcp.TaskStatusSubmitted, t.Principal, agent.TaskExchange{FromCaller: true}, in)
	})
	return s.changed(asked.ID, err)
}

// exchange writes down what was said, and where the task stands after it.
func (s *Service) exchange(ctx context.Context, tx *store.Tx, t *Task, status adcp.TaskStatus, actor string, x agent.TaskExchange, said agent.TaskInput) error {
	var err error
	x.At = s.now()
	if x.Data, err = json.Marshal(said); err != nil {
		return err
	}
	t.Change.History, t.Status, t.UpdatedAt = append(t.Change.History, x), status, x.At
	document, err := json.Marshal(t.Change)
	if err != nil {
		return err
	}
	if err := one(tx.AskSellerTask(ctx, store.AskSellerTaskParams{
		Status: string(status), DueAt: store.Micros(t.DueAt), Document: string(document), UpdatedAt: store.Micros(t.UpdatedAt),
		Tenant: s.tenant, TaskID: t.ID, Revision: t.Revision,
	})); err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	t.Revision++
	if status == adcp.TaskStatusInputRequired {
		if err := s.tellAll(ctx, tx, t); err != nil {
			return err
		}
	}
	kind := "task.asked"
	if x.FromCaller {
		kind = "task.answered"
	}
	return s.appendTaskEvent(ctx, tx, t, kind, actor, said.Text)
}

// question is what the buyer is asked, while it is.
func (t *Task) question() string {
	var said agent.TaskInput
	if n := len(t.Change.History); n > 0 && t.Status == adcp.TaskStatusInputRequired {
		_ = json.Unmarshal(t.Change.History[n-1].Data, &said) // it was written as one
	}
	return said.Text
}

// CancelTask implements [agent.TaskCanceler]: a buyer may withdraw an order, or a
// change, that nobody has decided on.
func (s *Service) CancelTask(ctx context.Context, asked *agent.Task) error {
	err := s.decide(ctx, asked.ID, func(tx *store.Tx, t *Task) error {
		t.UpdatedAt = s.now()
		if err := s.release(ctx, tx, t); err != nil {
			return err
		}
		return s.finish(ctx, tx, t, adcp.TaskStatusCanceled, t.Principal, "withdrawn by the buyer")
	})
	return s.changed(asked.ID, err)
}

// changed rings for a task that its owner has changed, or says in the protocol's
// words why it could not.
func (s *Service) changed(taskID string, err error) error {
	switch {
	case err == nil:
		s.bell.Ring(taskID)
		return nil
	case errors.Is(err, ErrNotPending):
		return refusal(adcp.CodeInvalidState, "", "The sales desk has decided on this, or does not wait for it.").
			WithSuggestion("Read the task with get_task_status.")
	}
	return err
}

// errWithdrawn is for a call whose task its owner has canceled.
func errWithdrawn() *adcp.Error {
	return refusal(adcp.CodeInvalidState, "", "The order was withdrawn.").
		WithSuggestion("Send it with a new idempotency_key to place it again.")
}
