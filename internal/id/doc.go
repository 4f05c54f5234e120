// Package id makes identifiers: time-ordered ones for new facts, and derived
// ones for things that must keep their name when an interrupted operation is
// run again. It imports nothing of this module.
package id
