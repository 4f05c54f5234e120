package seller_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

// mailbox is where a buyer's webhooks arrive.
type mailbox struct {
	*httptest.Server
	mu  sync.Mutex
	got []adcp.MCPWebhookPayload
	// bodies are the same as they came.
	bodies []string
}

func openMailbox(t *testing.T) *mailbox {
	m := new(mailbox)
	m.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var p adcp.MCPWebhookPayload
		if err == nil {
			err = json.Unmarshal(body, &p)
		}
		if err != nil {
			t.Error(err)
		}
		m.mu.Lock()
		m.got, m.bodies = append(m.got, p), append(m.bodies, string(body))
		m.mu.Unlock()
	}))
	t.Cleanup(m.Close)
	return m
}

// push is the registration of a mailbox.
func (m *mailbox) push() object {
	return object{"url": m.URL, "operation_id": "op_1", "authentication": object{
		"schemes": []string{"Bearer"}, "credentials": "0123456789abcdef0123456789abcdef",
	}}
}

// told drains the queue and gives what has arrived.
func (m *mailbox) told(h *house) []adcp.MCPWebhookPayload {
	h.t.Helper()
	if err := h.queue.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

// forget empties the mailbox.
func (m *mailbox) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got, m.bodies = nil, nil
}

func telling(t *testing.T) option {
	return func(c *seller.Config) {
		box, err := secret.New(make([]byte, secret.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		if c.Webhooks, err = webhook.New(webhook.Config{
			Tenant: c.Tenant, Store: c.Store, Queue: c.Queue, Clock: c.Clock, AllowLoopback: true, Secrets: box,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBuyerIsToldOfTheEndOfASubmittedTask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		m := openMailbox(t)
		h := openHouse(t, db, telling(t))
		h.account("buyer", "acme.example")
		wanted := object{"push_notification_config": m.push()}
		ordered := func(request object) string {
			t.Helper()
			resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", with(request, wanted))
			if resp.Status != adcp.TaskStatusSubmitted {
				t.Fatalf("answered %s", resp.Status)
			}
			return *resp.TaskID
		}
		approved, rejected := ordered(h.order(television("20000"))), ordered(h.order(television("10000")))
		if task := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": approved}); !adcp.Val(task.HasWebhook) {
			t.Error("the task says that it has no webhook")
		}
		list := ask[adcp.ListTasksResponse](t, &h.shop, "buyer", "list_tasks", object{"filters": object{"has_webhook": true}})
		if len(list.Tasks) != 2 || !adcp.Val(list.Tasks[0].HasWebhook) {
			t.Errorf("list_tasks found %d with a webhook, want 2", len(list.Tasks))
		}
		if got := m.told(h); len(got) != 0 {
			t.Fatalf("told before anything ended: %+v", got)
		}
		if err := h.service.Approve(t.Context(), approved, jo, ""); err != nil {
			t.Fatal(err)
		}
		done := h.follow(approved)
		got := m.told(h)
		var result adcp.CreateMediaBuyResponse
		if len(got) != 1 || got[0].TaskID != approved || got[0].OperationID != "op_1" ||
			got[0].Status != adcp.TaskStatusCompleted || got[0].TaskType != "create_media_buy" {
			t.Fatalf("told %+v", got)
		}
		if err := json.Unmarshal(got[0].Result, &result); err != nil || result.MediaBuyID == nil || string(got[0].Result) != string(done.Result) {
			t.Errorf("the result is %s, %v; want that of the task", got[0].Result, err)
		}
		if err := h.service.Reject(t.Context(), rejected, jo, "sold out"); err != nil {
			t.Fatal(err)
		}
		got = m.told(h)
		if len(got) != 2 || got[1].TaskID != rejected || got[1].Status != adcp.TaskStatusRejected {
			t.Fatalf("told %+v", got)
		}
		var failed struct{ Errors []adcp.Error }
		if err := json.Unmarshal(got[1].Result, &failed); err != nil || len(failed.Errors) != 1 || failed.Errors[0].Code != adcp.CodePolicyViolation {
			t.Errorf("the result is %s, %v", got[1].Result, err)
		}
		// What the call itself answered is not told again.
		b := h.book(with(h.order(radio("500")), wanted))
		h.change(*b.MediaBuyID, with(wanted, object{"paused": true}))
		// An update that a person must sign is.
		more := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", h.update(*result.MediaBuyID, with(wanted, object{
			"packages": []object{{"package_id": result.Packages[0].PackageID, "budget": json.Number("120000")}},
		})))
		if more.Status != adcp.TaskStatusSubmitted {
			t.Fatalf("answered %s", more.Status)
		}
		if err := h.service.Approve(t.Context(), *more.TaskID, jo, ""); err != nil {
			t.Fatal(err)
		}
		h.follow(*more.TaskID)
		if got = m.told(h); len(got) != 3 || got[2].TaskType != "update_media_buy" || got[2].TaskID != *more.TaskID {
			t.Errorf("told %+v", got)
		}
	})
}

// TestBuyerIsToldWhenTheCallCouldNotWait has the ad server take longer than the call
// waits, while the agent's own clock stands still: the answer is submitted, and so
// the end is told. Where the task ends in time the call tells it, and nothing else.
func TestBuyerIsToldWhenTheCallCouldNotWait(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		m := openMailbox(t)
		h := openHouse(t, db, telling(t), answerWithin(50*time.Millisecond))
		h.account("buyer", "acme.example")
		held := make(chan struct{})
		h.adServer.set(func(m *moody) { m.beforeApply = func(adserver.Order) error { <-held; return nil } })
		request := with(h.order(radio("500")), object{
			"push_notification_config": m.push(), "context": object{"trace": "campaign 7"},
		})
		late := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request)
		if late.Status != adcp.TaskStatusSubmitted || late.MediaBuyID != nil {
			t.Fatalf("answered %s", late.Status)
		}
		close(held)
		done := h.follow(*late.TaskID)
		got := m.told(h)
		if len(got) != 1 || got[0].TaskID != *late.TaskID || got[0].Status != adcp.TaskStatusCompleted || string(got[0].Result) != string(done.Result) {
			t.Fatalf("told %+v", got)
		}
		if !strings.Contains(m.bodies[0], `"context":{"trace":"campaign 7"}`) {
			t.Errorf("the request's context is not in %s", m.bodies[0])
		}
		if err := adcp.ValidateDocument("core/mcp-webhook-payload.json", []byte(m.bodies[0])); err != nil {
			t.Error(err)
		}
		// The same request again is answered as before, and nothing is told twice.
		again := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request)
		if *again.TaskID != *late.TaskID || len(m.told(h)) != 1 {
			t.Errorf("answered %s, told %d times", *again.TaskID, len(m.told(h)))
		}
	})
}

func TestAddressesThatCannotBeTold(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t))
	inside := with(m.push(), object{"url": "https://10.0.0.1/hook"})
	for operation, request := range map[string]object{
		"create_media_buy": h.order(radio("500")),
		"sync_creatives": {"idempotency_key": h.key(), "account": acme, "creatives": []object{{
			"creative_id": "cr_1", "name": "Spot", "format_id": object{"agent_url": agentURL, "id": "audio_30s"}, "assets": object{},
		}}},
		"sync_accounts": {"idempotency_key": h.key(), "accounts": []object{{
			"brand": object{"domain": "acme.example"}, "operator": "acme.example", "billing": "operator",
		}}},
		"get_products": {"buying_mode": "brief", "brief": "radio"},
	} {
		resp := h.do(t, "buyer", operation, with(request, object{"push_notification_config": inside}))
		if resp.Error == nil || adcp.Val(resp.Error.Field) != "push_notification_config.url" {
			t.Errorf("%s answered %s", operation, resp.Body)
		}
	}
}

func TestWhoIsAnsweredAtOnceIsToldHowItEnded(t *testing.T) {
	t.Parallel()
	m := openMailbox(t)
	h := sqliteHouse(t, telling(t), func(c *seller.Config) {
		c.AnswerAtOnce = func(to *adcp.PushNotificationConfig) bool { return to.URL == m.URL }
	})
	request := with(h.order(radio("5000")), object{"push_notification_config": m.push()})
	first := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request)
	if first.Status != adcp.TaskStatusSubmitted || first.MediaBuyID != nil {
		t.Fatalf("answered %s, want submitted", first.Status)
	}
	got := m.told(h)
	if len(got) != 1 || got[0].Status != adcp.TaskStatusCompleted || got[0].TaskID != *first.TaskID {
		t.Fatalf("told %+v, want that the task has completed", got)
	}
	if again := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request); adcp.Val(again.TaskID) != *first.TaskID || again.Status != adcp.TaskStatusSubmitted {
		t.Errorf("the same request again is answered %s, want what it was answered first", again.Status)
	}
	if got := m.told(h); len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
	if other := h.book(h.order(radio("5000"))); other.MediaBuyID == nil {
		t.Error("an order without a receiver is not answered with its media buy")
	}
}
