package seller

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
)

// GovernanceAgents is how the seller asks the agents that watch over buyers'
// spending.
type GovernanceAgents interface {
	// CheckURL tells why an address could not be called, as far as that can be told
	// without calling it.
	CheckURL(url string) error
	// Check asks the agent at url, with the credential that the buyer gave for it. An
	// error that is an [*adcp.Error] is the agent's own refusal to look; any other
	// means that there is no verdict.
	Check(ctx context.Context, url, token string, req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error)
}

// GovernanceConfig has the seller ask before it commits to what an account buys.
type GovernanceConfig struct {
	Agents GovernanceAgents
	// Secrets seals the credentials that buyers hand in. Required.
	Secrets *secret.Box
	// AllowUnplanned lets an order through that names no plan, where the account's
	// agent, asked in the account's name, knows of none either or cannot be asked. It
	// is for the sandbox. Without it such an order is refused: who leaves the plan out
	// does not get around it.
	AllowUnplanned bool
}

// Governance is what came of asking the buyer's governance agent about a media buy.
type Governance struct {
	PlanID  string                  `json:"plan_id"`
	CheckID string                  `json:"check_id"`
	Verdict adcp.GovernanceDecision `json:"verdict"`
	// Context is the agent's token for everything that concerns this buy.
	Context    string                                  `json:"context,omitzero"`
	Conditions []adcp.CheckGovernanceResponseCondition `json:"conditions,omitzero"`
	Findings   []adcp.CheckGovernanceResponseFinding   `json:"findings,omitzero"`
	ExpiresAt  time.Time                               `json:"expires_at,omitzero"`
}

// governed is one question to a governance agent.
type governed struct {
	accountID string
	account   adcp.AccountReference
	buy       *MediaBuy
	phase     adcp.GovernancePhase
	// plan and token are the request's, or those of the buy's last check.
	plan, token string
	summary     string
}

// tokenOf reads the token that a request brings in the protocol's envelope.
func tokenOf(arguments json.RawMessage) string {
	var envelope struct {
		GovernanceContext string `json:"governance_context"`
	}
	_ = json.Unmarshal(arguments, &envelope) // it has passed its schema
	return envelope.GovernanceContext
}

// planOf is the plan that a signed token is about, "" where it does not say. It only
// says whom to ask about what: whether the token is good is the agent's to know.
func planOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Subject string `json:"sub"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Subject
}

// governPurchase asks about a new media buy.
func (s *Service) governPurchase(ctx context.Context, call *agent.Call, account *Account, b *MediaBuy) error {
	token := tokenOf(call.Arguments)
	return s.govern(ctx, governed{
		accountID: account.ID, account: account.reference(), buy: b, phase: adcp.GovernancePhasePurchase,
		plan: firstOf(b.Terms.PlanID, planOf(token)), token: token,
	})
}

// governChange asks about a change that makes the seller promise more.
func (s *Service) governChange(ctx context.Context, call *agent.Call, account *Account, u *update) error {
	commits := false
	for _, a := range u.attempts {
		commits = commits || a.action.commits() || a.action == ActionUpdateTargeting
	}
	if !commits {
		return nil
	}
	g := governed{
		accountID: account.ID, account: account.reference(), buy: u.buy, phase: adcp.GovernancePhaseModification,
		plan: u.buy.Terms.PlanID, token: tokenOf(call.Arguments),
	}
	if before := u.buy.Governance; before != nil {
		g.plan, g.token = firstOf(g.plan, before.PlanID), firstOf(g.token, before.Context)
	}
	g.plan = firstOf(g.plan, planOf(g.token))
	var done []string
	for _, e := range u.done {
		done = append(done, strings.TrimSpace(e.Action+" "+e.Summary))
	}
	g.summary = strings.Join(done, "; ")
	return s.govern(ctx, g)
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// governAgain asks once more about an order whose approval lapsed while a person
// decided on it. An answer that cannot be had is an error to try again after.
func (s *Service) governAgain(ctx context.Context, t *Task, c BuyChange) error {
	g := c.Buy.Governance
	if g == nil || g.ExpiresAt.IsZero() || !t.DecidedAt.After(g.ExpiresAt) {
		return nil
	}
	phase := adcp.GovernancePhaseModification
	if c.New {
		phase = adcp.GovernancePhasePurchase
	}
	r, err := row(s.db.Read().SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: t.Principal, AccountID: t.AccountID}))
	if err != nil {
		return err
	}
	a, err := accountOf(r)
	if err != nil {
		return err
	}
	err = s.govern(ctx, governed{
		accountID: t.AccountID, account: a.reference(), buy: c.Buy, phase: phase, plan: g.PlanID, token: g.Context,
	})
	if refused, ok := errors.AsType[*adcp.Error](err); ok && refused.Code == adcp.CodeGovernanceUnavailable {
		return fmt.Errorf("approved at %s, which lapsed at %s: %s", stamp(t.DecidedAt), stamp(g.ExpiresAt), refused.Message)
	}
	return err
}

// govern asks the account's governance agent, if it has one, and notes what it says
// in the media buy. Nothing but an approval lets the buy go on.
func (s *Service) govern(ctx context.Context, g governed) error {
	r, err := row(s.db.Read().AccountGovernance(ctx, store.AccountGovernanceParams{Tenant: s.tenant, AccountID: g.accountID}))
	if errors.Is(err, errNoRow) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("governance of %s: %w", g.accountID, err)
	}
	if s.governance == nil {
		return errNoVerdict("This seller cannot ask governance agents at present.")
	}
	token, err := s.governance.Secrets.Open(r.Credentials, governancePlace(g.accountID))
	if err != nil {
		return fmt.Errorf("credential of %s: %w", g.accountID, err)
	}
	req := s.question(g)
	resp, err := s.governance.Agents.Check(ctx, r.URL, token, req)
	if refused, ok := errors.AsType[*adcp.Error](err); ok {
		return s.unasked(ctx, g, req, refused)
	}
	if err != nil {
		s.log.WarnContext(ctx, "no verdict", "account", g.accountID, "agent", r.URL, "error", err)
		if g.plan == "" && s.governance.AllowUnplanned {
			return nil
		}
		return errNoVerdict("The account's governance agent cannot be reached or gives no verdict.")
	}
	if err := s.noteCheck(ctx, g, req, resp); err != nil {
		return err
	}
	return s.heed(g, req, resp)
}

// errNoVerdict is what a buyer is told who must wait for its governance agent.
func errNoVerdict(message string) *adcp.Error {
	return adcp.NewError(adcp.CodeGovernanceUnavailable, "", message+" Nothing was committed.").
		WithSuggestion("Try again later with a new idempotency_key; if it lasts, have a person look at the governance agent.")
}

// question is the check as the protocol has a seller ask it: what it would deliver.
// Where no plan is named the account's natural key stands in its place.
func (s *Service) question(g governed) *adcp.CheckGovernanceRequest {
	req := &adcp.CheckGovernanceRequest{
		PlanID: g.plan, Caller: s.agentURL, Phase: new(g.phase), PlannedDelivery: g.buy.plannedDelivery(s.shelf()),
	}
	if g.plan == "" {
		req.PlanID = "account:" + g.account.Brand.Domain + "/" + adcp.Val(g.account.Operator)
	}
	if g.token != "" {
		req.GovernanceContext = new(g.token)
	}
	if g.summary != "" {
		req.ModificationSummary = new(g.summary[:min(len(g.summary), 1000)])
	}
	return req
}

// unasked is what follows when the agent would not look: a plan that it does not
// know is no approval.
func (s *Service) unasked(ctx context.Context, g governed, req *adcp.CheckGovernanceRequest, refused *adcp.Error) error {
	s.log.WarnContext(ctx, "a governance agent would not look", "account", g.accountID, "plan", req.PlanID, "code", refused.Code)
	if g.plan != "" {
		if refused.Code == adcp.CodePlanNotFound {
			return refusal(adcp.CodePlanNotFound, "plan_id", "The account's governance agent knows no such plan.").
				WithSuggestion("Sync the plan with the governance agent, or name one that it has.")
		}
		return errNoVerdict("The account's governance agent would not look at the order (" + string(refused.Code) + ").")
	}
	if refused.Code == adcp.CodePlanNotFound && s.governance.AllowUnplanned {
		return nil
	}
	return refusal(adcp.CodePermissionDenied, "plan_id", "The account has a governance agent, and the order names no plan for it to look at.").
		WithSuggestion("Send plan_id, with the governance_context of your own check_governance.")
}

// heed does what the verdict says.
func (s *Service) heed(g governed, req *adcp.CheckGovernanceRequest, resp *adcp.CheckGovernanceResponse) error {
	details := map[string]any{
		"plan_id": resp.PlanID, "check_id": resp.CheckID, "explanation": resp.Explanation, "findings": resp.Findings,
	}
	denied := func(message string) *adcp.Error {
		return adcp.NewError(adcp.CodeGovernanceDenied, "", message).
			WithSuggestion("Read the findings, change the order to meet them, and send it with a new idempotency_key.").WithDetails(details)
	}
	switch resp.Verdict {
	case adcp.GovernanceDecisionDenied:
		return denied("The account's governance agent denied the order.")
	case adcp.GovernanceDecisionApproved, adcp.GovernanceDecisionConditions:
	default:
		return errNoVerdict("The account's governance agent gave a verdict that this seller does not know.")
	}
	switch {
	case resp.PlanID != req.PlanID:
		return errNoVerdict("The account's governance agent answered for another plan.")
	case resp.ExpiresAt == nil || !resp.ExpiresAt.After(s.now()):
		return errNoVerdict("The account's governance agent gave an approval that has lapsed.")
	}
	if field := unmet(req.PlannedDelivery, resp.Conditions); field != "" {
		details["conditions"] = resp.Conditions
		return denied("The account's governance agent approves the order under conditions that it does not meet, of " + field + ".")
	}
	g.buy.Governance = &Governance{
		PlanID: resp.PlanID, CheckID: resp.CheckID, Verdict: resp.Verdict, Context: firstOf(adcp.Val(resp.GovernanceContext), g.token),
		Conditions: resp.Conditions, Findings: resp.Findings, ExpiresAt: micro(*resp.ExpiresAt),
	}
	return nil
}

// unmet names the first condition whose value the planned delivery does not have.
// The seller changes nothing that was agreed, so such an order is the buyer's to
// change; conditions without a value are passed on for people.
func unmet(planned *adcp.PlannedDelivery, conditions []adcp.CheckGovernanceResponseCondition) string {
	doc, err := json.Marshal(planned)
	if err != nil {
		return "planned_delivery"
	}
	for _, c := range conditions {
		if len(c.RequiredValue) == 0 || string(c.RequiredValue) == "null" {
			continue
		}
		at := any(nil)
		if json.Unmarshal(doc, &at) != nil {
			return c.Field
		}
		for name := range strings.SplitSeq(strings.TrimPrefix(c.Field, "planned_delivery."), ".") {
			members, _ := at.(map[string]any)
			at = members[name]
		}
		var want any
		if json.Unmarshal(c.RequiredValue, &want) != nil || !sameValue(at, want) {
			return c.Field
		}
	}
	return ""
}

func sameValue(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// noteCheck writes down what was asked and what was said, whatever becomes of the
// order: every decision can be read later.
func (s *Service) noteCheck(ctx context.Context, g governed, req *adcp.CheckGovernanceRequest, resp *adcp.CheckGovernanceResponse) error {
	doc, err := json.Marshal(map[string]any{"request": req, "response": resp})
	if err != nil {
		return err
	}
	now := s.now()
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.InsertGovernanceCheck(ctx, store.InsertGovernanceCheckParams{
			Tenant: s.tenant, ID: id.New(), AccountID: g.accountID, MediaBuyID: g.buy.ID, Phase: string(g.phase),
			PlanID: req.PlanID, Verdict: string(resp.Verdict), Document: string(doc), CheckedAt: store.Micros(now),
		}); err != nil {
			return fmt.Errorf("governance check: %w", err)
		}
		return tx.AppendEvent(ctx, store.Event{
			Tenant: s.tenant, ID: id.New(), At: now, Kind: "governance." + string(resp.Verdict), Subject: g.buy.ID,
			Actor: "governance_agent", Document: json.RawMessage(fmt.Sprintf(`{"check_id":%q}`, resp.CheckID)),
		})
	})
}
