// Package sandbox is the test driver's way into a sales agent: comply_test_controller,
// with which it seeds what a test needs, forces states that would take a person or
// a month, and simulates delivery. Its operation is served to sandbox principals
// only, and not at all by an agent that trades: nobody but a sandbox's composition
// root makes a [Controller].
//
// The seller knows nothing of it. What is seeded or forced goes through the
// seller's own methods and state machines, and what shapes coming calls is laid
// around the seller's handlers (adcp/agent, [agent.Before] and [agent.After]).
package sandbox
