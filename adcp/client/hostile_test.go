package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

// stranger is a server that shakes hands and then answers tools/call as told.
// With rude set it answers the handshake in the same way.
func stranger(t *testing.T, rude bool, reply func(w http.ResponseWriter, r *http.Request, id json.RawMessage)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var msg struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.Unmarshal(b, &msg)
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case rude || msg.Method == "tools/call":
			reply(w, r, msg.ID)
		case msg.Method == "initialize":
			answer(w, msg.ID, `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}`)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func says(status int, contentType, body string) func(http.ResponseWriter, *http.Request, json.RawMessage) {
	return func(w http.ResponseWriter, _ *http.Request, id json.RawMessage) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, strings.ReplaceAll(body, "$ID", string(id)))
	}
}

const products = `{"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public"}`

func TestStrangers(t *testing.T) {
	t.Parallel()
	result := func(r string) string { return `{"jsonrpc":"2.0","id":$ID,"result":` + r + `}` }
	for name, tt := range map[string]struct {
		reply     func(w http.ResponseWriter, r *http.Request, id json.RawMessage)
		want      client.Kind // "" for an answer
		code      adcp.ErrorCode
		retryable bool
		polite    bool // the case makes no sense for a handshake
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
		"Garbage":                       {reply: says(200, "application/json", "\x00\x01garbage"), want: client.Malformed},
		"Nothing":                       {reply: says(200, "application/json", ""), want: client.Malformed},
		"A page":                        {reply: says(200, "text/html", "<html>Welcome</html>"), want: client.Malformed},
		"A page that says it is JSON":   {reply: says(200, "application/json", "<html>Welcome</html>"), want: client.Malformed},
		"JSON that is no response":      {reply: says(200, "application/json", `{"products":[]}`), want: client.Malformed},
		"A response to another request": {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":999,"result":{"structuredContent":`+products+`}}`), want: client.Malformed},
		"No content type":               {reply: says(200, "", result(`{"content":[]}`)), want: client.Malformed},
		"Invalid UTF-8":                 {reply: says(200, "application/json", result("{\"structuredContent\":{\"message\":\"\xff\xfe\"}}")), want: client.Malformed},
		"A huge answer, announced":      {reply: says(200, "application/json", result(`{"structuredContent":{"message":"`+strings.Repeat("x", 1<<17)+`"}}`)), want: client.TooLarge},
		"A huge answer, in pieces": {reply: func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage) {
			w.Header().Set("Content-Type", "application/json")
			for range 64 {
				fmt.Fprint(w, strings.Repeat(" ", 4096))
				w.(http.Flusher).Flush()
			}
		}, want: client.TooLarge},
		"A huge event":                        {reply: says(200, "text/event-stream", "data: "+strings.Repeat("x", 1<<17)), want: client.TooLarge},
		"A stream without an answer":          {reply: says(200, "text/event-stream", "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n"), want: client.Malformed},
		"A JSON-RPC error":                    {reply: says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32603,"message":"boom"}}`), want: client.Refused},
		"Unauthorized":                        {reply: says(401, "text/plain", "who are you"), want: client.Unauthorized},
		"Forbidden":                           {reply: says(403, "application/json", `{}`), want: client.Unauthorized},
		"Unauthorized in the protocol's form": {reply: says(401, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32028,"message":"x","data":{"adcp_error":{"code":"AUTH_MISSING","message":"No key."}}}}`), code: adcp.CodeAuthMissing},
		"Not found":                           {reply: says(404, "text/plain", "no"), want: client.Refused},
		"Elsewhere": {reply: func(w http.ResponseWriter, r *http.Request, _ json.RawMessage) {
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusTemporaryRedirect)
		}, want: client.Refused},
		"Its server is down":        {reply: says(502, "text/html", "<html>"), want: client.Refused, retryable: true},
		"Its server is overloaded":  {reply: says(429, "text/plain", "later"), want: client.Refused, retryable: true},
		"Nests without end":         {reply: says(200, "application/json", result(strings.Repeat(`{"a":`, 20000)+"1"+strings.Repeat("}", 20000))), want: client.TooLarge},
		"Nests deep":                {reply: says(200, "application/json", result(`{"structuredContent":`+strings.Repeat(`[`, 12000)+strings.Repeat("]", 12000)+`}`)), want: client.Malformed},
		"Fails in plain words":      {reply: says(200, "application/json", result(`{"isError":true,"content":[{"type":"text","text":"oh\u0000 no\u202e!"}]}`)), want: client.Failed, polite: true},
		"Plain words":               {reply: says(200, "application/json", result(`{"content":[{"type":"text","text":"I found three products."}]}`)), want: client.Malformed, polite: true},
		"An answer against schema":  {reply: says(200, "application/json", result(`{"structuredContent":{"adcp_version":"3.1","status":"completed","products":7}}`)), want: client.Malformed, polite: true},
		"Another type of a field":   {reply: says(200, "application/json", result(`{"structuredContent":{"adcp_version":"3.0","products":7}}`)), want: client.Malformed, polite: true},
		"An answer as structure":    {reply: says(200, "application/json", result(`{"content":[],"structuredContent":`+products+`}`)), polite: true},
		"An answer as text":         {reply: says(200, "application/json", result(`{"content":[{"type":"text","text":"Found:"},{"type":"text","text":`+quoted(products)+`}]}`)), polite: true},
		"An answer in a stream":     {reply: says(200, "text/event-stream", ": hello\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\nevent: message\r\ndata: "+result(`{"content":[],"structuredContent":`+products+`}`)+"\r\n\r\n"), polite: true},
		"An error only in errors":   {reply: says(200, "application/json", result(`{"isError":true,"content":[],"structuredContent":{"errors":[{"code":"BUDGET_TOO_LOW","message":"More."}]}}`)), code: adcp.CodeBudgetTooLow, polite: true},
		"A failed task, not marked": {reply: says(200, "application/json", result(`{"content":[],"structuredContent":{"status":"failed","errors":[{"code":"BUDGET_TOO_LOW","message":"More."}]}}`)), code: adcp.CodeBudgetTooLow, polite: true},
		"Errors and nothing else":   {reply: says(200, "application/json", result(`{"content":[],"structuredContent":{"errors":[{"code":"BUDGET_TOO_LOW","message":"More."}],"context":{}}}`)), code: adcp.CodeBudgetTooLow, polite: true},
	} {
		for _, rude := range []bool{false, true} {
			if rude && tt.polite {
				continue
			}
			t.Run(fmt.Sprintf("%s/handshake=%v", name, rude), func(t *testing.T) {
				t.Parallel()
				s := stranger(t, rude, tt.reply)
				cfg := client.Config{URL: s.URL, Token: "secret-token", Version: "3.1", Attempts: 1, MaxAnswer: 1 << 16}
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

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := client.New(client.Config{URL: "http://" + l.Addr().String(), Attempts: 1})
	_, err = client.Call(context.Background(), c, adcp.GetProducts, brief())
	if failed := wantKind(t, err, client.Unreachable); !failed.Retryable() || failed.HTTPStatus != 0 {
		t.Errorf("got %+v", failed)
	}
}

func TestACancelledCallIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	s := stranger(t, true, func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage) {
		calls++
		cancel()
		<-r.Context().Done()
	})
	_, err := client.Call(ctx, client.New(client.Config{URL: s.URL, Version: "3.1"}), adcp.GetProducts, brief())
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestABrokenAnswerDoesNotBreakTheNextCall(t *testing.T) {
	t.Parallel()
	replies := []func(http.ResponseWriter, *http.Request, json.RawMessage){
		says(200, "application/json", "garbage"),
		says(500, "text/plain", "oops"),
		says(404, "text/plain", "no such session"),
		says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"structuredContent":`+products+`}}`),
	}
	n := 0
	s := stranger(t, false, func(w http.ResponseWriter, r *http.Request, id json.RawMessage) {
		replies[min(n, len(replies)-1)](w, r, id)
		n++
	})
	c := client.New(client.Config{URL: s.URL, Version: "3.1", Attempts: 1})
	defer c.Close()
	call := func() error {
		_, err := client.Call(context.Background(), c, adcp.GetProducts, brief())
		return err
	}
	wantKind(t, call(), client.Malformed)
	wantKind(t, call(), client.Refused)
	wantKind(t, call(), client.Refused) // a fresh session that is not found is not tried twice
	if err := call(); err != nil {
		t.Error(err)
	}
	n = 2 // on a session made earlier, not found means forgotten: the caller connects anew
	if err := call(); err != nil {
		t.Error(err)
	}
}

func TestStrangersWordsAreCleaned(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 2000)
	s := stranger(t, false, says(200, "application/json", `{"jsonrpc":"2.0","id":$ID,"result":{"isError":true,"content":[],"structuredContent":{"adcp_error":{
		"code":"X_ODD\u0007","message":"a\u0000b\nc\u200bd\u202ee`+long[:1200]+`","suggestion":"`+long[:1200]+`","field":"x\u001b[31m",
		"recovery":"correctable","retry_after":"soon","issues":"none","details":{"k":"v"}}}}}`))
	_, err := client.Call(context.Background(), client.New(client.Config{URL: s.URL, Version: "3.1"}), adcp.GetProducts, brief())
	e := wantCode(t, err, "X_ODD")
	if !strings.HasPrefix(e.Message, "ab cdeé") || len(e.Message) > 256 || len(e.Message) < 250 {
		t.Errorf("message %q (%d bytes)", e.Message, len(e.Message))
	}
	if n := len(adcp.Val(e.Suggestion)); n > 512 || n < 500 {
		t.Errorf("suggestion of %d bytes", n)
	}
	if got := adcp.Val(e.Field); got != "x[31m" {
		t.Errorf("field %q", got)
	}
	if e.RetryAfter != nil || e.Issues != nil || string(e.Details) != `{"k":"v"}` {
		t.Errorf("got %+v", e)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                  "plain",
		"line\nbreak\ttab":       "line break tab",
		"nul\x00esc\x1b[31m":     "nulesc[31m",
		"zero\u200bwidth\ufeff":  "zerowidth",
		"left\u202eright\u2066x": "leftrightx",
		"bad\xff\xfeutf":         "badutf",
		"  spaced  ":             "spaced",
		"sep\u2028arated":        "separated",
		"üüüüüüüüüüüüüüüü":       "üüüüüüüüüü",
		"":                       "",
	} {
		if got := client.Clean(in, 20); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}
