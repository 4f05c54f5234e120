package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/upfront-media/upfront/adcp/agent"
)

// MinKeyLength is the fewest characters an API key may have. Keys are compared
// by an unsalted digest, which is sound only for keys too long to guess.
const MinKeyLength = 20

// Principal is a party that may call an agent: a brand's or an agency's buying agent.
type Principal struct {
	// Name is how the principal is known in accounts, tasks and logs.
	Name string
	// KeySHA256 is the SHA-256 digest of the principal's API key, in hex.
	KeySHA256 string
	// Sandbox principals see simulated delivery and the test controller.
	Sandbox bool
}

// HashKey is the digest under which an API key is kept.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Directory authenticates the principals of one tenant by API key, given as a
// bearer token or as the password of HTTP Basic. It implements [agent.Authenticator].
type Directory struct {
	tenant string
	byHash map[string]Principal
}

// NewDirectory checks the principals: names and keys must be unique, and each
// digest must be 64 hex digits.
func NewDirectory(tenant string, principals []Principal) (*Directory, error) {
	d := &Directory{tenant: tenant, byHash: make(map[string]Principal, len(principals))}
	names := map[string]bool{}
	for i, p := range principals {
		switch raw, err := hex.DecodeString(p.KeySHA256); {
		case p.Name == "":
			return nil, fmt.Errorf("principals[%d].name is missing", i)
		case names[p.Name]:
			return nil, fmt.Errorf("principals[%d].name %q is there twice", i, p.Name)
		case err != nil || len(raw) != sha256.Size:
			return nil, fmt.Errorf("principals[%d] (%s): the key's digest must be 64 hex digits of SHA-256", i, p.Name)
		}
		hash := strings.ToLower(p.KeySHA256)
		if other, taken := d.byHash[hash]; taken {
			return nil, fmt.Errorf("principals[%d] (%s) has the same key as %s", i, p.Name, other.Name)
		}
		names[p.Name] = true
		d.byHash[hash] = p
	}
	return d, nil
}

// Authenticate implements [agent.Authenticator]. No credential is an anonymous
// caller; one that is not known is [agent.ErrBadCredential]. Looking up by
// digest leaks no timing about the key itself.
func (d *Directory) Authenticate(_ context.Context, c agent.Credential) (agent.Caller, error) {
	switch strings.ToLower(c.Scheme) {
	case "":
		return agent.Caller{Tenant: d.tenant, Anonymous: true}, nil
	case "bearer", "basic":
		p, ok := d.byHash[HashKey(c.Value)]
		if !ok {
			return agent.Caller{}, agent.ErrBadCredential
		}
		return agent.Caller{Tenant: d.tenant, Principal: p.Name, Sandbox: p.Sandbox}, nil
	default:
		return agent.Caller{}, agent.ErrBadCredential
	}
}
