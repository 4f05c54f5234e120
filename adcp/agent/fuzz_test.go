package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// FuzzDo holds that any arguments get an answer: one JSON document with a status,
// the caller's context byte for byte, no panic behind it, and the same answer to
// the same mutating request, which runs once.
func FuzzDo(f *testing.F) {
	const order = `{"idempotency_key":"0123456789abcdef","account":{"account_id":"a"},"brand":{"domain":"acme.example"},"start_time":"asap","end_time":"2027-01-01T00:00:00Z","packages":[{"product_id":"p","pricing_option_id":"o","budget":1.50}],"context":{"a": [1, "\u0061"]}}`
	for _, doc := range []string{order, `{"buying_mode":"wholesale","context":{"x":1e2},"adcp_version":"3.1"}`, `{"context":{},"context":{}}`, `{"adcp_major_version":99}`, `[]`, `{"account":{}}`, ``} {
		f.Add([]byte(doc), true)
		f.Add([]byte(doc), false)
	}
	runs := 0
	a := agent.New(agent.Config{Clock: stopped(morning), Authenticator: agent.AuthenticatorFunc(people)})
	agent.Handle(a, adcp.CreateMediaBuy, func(_ context.Context, call *agent.Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		runs++
		return booked("mb_1", call.Now), nil
	})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}, nil
	})
	f.Fuzz(func(t *testing.T, arguments []byte, write bool) {
		request := agent.Request{Operation: "get_products", Arguments: arguments, Credential: acme}
		if write {
			request.Operation = "create_media_buy"
		}
		before := runs
		first, second := a.Do(t.Context(), request), a.Do(t.Context(), request)
		if runs > before+1 {
			t.Errorf("ran twice for one key: %q", arguments)
		}
		for _, r := range []agent.Response{first, second} {
			var answer struct {
				Status  string          `json:"status"`
				Context json.RawMessage `json:"context"`
			}
			if err := json.Unmarshal(r.Body, &answer); err != nil || answer.Status == "" {
				t.Fatalf("answered %q: %v", r.Body, err)
			}
			if (r.Error == nil) != (answer.Status == "completed") {
				t.Errorf("status %q with error %v", answer.Status, r.Error)
			}
			if r.Error == nil && len(answer.Context) > 0 && !bytes.Contains(arguments, answer.Context) {
				t.Errorf("context %s is not the caller's: %q", answer.Context, arguments)
			}
			if r.Error != nil && r.Error.Code == adcp.CodeServiceUnavailable {
				t.Errorf("a fault behind %q", arguments)
			}
		}
		if first.Error == nil && write && (second.Error != nil || !second.Replayed) {
			t.Errorf("the same request was answered anew: %q, %v", second.Body, second.Error)
		}
	})
}
