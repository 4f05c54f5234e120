package id

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/google/uuid"
)

// New returns a fresh time-ordered identifier (UUIDv7), such as keys of events.
func New() string { return uuid.Must(uuid.NewV7()).String() }

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Derive names a thing by what caused it: the same prefix and parts always give
// the same identifier, "prefix_" and 20 characters. A media buy derived from its
// account and idempotency key cannot be created twice, whatever died in between.
// Parts are length-prefixed before hashing, so no two lists of parts collide.
func Derive(prefix string, parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return prefix + "_" + strings.ToLower(encoding.EncodeToString(h.Sum(nil)))[:20]
}
