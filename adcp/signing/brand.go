package signing

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/upfront-media/upfront/adcp"
)

// brandDocument is what of a brand.json matters here, in all its forms.
type brandDocument struct {
	AuthoritativeLocation string          `json:"authoritative_location"`
	Agents                []brandAgent    `json:"agents"`
	House                 json.RawMessage `json:"house"`
	Brands                []struct {
		Agents []brandAgent `json:"agents"`
	} `json:"brands"`
	AuthorizedOperators []struct {
		Domain string `json:"domain"`
	} `json:"authorized_operators"`
}

type brandAgent struct {
	Type    string `json:"type"`
	URL     string `json:"url"`
	KeysURL string `json:"jwks_uri"`
}

// brand reads a brand.json; where follow allows it, also the one that it names
// as its authority. It returns where the document was in the end.
func (d *Directory) brand(ctx context.Context, at string, follow bool) (*brandDocument, string, error) {
	raw, err := fetch(ctx, d.cfg.Client, at, maxBrandBytes)
	if err != nil {
		return nil, "", &Error{Reason: ReasonBrandUnreachable, Detail: "brand.json", Err: err}
	}
	doc := new(brandDocument)
	if len(DuplicateNames(raw)) > 0 {
		return nil, "", refuse(ReasonBrandMalformed, "brand.json gives a member twice")
	}
	if err := adcp.Unmarshal(raw, doc); err != nil {
		return nil, "", &Error{Reason: ReasonBrandMalformed, Detail: "brand.json", Err: err}
	}
	var house string
	next := doc.AuthoritativeLocation
	if next == "" && json.Unmarshal(doc.House, &house) == nil && house != "" {
		next = "https://" + house + "/.well-known/brand.json"
	}
	if follow && next != "" && len(doc.Agents) == 0 {
		return d.brand(ctx, next, false)
	}
	return doc, at, nil
}

// agent is the one entry with exactly that address.
func (b *brandDocument) agent(agentURL string) (brandAgent, *Error) {
	var house struct {
		Agents []brandAgent `json:"agents"`
	}
	if len(b.House) > 0 && b.House[0] == '{' {
		if err := adcp.Unmarshal(b.House, &house); err != nil {
			return brandAgent{}, &Error{Reason: ReasonBrandMalformed, Detail: "house", Err: err}
		}
	}
	all := slices.Concat(b.Agents, house.Agents)
	for _, brand := range b.Brands {
		all = append(all, brand.Agents...)
	}
	all = slices.DeleteFunc(all, func(a brandAgent) bool { return a.URL != agentURL })
	switch len(all) {
	case 0:
		return brandAgent{}, refuse(ReasonAgentNotInBrand, "brand.json does not list the agent under exactly this address")
	case 1:
		return all[0], nil
	}
	return brandAgent{}, refuse(ReasonBrandAmbiguous, "brand.json lists the agent %d times", len(all))
}

// boundTo refuses a brand.json of another registrable domain than the agent's,
// unless that brand.json delegates to the agent's.
func boundTo(agentURL, brandURL string, brand *brandDocument) *Error {
	agent, err := registrable(agentURL)
	if err != nil {
		return &Error{Reason: ReasonBrandOrigin, Detail: "the agent's host", Err: err}
	}
	if own, err := registrable(brandURL); err == nil && own == agent {
		return nil
	}
	for _, operator := range brand.AuthorizedOperators {
		if host, err := canonicalHost(operator.Domain); err == nil && host == agent {
			return nil
		}
	}
	return refuse(ReasonBrandOrigin, "the agent and its brand.json belong to different domains, and no operator is authorised")
}

// registrable is a URL's registrable domain, by the public suffix list that
// golang.org/x/net carries, so that it changes with a release only. A host that
// is an address is its own domain.
func registrable(raw string) (string, error) {
	host, err := hostOf(raw)
	if err != nil {
		return "", err
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil || host == "localhost" {
		return host, nil
	}
	return publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(host, "."))
}

// hostOf is a URL's host, or a bare host's, in canonical form and without port.
func hostOf(raw string) (string, error) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	_, authority, err := Canonicalize(raw)
	if err != nil {
		return "", err
	}
	host, _, err := splitPort(authority)
	return host, err
}

func httpsOrigin(raw string) (string, error) {
	if u, err := url.Parse(raw); err != nil || u.Scheme != "https" {
		return "", errors.New("the address must be https")
	}
	return origin(raw)
}

// keepsOrigins holds the place of the keys to what the agent declared.
func (p Posture) keepsOrigins(keysURL string) *Error {
	actual, err := hostOf(keysURL)
	if err != nil {
		return &Error{Reason: ReasonKeysUntrusted, Detail: "jwks_uri", Err: err}
	}
	for _, surface := range []string{SurfaceRequest, SurfaceWebhook} {
		declared, ok := p.KeyOrigins[surface]
		if !ok {
			if slices.Contains(p.Signs, surface) && p.BrandJSONURL != "" {
				return refuse(ReasonKeyOriginUndeclared, "the agent signs and declares no origin for %s", surface)
			}
			continue
		}
		if host, err := hostOf(declared); err != nil || host != actual {
			return refuse(ReasonKeyOriginMismatch, "the keys are not where the agent declares those for %s", surface)
		}
		governance, err := hostOf(p.KeyOrigins[surfaceGovernance])
		if err == nil && governance == actual {
			return refuse(ReasonKeyOriginMismatch, "the agent declares its governance keys at the origin of the others")
		}
	}
	return nil
}
