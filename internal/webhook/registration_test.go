package webhook_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

func registered(t *testing.T, db *store.DB, id string) bool {
	t.Helper()
	_, err := db.Read().WebhookRegistration(t.Context(), store.WebhookRegistrationParams{Tenant: "acme", RegistrationID: id})
	if err != nil && !errors.Is(err, store.ErrNoRow) {
		t.Fatal(err)
	}
	return err == nil
}

func closeRegistration(t *testing.T, db *store.DB, o *webhook.Outbox, id string) {
	t.Helper()
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return o.Close(t.Context(), tx, id) }); err != nil {
		t.Fatal(err)
	}
}

func TestSecretsAreSealedAndGoWithTheLastLetter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(monday)
		r := newReceiver(t, c)
		o := newOutbox(t, db, c, nil)
		n := notification(r.URL, "task", 0)
		enqueue(t, db, o, n)
		row, err := db.Read().WebhookRegistration(t.Context(), store.WebhookRegistrationParams{Tenant: "acme", RegistrationID: n.Registration})
		if err != nil {
			t.Fatal(err)
		}
		letter := letters(t, o, webhook.Pending)[0]
		if stored := row.Sealed + string(letter.Body); strings.Contains(stored, secret) || strings.Contains(stored, *n.Receiver.Token) || row.Sealed == "" {
			t.Errorf("a secret is stored in the clear: %s", stored)
		}
		closeRegistration(t, db, o, n.Registration)
		if !registered(t, db, n.Registration) {
			t.Fatal("the registration is gone while a letter waits")
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			late := n.Notification
			late.EventID = "late"
			return o.Enqueue(t.Context(), tx, late)
		}); !errors.Is(err, webhook.ErrClosed) {
			t.Errorf("a closed registration is told: %v", err)
		}
		deliver(t, o)
		if len(r.taken) != 1 || *r.taken[0].Token != *n.Receiver.Token {
			t.Errorf("got %+v", r.taken)
		}
		if registered(t, db, n.Registration) {
			t.Error("the secrets outlive the last letter")
		}
	})
}

func TestDeadLettersKeepTheirSecretsForAMonth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(monday)
		r := newReceiver(t, c)
		r.decide(always(http.StatusGone))
		o := newOutbox(t, db, c, nil)
		replayed, forgotten := notification(r.URL, "task_1", 0), notification(r.URL, "task_2", 0)
		enqueue(t, db, o, replayed, forgotten)
		deliver(t, o)
		closeRegistration(t, db, o, replayed.Registration)
		closeRegistration(t, db, o, forgotten.Registration)
		r.decide(nil)
		c.Advance(29 * 24 * time.Hour)
		prune(t, o)
		if err := o.Replay(t.Context(), replayed.EventID); err != nil {
			t.Fatal(err)
		}
		deliver(t, o)
		if len(r.taken) != 1 || registered(t, db, replayed.Registration) {
			t.Errorf("got %d; the secrets are there still: %t", len(r.taken), registered(t, db, replayed.Registration))
		}
		c.Advance(2 * 24 * time.Hour)
		prune(t, o)
		if registered(t, db, forgotten.Registration) || len(letters(t, o, webhook.Dead)) != 0 {
			t.Error("what was given up a month ago is kept")
		}
		if len(letters(t, o, webhook.Delivered)) != 1 {
			t.Error("what was delivered this week is gone")
		}
		c.Advance(6 * 24 * time.Hour)
		prune(t, o)
		if len(letters(t, o, "")) != 0 {
			t.Error("what was delivered more than a week ago is kept")
		}
	})
}

func prune(t *testing.T, o *webhook.Outbox) {
	t.Helper()
	if err := o.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOtherFormsAndDocuments(t *testing.T) {
	t.Parallel()
	db, c := storetest.Open(t, store.SQLite), clock.NewSimulated(monday)
	var got []string
	var tokens []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, tokens = append(got, string(body)), append(tokens, r.Header.Get(webhook.TokenHeader))
	}))
	defer srv.Close()
	o := newOutbox(t, db, c, func(cfg *webhook.Config) {
		cfg.Forms = map[string]webhook.Form{"short": func(p adcp.MCPWebhookPayload) ([]byte, error) {
			return json.Marshal(map[string]string{"key": p.IdempotencyKey, "id": p.TaskID})
		}}
	})
	receiver := to(srv.URL)
	event := func() map[string]any {
		return map[string]any{
			"notification_id": "n_1", "notification_type": "creative.purged", "fired_at": "2026-11-16T09:00:00Z", "subscriber_id": "primary",
			"account_id": "acct_1", "creative_id": "cr_1", "purged_at": "2026-11-16T09:00:00Z", "purge_kind": "soft", "reason_code": "retention_expired", "initiator": "seller",
		}
	}
	tell := func(reg webhook.Registration, n webhook.Notification) error {
		return db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := o.Register(t.Context(), tx, reg); err != nil {
				return err
			}
			return o.Enqueue(t.Context(), tx, n)
		})
	}
	short := notification(srv.URL, "task", 0).Notification
	short.Registration = "short"
	if err := tell(webhook.Registration{ID: "short", Receiver: receiver, Form: "short"}, short); err != nil {
		t.Fatal(err)
	}
	purged := webhook.Notification{
		EventID: "purged", Resource: "cr_1", Registration: "plain",
		Event: &webhook.Event{Schema: "creative/creative-purged-webhook.json", Document: event()},
	}
	if err := tell(webhook.Registration{ID: "plain", Receiver: receiver}, purged); err != nil {
		t.Fatal(err)
	}
	deliver(t, o)
	if len(got) != 2 || tokens[0]+tokens[1] != *receiver.Token {
		t.Fatalf("got %q with tokens %q", got, tokens)
	}
	wrong := event()
	delete(wrong, "creative_id")
	purged.EventID, purged.Event.Document = "wrong", wrong
	if err := tell(webhook.Registration{ID: "plain", Receiver: receiver}, purged); err == nil {
		t.Error("a document that breaks its schema is sent")
	}
	if err := tell(webhook.Registration{ID: "odd", Receiver: receiver, Form: "odd"}, short); err == nil {
		t.Error("a form that there is none of is registered")
	}
}
