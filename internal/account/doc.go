// Package account knows who calls: tenants, principals, their credentials and
// what those are good for.
//
// A [Directory] authenticates: API keys from the configuration, API keys from the
// store, made and ended by a [Keyring], and bearer tokens of an OAuth issuer.
// Keys are kept as SHA-256 digests and shown once, when they are made. What a
// credential is good for, a [Scope], travels with the caller as an
// [github.com/upfront-media/upfront/adcp/agent.Permission].
//
// It stands on the protocol's agent kit and the store, and knows neither jobs nor
// the agents that it guards.
package account
