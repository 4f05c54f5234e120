package signing

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
)

// ContentDigest is the value of the Content-Digest header (RFC 9530) for a
// body, in the profile's encoding.
func (p Profile) ContentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + p.encode(sum[:]) + ":"
}

// decode reads a binary value. Profiles with base64url also take pure standard
// base64, padded or not; a value that mixes the alphabets, or that has bits to
// spare which are not zero, is refused, because two readers could disagree on it.
func (p Profile) decode(text string) ([]byte, error) {
	if p == Request32 {
		return base64.StdEncoding.Strict().DecodeString(text)
	}
	standard, url := strings.ContainsAny(text, "+/="), strings.ContainsAny(text, "-_")
	if standard && url {
		return nil, errors.New("the value mixes the alphabets of base64")
	}
	if !standard {
		return base64.RawURLEncoding.Strict().DecodeString(text)
	}
	trimmed := strings.TrimRight(text, "=")
	if len(text)-len(trimmed) > 2 {
		return nil, errors.New("the value has too much padding")
	}
	return base64.RawStdEncoding.Strict().DecodeString(trimmed)
}

// digest is one member of Content-Digest.
type digest struct {
	algorithm string
	sum       []byte
}

// readDigests reads the header. Members of algorithms we do not know are left
// out, and their values unread.
func readDigests(p Profile, value string) ([]digest, error) {
	members, err := parseDictionary(value)
	if err != nil {
		return nil, err
	}
	var out []digest
	for _, m := range members {
		if m.isList {
			return nil, errors.New("a digest is no byte sequence")
		}
		if m.name != "sha-256" && m.name != "sha-512" {
			continue
		}
		sum, err := p.decode(m.bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, digest{m.name, sum})
	}
	return out, nil
}

// digestMatches tells whether the header states the body: every digest we know,
// and at least one.
func digestMatches(p Profile, value string, body []byte) bool {
	digests, err := readDigests(p, value)
	if err != nil || len(digests) == 0 {
		return false
	}
	for _, d := range digests {
		var sum []byte
		if d.algorithm == "sha-256" {
			s := sha256.Sum256(body)
			sum = s[:]
		} else {
			s := sha512.Sum512(body)
			sum = s[:]
		}
		if subtle.ConstantTimeCompare(sum, d.sum) != 1 {
			return false
		}
	}
	return true
}
