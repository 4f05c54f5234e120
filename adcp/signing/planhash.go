package signing

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gowebpki/jcs"
)

// bookkeeping are the members that a governance agent keeps with a plan and
// that are no part of it. The protocol closes the list: whatever else is there
// is hashed.
var bookkeeping = []string{"version", "status", "syncedAt", "revisionHistory", "committedBudget", "committedByType"}

// PlanHash is the hash that binds a governance attestation to a plan: the plan
// as it was synced, one element of plans[], in canonical form (RFC 8785) and
// without the governance agent's own bookkeeping; SHA-256; base64url without
// padding. Nothing is added, dropped or put into another order: an absent
// member and a null one are different plans, and so are two orders of one list.
// A plan that gives a member twice is refused.
func PlanHash(plan []byte) (string, error) {
	sum, err := planSum(plan)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func planSum(plan []byte) (sum [sha256.Size]byte, err error) {
	canonical, err := canonicalPlan(plan)
	if err != nil {
		return sum, err
	}
	return sha256.Sum256(canonical), nil
}

func canonicalPlan(plan []byte) ([]byte, error) {
	if len(DuplicateNames(plan)) > 0 {
		return nil, errors.New("the plan gives a member twice")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(plan, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("the plan must be an object")
	}
	for name := range members {
		if slices.Contains(bookkeeping, name) {
			delete(members, name)
		}
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(rest)
}

// CheckPlanHash tells whether a hash is the plan's. A hash that does not decode
// to 32 bytes is an error, and so is a plan that cannot be hashed.
func CheckPlanHash(plan []byte, hash string) (bool, error) {
	claimed, err := base64.RawURLEncoding.Strict().DecodeString(hash)
	if err != nil || len(claimed) != sha256.Size {
		return false, errors.New("a plan hash is 32 bytes in base64url without padding")
	}
	sum, err := planSum(plan)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum[:], claimed) == 1, nil
}
