package seller_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// follow polls a task, as a buyer does, until it is settled.
func (h *house) follow(taskID string) *adcp.GetTaskStatusResponse {
	h.t.Helper()
	for range 200 {
		resp := ask[adcp.GetTaskStatusResponse](h.t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID, "include_result": true})
		if resp.Status != adcp.TaskStatusWorking && resp.Status != adcp.TaskStatusSubmitted {
			return resp
		}
		if err := h.queue.DrainWithin(h.t.Context(), time.Minute); err != nil {
			h.t.Fatal(err)
		}
	}
	h.t.Fatalf("task %s does not settle", taskID)
	return nil
}

func TestATimeoutAfterTheChangeWasMadeIsCompletedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db)
		h.account("buyer", "acme.example")
		var failed atomic.Int32
		h.adServer.set(func(m *moody) {
			m.afterApply = func(adserver.Order) error {
				if failed.Add(1) <= 2 {
					return fmt.Errorf("%w: timed out", adserver.ErrUnavailable)
				}
				return nil
			}
		})
		created := h.book(h.order(radio("500")))
		if b := h.buy(*created.MediaBuyID); b.Revision != 1 {
			t.Errorf("revision %d, want 1", b.Revision)
		}
		if failed.Load() != 3 {
			t.Errorf("applied %d times, want 3", failed.Load())
		}
	})
}

func TestAnAdServerThatIsDownAnswersSubmittedAndIsFollowed(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, answerWithin(time.Millisecond))
	down := true
	h.adServer.set(func(m *moody) {
		m.beforeApply = func(adserver.Order) error {
			if down {
				return fmt.Errorf("%w: connection refused", adserver.ErrUnavailable)
			}
			return nil
		}
	})
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", h.order(radio("500")))
	if resp.Status != adcp.TaskStatusSubmitted || resp.TaskID == nil || resp.MediaBuyID != nil {
		t.Fatalf("answered %+v, want submitted with a task and no media_buy_id", resp)
	}
	task := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": *resp.TaskID, "include_result": true})
	if task.Status != adcp.TaskStatusWorking || task.Result != nil {
		t.Errorf("the task is %s with result %s, want working", task.Status, task.Result)
	}
	all := ask[adcp.GetMediaBuysResponse](t, &h.shop, "buyer", "get_media_buys", object{"status_filter": []string{"pending_creatives", "pending_start", "active"}})
	if len(all.MediaBuys) != 0 {
		t.Errorf("%d media buys exist before the ad server holds one", len(all.MediaBuys))
	}
	h.adServer.set(func(*moody) { down = false })
	if done := h.follow(*resp.TaskID); done.Status != adcp.TaskStatusCompleted || len(done.Result) == 0 {
		t.Errorf("the task is %s with result %s, want completed with the media buy", done.Status, done.Result)
	}
}

func TestNothingIsCompletedBeforeItIsReadBack(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, answerWithin(50*time.Millisecond))
	stale := true
	h.adServer.set(func(m *moody) {
		m.onRead = func(o adserver.Order) adserver.Order {
			if stale {
				o.LineItems[0].Budget--
			}
			return o
		}
	})
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", h.order(radio("500")))
	if resp.Status != adcp.TaskStatusSubmitted {
		t.Fatalf("answered %s while the ad server shows another budget, want submitted", resp.Status)
	}
	h.adServer.set(func(*moody) { stale = false })
	if done := h.follow(*resp.TaskID); done.Status != adcp.TaskStatusCompleted {
		t.Errorf("the task is %s, want completed", done.Status)
	}
}

func TestARefusedOrderLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*moody){
		"before": func(m *moody) {
			m.beforeApply = func(o adserver.Order) error {
				if o.Canceled {
					return nil
				}
				return &adserver.Refusal{Field: "line_items[0].budget", Reason: "the advertiser has no credit"}
			}
		},
		"half made": func(m *moody) {
			m.afterApply = func(o adserver.Order) error {
				if o.Canceled {
					return nil
				}
				return &adserver.Refusal{Field: "line_items[0].budget", Reason: "the advertiser has no credit"}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := sqliteHouse(t)
			h.adServer.set(fault)
			request := h.order(radio("500"))
			e := h.refused("buyer", "create_media_buy", request)
			if e.Code != adcp.CodeValidationError || adcp.Val(e.Field) != "packages[0].budget" {
				t.Errorf("refused with %v, want VALIDATION_ERROR of packages[0].budget", e)
			}
			tasks := ask[adcp.ListTasksResponse](t, &h.shop, "buyer", "list_tasks", object{})
			if len(tasks.Tasks) != 1 || tasks.Tasks[0].Status != adcp.TaskStatusFailed {
				t.Fatalf("tasks %+v, want one that failed", tasks.Tasks)
			}
			all := ask[adcp.GetMediaBuysResponse](t, &h.shop, "buyer", "get_media_buys", object{"status_filter": []string{"pending_creatives", "canceled", "rejected"}})
			if len(all.MediaBuys) != 0 {
				t.Errorf("%d media buys are left", len(all.MediaBuys))
			}
			h.adServer.mu.Lock()
			defer h.adServer.mu.Unlock()
			for _, order := range h.adServer.orders {
				held, err := h.adServer.AdServer.Read(t.Context(), order)
				if err != nil || !held.Canceled {
					t.Errorf("the ad server still holds %+v, %v", held, err)
				}
			}
		})
	}
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	created := h.book(h.order(radio("500")))
	id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
	h.adServer.set(func(m *moody) {
		m.afterApply = func(o adserver.Order) error {
			if o.LineItems[0].Budget == 900_000_000 {
				return &adserver.Refusal{Field: "line_items[0].budget", Reason: "over the limit"}
			}
			return nil
		}
	})
	e := h.refused("buyer", "update_media_buy", h.update(id, object{"packages": []object{{"package_id": pkg, "budget": 900}}}))
	if e.Code != adcp.CodeValidationError {
		t.Errorf("refused with %v", e)
	}
	b := h.buy(id)
	held, err := h.adServer.AdServer.Read(t.Context(), id)
	if err != nil || b.Revision != 1 || b.TotalBudget != "500" || held.LineItems[0].Budget != 500_000_000 {
		t.Errorf("after the refusal: revision %d, %s; the ad server holds %v, %v", b.Revision, b.TotalBudget, held.LineItems[0].Budget, err)
	}
	h.adServer.set(func(m *moody) { m.afterApply = nil })
	if up := h.change(id, object{"packages": []object{{"package_id": pkg, "budget": 800}}}); *up.Revision != 2 {
		t.Errorf("the next change is revision %d, want 2", *up.Revision)
	}
}

func TestAnotherChangeWhileOneIsPendingIsAConflict(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, answerWithin(time.Millisecond))
	created := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", h.order(radio("500")))
	if created.MediaBuyID == nil {
		task := h.follow(*created.TaskID)
		if err := decode(task.Result, created); err != nil {
			t.Fatal(err)
		}
	}
	id := *created.MediaBuyID
	slow := true
	h.adServer.set(func(m *moody) {
		m.beforeApply = func(adserver.Order) error {
			if slow {
				return adserver.ErrUnavailable
			}
			return nil
		}
	})
	first := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", h.update(id, object{"paused": true}))
	if first.Status != adcp.TaskStatusSubmitted {
		t.Fatalf("answered %s, want submitted", first.Status)
	}
	if e := h.refused("buyer", "update_media_buy", h.update(id, object{"canceled": true})); e.Code != adcp.CodeConflict {
		t.Errorf("a second change is refused with %v, want CONFLICT", e)
	}
	if e := h.refused("buyer", "sync_creatives", object{
		"idempotency_key": h.key(), "account": acme, "creatives": []object{creative("spot", "audio_30s")},
		"assignments": []object{{"creative_id": "spot", "package_id": created.Packages[0].PackageID}},
	}); e.Code != adcp.CodeConflict {
		t.Errorf("an assignment is refused with %v, want CONFLICT", e)
	}
	h.adServer.set(func(*moody) { slow = false })
	if done := h.follow(*first.TaskID); done.Status != adcp.TaskStatusCompleted {
		t.Errorf("the first change is %s, want completed", done.Status)
	}
}

// TestAHandlerThatIsRunAgainFindsItsTask stands for a process that died between
// submitting the task and answering: its idempotency claim is taken up again.
func TestAHandlerThatIsRunAgainFindsItsTask(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	request := h.order(radio("500"))
	first := h.book(request)
	if _, err := h.db.Writer().ExecContext(context.Background(), "DELETE FROM idempotency_records"); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour)
	again := h.book(request)
	if *first.MediaBuyID != *again.MediaBuyID || *again.Revision != 1 || !first.ConfirmedAt.Value.Equal(again.ConfirmedAt.Value) {
		t.Errorf("run again it answered %+v, want what it answered first", again)
	}
	all := ask[adcp.GetMediaBuysResponse](t, &h.shop, "buyer", "get_media_buys", object{"status_filter": "pending_creatives"})
	if len(all.MediaBuys) != 1 {
		t.Errorf("%d media buys, want one", len(all.MediaBuys))
	}
}

func TestTickCompletesOnlyWhatTheAdServerStillHolds(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	created := h.book(h.order(radio("500")))
	id := *created.MediaBuyID
	h.upload("spot", "audio_30s", created.Packages[0].PackageID)
	h.advance(time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC))
	h.clock.AdvanceTo(time.Date(2027, 3, 16, 0, 0, 0, 0, time.UTC))
	h.adServer.set(func(m *moody) {
		m.onRead = func(o adserver.Order) adserver.Order { o.Paused = !o.Paused; return o }
	})
	if err := h.service.Tick(t.Context()); err == nil {
		t.Error("Tick says nothing of an ad server that holds something else")
	}
	if b := h.buy(id); b.Status != "active" {
		t.Errorf("the buy is %s, want active until the ad server agrees", b.Status)
	}
	h.adServer.set(func(m *moody) { m.onRead = nil })
	h.tick()
	if b := h.buy(id); b.Status != "completed" {
		t.Errorf("the buy is %s, want completed", b.Status)
	}
}

func TestABuyWithoutCreativesIsRejectedWhenItsFlightIsOver(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	id := *h.book(h.order(radio("500"))).MediaBuyID
	h.advance(time.Date(2027, 3, 16, 0, 0, 0, 0, time.UTC))
	b := h.buy(id)
	if b.Status != "rejected" || b.RejectionReason == nil || len(b.AvailableActions) != 0 {
		t.Errorf("the buy is %s (%v), want rejected with a reason", b.Status, b.RejectionReason)
	}
	held, err := h.adServer.AdServer.Read(t.Context(), id)
	if err != nil || !held.Canceled {
		t.Errorf("the ad server holds %+v, %v; want it canceled", held, err)
	}
	tasks := ask[adcp.ListTasksResponse](t, &h.shop, "buyer", "list_tasks", object{})
	if len(tasks.Tasks) != 1 {
		t.Errorf("the buyer sees %d tasks, want only its own", len(tasks.Tasks))
	}
	if errors.Is(err, adserver.ErrNotFound) {
		t.Error("the order is gone")
	}
}
