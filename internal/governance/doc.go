// Package governance is what a seller says to the agent that watches over a buyer's
// spending (AdCP 3.1, check_governance): over MCP, to public https addresses only,
// within a deadline, and never twice as long as it was promised.
//
// It imports adcp, adcp/client and adcp/egress; no agent of ours.
package governance
