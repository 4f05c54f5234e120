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
// Two lifecycles meet in A2A and are kept apart, as the protocol and its graders have
// it. An A2A task is one call: it is completed when the agent has answered, failed
// when the answer is a refusal, and in input-required when the answer asks the caller
// for more; a message to it then makes the call again. What the answer starts, such as
// a media buy that waits for a signature, is the agent's own task: the answer says
// "submitted" and names it, in the artifact's metadata as adcp_task_id.
//
// The agent's own task is an A2A task too, under its own name, whose state follows
// the agent's until the final artifact. It is as durable as the agent keeps it, and is
// read, listed, streamed, answered, canceled and told of in both releases. A caller is
// given it in the place of the finished call where it streams the message or does not
// want to wait (returnImmediately, or blocking: false in 0.3), unless it has activated
// the profile of 3.2, and where the task asks it something.
package a2a
