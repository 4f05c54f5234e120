// Package adcp is the Ad Context Protocol in Go: the wire types of release 3.1,
// the table of its operations, its error catalogue and the validation of
// documents against its schemas. It is for anyone who builds an agent; it
// imports nothing from internal/.
//
// Types and structural schemas are generated from the published JSON Schemas
// (bundle 3.1.19) by internal/schemagen; run go generate in the module's root
// after a new bundle.
package adcp
