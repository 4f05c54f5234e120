package creative

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// Provenance holds what a creative, found at the path at, says of its making against
// what a publisher's policy wants to be told (core/creative-policy.json). Only what is
// declared is looked at: nobody is called, least of all an address that the buyer
// names.
func Provenance(at string, policy *adcp.CreativePolicy, p *adcp.Provenance) *adcp.Error {
	if policy == nil {
		return nil
	}
	at += ".provenance"
	want := adcp.Val(policy.ProvenanceRequirements)
	refuse := func(code adcp.ErrorCode, field, suggestion, format string, args ...any) *adcp.Error {
		return adcp.NewError(code, field, fmt.Sprintf(format, args...)).WithSuggestion(suggestion)
	}
	if p == nil {
		if adcp.Val(policy.ProvenanceRequired) {
			return refuse(adcp.CodeProvenanceRequired, at, "Attach provenance, as the product's creative_policy asks for.", "The creative does not say how it was made.")
		}
		return nil
	}
	if adcp.Val(want.RequireDigitalSourceType) && p.DigitalSourceType == nil {
		return refuse(adcp.CodeProvenanceDigitalSourceTypeMissing, at+".digital_source_type", "Add digital_source_type.", "The creative does not say what its source is.")
	}
	if adcp.Val(want.RequireEmbeddedProvenance) && len(p.EmbeddedProvenance) == 0 {
		return refuse(adcp.CodeProvenanceEmbeddedMissing, at+".embedded_provenance", "Embed provenance in the content, and say where.", "The creative embeds no provenance.")
	}
	for i, e := range p.EmbeddedProvenance {
		if e.VerifyAgent == nil || accepted(policy.AcceptedVerifiers, e.VerifyAgent.AgentURL) {
			continue
		}
		var agents []string
		for _, v := range policy.AcceptedVerifiers {
			agents = append(agents, v.AgentURL)
		}
		return refuse(adcp.CodeProvenanceVerifierNotAccepted, fmt.Sprintf("%s.embedded_provenance[%d].verify_agent.agent_url", at, i),
			"Name one of the product's accepted_verifiers.", "The publisher does not take that verifier's word.").
			WithDetails(map[string]any{"accepted_verifiers": agents})
	}
	if adcp.Val(want.RequireDisclosureMetadata) && p.Disclosure == nil {
		return refuse(adcp.CodeProvenanceDisclosureMissing, at+".disclosure", "Add disclosure, with required false where none is due.", "The creative does not say whether its making is to be disclosed.")
	}
	return nil
}

// accepted tells whether the verifier is one of the publisher's. A publisher that
// lists none takes no verifier's word, and asks none.
func accepted(list []adcp.CreativePolicyAcceptedVerifier, agent string) bool {
	same := func(v adcp.CreativePolicyAcceptedVerifier) bool {
		return strings.TrimSuffix(strings.ToLower(v.AgentURL), "/") == strings.TrimSuffix(strings.ToLower(agent), "/")
	}
	return len(list) == 0 || slices.ContainsFunc(list, same)
}
