package account

import (
	"encoding/json"
	"maps"
	"slices"
)

// ResourceMetadata is the agent's OAuth protected-resource metadata (RFC 9728)
// for the endpoint at resource, an absolute address. It is nil for a directory
// without an OAuth issuer: an agent that takes static keys only has no such
// document, and a caller that found one would look for a login that is not there.
func (d *Directory) ResourceMetadata(resource, name string) ([]byte, error) {
	if d.oauth == nil {
		return nil, nil
	}
	return json.Marshal(struct {
		Resource             string   `json:"resource"`
		ResourceName         string   `json:"resource_name,omitempty"`
		AuthorizationServers []string `json:"authorization_servers"`
		Scopes               []string `json:"scopes_supported"`
		Methods              []string `json:"bearer_methods_supported"`
	}{resource, name, []string{d.oauth.cfg.Issuer}, slices.Sorted(maps.Keys(d.oauth.cfg.Scopes)), []string{"header"}})
}
