// Package signing is the protocol's cryptographic identity on HTTP: message
// signatures (RFC 9421) in the two profiles of AdCP, one for requests and one
// for webhooks, the keys they are made with, and the older webhook schemes.
//
// A caller makes a [Signer] with its private key and puts it into a
// [Transport]; every request that goes through is signed. A server makes a
// [Verifier] with a [KeySource], a [ReplayGuard] and [Revocations], and wraps
// its handler with [NewMiddleware]; [IdentityFrom] then names the agent that
// signed. Neither needs more than that, and both work on a [Message] where
// there is no http.Request.
//
// The verifier applies the protocol's checklist in its order and stops at the
// first rule that is broken; the [Error] it returns carries the published code
// and the step. The code is all that a counterparty is told.
//
// Keys are found the protocol's way: the agent's capabilities name its
// operator's brand.json, the entry of that agent names the key set, and the key
// set holds the key ([Directory]). All of it is read over https, bounded, cached
// with an age, without redirects, and by one reader at a time.
//
// Where the protocol's text and its published test vectors disagree, the
// vectors win; doc comments say where. The package imports adcp, adcp/egress and
// nothing else of this module.
package signing
