// Package client calls other people's agents. A [Client] has a typed method for
// each operation of the protocol, such as [Client.GetProducts], and [FanOut] asks
// many agents at once. Around each call is everything that a careful caller
// does: the release both sides speak, an idempotency key kept over retries,
// retries only where the other side says that the fault is passing, limits on
// time and size, and the answer checked against the published schema.
//
// What comes back from a stranger is data. Error texts are cut and cleaned
// before anyone sees them, and no decision is ever taken from their words: only
// from an error's code and recovery class.
//
// The package imports nothing of internal/ and knows neither MCP nor A2A; the
// transports are those of packages adcp/mcp and adcp/a2a, and [Config] chooses.
package client
