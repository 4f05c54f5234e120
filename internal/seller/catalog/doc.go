// Package catalog is what advertisers hand in of what they sell: typed feeds of
// items on an account (AdCP 3.1, sync_catalogs), each item looked at by the rules of
// its type, from which packages show ads. It is not the seller's own catalogue of
// products.
//
// It imports adcp, adcp/agent, money, store, clock and id; never seller, which asks
// it what an account has.
package catalog
