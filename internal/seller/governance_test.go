package seller_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// watcher is a governance agent that says what it is told to.
type watcher struct {
	mu     sync.Mutex
	says   func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error)
	asked  []adcp.CheckGovernanceRequest
	tokens []string
}

func (w *watcher) CheckURL(url string) error {
	if strings.Contains(url, "inside.example") {
		return errors.New("it is not a public address")
	}
	return nil
}

func (w *watcher) Check(_ context.Context, url, token string, req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked, w.tokens = append(w.asked, *req), append(w.tokens, url+" "+token)
	return w.says(req)
}

func (w *watcher) will(says func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.says, w.asked = says, nil
}

func (w *watcher) questions() []adcp.CheckGovernanceRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// verdict is an answer that holds for an hour.
func verdict(h *house, v adcp.GovernanceDecision, change func(*adcp.CheckGovernanceResponse)) func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
	return func(req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
		r := &adcp.CheckGovernanceResponse{
			CheckID: "chk_1", PlanID: req.PlanID, Verdict: v, Explanation: "Because.",
			ExpiresAt: new(h.clock.Now().Add(time.Hour)), GovernanceContext: new("token-2"),
		}
		if change != nil {
			change(r)
		}
		return r, nil
	}
}

const govToken = "gov-token-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

// watched is what a house asks governance agents with: they deny plan_strict, know
// of no plan that is not named, and approve the rest.
func watched(t testing.TB, h *house) *seller.GovernanceConfig {
	t.Helper()
	box, err := secret.New(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	w := new(watcher)
	w.will(func(req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
		switch {
		case req.PlanID == "plan_strict":
			return verdict(h, adcp.GovernanceDecisionDenied, func(r *adcp.CheckGovernanceResponse) {
				r.Findings = []adcp.CheckGovernanceResponseFinding{{CategoryID: "budget", Severity: adcp.EscalationSeverityCritical, Explanation: "The plan has 1000 USD."}}
			})(req)
		case strings.HasPrefix(req.PlanID, "account:"):
			return nil, adcp.NewError(adcp.CodePlanNotFound, "plan_id", "There is no such plan.")
		}
		return verdict(h, adcp.GovernanceDecisionApproved, nil)(req)
	})
	return &seller.GovernanceConfig{Agents: w, Secrets: box}
}

func governedHouse(t *testing.T, allowUnplanned bool, options ...option) (*house, *watcher) {
	t.Helper()
	box, err := secret.New(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	w := new(watcher)
	h := sqliteHouse(t, append(options, func(c *seller.Config) {
		c.Governance = &seller.GovernanceConfig{Agents: w, Secrets: box, AllowUnplanned: allowUnplanned}
	})...)
	return h, w
}

func (h *house) watchedBy(url string) adcp.SyncGovernanceResponseAccount {
	h.t.Helper()
	resp := ask[adcp.SyncGovernanceResponse](h.t, &h.shop, "buyer", "sync_governance", h.registration(acme, url))
	return resp.Accounts[0]
}

func (h *house) registration(account object, urls ...string) object {
	var agents []object
	for _, u := range urls {
		agents = append(agents, object{"url": u, "authentication": object{"schemes": []string{"Bearer"}, "credentials": govToken}})
	}
	return object{"idempotency_key": h.key(), "accounts": []object{{"account": account, "governance_agents": agents}}}
}

func TestSyncGovernance(t *testing.T) {
	t.Parallel()
	h, _ := governedHouse(t, false)
	if got := h.watchedBy("https://gov.example/mcp"); got.Status != "synced" || got.GovernanceAgents[0].URL != "https://gov.example/mcp" {
		t.Errorf("answered %+v, want synced", got)
	}
	t.Run("ErrTwoAgents", func(t *testing.T) {
		e := h.refused("buyer", "sync_governance", h.registration(acme, "https://gov.example", "https://other.example"))
		if e.Code != adcp.CodeInvalidRequest && e.Code != adcp.CodeValidationError {
			t.Errorf("code %s", e.Code)
		}
	})
	for _, c := range []struct {
		name    string
		request object
		code    adcp.ErrorCode
	}{
		{"ErrAddressInside", h.registration(acme, "https://inside.example"), adcp.CodeValidationError},
		{"ErrAccountUnknown", h.registration(object{"account_id": "acct_none"}, "https://gov.example"), adcp.CodeAccountNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask[adcp.SyncGovernanceResponse](t, &h.shop, "buyer", "sync_governance", c.request).Accounts[0]
			if got.Status != "failed" || got.Errors[0].Code != c.code {
				t.Errorf("answered %+v, want failed with %s", got, c.code)
			}
		})
	}
	t.Run("CredentialIsSealed", func(t *testing.T) {
		id := h.account("buyer", "acme.example")
		r, err := h.db.Read().AccountGovernance(t.Context(), store.AccountGovernanceParams{Tenant: "shop", AccountID: id})
		if err != nil || strings.Contains(r.Credentials, govToken) || r.Credentials == "" {
			t.Errorf("kept as %q, %v", r.Credentials, err)
		}
	})
}

func TestGovernanceBeforeCommitment(t *testing.T) {
	t.Parallel()
	planned := object{"plan_id": "plan_1"}
	denial := func(r *adcp.CheckGovernanceResponse) {
		r.Findings = []adcp.CheckGovernanceResponseFinding{{CategoryID: "budget", Severity: adcp.EscalationSeverityCritical, Explanation: "Too much."}}
	}
	h, w := governedHouse(t, false)
	h.watchedBy("https://gov.example/mcp")
	order := func(budget string) object { return with(h.order(radio(budget)), planned) }

	t.Run("Approved", func(t *testing.T) {
		w.will(verdict(h, adcp.GovernanceDecisionApproved, nil))
		resp := h.book(with(order("5000"), object{"governance_context": "token-1"}))
		if adcp.Val(resp.GovernanceContext) != "token-2" {
			t.Errorf("governance_context %q, want the agent's token", adcp.Val(resp.GovernanceContext))
		}
		q := w.questions()
		if len(q) != 1 || q[0].PlanID != "plan_1" || adcp.Val(q[0].GovernanceContext) != "token-1" || adcp.Val(q[0].Phase) != adcp.GovernancePhasePurchase {
			t.Fatalf("asked %+v", q)
		}
		if p := q[0].PlannedDelivery; string(adcp.Val(p.TotalBudget)) != "5000" || adcp.Val(p.Currency) != "USD" || len(p.Geo.Countries) == 0 || len(p.Channels) != 1 {
			t.Errorf("planned delivery %+v", p)
		}
		if w.tokens[0] != "https://gov.example/mcp "+govToken {
			t.Errorf("presented %q", w.tokens[0])
		}
	})
	t.Run("PlanFromTheToken", func(t *testing.T) {
		w.will(verdict(h, adcp.GovernanceDecisionApproved, nil))
		token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"plan_9"}`)) + ".sig"
		h.book(with(h.order(radio("5000")), object{"governance_context": token}))
		if q := w.questions(); q[0].PlanID != "plan_9" {
			t.Errorf("asked about %s, want plan_9", q[0].PlanID)
		}
	})
	t.Run("ConditionsForPeople", func(t *testing.T) {
		w.will(verdict(h, adcp.GovernanceDecisionConditions, func(r *adcp.CheckGovernanceResponse) {
			r.Conditions = []adcp.CheckGovernanceResponseCondition{
				{Field: "reporting", Reason: "Weekly reports."}, {Field: "planned_delivery.currency", RequiredValue: json.RawMessage(`"USD"`), Reason: "Dollars."},
			}
		}))
		if resp := h.book(order("5000")); !strings.Contains(string(resp.Ext), "Weekly reports.") {
			t.Errorf("ext %s, want the conditions", resp.Ext)
		}
	})
	for _, c := range []struct {
		name    string
		says    func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error)
		order   object
		code    adcp.ErrorCode
		details string
	}{
		{"ErrDenied", verdict(h, adcp.GovernanceDecisionDenied, denial), order("50000"), adcp.CodeGovernanceDenied, "Too much."},
		{"ErrConditionNotMet", verdict(h, adcp.GovernanceDecisionConditions, func(r *adcp.CheckGovernanceResponse) {
			r.Conditions = []adcp.CheckGovernanceResponseCondition{{Field: "total_budget", RequiredValue: json.RawMessage(`4000`), Reason: "Less."}}
		}), order("5000"), adcp.CodeGovernanceDenied, "Less."},
		{"ErrUnreachable", func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
			return nil, errors.New("no route")
		}, order("5000"), adcp.CodeGovernanceUnavailable, ""},
		{"ErrLapsed", verdict(h, adcp.GovernanceDecisionApproved, func(r *adcp.CheckGovernanceResponse) { r.ExpiresAt = new(h.clock.Now()) }), order("5000"), adcp.CodeGovernanceUnavailable, ""},
		{"ErrNoExpiry", verdict(h, adcp.GovernanceDecisionApproved, func(r *adcp.CheckGovernanceResponse) { r.ExpiresAt = nil }), order("5000"), adcp.CodeGovernanceUnavailable, ""},
		{"ErrOtherPlan", verdict(h, adcp.GovernanceDecisionApproved, func(r *adcp.CheckGovernanceResponse) { r.PlanID = "plan_2" }), order("5000"), adcp.CodeGovernanceUnavailable, ""},
		{"ErrUnknownVerdict", verdict(h, "perhaps", nil), order("5000"), adcp.CodeGovernanceUnavailable, ""},
		{"ErrPlanUnknown", func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
			return nil, adcp.NewError(adcp.CodePlanNotFound, "plan_id", "No.")
		}, order("5000"), adcp.CodePlanNotFound, ""},
		{"ErrNoPlan", func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
			return nil, adcp.NewError(adcp.CodePlanNotFound, "plan_id", "No.")
		}, h.order(radio("5000")), adcp.CodePermissionDenied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.will(c.says)
			e := h.refused("buyer", "create_media_buy", with(c.order, object{"idempotency_key": h.key()}))
			if e.Code != c.code || !strings.Contains(string(e.Details), c.details) {
				t.Errorf("%s %s, want %s with %q", e.Code, e.Details, c.code, c.details)
			}
		})
	}
	t.Run("RecoveryAfterDenial", func(t *testing.T) {
		w.will(func(req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
			if *req.PlannedDelivery.TotalBudget == "50000" {
				return verdict(h, adcp.GovernanceDecisionDenied, denial)(req)
			}
			return verdict(h, adcp.GovernanceDecisionApproved, nil)(req)
		})
		h.refused("buyer", "create_media_buy", order("50000"))
		h.book(order("8000"))
	})
	t.Run("OtherAccountsAreNotWatched", func(t *testing.T) {
		w.will(verdict(h, adcp.GovernanceDecisionDenied, denial))
		h.book(with(h.order(radio("5000")), object{"account": named("nova.example", "nova.example"), "brand": object{"domain": "nova.example"}}))
		if n := len(w.questions()); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestGovernanceOfUnplannedOrdersInTheSandbox(t *testing.T) {
	t.Parallel()
	h, w := governedHouse(t, true)
	h.watchedBy("https://gov.example/mcp")
	w.will(func(*adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
		return nil, adcp.NewError(adcp.CodePlanNotFound, "plan_id", "No.")
	})
	h.book(h.order(radio("5000")))
	if q := w.questions(); q[0].PlanID != "account:acme.example/acme.example" {
		t.Errorf("asked about %q, want the account", q[0].PlanID)
	}
	w.will(verdict(h, adcp.GovernanceDecisionDenied, nil))
	if e := h.refused("buyer", "create_media_buy", h.order(radio("5000"))); e.Code != adcp.CodeGovernanceDenied {
		t.Errorf("code %s, want a denial to count", e.Code)
	}
}

func TestGovernanceOfChanges(t *testing.T) {
	t.Parallel()
	h, w := governedHouse(t, false)
	h.watchedBy("https://gov.example/mcp")
	w.will(verdict(h, adcp.GovernanceDecisionApproved, nil))
	b := h.book(with(h.order(radio("5000")), object{"plan_id": "plan_1"}))
	pkg := b.Packages[0].PackageID
	budget := func(n string) object {
		return object{"packages": []object{{"package_id": pkg, "budget": json.Number(n)}}}
	}
	w.will(verdict(h, adcp.GovernanceDecisionDenied, nil))
	if e := h.refused("buyer", "update_media_buy", h.update(*b.MediaBuyID, budget("9000"))); e.Code != adcp.CodeGovernanceDenied {
		t.Errorf("code %s, want %s", e.Code, adcp.CodeGovernanceDenied)
	}
	q := w.questions()
	if len(q) != 1 || adcp.Val(q[0].Phase) != adcp.GovernancePhaseModification || adcp.Val(q[0].GovernanceContext) != "token-2" ||
		q[0].PlanID != "plan_1" || !strings.Contains(adcp.Val(q[0].ModificationSummary), "9000") {
		t.Errorf("asked %+v", q)
	}
	h.change(*b.MediaBuyID, object{"paused": true})
	if n := len(w.questions()); n != 1 {
		t.Errorf("asked about a pause")
	}
}

func TestGovernanceLapsesWhileAPersonDecides(t *testing.T) {
	t.Parallel()
	h, w := governedHouse(t, false)
	h.watchedBy("https://gov.example/mcp")
	w.will(verdict(h, adcp.GovernanceDecisionApproved, nil))
	resp := ask[adcp.CreateMediaBuyResponse](t, &h.shop, "buyer", "create_media_buy", with(h.order(television("30000")), object{
		"plan_id": "plan_1", "start_time": "2027-03-15T00:00:00Z", "end_time": "2027-03-25T00:00:00Z",
	}))
	w.will(verdict(h, adcp.GovernanceDecisionDenied, nil))
	h.clock.AdvanceTo(h.clock.Now().Add(2 * time.Hour))
	if err := h.service.Approve(t.Context(), *resp.TaskID, account.Staff{Name: "ann", Roles: []account.Role{account.RoleAdmin}}, ""); err != nil {
		t.Fatal(err)
	}
	h.tick()
	if n := len(w.questions()); n != 1 {
		t.Errorf("asked %d times again, want once", n)
	}
	status := ask[adcp.GetTaskStatusResponse](t, &h.shop, "buyer", "get_task_status", object{"task_id": *resp.TaskID})
	if status.Status != adcp.TaskStatusFailed || status.Error == nil || status.Error.Code != string(adcp.CodeGovernanceDenied) {
		t.Errorf("task %s %+v, want failed for the denial", status.Status, status.Error)
	}
	if _, err := h.adServer.AdServer.Read(t.Context(), "none"); !errors.Is(err, adserver.ErrNotFound) {
		t.Error(err)
	}
}
