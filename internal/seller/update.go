package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// errMediaBuyNotFound is the one answer for a media buy that does not exist and
// for somebody else's.
func errMediaBuyNotFound() *adcp.Error {
	return refusal(adcp.CodeMediaBuyNotFound, "media_buy_id", "There is no such media buy.").
		WithSuggestion("Find yours with get_media_buys.")
}

// errPending refuses a change while another is on its way to the ad server.
func errPending(b *MediaBuy) *adcp.Error {
	return refusal(adcp.CodeConflict, "media_buy_id", "Another change of this media buy has not finished yet.").
		WithSuggestion("Wait until the task is finished, read the media buy again, and send the change with a new idempotency_key.").
		WithDetails(map[string]any{"resource_id": b.ID, "current_version": b.Revision, "task_id": b.PendingTask})
}

// errStale refuses a change that was made on an older revision.
func errStale(b *MediaBuy, seen int64) *adcp.Error {
	return refusal(adcp.CodeConflict, "revision", "The media buy is at revision %d, not %d.", b.Revision, seen).
		WithSuggestion("Read the media buy with get_media_buys and send the change again, with its revision and a new idempotency_key.").
		WithDetails(map[string]any{"resource_id": b.ID, "expected_version": seen, "current_version": b.Revision})
}

// updateMediaBuy serves update_media_buy: what the request leaves out stays as it
// is. It completes once the ad server holds the change.
func (s *Service) updateMediaBuy(ctx context.Context, call *agent.Call, req *adcp.UpdateMediaBuyRequest) (*adcp.UpdateMediaBuyResponse, error) {
	account, err := s.account(ctx, s.db.Read(), call.Caller, &req.Account)
	if errors.Is(err, errNoRow) {
		return nil, errAccountNotFound("account")
	} else if err != nil {
		return nil, err
	}
	taskID := s.taskID(call, account.ID)
	// A run before this one may have died after it had submitted the task.
	_, err = s.task(ctx, s.db.Read(), taskID)
	if errors.Is(err, errNoRow) {
		var unchanged *MediaBuy
		if unchanged, err = s.change(ctx, call, account, taskID, req); unchanged != nil {
			return s.updatedResponse(unchanged, nil, req.Context), nil
		}
	}
	if err != nil {
		return nil, err
	}
	return answer[adcp.UpdateMediaBuyResponse](s.await(ctx, taskID))
}

// maxRaces bounds how often a change is planned anew because the media buy moved
// on meanwhile, as it does when its flight begins.
const maxRaces = 3

// change plans the update and submits it. Where the media buy is already as the
// request wants it, it is returned and there is no task.
func (s *Service) change(ctx context.Context, call *agent.Call, account *Account, taskID string, req *adcp.UpdateMediaBuyRequest) (*MediaBuy, error) {
	var b *MediaBuy
	for range maxRaces {
		var err error
		b, err = s.mediaBuy(ctx, s.db.Read(), req.MediaBuyID)
		switch {
		case errors.Is(err, errNoRow), err == nil && (b.Principal != call.Principal || b.AccountID != account.ID):
			return nil, errMediaBuyNotFound()
		case err != nil:
			return nil, err
		}
		planned, err := s.planUpdate(ctx, call, b, req)
		if err != nil {
			return nil, err
		}
		if len(planned.done) == 0 {
			return b, nil
		}
		if err := s.governChange(ctx, call, account, planned); err != nil {
			return nil, err
		}
		now := micro(call.Now)
		t := &Task{
			ID: taskID, Principal: call.Principal, AccountID: account.ID, Type: call.Operation.Name,
			Status: adcp.TaskStatusWorking, DecidedBy: "rate_card", DecidedAt: now, CreatedAt: now, Revision: 1,
			Push: req.PushNotificationConfig, Reports: req.ReportingWebhook,
			Change: Change{Actor: call.Principal, Context: req.Context, Note: planned.note, Library: planned.library, Buys: []BuyChange{{
				Buy: planned.buy, Done: planned.done, Affected: planned.affected, Added: len(planned.buy.Packages) - len(b.Packages),
			}}},
		}
		s.desk.hold(t, planned.signatures)
		err = s.db.Tx(ctx, func(tx *store.Tx) error { return s.submit(ctx, tx, t) })
		if !errors.Is(err, errRaced) {
			return nil, err
		}
	}
	return nil, errPending(b)
}

// update is a change of one media buy as planned.
type update struct {
	checks
	before   *MediaBuy
	buy      *MediaBuy // as it is to be
	actor    string
	attempts []attempt
	done     []HistoryEntry
	affected []string
	// library are the creatives that come inside of packages.
	library []*Creative
	// signatures are those that it takes.
	signatures []Signature
	note       string
}

// attempt is an action that the request amounts to, and the field that asks for it.
type attempt struct {
	action Action
	field  string
}

// planUpdate works out the media buy as the request wants it, or why it cannot be.
func (s *Service) planUpdate(ctx context.Context, call *agent.Call, b *MediaBuy, req *adcp.UpdateMediaBuyRequest) (*update, error) {
	u := &update{before: b, buy: b.Clone(), actor: call.Principal}
	canceling := adcp.Val(req.Canceled)
	switch {
	case canceling && b.State.Terminal():
		return nil, s.refuses(b, attempt{ActionCancel, "canceled"})
	case b.State.Terminal():
		return nil, s.refuses(b, attempt{ActionUpdatePackages, "media_buy_id"})
	case req.Revision != nil && *req.Revision != b.Revision:
		return nil, errStale(b, *req.Revision)
	case b.PendingTask != "":
		return nil, errPending(b)
	case canceling:
		u.cancel(call, req)
		return u, nil
	}
	library, err := s.library(ctx, s.db.Read(), b.AccountID)
	if err != nil {
		return nil, err
	}
	u.extras(req)
	s.checkWebhook(&u.checks, req.PushNotificationConfig)
	u.pause(req.Paused)
	u.dates(call, req)
	s.updatePackages(u, call, library, req.Packages)
	if err := s.bindUpdate(ctx, u, req.Packages); err != nil {
		return nil, err
	}
	if err := s.addPackages(ctx, u, call, library, req.NewPackages); err != nil {
		return nil, err
	}
	u.library = uploaded(library)
	u.total()
	if s.checkReports(&u.checks, u.buy, req.ReportingWebhook); req.ReportingWebhook != nil {
		u.done = append(u.done, HistoryEntry{Actor: u.actor, Action: "updated_reporting_webhook"})
	}
	for _, a := range u.attempts {
		if e := s.refuses(b, a); e != nil {
			u.refuse(e)
		}
	}
	if err := u.err(); err != nil {
		return nil, err
	}
	if err := s.coverSpend(ctx, u, req.Packages); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(u.attempts, func(a attempt) bool { return a.action.commits() }) {
		u.signatures = s.desk.signatures(u.buy, false)
	}
	return u, nil
}

// refuses is why the table of actions says no, or nil where it says yes.
func (s *Service) refuses(b *MediaBuy, a attempt) *adcp.Error {
	switch b.State.Permits(a.action, b.Held) {
	case Allowed:
		return nil
	case AlreadyCanceled:
		return refusal(adcp.CodeNotCancellable, a.field, "The media buy is canceled already.")
	case Ended:
		return refusal(adcp.CodeInvalidState, a.field, "The media buy is %s; nothing about it can be changed.", b.State).
			WithSuggestion("Create a new media buy.")
	case NotOffered:
		return refusal(adcp.CodeUnsupportedFeature, a.field, "This seller does not support %s.", a.action)
	}
	return refusal(adcp.CodeActionNotAllowed, a.field, "%s is not possible while the media buy is %s.", a.action, b.State).
		WithSuggestion("Choose among the media buy's available_actions.").
		WithDetails(map[string]any{
			"attempted_action": a.action, "reason": adcp.ActionNotAllowedReasonWrongStatus,
			"currently_available_actions": b.availableActions(s.desk),
		})
}

// attempt notes an action, for the table to judge, and for the history.
func (u *update) attempt(a Action, field, name, packageID, summary string) {
	u.attempts = append(u.attempts, attempt{a, field})
	u.done = append(u.done, HistoryEntry{Actor: u.actor, Action: name, PackageID: packageID, Summary: summary})
}

// cancel ends the media buy. It wins over everything else in the request.
func (u *update) cancel(call *agent.Call, req *adcp.UpdateMediaBuyRequest) {
	u.buy.State, _ = u.buy.State.After(EventCanceled)
	u.buy.Cancellation = &Cancellation{At: micro(call.Now), By: string(adcp.CanceledByBuyer), Reason: adcp.Val(req.CancellationReason)}
	u.attempt(ActionCancel, "canceled", eventAction[EventCanceled], "", adcp.Val(req.CancellationReason))
	if req.Paused != nil || req.StartTime != nil || req.EndTime != nil || req.Packages != nil || req.NewPackages != nil {
		u.note = "The media buy is canceled; everything else in the request was ignored."
	}
}

// extras refuses what the seller would not act on.
func (u *update) extras(req *adcp.UpdateMediaBuyRequest) {
	u.unsupported("invoice_recipient", "a media buy's own invoice recipient", "Set billing_entity on the account with sync_accounts.", req.InvoiceRecipient != nil)
}

// pause pauses or resumes the whole media buy.
func (u *update) pause(paused *bool) {
	if paused == nil || *paused == u.before.Held {
		return
	}
	action, event := ActionResume, EventResumed
	if *paused {
		action, event = ActionPause, EventPaused
	}
	u.buy.Held = *paused
	if to, ok := u.buy.State.After(event); ok {
		u.buy.State = to
	}
	u.attempt(action, "paused", eventAction[event], "", "")
}

// total says what the new budgets of the packages that were there amount to: more,
// less, or the same money elsewhere. Packages that are added bring their own.
func (u *update) total() {
	before, after := u.before.Budget(), money.Micros(0)
	field := ""
	for i := range u.before.Packages {
		p := &u.buy.Packages[i]
		after += p.Budget
		if field == "" && p.Budget != u.before.Packages[i].Budget {
			field = "packages"
		}
	}
	if field == "" {
		return
	}
	action := ActionReallocateBudget
	switch {
	case after > before:
		action = ActionIncreaseBudget
	case after < before:
		action = ActionDecreaseBudget
	}
	c := u.buy.Currency
	u.attempt(action, field, "updated_budget", "", fmt.Sprintf("%s to %s %s", before.Format(c), after.Format(c), c))
}

// coverSpend refuses a budget below what has been delivered. The ad server holds
// to this as well; here the buyer learns what would do.
func (s *Service) coverSpend(ctx context.Context, u *update, packages []adcp.PackageUpdate) error {
	var rows []adserver.HourlyDelivery
	for i, req := range packages {
		before, _ := u.before.Package(req.PackageID)
		after, _ := u.buy.Package(req.PackageID)
		if after.Budget >= before.Budget {
			continue
		}
		if rows == nil {
			var err error
			if rows, err = s.delivered(ctx, adserver.DeliveryQuery{OrderID: u.buy.ID, Step: adserver.StepWhole}); err != nil {
				return err
			}
		}
		var spent money.Micros
		for _, r := range rows {
			if r.LineItemID == after.ID {
				spent += r.Spend
			}
		}
		if after.Budget < spent {
			u.refuse(refusal(adcp.CodeBudgetTooLow, fmt.Sprintf("packages[%d].budget", i), "The package has spent %s %s already.", spent.Format(u.buy.Currency), u.buy.Currency).
				WithSuggestion("Set the budget no lower than what is spent, or pause or cancel the package.").
				WithDetails(map[string]any{"minimum_budget": number(spent), "currency": u.buy.Currency}))
		}
	}
	return u.err()
}

// updatedResponse is the answer of an update that the ad server holds.
func (s *Service) updatedResponse(b *MediaBuy, affected []string, echo json.RawMessage) *adcp.UpdateMediaBuyResponse {
	resp := &adcp.UpdateMediaBuyResponse{
		Status: adcp.TaskStatusCompleted, Context: echo,
		MediaBuyID: new(b.ID), MediaBuyStatus: new(adcp.MediaBuyStatus(b.State)), Revision: new(b.Revision),
		Currency: new(string(b.Currency)), TotalBudget: new(number(b.Budget())),
		ImplementationDate: adcp.Some(b.UpdatedAt), AffectedPackages: []adcp.Package{},
		ValidActions: b.validActions(), AvailableActions: b.availableActions(s.desk),
	}
	b.Governance.show(&resp.GovernanceContext, &resp.Ext)
	for _, id := range affected {
		if p, ok := b.Package(id); ok {
			resp.AffectedPackages = append(resp.AffectedPackages, p.wire())
		}
	}
	return resp
}
