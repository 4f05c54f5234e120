package signing

import "fmt"

// Reason says which rule a message broke, for both profiles alike. With the
// profile's prefix it is the published code: see [Profile.Code].
type Reason string

// The reasons of the verifier's checklist.
const (
	ReasonRequired        Reason = "required"
	ReasonHeader          Reason = "header_malformed"
	ReasonParams          Reason = "params_incomplete"
	ReasonTag             Reason = "tag_invalid"
	ReasonAlgorithm       Reason = "alg_not_allowed"
	ReasonWindow          Reason = "window_invalid"
	ReasonIncomplete      Reason = "components_incomplete"
	ReasonUnexpected      Reason = "components_unexpected"
	ReasonKeyUnknown      Reason = "key_unknown"
	ReasonKeyPurpose      Reason = "key_purpose_invalid"
	ReasonKeyRevoked      Reason = "key_revoked"
	ReasonRevocationStale Reason = "revocation_stale"
	ReasonRateAbuse       Reason = "rate_abuse"
	ReasonTargetURI       Reason = "target_uri_malformed"
	ReasonInvalid         Reason = "invalid"
	ReasonDigest          Reason = "digest_mismatch"
	ReasonReplayed        Reason = "replayed"
	ReasonBody            Reason = "body_malformed"
	// ReasonMode says that a webhook came signed in another way than was agreed
	// when it was registered.
	ReasonMode Reason = "mode_mismatch"
)

// The reasons of finding a key.
const (
	// ReasonKeysUnavailable is the only reason that passes by itself: the key set
	// could not be read just now.
	ReasonKeysUnavailable     Reason = "jwks_unavailable"
	ReasonKeysUntrusted       Reason = "jwks_untrusted"
	ReasonBrandURLMissing     Reason = "brand_json_url_missing"
	ReasonCapabilities        Reason = "capabilities_unreachable"
	ReasonBrandUnreachable    Reason = "brand_json_unreachable"
	ReasonBrandMalformed      Reason = "brand_json_malformed"
	ReasonBrandOrigin         Reason = "brand_origin_mismatch"
	ReasonAgentNotInBrand     Reason = "agent_not_in_brand_json"
	ReasonBrandAmbiguous      Reason = "brand_json_ambiguous"
	ReasonKeyOriginMismatch   Reason = "key_origin_mismatch"
	ReasonKeyOriginUndeclared Reason = "key_origin_missing"
)

// Error is a refusal. The counterparty is told the Code and nothing else
// ([Error.Challenge]); the rest is for our own log.
type Error struct {
	// Code is the published code, such as "request_signature_replayed". It is
	// empty on errors of a [KeySource], which does not know the profile; the
	// verifier fills it in.
	Code string
	// Reason is the code without the profile.
	Reason Reason
	// Step is the step of the protocol's checklist: "0" for what comes before it,
	// "1" to "14", and "9a".
	Step string
	// Detail says in words what was wrong. It holds nothing of the body and no
	// unchecked text of the counterparty.
	Detail string
	// Err is the cause, where there is one.
	Err error
}

// refuse is an error for a rule that was broken.
func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string {
	code := e.Code
	if code == "" {
		code = string(e.Reason)
	}
	if e.Step != "" {
		code += " (step " + e.Step + ")"
	}
	if e.Err != nil {
		return code + ": " + e.Detail + ": " + e.Err.Error()
	}
	return code + ": " + e.Detail
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether target is an [Error] with the same reason, so that
// errors.Is(err, &signing.Error{Reason: signing.ReasonReplayed}) works.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason && (other.Code == "" || other.Code == e.Code)
}

// Challenge is the value of the WWW-Authenticate header that a refusal is
// answered with, beside status 401.
func (e *Error) Challenge() string { return `Signature error="` + e.Code + `"` }

// Temporary tells whether the same message may succeed later.
func (e *Error) Temporary() bool {
	switch e.Reason {
	case ReasonKeysUnavailable, ReasonCapabilities, ReasonBrandUnreachable:
		return true
	}
	return false
}
