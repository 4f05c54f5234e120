package seller_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func owner(principal string) agent.Caller { return agent.Caller{Tenant: "shop", Principal: principal} }

func TestTheSalesDeskAsks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		m := openMailbox(t)
		h := openHouse(t, db, telling(t))
		h.account("buyer", "acme.example")
		resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", with(h.order(television("20000")), object{"push_notification_config": m.push()}))
		taskID := *resp.TaskID
		if err := h.service.Ask(ctx, taskID, jo, "Is the final all right too?"); err != nil {
			t.Fatal(err)
		}
		got := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID})
		if got.Status != adcp.TaskStatusInputRequired || adcp.Val(got.Message) != "Is the final all right too?" {
			t.Errorf("the task is %s, %v", got.Status, got.Message)
		}
		told := m.told(h)
		if len(told) != 1 || told[0].Status != adcp.TaskStatusInputRequired || adcp.Val(told[0].Message) != "Is the final all right too?" {
			t.Errorf("told %+v", told)
		}
		pending, err := h.service.Approvals(ctx, false)
		if err != nil || len(pending) != 1 || pending[0].Status != adcp.TaskStatusInputRequired {
			t.Errorf("pending %+v, %v", pending, err)
		}
		if _, refusal := h.agent.AnswerTask(ctx, owner("other"), taskID, agent.TaskInput{Text: "no"}); refusal == nil || refusal.Code != adcp.CodeReferenceNotFound {
			t.Errorf("somebody else answered: %v", refusal)
		}

		h.advance(today.Add(time.Hour))
		task, refusal := h.agent.AnswerTask(ctx, owner("buyer"), taskID, agent.TaskInput{Text: "Yes."})
		if refusal != nil || task.Status != adcp.TaskStatusSubmitted || task.Message != "" {
			t.Fatalf("answered: %+v, %v", task, refusal)
		}
		_, refusal = h.agent.AnswerTask(ctx, owner("buyer"), taskID, agent.TaskInput{Text: "Yes, yes."})
		if refusal == nil || refusal.Code != adcp.CodeInvalidState {
			t.Errorf("answered twice: %v", refusal)
		}
		got = ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID, "include_history": true})
		if len(got.History) != 2 || string(got.History[1].Data) != `{"message":"Yes."}` {
			t.Errorf("history %+v", got.History)
		}
		if err := h.service.Approve(ctx, taskID, jo, ""); err != nil {
			t.Fatal(err)
		}
		if done := h.follow(taskID); done.Status != adcp.TaskStatusCompleted {
			t.Errorf("the task is %s", done.Status)
		}
		if told = m.told(h); len(told) != 2 || told[1].Status != adcp.TaskStatusCompleted {
			t.Errorf("told %+v", told)
		}
		if err := h.service.Ask(ctx, taskID, jo, "And?"); !errors.Is(err, seller.ErrNotPending) {
			t.Errorf("asked about what is decided: %v", err)
		}
	})
}

func TestADecisionNeedsNoAnswer(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, approveAfter(time.Hour))
	ctx := context.Background()
	taskID := h.submit(television("20000"))
	if err := h.service.Ask(ctx, taskID, jo, "Sure?"); err != nil {
		t.Fatal(err)
	}
	h.advance(today.Add(2 * time.Hour))
	if got := h.status(taskID); got != adcp.TaskStatusInputRequired {
		t.Errorf("the policy decided while the buyer was asked: %s", got)
	}
	if err := h.service.Reject(ctx, taskID, jo, "no answer"); err != nil {
		t.Fatal(err)
	}
	if got := h.status(taskID); got != adcp.TaskStatusRejected {
		t.Errorf("the task is %s", got)
	}
}

func TestABuyerWithdrawsWhatNobodyHasDecidedOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		m := openMailbox(t)
		h := openHouse(t, db, telling(t))
		h.account("buyer", "acme.example")
		request := with(h.order(television("20000")), object{"push_notification_config": m.push()})
		taskID := *ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", request).TaskID
		if _, refusal := h.agent.CancelTask(ctx, owner("other"), taskID); refusal == nil || refusal.Code != adcp.CodeReferenceNotFound {
			t.Errorf("somebody else canceled: %v", refusal)
		}
		task, refusal := h.agent.CancelTask(ctx, owner("buyer"), taskID)
		if refusal != nil || task.Status != adcp.TaskStatusCanceled || task.CompletedAt.IsZero() {
			t.Fatalf("canceled: %+v, %v", task, refusal)
		}
		if told := m.told(h); len(told) != 1 || told[0].Status != adcp.TaskStatusCanceled {
			t.Errorf("told %+v", told)
		}
		if _, refusal := h.agent.CancelTask(ctx, owner("buyer"), taskID); refusal == nil || refusal.Code != adcp.CodeInvalidState {
			t.Errorf("canceled twice: %v", refusal)
		}
		if err := h.service.Approve(ctx, taskID, jo, ""); !errors.Is(err, seller.ErrNotPending) {
			t.Errorf("a withdrawn order was approved: %v", err)
		}
		buys := ask[adcp.GetMediaBuysResponse](t, &h.shop, "buyer", "get_media_buys", object{"status_filter": []string{"pending_creatives", "active", "canceled"}})
		if len(buys.MediaBuys) != 0 {
			t.Errorf("a withdrawn order is a media buy: %+v", buys.MediaBuys)
		}
	})
}

func TestWorkAtTheAdServerIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	taskID := h.submit(television("20000"))
	h.adServer.set(func(m *moody) {
		m.beforeApply = func(adserver.Order) error { return adserver.ErrUnavailable }
	})
	if err := h.service.Approve(t.Context(), taskID, jo, ""); err != nil {
		t.Fatal(err)
	}
	if _, refusal := h.agent.CancelTask(t.Context(), owner("buyer"), taskID); refusal == nil || refusal.Code != adcp.CodeInvalidState {
		t.Errorf("canceled: %v", refusal)
	}
	h.adServer.set(func(m *moody) { m.beforeApply = nil })
}

// Receivers that are registered after the call are told like those of the request.
func TestReceiversRegisteredLater(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		first, second, late := openMailbox(t), openMailbox(t), openMailbox(t)
		h := openHouse(t, db, telling(t))
		h.account("buyer", "acme.example")
		taskID := h.submit(television("20000"))
		push := func(id string, m *mailbox) agent.TaskPush {
			var p agent.TaskPush
			raw, _ := json.Marshal(m.push())
			if err := json.Unmarshal(raw, &p.Receiver); err != nil {
				t.Fatal(err)
			}
			p.ID = id
			return p
		}
		set := func(p agent.TaskPush) {
			t.Helper()
			if refusal := h.agent.SetTaskPush(ctx, owner("buyer"), taskID, p); refusal != nil {
				t.Fatal(refusal)
			}
		}
		set(push("b", first))
		set(push("a", first))
		set(push("b", second)) // in the place of the first
		list, refusal := h.agent.TaskPushes(ctx, owner("buyer"), taskID)
		if refusal != nil || len(list) != 2 || list[0].ID != "a" || list[1].Receiver.URL != second.URL || list[1].Receiver.Authentication != nil {
			t.Fatalf("listed %+v, %v", list, refusal)
		}
		if err := h.agent.DeleteTaskPush(ctx, owner("buyer"), taskID, "a"); err != nil {
			t.Fatal(err)
		}
		if err := h.agent.DeleteTaskPush(ctx, owner("buyer"), taskID, "none"); err != nil {
			t.Errorf("deleting none: %v", err)
		}
		if got := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID}); !adcp.Val(got.HasWebhook) {
			t.Error("has_webhook is false")
		}
		if refusal := h.agent.SetTaskPush(ctx, owner("other"), taskID, push("x", late)); refusal == nil || refusal.Code != adcp.CodeReferenceNotFound {
			t.Errorf("somebody else registered: %v", refusal)
		}
		bad := push("x", late)
		bad.Receiver.URL = "https://10.0.0.1/hook"
		if refusal := h.agent.SetTaskPush(ctx, owner("buyer"), taskID, bad); refusal == nil || refusal.Code != adcp.CodeValidationError {
			t.Errorf("a private address was taken: %v", refusal)
		}
		if err := h.service.Approve(ctx, taskID, jo, ""); err != nil {
			t.Fatal(err)
		}
		h.follow(taskID)
		set(push("late", late)) // it has ended already
		if got := second.told(h); len(got) != 1 || got[0].Status != adcp.TaskStatusCompleted || !strings.Contains(string(got[0].Result), "media_buy_id") {
			t.Errorf("told %+v", got)
		}
		if got := late.told(h); len(got) != 1 || got[0].Status != adcp.TaskStatusCompleted {
			t.Errorf("the late one was told %+v", got)
		}
		if got := first.told(h); len(got) != 0 {
			t.Errorf("the one that was replaced, and deleted, was told %+v", got)
		}
	})
}

// Two processes on one database: what one of them changes, the other's callers see.
func TestTasksOfTwoProcesses(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			cfg := storetest.Config(t, dialect)
			one, two := openHouse(t, storetest.OpenConfig(t, cfg)), openHouse(t, storetest.OpenConfig(t, cfg))
			one.account("buyer", "acme.example")
			taskID := one.submit(television("20000"))
			seen, refusal := two.agent.TaskOf(ctx, owner("buyer"), taskID)
			if refusal != nil || seen.Status != adcp.TaskStatusSubmitted {
				t.Fatalf("the other process has %+v, %v", seen, refusal)
			}
			waited := make(chan adcp.TaskStatus, 1)
			go func() {
				task, refusal := one.agent.AwaitTask(ctx, owner("buyer"), taskID, seen.Revision)
				if refusal != nil {
					t.Error(refusal)
					close(waited)
					return
				}
				waited <- task.Status
			}()
			if err := two.service.Ask(ctx, taskID, jo, "Which?"); err != nil {
				t.Fatal(err)
			}
			if got := <-waited; got != adcp.TaskStatusInputRequired {
				t.Errorf("the first process was told %s", got)
			}
			if _, refusal := one.agent.AnswerTask(ctx, owner("buyer"), taskID, agent.TaskInput{Text: "This."}); refusal != nil {
				t.Fatal(refusal)
			}
			if got, refusal := two.agent.CancelTask(ctx, owner("buyer"), taskID); refusal != nil || got.Status != adcp.TaskStatusCanceled {
				t.Errorf("canceled by the other: %+v, %v", got, refusal)
			}
			if got, refusal := one.agent.TaskOf(ctx, owner("buyer"), taskID); refusal != nil || got.Status != adcp.TaskStatusCanceled || len(got.History) != 2 {
				t.Errorf("the first process has %+v, %v", got, refusal)
			}
		})
	}
}
