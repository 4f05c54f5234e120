package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

// strangerA2A is a server that shows an agent card and then answers calls as
// told. With rude set it answers for the card in the same way.
func strangerA2A(t *testing.T, rude bool, reply func(w http.ResponseWriter, r *http.Request, id json.RawMessage)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !rude {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"supportedInterfaces":[{"url":"http://%s/","protocolBinding":"JSONRPC","protocolVersion":"1.0"}]}`, r.Host)
			return
		}
		b, _ := io.ReadAll(r.Body)
		var msg struct {
			ID json.RawMessage `json:"id"`
		}
		_ = json.Unmarshal(b, &msg)
		reply(w, r, msg.ID)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestStrangersOverA2A(t *testing.T) {
	t.Parallel()
	result := func(r string) string { return `{"jsonrpc":"2.0","id":$ID,"result":` + r + `}` }
	task := func(state, parts string) string {
		return result(`{"task":{"id":"t","contextId":"c","status":{"state":"` + state + `"},"artifacts":[{"artifactId":"a","parts":[` + parts + `]}]}}`)
	}
	data := func(d string) string { return `{"data":` + d + `}` }
	const done, failed = "TASK_STATE_COMPLETED", "TASK_STATE_FAILED"
	for name, tt := range map[string]struct {
		reply     func(w http.ResponseWriter, r *http.Request, id json.RawMessage)
		want      client.Kind // "" for an answer
		code      adcp.ErrorCode
		retryable bool
		polite    bool // the case makes no sense for an agent card
	}{
		"Hangs": {
			reply: func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage) { <-r.Context().Done() },
			want:  client.Timeout, retryable: true,
		},
		"Hangs in the middle of the answer": {reply: func(w http.ResponseWriter, r *http.Request, _ json.RawMessage) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"jsonrpc":"2.0",`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, want: client.Timeout, retryable: true},
		"Hangs in the middle of a stream": {reply: func(w http.ResponseWriter, r *http.Request, _ json.RawMessage) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: {\"jsonrpc\":\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, want: client.Timeout, retryable: true},
		"Closes": {reply: func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}, want: client.Unreachable, retryable: true},
		"Closes in the middle of the answer": {reply: func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"jsonrpc\":")
			buf.Flush()
			conn.Close()
		}, want: client.Unreachable, retryable: true},
		"Never ends":                 {reply: says(200, "application/json", `{"jsonrpc":"`+strings.Repeat("x", 1<<17)), want: client.TooLarge},
		"Streams without end":        {reply: says(200, "text/event-stream", strings.Repeat("data: {}\n\n", 1<<14)), want: client.TooLarge},
		"Is not JSON":                {reply: says(200, "application/json", "hello"), want: client.Malformed},
		"Is a page":                  {reply: says(200, "text/html", "<html>"), want: client.Malformed},
		"Says nothing":               {reply: says(200, "application/json", ""), want: client.Malformed},
		"Is no object":               {reply: says(200, "application/json", "[]"), want: client.Malformed},
		"Is not UTF-8":               {reply: says(200, "application/json", "{\"jsonrpc\":\"\xff\"}"), want: client.Malformed},
		"Has no result":              {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":$ID}`), want: client.Malformed, polite: true},
		"Answers another":            {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":"other","result":{"task":{"status":{"state":"completed"}}}}`), want: client.Malformed, polite: true},
		"Answers with a text":        {reply: says(200, "application/json", result(`"fine"`)), want: client.Malformed, polite: true},
		"Answers with nothing known": {reply: says(200, "application/json", result(`{"thing":1}`)), want: client.Malformed, polite: true},
		"A stream that just ends":    {reply: says(200, "text/event-stream", ": hello\n\n"), want: client.Malformed},
		"A JSON-RPC error":           {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32603,"message":"oh\u0000 no\u202e"}}`), want: client.Refused, polite: true},
		"An error to nobody":         {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`), want: client.Refused, polite: true},
		"An error in our form":       {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32029,"message":"x","data":{"adcp_error":{"code":"RATE_LIMITED","message":"Slow."}}}}`), code: adcp.CodeRateLimited, polite: true},
		"Unauthorized":               {reply: says(401, "text/plain", "no"), want: client.Unauthorized},
		"Forbidden":                  {reply: says(403, "application/json", `{}`), want: client.Unauthorized},
		"Unauthorized in our form":   {reply: says(401, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32028,"message":"x","data":{"adcp_error":{"code":"AUTH_MISSING","message":"No key."}}}}`), code: adcp.CodeAuthMissing},
		"Not found":                  {reply: says(404, "text/plain", "no"), want: client.Refused},
		"Elsewhere": {reply: func(w http.ResponseWriter, r *http.Request, _ json.RawMessage) {
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusTemporaryRedirect)
		}, want: client.Refused},
		"Its server is down":        {reply: says(502, "text/html", "<html>"), want: client.Refused, retryable: true},
		"Its server is overloaded":  {reply: says(429, "text/plain", "later"), want: client.Refused, retryable: true},
		"Nests deep":                {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"result":`+strings.Repeat(`[`, 12000)+strings.Repeat("]", 12000)+`}`), want: client.Malformed},
		"An envelope in another":    {reply: says(200, "application/json", result(`{"task":{"task":{"id":"t","status":{"state":"completed"}}}}`)), want: client.Malformed, polite: true},
		"A wrapped answer":          {reply: says(200, "application/json", task(done, data(`{"response":`+products+`}`))), want: client.Malformed, polite: true},
		"Fails in plain words":      {reply: says(200, "application/json", task(failed, `{"text":"oh\u0000 no\u202e!"}`)), want: client.Failed, polite: true},
		"Plain words":               {reply: says(200, "application/json", task(done, `{"text":"I found three products."}`)), want: client.Malformed, polite: true},
		"A bare message":            {reply: says(200, "application/json", result(`{"message":{"role":"ROLE_AGENT","parts":[{"text":"Hello!"}]}}`)), want: client.Malformed, polite: true},
		"A state that is unknown":   {reply: says(200, "application/json", task("TASK_STATE_DREAMING", data(products))), want: client.Malformed, polite: true},
		"Work without a name":       {reply: says(200, "application/json", result(`{"task":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}`)), want: client.Malformed, polite: true},
		"An answer against schema":  {reply: says(200, "application/json", task(done, data(`{"adcp_version":"3.1","status":"completed","products":7}`))), want: client.Malformed, polite: true},
		"Another type of a field":   {reply: says(200, "application/json", task(done, data(`{"adcp_version":"3.0","products":7}`))), want: client.Malformed, polite: true},
		"An answer":                 {reply: says(200, "application/json", task(done, data(products))), polite: true},
		"An answer of 0.3":          {reply: says(200, "application/json", result(`{"kind":"task","id":"t","status":{"state":"completed"},"artifacts":[{"parts":[{"kind":"text","text":"Found:"},{"kind":"data","data":`+products+`}]}]}`)), polite: true},
		"An answer in the status":   {reply: says(200, "application/json", result(`{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED","message":{"parts":[{"data":`+products+`}]}}}}`)), polite: true},
		"An answer in a stream":     {reply: says(200, "text/event-stream", "event: message\ndata: "+result(`{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_WORKING"}}}`)+"\n\ndata: "+task(done, data(products))+"\r\n\r\n"), polite: true},
		"An error only in errors":   {reply: says(200, "application/json", task(failed, data(`{"errors":[{"code":"BUDGET_TOO_LOW","message":"More."}]}`))), code: adcp.CodeBudgetTooLow, polite: true},
		"A rejected task":           {reply: says(200, "application/json", task("TASK_STATE_REJECTED", data(`{"adcp_error":{"code":"POLICY_VIOLATION","message":"No."}}`))), code: adcp.CodePolicyViolation, polite: true},
		"A failed task, not marked": {reply: says(200, "application/json", task(done, data(`{"status":"failed","errors":[{"code":"BUDGET_TOO_LOW","message":"More."}]}`))), code: adcp.CodeBudgetTooLow, polite: true},
		"A business rejection":      {reply: says(200, "application/json", task(done, data(`{"status":"rejected","errors":[{"code":"BUDGET_TOO_LOW","message":"More."}]}`))), code: adcp.CodeBudgetTooLow, polite: true},
	} {
		for _, rude := range []bool{false, true} {
			if rude && tt.polite {
				continue
			}
			t.Run(fmt.Sprintf("%s/card=%v", name, rude), func(t *testing.T) {
				t.Parallel()
				s := strangerA2A(t, rude, tt.reply)
				cfg := client.Config{URL: s.URL, Protocol: client.A2A, Token: "secret-token", Version: "3.1", Attempts: 1, MaxAnswer: 1 << 16}
				if tt.want == client.Timeout {
					cfg.Timeout = 50 * time.Millisecond
				}
				c := client.New(cfg)
				t.Cleanup(func() { c.Close() })
				resp, err := client.Call(context.Background(), c, adcp.GetProducts, brief())
				switch {
				case tt.code != "":
					wantCode(t, err, tt.code)
				case tt.want != "":
					failed := wantKind(t, err, tt.want)
					if failed.Retryable() != tt.retryable {
						t.Errorf("retryable %v", failed.Retryable())
					}
					if text := err.Error(); strings.ContainsAny(text, "\x00\u202e\n") || len(text) > 600 || strings.Contains(text, "secret") {
						t.Errorf("unclean: %q", text)
					}
				case err != nil:
					t.Fatal(err)
				case resp.Products == nil:
					t.Errorf("got %+v", resp)
				}
			})
		}
	}
}

func TestAnUnknownTransport(t *testing.T) {
	t.Parallel()
	c := client.New(client.Config{URL: "http://127.0.0.1:1/x", Protocol: "carrier-pigeon"})
	defer c.Close()
	_, err := client.Call(context.Background(), c, adcp.GetProducts, brief())
	wantKind(t, err, client.Unsendable)
}

func TestNobodyListensOverA2A(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := client.Call(context.Background(), client.New(client.Config{URL: s.URL, Protocol: client.A2A, Attempts: 1}), adcp.GetProducts, brief())
	if failed := wantKind(t, err, client.Unreachable); !failed.Retryable() || failed.HTTPStatus != 0 {
		t.Errorf("got %+v", failed)
	}
}
