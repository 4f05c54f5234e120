package a2a_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// FuzzRequest sends arbitrary bodies without a credential. Every one is
// answered, in JSON or events, and none books anything.
func FuzzRequest(f *testing.F) {
	for _, release := range releases {
		f.Add(say(release, "get_products", shoes))
		f.Add(say(release, "create_media_buy", booking))
		f.Add(strings.NewReplacer("SendMessage", "SendStreamingMessage", "message/send", "message/stream").Replace(say(release, "get_products", shoes)))
	}
	f.Add(`{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}`)
	f.Add(`{"jsonrpc":"2.0","id":1,"method":"GetTask","params":null}`)
	h := a2a.NewHandler(newAgent(f), a2a.Options{PushNotifications: true})
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		out := w.Body.String()
		if strings.Contains(out, `"media_buy_id"`) {
			t.Errorf("booked without a credential: %s", out)
		}
		if w.Header().Get("Content-Type") == "application/json" && !json.Valid([]byte(out)) {
			t.Errorf("answered %d %q", w.Code, out)
		}
	})
}

// FuzzExtract reads arbitrary documents as answers of a stranger.
func FuzzExtract(f *testing.F) {
	f.Add(`{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"parts":[{"data":{"a":1}}]}]}}`)
	f.Add(`{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"x","data":{"adcp_error":{"code":"A"}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		data, err := a2a.Extract(json.RawMessage(document))
		if err == nil && data != nil && !json.Valid(data) {
			t.Errorf("extracted %q", data)
		}
		answer, ok := a2a.ExtractAnswer(json.RawMessage(document))
		if ok && answer.Body != nil && (answer.IsError || answer.Error != nil) {
			t.Errorf("an answer and a refusal at once: %+v", answer)
		}
	})
}
