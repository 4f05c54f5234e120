package seller_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// submit creates a media buy that needs approval and gives its task.
func (h *house) submit(packages ...object) string {
	h.t.Helper()
	resp := ask[adcp.CreateMediaBuyResponse](h.t, &h.shop, "buyer", "create_media_buy", h.order(packages...))
	if resp.Status != adcp.TaskStatusSubmitted || resp.TaskID == nil || resp.MediaBuyID != nil {
		h.t.Fatalf("answered %+v, want submitted, a task and no media_buy_id", resp)
	}
	return *resp.TaskID
}

func (h *house) status(taskID string) adcp.TaskStatus {
	h.t.Helper()
	return ask[adcp.GetTaskStatusResponse](h.t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID}).Status
}

func TestAPersonApproves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db)
		h.account("buyer", "acme.example")
		taskID := h.submit(television("20000"), radio("500"))
		pending, err := h.service.Approvals(t.Context(), false)
		if err != nil || len(pending) != 1 || pending[0].TaskID != taskID || pending[0].Budget.String() != "20500.00 USD" || !pending[0].DueAt.IsZero() {
			t.Fatalf("pending %+v, %v; want the order", pending, err)
		}
		h.advance(today.Add(26 * time.Hour))
		if got := h.status(taskID); got != adcp.TaskStatusSubmitted {
			t.Errorf("a day later the task is %s, want submitted", got)
		}
		if err := h.service.Approve(t.Context(), taskID, jo, ""); err != nil {
			t.Fatal(err)
		}
		done := h.follow(taskID)
		var result adcp.CreateMediaBuyResponse
		if err := json.Unmarshal(done.Result, &result); err != nil || result.MediaBuyID == nil {
			t.Fatalf("the result is %s, %v; want the media buy", done.Result, err)
		}
		if got := result.ConfirmedAt.Value; !got.Equal(today.Add(26 * time.Hour)) {
			t.Errorf("confirmed at %v, want when it was signed", got)
		}
		if b := h.buy(*result.MediaBuyID); b.Status != "pending_creatives" || b.Revision != 1 {
			t.Errorf("the buy is %s at revision %d", b.Status, b.Revision)
		}
		for name, decide := range map[string]func() error{
			"approve": func() error { return h.service.Approve(t.Context(), taskID, jo, "") },
			"reject":  func() error { return h.service.Reject(t.Context(), taskID, jo, "late") },
			"unknown": func() error { return h.service.Approve(t.Context(), "task_none", jo, "") },
		} {
			if err := decide(); !errors.Is(err, seller.ErrNotPending) {
				t.Errorf("%s once more: %v, want ErrNotPending", name, err)
			}
		}
	})
}

func TestAPersonRejects(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	taskID := h.submit(television("20000"))
	if err := h.service.Reject(t.Context(), taskID, jo, "no competitors next to the final"); err != nil {
		t.Fatal(err)
	}
	task := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": taskID, "include_result": true})
	if task.Status != adcp.TaskStatusRejected || task.Error == nil || task.Result != nil ||
		!strings.Contains(task.Error.Message, "no competitors next to the final") {
		t.Errorf("the task is %s with %+v, want rejected with the reason", task.Status, task.Error)
	}
	if len(h.adServer.orders) != 0 {
		t.Error("the ad server was told of a rejected order")
	}
}

func TestTheSalesDesksPolicyDecidesWhenDue(t *testing.T) {
	t.Parallel()
	// The outcome is the same however often the clock is looked at.
	var results []string
	for _, step := range []time.Duration{15 * time.Minute, 5 * time.Hour} {
		h := sqliteHouse(t, approveAfter(2*time.Hour))
		taskID := h.submit(television("20000"))
		for now := today; now.Before(today.Add(5 * time.Hour)); {
			now = now.Add(step)
			h.advance(now)
			want := adcp.TaskStatusSubmitted
			if !now.Before(today.Add(2 * time.Hour)) {
				want = adcp.TaskStatusCompleted
			}
			if got := h.status(taskID); got != want {
				t.Fatalf("after %s the task is %s, want %s", now.Sub(today), got, want)
			}
		}
		results = append(results, string(h.follow(taskID).Result))
	}
	if results[0] != results[1] || results[0] == "" {
		t.Errorf("results differ:\n%s\n%s", results[0], results[1])
	}
}

func TestNobodyDecidesBeforeTheFlightIsOver(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	taskID := h.submit(television("20000"))
	h.clock.AdvanceTo(time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC))
	if err := h.service.Approve(t.Context(), taskID, jo, ""); !errors.Is(err, seller.ErrTooLate) {
		t.Errorf("approved after the flight: %v, want ErrTooLate", err)
	}
	h.tick()
	if got := h.status(taskID); got != adcp.TaskStatusRejected {
		t.Errorf("the task is %s, want rejected", got)
	}
}

func TestPromisingMoreNeedsApprovalAgain(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, approveAfter(2*time.Hour))
	taskID := h.submit(television("20000"))
	h.advance(today.Add(2 * time.Hour))
	var created adcp.CreateMediaBuyResponse
	if err := json.Unmarshal(h.follow(taskID).Result, &created); err != nil {
		t.Fatal(err)
	}
	id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
	for _, a := range created.AvailableActions {
		want := adcp.MediaBuyActionModeSelfServe
		switch a.Action {
		case "increase_budget", "reallocate_budget", "extend_flight", "update_flight_dates", "add_packages":
			want = adcp.MediaBuyActionModeRequiresApproval
		}
		if a.Mode != want {
			t.Errorf("%s is %s, want %s", a.Action, a.Mode, want)
		}
	}
	h.change(id, object{"packages": []object{{"package_id": pkg, "budget": 15000}}})
	more := ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy",
		h.update(id, object{"packages": []object{{"package_id": pkg, "budget": 90000}}}))
	if more.Status != adcp.TaskStatusSubmitted || more.TaskID == nil {
		t.Fatalf("six times the money answered %+v, want submitted", more)
	}
	if b := h.buy(id); b.TotalBudget != "15000" || b.Revision != 2 {
		t.Errorf("before anybody has signed it holds %s at revision %d", b.TotalBudget, b.Revision)
	}
	if err := h.service.Reject(t.Context(), *more.TaskID, jo, "sold out"); err != nil {
		t.Fatal(err)
	}
	if up := h.change(id, object{"paused": true}); *up.Revision != 3 {
		t.Errorf("after the rejection the next change is revision %d, want 3", *up.Revision)
	}
}

func TestTheAgreedPriceIsTheBookedPrice(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	h := openHouse(t, db)
	h.account("buyer", "acme.example")
	taskID := h.submit(television("20000"))
	// The rate card goes up while the order waits.
	option, _ := mustProduct(t, h.catalogue, "tv_evening").PricingOption("cpm_usd")
	option.Fixed *= 2
	if err := h.service.Approve(t.Context(), taskID, jo, ""); err != nil {
		t.Fatal(err)
	}
	var created adcp.CreateMediaBuyResponse
	if err := json.Unmarshal(h.follow(taskID).Result, &created); err != nil {
		t.Fatal(err)
	}
	held, err := h.adServer.AdServer.Read(t.Context(), *created.MediaBuyID)
	if err != nil || held.LineItems[0].Rate != 24_500_000 {
		t.Errorf("the ad server holds %v, %v; want the 24.50 that was agreed", held.LineItems[0].Rate, err)
	}
}

func mustProduct(t testing.TB, c *seller.Catalogue, id string) *seller.Product {
	t.Helper()
	p, ok := c.Product(id)
	if !ok {
		t.Fatalf("no product %s", id)
	}
	return p
}

// TestWhatIsSomebodyElsesDoesNotExist compares, byte for byte, what a stranger
// learns of the buyer's things with what it learns of things that there are not.
func TestWhatIsSomebodyElsesDoesNotExist(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.account("stranger", "other.example")
	h.holdsApart(t, "stranger")
}

// TestWhatACredentialDoesNotReachDoesNotExist does the same with a credential of
// the buyer's own that is good for another of its accounts.
func TestWhatACredentialDoesNotReachDoesNotExist(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	narrow := "buyer@" + h.account("buyer", "other.example")
	h.holdsApart(t, narrow)
	for operation, want := range map[string]object{
		"get_media_buys": {}, "get_media_buy_delivery": {}, "list_tasks": {}, "list_creatives": {},
		"list_accounts": {},
	} {
		answer := string(h.do(t, narrow, operation, want).Body)
		if strings.Contains(answer, "acme") || strings.Contains(answer, `"mb_`) || strings.Contains(answer, `"task_`) || strings.Contains(answer, "spot") {
			t.Errorf("%s shows what is out of reach: %s", operation, answer)
		}
	}
	accounts := ask[adcp.ListAccountsResponse](t, &h.shop, narrow, "list_accounts", object{}).Accounts
	if len(accounts) != 1 || accounts[0].Name != "other.example" {
		t.Errorf("list_accounts shows %+v, want other.example alone", accounts)
	}

	t.Run("an account out of reach is neither opened nor changed nor closed", func(t *testing.T) {
		sync := func(brand string, deleteMissing bool) *adcp.SyncAccountsResponse {
			return ask[adcp.SyncAccountsResponse](t, &h.shop, narrow, "sync_accounts", object{
				"idempotency_key": h.key(), "delete_missing": deleteMissing,
				"accounts": []object{{"brand": object{"domain": brand}, "operator": brand, "billing": "operator"}},
			})
		}
		for _, brand := range []string{"acme.example", "new.example"} {
			got := sync(brand, false).Accounts[0]
			if got.Action != adcp.SyncAccountsResponseAccountActionFailed || got.AccountID != nil || got.Errors[0].Code != adcp.CodeScopeInsufficient {
				t.Errorf("%s: %+v", brand, got)
			}
		}
		sync("other.example", true)
		for _, a := range ask[adcp.ListAccountsResponse](t, &h.shop, "buyer", "list_accounts", object{}).Accounts {
			if a.Status != adcp.AccountStatusActive {
				t.Errorf("%s is %s", a.Name, a.Status)
			}
		}
	})
}

// holdsApart tells, as a caller that has an account for other.example alone, the
// buyer's things from things that there are not, and fails where it can.
func (h *house) holdsApart(t *testing.T, caller string) {
	t.Helper()
	other := object{"brand": object{"domain": "other.example"}, "operator": "other.example"}
	created := h.book(h.order(radio("500")))
	mb, pkg := *created.MediaBuyID, created.Packages[0].PackageID
	h.upload("spot", "audio_30s", pkg)
	acct := created.Account.AccountID
	taskID := h.submit(television("20000"))
	for name, ask := range map[string]func(account, buy, pkg, creative, task string) (string, object){
		"update_media_buy": func(_, buy, _, _, _ string) (string, object) {
			return "update_media_buy", object{"idempotency_key": h.key(), "account": other, "media_buy_id": buy, "paused": true}
		},
		"get_media_buys": func(_, buy, _, _, _ string) (string, object) {
			return "get_media_buys", object{"media_buy_ids": []string{buy}}
		},
		"get_media_buys by account": func(account, _, _, _, _ string) (string, object) {
			return "get_media_buys", object{"account": object{"account_id": account}}
		},
		"get_media_buy_delivery": func(_, buy, _, _, _ string) (string, object) {
			return "get_media_buy_delivery", object{"media_buy_ids": []string{buy}}
		},
		"get_task_status": func(_, _, _, _, task string) (string, object) {
			return "get_task_status", object{"task_id": task}
		},
		"list_accounts": func(account, _, _, _, _ string) (string, object) {
			return "list_accounts", object{"account": object{"account_id": account}}
		},
		"create_media_buy on an account": func(account, _, _, _, _ string) (string, object) {
			return "create_media_buy", with(h.order(radio("500")), object{"account": object{"account_id": account}})
		},
		"create_media_buy with a creative": func(_, _, _, creative, _ string) (string, object) {
			return "create_media_buy", with(h.order(with(radio("500"), object{"creative_assignments": []object{{"creative_id": creative}}})),
				object{"account": other, "brand": object{"domain": "other.example"}})
		},
		"sync_accounts": func(account, _, _, _, _ string) (string, object) {
			return "sync_accounts", object{"idempotency_key": h.key(), "accounts": []object{{"account": object{"account_id": account}, "payment_terms": "net_30"}}}
		},
		"sync_creatives onto a package": func(_, _, pkg, _, _ string) (string, object) {
			return "sync_creatives", object{
				"idempotency_key": h.key(), "account": other, "validation_mode": "lenient",
				"creatives": []object{creative("mine", "audio_30s")}, "assignments": []object{{"creative_id": "mine", "package_id": pkg}}, "dry_run": true,
			}
		},
	} {
		operation, request := ask(acct, mb, pkg, "spot", taskID)
		theirs := string(h.do(t, caller, operation, request).Body)
		operation, request = ask("acct_nothing", "mb_nothing", "pkg_nothing", "nothing", "task_nothing")
		nothing := string(h.do(t, caller, operation, request).Body)
		theirs = strings.ReplaceAll(theirs, pkg, "pkg_nothing") // the request's own, echoed
		if theirs != nothing {
			t.Errorf("%s tells them apart:\n%s\n%s", name, theirs, nothing)
		}
	}
	if b := h.buy(mb); b.Revision != 2 {
		t.Errorf("%s changed something: revision %d", caller, b.Revision)
	}
}
