package a2a_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/a2a"
)

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	here := serve(t, a2a.Options{})
	named := serve(t, a2a.Options{Hosts: []string{"sales.example"}, Origins: []string{"https://console.example"}})
	ask := say(a2a.Release10, "get_products", shoes)
	stream := strings.Replace(ask, "SendMessage", "SendStreamingMessage", 1)
	buy := func(release string) string { return say(release, "create_media_buy", booking) }
	task := `{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"id-1"}}`
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
		says    string
	}{
		"Another content type":             {ask, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"No content type":                  {ask, []string{"Content-Type", ""}, 415, "application/json"},
		"An Accept without JSON":           {ask, []string{"Accept", "text/event-stream"}, 406, "Accept"},
		"An Accept without a stream":       {stream, []string{"Accept", "application/json"}, 406, "Accept"},
		"Not JSON":                         {`{"jsonrpc"`, nil, 400, "-32700"},
		"Nothing":                          {"", nil, 400, "-32700"},
		"Not UTF-8":                        {"{\"jsonrpc\":\"\xff\"}", nil, 400, "-32700"},
		"Not a message":                    {`"hello"`, nil, 400, "-32600"},
		"A method that is no text":         {`{"jsonrpc":"2.0","id":1,"method":7}`, nil, 400, "-32600"},
		"An empty batch":                   {`[]`, nil, 400, "-32600"},
		"A batch":                          {"[" + ask + "]", nil, 400, "-32600"},
		"Too large":                        {say(a2a.Release10, "get_products", `{"brief":"`+strings.Repeat("x", 2<<20)+`"}`), nil, 413, "INVALID_REQUEST"},
		"Too large in 0.3":                 {say(a2a.Release03, "get_products", `{"brief":"`+strings.Repeat("x", 2<<20)+`"}`), nil, 413, "INVALID_REQUEST"},
		"Two credentials":                  {ask, []string{"Authorization", "Bearer acme-key", "Authorization", "Bearer acme-key"}, 401, "AUTH_INVALID"},
		"An empty credential":              {ask, []string{"Authorization", "Bearer "}, 401, "AUTH_INVALID"},
		"A credential without a scheme":    {ask, []string{"Authorization", "acme-key"}, 401, "AUTH_INVALID"},
		"A wrong key on a public skill":    {ask, []string{"Authorization", "Bearer wrong"}, 401, "AUTH_INVALID"},
		"A wrong key on a misfit":          {`{"jsonrpc":"2.0","id":1,"method":"SendMessage"}`, []string{"Authorization", "Bearer wrong"}, 401, "AUTH_INVALID"},
		"A wrong key on an unknown method": {`{"jsonrpc":"2.0","id":1,"method":"Burn"}`, []string{"Authorization", "Bearer wrong"}, 401, "AUTH_INVALID"},
		"A wrong key on a task":            {task, []string{"Authorization", "Bearer wrong"}, 401, "AUTH_INVALID"},
		"A key store that is down":         {ask, []string{"Authorization", "Bearer broken"}, 503, "-32027"},
		"No credential for a booking":      {buy(a2a.Release10), nil, 401, "AUTH_MISSING"},
		"Nor in 0.3":                       {buy(a2a.Release03), nil, 401, "AUTH_MISSING"},
		"Nor for a stream":                 {strings.Replace(buy(a2a.Release10), "SendMessage", "SendStreamingMessage", 1), nil, 401, "AUTH_MISSING"},
		"Nor for a stream in 0.3":          {strings.Replace(buy(a2a.Release03), "message/send", "message/stream", 1), nil, 401, "AUTH_MISSING"},
		"Nor for a skill not served":       {say(a2a.Release10, "list_accounts", "{}"), nil, 401, "AUTH_MISSING"},
		"Nor for a task":                   {task, nil, 401, "AUTH_MISSING"},
		"Nor for a task in 0.3":            {`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"id-1"}}`, nil, 401, "AUTH_MISSING"},
		"Nor for a cancellation":           {`{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"id":"id-1"}}`, nil, 401, "AUTH_MISSING"},
		"Nor for the tasks":                {`{"jsonrpc":"2.0","id":1,"method":"ListTasks"}`, nil, 401, "AUTH_MISSING"},
		"Nor for the extended card":        {`{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard"}`, nil, 401, "AUTH_MISSING"},
		"A page of another site":           {ask, []string{"Origin", "https://evil.example"}, 403, "origin"},
		"A page without an origin":         {ask, []string{"Origin", "null"}, 403, "origin"},
		"A foreign name for loopback":      {ask, []string{"Host", "evil.example"}, 403, "host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := post(t, here, tt.body, tt.headers...)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("got %d %s, want %d with %q", resp.StatusCode, body, tt.status, tt.says)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	t.Run("A key that only reads is refused in the protocol's form", func(t *testing.T) {
		t.Parallel()
		for _, release := range releases {
			resp, body := post(t, here, buy(release), "Authorization", "Bearer reading-key")
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, "READ_ONLY_SCOPE") || !strings.Contains(strings.ToLower(body), "failed") {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
		}
	})
	t.Run("A token without the scope is refused by HTTP, which says what is missing and where to ask", func(t *testing.T) {
		t.Parallel()
		s := serve(t, a2a.Options{ResourceMetadata: "https://sales.example/.well-known/oauth-protected-resource"})
		for _, release := range releases {
			resp, body := post(t, s, buy(release), "Authorization", "Bearer reading-token")
			want := `Bearer realm="adcp", error="insufficient_scope", scope="adcp adcp:buy", resource_metadata="https://sales.example/.well-known/oauth-protected-resource"`
			if resp.StatusCode != http.StatusForbidden || resp.Header.Get("WWW-Authenticate") != want || !strings.Contains(body, "READ_ONLY_SCOPE") {
				t.Errorf("got %d %q %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"), body)
			}
		}
	})
	t.Run("A narrowed credential has tasks of its own", func(t *testing.T) {
		t.Parallel()
		s := serve(t, a2a.Options{})
		post(t, s, buy(a2a.Release10), "Authorization", "Bearer acme-key")
		post(t, s, ask, "Authorization", "Bearer reading-key")
		get := func(id, key string) bool {
			_, body := post(t, s, `{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"`+id+`"}}`, "Authorization", "Bearer "+key)
			return strings.Contains(body, "TASK_STATE_COMPLETED")
		}
		if !get("id-2", "acme-key") || get("id-2", "reading-key") || get("id-4", "acme-key") || !get("id-4", "reading-key") || get("id-4", "reading-token") {
			t.Error("a credential read what another of its principal asked, or not its own")
		}
	})
	t.Run("A host that is not ours", func(t *testing.T) {
		t.Parallel()
		if resp, body := post(t, named, ask, "Host", "other.example"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	})
	t.Run("Our host and a page that may call", func(t *testing.T) {
		t.Parallel()
		resp, body := post(t, named, ask, "Host", "Sales.Example:443", "Origin", "https://console.example")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	})
	t.Run("Pages of this host and machine", func(t *testing.T) {
		t.Parallel()
		for _, origin := range []string{here.URL, "http://localhost:3000"} {
			if resp, body := post(t, here, ask, "Origin", origin); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: got %d %s", origin, resp.StatusCode, body)
			}
		}
	})
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodOptions, http.MethodHead} {
		t.Run("Method "+method, func(t *testing.T) {
			t.Parallel()
			resp, _ := request(t, method, here.URL, "")
			if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
				t.Errorf("got %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
			}
		})
	}
}

// TestMisfits sends messages that cannot be made a call of.
func TestMisfits(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{})
	message := func(parts string) string {
		return `{"jsonrpc":"2.0","id":"a<b","method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[` + parts + `]}}}`
	}
	const profile = "https://adcontextprotocol.org/extensions/adcp/v3"
	get := `{"data":{"skill":"get_products","input":` + shoes + `}}`
	for name, tt := range map[string]struct {
		body    string
		headers []string
		says    string
	}{
		"No parameters":                 {`{"jsonrpc":"2.0","id":1,"method":"SendMessage"}`, nil, "-32602"},
		"Parameters of another kind":    {`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":[1]}`, nil, "-32602"},
		"Text alone":                    {message(`{"text":"Find me shoes"}`), nil, "no data part"},
		"Text alone in 0.3":             {strings.Replace(message(`{"kind":"text","text":"Find me shoes"}`), "SendMessage", "message/send", 1), nil, "no data part"},
		"No parts":                      {message(``), nil, "no data part"},
		"No skill":                      {message(`{"data":{"input":{}}}`), nil, "names no skill"},
		"An empty skill":                {message(`{"data":{"skill":"","input":{}}}`), nil, "names no skill"},
		"A skill that is no text":       {message(`{"data":{"skill":7}}`), nil, "names no skill"},
		"Data that is no object":        {message(`{"data":[1]}`), nil, "names no skill"},
		"Data that is null":             {message(`{"data":null}`), nil, "names no skill"},
		"Two invocations":               {message(get + "," + get), nil, "more than one data part"},
		"An invocation and other data":  {message(get + `,{"data":{"budget":1}}`), nil, "more than one data part"},
		"Input and parameters":          {message(`{"data":{"skill":"get_products","input":{},"parameters":{}}}`), nil, "both input and parameters"},
		"A file by address":             {message(get + `,{"url":"https://cdn.example/a.mp4"}`), nil, "-32005"},
		"A file as bytes":               {message(get + `,{"raw":"AAAA"}`), nil, "-32005"},
		"A file of 0.3":                 {message(get + `,{"kind":"file","file":{"uri":"https://cdn.example/a.mp4"}}`), nil, "-32005"},
		"Too many parts":                {message(get + strings.Repeat(`,{"text":"x"}`, 16)), nil, "too many parts"},
		"A release that is not spoken":  {message(get), []string{"A2A-Version", "2.0"}, "-32009"},
		"A release that is none":        {message(get), []string{"A2A-Version", "new"}, "-32009"},
		"Parameters under the profile":  {message(`{"data":{"skill":"get_products","parameters":{}}}`), []string{"A2A-Extensions", profile}, "more than skill and input"},
		"No input under the profile":    {message(`{"data":{"skill":"get_products"}}`), []string{"A2A-Extensions", profile}, "no input"},
		"More under the profile":        {message(`{"data":{"skill":"get_products","input":{},"x":1}}`), []string{"A2A-Extensions", "https://other.example/x, " + profile}, "more than skill and input"},
		"A webhook that is not honored": {strings.Replace(message(get), `"params":{`, `"params":{"configuration":{"taskPushNotificationConfig":{"url":"https://buyer.example/hook"}},`, 1), nil, "-32003"},
		"Nor one of 0.3":                {strings.Replace(strings.Replace(message(get), `"params":{`, `"params":{"configuration":{"pushNotificationConfig":{"url":"https://buyer.example/hook"}},`, 1), "SendMessage", "message/send", 1), nil, "-32003"},
		"An unknown method":             {`{"jsonrpc":"2.0","id":1,"method":"Burn"}`, nil, "-32601"},
		"No method":                     {`{"jsonrpc":"2.0","id":1}`, nil, "-32600"},
		"Another version of JSON-RPC":   {strings.Replace(message(get), `"jsonrpc":"2.0"`, `"jsonrpc":"1.0"`, 1), nil, "-32600"},
		"A part of two kinds":           {message(`{"text":"x","data":{"skill":"get_products"}}`), nil, "-32700"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := post(t, s, tt.body, tt.headers...)
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, tt.says) || !strings.Contains(body, `"error":{"code":-32`) {
				t.Errorf("got %d %s, want %q", resp.StatusCode, body, tt.says)
			}
			if strings.Contains(tt.body, `"a<b"`) && !strings.Contains(body, `"id":"a`) {
				t.Errorf("answered to nobody: %s", body)
			}
		})
	}
}

// TestTolerated sends what the protocol's documentation shows, or shows elsewhere.
func TestTolerated(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{})
	for name, params := range map[string]string{
		"Parameters for input":      `"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"skill":"get_products","parameters":` + shoes + `}}]}`,
		"Text beside the data":      `"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"Shoes, please."},{"data":{"skill":"get_products","input":` + shoes + `}}]}`,
		"No message identifier":     `"message":{"role":"ROLE_USER","parts":[{"data":{"skill":"get_products","input":` + shoes + `}}]}`,
		"Kinds in 1.0":              `"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"data","data":{"skill":"get_products","input":` + shoes + `}}]}`,
		"An empty push address":     `"configuration":{"pushNotificationConfig":null},"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"skill":"get_products","input":` + shoes + `}}]}`,
		"A notice of its own":       `"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"skill":"get_products","input":` + shoes + `,"note":1}}]}`,
		"An identifier as a number": `"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"skill":"get_products","input":` + shoes + `}}]}`,
	} {
		for _, method := range []string{"SendMessage", "message/send"} {
			t.Run(name+"/"+strings.ReplaceAll(method, "/", " "), func(t *testing.T) {
				t.Parallel()
				_, body := post(t, s, `{"jsonrpc":"2.0","id":7,"method":"`+method+`","params":{`+params+`}}`)
				if !strings.Contains(body, `"message":"shoes"`) || !strings.Contains(body, `"id":7`) {
					t.Errorf("got %s", body)
				}
			})
		}
	}
	t.Run("No input where none is needed", func(t *testing.T) {
		t.Parallel()
		_, body := post(t, s, `{"jsonrpc":"2.0","id":7,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"skill":"get_task_status"}}]}}}`, "Authorization", "Bearer acme-key")
		if !strings.Contains(body, `"code":"INVALID_REQUEST"`) || !strings.Contains(body, "TASK_STATE_FAILED") {
			t.Errorf("got %s", body)
		}
	})
	t.Run("The profile is echoed", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"A2A-Extensions", "X-A2A-Extensions"} {
			const profile = "https://adcontextprotocol.org/extensions/adcp/v3"
			resp, body := post(t, s, say(a2a.Release10, "get_products", shoes), name, profile)
			if resp.Header.Get(name) != profile || !strings.Contains(body, `"message":"shoes"`) {
				t.Errorf("got %q %s", resp.Header.Get(name), body)
			}
		}
	})
}

// TestNoWayAroundTheCredential sends calls whose two readers, the one that
// demands the credential and the one that dispatches, might read differently.
func TestNoWayAroundTheCredential(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{})
	message := func(data string) string {
		return `{"message":{"messageId":"m","role":"ROLE_USER","parts":[` + data + `]}}`
	}
	public := message(`{"data":{"skill":"get_products","input":` + shoes + `}}`)
	secret := message(`{"data":{"skill":"create_media_buy","input":` + booking + `}}`)
	for name, body := range map[string]string{
		"Method twice":                 `{"jsonrpc":"2.0","id":1,"method":"SendMessage","method":"GetTask","params":` + secret + `}`,
		"Method in capitals":           `{"jsonrpc":"2.0","id":1,"method":"SendMessage","METHOD":"GetTask","params":` + secret + `}`,
		"Method of the other release":  `{"jsonrpc":"2.0","id":1,"METHOD":"message/send","method":"SendMessage","params":` + secret + `}`,
		"Parameters twice":             `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + secret + `,"params":` + public + `}`,
		"Parameters in capitals after": `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + secret + `,"PARAMS":` + public + `}`,
		"Parameters twice, reversed":   `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + public + `,"params":` + secret + `}`,
		"Skill twice":                  `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + message(`{"data":{"skill":"get_products","skill":"create_media_buy","input":`+booking+`}}`) + `}`,
		"Skill in capitals":            `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + message(`{"data":{"skill":"get_products","SKILL":"create_media_buy","input":`+booking+`}}`) + `}`,
		"Data twice":                   `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + message(`{"data":{"skill":"get_products","input":{}},"data":{"skill":"create_media_buy","input":`+booking+`}}`) + `}`,
		"Message twice":                `{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"parts":[{"data":{"skill":"get_products"}}]},"message":{"parts":[{"data":{"skill":"create_media_buy","input":` + booking + `}}]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, answer := post(t, s, body)
			if strings.Contains(answer, "media_buy_id") {
				t.Errorf("booked without a credential: %s", answer)
			}
		})
	}
}
