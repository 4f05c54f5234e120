package sandbox_test

import (
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestTheSubmittedArmOfAnOrder(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	if a := l.run("force_create_media_buy_arm", object{"arm": "submitted", "task_id": "task_io", "message": "signing"}); string(a.Forced) != `{"arm":"submitted","task_id":"task_io"}` {
		t.Errorf("got %s", a.Forced)
	}
	key := l.key()
	first := l.book("test-product", "default", object{"idempotency_key": key})
	if first.Status != adcp.TaskStatusSubmitted || adcp.Val(first.TaskID) != "task_io" || first.MediaBuyID != nil || adcp.Val(first.Message) != "signing" {
		t.Fatalf("the order is answered %+v", first)
	}
	if again := l.book("test-product", "default", object{"idempotency_key": key}); adcp.Val(again.TaskID) != "task_io" {
		t.Errorf("the same order again is answered %+v", again)
	}
	if next := l.book("test-product", "default", nil); next.Status != adcp.TaskStatusCompleted {
		t.Errorf("the arm is taken twice: %s", next.Status)
	}
	status := func() *adcp.GetTaskStatusResponse {
		return ask[adcp.GetTaskStatusResponse](l, "get_task_status", object{"task_id": "task_io", "include_result": true})
	}
	if tasks := ask[adcp.ListTasksResponse](l, "list_tasks", object{"account": acme, "filters": object{"task_ids": []string{"task_io"}}}); len(tasks.Tasks) != 1 {
		t.Errorf("the account has %d such tasks", len(tasks.Tasks))
	}
	if s := status(); s.Status != adcp.TaskStatusSubmitted {
		t.Errorf("the task is %s", s.Status)
	}
	if r := l.do("rival", "get_task_status", object{"task_id": "task_io"}); r.Error == nil || r.Error.Code != adcp.CodeReferenceNotFound {
		t.Errorf("somebody else reads the task: %s", r.Body)
	}

	result := object{
		"media_buy_id": "mb_io", "media_buy_status": "active", "confirmed_at": "2027-03-01T09:00:00Z", "revision": 1,
		"packages": []object{{"package_id": "pkg_io", "product_id": "test-product", "budget": 30000}},
	}
	l.refused("INVALID_PARAMS", "force_task_completion", object{"task_id": "task_io", "result": object{"products": "none"}})
	l.move("force_task_completion", object{"task_id": "task_io", "result": result}, "submitted", "completed")
	if s := status(); s.Status != adcp.TaskStatusCompleted || !contains(string(s.Result), `"pkg_io"`) {
		t.Errorf("the task is %s with %s", s.Status, s.Result)
	}
	if b := l.buy("mb_io"); b.Status != adcp.MediaBuyStatusActive {
		t.Errorf("the media buy of the result is %s", b.Status)
	}
	l.run("simulate_delivery", object{"media_buy_id": "mb_io", "impressions": 10})
	l.refused("INVALID_TRANSITION", "force_task_completion", object{"task_id": "task_io", "result": result})
	l.refused("NOT_FOUND", "force_task_completion", object{"task_id": "task_none", "result": result})
	if a := l.asked("rival", "force_task_completion", object{"task_id": "task_io", "result": result}); a.Error != "NOT_FOUND" {
		t.Errorf("somebody else's task: got %s", a.Error)
	}

	l.run("force_create_media_buy_arm", object{"arm": "submitted", "task_id": "task_io"})
	if again := l.book("test-product", "default", nil); adcp.Val(again.TaskID) != "task_io" {
		t.Errorf("a name cannot be used in another run: %+v", again)
	}
}

func TestTheInputRequiredArmOfAnOrder(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("force_create_media_buy_arm", object{"arm": "submitted", "task_id": "task_lost"})
	l.run("force_create_media_buy_arm", object{"arm": "input-required", "message": "which flight?"})
	if r := l.book("test-product", "default", nil); r.Status != adcp.TaskStatusInputRequired || len(r.Errors) != 1 || r.Errors[0].Message != "which flight?" {
		t.Errorf("got %+v", r)
	}
}

func TestTheSubmittedArmOfABrief(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("force_get_products_arm", object{"arm": "submitted", "task_id": "task_products"})
	if _, shown := l.products("driver")["test-product"]; !shown {
		t.Error("a wholesale read takes the arm")
	}
	rival := l.do("rival", "get_products", object{"buying_mode": "brief", "brief": "anything"})
	if contains(string(rival.Body), "task_products") {
		t.Error("somebody else takes the arm")
	}
	r := ask[adcp.GetProductsResponse](l, "get_products", object{"buying_mode": "brief", "brief": "anything"})
	if r.Status != adcp.TaskStatusSubmitted || adcp.Val(r.TaskID) != "task_products" || r.Products != nil {
		t.Errorf("got %+v", r)
	}
	l.refused("INVALID_PARAMS", "force_get_products_arm", object{"arm": "submitted"})
	l.refused("INVALID_PARAMS", "force_get_products_arm", object{"arm": "input-required"})
	l.refused("UNKNOWN_SCENARIO", "force_get_signals_arm", object{"arm": "submitted", "task_id": "task_signals"})
}

func TestAnOutageOfTheInventory(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.move("force_upstream_unavailable", object{"tool": "get_products", "upstream_name": "inventory-service"}, "available", "unavailable")
	l.refused("INVALID_PARAMS", "force_upstream_unavailable", object{"tool": "list_accounts"})
	get := func() *adcp.GetProductsResponse {
		return ask[adcp.GetProductsResponse](l, "get_products", object{"buying_mode": "brief", "brief": "anything"})
	}
	if r := get(); len(r.Products) == 0 || len(r.Errors) != 1 || r.Errors[0].Code != adcp.CodeStaleResponse || !contains(string(r.Errors[0].Details), `"inventory-service"`) {
		t.Errorf("got %d products and %+v", len(r.Products), r.Errors)
	}
	if r := get(); len(r.Errors) > 0 {
		t.Errorf("it is not over with the next call: %+v", r.Errors)
	}
}
