package client

import (
	"encoding/json"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Limits on the parts of an error besides its texts.
const (
	maxField  = 256
	maxIssues = 20
)

// ReadError decodes an agent's adcp_error object, however it arrived, with every text cut and cleaned.
// A part of the wrong type is left out rather than making the whole unreadable:
// an error without its suggestion is still an error. It reports false for an
// object without a code.
func ReadError(raw json.RawMessage) (*adcp.Error, bool) {
	if len(raw) > maxErrorBytes {
		return nil, false
	}
	// What cannot be decoded stays empty, and an error without a code is none.
	var fields map[string]json.RawMessage
	var code, message string
	_ = json.Unmarshal(raw, &fields)
	_ = json.Unmarshal(fields["code"], &code)
	_ = json.Unmarshal(fields["message"], &message)
	if code == "" {
		return nil, false
	}
	e := &adcp.Error{Code: adcp.ErrorCode(Clean(code, 64)), Message: Clean(message, MaxMessage)}
	e.Field = cleaned(fields["field"], maxField)
	e.Suggestion = cleaned(fields["suggestion"], MaxSuggestion)
	if r := cleaned(fields["recovery"], 32); r != nil {
		e.Recovery = new(adcp.ErrorRecovery(*r))
	}
	var seconds adcp.Decimal
	if b, ok := fields["retry_after"]; ok && json.Unmarshal(b, &seconds) == nil {
		e.RetryAfter = &seconds
	}
	var issues []adcp.ErrorIssue
	if b, ok := fields["issues"]; ok && json.Unmarshal(b, &issues) == nil {
		for i, issue := range issues {
			if i == maxIssues {
				break
			}
			e.Issues = append(e.Issues, adcp.ErrorIssue{
				Pointer: Clean(issue.Pointer, maxField),
				Message: Clean(issue.Message, MaxMessage),
				Keyword: Clean(issue.Keyword, 64),
			})
		}
	}
	if d, ok := fields["details"]; ok && len(d) > 0 && d[0] == '{' {
		e.Details = d
	}
	return e, true
}

func cleaned(raw json.RawMessage, limit int) *string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil || s == "" {
		return nil
	}
	s = Clean(s, limit)
	return &s
}

// envelopeFields are the fields that say nothing of what a task did.
var envelopeFields = map[string]bool{
	"adcp_version": true, "adcp_major_version": true, "status": true, "context": true, "context_id": true,
	"message": true, "timestamp": true, "replayed": true, "adcp_error": true, "errors": true, "ext": true,
	"success": true, "task_id": true, "governance_context": true, "push_notification_config": true,
}

// failedBody finds the refusal in an answer that is not marked as an error on
// the transport: one whose task failed or was rejected, or one of an older
// dialect that holds nothing but errors.
func failedBody(body json.RawMessage) *adcp.Error {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields)
	var list []json.RawMessage
	_ = json.Unmarshal(fields["errors"], &list)
	var status string
	_ = json.Unmarshal(fields["status"], &status)
	switch status {
	case "failed", "rejected":
	case "":
		if len(list) == 0 {
			return nil
		}
		for name := range fields {
			if !envelopeFields[name] {
				return nil
			}
		}
	default:
		return nil
	}
	if e, ok := ReadError(fields["adcp_error"]); ok {
		return e
	}
	if len(list) > 0 {
		if e, ok := ReadError(list[0]); ok {
			return e
		}
	}
	return nil
}

// Recovery is the class by which to act on an agent's error: what it says, if
// it is a class that we know; otherwise the protocol's own word on the code;
// otherwise terminal, so that nothing unknown is tried again by itself.
func Recovery(e *adcp.Error) adcp.ErrorRecovery {
	if e.Recovery != nil {
		switch *e.Recovery {
		case adcp.ErrorRecoveryTransient, adcp.ErrorRecoveryCorrectable:
			return *e.Recovery
		}
		return adcp.ErrorRecoveryTerminal
	}
	if e.Code.Standard() {
		return e.Code.Recovery()
	}
	return adcp.ErrorRecoveryTerminal
}

// RetryAfter is how long an agent's error asks to wait, within the protocol's
// bounds of a second and an hour, or 0 when it does not say.
func RetryAfter(e *adcp.Error) time.Duration {
	if e.RetryAfter == nil {
		return 0
	}
	r, err := e.RetryAfter.Rat()
	if err != nil {
		return 0
	}
	seconds, _ := r.Float64()
	return time.Duration(min(max(seconds, 1), 3600) * float64(time.Second))
}
