// Package conversion is what advertisers tell of what people did after an ad: event
// sources on an account, the events logged for them (AdCP 3.1, sync_event_sources
// and log_event), and which of them count for a package's goals. An event counts
// once, whichever source told of it; user data is matched when it comes and not
// kept, and anything that looks like a raw address is refused.
//
// It imports adcp, adcp/agent, adserver, money, store, clock, id and seller/pii;
// never seller, which asks it what an account has and what its events are worth.
package conversion
