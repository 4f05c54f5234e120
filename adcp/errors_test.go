package adcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func TestNewErrorFillsRecovery(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule string
		code ErrorCode
		want ErrorRecovery
	}{
		{"Correctable", CodeInvalidRequest, ErrorRecoveryCorrectable},
		{"Transient", CodeServiceUnavailable, ErrorRecoveryTransient},
		{"Terminal", CodeAccountSuspended, ErrorRecoveryTerminal},
		{"UnknownIsTransient", "SELLER_SPECIFIC", ErrorRecoveryTransient},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := NewError(tt.code, "", "no").RecoveryClass(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if n := len(recoveries); n != 92 {
		t.Errorf("the catalogue has %d codes, want 92", n)
	}
}

func TestErrorAsReceived(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule string
		err  Error
		want ErrorRecovery
	}{
		{"TheSenderDecides", Error{Code: CodeConflict, Recovery: new(ErrorRecoveryTerminal)}, ErrorRecoveryTerminal},
		{"SilenceIsTheCatalogue", Error{Code: CodeProductNotFound}, CodeProductNotFound.Recovery()},
		{"AnUnknownClassIsTheCatalogue", Error{Code: CodeProductNotFound, Recovery: new(ErrorRecovery("maybe"))}, CodeProductNotFound.Recovery()},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.RecoveryClass(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestErrorOnTheWire(t *testing.T) {
	t.Parallel()
	base := NewError(CodeBudgetTooLow, "packages[0].budget", "is below the minimum of 500 USD")
	full := base.WithSuggestion("Raise it to 500.").WithDetails(map[string]any{"minimum_budget": 500}).WithRetryAfter(9999).WithRecovery(ErrorRecoveryTerminal)
	doc, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"code":"BUDGET_TOO_LOW","message":"is below the minimum of 500 USD","field":"packages[0].budget","suggestion":"Raise it to 500.","retry_after":3600,"details":{"minimum_budget":500},"recovery":"terminal"}`
	if string(doc) != want {
		t.Errorf("got %s\nwant %s", doc, want)
	}
	if err := ValidateDocument("core/error.json", doc); err != nil {
		t.Error(err)
	}
	if base.Suggestion != nil || base.Details != nil || base.RetryAfter != nil {
		t.Errorf("a With method changed the error it was called on: %+v", base)
	}
	if got := base.Error(); got != "BUDGET_TOO_LOW: packages[0].budget: is below the minimum of 500 USD" {
		t.Errorf("got %q", got)
	}
}

func TestDetailsThatAreNoObjectAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, details := range []any{"text", 7, nil, []string{"a"}, make(chan int)} {
		if e := NewError(CodeConflict, "", "no").WithDetails(details); e.Details != nil {
			t.Errorf("%v became %s", details, e.Details)
		}
	}
}

func TestErrorsAreFoundByCode(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("book: %w", NewError(CodeConflict, "revision", "is stale"))
	if !errors.Is(wrapped, &Error{Code: CodeConflict}) || errors.Is(wrapped, &Error{Code: CodeInvalidState}) {
		t.Error("errors.Is does not compare by code")
	}
}
