package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Clock tells the time, so that tests and simulations decide what time it is.
type Clock interface{ Now() time.Time }

type systemClock struct{}

// Now implements [Clock].
func (systemClock) Now() time.Time { return time.Now() }

func orSystem(c Clock) Clock {
	if c == nil {
		return systemClock{}
	}
	return c
}

// Limits of time in both profiles.
const (
	// MaxValidity is the longest that a signature may be good for.
	MaxValidity = 300 * time.Second
	// Skew is how far clocks may be apart, either way.
	Skew = 60 * time.Second
)

// nonceBytes is how many random bytes a nonce has, and must at least have.
const nonceBytes = 16

// SignerConfig is what a [Signer] is made of.
type SignerConfig struct {
	Profile Profile
	// KeyID is the id under which the public key is published.
	KeyID string
	// Key signs: an ed25519.PrivateKey, an *ecdsa.PrivateKey on P-256, or a handle
	// on a key that stays in a managed store.
	Key crypto.Signer
	// Published, where it is set, is the key as counterparties will find it.
	// [NewSigner] refuses a Key that is not its private part, so that a key that
	// was rotated behind our back is found at the start and not by every receiver.
	Published *Key
	// Digest says whether requests cover their body's digest, as the
	// counterparty's capability has it. Empty and DigestEither cover it where there
	// is a body; only [Request31] can leave it out. Webhooks always cover it.
	Digest DigestPolicy
	// Validity is how long a signature is good for, at most and by default [MaxValidity].
	Validity time.Duration
	// Clock is the system's when nil.
	Clock Clock
	// Random is where nonces come from; crypto/rand when nil.
	Random io.Reader
}

// Signer signs messages with one key under one profile. It is safe for
// concurrent use.
type Signer struct {
	cfg SignerConfig
	alg string
}

// NewSigner checks the configuration and makes a signer.
func NewSigner(cfg SignerConfig) (*Signer, error) {
	if !cfg.Profile.valid() {
		return nil, errors.New("the signer needs a profile")
	}
	if cfg.KeyID == "" || cfg.Key == nil {
		return nil, errors.New("the signer needs a key and the id it is published under")
	}
	s := &Signer{cfg: cfg, alg: algorithmOf(cfg.Key.Public())}
	if s.alg == "" {
		return nil, errors.New("the key must be Ed25519 or ECDSA on P-256")
	}
	if err := (Policy{Digest: cfg.Digest}).Validate(); err != nil {
		return nil, err
	}
	if cfg.Profile != Request31 && cfg.Digest == DigestForbidden {
		return nil, fmt.Errorf("%s always covers the body's digest", cfg.Profile)
	}
	if s.cfg.Validity == 0 {
		s.cfg.Validity = MaxValidity
	}
	if s.cfg.Validity < time.Second || s.cfg.Validity > MaxValidity {
		return nil, fmt.Errorf("the validity must be between 1 s and %s", MaxValidity)
	}
	if p := cfg.Published; p != nil {
		if refused := p.usable(cfg.Profile, s.alg); refused != nil {
			return nil, refused
		}
		equal, ok := p.Public().(interface{ Equal(crypto.PublicKey) bool })
		if p.ID != cfg.KeyID || !ok || !equal.Equal(cfg.Key.Public()) {
			return nil, errors.New("the key is not the private part of the published one")
		}
	}
	s.cfg.Clock = orSystem(cfg.Clock)
	if s.cfg.Random == nil {
		s.cfg.Random = rand.Reader
	}
	return s, nil
}

// KeyID is the id that signatures name.
func (s *Signer) KeyID() string { return s.cfg.KeyID }

// Sign puts Signature-Input and Signature, and Content-Digest where it is
// covered, into the message's headers, in place of any that are there. Each call
// makes a new nonce, so a message that is sent again is signed again. It refuses
// a target that has no canonical form, a body without Content-Type, and a body
// that gives a member twice, which receivers must refuse.
func (s *Signer) Sign(m *Message) error {
	target, authority, err := Canonicalize(m.URL)
	if err != nil {
		return fmt.Errorf("the target cannot be signed: %w", err)
	}
	if m.Header == nil {
		return errors.New("the message has no headers to put the signature into")
	}
	if names := DuplicateNames(m.Body); len(names) > 0 {
		return &DuplicateNamesError{Names: names}
	}
	m.Header.Del("Signature")
	m.Header.Del("Signature-Input")
	m.Header.Del("Content-Digest")
	if s.coversDigest(m) {
		m.Header.Set("Content-Digest", s.cfg.Profile.ContentDigest(m.Body))
	}
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(s.cfg.Random, nonce); err != nil {
		return fmt.Errorf("no nonce: %w", err)
	}
	now := s.cfg.Clock.Now().Unix()
	sig := &signature{label: label, components: s.components(m), params: []param{
		integerParam("created", now),
		integerParam("expires", now+int64(s.cfg.Validity/time.Second)),
		stringParam("nonce", base64.RawURLEncoding.EncodeToString(nonce)),
		stringParam("keyid", s.cfg.KeyID),
		stringParam("alg", s.alg),
		stringParam("tag", s.cfg.Profile.Tag()),
	}}
	if refused := sig.singleValued(s.cfg.Profile, m); refused != nil {
		return refused
	}
	base, refused := sig.base(m, target, authority)
	if refused != nil {
		return refused
	}
	if sig.value, err = s.sign(base); err != nil {
		return err
	}
	sig.write(s.cfg.Profile, m.Header)
	return nil
}

func (s *Signer) coversDigest(m *Message) bool {
	switch {
	case s.cfg.Profile == Webhook || s.cfg.Digest == DigestRequired:
		return true
	case s.cfg.Digest == DigestForbidden:
		return false
	}
	return len(m.Body) > 0
}

func (s *Signer) components(m *Message) []string {
	out := []string{componentMethod, componentTarget, componentAuthority}
	if len(m.Body) > 0 || s.cfg.Profile == Webhook {
		out = append(out, componentType)
	}
	if s.coversDigest(m) {
		out = append(out, componentDigest)
	}
	return out
}

// sign makes the signature's bytes; for ECDSA these are r and s, 32 bytes each.
func (s *Signer) sign(base []byte) ([]byte, error) {
	if s.alg == Ed25519 {
		return s.cfg.Key.Sign(rand.Reader, base, crypto.Hash(0))
	}
	sum := sha256.Sum256(base)
	der, err := s.cfg.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var point struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &point); err != nil || len(rest) > 0 ||
		point.R.Sign() <= 0 || point.S.Sign() <= 0 || point.R.BitLen() > 256 || point.S.BitLen() > 256 {
		return nil, errors.New("the key made something that is no ECDSA signature on P-256")
	}
	out := make([]byte, 64)
	point.R.FillBytes(out[:32])
	point.S.FillBytes(out[32:])
	return out, nil
}

// DuplicateNamesError is why a body is not signed: some object in it gives a
// member twice, so that receivers could read it in two ways.
type DuplicateNamesError struct {
	// Names are the members, as they stand in the body.
	Names []string
}

// Code is the protocol's name for the refusal.
func (e *DuplicateNamesError) Code() string { return "duplicate_key_input" }

// Error implements error; the names are made fit for a log.
func (e *DuplicateNamesError) Error() string {
	return e.Code() + ": the body gives these members twice: " + told(e.Names)
}
