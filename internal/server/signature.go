package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/identity"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// RequestSigningSettings says what becomes of signed requests. Its names are
// those of request_signing in get_adcp_capabilities.
type RequestSigningSettings struct {
	Supported bool `koanf:"supported"`
	// CoversContentDigest is required where empty, and either in the sandbox.
	CoversContentDigest string `koanf:"covers_content_digest"`
	// RequiredFor are tasks that need a signature of callers without another
	// credential, and WarnFor those whose failed signatures are only logged.
	RequiredFor []string `koanf:"required_for"`
	WarnFor     []string `koanf:"warn_for"`
	// SupportedFor are the tasks that callers should sign; those that change
	// something where empty.
	SupportedFor []string `koanf:"supported_for"`
	// The same for methods of JSON-RPC.
	MethodsRequiredFor  []string `koanf:"protocol_methods_required_for"`
	MethodsWarnFor      []string `koanf:"protocol_methods_warn_for"`
	MethodsSupportedFor []string `koanf:"protocol_methods_supported_for"`
	// DemandRevocations refuses agents whose operator publishes no revocation list.
	DemandRevocations bool `koanf:"demand_revocations"`
	// TestKeys, in the sandbox only, is the file of the protocol's published test
	// keys (test-vectors/request-signing/keys.json), whose signatures count there;
	// relative paths start at the config file. It makes signatures supported, in
	// the way that the published vectors ask for.
	TestKeys string `koanf:"test_keys"`
}

// The protocol's test counterparty: what its test kit signed-requests-runner says
// an agent under test must know of it besides its keys.
const (
	testSigner        = "signed-requests-runner"
	testSignerURL     = "https://signed-requests-runner.invalid/agent"
	testRevokedKey    = "test-revoked-2026"
	testSignatures    = 100
	testSignaturesFor = time.Minute
)

// SignatureConfig says how a sales agent verifies signed requests.
type SignatureConfig struct {
	Policy signing.Policy
	// Agents are the counterparties whose signatures count; whose principals they
	// are, [account.Principal].AgentURL says.
	Agents            []identity.Counterparty
	DemandRevocations bool
	// Cap bounds each key; see [store.ReplayConfig].
	Cap func(signing.KeyRef) store.SignatureCap
	// Origins are where the agent is reached; see [signing.NewMessage].
	Origins []string
	// Guard decides which addresses keys are read from; public ones where nil.
	Guard *egress.Guard
}

// signatures turns the settings into how signed requests are verified, nil where
// they are not, with the principals that are known by their signatures alone.
func (s Settings) signatures(self *identity.Self) (*SignatureConfig, []account.Principal, error) {
	r := s.RequestSigning
	switch {
	case r.TestKeys != "" && !s.Sandbox:
		return nil, nil, errors.New("request_signing.test_keys: anybody can sign with the published test keys; they are for the sandbox")
	case !r.Supported && r.TestKeys == "":
		if !reflect.ValueOf(r).IsZero() {
			return nil, nil, errors.New("request_signing.supported: set it to true, or leave out the whole section")
		}
		for i, p := range s.Principals {
			if p.AgentURL != "" {
				return nil, nil, fmt.Errorf("principals[%d] (%s): agent_url needs request_signing.supported", i, p.Name)
			}
		}
		return nil, nil, nil
	case !self.Published():
		return nil, nil, errors.New("request_signing: counterparties must be able to read our brand.json over https; set public_url to the https address of this agent")
	}
	c := &SignatureConfig{
		Policy: signing.Policy{
			Supported: true, Digest: signing.DigestPolicy(cmp.Or(r.CoversContentDigest, string(signing.DigestRequired))),
			RequiredFor: r.RequiredFor, WarnFor: r.WarnFor, SupportedFor: r.SupportedFor,
			MethodsRequiredFor: r.MethodsRequiredFor, MethodsWarnFor: r.MethodsWarnFor, MethodsSupportedFor: r.MethodsSupportedFor,
		},
		DemandRevocations: r.DemandRevocations,
	}
	for i, p := range s.Principals {
		if p.AgentURL == "" {
			continue
		}
		a := identity.Counterparty{AgentURL: p.AgentURL, BrandURL: p.BrandJSONURL, RevokedKeys: p.RevokedKeys}
		if p.JWKS != "" {
			var err error
			if a.Keys, err = readKeySet(p.AgentURL, p.JWKS); err != nil {
				return nil, nil, fmt.Errorf("principals[%d] (%s): jwks: %w", i, p.Name, err)
			}
		}
		c.Agents = append(c.Agents, a)
	}
	if r.TestKeys == "" {
		return c, nil, c.Policy.Validate()
	}
	keys, err := readKeySet(testSignerURL, r.TestKeys)
	if err != nil {
		return nil, nil, fmt.Errorf("request_signing.test_keys: %w", err)
	}
	c.Agents = append(c.Agents, identity.Counterparty{AgentURL: testSignerURL, Keys: keys, RevokedKeys: []string{testRevokedKey}})
	c.Cap = func(k signing.KeyRef) store.SignatureCap {
		if k.AgentURL == testSignerURL {
			return store.SignatureCap{Signatures: testSignatures, Within: testSignaturesFor}
		}
		return store.SignatureCap{}
	}
	c.Policy.OpenWebhooks = true
	if !r.Supported {
		// What the published vectors ask for.
		c.Policy.Digest = signing.DigestPolicy(cmp.Or(r.CoversContentDigest, string(signing.DigestEither)))
		c.Policy.RequiredFor = []string{adcp.CreateMediaBuy.Name}
		c.Policy.MethodsRequiredFor = []string{"tasks/cancel"}
	}
	return c, []account.Principal{{Name: testSigner, AgentURL: testSignerURL, Sandbox: true}}, c.Policy.Validate()
}

func readKeySet(agentURL, file string) (*signing.KeySet, error) {
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := signing.ParseKeySet(agentURL, document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// Names of jobs.
const (
	jobForgetNonces   = "forget_signature_nonces"
	forgetNoncesEvery = time.Minute
)

// verifySignatures makes the agent's verifier of signed requests, nil where it has
// none. It reads nothing of other parties yet.
func (s *Sales) verifySignatures(c SalesConfig) (*agent.Signatures, error) {
	if c.Signatures == nil {
		return nil, nil
	}
	guard := c.Signatures.Guard
	if guard == nil {
		guard = egress.New(egress.Config{})
	}
	web := guard.Client()
	counterparties, err := identity.NewCounterparties(identity.CounterpartiesConfig{
		Agents: c.Signatures.Agents, Client: web, DemandRevocations: c.Signatures.DemandRevocations,
		Posture: postureOver(web), Clock: clock.System{},
	})
	if err != nil {
		return nil, err
	}
	replays := s.db.Replays(store.ReplayConfig{Tenant: c.Tenant, Cap: c.Signatures.Cap})
	job.Register(s.queue, jobForgetNonces, func(ctx context.Context, _ struct{}) error {
		_, err := replays.Prune(ctx)
		return err
	})
	job.Every(s.queue, forgetNoncesEvery, jobForgetNonces, struct{}{})
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile: signing.Request31, Keys: counterparties, Revocations: counterparties, Replays: replays,
		Policy: c.Signatures.Policy, Clock: clock.System{},
	})
	if err != nil {
		return nil, fmt.Errorf("request_signing: %w", err)
	}
	return &agent.Signatures{Verifier: verifier, Caller: s.directory.Signed, Origins: c.Signatures.Origins}, nil
}

// postureOver asks an agent for its capabilities, to learn who its operator is.
func postureOver(web *http.Client) func(context.Context, string) (signing.Posture, error) {
	return func(ctx context.Context, agentURL string) (signing.Posture, error) {
		c := client.New(client.Config{URL: agentURL, HTTPClient: web, Attempts: 1})
		defer c.Close()
		known, err := c.Capabilities(ctx)
		if err != nil {
			return signing.Posture{}, err
		}
		return signing.PostureOf(known.Response), nil
	}
}

// signaturePolicy is what the capabilities say of signed requests.
func (s *Sales) signaturePolicy(p signing.Policy) signing.Policy {
	if len(p.SupportedFor) > 0 {
		return p
	}
	for _, op := range adcp.Operations() {
		if _, served := s.agent.Serves(op.Name); served && op.Mutating && op.Access != adcp.AccessSandbox {
			p.SupportedFor = append(p.SupportedFor, op.Name)
		}
	}
	return p
}
