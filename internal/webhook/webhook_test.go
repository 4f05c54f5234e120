package webhook_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

func TestReceiverThatFailsHalfTheTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(monday)
		r := newReceiver(t, c)
		o := newOutbox(t, db, c, nil)
		calls := 0
		r.decide(func(adcp.MCPWebhookPayload) int {
			if calls++; calls%2 == 1 {
				return http.StatusServiceUnavailable
			}
			return http.StatusNoContent
		})
		const resources, each = 3, 5
		for n := range each {
			for res := range resources {
				enqueue(t, db, o, notification(r.URL, fmt.Sprintf("task_%d", res), n))
			}
		}
		for range 100 {
			deliver(t, o)
			if len(letters(t, o, webhook.Pending)) == 0 {
				break
			}
			c.Advance(time.Minute)
		}
		next, keys := map[string]int{}, map[string]bool{}
		for _, p := range r.taken {
			if want := fmt.Sprint(next[p.TaskID]); *p.Message != want {
				t.Errorf("%s: got notification %s, want %s", p.TaskID, *p.Message, want)
			}
			next[p.TaskID]++
			if keys[p.IdempotencyKey] {
				t.Errorf("%s was delivered twice", p.IdempotencyKey)
			}
			keys[p.IdempotencyKey] = true
			if p.OperationID != "op_1" || *p.Token != "a-token-of-the-buyer" {
				t.Errorf("got %+v", p)
			}
		}
		all := map[string]string{}
		for _, p := range r.got {
			what := p.TaskID + *p.Message
			if key := all[what]; key != "" && key != p.IdempotencyKey {
				t.Errorf("%s was tried with two keys", what)
			}
			all[what] = p.IdempotencyKey
		}
		if len(keys) != resources*each || len(letters(t, o, webhook.Delivered)) != resources*each {
			t.Errorf("got %d of %d", len(keys), resources*each)
		}
	})
}

func TestBreakerSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			c := clock.NewSimulated(monday)
			r := newReceiver(t, c)
			r.decide(always(http.StatusInternalServerError))
			cfg := storetest.Config(t, dialect)
			db := storetest.OpenConfig(t, cfg)
			o := newOutbox(t, db, c, nil)
			for n := range 11 {
				enqueue(t, db, o, notification(r.URL, fmt.Sprintf("task_%d", n), 0))
			}
			deliver(t, o)
			wantBreaker(t, o, r.URL, webhook.Open)
			if got := r.calls(); got != 10 {
				t.Errorf("%d calls before the breaker opened, want 10", got)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}

			db = storetest.OpenConfig(t, cfg)
			o = newOutbox(t, db, c, nil)
			wantBreaker(t, o, r.URL, webhook.Open)
			c.Advance(4 * time.Second)
			deliver(t, o)
			if got := r.calls(); got != 10 {
				t.Errorf("%d calls while open, want none more than 10", got)
			}
			// The pause is over: one trial, which fails, and twice the pause.
			c.Advance(2 * time.Second)
			r.decide(func(adcp.MCPWebhookPayload) int {
				wantBreaker(t, o, r.URL, webhook.HalfOpen)
				// Others wait for the trial.
				deliver(t, o)
				return http.StatusInternalServerError
			})
			deliver(t, o)
			_, until, _ := o.Breaker(t.Context(), r.URL)
			if got := r.calls(); got != 11 || !until.Equal(c.Now().Add(10*time.Second)) {
				t.Errorf("%d calls after the trial, open until %v", got, until)
			}
			wantBreaker(t, o, r.URL, webhook.Open)
			c.Advance(2 * time.Minute)
			r.decide(nil)
			deliver(t, o)
			wantBreaker(t, o, r.URL, webhook.Closed)
			if left := letters(t, o, webhook.Pending); len(left) != 0 {
				t.Errorf("%d are left", len(left))
			}
		})
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewSimulated(monday)
		r := newReceiver(t, c)
		r.decide(always(http.StatusBadGateway))
		o := newOutbox(t, db, c, nil)
		enqueue(t, db, o, notification(r.URL, "task", 0), notification(r.URL, "task", 1))
		for c.Now().Before(monday.Add(webhook.GiveUpAfter)) {
			deliver(t, o)
			c.Advance(10 * time.Minute)
			if dead := letters(t, o, webhook.Dead); len(dead) > 0 {
				t.Fatalf("given up at %v", c.Now())
			}
		}
		for range 10 {
			deliver(t, o)
			c.Advance(10 * time.Minute)
		}
		dead := letters(t, o, webhook.Dead)
		if len(dead) != 2 || len(letters(t, o, webhook.Pending)) != 0 || len(r.taken) != 0 {
			t.Fatalf("got %+v", dead)
		}
		tried := r.calls()
		if err := o.Replay(t.Context(), "task-9"); !errors.Is(err, webhook.ErrNotDead) {
			t.Errorf("got %v", err)
		}
		c.Advance(time.Hour)
		r.decide(nil)
		for _, l := range dead {
			if err := o.Replay(t.Context(), l.EventID); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Replay(t.Context(), "task-0"); !errors.Is(err, webhook.ErrNotDead) {
			t.Errorf("a letter that is tried again is replayed: %v", err)
		}
		deliver(t, o)
		if len(r.taken) != 2 || r.calls() != tried+2 || r.taken[0].IdempotencyKey != dead[0].IdempotencyKey {
			t.Errorf("got %+v", r.taken)
		}
	})
}

func TestKilledInBetween(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			c := clock.NewSimulated(monday)
			r := newReceiver(t, c)
			cfg := storetest.Config(t, dialect)
			db := storetest.OpenConfig(t, cfg)
			o := newOutbox(t, db, c, nil)
			enqueue(t, db, o, notification(r.URL, "task", 0), notification(r.URL, "task", 1))
			// The receiver has it, and the process ends before that is written down.
			ctx, kill := context.WithCancel(t.Context())
			r.decide(func(adcp.MCPWebhookPayload) int { kill(); return http.StatusNoContent })
			if _, err := o.DeliverDue(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			r.decide(nil)
			db = storetest.OpenConfig(t, cfg)
			o = newOutbox(t, db, c, nil)
			deliver(t, o)
			if got := r.calls(); got != 1 {
				t.Errorf("%d calls while the attempt may still be under way", got)
			}
			c.Advance(time.Minute)
			deliver(t, o)
			if len(r.got) != 3 || r.got[0].IdempotencyKey != r.got[1].IdempotencyKey || *r.got[2].Message != "1" {
				t.Errorf("got %+v", r.got)
			}
		})
	}
}

func TestQueueDelivers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t, clock.System{})
		var q *job.Queue
		o := newOutbox(t, db, clock.System{}, func(cfg *webhook.Config) { q = cfg.Queue })
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer q.Stop(context.Background())
		failed := errors.New("rolled back")
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := notification(r.URL, "never", 0).enqueue(t.Context(), tx, o); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		enqueue(t, db, o, notification(r.URL, "task", 0), notification(r.URL, "task", 1))
		enqueue(t, db, o, notification(r.URL, "task", 0)) // once is enough
		if err := q.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(r.taken) != 2 || *r.taken[0].Message != "0" || *r.taken[1].Message != "1" {
			t.Errorf("got %+v", r.taken)
		}
	})
}

func TestGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	db, c := storetest.Open(t, store.SQLite), clock.NewSimulated(monday)
	r := newReceiver(t, c)
	r.decide(always(http.StatusGone))
	o := newOutbox(t, db, c, nil)
	enqueue(t, db, o, notification(r.URL, "task", 0))
	deliver(t, o)
	// What was allowed when it was enqueued and is not any more.
	enqueue(t, db, o, notification(r.URL, "task", 1))
	deliver(t, newOutbox(t, db, c, func(cfg *webhook.Config) { cfg.AllowLoopback = false }))
	dead := letters(t, o, webhook.Dead)
	if len(dead) != 2 || r.calls() != 1 {
		t.Fatalf("got %+v after %d calls", dead, r.calls())
	}
	wantBreaker(t, o, r.URL, webhook.Closed)
	for _, l := range dead {
		if l.LastError == "" || l.Attempts != 1 {
			t.Errorf("got %+v", l)
		}
	}
}

func TestSignedWithThePublishedKey(t *testing.T) {
	t.Parallel()
	db, c := storetest.Open(t, store.SQLite), clock.NewSimulated(monday)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.NewKey("key-1", public)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Webhook, KeyID: "key-1", Key: private, Published: key, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile: signing.Webhook, Clock: c, Revocations: signing.RevokedKeys(nil),
		Keys: &signing.KeySet{AgentURL: "https://seller.example/mcp", Keys: []*signing.Key{key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := signing.NewMessage(r, 1<<20)
		if err == nil {
			_, err = verifier.Verify(r.Context(), m)
		}
		if err != nil {
			t.Errorf("call %d: %v", calls, err)
		}
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // signed anew, with another nonce
		}
	}))
	defer srv.Close()
	o := newOutbox(t, db, c, func(cfg *webhook.Config) { cfg.Signer = signer })
	n := notification(srv.URL, "task", 0)
	n.Receiver.Authentication = nil
	enqueue(t, db, o, n)
	deliver(t, o)
	c.Advance(time.Minute)
	deliver(t, o)
	if calls != 2 || len(letters(t, o, webhook.Delivered)) != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o := newOutbox(t, storetest.Open(t, store.SQLite), clock.NewSimulated(monday), func(cfg *webhook.Config) { cfg.AllowLoopback = false })
	auth := func(secret string, schemes ...adcp.AuthenticationScheme) *adcp.PushNotificationConfigAuthentication {
		return &adcp.PushNotificationConfigAuthentication{Schemes: schemes, Credentials: secret}
	}
	const url = "https://buyer.example/hook"
	for name, tt := range map[string]struct {
		c     *adcp.PushNotificationConfig
		field string
	}{
		"None is fine":             {nil, ""},
		"HMAC":                     {&adcp.PushNotificationConfig{URL: url, Authentication: auth(secret, "HMAC-SHA256")}, ""},
		"Bearer":                   {&adcp.PushNotificationConfig{URL: url, Authentication: auth(secret, "Bearer")}, ""},
		"A signature needs a key":  {&adcp.PushNotificationConfig{URL: url}, "push.authentication"},
		"Not two schemes":          {&adcp.PushNotificationConfig{URL: url, Authentication: auth(secret, "Bearer", "HMAC-SHA256")}, "push.authentication"},
		"Nor an unknown one":       {&adcp.PushNotificationConfig{URL: url, Authentication: auth(secret, "Basic")}, "push.authentication"},
		"The secret is long":       {&adcp.PushNotificationConfig{URL: url, Authentication: auth("short", "HMAC-SHA256")}, "push.authentication.credentials"},
		"The address is https":     {&adcp.PushNotificationConfig{URL: "http://buyer.example/", Authentication: auth(secret, "Bearer")}, "push.url"},
		"The address is not local": {&adcp.PushNotificationConfig{URL: "https://169.254.169.254/", Authentication: auth(secret, "Bearer")}, "push.url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := o.Check("push", tt.c)
			if (err == nil) != (tt.field == "") || err != nil && adcp.Val(err.Field) != tt.field {
				t.Errorf("got %v, want field %q", err, tt.field)
			}
		})
	}
}

func TestEnqueueRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	o := newOutbox(t, db, clock.NewSimulated(monday), nil)
	for name, spoil := range map[string]func(*notice){
		"No event":            func(n *notice) { n.EventID = "" },
		"No resource":         func(n *notice) { n.Resource = "" },
		"No registration":     func(n *notice) { n.Registration = "" },
		"An invalid envelope": func(n *notice) { n.Payload.Status = "active" },
		"A bad address":       func(n *notice) { n.Receiver.URL = "http://10.0.0.1/" },
	} {
		n := notification("http://127.0.0.1:1", "task", 0)
		spoil(&n)
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return n.enqueue(t.Context(), tx, o) }); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	n := notification("http://127.0.0.1:1", "task", 0)
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return o.Enqueue(t.Context(), tx, n.Notification) }); !errors.Is(err, webhook.ErrClosed) {
		t.Errorf("who never registered is told: %v", err)
	}
	if list := letters(t, o, ""); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
}
