// Package buyer is the brand's agent: it takes a typed brief, asks every seller
// side by side what they offer, makes the offers comparable, plans how the
// budget is split and says why, waits for a person's approval, books, follows
// what sellers decide later, brings creatives and reads delivery back.
//
// Everything it decides follows from typed, bounded values: what a seller wrote
// in words is shown, shortened and cleaned, and never read for meaning. Planning
// is pure and exact: integers only, the same offers give the same plan in
// whatever order they arrive. A campaign is a durable state machine
// ([Transitions]); each step is stored before and after it leaves the process,
// so that a killed agent goes on where it was and books nothing twice.
//
// Money is held in a ledger of exact entries. Nothing is reserved, and so
// nothing is booked, without an authority that covers it; the check and the
// reservation are one transaction.
//
// It meets sellers only on the wire, through adcp/client. It must not import
// internal/seller, internal/adserver, or any transport.
package buyer
