package sandbox_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	if a := l.run("list_scenarios", nil); len(a.Scenarios) < 10 {
		t.Errorf("it lists %v", a.Scenarios)
	}
	l.refused("UNKNOWN_SCENARIO", "nonexistent_scenario", object{})
	l.refused("UNKNOWN_SCENARIO", "force_session_status", object{"session_id": "s", "status": "terminated"})
	l.refused("INVALID_PARAMS", "force_creative_status", object{})
	if a := l.asked("live", "list_scenarios", nil); a.Error != "FORBIDDEN" {
		t.Errorf("a live principal gets %s, want FORBIDDEN", a.Error)
	}
}

func TestForceAccountStatus(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("seed_account", object{"account_id": "acct_one", "fixture": object{"brand": object{"domain": "acme.example"}, "operator": "acme.example"}})
	order := object{
		"idempotency_key": l.key(), "account": acme, "brand": object{"domain": "acme.example"}, "start_time": "asap", "end_time": "2027-03-15T00:00:00Z",
		"packages": []object{{"product_id": "test-product", "pricing_option_id": "default", "budget": 5000}},
	}
	l.move("force_account_status", object{"account_id": "acct_one", "status": "suspended"}, "active", "suspended")
	if r := l.do("driver", "create_media_buy", order); r.Error == nil || r.Error.Code != adcp.CodeAccountSuspended {
		t.Errorf("an order on a suspended account: got %s", r.Body)
	}
	l.move("force_account_status", object{"account_id": "acct_one", "status": "suspended"}, "suspended", "suspended")
	l.move("force_account_status", object{"account_id": "acct_one", "status": "active"}, "suspended", "active")
	l.move("force_account_status", object{"account_id": "acct_one", "status": "closed"}, "active", "closed")
	if a := l.refused("INVALID_TRANSITION", "force_account_status", object{"account_id": "acct_one", "status": "active"}); a.CurrentState != "closed" {
		t.Errorf("the refusal says it is %q", a.CurrentState)
	}
	l.refused("NOT_FOUND", "force_account_status", object{"account_id": "acct_none", "status": "active"})
	if a := l.asked("rival", "force_account_status", object{"account_id": "acct_one", "status": "active"}); a.Error != "NOT_FOUND" {
		t.Errorf("somebody else's account: got %s", a.Error)
	}
}

// move forces something and expects it to have gone from one state to another.
func (l *lab) move(scenario string, params object, from, to string) {
	l.Helper()
	if a := l.run(scenario, params); a.PreviousState != from || a.CurrentState != to {
		l.Errorf("%s %v went from %s to %s, want %s to %s", scenario, params, a.PreviousState, a.CurrentState, from, to)
	}
}

func TestForceMediaBuyStatus(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := open(t, db)
		id := *l.book("test-product", "default", nil).MediaBuyID
		l.move("force_media_buy_status", object{"media_buy_id": id, "status": "active"}, "pending_creatives", "active")
		l.move("force_media_buy_status", object{"media_buy_id": id, "status": "paused"}, "active", "paused")
		if b := l.buy(id); b.Status != adcp.MediaBuyStatusPaused {
			t.Errorf("the media buy is %s", b.Status)
		}
		l.move("force_media_buy_status", object{"media_buy_id": id, "status": "active"}, "paused", "active")
		l.refused("INVALID_TRANSITION", "force_media_buy_status", object{"media_buy_id": id, "status": "rejected"})
		l.move("force_media_buy_status", object{"media_buy_id": id, "status": "completed"}, "active", "completed")
		l.refused("INVALID_TRANSITION", "force_media_buy_status", object{"media_buy_id": id, "status": "active"})
		l.refused("NOT_FOUND", "force_media_buy_status", object{"media_buy_id": "mb_none", "status": "active"})

		other := *l.book("test-product", "default", nil).MediaBuyID
		l.move("force_media_buy_status", object{"media_buy_id": other, "status": "rejected", "rejection_reason": "policy"}, "pending_creatives", "rejected")
		if b := l.buy(other); b.Status != adcp.MediaBuyStatusRejected || adcp.Val(b.RejectionReason) != "policy" {
			t.Errorf("the media buy is %s because of %q", b.Status, adcp.Val(b.RejectionReason))
		}
	})
}

func TestForceCreativeStatus(t *testing.T) {
	t.Parallel()
	l := sqlite(t)
	l.run("seed_creative", object{"creative_id": "banner", "fixture": object{"format_id": object{"id": "display_300x250"}}})
	b := l.book("test-product", "default", object{"packages": []object{{
		"product_id": "test-product", "pricing_option_id": "default", "budget": 5000, "creative_assignments": []object{{"creative_id": "banner"}},
	}}})
	approval := func() adcp.CreativeApprovalStatus {
		return l.buy(*b.MediaBuyID).Packages[0].CreativeApprovals[0].ApprovalStatus
	}
	if approval() != adcp.CreativeApprovalStatusApproved {
		t.Fatalf("at first the creative is %s on its package", approval())
	}
	l.move("force_creative_status", object{"creative_id": "banner", "status": "suspended", "reason_code": "source_private"}, "approved", "suspended")
	// What was decided for the package stands; that it does not serve shows as an impairment.
	if got := l.buy(*b.MediaBuyID); adcp.Val(got.Health) != adcp.MediaBuyHealthImpaired || approval() != adcp.CreativeApprovalStatusApproved {
		t.Errorf("with its creative suspended the media buy is %s, the creative on its package %s", adcp.Val(got.Health), approval())
	}
	l.move("force_creative_status", object{"creative_id": "banner", "status": "approved"}, "suspended", "approved")
	if got := l.buy(*b.MediaBuyID); adcp.Val(got.Health) != adcp.MediaBuyHealthOk {
		t.Errorf("the creative does not serve again: %s", adcp.Val(got.Health))
	}
	l.move("force_creative_status", object{"creative_id": "banner", "status": "rejected", "rejection_reason": "no"}, "approved", "rejected")
	l.refused("INVALID_TRANSITION", "force_creative_status", object{"creative_id": "banner", "status": "approved"})
	l.refused("NOT_FOUND", "force_creative_status", object{"creative_id": "none", "status": "approved"})
	if a := l.asked("rival", "force_creative_status", object{"creative_id": "banner", "status": "archived"}); a.Error != "NOT_FOUND" {
		t.Errorf("somebody else's creative: got %s", a.Error)
	}
}
