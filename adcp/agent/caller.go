package agent

import (
	"context"
	"errors"
	"net/http"

	"github.com/upfront-media/upfront/adcp"
)

// Caller is who calls. Tenant and Principal come from the credential alone;
// nothing in a request can change them.
type Caller struct {
	// Tenant is the space of data that the caller sees and changes.
	Tenant string
	// Principal is the buyer, agency or machine that the credential stands for.
	Principal string
	// Anonymous callers presented no credential. They reach public operations only.
	Anonymous bool
	// Sandbox callers see operations that exist for testing.
	Sandbox bool
	// Permission narrows what the credential is good for. Without one the
	// caller may do all that its principal may.
	Permission Permission
	// SignedBy is the address of the agent whose signature the request carried,
	// from where its key was found, or "" for an unsigned one. Whether that agent
	// may act for the brand that a request names is another question.
	SignedBy string
}

// SeesAccount tells whether the credential reaches the principal's account of
// that identifier. An account that it does not reach must look to the caller as
// if it did not exist, and so must everything in it: resolvers and handlers ask
// this wherever they look for what belongs to the principal.
func (c Caller) SeesAccount(id string) bool {
	return c.Permission == nil || c.Permission.SeesAccount(id)
}

// Credential is what a transport found in a request, as it came. The zero
// Credential means that there was none.
type Credential struct {
	// Scheme is "bearer" or "basic" in lower case, or "" for none. Any other
	// scheme is passed on as it came and is the authenticator's to refuse.
	Scheme string
	// Value is the token, or the base64 text of HTTP Basic.
	Value string
}

// ErrBadCredential is what an [Authenticator] returns for a credential that is
// unknown, malformed, expired or revoked. The caller is not told which.
var ErrBadCredential = errors.New("the credential is not valid")

// Authenticator tells who presents a credential. For the zero [Credential] it
// returns the anonymous caller of the tenant being served; for one that is not
// valid, [ErrBadCredential]. Any other error is a fault of its own and makes
// the call SERVICE_UNAVAILABLE. It must be safe for concurrent use.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credential) (Caller, error)
}

// AuthenticatorFunc is an [Authenticator] made of a function.
type AuthenticatorFunc func(ctx context.Context, c Credential) (Caller, error)

// Authenticate implements [Authenticator].
func (f AuthenticatorFunc) Authenticate(ctx context.Context, c Credential) (Caller, error) {
	return f(ctx, c)
}

// AccountResolver finds the account that a request names among the caller's
// own. It returns the account's one identifier, whichever form of reference
// named it. For an account that does not exist, and equally for one that
// belongs to somebody else or that the credential does not reach
// ([Caller.SeesAccount]), it returns the same ACCOUNT_NOT_FOUND. An operation
// that creates accounts is asked too: answer "" and no error for a reference
// that is yet to be created. It is not asked when the request names no account.
type AccountResolver interface {
	ResolveAccount(ctx context.Context, caller Caller, op *adcp.Operation, ref *adcp.AccountReference) (string, error)
}

// Authenticate tells who presents the credential, as a transport must know it
// before it shows a list of operations or dispatches a call. The error is
// AUTH_INVALID for a bad credential and SERVICE_UNAVAILABLE when it could not be
// checked. A missing credential is no error here: see [Agent.Admit].
func (a *Agent) Authenticate(ctx context.Context, c Credential) (Caller, *adcp.Error) {
	caller, err := a.cfg.Authenticator.Authenticate(ctx, c)
	switch {
	case err == nil && c.Scheme == "" && !caller.Anonymous && caller.Principal == "":
		// An authenticator that knows nobody still has to say so.
		caller.Anonymous = true
		return caller, nil
	case err == nil:
		return caller, nil
	case errors.Is(err, ErrBadCredential):
		return Caller{}, adcp.NewError(adcp.CodeAuthInvalid, "", "The credential is not valid.").
			WithSuggestion("Present a current key, or none for public operations.")
	default:
		a.log.ErrorContext(ctx, "credential could not be checked", "error", err)
		return Caller{}, unavailable()
	}
}

// Admit tells whether the caller may call the operation of that name at all:
// AUTH_MISSING for an anonymous caller outside the public operations,
// UNSUPPORTED_FEATURE for a name that is not served, PERMISSION_DENIED for a
// sandbox operation called from outside the sandbox, and what the credential's
// [Permission] says.
func (a *Agent) Admit(caller Caller, operation string) *adcp.Error {
	r, ok := a.handlers[operation]
	if !ok {
		if caller.Anonymous {
			// Whoever has no credential does not learn what exists behind one.
			if op, known := adcp.OperationNamed(operation); known && op.Access != adcp.AccessPublic {
				return mayCall(caller, op)
			}
		}
		return adcp.NewError(adcp.CodeUnsupportedFeature, "", "This agent does not serve that operation.").
			WithSuggestion("List the tools, or read get_adcp_capabilities, for what is served.")
	}
	return mayCall(caller, r.op)
}

// mayCall is the access class of an operation applied to a caller.
func mayCall(caller Caller, op *adcp.Operation) *adcp.Error {
	switch {
	case op.Access == adcp.AccessPublic && caller.Anonymous:
		return nil
	case caller.Anonymous:
		return adcp.NewError(adcp.CodeAuthMissing, "", "This operation needs a credential.").
			WithSuggestion("Send the header Authorization: Bearer with your key.")
	case op.Access == adcp.AccessSandbox && !caller.Sandbox:
		return adcp.NewError(adcp.CodePermissionDenied, "", "This operation is for sandbox principals only.")
	case caller.Permission != nil && op.Name != capabilityOperation:
		return caller.Permission.MayCall(op)
	}
	return nil
}

// httpStatus is the status of an HTTP transport for a refusal. Refusals that
// the protocol carries in its own envelope are 200; those that concern
// credentials and the size of a request are HTTP's own.
func httpStatus(code adcp.ErrorCode) int {
	switch code {
	case adcp.CodeAuthMissing, adcp.CodeAuthInvalid:
		return http.StatusUnauthorized
	}
	return http.StatusOK
}
