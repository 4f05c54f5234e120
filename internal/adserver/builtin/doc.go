// Package builtin is an ad server that needs no partner: it holds orders in the
// agent's own database and delivers them by the hour, on the agent's clock, from
// supply that is declared for each product. It serves demonstrations, sandboxes, and
// publishers who want to see how their rate card would deliver.
//
// What an hour delivers depends on the seed, the product, the hour, and the orders
// as they stood when the hour ended; not on how often [AdServer.Deliver] is
// called, nor on which process calls it, nor on where a killed one stopped. An hour's rows, the
// totals they add up to and the mark that the hour was run are one transaction.
//
// There are no floating-point numbers here: amounts are micros, rates are parts
// per million.
//
// The package imports adserver, store, clock and money; no agent.
package builtin
