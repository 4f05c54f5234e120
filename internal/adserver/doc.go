// Package adserver is the port to an ad server: the system that really delivers
// what a sales agent has sold. A sales agent turns a media buy into an [Order],
// has an [Adapter] apply it, reads it back and compares with [Diff]; only then may
// it tell a buyer that the change is completed.
//
// Each ad server is a directory below this one; builtin is the first. Whatever
// the adapter, it passes the suite in adservertest.
//
// The package imports money and nothing else of this module: no agent, no store,
// no wire types. Names of pricing models and pacing are the protocol's own
// (AdCP 3.1, enums/pricing-model and enums/pacing).
package adserver
