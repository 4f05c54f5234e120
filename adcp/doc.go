// Package adcp is the Ad Context Protocol in Go: the wire types of release 3.1,
// the table of its operations, its error catalogue and the validation of
// documents against its schemas. It is for anyone who builds an agent; it
// imports nothing from internal/.
//
// Types and structural schemas are generated from the published JSON Schemas
// (bundle 3.1.19) by internal/schemagen; run go generate ./adcp after a new
// bundle.
//
// A member that the protocol requires is a plain value; an optional one is a
// pointer, or a slice, a map or raw JSON that is left out while nil. A required
// slice must be set, to an empty one at least: nil would be null on the wire.
package adcp

//go:generate go run ../internal/schemagen/cmd -schemas ../../shared/adcp/3.1.19/schemas -out . -corpus ../internal/schemagen/corpus_gen_test.go
//go:generate go run ../internal/schemagen/methods/cmd -out client/operations.gen.go
