package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
)

// SalesDesk decides on orders that take a person's signature; [seller.Service] does.
type SalesDesk interface {
	Approvals(ctx context.Context, decided bool) ([]seller.ApprovalRequest, error)
	Approval(ctx context.Context, taskID string) (seller.ApprovalRequest, []seller.ApprovalStep, error)
	Approve(ctx context.Context, taskID string, by account.Staff, note string) error
	Reject(ctx context.Context, taskID string, by account.Staff, reason string) error
	Ask(ctx context.Context, taskID string, by account.Staff, question string) error
}

// Money is an amount as text, exact, with its currency.
type Money struct {
	Amount   string `json:"amount" example:"20500.00" doc:"Decimal text"`
	Currency string `json:"currency" example:"USD" doc:"ISO 4217"`
}

func moneyOf(a money.Amount) Money {
	return Money{Amount: a.Micros.Format(a.Currency), Currency: string(a.Currency)}
}

// Approval is an order, or a change of one, that takes or took a person's signature.
type Approval struct {
	TaskID      string              `json:"task_id" doc:"Names the approval; the buyer follows the same task"`
	Operation   string              `json:"operation" doc:"What the buyer asked for: create_media_buy or update_media_buy"`
	Status      string              `json:"status" doc:"submitted while people decide, input-required while the buyer is asked"`
	Principal   string              `json:"principal" doc:"The buying agent"`
	AccountID   string              `json:"account_id"`
	MediaBuyID  string              `json:"media_buy_id,omitempty" doc:"The media buy that is to change; none for a new one"`
	Advertiser  string              `json:"advertiser"`
	Industry    string              `json:"industry,omitempty"`
	Budget      Money               `json:"budget"`
	Start       time.Time           `json:"start"`
	End         time.Time           `json:"end"`
	Signatures  []ApprovalSignature `json:"signatures" doc:"The signatures that it takes, and why"`
	SubmittedAt time.Time           `json:"submitted_at"`
	DueAt       *time.Time          `json:"due_at,omitempty" doc:"When the clock decides"`
	DecidedBy   string              `json:"decided_by,omitempty"`
	DecidedAt   *time.Time          `json:"decided_at,omitempty"`
}

// ApprovalSignature is a signature that an order takes.
type ApprovalSignature struct {
	Role account.Role `json:"role"`
	Why  string       `json:"why"`
}

// ApprovalDetail is an [Approval] with its packages and its history.
type ApprovalDetail struct {
	Approval
	Packages []ApprovalPackage `json:"packages"`
	History  []ApprovalStep    `json:"history"`
}

// ApprovalPackage is one package of the order.
type ApprovalPackage struct {
	PackageID       string    `json:"package_id"`
	ProductID       string    `json:"product_id"`
	PricingOptionID string    `json:"pricing_option_id"`
	Budget          Money     `json:"budget"`
	Start           time.Time `json:"start"`
	End             time.Time `json:"end"`
	Canceled        bool      `json:"canceled,omitempty"`
}

// ApprovalStep is one entry of an approval's history.
type ApprovalStep struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"`
}

// HandleApprovals puts the inbox of the sales desk on the API.
func HandleApprovals(a *API, desk SalesDesk) {
	type one struct {
		TaskID string `path:"task_id"`
	}
	type detail struct{ Body ApprovalDetail }
	show := func(ctx context.Context, taskID string) (*detail, error) {
		r, steps, err := desk.Approval(ctx, taskID)
		if err != nil {
			return nil, approvalError(err)
		}
		return &detail{detailOf(r, steps)}, nil
	}

	type listInput struct {
		Decided bool `query:"decided" doc:"List what was decided, latest first, instead of what waits"`
	}
	type listOutput struct {
		Body struct {
			Approvals []Approval `json:"approvals"`
		}
	}
	Handle(a, Operation{Method: http.MethodGet, Path: "/approvals", ID: "list-approvals", Tag: "approvals", Summary: "Orders that wait for a person, oldest first"},
		func(ctx context.Context, _ account.Staff, in *listInput) (*listOutput, error) {
			list, err := desk.Approvals(ctx, in.Decided)
			if err != nil {
				return nil, err
			}
			out := new(listOutput)
			out.Body.Approvals = make([]Approval, len(list))
			for i, r := range list {
				out.Body.Approvals[i] = approvalOf(r)
			}
			return out, nil
		})
	Handle(a, Operation{Method: http.MethodGet, Path: "/approvals/{task_id}", ID: "get-approval", Tag: "approvals", Summary: "One order with its packages and history"},
		func(ctx context.Context, _ account.Staff, in *one) (*detail, error) { return show(ctx, in.TaskID) })

	type approveInput struct {
		TaskID string `path:"task_id"`
		Body   struct {
			Note string `json:"note,omitempty" maxLength:"2000" doc:"Why; it stays in the house"`
		}
	}
	deciders := []account.Role{account.RoleSales, account.RoleManager}
	Handle(a, Operation{Method: http.MethodPost, Path: "/approvals/{task_id}/approve", ID: "approve", Tag: "approvals", Roles: deciders, Summary: "Sign an order; it goes to the ad server"},
		func(ctx context.Context, staff account.Staff, in *approveInput) (*detail, error) {
			if err := desk.Approve(ctx, in.TaskID, staff, in.Body.Note); err != nil {
				return nil, approvalError(err)
			}
			return show(ctx, in.TaskID)
		})
	type rejectInput struct {
		TaskID string `path:"task_id"`
		Body   struct {
			Reason string `json:"reason" minLength:"3" maxLength:"2000" doc:"Why; the buyer is told"`
		}
	}
	Handle(a, Operation{Method: http.MethodPost, Path: "/approvals/{task_id}/reject", ID: "reject", Tag: "approvals", Roles: deciders, Summary: "Decline an order, with a reason that the buyer is told"},
		func(ctx context.Context, staff account.Staff, in *rejectInput) (*detail, error) {
			if err := desk.Reject(ctx, in.TaskID, staff, in.Body.Reason); err != nil {
				return nil, approvalError(err)
			}
			return show(ctx, in.TaskID)
		})
	type askInput struct {
		TaskID string `path:"task_id"`
		Body   struct {
			Question string `json:"question" minLength:"3" maxLength:"2000" doc:"What the buyer is asked"`
		}
	}
	Handle(a, Operation{Method: http.MethodPost, Path: "/approvals/{task_id}/ask", ID: "ask", Tag: "approvals", Roles: deciders, Summary: "Ask the buyer something; the order waits for the answer"},
		func(ctx context.Context, staff account.Staff, in *askInput) (*detail, error) {
			if err := desk.Ask(ctx, in.TaskID, staff, in.Body.Question); err != nil {
				return nil, approvalError(err)
			}
			return show(ctx, in.TaskID)
		})
}

// approvalError tells what keeps somebody from deciding.
func approvalError(err error) error {
	var notYours *seller.ErrNotYours
	switch {
	case errors.Is(err, seller.ErrNotPending):
		return &Problem{
			ErrorModel: model(http.StatusNotFound, "No such order is waiting for a decision."),
			Code:       string(adcp.CodeReferenceNotFound), Field: "task_id",
			Suggestion: "It may have been decided: GET " + Prefix + "/approvals?decided=true.",
		}
	case errors.Is(err, seller.ErrTooLate):
		return &Problem{
			ErrorModel: model(http.StatusConflict, "The order's flight is over; it can only be rejected."),
			Code:       string(adcp.CodeInvalidState), Suggestion: "Reject it with a reason.",
		}
	case errors.As(err, &notYours):
		return &Problem{
			ErrorModel: model(http.StatusForbidden, fmt.Sprintf("This order takes the role %s.", either(notYours.Missing))),
			Code:       string(adcp.CodePermissionDenied), Suggestion: "Ask a colleague who has it.",
		}
	}
	return err
}

func approvalOf(r seller.ApprovalRequest) Approval {
	out := Approval{
		TaskID: r.TaskID, Operation: r.Operation, Status: string(r.Status), Principal: r.Principal, AccountID: r.AccountID,
		MediaBuyID: r.MediaBuyID, Advertiser: r.Advertiser, Industry: r.Industry, Budget: moneyOf(r.Budget), Start: r.Start, End: r.End,
		Signatures: make([]ApprovalSignature, len(r.Signatures)), SubmittedAt: r.SubmittedAt,
		DueAt: timeOf(r.DueAt), DecidedBy: r.DecidedBy, DecidedAt: timeOf(r.DecidedAt),
	}
	for i, s := range r.Signatures {
		out.Signatures[i] = ApprovalSignature{Role: s.Role, Why: s.Why}
	}
	return out
}

func detailOf(r seller.ApprovalRequest, steps []seller.ApprovalStep) ApprovalDetail {
	out := ApprovalDetail{Approval: approvalOf(r), Packages: make([]ApprovalPackage, len(r.Lines)), History: make([]ApprovalStep, len(steps))}
	for i, l := range r.Lines {
		out.Packages[i] = ApprovalPackage{
			PackageID: l.PackageID, ProductID: l.ProductID, PricingOptionID: l.PricingOptionID,
			Budget: moneyOf(l.Budget), Start: l.Start, End: l.End, Canceled: l.Canceled,
		}
	}
	for i, s := range steps {
		out.History[i] = ApprovalStep{At: s.At, What: s.Kind, Actor: s.Actor, Reason: s.Reason}
	}
	return out
}

// timeOf is a time, or nothing for none.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
