// Package seller is the sales agent: the catalogue it sells from, discovery
// (what it can do, products, formats), media buys and their packages, the tasks
// that follow a change until the ad server holds it, creatives, accounts and
// delivery.
//
// A [Service] is made with [New] and puts its handlers on an agent with
// [Service.Register]. What the seller sells is a [Catalogue], loaded from YAML
// with [LoadCatalogue].
//
// It imports adcp, adcp/agent, adserver, brief, job, store, money, clock and id.
// It never imports buyer, server, a transport or an adapter of an ad server: a
// brand's agent meets it on the wire.
package seller
