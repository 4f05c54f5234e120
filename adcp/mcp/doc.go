// Package mcp carries the protocol over MCP, on both sides: [NewHandler] serves
// an agent's operations as tools over streamable HTTP, and [Dial] calls other
// agents' tools. It is the only package that knows the MCP SDK.
//
// Serving is stateless and answers in JSON, so that any process can answer any
// request and a bare POST of tools/call without a handshake works. Callers that
// name MCP's release 2025-06-18 or a later one, which has structured content, get
// a sentence as text beside it; all others get the answer's JSON as text too. It has no
// code of its own for any task: tools are the rows of the operation table that
// the agent serves.
package mcp
