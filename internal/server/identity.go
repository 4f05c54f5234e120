package server

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
)

// IdentitySettings is the identity part of [Settings].
type IdentitySettings struct {
	// Keys are private keys; the first signs, and all are published. Without any,
	// a key is made at the first start and kept in the data directory.
	Keys []SigningKeySettings `koanf:"keys"`
	// RevokedKeys are ids of keys of ours that somebody else may have: they go into
	// the revocation list that counterparties read.
	RevokedKeys []string `koanf:"revoked_keys"`
	// Listen is where the sandbox, and only it, serves https as well, under a
	// certificate authority of its own; any free port on loopback where empty.
	Listen string `koanf:"listen"`
}

// SigningKeySettings is one private key in PEM, by exactly one of two ways.
type SigningKeySettings struct {
	// File is its path; relative paths start at the config file.
	File string `koanf:"file"`
	// Env names the environment variable that holds it.
	Env string `koanf:"env"`
}

// KeyDir is where the program's own signing keys are kept; it is an error where
// the settings name others, which are the operator's to rotate.
func (s Settings) KeyDir() (string, error) {
	if len(s.Identity.Keys) > 0 {
		return "", errors.New("the configuration names the signing keys (identity.keys): rotate them there, with the one that is to sign first")
	}
	return s.identityDir(), nil
}

// identityDir is where keys are kept that are not the operator's own.
func (s Settings) identityDir() string { return filepath.Join(s.Data, "identity") }

// signingKeys opens the program's signing keys.
func (s Settings) signingKeys(getenv func(string) string, c clock.Clock) (*identity.Keys, error) {
	if len(s.Identity.Keys) == 0 {
		keys, err := identity.OpenKeys(s.identityDir(), c)
		if err != nil {
			return nil, fmt.Errorf("signing keys: %w", err)
		}
		return keys, nil
	}
	var own []*identity.Key
	for i, k := range s.Identity.Keys {
		var text []byte
		switch {
		case (k.File == "") == (k.Env == ""):
			return nil, fmt.Errorf("identity.keys[%d]: set exactly one of file and env", i)
		case k.File != "":
			var err error
			if text, err = os.ReadFile(k.File); err != nil {
				return nil, fmt.Errorf("identity.keys[%d]: %w", i, err)
			}
		default:
			if text = []byte(getenv(k.Env)); len(text) == 0 {
				return nil, fmt.Errorf("identity.keys[%d]: the variable %s is empty; it must hold a private key in PEM", i, k.Env)
			}
		}
		key, err := identity.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("identity.keys[%d]: %w", i, err)
		}
		own = append(own, key)
	}
	keys, err := identity.NewKeys(c, own...)
	if err != nil {
		return nil, fmt.Errorf("identity.keys: %w", err)
	}
	return keys, nil
}

// newSelf is what the program tells of itself under an address.
func newSelf(address string, keys *identity.Keys) (*identity.Self, error) {
	return identity.NewSelf(address, keys,
		identity.Agent{ID: "sales_mcp", Type: adcp.BrandAgentTypeSales, Path: endpointMCP, Description: "The sales agent over MCP"},
		identity.Agent{ID: "sales_a2a", Type: adcp.BrandAgentTypeSales, Path: endpointA2A, Description: "The sales agent over A2A"},
	)
}

// serveSelf serves brand.json, the key set, the revocation list and adagents.json where there is an https address
// under which counterparties can read them.
func (s *Sales) serveSelf(mux *http.ServeMux) {
	if s.self == nil || !s.self.Published() {
		return
	}
	mux.HandleFunc("GET "+identity.BrandPath, public(s.self.Brand))
	mux.HandleFunc("GET "+identity.KeysPath, public(s.self.KeySet))
	mux.HandleFunc("GET "+identity.RevocationsPath, func(w http.ResponseWriter, r *http.Request) {
		list, err := s.self.Revocations(time.Now())
		if err != nil {
			s.log.ErrorContext(r.Context(), "revocation list", "err", err)
			http.Error(w, "The list is not available.", http.StatusInternalServerError)
			return
		}
		public(func() []byte { return list })(w, r)
	})
	// What is sold may change while the program runs.
	mux.HandleFunc("GET "+identity.AdagentsPath, public(func() []byte {
		return s.self.Adagents(s.service.Name(), s.service.Properties())
	}))
}

// describe adds to a capabilities answer what the seller does not know.
func (s *Sales) describe(c *adcp.GetAdcpCapabilitiesResponse) {
	if s.signing.Supported {
		c.RequestSigning = s.signing.Capability()
	}
	if s.self != nil {
		s.self.Describe(c)
	}
}

// maxAge is how long a document of ours may be kept, in seconds: as long as
// counterparties keep key sets by themselves.
const maxAge = "300"

// public serves a document that anybody may read, also from a web page.
func public(document func() []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age="+maxAge)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(document())
	}
}
