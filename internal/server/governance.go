package server

import (
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/internal/governance"
	"github.com/upfront-media/upfront/internal/seller"
)

// governanceAgents is how the agent asks those that watch over buyers' spending, nil
// where it has nothing to seal their credentials with. In the sandbox orders need
// name no plan: what is tried there is seldom governance.
func governanceAgents(c SalesConfig) (*seller.GovernanceConfig, error) {
	if c.Webhooks == nil {
		return nil, nil
	}
	agents, err := governance.New(governance.Config{Guard: egress.New(egress.Config{AllowLoopback: c.Webhooks.AllowLoopback})})
	if err != nil {
		return nil, err
	}
	return &seller.GovernanceConfig{Agents: agents, Secrets: c.Webhooks.Secrets, AllowUnplanned: len(c.TestKits) > 0}, nil
}
