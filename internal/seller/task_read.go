package seller

import (
	"context"
	"errors"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// The kit serves the seller's tasks to their owners, from the seller's own books.
var (
	_ agent.TaskSource   = (*Service)(nil)
	_ agent.TaskListener = (*Service)(nil)
)

// Task implements [agent.TaskSource].
func (s *Service) Task(ctx context.Context, tenant, id string) (*agent.Task, error) {
	if tenant != s.tenant {
		return nil, agent.ErrNoTask
	}
	t, err := s.task(ctx, s.db.Read(), id)
	if errors.Is(err, errNoRow) {
		return nil, agent.ErrNoTask
	}
	if err != nil {
		return nil, err
	}
	return s.shown(t), nil
}

// Tasks implements [agent.TaskSource].
func (s *Service) Tasks(ctx context.Context, tenant, principal string) ([]*agent.Task, error) {
	if tenant != s.tenant {
		return nil, nil
	}
	rows, err := s.db.Read().SellerTasksOfPrincipal(ctx, store.SellerTasksOfPrincipalParams{Tenant: tenant, Principal: principal})
	if err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	list := make([]*agent.Task, len(rows))
	for i, r := range rows {
		t, err := taskOf(r)
		if err != nil {
			return nil, err
		}
		list[i] = s.shown(t)
	}
	return list, nil
}

// ListenTask implements [agent.TaskListener].
func (s *Service) ListenTask(id string) (<-chan struct{}, func()) { return s.bell.ListenTask(id) }

// shown is the task as its owner may see it.
func (s *Service) shown(t *Task) *agent.Task {
	return &agent.Task{
		Tenant: s.tenant, ID: t.ID, Principal: t.Principal, AccountID: t.AccountID, Type: t.Type,
		Status: t.Status, Message: t.question(), Context: t.Change.Context, History: t.Change.History,
		HasWebhook: t.Change.Webhook || len(t.Change.Pushes) > 0, Result: t.Result, Error: t.Error,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, CompletedAt: t.CompletedAt, Revision: t.Revision,
	}
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
