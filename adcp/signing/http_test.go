package signing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/signing"
)

// serve is a server behind the middleware that answers with who signed and
// with the body it read.
func serve(t *testing.T, cfg signing.MiddlewareConfig) *httptest.Server {
	t.Helper()
	middleware, err := signing.NewMiddleware(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signer := "nobody"
		if id, ok := signing.IdentityFrom(r.Context()); ok {
			signer = id.AgentURL
		}
		_, _ = io.WriteString(w, signer+" "+string(body))
	})))
	t.Cleanup(server.Close)
	return server
}

func ask(t *testing.T, client *http.Client, r *http.Request) (int, string, http.Header) {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func post(t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_media_buy","arguments":{}}}`

func requires(p *signing.Policy) { p.RequiredFor = []string{"create_media_buy"} }

func policy(change func(*signing.Policy)) option {
	return func(_ *signing.SignerConfig, v *signing.VerifierConfig) { change(&v.Policy) }
}

func TestSignedCallOverHTTP(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{signing.Ed25519, signing.ECDSAP256} {
		b := setupWith(t, signing.Request31, newPrivate(t, alg), policy(requires))
		server := serve(t, signing.MiddlewareConfig{Verifier: b.verifier})
		client := &http.Client{Transport: &signing.Transport{Signer: b.signer}}
		for _, path := range []string{"/mcp", "", "/a//b/%7Ex?q=%2f&b", "/?"} {
			status, body, _ := ask(t, client, post(t, server.URL+path, call))
			if want := buyer + " " + call; status != 200 || body != want {
				t.Errorf("%s: got %d %s, want %s", path, status, body, want)
			}
		}
		// A body whose length is not known beforehand, and none at all.
		r := post(t, server.URL+"/mcp", "")
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(call))), -1
		if status, body, _ := ask(t, client, r); status != 200 || body != buyer+" "+call {
			t.Errorf("streamed: got %d %s", status, body)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/mcp", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if status, body, _ := ask(t, client, r); status != 200 || body != buyer+" " {
			t.Errorf("without a body: got %d %s", status, body)
		}
		if r.Header.Get("Signature") != "" {
			t.Error("the transport changed the request it was given")
		}
	}
}

func TestUnsignedCallsAreRefusedAsPolicySays(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31, policy(func(p *signing.Policy) {
		requires(p)
		p.WarnFor = []string{"update_media_buy"}
		p.MethodsRequiredFor = []string{"tasks/cancel"}
	}))
	authenticated := func(r *http.Request, m *signing.Message) error {
		m.Invocations = signing.JSONRPCInvocations(m.Body)
		m.Authenticated = r.Header.Get("Authorization") == "Bearer good"
		return nil
	}
	var warnings int
	server := serve(t, signing.MiddlewareConfig{
		Verifier: b.verifier, Describe: authenticated, MaxBody: 2000,
		Refused: func(_ *http.Request, _ error, warning bool) {
			if warning {
				warnings++
			}
		},
	})
	of := func(tool string) string { return strings.Replace(call, "create_media_buy", tool, 1) }
	hmacChoice := strings.Replace(of("update_media_buy"), `{}`, `{"push_notification_config":{"url":"x","authentication":{"schemes":["Bearer"]}}}`, 1)
	for name, c := range map[string]struct {
		body, bearer string
		signature    bool // one that is wrong
		status       int
		code         string
	}{
		"Required":                       {call, "", false, 401, "request_signature_required"},
		"RequiredAndABadBearer":          {call, "Bearer bad", false, 401, "request_signature_required"},
		"RequiredAndAGoodBearer":         {call, "Bearer good", false, 200, ""},
		"RequiredMethod":                 {`{"jsonrpc":"2.0","id":1,"method":"tasks/cancel"}`, "", false, 401, "request_signature_required"},
		"InABatch":                       {`[{"method":"ping"},` + call + `]`, "", false, 401, "request_signature_required"},
		"AToolNamedLikeTheMethod":        {of("tasks/cancel"), "", false, 200, ""},
		"AMethodNamedLikeTheTool":        {`{"method":"create_media_buy"}`, "", false, 200, ""},
		"NotRequired":                    {of("get_products"), "", false, 200, ""},
		"ChoosesHMACOverABearer":         {hmacChoice, "Bearer good", false, 401, "request_signature_required"},
		"ChoosesHMACInEscapes":           {strings.Replace(hmacChoice, "push_", `\u0070ush_`, 1), "Bearer good", false, 401, "request_signature_required"},
		"ChoosesHMACForAnAccount":        {`{"accounts":[{"notification_configs":[{"authentication":{"x":1}}]}]}`, "Bearer good", false, 401, "request_signature_required"},
		"ChoosesHMACBehindADouble":       {`{"push_notification_config":{"authentication":{"x":1}},"push_notification_config":null}`, "Bearer good", false, 401, "request_signature_required"},
		"AConfigurationWithoutTheChoice": {`{"push_notification_config":{"url":"x","authentication":null}}`, "", false, 200, ""},
		"BrokenSignatureNotRequired":     {of("get_products"), "Bearer good", true, 401, "request_signature_params_incomplete"},
		"BrokenSignatureWarnedAbout":     {of("update_media_buy"), "", true, 200, ""},
		"TooLarge":                       {strings.Repeat(" ", 2001), "", false, 413, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t, server.URL+"/mcp", c.body)
			if c.bearer != "" {
				r.Header.Set("Authorization", c.bearer)
			}
			if c.signature {
				r.Header.Set("Signature", "sig1=:AAAA:")
				r.Header.Set("Signature-Input", `sig1=("@method")`)
			}
			warnings = 0
			status, body, header := ask(t, http.DefaultClient, r)
			if status != c.status {
				t.Fatalf("got %d %s, want %d", status, body, c.status)
			}
			if c.status == 200 {
				if body != "nobody "+c.body {
					t.Errorf("got %s", body)
				}
				if c.signature && warnings != 1 {
					t.Errorf("%d warnings, want 1", warnings)
				}
				return
			}
			var answer struct{ Error string }
			if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Error != c.code {
				t.Errorf("got %s, want the code %s", body, c.code)
			}
			if want := `Signature error="` + c.code + `"`; c.status == 401 && header.Get("WWW-Authenticate") != want {
				t.Errorf("got %s, want %s", header.Get("WWW-Authenticate"), want)
			}
		})
	}
}

func TestMalformedHeadersNeverReadAsUnsigned(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31, policy(func(p *signing.Policy) { p.WarnFor = []string{"create_media_buy"} }))
	m := message(call)
	m.Invocations, m.Authenticated = signing.JSONRPCInvocations(m.Body), true
	m.Header.Set("Signature", "sig1=:AAAA:")
	_, err := b.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonHeader, "1")
}

func TestTheChoiceOfWebhookAuthenticationMustBeBound(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	m := forged(t, b, `{"push_notification_config":{"authentication":{"schemes":["Bearer"]}}}`)
	_, err := b.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonIncomplete, "6")
	if _, err := b.verifier.Verify(t.Context(), b.signed(t, string(m.Body))); err != nil {
		t.Errorf("with the body's digest covered: %v", err)
	}
}

func TestTheChoiceIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	p := signing.Policy{Supported: true}
	for body, chooses := range map[string]bool{
		`{"params":{"arguments":{"push_notification_config":{"url":"x","authentication":{"schemes":["Bearer"]}}}}}`:                              true,
		`{"params":{"arguments":{"accounts":[{"notification_configs":[{"authentication":{"schemes":["Bearer"]}}]}]}}}`:                           true,
		`{"params":{"configuration":{"pushNotificationConfig":{"url":"x","authentication":{"schemes":["Bearer"]}}}}}`:                            true,
		`{"params":{"configuration":{"taskPushNotificationConfig":{"url":"x","Authentication":{"scheme":"Bearer"}}}}}`:                           true,
		`{"method":"CreateTaskPushNotificationConfig","params":{"taskId":"t","url":"x","authentication":{"scheme":"Bearer"}}}`:                   true,
		`{"params":{"PUSHNOTIFICATIONCONFIG":{"\u0061uthentication":{"scheme":"Bearer"}}}}`:                                                      true,
		`{"params":{"configuration":{"pushNotificationConfig":{"url":"x","token":"t"}}}}`:                                                        false,
		`{"params":{"arguments":{"push_notification_config":{"url":"x","authentication":{}}}}}`:                                                  false,
		`{"params":{"arguments":{"brief":"with authentication of viewers"}}}`:                                                                    false,
		`{"params":{"arguments":{"governance_agents":[{"url":"https://g.example","authentication":{"schemes":["Bearer"],"credentials":"c"}}]}}}`: false,
		`no JSON with authentication`: false,
	} {
		if got := p.Wants(signing.Invocation{Operation: "create_media_buy"}, []byte(body)); got != chooses {
			t.Errorf("%s: %t", body, got)
		}
	}
}

func TestUnsupportedPolicyIgnoresSignatures(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31, policy(func(p *signing.Policy) { p.Supported = false }))
	m := message(call)
	m.Header.Set("Signature", "what is this")
	if verdict, err := b.verifier.Verify(t.Context(), m); err != nil || verdict.Identity != nil {
		t.Errorf("got %+v, %v", verdict, err)
	}
}

func TestTargetIsWhatCameIn(t *testing.T) {
	t.Parallel()
	const host = "seller.example"
	for name, c := range map[string]struct {
		target, host string
		origins      []string
		want         string // empty: refused
	}{
		"PlainHTTP":                {"/mcp?a=%2f", host, nil, "http://seller.example/mcp?a=%2f"},
		"BehindAProxy":             {"/mcp", host, []string{"https://other.example", "https://seller.example"}, "https://seller.example/mcp"},
		"TheHostWithItsPort":       {"/mcp", host + ":443", []string{"https://seller.example"}, "https://seller.example:443/mcp"},
		"AnotherHost":              {"/mcp", "evil.example", []string{"https://seller.example"}, ""},
		"AWholeTarget":             {"https://seller.example/mcp", host, []string{"https://seller.example"}, "https://seller.example/mcp"},
		"AWholeTargetOfAnother":    {"https://evil.example/mcp", "evil.example", []string{"https://seller.example"}, ""},
		"SlashesThatARouterFolds":  {"//a//../b", host, []string{"https://seller.example"}, "https://seller.example//a//../b"},
		"AnOriginThatIsMalformed":  {"/mcp", host, []string{"seller.example"}, ""},
		"AHostThatIsNotOneAtAll":   {"/mcp", "seller.example:x", []string{"https://seller.example"}, ""},
		"AHostInAnotherCaseIsSame": {"/mcp", "SELLER.example", []string{"https://seller.example"}, "https://SELLER.example/mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Method: http.MethodPost, RequestURI: c.target, Host: c.host, URL: &url.URL{Path: "/rewritten"}}
			m, err := signing.NewMessage(r, 10, c.origins...)
			if c.want == "" {
				wantReason(t, err, signing.ReasonTargetURI, "")
				return
			}
			if err != nil || m.URL != c.want {
				t.Errorf("got %+v, %v, want %s", m, err, c.want)
			}
		})
	}
}

func TestMiddlewareHoldsToItsOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	server := serve(t, signing.MiddlewareConfig{Verifier: b.verifier, Origins: []string{"https://seller.example"}})
	status, _, header := ask(t, http.DefaultClient, post(t, server.URL, `{}`))
	if status != 401 || header.Get("WWW-Authenticate") != `Signature error="request_target_uri_malformed"` {
		t.Errorf("got %d %v", status, header)
	}
	if _, err := signing.NewMiddleware(signing.MiddlewareConfig{}); err == nil {
		t.Error("a middleware without a verifier")
	}
	if _, err := signing.NewMiddleware(signing.MiddlewareConfig{Verifier: b.verifier, Origins: []string{"seller"}}); err == nil {
		t.Error("a middleware with an origin that is none")
	}
}

func TestFaultsOfOursAreNotTheCallers(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31, func(_ *signing.SignerConfig, v *signing.VerifierConfig) { v.Replays = brokenGuard{} })
	server := serve(t, signing.MiddlewareConfig{Verifier: b.verifier})
	client := &http.Client{Transport: &signing.Transport{Signer: b.signer}}
	if status, body, _ := ask(t, client, post(t, server.URL, `{}`)); status != 503 || strings.Contains(body, "database") {
		t.Errorf("got %d %s", status, body)
	}
}

func TestTransportRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	sent := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, errors.New("sent")
	})
	for name, c := range map[string]struct {
		transport signing.Transport
		body      string
	}{
		"WithoutASigner": {signing.Transport{Base: sent}, `{}`},
		"ALargeBody":     {signing.Transport{Base: sent, Signer: b.signer, MaxBody: 2}, `{ }`},
		"AMemberTwice":   {signing.Transport{Base: sent, Signer: b.signer}, `{"a":1,"a":1}`},
	} {
		resp, err := c.transport.RoundTrip(post(t, "https://seller.example/", c.body))
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: sent", name)
		}
	}
}

func TestTransportSignsWhatTheCounterpartyLists(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	seller := signing.Policy{Supported: true, SupportedFor: []string{"create_media_buy"}}
	var signed []bool
	transport := &signing.Transport{
		Signer: b.signer,
		Base: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			signed = append(signed, r.Header.Get("Signature") != "")
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
		}),
		Signs: func(_ *http.Request, body []byte) bool {
			for _, i := range signing.JSONRPCInvocations(body) {
				if seller.Signs(i) {
					return true
				}
			}
			return false
		},
	}
	for _, tool := range []string{"create_media_buy", "get_products"} {
		body := strings.Replace(call, "create_media_buy", tool, 1)
		if _, got, _ := ask(t, &http.Client{Transport: transport}, post(t, "https://bücher.example/mcp", body)); got != body {
			t.Errorf("got %s", got)
		}
	}
	if len(signed) != 2 || !signed[0] || signed[1] {
		t.Errorf("signed %v, want the first only", signed)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
