package seller_test

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// way is one of the ways to a shop's agent: in-process, or over a transport.
type way struct {
	name string
	call func(t *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage
}

var ways = []way{
	{"in-process", func(_ *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage {
		r := agent.Request{Operation: task, Arguments: request}
		if principal != "" {
			r.Credential = agent.Credential{Scheme: "bearer", Value: principal}
		}
		return s.agent.Do(context.Background(), r).Body
	}},
	{"MCP", func(t *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage {
		message := object{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": object{"name": task, "arguments": request}}
		return dataOf(t, posted(t, mcp.NewHandler(s.agent, mcp.Options{}), principal, message), func(result json.RawMessage) json.RawMessage {
			var tool struct {
				Structured json.RawMessage `json:"structuredContent"`
			}
			if err := json.Unmarshal(result, &tool); err != nil {
				t.Fatal(err)
			}
			return tool.Structured
		})
	}},
	{"A2A 1.0", func(t *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage {
		return overA2A(t, s, principal, object{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": object{"message": object{
			"messageId": "m", "role": "ROLE_USER", "parts": []object{{"data": object{"skill": task, "input": request}}},
		}}})
	}},
	{"A2A 0.3", func(t *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage {
		return overA2A(t, s, principal, object{"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": object{"message": object{
			"kind": "message", "messageId": "m", "role": "user", "parts": []object{{"kind": "data", "data": object{"skill": task, "input": request}}},
		}}})
	}},
}

func overA2A(t *testing.T, s *shop, principal string, message object) json.RawMessage {
	t.Helper()
	return dataOf(t, posted(t, a2a.NewHandler(s.agent, a2a.Options{}), principal, message), func(result json.RawMessage) json.RawMessage {
		data, err := a2a.Extract(result)
		if err != nil {
			t.Fatal(err)
		}
		return data
	})
}

// posted is a JSON-RPC response of a transport's handler.
func posted(t *testing.T, h http.Handler, principal string, message object) []byte {
	t.Helper()
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if principal != "" {
		r.Header.Set("Authorization", "Bearer "+principal)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.Bytes()
}

// dataOf is the protocol's answer in a JSON-RPC response: in its result, or
// where HTTP refused before dispatch in its error.
func dataOf(t *testing.T, response []byte, inResult func(json.RawMessage) json.RawMessage) json.RawMessage {
	t.Helper()
	var msg struct {
		Result json.RawMessage `json:"result"`
		Error  struct {
			Data json.RawMessage `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal(response, &msg); err != nil {
		t.Fatalf("%v: %s", err, response)
	}
	if len(msg.Result) > 0 {
		return inResult(msg.Result)
	}
	return msg.Error.Data
}

// everyWay sends a request every way and holds the answers together. Which way
// comes first, and so is the one that changes something, goes by the pair's
// name; the others then get the first answer again, marked as replayed. It
// returns the answer without the mark.
func everyWay(t *testing.T, s *shop, principal, task string, request json.RawMessage) json.RawMessage {
	t.Helper()
	turn := fnv.New32a()
	turn.Write([]byte(t.Name()))
	first := int(turn.Sum32() % uint32(len(ways)))
	var answer json.RawMessage
	for i := range ways {
		w := ways[(first+i)%len(ways)]
		got := w.call(t, s, principal, task, request)
		if i == 0 {
			answer = got
			continue
		}
		if diff := cmp.Diff(agreed(t, answer), agreed(t, got)); diff != "" {
			t.Errorf("%s and %s disagree (-%s +%s):\n%s", ways[first].name, w.name, ways[first].name, w.name, diff)
		}
	}
	return answer
}

// agreed is what every way must tell alike: all of an answer but the mark of a
// replay, and of a refusal the error and the caller's context. A refusal before
// dispatch does not know the operation's own fields.
func agreed(t *testing.T, answer json.RawMessage) any {
	t.Helper()
	doc, ok := decoded(t, answer).(map[string]any)
	if !ok {
		t.Fatalf("the answer is no object: %s", answer)
	}
	delete(doc, "replayed")
	if e, refused := doc["adcp_error"]; refused {
		return map[string]any{"adcp_error": e, "context": doc["context"]}
	}
	return doc
}

// refusedBody tells whether an answer is a refusal.
func refusedBody(t *testing.T, answer json.RawMessage) bool {
	t.Helper()
	doc, _ := decoded(t, answer).(map[string]any)
	return doc["adcp_error"] != nil
}
