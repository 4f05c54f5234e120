package a2a_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// TestBothSides calls our own handler, in each release and in the one that the
// card says.
func TestBothSides(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, release := range []string{a2a.Release10, a2a.Release03, ""} {
		t.Run("release="+release, func(t *testing.T) {
			t.Parallel()
			s := serve(t, a2a.Options{})
			dial := func(token string) *a2a.Caller {
				return a2a.Dial(a2a.DialConfig{URL: s.URL, Token: token, Release: release})
			}
			c := dial("acme-key")
			bought, err := c.Call(ctx, "create_media_buy", json.RawMessage(booking))
			if err != nil || bought.IsError || !strings.Contains(string(bought.Body), `"total_budget":12345678901234.567890`) || bought.Status != "completed" {
				t.Fatalf("got %+v, %v", bought, err)
			}
			again, err := c.Task(ctx, bought.TaskID)
			if diff := cmp.Diff(bought, again); err != nil || diff != "" {
				t.Errorf("read again: %v\n%s", err, diff)
			}
			_, err = dial("other-key").Task(ctx, bought.TaskID)
			var f *a2a.Failure
			if !errors.As(err, &f) || f.RPCCode != -32001 || f.Reason != a2a.ReasonRefused {
				t.Errorf("somebody else's task: %v", err)
			}
			going, err := c.Task(ctx, "task_submitted")
			if err != nil || going.Status != "submitted" || !strings.Contains(string(going.Body), `"status":"submitted"`) {
				t.Errorf("got %+v, %v", going, err)
			}
			refused, err := dial("").Call(ctx, "create_media_buy", json.RawMessage(booking))
			if err != nil || refused.HTTPStatus != http.StatusUnauthorized || !strings.Contains(string(refused.Error), "AUTH_MISSING") {
				t.Errorf("got %+v, %v", refused, err)
			}
			unknown, err := c.Call(ctx, "create_media_buy", json.RawMessage(strings.NewReplacer(`"p1"`, `"unknown"`, "cdef", "cdeg").Replace(booking)))
			if err != nil || !unknown.IsError || unknown.Body != nil || !strings.Contains(string(unknown.Error), "PRODUCT_NOT_FOUND") {
				t.Errorf("got %+v, %v", unknown, err)
			}
			wrong, err := c.Call(ctx, "get_products", json.RawMessage(`[1]`))
			if err != nil || !strings.Contains(string(wrong.Error), "INVALID_REQUEST") {
				t.Errorf("got %+v, %v", wrong, err)
			}
		})
	}
}

// streamed answers every call with the given events, whatever was asked.
func streamed(t *testing.T, events string) *a2a.Caller {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var msg struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(b, &msg)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, strings.ReplaceAll(events, `"id":1,`, `"id":"`+msg.ID+`",`))
	}))
	t.Cleanup(s.Close)
	return a2a.Dial(a2a.DialConfig{URL: s.URL, Release: a2a.Release10})
}

// TestAStreamIsReadToItsEnd has our own server's stream come to a caller that
// did not ask for one, with an echo that holds a line's end.
func TestAStreamIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			s := serve(t, a2a.Options{})
			body := say(release, "create_media_buy", strings.Replace(booking, `{"idem`, `{"context":{"a":`+"\n"+`1},"idem`, 1))
			body = strings.NewReplacer("SendMessage", "SendStreamingMessage", "message/send", "message/stream").Replace(body)
			_, events := post(t, s, body, "Authorization", "Bearer acme-key")
			answer, err := streamed(t, events).Call(context.Background(), "create_media_buy", nil)
			if err != nil || answer.Status != "completed" || answer.TaskID != "id-2" || answer.ContextID != "id-1" ||
				!strings.Contains(string(answer.Body), `"total_budget":12345678901234.567890,`) {
				t.Errorf("got %+v, %v from\n%s", answer, err, events)
			}
		})
	}
}

func TestArtifactsOfAStreamAreGathered(t *testing.T) {
	t.Parallel()
	event := func(result string) string { return `data: {"jsonrpc":"2.0","id":1,"result":` + result + "}\n\n" }
	piece := func(id, more, data string) string {
		return event(`{"artifactUpdate":{"taskId":"t","artifact":{"artifactId":"` + id + `","parts":[{"data":` + data + `}]}` + more + `}}`)
	}
	const ended = `{"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"}}}`
	for name, tt := range map[string]struct{ events, want string }{
		"One":                      {piece("a", "", `{"x":1}`) + event(ended), `{"x":1}`},
		"The last part of many":    {piece("a", "", `{"x":1}`) + piece("a", `,"append":true`, `{"x":2}`) + event(ended), `{"x":2}`},
		"The newest of its name":   {piece("a", "", `{"x":1}`) + piece("a", "", `{"x":3}`) + event(ended), `{"x":3}`},
		"The first of two names":   {piece("a", "", `{"x":1}`) + piece("b", "", `{"x":4}`) + event(ended), `{"x":1}`},
		"A whole task at the end":  {piece("a", "", `{"x":1}`) + event(`{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"parts":[{"data":{"x":5}}]}]}}`), `{"x":5}`},
		"Reports in between":       {event(`{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_WORKING","message":{"parts":[{"data":{"percentage":1}}]}}}}`) + piece("a", "", `{"x":1}`) + event(ended), `{"x":1}`},
		"Answers to others":        {`data: {"jsonrpc":"2.0","id":"other","result":` + ended + "}\n\n" + piece("a", "", `{"x":1}`) + event(ended), `{"x":1}`},
		"Updates of 0.3":           {event(`{"kind":"artifact-update","taskId":"t","artifact":{"artifactId":"a","parts":[{"kind":"data","data":{"x":6}}]}}`) + event(`{"kind":"status-update","taskId":"t","status":{"state":"completed"},"final":true}`), `{"x":6}`},
		"An end without an answer": {event(ended), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := streamed(t, tt.events).Call(context.Background(), "get_products", nil)
			if err != nil || string(answer.Body) != tt.want || answer.TaskID != "t" {
				t.Errorf("got %+v %s, %v", answer, answer.Body, err)
			}
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil)
	p.call = func(w http.ResponseWriter, _ string, _ json.RawMessage) bool {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, err := a2a.Dial(a2a.DialConfig{URL: p.URL, Release: a2a.Release10}).Call(context.Background(), "get_products", nil)
	var f *a2a.Failure
	if !errors.As(err, &f) || f.RetryAfter != 7*time.Second || f.HTTPStatus != http.StatusServiceUnavailable || f.Unwrap() == nil {
		t.Errorf("got %v", err)
	}
}
