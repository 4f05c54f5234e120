package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
)

// Key is a private key of ours with what is published of it.
type Key struct {
	// Published is the public part, with the id that signatures name.
	Published *signing.Key
	// Created is when it was made; zero where that is not known.
	Created time.Time

	private crypto.Signer
}

const (
	pemType = "PRIVATE KEY"
	// pemCreated is the PEM header that dates a key made here.
	pemCreated = "Created"
)

// NewKey makes an Ed25519 key, dated now. Its ID does not begin with a dash, so that
// it can be given to a command as it is.
func NewKey(now time.Time) (*Key, error) {
	for {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make a signing key: %w", err)
		}
		k, err := newKey(private, now.UTC().Truncate(time.Second))
		if err != nil || !strings.HasPrefix(k.ID(), "-") {
			return k, err
		}
	}
}

// ParseKey reads a private key, Ed25519 or ECDSA on P-256, from the PEM of a
// PKCS #8 document, as `openssl genpkey -algorithm ed25519` writes it. The errors
// repeat nothing of the text.
func ParseKey(text []byte) (*Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, errors.New("it is no private key in PEM (PKCS #8); make one with: openssl genpkey -algorithm ed25519")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read as PKCS #8")
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key is not one to sign with")
	}
	var created time.Time
	if at := block.Headers[pemCreated]; at != "" {
		if created, err = time.Parse(time.RFC3339, at); err != nil {
			return nil, fmt.Errorf("the key's header %s is no time", pemCreated)
		}
	}
	return newKey(private, created)
}

func newKey(private crypto.Signer, created time.Time) (*Key, error) {
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	published, err := signing.NewKey(id, private.Public())
	if err != nil {
		return nil, err
	}
	return &Key{Published: published, Created: created, private: private}, nil
}

// ID is the id under which the key is published: its thumbprint (RFC 7638), so
// that no two keys ever share one.
func (k *Key) ID() string { return k.Published.ID }

// Algorithm is what the key signs with, as signatures name it.
func (k *Key) Algorithm() string {
	if _, ok := k.private.Public().(ed25519.PublicKey); ok {
		return signing.Ed25519
	}
	return signing.ECDSAP256
}

// PEM is the private key as [ParseKey] reads it. It is a secret.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("write a signing key: %w", err)
	}
	block := &pem.Block{Type: pemType, Bytes: der}
	if !k.Created.IsZero() {
		block.Headers = map[string]string{pemCreated: k.Created.UTC().Format(time.RFC3339)}
	}
	return pem.EncodeToMemory(block), nil
}

// Signer signs under a profile with this key.
func (k *Key) Signer(profile signing.Profile, digest signing.DigestPolicy, c signing.Clock) (*signing.Signer, error) {
	return signing.NewSigner(signing.SignerConfig{
		Profile: profile, KeyID: k.ID(), Key: k.private, Published: k.Published, Digest: digest, Clock: c,
	})
}

// thumbprint is a public key's thumbprint: the digest of the members that a JSON
// Web Key of its type must have, in the order of their names.
func thumbprint(public crypto.PublicKey) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	var members string
	switch k := public.(type) {
	case ed25519.PublicKey:
		members = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, encode(k))
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil || len(point) != 65 {
			return "", errors.New("the key must be Ed25519 or ECDSA on P-256")
		}
		members = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, encode(point[1:33]), encode(point[33:]))
	default:
		return "", errors.New("the key must be Ed25519 or ECDSA on P-256")
	}
	sum := sha256.Sum256([]byte(members))
	return encode(sum[:]), nil
}
