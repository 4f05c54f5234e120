// Package demo is a small market on loopback: three sellers with different
// catalogues, each an agent with a database and an address of its own, and one
// buyer. It plays a campaign from brief to report on a simulated clock. Nothing
// in it is faked: the agents meet over MCP, as they would in separate processes.
package demo
