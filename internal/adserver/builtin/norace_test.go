//go:build !race

package builtin_test

const storiesUnderRace = 1 << 62
