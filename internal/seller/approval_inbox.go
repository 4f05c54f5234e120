package seller

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// ApprovalRequest is an order, or a change of one, that takes or took a person's signature.
type ApprovalRequest struct {
	TaskID string
	// Operation is what the buyer asked for: create_media_buy or update_media_buy.
	Operation string
	// Status is submitted while people decide, input-required while the buyer is asked, then working, completed, failed or rejected.
	Status    adcp.TaskStatus
	Principal string
	AccountID string
	// MediaBuyID names the buy that is to change; empty for a new one.
	MediaBuyID string
	Advertiser string
	// Industry is the advertiser's, as the buyer gave it.
	Industry   string
	Budget     money.Amount
	Start, End time.Time
	Lines      []ApprovalLine
	// Signatures are those that it takes, and why.
	Signatures  []Signature
	SubmittedAt time.Time
	// DueAt is when the clock decides; zero is never.
	DueAt time.Time
	// History is what the buyer was asked and answered, oldest first.
	History []agent.TaskExchange
	// DecidedBy and DecidedAt say who decided and when; empty and zero while nobody has.
	DecidedBy string
	DecidedAt time.Time
}

// ApprovalLine is one package of an [ApprovalRequest].
type ApprovalLine struct {
	PackageID, ProductID, PricingOptionID string
	Budget                                money.Amount
	Start, End                            time.Time
	Canceled                              bool
}

// ApprovalStep is one entry of an approval's history.
type ApprovalStep struct {
	At     time.Time
	Kind   string
	Actor  string
	Reason string
}

// Approvals lists what waits for a person, oldest first, or, where decided is set,
// what people and the clock have decided on, latest first.
func (s *Service) Approvals(ctx context.Context, decided bool) ([]ApprovalRequest, error) {
	states := undecided
	if decided {
		states = []adcp.TaskStatus{adcp.TaskStatusWorking, adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusRejected, adcp.TaskStatusCanceled}
	}
	tasks, err := s.tasksWith(ctx, states...)
	if err != nil {
		return nil, err
	}
	var list []ApprovalRequest
	for _, t := range tasks {
		if len(t.Change.Signatures) > 0 {
			list = append(list, approvalOf(t))
		}
	}
	if decided {
		slices.SortStableFunc(list, func(a, b ApprovalRequest) int { return b.DecidedAt.Compare(a.DecidedAt) })
	}
	return list, nil
}

// Approval gives one by its task, with what has happened to it. It returns
// [ErrNotPending] where the task never took a signature.
func (s *Service) Approval(ctx context.Context, taskID string) (ApprovalRequest, []ApprovalStep, error) {
	t, err := s.task(ctx, s.db.Read(), taskID)
	if errors.Is(err, errNoRow) || err == nil && len(t.Change.Signatures) == 0 {
		return ApprovalRequest{}, nil, ErrNotPending
	}
	if err != nil {
		return ApprovalRequest{}, nil, err
	}
	events, err := s.db.Read().Events(ctx, s.tenant, store.EventFilter{Subject: taskID})
	if err != nil {
		return ApprovalRequest{}, nil, err
	}
	steps := make([]ApprovalStep, len(events))
	for i, e := range events {
		var doc struct {
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(e.Document, &doc); err != nil {
			return ApprovalRequest{}, nil, err
		}
		steps[i] = ApprovalStep{At: e.At, Kind: e.Kind, Actor: e.Actor, Reason: doc.Reason}
	}
	return approvalOf(t), steps, nil
}

func approvalOf(t *Task) ApprovalRequest {
	c := t.Change.Buys[0]
	start, end := c.Buy.Flight()
	a := ApprovalRequest{
		TaskID: t.ID, Operation: t.Type, Status: t.Status, Principal: t.Principal, AccountID: t.AccountID,
		Advertiser: c.Buy.Advertiser, Industry: c.Buy.Terms.AdvertiserIndustry,
		Budget: money.Amount{Micros: c.Buy.Budget(), Currency: c.Buy.Currency}, Start: start, End: end,
		Signatures: t.Change.Signatures, SubmittedAt: t.CreatedAt, DueAt: t.DueAt, History: t.Change.History, DecidedBy: t.DecidedBy, DecidedAt: t.DecidedAt,
	}
	if !c.New {
		a.MediaBuyID = c.Buy.ID
	}
	for _, p := range c.Buy.Packages {
		a.Lines = append(a.Lines, ApprovalLine{
			PackageID: p.ID, ProductID: p.ProductID, PricingOptionID: p.Price.ID,
			Budget: money.Amount{Micros: p.Budget, Currency: c.Buy.Currency}, Start: p.Start, End: p.End, Canceled: p.Canceled,
		})
	}
	return a
}
