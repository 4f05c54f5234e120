// Package inventory is the ledger of what a seller has promised: guaranteed
// impressions, by product, country and day.
//
// A [Claim] is what a package, or a proposal's hold, wants of a product over a
// flight. [Plan] turns it into [Line]s, whole impressions a day, or says how many
// are left; it is arithmetic only. A [Ledger] keeps the lines of every owner in
// the database and plans against them in the caller's transaction, so that two
// buyers never both get the last ones.
//
// # Why days
//
// A claim is spread evenly over the days of its flight, because even delivery is
// what a buyer is promised unless it asks otherwise (enums/pacing.json), and no
// day is promised twice. So whatever has been accepted can be delivered, each
// claim by itself and all of them together. A claim may be refused that a cleverer
// timetable would fit in; no claim is accepted that cannot be kept. Days are
// calendar days in UTC. One that a flight covers for less than half counts for
// nothing, and no flight can claim more than its hours' part of the capacity.
//
// A day's reservation of a product is the sum of its lines. Lines with an expiry
// count until then and not an instant longer, whoever cleans up and whenever.
//
// The package imports store and money, and never its parent.
package inventory
