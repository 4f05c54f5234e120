package a2a_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// way is one of the ways to an agent. It gives the answer's bytes, or the
// adcp_error of a refusal.
type way func(t *testing.T, token, operation string, arguments json.RawMessage) (body, refusal json.RawMessage)

// waysTo gives every way to an agent of its own, over real HTTP but for the last.
func waysTo(t *testing.T) map[string]way {
	t.Helper()
	serving := func(a *agent.Agent, old bool) *httptest.Server {
		h := a2a.NewHandler(a, a2a.Options{})
		if old {
			h = mcp.NewHandler(a, mcp.Options{})
		}
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s
	}
	ways := map[string]way{}
	tools := serving(newAgent(t), true)
	ways["MCP"] = func(t *testing.T, token, operation string, arguments json.RawMessage) (json.RawMessage, json.RawMessage) {
		c := mcp.Dial(mcp.DialConfig{URL: tools.URL, Token: token})
		defer c.Close()
		got, err := c.Call(context.Background(), operation, arguments)
		if err != nil {
			t.Fatal(err)
		}
		return got.Body, got.Error
	}
	for _, release := range releases {
		skills := serving(newAgent(t), false)
		ways["A2A "+release] = func(t *testing.T, token, operation string, arguments json.RawMessage) (json.RawMessage, json.RawMessage) {
			got, err := a2a.Dial(a2a.DialConfig{URL: skills.URL, Token: token, Release: release}).Call(context.Background(), operation, arguments)
			if err != nil {
				t.Fatal(err)
			}
			return got.Body, got.Error
		}
	}
	inProcess := newAgent(t)
	ways["in-process"] = func(_ *testing.T, token, operation string, arguments json.RawMessage) (json.RawMessage, json.RawMessage) {
		r := agent.Request{Operation: operation, Arguments: arguments}
		if token != "" {
			r.Credential = agent.Credential{Scheme: "bearer", Value: token}
		}
		got := inProcess.Do(context.Background(), r)
		if got.Error == nil {
			return got.Body, nil
		}
		var said struct {
			Error json.RawMessage `json:"adcp_error"`
		}
		_ = json.Unmarshal(got.Body, &said)
		return nil, said.Error
	}
	return ways
}

// TestEveryWayToAnAgentAgrees makes the same calls over MCP, A2A 1.0 and 0.3,
// and in-process, each on an agent of its own, and holds the answers together
// byte for byte. The seller's golden pairs do the same in internal/seller.
func TestEveryWayToAnAgentAgrees(t *testing.T) {
	t.Parallel()
	order := func(changes ...string) string { return strings.NewReplacer(changes...).Replace(booking) }
	for name, calls := range map[string][]struct{ token, operation, arguments string }{
		"An answer":                  {{"", "get_products", shoes}},
		"An answer with an echo":     {{"", "get_products", `{"buying_mode":"brief","brief":"x","context":{"b":1.50,"a":"<&é>\u00e9","n":12345678901234567890}}`}},
		"A caller of 3.0":            {{"", "get_products", `{"adcp_version":"3.0","buying_mode":"brief","brief":"x"}`}},
		"Exact amounts":              {{"acme-key", "create_media_buy", booking}},
		"The same again":             {{"acme-key", "create_media_buy", booking}, {"acme-key", "create_media_buy", booking}},
		"Another under its key":      {{"acme-key", "create_media_buy", booking}, {"acme-key", "create_media_buy", order("1000.10", "1000.11")}},
		"An order that waits":        {{"acme-key", "create_media_buy", order("p1", "signed")}, {"acme-key", "get_task_status", `{"task_id":"task_submitted"}`}},
		"A task that has failed":     {{"acme-key", "get_task_status", `{"task_id":"task_failed","include_result":true}`}},
		"A task that is done":        {{"acme-key", "get_task_status", `{"task_id":"task_completed","include_result":true}`}},
		"Somebody else's task":       {{"other-key", "get_task_status", `{"task_id":"task_completed"}`}},
		"A refusal":                  {{"acme-key", "create_media_buy", order("p1", "unknown")}},
		"A request against schema":   {{"", "get_products", `{"buying_mode":"brief","brief":7,"context":{"a":1}}`}},
		"A field twice":              {{"", "get_products", `{"buying_mode":"brief","brief":"a","brief":"b"}`}},
		"Arguments of another kind":  {{"", "get_products", `[1]`}},
		"No key":                     {{"acme-key", "create_media_buy", order(`"idempotency_key":"key-0123456789abcdef",`, "")}},
		"A release not served":       {{"", "get_products", `{"adcp_version":"9.9","buying_mode":"brief","brief":"x"}`}},
		"A panic":                    {{"", "get_products", `{"buying_mode":"brief","brief":"panic"}`}},
		"No credential":              {{"", "create_media_buy", booking}},
		"A wrong credential":         {{"wrong", "get_products", shoes}},
		"A key that only reads":      {{"reading-key", "create_media_buy", booking}},
		"A token without the scope":  {{"reading-token", "create_media_buy", booking}},
		"An operation not served":    {{"acme-key", "list_accounts", `{}`}},
		"An operation of no kind":    {{"acme-key", "burn", `{}`}},
		"The sandbox from outside":   {{"acme-key", "comply_test_controller", `{"scenario":"list_scenarios"}`}},
		"The sandbox from inside":    {{"sandbox-key", "comply_test_controller", `{"scenario":"list_scenarios"}`}},
		"Nesting without bounds":     {{"", "get_products", `{"ext":` + strings.Repeat(`{"a":`, 80) + "1" + strings.Repeat("}", 80) + `}`}},
		"An echo that is no object":  {{"", "get_products", `{"buying_mode":"brief","brief":"x","context":7}`}},
		"Escapes and surrogates":     {{"", "get_products", `{"buying_mode":"brief","brief":"\u2028\ud83d\ude00 <b>"}`}},
		"An echo with every bracket": {{"", "get_products", `{"buying_mode":"brief","brief":"x","context":{"}":"{\"a\":}","]":[[],{}]}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type told struct{ Body, Refusal string }
			answers := map[string][]told{}
			for way, call := range waysTo(t) {
				for _, c := range calls {
					body, refusal := call(t, c.token, c.operation, json.RawMessage(c.arguments))
					answers[way] = append(answers[way], told{string(body), compacted(refusal)})
				}
			}
			want := answers["in-process"]
			for way, got := range answers {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-in-process +%s):\n%s", way, way, diff)
				}
			}
			if last := want[len(want)-1]; last.Body == "" && last.Refusal == "" {
				t.Error("nothing was answered")
			}
		})
	}
}

func compacted(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}
