package seller_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
)

// jo sells; mo manages; ed is in ad operations.
var (
	jo = account.Staff{Name: "jo@corner.example", Roles: []account.Role{account.RoleSales}}
	mo = account.Staff{Name: "mo", Roles: []account.Role{account.RoleManager}}
	ed = account.Staff{Name: "ed", Roles: []account.Role{account.RoleAdOps}}
)

func rules(list ...seller.ApprovalRule) option {
	return func(c *seller.Config) { c.SalesDesk.Rules = list }
}

func dollars(n int64) map[money.Currency]money.Micros {
	return map[money.Currency]money.Micros{"USD": money.Micros(n) * money.Unit}
}

func TestRulesKeepOrdersForAPerson(t *testing.T) {
	t.Parallel()
	large := seller.ApprovalRule{Name: "large orders", Role: account.RoleManager, Above: dollars(1000)}
	tests := map[string]struct {
		rule  seller.ApprovalRule
		order object
		kept  bool
	}{
		"AboveTheAmount":               {large, object{"packages": []object{radio("1000.01")}}, true},
		"NotAtTheAmount":               {large, object{"packages": []object{radio("1000")}}, false},
		"AnAmountOfAnotherCurrency":    {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Above: map[money.Currency]money.Micros{"EUR": 1 << 40}}, object{"packages": []object{radio("100")}}, true},
		"TheCategory":                  {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Categories: []string{"automotive"}}, object{"packages": []object{radio("100")}, "advertiser_industry": "automotive"}, true},
		"WhatIsBelowTheCategory":       {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Categories: []string{"automotive"}}, object{"packages": []object{radio("100")}, "advertiser_industry": "automotive.electric_vehicles"}, true},
		"NotAnotherCategory":           {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Categories: []string{"automotive.electric_vehicles"}}, object{"packages": []object{radio("100")}, "advertiser_industry": "automotive"}, false},
		"NotAnUnknownCategory":         {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Categories: []string{"automotive"}}, object{"packages": []object{radio("100")}}, false},
		"TheProduct":                   {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Products: []string{"radio_show"}}, object{"packages": []object{radio("100")}}, true},
		"NotWithoutTheProduct":         {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Products: []string{"tv_evening"}}, object{"packages": []object{radio("100")}}, false},
		"TheFirstBuy":                  {seller.ApprovalRule{Name: "r", Role: account.RoleSales, FirstBuy: true}, object{"packages": []object{radio("100")}}, true},
		"EverythingThatItNamesAtOnce":  {seller.ApprovalRule{Name: "r", Role: account.RoleSales, FirstBuy: true, Above: dollars(50)}, object{"packages": []object{radio("100")}}, true},
		"NotHalfOfWhatItNames":         {seller.ApprovalRule{Name: "r", Role: account.RoleSales, FirstBuy: true, Above: dollars(500)}, object{"packages": []object{radio("100")}}, false},
		"NotWhatOnlyAnotherWouldNeed":  {seller.ApprovalRule{Name: "r", Role: account.RoleSales, Products: []string{"clips_open"}}, object{"packages": []object{radio("100")}}, false},
		"AndTheClockDoesNotSignForHim": {large, object{"packages": []object{radio("2000")}}, true},
	}
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			h := sqliteHouse(t, rules(test.rule), approveAfter(time.Hour))
			resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", with(h.order(), test.order))
			if kept := resp.Status == adcp.TaskStatusSubmitted; kept != test.kept {
				t.Errorf("answered %s, want it kept: %t", resp.Status, test.kept)
			}
			if test.kept {
				h.advance(today.Add(2 * time.Hour))
				if got := h.status(*resp.TaskID); got != adcp.TaskStatusSubmitted {
					t.Errorf("two hours later it is %s: the clock signed what a rule keeps for a person", got)
				}
			}
		})
	}
}

func TestTheSecondBuyIsNotTheFirst(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, rules(seller.ApprovalRule{Name: "new accounts", Role: account.RoleSales, FirstBuy: true}))
	first := h.submit(radio("100"))
	if err := h.service.Approve(t.Context(), first, jo, "known from elsewhere"); err != nil {
		t.Fatal(err)
	}
	h.follow(first)
	h.book(h.order(radio("100")))
}

func TestOnlyWhoseRoleCoversItMaySign(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, rules(seller.ApprovalRule{Name: "large orders", Role: account.RoleManager, Above: dollars(1000)}))
	taskID := h.submit(television("20000"))
	for _, person := range []account.Staff{jo, ed} {
		var not *seller.ErrNotYours
		if err := h.service.Approve(t.Context(), taskID, person, ""); !errors.As(err, &not) {
			t.Errorf("%s signed: %v", person.Name, err)
		}
		if err := h.service.Reject(t.Context(), taskID, person, "no"); !errors.As(err, &not) {
			t.Errorf("%s declined: %v", person.Name, err)
		}
	}
	if err := h.service.Approve(t.Context(), taskID, mo, "they pay up front"); err != nil {
		t.Fatal(err)
	}
	h.follow(taskID)
	decided, err := h.service.Approvals(t.Context(), true)
	if err != nil || len(decided) != 1 || decided[0].DecidedBy != "mo" || len(decided[0].Signatures) != 2 {
		t.Errorf("decided %+v, %v; want mo's, with two signatures needed", decided, err)
	}
	_, steps, err := h.service.Approval(t.Context(), taskID)
	if err != nil {
		t.Fatal(err)
	}
	var approved bool
	for _, s := range steps {
		approved = approved || s.Kind == "task.approved" && s.Actor == "mo" && s.Reason == "they pay up front"
	}
	if !approved {
		t.Errorf("the history does not say who approved and why: %+v", steps)
	}
}

func TestWhatNobodyDecidesInTimeIsDeclined(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, func(c *seller.Config) { c.SalesDesk.Deadline = 48 * time.Hour })
	taskID := h.submit(television("20000"))
	h.advance(today.Add(47 * time.Hour))
	if got := h.status(taskID); got != adcp.TaskStatusSubmitted {
		t.Fatalf("before the deadline it is %s", got)
	}
	h.advance(today.Add(48 * time.Hour))
	if got := h.status(taskID); got != adcp.TaskStatusRejected {
		t.Errorf("at the deadline it is %s, want rejected", got)
	}
}

func TestAnIncreaseIsKeptByTheRuleThatTheWholeOrderMeets(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, rules(seller.ApprovalRule{Name: "large orders", Role: account.RoleManager, Above: dollars(1000)}))
	booked := h.book(h.order(radio("900")))
	for _, a := range booked.AvailableActions {
		if a.Action == "increase_budget" && a.Mode != adcp.MediaBuyActionModeConditionalSelfServe {
			t.Errorf("increase_budget is %s where a rule may keep it", a.Mode)
		}
	}
	more := func(budget string) *adcp.UpdateMediaBuyResponse {
		return ask[adcp.UpdateMediaBuyResponse](t, &h.shop, "buyer", "update_media_buy", h.update(*booked.MediaBuyID, object{
			"packages": []object{{"package_id": booked.Packages[0].PackageID, "budget": json.Number(budget)}},
		}))
	}
	if resp := more("1000"); resp.Status != adcp.TaskStatusCompleted {
		t.Errorf("up to the amount: %s", resp.Status)
	}
	if resp := more("1500"); resp.Status != adcp.TaskStatusSubmitted {
		t.Errorf("above the amount: %s, want submitted", resp.Status)
	}
}

func TestARuleMustSayWhatItKeeps(t *testing.T) {
	t.Parallel()
	for rule, r := range map[string]seller.ApprovalRule{
		"NoName":          {Role: account.RoleSales, FirstBuy: true},
		"NoRole":          {Name: "r", FirstBuy: true},
		"ARoleThatCannot": {Name: "r", Role: account.RoleAdOps, FirstBuy: true},
		"Nothing":         {Name: "r", Role: account.RoleSales},
		"BelowZero":       {Name: "r", Role: account.RoleSales, Above: dollars(-1)},
		"NoSuchIndustry":  {Name: "r", Role: account.RoleSales, Categories: []string{"cars"}},
	} {
		if r.Validate() == nil {
			t.Errorf("%s: was taken", rule)
		}
	}
}
