package account

import (
	"crypto/rand"
	"testing"
)

// WellFormed tells whether a text would be looked up as a key.
var WellFormed = wellFormed

// MakeKey makes a well-formed key that no store has.
func MakeKey(t *testing.T) string {
	t.Helper()
	key, err := newKey(rand.Reader, livePrefix)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
