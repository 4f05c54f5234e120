package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
)

// Problem is a refusal as problem details (RFC 9457), with the protocol's words
// for what is wrong and what to do.
type Problem struct {
	huma.ErrorModel
	// Code is the protocol's error code, such as MEDIA_BUY_NOT_FOUND.
	Code string `json:"code,omitempty" doc:"The protocol's error code"`
	// Field is the part of the request at fault.
	Field string `json:"field,omitempty" doc:"The part of the request at fault"`
	// Suggestion says what to do.
	Suggestion string `json:"suggestion,omitempty" doc:"What to do about it"`
}

// problem tells an error to the caller, or hides a fault and logs it.
func (a *API) problem(ctx context.Context, operation string, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*adcp.Error](err); ok {
		return &Problem{
			ErrorModel: model(statusOf(e.Code), e.Message), Code: string(e.Code),
			Field: adcp.Val(e.Field), Suggestion: adcp.Val(e.Suggestion),
		}
	}
	a.cfg.Logger.ErrorContext(ctx, "REST call failed", "operation", operation, "error", err)
	return &Problem{
		ErrorModel: model(http.StatusServiceUnavailable, "This cannot be answered at the moment."),
		Code:       string(adcp.CodeServiceUnavailable), Suggestion: "Try again; the log says what happened.",
	}
}

// statusOf is the HTTP status for a refusal of that code.
func statusOf(code adcp.ErrorCode) int {
	switch code {
	case adcp.CodeAuthMissing, adcp.CodeAuthInvalid:
		return http.StatusUnauthorized
	case adcp.CodePermissionDenied:
		return http.StatusForbidden
	case adcp.CodeConflict, adcp.CodeInvalidState, adcp.CodeNotCancellable, adcp.CodeActionNotAllowed:
		return http.StatusConflict
	case adcp.CodeRateLimited:
		return http.StatusTooManyRequests
	case adcp.CodeServiceUnavailable:
		return http.StatusServiceUnavailable
	}
	if strings.HasSuffix(string(code), "_NOT_FOUND") {
		return http.StatusNotFound
	}
	return http.StatusUnprocessableEntity
}

func unauthorized(code adcp.ErrorCode, detail, suggestion string) *Problem {
	return &Problem{ErrorModel: model(http.StatusUnauthorized, detail), Code: string(code), Suggestion: suggestion}
}

func forbidden(staff account.Staff, roles []account.Role) *Problem {
	return &Problem{
		ErrorModel: model(http.StatusForbidden, fmt.Sprintf("%s may not do this: it takes the role %s.", staff.Name, either(roles))),
		Code:       string(adcp.CodePermissionDenied), Suggestion: "Ask a colleague who has it, or an admin to give it.",
	}
}

func either(roles []account.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}

func model(status int, detail string) huma.ErrorModel {
	return huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}
}

// write answers a call that does not reach its operation.
func (p *Problem) write(c huma.Context) {
	c.SetHeader("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		c.SetHeader("WWW-Authenticate", `Bearer realm="upfront staff"`)
	}
	c.SetStatus(p.Status)
	_ = json.NewEncoder(c.BodyWriter()).Encode(p)
}
