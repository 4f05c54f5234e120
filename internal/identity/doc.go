// Package identity is who this program is to others: the keys that it signs
// requests and webhooks with ([Keys]), the documents that lead counterparties to
// them ([Self]: brand.json, the key set, adagents.json), and, for the sandbox, a
// certificate authority of its own, because those documents are only ever read
// over https ([Authority]).
//
// It imports nothing of this module but adcp, adcp/signing and internal/clock.
package identity
