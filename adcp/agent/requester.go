package agent

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

// Signatures says how requests are taken that their sender has signed (RFC 9421,
// the protocol's profile for requests).
type Signatures struct {
	// Verifier verifies them, under the policy that the agent's capabilities
	// state. Required.
	Verifier *signing.Verifier
	// Caller names the caller that an agent is here, by the address under which it
	// publishes its keys, and returns [ErrBadCredential] for one that is not let
	// in. Required.
	Caller func(ctx context.Context, agentURL string) (Caller, error)
	// Origins are the public origins of the agent; see [signing.NewMessage].
	Origins []string
}

// schemeSignature is the scheme of a [Credential] that is a signature; its value
// is the signing agent's address.
const schemeSignature = "signature"

// Requester is who sends a request over HTTP, or why it goes no further.
type Requester struct {
	// Caller is who it is; the zero Caller where there is a refusal.
	Caller Caller
	// Credential is what the caller is known by.
	Credential Credential
	// Refusal is AUTH_INVALID for a credential or signature that is no good,
	// AUTH_MISSING where a signature is demanded and missing, SERVICE_UNAVAILABLE
	// where that could not be told, and nil for everybody who may go on. A missing
	// credential is no refusal here: see [Agent.Admit].
	Refusal *adcp.Error

	// challenge is the WWW-Authenticate header of a refused signature.
	challenge string
}

// Identify tells who sends an HTTP request, by its Authorization header and, where
// [Config].Signatures is set, by its signature. Transports ask it when they have
// read the body and before they dispatch anything; invoked is what the body asks for.
//
// A signature that is present and fails refuses the request whatever else it
// brings, and so does a credential that is no good, whatever is signed. A
// credential beside a good signature must be the same principal's, and says what
// the caller may do; a signature alone lets its agent do what its principal may.
func (a *Agent) Identify(r *http.Request, body []byte, invoked ...signing.Invocation) Requester {
	ctx := r.Context()
	presented := credentialOf(r.Header)
	caller, refusal := a.Authenticate(ctx, presented)
	plain := Requester{Caller: caller, Credential: presented, Refusal: refusal}
	s := a.cfg.Signatures
	if s == nil || refusal != nil && refusal.Code == adcp.CodeServiceUnavailable {
		return plain
	}
	verdict, err := s.Verifier.VerifyRequest(r, body, s.Origins, func(m *signing.Message) {
		m.Invocations = invoked
		m.Authenticated = refusal == nil && !caller.Anonymous
	})
	if err != nil {
		return a.refuseSignature(ctx, err)
	}
	if verdict.Warning != nil {
		a.log.WarnContext(ctx, "a signature failed that is only warned about",
			"code", verdict.Warning.Code, "step", verdict.Warning.Step, "detail", verdict.Warning.Detail)
	}
	if verdict.Identity == nil || refusal != nil {
		return plain
	}
	signer, err := s.Caller(ctx, verdict.Identity.AgentURL)
	switch {
	case errors.Is(err, ErrBadCredential):
		return a.refuseSignature(ctx, &signing.Error{
			Code: s.Verifier.Profile().Code(signing.ReasonKeyUnknown), Reason: signing.ReasonKeyUnknown,
			Detail: "the agent is no principal here",
		})
	case err != nil:
		return a.refuseSignature(ctx, err)
	case caller.Anonymous:
		signer.SignedBy = verdict.Identity.AgentURL
		return Requester{Caller: signer, Credential: Credential{Scheme: schemeSignature, Value: signer.SignedBy}}
	case caller.Tenant != signer.Tenant || caller.Principal != signer.Principal || caller.Sandbox != signer.Sandbox:
		return Requester{Refusal: adcp.NewError(adcp.CodeAuthInvalid, "", "The credential and the signature belong to different principals.").
			WithSuggestion("Sign with the key of the agent that the credential was given to, or send one of the two.")}
	}
	plain.Caller.SignedBy = verdict.Identity.AgentURL
	return plain
}

// refuseSignature makes a refusal of what a verifier said. The caller is told the
// published code; the rest is logged.
func (a *Agent) refuseSignature(ctx context.Context, err error) Requester {
	var refused *signing.Error
	if !errors.As(err, &refused) {
		a.log.ErrorContext(ctx, "signature could not be checked", "error", err)
		return Requester{Refusal: unavailable()}
	}
	a.log.InfoContext(ctx, "signature refused", "code", refused.Code, "step", refused.Step, "detail", refused.Detail, "cause", refused.Err)
	code, suggestion := adcp.CodeAuthInvalid, "Sign the request as request_signing in get_adcp_capabilities says, with a key that your brand.json leads to."
	switch {
	case refused.Reason == signing.ReasonRequired:
		code, suggestion = adcp.CodeAuthMissing, "Sign the request as request_signing in get_adcp_capabilities says."
	case refused.Temporary():
		suggestion = "Your key could not be looked up just now: sign the request anew and send it again later."
	case refused.Reason == signing.ReasonReplayed:
		suggestion = "Sign each request anew, with a nonce of its own, also when you repeat it."
	}
	return Requester{
		Refusal: adcp.NewError(code, "", "The request's signature is not accepted: "+refused.Code+".").
			WithSuggestion(suggestion).
			WithDetails(map[string]string{"signature_error": refused.Code}),
		challenge: refused.Challenge(),
	}
}

// HTTPRefusal is [HTTPRefusal] for what this requester asks: for its own refusal,
// or for what [Agent.Admit] said of it. A refused signature is answered with 401
// and the challenge of the signing profile, which has no other parameters.
func (q Requester) HTTPRefusal(operation string, refusal *adcp.Error, metadata string) (status int, header string) {
	if q.challenge != "" {
		return http.StatusUnauthorized, q.challenge
	}
	return HTTPRefusal(q.Caller, operation, refusal, metadata)
}

// credentialOf reads the Authorization header. Two of them are one too many, and
// are passed on in a form that no authenticator accepts.
func credentialOf(h http.Header) Credential {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return Credential{}
	}
	scheme, value, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	if len(values) > 1 || scheme == "" {
		return Credential{Scheme: "invalid"}
	}
	return Credential{Scheme: strings.ToLower(scheme), Value: strings.TrimSpace(value)}
}
