package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

// Where counterparties look for the documents, on the host of the agent.
const (
	BrandPath    = "/.well-known/brand.json"
	KeysPath     = "/.well-known/jwks.json"
	AdagentsPath = "/.well-known/adagents.json"
	// RevocationsPath is where the protocol has it for every kind of key.
	RevocationsPath = "/.well-known/governance-revocations.json"
)

// Agent is an agent that this program serves, as brand.json declares it.
type Agent struct {
	// ID is made of small letters, digits and _.
	ID string
	// Type is its role, such as "sales".
	Type adcp.BrandAgentType
	// Path is where it is served below the program's address, such as "/sales/mcp".
	Path string
	// Description is for people.
	Description string
}

// Self is what the program tells of itself.
type Self struct {
	// URL is the address under which others reach the program over https,
	// without a slash at its end. Empty where there is none: counterparties read
	// nothing of ours then, and no capability may point to it.
	URL string
	// Agents are declared in brand.json, at URL.
	Agents []Agent
	// Origins are further addresses under which the agents are declared. They may
	// be http, against brand.json's schema: graders look a sandbox up under the
	// very address that they test. A program that trades has none.
	Origins []string
	// Keys are published. Required.
	Keys *Keys
	// Revoked are ids of keys of ours that are good for nothing any more, and make
	// void all that was ever signed with them.
	Revoked []string
}

// NewSelf checks the address and makes nothing yet.
func NewSelf(address string, keys *Keys, agents ...Agent) (*Self, error) {
	if keys == nil {
		return nil, errors.New("identity: there are no keys")
	}
	u, err := url.Parse(address)
	if err != nil || address != "" && u.Host == "" {
		return nil, fmt.Errorf("identity: %q is not an address", address)
	}
	if u.Scheme != "https" {
		address = ""
	}
	return &Self{URL: strings.TrimSuffix(address, "/"), Agents: agents, Keys: keys}, nil
}

// Published tells whether counterparties can read what is told here.
func (s *Self) Published() bool { return s.URL != "" }

// BrandURL is identity.brand_json_url, "" where nothing is published.
func (s *Self) BrandURL() string { return s.at(BrandPath) }

// KeysURL is where the key set is, "" where nothing is published.
func (s *Self) KeysURL() string { return s.at(KeysPath) }

func (s *Self) at(path string) string {
	if !s.Published() {
		return ""
	}
	return s.URL + path
}

// Brand is brand.json: every agent at the address where it is served, with the
// place of its keys.
func (s *Self) Brand() []byte {
	type entry struct {
		Type        adcp.BrandAgentType `json:"type"`
		URL         string              `json:"url"`
		ID          string              `json:"id"`
		Description string              `json:"description,omitempty"`
		KeysURL     string              `json:"jwks_uri"`
	}
	entries := []entry{}
	for i, origin := range append([]string{s.URL}, s.Origins...) {
		if i > 0 && origin == s.URL {
			continue // An address is declared once.
		}
		for _, a := range s.Agents {
			id := a.ID
			if i > 0 {
				id = fmt.Sprintf("%s_%d", a.ID, i)
			}
			entries = append(entries, entry{Type: a.Type, URL: origin + a.Path, ID: id, Description: a.Description, KeysURL: s.KeysURL()})
		}
	}
	return document(struct {
		Version string  `json:"version"`
		Agents  []entry `json:"agents"`
	}{"1.0", entries})
}

// Adagents is adagents.json for what the agents sell: each is authorised for the
// properties, with our keys pinned. On the publisher's own domain it is the
// authorisation; elsewhere it is the text that the publisher puts there.
func (s *Self) Adagents(publisher string, properties []adcp.PublisherPropertySelector) []byte {
	type contact struct {
		Name string `json:"name"`
	}
	type entry struct {
		Authorization string                           `json:"authorization_type"`
		URL           string                           `json:"url"`
		For           string                           `json:"authorized_for"`
		Properties    []adcp.PublisherPropertySelector `json:"publisher_properties"`
		Keys          []*signing.Key                   `json:"signing_keys"`
	}
	entries := []entry{}
	for _, a := range s.Agents {
		if a.Type != adcp.BrandAgentTypeSales || len(properties) == 0 {
			continue
		}
		entries = append(entries, entry{
			Authorization: "publisher_properties", URL: s.URL + a.Path, For: "Sells advertising on these properties.",
			Properties: properties, Keys: s.Keys.Set(s.URL).Keys,
		})
	}
	return document(struct {
		Schema  string  `json:"$schema"`
		Contact contact `json:"contact"`
		Agents  []entry `json:"authorized_agents"`
	}{"https://adcontextprotocol.org/schemas/v3/adagents.json", contact{publisher}, entries})
}

// revocationsEvery is how soon counterparties are to read the list again.
const revocationsEvery = 15 * time.Minute

// Revocations is the signed list of our keys that are revoked, made now.
func (s *Self) Revocations(now time.Time) ([]byte, error) {
	signer, err := s.Keys.RequestSigner("3.1", signing.DigestRequired)
	if err != nil {
		return nil, err
	}
	return signer.SealRevocationList(&signing.RevocationList{
		Version: 1, Issuer: s.origin(), Updated: now.UTC(), NextUpdate: now.UTC().Add(revocationsEvery), RevokedKeys: s.Revoked,
	})
}

// KeySet is the key set as it is published.
func (s *Self) KeySet() []byte { return document(s.Keys.Set(s.URL)) }

// document writes what holds nothing but text, and keys that were checked when
// they were read.
func document(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("identity: " + err.Error())
	}
	return raw
}

// Describe writes into a capabilities answer what can be proved: how webhooks are
// signed, and where the keys are. RequestSigning must be in the answer already.
// Without a published address it writes nothing.
func (s *Self) Describe(c *adcp.GetAdcpCapabilitiesResponse) {
	if !s.Published() {
		return
	}
	origin, brand, profile := s.origin(), s.BrandURL(), signing.Webhook.Tag()
	origins := &adcp.GetAdcpCapabilitiesResponseIdentityKeyOrigins{WebhookSigning: &origin}
	// An origin is declared for what is declared, and for nothing else.
	if r := c.RequestSigning; r != nil && len(r.SupportedFor)+len(r.ProtocolMethodsSupportedFor) > 0 {
		origins.RequestSigning = &origin
	}
	c.Identity = &adcp.GetAdcpCapabilitiesResponseIdentity{BrandJSONURL: &brand, KeyOrigins: origins}
	c.WebhookSigning = &adcp.GetAdcpCapabilitiesResponseWebhookSigning{
		Supported: true, Profile: &profile, LegacyHMACFallback: new(true),
		Algorithms: []adcp.GetAdcpCapabilitiesResponseWebhookSigningAlgorithm{
			adcp.GetAdcpCapabilitiesResponseWebhookSigningAlgorithm(s.Keys.Signing().Algorithm()),
		},
	}
}

func (s *Self) origin() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
