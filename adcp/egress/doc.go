// Package egress guards calls to addresses that a counterparty names, such as the
// receivers of webhooks and the places of published keys: https only, public
// addresses only, connected to the very address that was looked at, without proxy
// or redirect, bounded in time and size. It imports nothing of this module.
package egress
