package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// Tasks keeps the tasks of agents that answer later.
type Tasks struct{ db *DB }

var _ agent.TaskStore = (*Tasks)(nil)

// Tasks gives the tasks of the database. All methods of what it gives run in the
// transaction that their context carries ([WithTx]), where it does, so that an agent
// ends a task in the transaction that makes its outcome true.
func (db *DB) Tasks() *Tasks { return &Tasks{db} }

type txKey struct{}

// WithTx puts the transaction in the context, for what only passes a context on.
func WithTx(ctx context.Context, tx *Tx) context.Context { return context.WithValue(ctx, txKey{}, tx) }

// TxOf gives the transaction that the context carries.
func TxOf(ctx context.Context) (tx *Tx, ok bool) {
	tx, ok = ctx.Value(txKey{}).(*Tx)
	return tx, ok
}

// within runs fn in the context's transaction, or in one of its own.
func (s *Tasks) within(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if tx, ok := TxOf(ctx); ok {
		return fn(ctx, tx)
	}
	return s.db.Tx(ctx, func(tx *Tx) error { return fn(WithTx(ctx, tx), tx) })
}

func (s *Tasks) queries(ctx context.Context) *Queries {
	if tx, ok := TxOf(ctx); ok {
		return tx.Queries
	}
	return s.db.Read()
}

// taskDocument is what of a task nothing is looked up by.
type taskDocument struct {
	Message  string                              `json:"message,omitzero"`
	Progress *adcp.GetTaskStatusResponseProgress `json:"progress,omitzero"`
	Context  json.RawMessage                     `json:"context,omitzero"`
	History  []agent.TaskExchange                `json:"history,omitzero"`
}

// columns are the task's document and error as they are stored.
func columns(t *agent.Task) (document, problem string, err error) {
	doc, err := json.Marshal(taskDocument{t.Message, t.Progress, t.Context, t.History})
	if err != nil || t.Error == nil {
		return string(doc), "", err
	}
	e, err := json.Marshal(t.Error)
	return string(doc), string(e), err
}

// Create implements [agent.TaskStore].
func (s *Tasks) Create(ctx context.Context, t *agent.Task, tell func(context.Context) error) error {
	document, problem, err := columns(t)
	if err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	return s.within(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.insertAgentTask(ctx, insertAgentTaskParams{
			Tenant: t.Tenant, TaskID: t.ID, Principal: t.Principal, AccountID: t.AccountID, TaskType: t.Type,
			Status: string(t.Status), HasWebhook: t.HasWebhook, Document: document, Result: string(t.Result), Error: problem,
			CreatedAt: Micros(t.CreatedAt), UpdatedAt: Micros(t.UpdatedAt), CompletedAt: Micros(t.CompletedAt), Revision: t.Revision,
		})
		switch {
		case err != nil:
			return fmt.Errorf("task %s: %w", t.ID, err)
		case n == 0:
			return agent.ErrTaskExists
		case tell == nil:
			return nil
		}
		return tell(ctx)
	})
}

// Update implements [agent.TaskStore].
func (s *Tasks) Update(ctx context.Context, t *agent.Task, tell func(context.Context) error) error {
	document, problem, err := columns(t)
	if err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	return s.within(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.updateAgentTask(ctx, updateAgentTaskParams{
			Status: string(t.Status), Document: document, Result: string(t.Result), Error: problem,
			UpdatedAt: Micros(t.UpdatedAt), CompletedAt: Micros(t.CompletedAt),
			Tenant: t.Tenant, TaskID: t.ID, Revision: t.Revision - 1,
		})
		switch {
		case err != nil:
			return fmt.Errorf("task %s: %w", t.ID, err)
		case n == 0:
			return agent.ErrTaskChanged
		case tell == nil:
			return nil
		}
		return tell(ctx)
	})
}

// Task implements [agent.TaskSource].
func (s *Tasks) Task(ctx context.Context, tenant, id string) (*agent.Task, error) {
	r, err := s.queries(ctx).agentTask(ctx, agentTaskParams{Tenant: tenant, TaskID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, agent.ErrNoTask
	}
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", id, err)
	}
	return agentTaskOf(r)
}

// Tasks implements [agent.TaskSource].
func (s *Tasks) Tasks(ctx context.Context, tenant, principal string) ([]*agent.Task, error) {
	rows, err := s.queries(ctx).agentTasksOfPrincipal(ctx, agentTasksOfPrincipalParams{Tenant: tenant, Principal: principal})
	if err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	list := make([]*agent.Task, len(rows))
	for i, r := range rows {
		if list[i], err = agentTaskOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func agentTaskOf(r AgentTask) (*agent.Task, error) {
	var doc taskDocument
	if err := json.Unmarshal([]byte(r.Document), &doc); err != nil {
		return nil, fmt.Errorf("task %s: %w", r.TaskID, err)
	}
	t := &agent.Task{
		Tenant: r.Tenant, ID: r.TaskID, Principal: r.Principal, AccountID: r.AccountID, Type: r.TaskType,
		Status: adcp.TaskStatus(r.Status), Message: doc.Message, Progress: doc.Progress, Context: doc.Context,
		HasWebhook: r.HasWebhook, History: doc.History,
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt), CompletedAt: Time(r.CompletedAt), Revision: r.Revision,
	}
	if r.Result != "" {
		t.Result = json.RawMessage(r.Result)
	}
	if r.Error != "" {
		t.Error = new(adcp.Error)
		if err := json.Unmarshal([]byte(r.Error), t.Error); err != nil {
			return nil, fmt.Errorf("task %s: %w", r.TaskID, err)
		}
	}
	return t, nil
}
