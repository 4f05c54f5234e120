package signing

import "encoding/base64"

// Profile is one of the protocol's constrained forms of RFC 9421. The zero
// value is none of them and is refused by [NewSigner] and [NewVerifier].
type Profile int

const (
	// Request31 signs requests as releases 3.0 and 3.1 do: binary values are
	// base64url without padding. A verifier also takes pure standard base64,
	// which older counterparties send, but no mixture of the two.
	Request31 Profile = iota + 1
	// Request32 signs requests as release 3.2 does: binary values are standard
	// base64 with padding, as RFC 8941 has it, and nothing else is read.
	Request32
	// Webhook signs webhooks, in every release of 3.x. Binary values are as in
	// [Request31], and the body's digest is always covered.
	Webhook
)

// RequestProfile is the profile for requests of a release such as "3.1". It is
// the zero Profile for a release that has none.
func RequestProfile(release string) Profile {
	switch release {
	case "3.0", "3.1":
		return Request31
	case "3.2":
		return Request32
	}
	return 0
}

// The tags separate the profiles: a signature made under one is never good under another.
const (
	requestTag = "adcp/request-signing/v1"
	webhookTag = "adcp/webhook-signing/v1"
)

// The purposes a published key may declare in its member adcp_use.
const (
	// PurposeRequest is for signing requests and webhooks.
	PurposeRequest = "request-signing"
	// PurposeWebhook is deprecated by the protocol and still accepted on webhooks.
	PurposeWebhook = "webhook-signing"
)

func (p Profile) valid() bool { return p >= Request31 && p <= Webhook }

// Tag is the signature parameter that names the profile.
func (p Profile) Tag() string {
	if p == Webhook {
		return webhookTag
	}
	return requestTag
}

// String names the profile, for logs.
func (p Profile) String() string {
	switch p {
	case Request31:
		return "request signing 3.1"
	case Request32:
		return "request signing 3.2"
	case Webhook:
		return "webhook signing"
	}
	return "no profile"
}

// Code is the published error code of a reason under this profile.
func (p Profile) Code(r Reason) string {
	prefix := "request"
	if p == Webhook {
		prefix = "webhook"
	}
	switch r {
	case ReasonTargetURI, ReasonBody, ReasonMode:
		return prefix + "_" + string(r)
	}
	return prefix + "_signature_" + string(r)
}

// accepts tells whether a key of that purpose may sign under the profile.
func (p Profile) accepts(purpose string) bool {
	return purpose == PurposeRequest || p == Webhook && purpose == PurposeWebhook
}

// encode writes a binary value as the profile's signers must.
func (p Profile) encode(b []byte) string {
	if p == Request32 {
		return base64.StdEncoding.EncodeToString(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
