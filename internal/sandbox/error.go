package sandbox

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// The controller's own vocabulary of errors, by the member error of
// compliance/comply-test-controller-response.json.
const (
	errInvalidTransition = "INVALID_TRANSITION"
	errInvalidState      = "INVALID_STATE"
	errNotFound          = "NOT_FOUND"
	errUnknownScenario   = "UNKNOWN_SCENARIO"
	errInvalidParams     = "INVALID_PARAMS"
	errForbidden         = "FORBIDDEN"
	errInternal          = "INTERNAL_ERROR"
)

// controllerError puts a refusal into the controller's own words, beside the
// protocol's.
func controllerError(e *adcp.Error) map[string]any {
	members := map[string]any{"error": word(e.Code), "error_detail": e.Message}
	var details struct {
		CurrentState *string `json:"current_state"`
	}
	if json.Unmarshal(e.Details, &details) == nil && details.CurrentState != nil {
		members["current_state"] = *details.CurrentState
	}
	return members
}

func word(code adcp.ErrorCode) string {
	switch code {
	case adcp.CodePermissionDenied, adcp.CodeScopeInsufficient, adcp.CodeReadOnlyScope, adcp.CodeAuthMissing, adcp.CodeAuthInvalid:
		return errForbidden
	case adcp.CodeUnsupportedFeature:
		return errUnknownScenario
	case adcp.CodeInvalidState, adcp.CodeNotCancellable, adcp.CodeActionNotAllowed:
		return errInvalidTransition
	case adcp.CodeConflict:
		return errInvalidState
	case adcp.CodeServiceUnavailable:
		return errInternal
	}
	if strings.HasSuffix(string(code), "_NOT_FOUND") {
		return errNotFound
	}
	return errInvalidParams
}

func invalid(field, format string, args ...any) *adcp.Error {
	return adcp.NewError(adcp.CodeValidationError, field, fmt.Sprintf(format, args...)).
		WithSuggestion("Correct " + field + " and ask again.")
}

func notFound(field, what, id string) *adcp.Error {
	return adcp.NewError(adcp.CodeReferenceNotFound, field, fmt.Sprintf("There is no %s %s.", what, id)).
		WithSuggestion("Name one of this principal's own.")
}
