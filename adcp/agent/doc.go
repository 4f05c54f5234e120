// Package agent is everything between a wire and a handler: whoever builds an
// AdCP agent writes one typed function for each operation and nothing else.
//
// An [Agent] puts the same steps around every handler, in one order and for
// every transport: credential, version, schema, account, permission,
// idempotency, rate limit, handler, response check, envelope. A transport such as package
// adcp/mcp hands it an operation's name, the arguments as they came and the
// credential, and sends back the [Response] as it is; it has no code of its own
// for a task.
//
// The package knows no transport, no database and nothing of internal/: time,
// credentials and the memory of idempotency keys are ports ([Clock],
// [Authenticator], [IdempotencyStore]) that [Config] takes.
package agent
