package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	secrets "github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

const secret = "0123456789abcdef0123456789abcdef"

// monday is when the tests begin.
var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// receiver is a counterparty's server, which checks what is signed with HMAC.
type receiver struct {
	*httptest.Server
	t     *testing.T
	clock clock.Clock
	mu    sync.Mutex
	// answer decides on a call; 204 where nil.
	answer func(p adcp.MCPWebhookPayload) int
	// got are the calls, and taken those that were answered with success.
	got, taken []adcp.MCPWebhookPayload
}

func newReceiver(t *testing.T, c clock.Clock) *receiver {
	r := &receiver{t: t, clock: c}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Errorf("read the webhook: %v", err)
	}
	if strings.HasPrefix(req.URL.Path, "/hmac") {
		verifier, err := signing.NewHMAC(signing.SharedSecretConfig{Secret: secret, Clock: r.clock})
		if err != nil {
			r.t.Error(err)
		} else if err := verifier.Verify(req.Header, body); err != nil {
			r.t.Errorf("the webhook's signature: %v", err)
		}
	}
	if err := adcp.ValidateDocument("core/mcp-webhook-payload.json", body); err != nil {
		r.t.Errorf("the webhook: %v", err)
	}
	var p adcp.MCPWebhookPayload
	if err := json.Unmarshal(body, &p); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, p)
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(p)
	}
	if status < 300 {
		r.taken = append(r.taken, p)
	}
	w.WriteHeader(status)
}

func (r *receiver) calls() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) }

func (r *receiver) decide(answer func(p adcp.MCPWebhookPayload) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func always(status int) func(adcp.MCPWebhookPayload) int {
	return func(adcp.MCPWebhookPayload) int { return status }
}

// newOutbox makes an outbox whose queue is not started, so that only the test
// delivers.
func newOutbox(t *testing.T, db *store.DB, c clock.Clock, change func(*webhook.Config)) *webhook.Outbox {
	t.Helper()
	q, err := job.New(db, job.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := webhook.Config{
		Tenant: "acme", Store: db, Queue: q, Clock: c, AllowLoopback: true, Secrets: box(t),
		Jitter: func(d time.Duration) time.Duration { return d },
	}
	if change != nil {
		change(&cfg)
	}
	o, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// box seals with a key that all tests know.
func box(t *testing.T) *secrets.Box {
	t.Helper()
	b, err := secrets.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func to(url string) adcp.PushNotificationConfig {
	return adcp.PushNotificationConfig{
		URL: url + "/hmac", OperationID: new("op_1"), Token: new("a-token-of-the-buyer"),
		Authentication: &adcp.PushNotificationConfigAuthentication{Schemes: []adcp.AuthenticationScheme{"HMAC-SHA256"}, Credentials: secret},
	}
}

// notice is a notification with the registration it is for.
type notice struct {
	webhook.Notification
	Receiver adcp.PushNotificationConfig
}

func notification(url, resource string, n int) notice {
	event := fmt.Sprintf("%s-%d", resource, n)
	return notice{Receiver: to(url), Notification: webhook.Notification{
		EventID: event, Resource: resource, Registration: "reg-" + event,
		Payload: adcp.MCPWebhookPayload{
			TaskID: resource, TaskType: adcp.TaskTypeCreateMediaBuy, Status: adcp.TaskStatusWorking,
			Message: new(fmt.Sprint(n)), Result: json.RawMessage(`{"percentage":50}`),
		},
	}}
}

func (n notice) enqueue(ctx context.Context, tx *store.Tx, o *webhook.Outbox) error {
	if err := o.Register(ctx, tx, webhook.Registration{ID: n.Registration, Receiver: n.Receiver}); err != nil {
		return err
	}
	return o.Enqueue(ctx, tx, n.Notification)
}

func enqueue(t *testing.T, db *store.DB, o *webhook.Outbox, list ...notice) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		for _, n := range list {
			if err := n.enqueue(t.Context(), tx, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func deliver(t *testing.T, o *webhook.Outbox) {
	t.Helper()
	if _, err := o.DeliverDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func letters(t *testing.T, o *webhook.Outbox, status webhook.Status) []webhook.Letter {
	t.Helper()
	list, err := o.List(t.Context(), status, 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantBreaker(t *testing.T, o *webhook.Outbox, url string, want webhook.BreakerState) {
	t.Helper()
	if got, _, err := o.Breaker(t.Context(), url); err != nil || got != want {
		t.Errorf("the breaker is %s, %v; want %s", got, err, want)
	}
}
