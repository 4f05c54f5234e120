package governance_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/mcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/governance"
)

const token = "gov-token-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

// authority is a governance agent on a TLS port of this machine.
func authority(t *testing.T, check agent.Handler[adcp.CheckGovernanceRequest, adcp.CheckGovernanceResponse]) (string, *governance.Client) {
	t.Helper()
	a := agent.New(agent.Config{
		Clock: clock.System{},
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			if c.Value != token && c.Scheme != "" {
				return agent.Caller{}, agent.ErrBadCredential
			}
			return agent.Caller{Tenant: "t", Principal: "seller", Anonymous: c.Scheme == ""}, nil
		}),
	})
	agent.Handle(a, adcp.CheckGovernance, check)
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		return &adcp.GetAdcpCapabilitiesResponse{
			Status: adcp.TaskStatusCompleted,
			Adcp: adcp.GetAdcpCapabilitiesResponseAdcp{
				MajorVersions: []int64{3}, SupportedVersions: adcp.Releases(),
				Idempotency: adcp.GetAdcpCapabilitiesResponseAdcpIdempotency{Supported: true, ReplayTTLSeconds: new(int64(86400))},
			},
			SupportedProtocols: []adcp.GetAdcpCapabilitiesResponseSupportedProtocol{"governance"},
		}, nil
	})
	s := httptest.NewTLSServer(mcp.NewHandler(a, mcp.Options{}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c, err := governance.New(governance.Config{Guard: egress.New(egress.Config{AllowLoopback: true, RootCAs: roots}), Within: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, c
}

func question() *adcp.CheckGovernanceRequest {
	return &adcp.CheckGovernanceRequest{
		PlanID: "plan_1", Caller: "https://seller.example", Phase: new(adcp.GovernancePhasePurchase),
		PlannedDelivery: &adcp.PlannedDelivery{TotalBudget: new(adcp.Decimal("5000")), Currency: new("USD")},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	url, c := authority(t, func(_ context.Context, _ *agent.Call, req *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
		if req.PlanID != "plan_1" {
			return nil, adcp.NewError(adcp.CodePlanNotFound, "plan_id", "There is no such plan.")
		}
		return &adcp.CheckGovernanceResponse{
			CheckID: "chk", PlanID: req.PlanID, Verdict: adcp.GovernanceDecisionApproved, Explanation: "Fine.",
			ExpiresAt: new(time.Now().Add(time.Hour).UTC()),
		}, nil
	})
	t.Run("OK", func(t *testing.T) {
		resp, err := c.Check(t.Context(), url, token, question())
		if err != nil || resp.Verdict != adcp.GovernanceDecisionApproved || resp.PlanID != "plan_1" {
			t.Fatalf("got %+v, %v", resp, err)
		}
	})
	t.Run("ErrPlanUnknown", func(t *testing.T) {
		q := question()
		q.PlanID = "plan_2"
		_, err := c.Check(t.Context(), url, token, q)
		if refused, ok := errors.AsType[*adcp.Error](err); !ok || refused.Code != adcp.CodePlanNotFound {
			t.Errorf("got %v, want %s", err, adcp.CodePlanNotFound)
		}
	})
	t.Run("ErrBadCredential", func(t *testing.T) {
		if _, err := c.Check(t.Context(), url, "somebody else's", question()); err == nil {
			t.Error("a bad credential got a verdict")
		}
	})
	t.Run("ErrForbiddenAddress", func(t *testing.T) {
		guarded, err := governance.New(governance.Config{Guard: egress.New(egress.Config{})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := guarded.Check(t.Context(), url, token, question()); !errors.Is(err, governance.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, governance.ErrUnavailable)
		}
		if guarded.CheckURL("https://127.0.0.1/mcp") == nil || guarded.CheckURL("https://gov.example/mcp") != nil {
			t.Error("CheckURL does not tell a loopback address from a public one")
		}
	})
}

func TestCheckKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	release := make(chan struct{})
	url, c := authority(t, func(ctx context.Context, _ *agent.Call, _ *adcp.CheckGovernanceRequest) (*adcp.CheckGovernanceResponse, error) {
		asked.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil, errors.New("too late")
	})
	defer close(release)
	begun := time.Now()
	if _, err := c.Check(t.Context(), url, token, question()); !errors.Is(err, governance.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, governance.ErrUnavailable)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("took %s of the 2 s allowed", took)
	}
}

func TestNewNeedsAGuard(t *testing.T) {
	t.Parallel()
	if _, err := governance.New(governance.Config{}); err == nil {
		t.Error("a client without a guard was made")
	}
}
