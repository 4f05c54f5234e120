package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/seller/audience"
)

// actor is who the seller's books say has moved things.
const actor = "sandbox"

// moved is the answer of a forced transition; staying is one too.
func moved[S ~string](what, id string, from, to S) *adcp.ComplyTestControllerResponse {
	return &adcp.ComplyTestControllerResponse{
		Success: true, PreviousState: new(string(from)), CurrentState: adcp.Some(string(to)),
		Message: new(fmt.Sprintf("%s %s went from %s to %s", what, id, from, to)),
	}
}

// forceAccountStatus moves an account.
func (d *Controller) forceAccountStatus(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		AccountID string             `json:"account_id"`
		Status    adcp.AccountStatus `json:"status"`
	}](r)
	if err != nil {
		return nil, err
	}
	from, err := d.Seller.MoveAccount(ctx, r.call.Principal, p.AccountID, p.Status, actor)
	if err != nil {
		return nil, err
	}
	return moved("account", p.AccountID, from, p.Status), nil
}

// creativeParams are those of the scenarios about a creative in the library.
type creativeParams struct {
	CreativeID      string                       `json:"creative_id"`
	Status          adcp.CreativeStatus          `json:"status"`
	RejectionReason string                       `json:"rejection_reason"`
	ReasonDetail    string                       `json:"reason_detail"`
	ReasonCode      adcp.CreativeEventReasonCode `json:"reason_code"`
}

// forceCreativeStatus moves a creative, and has the ad server serve it or not.
func (d *Controller) forceCreativeStatus(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[creativeParams](r)
	if err != nil {
		return nil, err
	}
	decision := seller.CreativeDecision{
		Principal: r.call.Principal, AccountID: r.call.AccountID, CreativeID: p.CreativeID, Status: p.Status,
		Reason: p.RejectionReason, Code: p.ReasonCode, Actor: actor,
	}
	if decision.Reason == "" {
		decision.Reason = p.ReasonDetail
	}
	from, err := d.Seller.MoveCreative(ctx, decision)
	if err != nil {
		return nil, err
	}
	return moved("creative", p.CreativeID, from, p.Status), nil
}

// forceMediaBuyStatus moves a media buy, and has the ad server hold it so.
func (d *Controller) forceMediaBuyStatus(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		MediaBuyID      string       `json:"media_buy_id"`
		Status          seller.State `json:"status"`
		RejectionReason string       `json:"rejection_reason"`
	}](r)
	if err != nil {
		return nil, err
	}
	from, err := d.Seller.MoveMediaBuy(ctx, seller.Move{
		Principal: r.call.Principal, MediaBuyID: p.MediaBuyID, To: p.Status, Reason: p.RejectionReason, Actor: actor,
	})
	if err != nil {
		return nil, err
	}
	return moved("media buy", p.MediaBuyID, from, p.Status), nil
}

// audienceStatuses are the states that an audience can be forced into.
var audienceStatuses = []adcp.AudienceStatus{
	adcp.AudienceStatusProcessing, adcp.AudienceStatusReady, adcp.AudienceStatusTooSmall, adcp.AudienceStatusSuspended,
}

// forceAudienceStatus moves an audience that the principal has handed in.
func (d *Controller) forceAudienceStatus(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		AudienceID string                    `json:"audience_id"`
		Status     adcp.AudienceStatus       `json:"status"`
		Reason     adcp.ImpairmentReasonCode `json:"reason"`
	}](r)
	switch {
	case err != nil:
		return nil, err
	case p.AudienceID == "":
		return nil, invalid("params.audience_id", "audience_id is missing.")
	case !slices.Contains(audienceStatuses, p.Status):
		return nil, invalid("params.status", "There is no status %q of an audience.", p.Status)
	}
	from, err := d.Seller.Audiences().SetStatus(ctx, r.call.Principal, r.call.AccountID, p.AudienceID, p.Status, p.Reason)
	if errors.Is(err, audience.ErrUnknown) {
		return nil, notFound("params.audience_id", "audience", p.AudienceID)
	}
	if err != nil {
		return nil, err
	}
	return moved("audience", p.AudienceID, from, p.Status), nil
}
