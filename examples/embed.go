// Package examples holds what can be tried: briefs to run, catalogues to sell
// from, and a commented configuration. It is embedded in the program, so that
// its demonstration needs no files.
package examples

import "embed"

// Briefs holds briefs/*, as text, YAML and JSON.
//
//go:embed briefs
var Briefs embed.FS

// Catalogues holds catalogues/*.yaml, one a seller.
//
//go:embed catalogues
var Catalogues embed.FS

// DemoBrief is the brief in briefs/ that a demonstration plays by default. Its
// flight is relative to the day on which it is played.
const DemoBrief = "demo.txt"
