// Package agent is everything between a wire and a handler: whoever builds an
// AdCP agent writes one typed function for each operation and nothing else.
//
// An [Agent] puts the same steps around every handler, in one order and for
// every transport: credential, version, schema, account, permission,
// idempotency, rate limit, handler, response check, envelope. A transport such as
// package adcp/mcp hands it an operation's name, the arguments as they came and the
// credential, and sends back the [Response] as it is; it has no code of its own
// for a task.
//
// A handler answers now, or later: with [Submitted], [Working] or [InputRequired]
// its call becomes a [Task] that belongs to the caller. [HandleTasks] serves
// get_task_status and list_tasks from a [Tasks], which keeps them in a [TaskStore],
// or from books of the agent's own ([TaskSource]). How a task may go on is a table,
// in task_state.go.
//
// The package knows no transport, no database and nothing of internal/: time,
// credentials, the memory of idempotency keys and of tasks, and what tells callers
// of them are ports ([Clock], [Authenticator], [IdempotencyStore], [TaskStore],
// [TaskNotifier]).
package agent
