package account

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// MinKeyLength is the fewest characters an API key may have. Keys are compared
// by an unsalted digest, which is sound only for keys too long to guess.
const MinKeyLength = 20

// A key made here reads upf_live_, upf_test_ or, for staff, upf_desk_ and 41 characters of keyAlphabet:
// 8 that name it in lists, 26 (130 bits) that are its secret, and 7 that are a
// CRC-32 over everything before them. The checksum tells a mistyped key from an
// unknown one without a look-up, and lets a scanner for leaked secrets be sure
// of what it found: upf_(live|test|desk)_[0-9a-hjkmnp-tv-z]{41}.
const (
	livePrefix  = "upf_live_"
	testPrefix  = "upf_test_"
	deskPrefix  = "upf_desk_"
	nameLength  = 8
	bodyLength  = 8 + 26
	sumLength   = 7
	keyAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's: no i, l, o, u
)

// HashKey is the digest under which an API key is kept: SHA-256 in hex.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// newKey makes a key out of random bytes. All prefixes are of one length.
func newKey(random io.Reader, prefix string) (string, error) {
	raw := make([]byte, bodyLength)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	key := []byte(prefix)
	for _, b := range raw {
		key = append(key, keyAlphabet[b&31]) // 32 letters: no letter is likelier than another
	}
	return string(key) + checksum(string(key)), nil
}

// checksum is the end of a key that begins so.
func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var letters [sumLength]byte
	for i := range letters {
		letters[sumLength-1-i] = keyAlphabet[sum&31]
		sum >>= 5
	}
	return string(letters[:])
}

// wellFormed tells whether the text is a key as newKey makes them.
func wellFormed(key string) bool {
	if !strings.HasPrefix(key, livePrefix) && !strings.HasPrefix(key, testPrefix) && !strings.HasPrefix(key, deskPrefix) {
		return false
	}
	split := len(livePrefix) + bodyLength
	return len(key) == split+sumLength && key[split:] == checksum(key[:split])
}

// keyID is the part of a key that names it without giving it away.
func keyID(key string) string { return key[:len(livePrefix)+nameLength] }
