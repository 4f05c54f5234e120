package agent_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

func TestBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var answer *adcp.GetProductsResponse
	var refusal error
	agent.Before(b.Agent, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return answer, refusal
	})
	get := func() agent.Response {
		return b.Do(t.Context(), agent.Request{Operation: "get_products", Credential: acme, Arguments: []byte(`{"buying_mode":"wholesale"}`)})
	}
	if r := get(); !strings.Contains(string(r.Body), `"products":[]`) {
		t.Errorf("nothing to say leaves the answer to the handler; got %s", r.Body)
	}
	answer = &adcp.GetProductsResponse{Status: adcp.TaskStatusSubmitted, TaskID: new("task_1")}
	if r := get(); r.Error != nil || !strings.Contains(string(r.Body), `"task_id":"task_1"`) {
		t.Errorf("its response is the answer; got %s", r.Body)
	}
	answer, refusal = nil, adcp.NewError(adcp.CodePolicyViolation, "brief", "No.")
	if r := get(); r.Error == nil || r.Error.Code != adcp.CodePolicyViolation {
		t.Errorf("its refusal is the answer; got %s", r.Body)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent.After(b.Agent, adcp.GetProducts, func(_ context.Context, call *agent.Call, _ *adcp.GetProductsRequest, resp *adcp.GetProductsResponse) error {
		resp.Message = new("for " + call.Principal)
		return nil
	})
	r := b.Do(t.Context(), agent.Request{Operation: "get_products", Credential: acme, Arguments: []byte(`{"buying_mode":"wholesale"}`)})
	if !strings.Contains(string(r.Body), `"message":"for acme"`) || !strings.Contains(string(r.Body), `"products":[]`) {
		t.Errorf("it completes the handler's answer; got %s", r.Body)
	}
}

func TestRefuseAs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent.RefuseAs(b.Agent, adcp.GetProducts.Operation, func(e *adcp.Error) map[string]any {
		return map[string]any{"word": "was " + strings.ToLower(string(e.Code)), "another": 1}
	})
	r := b.Do(t.Context(), agent.Request{Operation: "get_products", Credential: acme, Arguments: []byte(`{}`)})
	if want := `"another":1,"word":"was invalid_request","errors"`; !strings.Contains(string(r.Body), want) {
		t.Errorf("a refusal before the handler carries the members too; got %s", r.Body)
	}
}

func TestAnOptionalKeyIsOptional(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent.Handle(b.Agent, adcp.ComplyTestController, func(context.Context, *agent.Call, *adcp.ComplyTestControllerRequest) (*adcp.ComplyTestControllerResponse, error) {
		return &adcp.ComplyTestControllerResponse{Success: true, Scenarios: []string{}}, nil
	})
	r := b.Do(t.Context(), agent.Request{
		Operation: "comply_test_controller", Credential: agent.Credential{Scheme: "bearer", Value: "sandbox-key"},
		Arguments: []byte(`{"scenario":"list_scenarios","account":{"sandbox":true}}`),
	})
	if r.Error != nil {
		t.Errorf("got %s", r.Body)
	}
}

func TestAmend(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *agent.Config) {
		c.Amend = func(_ agent.Caller, _ string, arguments json.RawMessage) json.RawMessage {
			return json.RawMessage(strings.Replace(string(arguments), "bulk", "wholesale", 1))
		}
	})
	if r := b.Do(t.Context(), agent.Request{Operation: "get_products", Credential: acme, Arguments: []byte(`{"buying_mode":"bulk"}`)}); r.Error != nil {
		t.Errorf("the schema sees what was sent, not what it was amended to: %s", r.Body)
	}
}
