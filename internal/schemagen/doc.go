// Package schemagen reads the protocol's published JSON Schemas and writes what
// package adcp needs of them: Go wire types, enums with their constants, the
// error catalogue, and the structural schemas that documents are validated
// against. It takes names, types, enums and limits and leaves the prose behind.
//
// It is a build-time tool: nothing in the program imports it. Its output is
// committed, and the same input gives the same bytes.
package schemagen
