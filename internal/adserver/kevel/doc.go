// Package kevel is an adapter to Kevel's ad server, through its public management
// and reporting API (https://dev.kevel.com/reference). It has been run against a fake
// that was written from that reference, never against the live service.
//
// An order is a campaign, a line item a flight. What serves is in Kevel's own
// fields; what Kevel has no field for is in one custom field, "upfront", of campaigns
// and flights, which Kevel's support must set up for the network. What
// Kevel cannot hold exactly is refused.
//
// Kevel has no transactions. A change therefore closes the campaign first, changes its
// flights, reads them back, and opens it again: nothing is served in
// between, and [AdServer.Read] answers unavailable. A change that was cut
// off is repaired by the next [AdServer.Apply]. The campaign keeps a sum over its flights, so
// that answers of different ages are not taken for an order.
//
// Two processes must not change one order at the same time: Kevel could not tell
// them apart. The ads of a flight are not managed here: an order with creatives is refused.
//
// The package imports adserver, money and clock; no agent.
package kevel
