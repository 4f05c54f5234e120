package agent

import (
	"net/http"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// Permission is what a credential is good for, where that is less than
// everything its principal may do. It must be safe for concurrent use and its
// dynamic type comparable, such as a pointer.
type Permission interface {
	// MayCall refuses an operation outside the credential's scope: READ_ONLY_SCOPE
	// for a change asked with a credential that only reads, SCOPE_INSUFFICIENT for
	// an operation that it does not name. It is asked for public operations too,
	// because those show more to a principal, but never for
	// get_adcp_capabilities, which is how a caller finds its way.
	MayCall(op *adcp.Operation) *adcp.Error
	// SeesAccount tells whether the credential reaches the account; see
	// [Caller.SeesAccount].
	SeesAccount(accountID string) bool
	// Reach is the same text for two credentials of a principal if and only if
	// they reach the same accounts, whatever else they are good for, and "" for one
	// that reaches them all. It outlives the credential: a key that takes another's
	// place with the same accounts has the same reach, and finds its requests.
	Reach() string
}

// ScopeNamer is a [Permission] that came with an OAuth token. A caller may ask
// the issuer for a token with more, so HTTP transports refuse such a token with
// 403 and name what is missing; any other credential is refused in the
// protocol's own envelope.
type ScopeNamer interface {
	// ScopesFor names the OAuth scopes of which any one admits the operation.
	ScopesFor(op *adcp.Operation) []string
}

// HTTPRefusal says whether a transport over HTTP refuses before dispatch, by
// the status it returns, and with which WWW-Authenticate header: 401 for a
// credential that is missing or not valid, 403 for an OAuth token without the
// scope, 503 for one that could not be checked. For every other refusal, and for
// none, it returns 200 and no header: the protocol's own answer carries those.
//
// The caller may be the zero Caller where none was established; operation is the
// name that was called, or "". The header follows RFC 6750. Metadata is the
// address of the endpoint's OAuth protected-resource metadata (RFC 9728), to
// which the header then points; it is empty for an agent without an OAuth
// issuer, which has no such document.
func HTTPRefusal(caller Caller, operation string, refusal *adcp.Error, metadata string) (status int, header string) {
	if refusal == nil {
		return http.StatusOK, ""
	}
	switch refusal.Code {
	case adcp.CodeServiceUnavailable:
		return http.StatusServiceUnavailable, ""
	case adcp.CodeAuthMissing:
		return http.StatusUnauthorized, challenge("", nil, metadata)
	case adcp.CodeAuthInvalid:
		return http.StatusUnauthorized, challenge("invalid_token", nil, metadata)
	case adcp.CodeScopeInsufficient, adcp.CodeReadOnlyScope:
		namer, oauth := caller.Permission.(ScopeNamer)
		op, known := adcp.OperationNamed(operation)
		if oauth && known {
			return http.StatusForbidden, challenge("insufficient_scope", namer.ScopesFor(op), metadata)
		}
	}
	return http.StatusOK, ""
}

// challenge writes a WWW-Authenticate header of the scheme Bearer.
func challenge(problem string, scopes []string, metadata string) string {
	header := `Bearer realm="adcp"`
	for _, p := range [...]struct{ name, value string }{
		{"error", problem},
		{"scope", strings.Join(scopes, " ")},
		{"resource_metadata", metadata},
	} {
		if p.value != "" {
			header += ", " + p.name + `="` + quotable.Replace(p.value) + `"`
		}
	}
	return header
}

// quotable makes a value fit for a quoted string of HTTP.
var quotable = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "")
