// Package clock is where time comes from: the machine's in production, a
// simulated one in tests, sandboxes and demonstrations. It imports nothing of
// this module.
package clock
