package seller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// creativeReasons say why a creative moves by the seller's own doing, where whoever
// moves it says no more (enums/creative-event-reason-code.json). What is not here is
// no move that subscribers are told of.
var creativeReasons = map[adcp.CreativeStatus]map[adcp.CreativeStatus]adcp.CreativeEventReasonCode{
	adcp.CreativeStatusProcessing: {
		adcp.CreativeStatusPendingReview: adcp.CreativeEventReasonCodeReviewPassed,
		adcp.CreativeStatusRejected:      adcp.CreativeEventReasonCodeProcessingFailure,
	},
	adcp.CreativeStatusPendingReview: {
		adcp.CreativeStatusApproved: adcp.CreativeEventReasonCodeReviewPassed,
		adcp.CreativeStatusRejected: adcp.CreativeEventReasonCodeReviewFailure,
	},
	adcp.CreativeStatusApproved: {
		adcp.CreativeStatusPendingReview: adcp.CreativeEventReasonCodeSellerRereview,
		adcp.CreativeStatusSuspended:     adcp.CreativeEventReasonCodePolicyRevocation,
		adcp.CreativeStatusRejected:      adcp.CreativeEventReasonCodePolicyRevocation,
		adcp.CreativeStatusArchived:      adcp.CreativeEventReasonCodeSellerArchive,
	},
	adcp.CreativeStatusSuspended: {
		adcp.CreativeStatusApproved: adcp.CreativeEventReasonCodeReviewPassed,
		adcp.CreativeStatusRejected: adcp.CreativeEventReasonCodePolicyRevocation,
	},
}

// tellCreative tells the account's subscribers that the seller has moved a creative,
// in the transaction that does. It is called before the creative is saved. What a
// buyer does to its own creatives is not told.
func (s *Service) tellCreative(ctx context.Context, tx *store.Tx, t *Task, c *Creative) error {
	if s.webhooks == nil || t.Principal != "" {
		return nil
	}
	r, err := row(tx.Creative(ctx, store.CreativeParams{Tenant: s.tenant, AccountID: c.AccountID, CreativeID: c.ID}))
	if errors.Is(err, errNoRow) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creative %s: %w", c.ID, err)
	}
	from := adcp.CreativeStatus(r.Status)
	if _, told := creativeReasons[from][c.Status]; !told {
		return nil
	}
	reason := c.Review.Code
	change := id.Derive("creative_change", c.AccountID, c.ID, fmt.Sprint(r.Revision))
	return s.tellSubscribers(ctx, tx, c.AccountID, adcp.NotificationTypeCreativeStatusChanged, accountEvent{
		name: change, resource: c.ID, schema: "creative/creative-status-changed-webhook.json",
		document: func(subscriber string, now time.Time) any {
			return adcp.CreativeStatusChangedWebhook{
				NotificationID: change, NotificationType: string(adcp.NotificationTypeCreativeStatusChanged),
				FiredAt: now, SubscriberID: subscriber, AccountID: c.AccountID, CreativeID: c.ID,
				Transition: adcp.CreativeStatusChangedWebhookTransition{
					From: adcp.CreativeStatusChangedWebhookTransitionFrom(from), To: c.Status, ObservedAt: c.UpdatedAt,
				},
				ReasonCode: reason, ReasonDetail: optional(t.Change.Note), Initiator: adcp.CreativeStatusChangedWebhookInitiatorSeller,
			}
		},
	})
}

// accountEvent is something that happened on an account.
type accountEvent struct {
	// name is the event's own, and resource what it happened to.
	name, resource string
	// schema is the document's.
	schema   string
	document func(subscriber string, now time.Time) any
}

// tellSubscribers tells an event to all that want it of the account's subscribers.
func (s *Service) tellSubscribers(ctx context.Context, tx *store.Tx, accountID string, kind adcp.NotificationType, e accountEvent) error {
	r, err := row(tx.SellerAccountOfAnyone(ctx, store.SellerAccountOfAnyoneParams{Tenant: s.tenant, AccountID: accountID}))
	if err != nil {
		return fmt.Errorf("subscribers of %s: %w", accountID, err)
	}
	a, err := accountOf(r)
	if err != nil {
		return err
	}
	for i := range a.Terms.Subscribers {
		b := &a.Terms.Subscribers[i]
		if !b.Active || b.Registration == "" || !slices.Contains(b.EventTypes, kind) {
			continue
		}
		err := s.webhooks.Enqueue(ctx, tx, webhook.Notification{
			EventID: id.Derive("event", e.name, b.Registration), Resource: e.resource, Registration: b.Registration,
			Event: &webhook.Event{Schema: e.schema, Document: e.document(b.ID, s.now())},
		})
		if refused, ok := errors.AsType[*adcp.Error](err); ok {
			// What cannot be told must not keep it from happening.
			s.log.ErrorContext(ctx, "an event of an account cannot be told", "account", accountID, "event", e.name, "error", refused)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
