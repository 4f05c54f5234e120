package audience

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

// kinds are the kinds of identifiers that are matched. A member's are kept as bits
// by position, so the order is for good.
var kinds = []adcp.MatchIDType{
	adcp.MatchIDTypeHashedEmail, adcp.MatchIDTypeHashedPhone, adcp.MatchIDTypeRampid,
	adcp.MatchIDTypeId5, adcp.MatchIDTypeUid2, adcp.MatchIDTypeEuid, adcp.MatchIDTypePairid, adcp.MatchIDTypeMaid,
}

// UIDTypes are the universal identifiers that are matched, for capabilities.
func UIDTypes() []adcp.UIDType {
	return []adcp.UIDType{
		adcp.UIDTypeRampid, adcp.UIDTypeId5, adcp.UIDTypeUid2,
		adcp.UIDTypeEuid, adcp.UIDTypePairid, adcp.UIDTypeMaid,
	}
}

// member is one person as sent, without the identifiers themselves once matched.
type member struct {
	// key is the digest of the buyer's identifier.
	key string
	// identifiers are by kind; submitted and matched are bits of kinds.
	identifiers        map[int]string
	submitted, matched int64
}

// keyOf is what a member is kept under.
func keyOf(externalID string) string {
	sum := sha256.Sum256([]byte(externalID))
	return hex.EncodeToString(sum[:])
}

func memberOf(m *adcp.AudienceMember) member {
	p := member{key: keyOf(m.ExternalID), identifiers: map[int]string{}}
	put := func(kind adcp.MatchIDType, value *string) {
		if i := slices.Index(kinds, kind); i >= 0 && value != nil {
			p.identifiers[i] = *value
			p.submitted |= 1 << i
		}
	}
	put(adcp.MatchIDTypeHashedEmail, m.HashedEmail)
	put(adcp.MatchIDTypeHashedPhone, m.HashedPhone)
	for i := range m.UIDs {
		put(adcp.MatchIDType(m.UIDs[i].Type), &m.UIDs[i].Value)
	}
	return p
}

// questions are the identifiers of members to ask the ad server about, and whose
// each one is.
func questions(members []member) (ids []adserver.Identifier, whose []int, kind []int) {
	for i, m := range members {
		for k := range kinds {
			if v, ok := m.identifiers[k]; ok {
				ids = append(ids, adserver.Identifier{Type: string(kinds[k]), Value: v})
				whose, kind = append(whose, i), append(kind, k)
			}
		}
	}
	return ids, whose, kind
}
