package creative_test

import (
	"encoding/json"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/creative"
)

// What a policy wants to be told of a creative's making is refused where it is not
// told, in the protocol's own codes.
func TestPoliciesOnProvenance(t *testing.T) {
	t.Parallel()
	const (
		strict = `{"co_branding":"optional","landing_page":"any","templates_available":false,"provenance_required":true,
			"provenance_requirements":{"require_digital_source_type":true,"require_disclosure_metadata":true,"require_embedded_provenance":true},
			"accepted_verifiers":[{"agent_url":"https://verifier.example/"}]}`
		full = `{"digital_source_type":"digital_capture","disclosure":{"required":false},
			"embedded_provenance":[{"method":"provenance_markers","provider":"v","verify_agent":{"agent_url":"https://Verifier.example"}}]}`
	)
	for rule, test := range map[string]struct {
		policy, provenance string
		code               adcp.ErrorCode
		field              string
	}{
		"NoPolicy":                 {policy: `null`, provenance: `null`},
		"NothingAsked":             {policy: `{"co_branding":"optional","landing_page":"any","templates_available":false}`, provenance: `null`},
		"AllTold":                  {policy: strict, provenance: full},
		"NothingTold":              {policy: strict, provenance: `null`, code: adcp.CodeProvenanceRequired, field: "c.provenance"},
		"NoSource":                 {policy: strict, provenance: `{}`, code: adcp.CodeProvenanceDigitalSourceTypeMissing, field: "c.provenance.digital_source_type"},
		"NothingEmbedded":          {policy: strict, provenance: `{"digital_source_type":"digital_capture"}`, code: adcp.CodeProvenanceEmbeddedMissing, field: "c.provenance.embedded_provenance"},
		"AVerifierOfTheBuyersOwn":  {policy: strict, provenance: `{"digital_source_type":"digital_capture","embedded_provenance":[{"method":"provenance_markers","provider":"v","verify_agent":{"agent_url":"https://evil.example"}}]}`, code: adcp.CodeProvenanceVerifierNotAccepted, field: "c.provenance.embedded_provenance[0].verify_agent.agent_url"},
		"NoDisclosure":             {policy: strict, provenance: `{"digital_source_type":"digital_capture","embedded_provenance":[{"method":"provenance_markers","provider":"v"}]}`, code: adcp.CodeProvenanceDisclosureMissing, field: "c.provenance.disclosure"},
		"ToldThoughNobodyHasAsked": {policy: `{"co_branding":"optional","landing_page":"any","templates_available":false}`, provenance: full},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var policy *adcp.CreativePolicy
			var provenance *adcp.Provenance
			if err := json.Unmarshal([]byte(test.policy), &policy); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(test.provenance), &provenance); err != nil {
				t.Fatal(err)
			}
			got := creative.Provenance("c", policy, provenance)
			if (got == nil) != (test.code == "") || got != nil && (got.Code != test.code || adcp.Val(got.Field) != test.field || adcp.Val(got.Suggestion) == "") {
				t.Errorf("got %+v, want %s at %q", got, test.code, test.field)
			}
		})
	}
}
