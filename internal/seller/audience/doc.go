// Package audience is what buyers hand in about people to reach or to avoid: lists
// of hashed identifiers on an account (AdCP 3.1, sync_audiences), matched by the ad
// server and held by it. Anything that looks like a raw address, number or name is
// refused before it is looked at further, and identifiers are not kept once they are
// matched.
//
// It imports adcp, adcp/agent, adserver, job, store, money, clock, id and seller/pii; never
// seller, which asks it what an account has.
package audience
