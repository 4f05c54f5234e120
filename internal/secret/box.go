package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// ErrSealed is what [Box.Open] returns for what it cannot open: it was sealed with
// another key or for another place, or it was changed.
var ErrSealed = errors.New("the secret cannot be opened with this key")

// version begins every sealed text: AES-256-GCM, nonce first, unpadded base64url.
const version = "v1."

// Box seals and opens texts with one key. It is safe for concurrent use.
type Box struct {
	aead cipher.AEAD
	id   string
}

// New makes a box of a key of [KeySize] random bytes.
func New(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("secret: a key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	sum := sha256.Sum256(append([]byte("upfront secret key\x00"), key...))
	return &Box{aead: aead, id: hex.EncodeToString(sum[:8])}, nil
}

// ID names the key without telling it, so that two keys can be told apart.
func (b *Box) ID() string { return b.id }

// Seal makes plain unreadable. Only [Box.Open] with the same place gives it back.
// An empty text stays empty.
func (b *Box) Seal(plain, place string) string {
	if plain == "" {
		return ""
	}
	return version + base64.RawURLEncoding.EncodeToString(b.aead.Seal(nil, nil, []byte(plain), []byte(place))) //nolint:gosec // the nonce is random, and its own
}

// Open gives back what was sealed for the place, or [ErrSealed].
func (b *Box) Open(sealed, place string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	encoded, ok := strings.CutPrefix(sealed, version)
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return "", ErrSealed
	}
	plain, err := b.aead.Open(nil, nil, raw, []byte(place))
	if err != nil {
		return "", ErrSealed
	}
	return string(plain), nil
}
