package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// An agent of the kit, its tasks in the database and the outbox beside them: a call
// that is answered later tells its end with the operation's own result, from the
// transaction that ends it.
func TestTasksAreToldOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		now := clock.NewSimulated(monday)
		r := newReceiver(t, now)
		o := newOutbox(t, db, now, nil)
		tasks := agent.NewTasks(agent.TasksConfig{Clock: now, Store: db.Tasks(), Notifier: o.Tasks()})
		a := agent.New(agent.Config{Clock: now, Authenticator: agent.AuthenticatorFunc(func(context.Context, agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "acme", Principal: "buyer"}, nil
		})})
		agent.HandleTasks(a, tasks)
		agent.Handle(a, adcp.CreateMediaBuy, func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
			return nil, agent.Submitted("A person signs.")
		})
		order := func(key, push string) (string, *adcp.Error) {
			resp := a.Do(ctx, agent.Request{Operation: "create_media_buy", Arguments: json.RawMessage(`{"idempotency_key":"` + key + `",` +
				`"context":{"mine":1},"account":{"account_id":"mine"},"brand":{"domain":"acme.example"},"start_time":"asap","end_time":"2030-01-01T00:00:00Z",` +
				`"packages":[{"product_id":"p","pricing_option_id":"cpm","budget":10}]` + push + `}`)})
			var body struct {
				TaskID string `json:"task_id"`
			}
			if err := json.Unmarshal(resp.Body, &body); err != nil {
				t.Fatal(err)
			}
			return body.TaskID, resp.Error
		}
		receiver, err := json.Marshal(to(r.URL))
		if err != nil {
			t.Fatal(err)
		}
		push := `,"push_notification_config":` + string(receiver)

		if _, refusal := order("key-of-a-bad-address", `,"push_notification_config":{"url":"ftp://buyer.example/"}`); refusal == nil || refusal.Code != adcp.CodeValidationError {
			t.Errorf("a bad address: %v", refusal)
		}
		quiet, _ := order("key-of-a-quiet-order", "")
		id, refusal := order("key-of-a-loud-order-1", push)
		if refusal != nil {
			t.Fatal(refusal)
		}
		problem := adcp.NewError(adcp.CodePolicyViolation, "", "Not here.")
		if err := tasks.Reject(ctx, "acme", quiet, problem); err != nil {
			t.Fatal(err)
		}
		if err := tasks.Work(ctx, "acme", id, "At it.", nil); err != nil {
			t.Fatal(err)
		}
		bought := &adcp.CreateMediaBuyResponse{
			MediaBuyID: new("mb_1"), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart), Revision: new(int64(1)),
			ConfirmedAt: adcp.Some(monday), Packages: []adcp.Package{},
		}
		broken := errors.New("broken")
		if err := db.Tx(ctx, func(tx *store.Tx) error {
			return errors.Join(tasks.Complete(store.WithTx(ctx, tx), "acme", id, bought), broken)
		}); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		deliver(t, o)
		if r.calls() != 1 {
			t.Fatalf("%d webhooks before the end, want the one of the work", r.calls())
		}
		if err := tasks.Complete(ctx, "acme", id, bought); err != nil {
			t.Fatal(err)
		}
		deliver(t, o)
		if r.calls() != 2 {
			t.Fatalf("%d webhooks, want 2", r.calls())
		}
		working, done := r.taken[0], r.taken[1]
		if working.Status != adcp.TaskStatusWorking || adcp.Val(working.Message) != "At it." {
			t.Errorf("told %+v", working)
		}
		if done.Status != adcp.TaskStatusCompleted || done.TaskID != id || !strings.Contains(string(done.Result), `"media_buy_id":"mb_1"`) {
			t.Errorf("told %+v", done)
		}
		if err := tasks.Complete(ctx, "acme", id, bought); err != nil {
			t.Errorf("completed again: %v", err)
		}
		loud, _ := order("key-of-a-loud-order-2", push)
		if err := tasks.Fail(ctx, "acme", loud, problem); err != nil {
			t.Fatal(err)
		}
		deliver(t, o)
		if failed := r.taken[len(r.taken)-1]; r.calls() != 3 || failed.Status != adcp.TaskStatusFailed || !strings.Contains(string(failed.Result), "POLICY_VIOLATION") {
			t.Errorf("%d webhooks, the last %+v", r.calls(), failed)
		}
	})
}
