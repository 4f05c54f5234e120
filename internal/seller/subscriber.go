package seller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// Subscriber is an endpoint that is told what happens on an account, whatever media
// buy it concerns (core/notification-config.json). Its credentials are with the
// outbox, sealed, and only while it is active.
type Subscriber struct {
	ID         string                    `json:"id"`
	URL        string                    `json:"url"`
	EventTypes []adcp.NotificationType   `json:"event_types"`
	Scheme     adcp.AuthenticationScheme `json:"scheme,omitzero"`
	// Fingerprint is the SHA-256 of the credentials, in hex; empty without any.
	Fingerprint string          `json:"fingerprint,omitzero"`
	Active      bool            `json:"active"`
	Ext         json.RawMessage `json:"ext,omitzero"`
	// Proven is what the endpoint has proved that it wants: its [Subscriber.claim]
	// at that time.
	Proven string `json:"proven,omitzero"`
	// Registration is the outbox's, while the subscriber is active.
	Registration string `json:"registration,omitzero"`
}

// told are the events that this seller tells subscribers of.
func told() []adcp.NotificationType {
	return []adcp.NotificationType{adcp.NotificationTypeCreativeStatusChanged, adcp.NotificationTypeCreativePurged}
}

// ofMediaBuys are the events of single media buys, which have registrations of their own.
func ofMediaBuys() []adcp.NotificationType {
	return []adcp.NotificationType{
		adcp.NotificationTypeScheduled, adcp.NotificationTypeFinal, adcp.NotificationTypeDelayed,
		adcp.NotificationTypeAdjusted, adcp.NotificationTypeImpairment,
	}
}

// maxProofs is how many endpoints one request may have called: proofs are awaited.
const maxProofs = 32

// subscription is what an entry of sync_accounts wants of its account's subscribers,
// looked at, and proved where they are to be active.
type subscription struct {
	account string
	list    []Subscriber
	configs []adcp.NotificationConfig
	problem *adcp.Error
}

// subscriptions looks at the subscribers that entries bring, before the transaction
// that takes them: endpoints that are new have to prove themselves, over the network.
// A rehearsal calls nobody.
func (s *Service) subscriptions(ctx context.Context, call *agent.Call, req *adcp.SyncAccountsRequest) (map[int]*subscription, error) {
	all := map[int]*subscription{}
	var proofs []proof
	for i := range req.Accounts {
		e := &req.Accounts[i]
		if e.NotificationConfigs == nil {
			continue
		}
		const at = "notification_configs" // of the account, whose own errors tell of it
		sub := &subscription{configs: e.NotificationConfigs, list: []Subscriber{}}
		all[i] = sub
		key, current, err := s.syncedAccount(ctx, s.db.Read(), call, e)
		if err != nil {
			return nil, err
		}
		if current == nil && !call.SeesAccount(s.accountID(call.Principal, key)) {
			continue // refused where the entry is taken
		}
		sub.account = s.accountID(call.Principal, key)
		var known []Subscriber
		if current != nil {
			sub.account, known = current.ID, current.Terms.Subscribers
		}
		if sub.problem = s.checkSubscribers(at, sub.configs); sub.problem != nil {
			continue
		}
		for j := range sub.configs {
			sub.list = append(sub.list, subscriberOf(&sub.configs[j], known))
		}
		for j := range sub.list {
			if b := &sub.list[j]; b.Active && b.Proven != b.claim(sub.account) {
				proofs = append(proofs, proof{sub, b, fmt.Sprintf("%s[%d].url", at, j)})
			}
		}
	}
	if adcp.Val(req.DryRun) {
		for _, p := range proofs {
			p.who.Active = false // until it has proved itself
		}
		return all, nil
	}
	if len(proofs) > maxProofs {
		return nil, refusal(adcp.CodeValidationError, "accounts", "The request brings %d endpoints that would have to prove themselves; %d at most are called at a time.", len(proofs), maxProofs).
			WithSuggestion("Send them in several requests, or pause some with active: false.")
	}
	return all, s.prove(ctx, proofs)
}

// checkSubscribers is why an account cannot have these subscribers, or nil. What the
// request's schema says of each holds already.
func (s *Service) checkSubscribers(at string, configs []adcp.NotificationConfig) *adcp.Error {
	if s.webhooks == nil && len(configs) > 0 {
		return refusal(adcp.CodeUnsupportedFeature, at, "This seller does not send notifications.").
			WithSuggestion("Leave notification_configs out and read with get_media_buys and list_creatives.")
	}
	seen := map[string]bool{}
	for j, c := range configs {
		at := fmt.Sprintf("%s[%d]", at, j)
		if seen[c.SubscriberID] {
			return refusal(adcp.CodeValidationError, at+".subscriber_id", "The account has two subscribers named %q.", c.SubscriberID).
				WithSuggestion("Give each subscriber of an account a subscriber_id of its own.")
		}
		seen[c.SubscriberID] = true
		for k, event := range c.EventTypes {
			field := fmt.Sprintf("%s.event_types[%d]", at, k)
			switch {
			case slices.Contains(ofMediaBuys(), event):
				return refusal(adcp.CodeValidationError, field, "%s is an event of single media buys, not of accounts.", event).
					WithSuggestion("Leave it out here, and name a receiver when you create the media buy.")
			case !slices.Contains(told(), event):
				return refusal(adcp.CodeUnsupportedFeature, field, "This seller does not tell of %s.", event).
					WithSuggestion("Choose among creative.status_changed and creative.purged.")
			}
		}
		receiver := receiverOf(&c)
		if problem := s.webhooks.Check(at, &receiver); problem != nil {
			return problem
		}
	}
	return nil
}

// proof is a subscriber whose endpoint has yet to prove itself, and the field that
// names it.
type proof struct {
	of    *subscription
	who   *Subscriber
	field string
}

// prove has endpoints prove themselves, all at a time. An account with one that does
// not keeps the subscribers it has. What an address answered is not said: the caller
// may not be its owner.
func (s *Service) prove(ctx context.Context, proofs []proof) error {
	failed := make([]error, len(proofs))
	var wg sync.WaitGroup
	for i, p := range proofs {
		wg.Go(func() { failed[i] = s.webhooks.Prove(ctx, p.who.URL, s.challenge(p.of.account, p.who)) })
	}
	wg.Wait()
	for i, p := range proofs {
		switch err := failed[i]; {
		case err == nil:
			p.who.Proven = p.who.claim(p.of.account)
		case !errors.Is(err, webhook.ErrUnproven):
			return err
		case p.of.problem == nil:
			p.of.problem = refusal(adcp.CodeValidationError, p.field, "The endpoint did not prove that it expects these notifications.").
				WithSuggestion(`Have it verify the signed challenge and answer 200 with {"challenge": "…"}, or send active: false.`)
		}
	}
	return nil
}

// challenge is what the subscriber's endpoint is asked to agree to.
func (s *Service) challenge(account string, b *Subscriber) adcp.WebhookChallenge {
	c := adcp.WebhookChallenge{
		AccountID: account, SubscriberID: b.ID, SellerAgentURL: s.endpoint, EventTypes: b.EventTypes,
		DeliveryAuth: adcp.WebhookChallengeDeliveryAuth{Mode: adcp.WebhookChallengeDeliveryAuthModeRfc9421},
	}
	if b.Scheme != "" {
		c.DeliveryAuth.Mode = adcp.WebhookChallengeDeliveryAuthMode(b.Scheme)
		c.DeliveryAuth.CredentialFingerprint = new(b.Fingerprint)
	}
	return c
}

// subscriberOf is the subscriber that a config asks for. What was proved of one
// known by that name stays proved.
func subscriberOf(c *adcp.NotificationConfig, known []Subscriber) Subscriber {
	b := Subscriber{ID: c.SubscriberID, URL: c.URL, EventTypes: c.EventTypes, Active: c.Active == nil || *c.Active, Ext: c.Ext}
	if c.Authentication != nil {
		b.Scheme = c.Authentication.Schemes[0]
		sum := sha256.Sum256([]byte(adcp.Val(c.Authentication.Credentials)))
		b.Fingerprint = hex.EncodeToString(sum[:])
	}
	if i := slices.IndexFunc(known, func(k Subscriber) bool { return k.ID == b.ID }); i >= 0 {
		b.Proven = known[i].Proven
	}
	return b
}

// claim is what a proof is good for: all of the account, the name, the address, the
// authentication and the events. The order of the events makes no difference.
func (b *Subscriber) claim(account string) string {
	events := make([]string, len(b.EventTypes))
	for i, e := range b.EventTypes {
		events[i] = string(e)
	}
	slices.Sort(events)
	return id.Derive("proof", account, b.ID, b.URL, string(b.Scheme), b.Fingerprint, strings.Join(events, " "))
}

// receiverOf is the subscriber's endpoint as the outbox knows receivers.
func receiverOf(c *adcp.NotificationConfig) adcp.PushNotificationConfig {
	r := adcp.PushNotificationConfig{URL: c.URL}
	if c.Authentication != nil {
		r.Authentication = &adcp.PushNotificationConfigAuthentication{
			Schemes: c.Authentication.Schemes, Credentials: adcp.Val(c.Authentication.Credentials),
		}
	}
	return r
}

// subscribe has the account told by the subscription's subscribers and nobody else,
// in the transaction that saves them. An active subscriber that stays as it was
// keeps its registration, and the order of what it is told.
func (s *Service) subscribe(ctx context.Context, tx *store.Tx, sub *subscription, a *Account) error {
	stay := map[string]bool{}
	for j := range sub.list {
		b := &sub.list[j]
		if !b.Active {
			continue
		}
		b.Registration = id.Derive("sub", a.ID, fmt.Sprint(a.Revision), b.claim(a.ID))
		if i := slices.IndexFunc(a.Terms.Subscribers, func(k Subscriber) bool {
			return k.Active && k.claim(a.ID) == b.claim(a.ID)
		}); i >= 0 {
			b.Registration = a.Terms.Subscribers[i].Registration
		}
		stay[b.Registration] = true
		if err := s.webhooks.Register(ctx, tx, webhook.Registration{ID: b.Registration, Receiver: receiverOf(&sub.configs[j])}); err != nil {
			return err
		}
	}
	for _, b := range a.Terms.Subscribers {
		if b.Registration != "" && !stay[b.Registration] {
			if err := s.webhooks.Close(ctx, tx, b.Registration); err != nil {
				return err
			}
		}
	}
	a.Terms.Subscribers = sub.list
	return nil
}

// notificationConfigs are the account's subscribers as the wire shows them: without
// credentials. Nil is an account that never had any.
func (t AccountTerms) notificationConfigs() []adcp.NotificationConfig {
	if t.Subscribers == nil {
		return nil
	}
	list := make([]adcp.NotificationConfig, len(t.Subscribers))
	for i, b := range t.Subscribers {
		list[i] = adcp.NotificationConfig{SubscriberID: b.ID, URL: b.URL, EventTypes: b.EventTypes, Active: new(b.Active), Ext: b.Ext}
		if b.Scheme != "" {
			list[i].Authentication = &adcp.NotificationConfigAuthentication{Schemes: []adcp.AuthenticationScheme{b.Scheme}}
		}
	}
	return list
}
