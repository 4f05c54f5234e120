//go:build race

package builtin_test

// The race detector slows SQLite down more than tenfold, and finds races in
// fewer stories.
const storiesUnderRace = 8
