package agent

import (
	"context"
	"errors"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

// noFailureArm are the operations whose published response schema describes
// success only: it requires fields that a refusal cannot have. Their refusals
// travel in the same form all the same, as an error of the transport, which
// callers do not hold to the response schema.
var noFailureArm = []string{
	"get_adcp_capabilities", "get_task_status", "list_tasks", "list_accounts", "report_usage",
	"list_creative_formats", "get_media_buys", "get_media_buy_delivery", "list_creatives",
	"preview_creative", "get_creative_delivery", "list_transformers", "validate_input",
	"sync_plans", "check_governance", "report_plan_outcome", "get_plan_audit_logs",
	"create_property_list", "update_property_list", "get_property_list", "list_property_lists",
	"delete_property_list", "validate_property_delivery", "create_collection_list",
	"update_collection_list", "get_collection_list", "list_collection_lists", "delete_collection_list",
	"si_get_offering", "si_initiate_session", "si_send_message", "si_terminate_session",
}

// TestRefusalsMatchEveryResponseSchema sends a refusal of each operation
// through the published response schema.
func TestRefusalsMatchEveryResponseSchema(t *testing.T) {
	t.Parallel()
	exceptions := map[string]string{
		"comply_test_controller": "its failures have codes of their own in a field named error, which its handler answers with",
	}
	for _, name := range noFailureArm {
		exceptions[name] = "the schema describes success only"
	}
	a := New(Config{Clock: still{}, Authenticator: AuthenticatorFunc(func(context.Context, Credential) (Caller, error) {
		return Caller{}, nil
	})})
	Handle(a, adcp.UpdateContentStandards, func(context.Context, *Call, *adcp.UpdateContentStandardsRequest) (*adcp.UpdateContentStandardsResponse, error) {
		return nil, errors.New("not called")
	})
	refusal := adcp.NewError(adcp.CodeServiceUnavailable, "packages[0].budget", "Not now.").
		WithSuggestion("Come back.").WithRetryAfter(5).WithDetails(map[string]int{"remaining": 0})
	for _, op := range adcp.Operations() {
		body := a.refuse(a.handlers[op.Name], refusal, []byte(`{"id":1}`), "3.1").Body
		err := adcp.ValidateResponse(op, body)
		why, excepted := exceptions[op.Name]
		switch {
		case err != nil && !excepted:
			t.Errorf("%s: %v", op.Name, err)
		case err == nil && excepted:
			t.Errorf("%s matches after all; drop the exception: %s", op.Name, why)
		}
		delete(exceptions, op.Name)
	}
	for name := range exceptions {
		t.Errorf("%s is excepted and not in the operation table", name)
	}
}
