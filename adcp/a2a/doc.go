// Package a2a carries the protocol over A2A, on both sides: [NewHandler] serves
// an agent's operations as skills over JSON-RPC, and [Dial] calls other agents'
// skills. It is the only package that knows the A2A SDK, and the twin of
// package adcp/mcp.
//
// One endpoint speaks A2A 1.0 and 0.3; a request's method name tells which, and
// what is said in 0.3 is translated at the edge, both ways. The SDK's own
// package for 0.3 is not used, because it links a whole gRPC stack for a
// protocol that is spoken here over HTTP only.
//
// Two lifecycles meet in A2A and are kept apart, as the protocol has it. An A2A
// task is one call: it is completed when the agent has answered, and failed
// when the answer is a refusal. What the answer starts, such as a media buy that
// waits for a signature, is the agent's own task: the answer says "submitted"
// and names it, and it is followed with get_task_status. Such a task can also be
// read as an A2A task, under its own name, and then has the state that
// corresponds to its status.
package a2a
