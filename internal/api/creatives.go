package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/seller"
)

// CreativeDesk reviews creatives; [seller.Service] does.
type CreativeDesk interface {
	CreativesInReview(ctx context.Context, status adcp.CreativeStatus) ([]*seller.Creative, error)
	LibraryCreative(ctx context.Context, accountID, creativeID string) (*seller.Creative, []string, error)
	ReviewCreative(ctx context.Context, accountID, creativeID string, to adcp.CreativeStatus, reason string, by account.Staff) error
}

// Creative is a creative in an account's library.
type Creative struct {
	AccountID  string          `json:"account_id"`
	CreativeID string          `json:"creative_id"`
	Name       string          `json:"name"`
	Format     string          `json:"format" doc:"The format's id, or its canonical kind"`
	Status     string          `json:"status" doc:"processing, pending_review, approved, suspended, rejected or archived"`
	Review     *CreativeReview `json:"review,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// CreativeReview is how a creative came to its state.
type CreativeReview struct {
	From   string    `json:"from,omitempty"`
	By     string    `json:"by" doc:"Who decided: a colleague, or rules"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// CreativeDetail is a [Creative] with what it is made of and the packages it is on.
type CreativeDetail struct {
	Creative
	Assets   map[string]json.RawMessage `json:"assets"`
	Packages []string                   `json:"packages"`
}

// HandleCreatives puts the review of creatives on the API.
func HandleCreatives(a *API, desk CreativeDesk) {
	type one struct {
		AccountID  string `path:"account_id"`
		CreativeID string `path:"creative_id"`
	}
	type detail struct{ Body CreativeDetail }
	show := func(ctx context.Context, at one) (*detail, error) {
		c, packages, err := desk.LibraryCreative(ctx, at.AccountID, at.CreativeID)
		if err != nil {
			return nil, creativeError(err)
		}
		if packages == nil {
			packages = []string{}
		}
		return &detail{CreativeDetail{Creative: creativeOf(c), Assets: c.Asset.Assets, Packages: packages}}, nil
	}

	type listInput struct {
		Status string `query:"status" default:"pending_review" enum:"processing,pending_review,approved,suspended,rejected,archived"`
	}
	type listOutput struct {
		Body struct {
			Creatives []Creative `json:"creatives"`
		}
	}
	Handle(a, Operation{Method: http.MethodGet, Path: "/creatives", ID: "list-creatives", Tag: "creatives", Summary: "Creatives in a state, longest there first; what waits for review where none is named"},
		func(ctx context.Context, _ account.Staff, in *listInput) (*listOutput, error) {
			list, err := desk.CreativesInReview(ctx, adcp.CreativeStatus(in.Status))
			if err != nil {
				return nil, err
			}
			out := new(listOutput)
			out.Body.Creatives = make([]Creative, len(list))
			for i, c := range list {
				out.Body.Creatives[i] = creativeOf(c)
			}
			return out, nil
		})
	Handle(a, Operation{Method: http.MethodGet, Path: "/creatives/{account_id}/{creative_id}", ID: "get-creative", Tag: "creatives", Summary: "One creative with its assets and the packages it is on"},
		func(ctx context.Context, _ account.Staff, in *one) (*detail, error) { return show(ctx, *in) })

	type approveInput struct {
		AccountID  string `path:"account_id"`
		CreativeID string `path:"creative_id"`
	}
	reviewers := []account.Role{account.RoleAdOps, account.RoleManager}
	Handle(a, Operation{Method: http.MethodPost, Path: "/creatives/{account_id}/{creative_id}/approve", ID: "approve-creative", Tag: "creatives", Roles: reviewers, Summary: "Let a creative be served"},
		func(ctx context.Context, staff account.Staff, in *approveInput) (*detail, error) {
			if err := desk.ReviewCreative(ctx, in.AccountID, in.CreativeID, adcp.CreativeStatusApproved, "", staff); err != nil {
				return nil, creativeError(err)
			}
			return show(ctx, one{in.AccountID, in.CreativeID})
		})
	type reasonInput struct {
		AccountID  string `path:"account_id"`
		CreativeID string `path:"creative_id"`
		Body       struct {
			Reason string `json:"reason" minLength:"3" maxLength:"2000" doc:"Why; the buyer is told"`
		}
	}
	for _, d := range []struct {
		name, summary string
		to            adcp.CreativeStatus
	}{
		{"reject", "Refuse a creative, with a reason that the buyer is told", adcp.CreativeStatusRejected},
		{"suspend", "Take an approved creative off for now, with a reason that the buyer is told", adcp.CreativeStatusSuspended},
		{"review", "Take an approved creative back for review, with a reason that the buyer is told", adcp.CreativeStatusPendingReview},
	} {
		Handle(a, Operation{Method: http.MethodPost, Path: "/creatives/{account_id}/{creative_id}/" + d.name, ID: d.name + "-creative", Tag: "creatives", Roles: reviewers, Summary: d.summary},
			func(ctx context.Context, staff account.Staff, in *reasonInput) (*detail, error) {
				if err := desk.ReviewCreative(ctx, in.AccountID, in.CreativeID, d.to, in.Body.Reason, staff); err != nil {
					return nil, creativeError(err)
				}
				return show(ctx, one{in.AccountID, in.CreativeID})
			})
	}
}

// creativeError tells what keeps somebody from deciding.
func creativeError(err error) error {
	refused, ok := errors.AsType[*adcp.Error](err)
	if !ok {
		return err
	}
	status := http.StatusConflict
	switch refused.Code {
	case adcp.CodeCreativeNotFound:
		status = http.StatusNotFound
	case adcp.CodeServiceUnavailable:
		status = http.StatusServiceUnavailable
	}
	return &Problem{
		ErrorModel: model(status, refused.Message), Code: string(refused.Code),
		Field: adcp.Val(refused.Field), Suggestion: adcp.Val(refused.Suggestion),
	}
}

func creativeOf(c *seller.Creative) Creative {
	out := Creative{
		AccountID: c.AccountID, CreativeID: c.ID, Name: c.Asset.Name, Format: c.FormatName(), Status: string(c.Status),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if r := c.Review; !r.At.IsZero() {
		out.Review = &CreativeReview{From: string(r.From), By: r.By, At: r.At, Reason: r.Reason}
	}
	return out
}
