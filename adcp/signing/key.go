package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// The algorithms of the profiles, as the signature parameter alg names them. A
// published key calls them "EdDSA" and "ES256".
const (
	Ed25519   = "ed25519"
	ECDSAP256 = "ecdsa-p256-sha256"
)

// Key is a public key as an agent publishes it: a JSON Web Key with the
// protocol's member adcp_use. A key that declares something impossible is kept,
// so that the verifier can say that it is the key's fault, but verifies nothing.
type Key struct {
	// ID is the member kid, which signatures name as keyid.
	ID string
	// Type, Curve and Algorithm are the members kty, crv and alg.
	Type, Curve, Algorithm string
	// Use, Operations and Purpose are the members use, key_ops and adcp_use.
	Use        string
	Operations []string
	Purpose    string
	// AgentURL is the agent that published the key. It comes from where the key
	// was found and never from the key itself.
	AgentURL string

	public crypto.PublicKey
	fault  string
}

// NewKey describes a public key for publication, with the members the protocol
// asks for. The key is an ed25519.PublicKey or an *ecdsa.PublicKey on P-256.
func NewKey(id string, public crypto.PublicKey) (*Key, error) {
	if id == "" {
		return nil, errors.New("the key needs an id (kid)")
	}
	k := &Key{ID: id, Use: "sig", Operations: []string{"verify"}, Purpose: PurposeRequest, public: public}
	switch algorithmOf(public) {
	case Ed25519:
		k.Type, k.Curve, k.Algorithm = "OKP", "Ed25519", "EdDSA"
	case ECDSAP256:
		k.Type, k.Curve, k.Algorithm = "EC", "P-256", "ES256"
	default:
		return nil, errors.New("the key must be Ed25519 or ECDSA on P-256")
	}
	return k, nil
}

// algorithmOf names what a public key signs with, or nothing.
func algorithmOf(public crypto.PublicKey) string {
	switch k := public.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return Ed25519
		}
	case *ecdsa.PublicKey:
		if k != nil && k.Curve == elliptic.P256() {
			return ECDSAP256
		}
	}
	return ""
}

// Public is the key itself, nil where the document held none that can be used.
func (k *Key) Public() crypto.PublicKey { return k.public }

// jwk is the document.
type jwk struct {
	ID         string          `json:"kid,omitzero"`
	Type       string          `json:"kty"`
	Curve      string          `json:"crv"`
	Algorithm  string          `json:"alg,omitzero"`
	Use        string          `json:"use,omitzero"`
	Operations []string        `json:"key_ops,omitzero"`
	Purpose    string          `json:"adcp_use,omitzero"`
	X          string          `json:"x"`
	Y          string          `json:"y,omitzero"`
	D          json.RawMessage `json:"d,omitzero"`
}

// ParseKey reads one JSON Web Key. Only a document that is no JSON Web Key is
// an error; a key that cannot be used is told when it is used.
func ParseKey(doc []byte) (*Key, error) {
	var j jwk
	if err := adcp.Unmarshal(doc, &j); err != nil {
		return nil, err
	}
	k := &Key{
		ID: j.ID, Type: j.Type, Curve: j.Curve, Algorithm: j.Algorithm,
		Use: j.Use, Operations: j.Operations, Purpose: j.Purpose,
	}
	if err := k.material(j); err != nil {
		k.public, k.fault = nil, err.Error()
	}
	return k, nil
}

func (k *Key) material(j jwk) error {
	if len(j.D) > 0 {
		return errors.New("the published key holds its private part, so anyone may have it")
	}
	x, err := base64.RawURLEncoding.Strict().DecodeString(j.X)
	if err != nil {
		return errors.New("the member x is not base64url")
	}
	switch {
	case j.Type == "OKP" && j.Curve == "Ed25519" && j.Algorithm == "EdDSA":
		if len(x) != ed25519.PublicKeySize {
			return errors.New("the member x has not the length of an Ed25519 key")
		}
		k.public = ed25519.PublicKey(x)
	case j.Type == "EC" && j.Curve == "P-256" && j.Algorithm == "ES256":
		y, err := base64.RawURLEncoding.Strict().DecodeString(j.Y)
		if err != nil || len(x) != 32 || len(y) != 32 {
			return errors.New("the members x and y are no coordinates on P-256")
		}
		point := slices.Concat([]byte{4}, x, y)
		if k.public, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return errors.New("the members x and y are no point on P-256")
		}
	default:
		return errors.New("the members kty, crv and alg do not name Ed25519 or ECDSA on P-256")
	}
	return nil
}

// MarshalJSON writes the key as it is published.
func (k *Key) MarshalJSON() ([]byte, error) {
	j := jwk{
		ID: k.ID, Type: k.Type, Curve: k.Curve, Algorithm: k.Algorithm,
		Use: k.Use, Operations: k.Operations, Purpose: k.Purpose,
	}
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		j.X = base64.RawURLEncoding.EncodeToString(public)
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil, err
		}
		j.X = base64.RawURLEncoding.EncodeToString(point[1:33])
		j.Y = base64.RawURLEncoding.EncodeToString(point[33:])
	default:
		return nil, errors.New("the key has nothing to publish: " + k.fault)
	}
	return json.Marshal(j)
}

// usable is the verifier's eighth step.
func (k *Key) usable(p Profile, alg string) *Error {
	switch {
	case k.Use != "sig":
		return refuse(ReasonKeyPurpose, `the key's use is not "sig"`)
	case !slices.Contains(k.Operations, "verify"):
		return refuse(ReasonKeyPurpose, `the key's key_ops do not hold "verify"`)
	case !p.accepts(k.Purpose):
		return refuse(ReasonKeyPurpose, "the key's adcp_use is not for %s", p)
	case k.fault != "":
		return refuse(ReasonKeyPurpose, "%s", k.fault)
	case algorithmOf(k.public) != alg:
		return refuse(ReasonKeyPurpose, "the key is not one for %s", alg)
	}
	return nil
}

// verify checks a signature over a base.
func (k *Key) verify(base, signature []byte) bool {
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(public, base, signature)
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		sum := sha256.Sum256(base)
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(public, sum[:], r, s)
	}
	return false
}

// KeySource finds the key that a signature names. It must be safe for
// concurrent use.
type KeySource interface {
	// Key returns the key with that id that is published for an agent. An empty
	// agentURL means any agent that the source knows; the key's AgentURL then says
	// which one it is, and a key id that two agents use is no answer. Where
	// there is no key the error is an [*Error] with [ReasonKeyUnknown], and with
	// another reason where the way to the key is broken.
	Key(ctx context.Context, agentURL, keyID string) (*Key, error)
}

// KeySet is a JSON Web Key Set. It is a [KeySource] for the one agent that
// publishes it.
type KeySet struct {
	// AgentURL is the agent that publishes the set.
	AgentURL string
	Keys     []*Key
}

// ParseKeySet reads a set. A member given twice anywhere is an error, as is
// anything that is no set.
func ParseKeySet(agentURL string, doc []byte) (*KeySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if names := DuplicateNames(doc); len(names) > 0 {
		return nil, errors.New("the key set gives a member twice")
	}
	if err := adcp.Unmarshal(doc, &set); err != nil {
		return nil, err
	}
	if set.Keys == nil {
		return nil, errors.New("the document has no member keys")
	}
	out := &KeySet{AgentURL: agentURL, Keys: []*Key{}}
	for _, doc := range set.Keys {
		k, err := ParseKey(doc)
		if err != nil {
			return nil, err
		}
		k.AgentURL = agentURL
		out.Keys = append(out.Keys, k)
	}
	return out, nil
}

// MarshalJSON writes the set as it is published at an agent's jwks_uri.
func (s *KeySet) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Keys []*Key `json:"keys"`
	}{s.Keys})
}

// Key implements [KeySource]. An id that the set holds twice names no key that
// can be used.
func (s *KeySet) Key(_ context.Context, agentURL, keyID string) (*Key, error) {
	if agentURL != "" && agentURL != s.AgentURL {
		return nil, refuse(ReasonKeyUnknown, "the key set is another agent's")
	}
	var found *Key
	for _, k := range s.Keys {
		switch {
		case k.ID != keyID || keyID == "":
		case found == nil:
			found = k
		default:
			return nil, refuse(ReasonKeyPurpose, "the key set holds the id twice")
		}
	}
	if found == nil {
		return nil, refuse(ReasonKeyUnknown, "the agent publishes no such key")
	}
	return found, nil
}
