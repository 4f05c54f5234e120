package mcp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/mcp"
)

// answered is everything that a caller sees of an answer.
type answered struct {
	Status int
	Header http.Header
	Body   string
}

// ask sends a message by the short way, or, with a header that changes nothing
// else, through the SDK.
func ask(h http.Handler, message, token, version string, throughSDK bool) answered {
	r := httptest.NewRequest(http.MethodPost, "https://seller.example/", strings.NewReader(message))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if version != "" {
		r.Header.Set("Mcp-Protocol-Version", version)
	}
	if throughSDK {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answered{w.Code, w.Header(), w.Body.String()}
}

func TestABareCallIsAnsweredAsTheSDKDoes(t *testing.T) {
	t.Parallel()
	call := func(id, params string) string {
		return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":` + params + `}`
	}
	const good = `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"shoes"}}`
	const buy = `{"name":"create_media_buy","arguments":{"idempotency_key":"k-0123456789abcdef","account":{"account_id":"a"},` +
		`"brand":{"domain":"acme.example"},"start_time":"asap","end_time":"2027-01-01T00:00:00Z",` +
		`"packages":[{"product_id":"p","budget":1,"pricing_option_id":"o"}]}}`
	tests := map[string]string{
		"Answer":                good,
		"WhiteSpaceAround":      " \n{ \"name\" : \"get_products\" , \"arguments\" : { \"buying_mode\" : \"brief\", \"brief\":\"a\" } } ",
		"ContextByteForByte":    `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"x","context":{ "a" : 1.00, "b":"<\u00e9é\u2028>" }}}`,
		"TextToEscape":          `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"<a href=\"x\">\\\n\u0001\u2028é</a>"}}`,
		"BreaksTheSchema":       `{"name":"get_products","arguments":{"buying_mode":"bref"}}`,
		"Panic":                 `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"panic"}}`,
		"NoArguments":           `{"name":"get_products"}`,
		"ArgumentsNoObject":     `{"name":"get_products","arguments":[]}`,
		"ArgumentsNull":         `{"name":"get_products","arguments":null}`,
		"NotServed":             `{"name":"get_signals","arguments":{}}`,
		"NotKnown":              `{"name":"no_such_tool","arguments":{}}`,
		"FieldTwice":            `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"a","brief":"b"}}`,
		"ArgumentsTwice":        `{"name":"get_products","arguments":{"buying_mode":"brief","brief":"a"},"arguments":{"buying_mode":"wholesale"}}`,
		"NameInAnotherCase":     `{"Name":"get_products","arguments":{"buying_mode":"wholesale"}}`,
		"WithMeta":              `{"name":"get_products","arguments":{"buying_mode":"wholesale"},"_meta":{"progressToken":1}}`,
		"DeeplyNested":          `{"name":"get_products","arguments":{"buying_mode":"wholesale","ext":` + strings.Repeat(`{"a":`, 80) + `1` + strings.Repeat(`}`, 81) + `}`,
		"MutatingAndThenReplay": buy,
	}
	for rule, params := range tests {
		for _, token := range []string{"acme-key", "", "wrong"} {
			for _, version := range []string{"", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01", "next"} {
				t.Run(rule+"/"+token+"/"+version, func(t *testing.T) {
					t.Parallel()
					h := mcp.NewHandler(newAgent(t), mcp.Options{Hosts: []string{"seller.example"}})
					if rule == "MutatingAndThenReplay" {
						ask(h, call("1", params), token, version, true)
					}
					short, long := ask(h, call("7", params), token, version, false), ask(h, call("7", params), token, version, true)
					if diff := cmp.Diff(long, short); diff != "" {
						t.Errorf("the short way answers otherwise (-SDK +short):\n%s", diff)
					}
				})
			}
		}
	}
	for _, id := range []string{"0", "7", "9007199254740991", "9007199254740993", "-1", "1.0", "1e3", "null", `""`, `"a-1_b.C"`, `"<\u00e9>"`, `{}`, `true`} {
		t.Run("id="+id, func(t *testing.T) {
			t.Parallel()
			h := mcp.NewHandler(newAgent(t), mcp.Options{Hosts: []string{"seller.example"}})
			if diff := cmp.Diff(ask(h, call(id, good), "acme-key", "", true), ask(h, call(id, good), "acme-key", "", false)); diff != "" {
				t.Errorf("the short way answers otherwise (-SDK +short):\n%s", diff)
			}
		})
	}
}

// Whoever says that they know structured content is told in a sentence what it
// is; everybody else, and every program that reads refusals, gets the JSON.
func TestTextBesideTheStructuredContent(t *testing.T) {
	t.Parallel()
	call := func(arguments string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":` + arguments + `}}`
	}
	const good, bad = `{"buying_mode":"brief","brief":"shoes"}`, `{"buying_mode":"bref"}`
	for _, tt := range []struct {
		rule, version, arguments string
		whole                    bool
	}{
		{"NoRelease", "", good, true},
		{"BeforeStructuredContent", "2025-03-26", good, true},
		{"SinceStructuredContent", "2025-06-18", good, false},
		{"Later", "2025-11-25", good, false},
		{"RefusalWithoutRelease", "", bad, true},
		{"RefusalLater", "2025-11-25", bad, true},
	} {
		for _, throughSDK := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/SDK=%t", tt.rule, throughSDK), func(t *testing.T) {
				t.Parallel()
				h := mcp.NewHandler(newAgent(t), mcp.Options{Hosts: []string{"seller.example"}})
				got := ask(h, call(tt.arguments), "acme-key", tt.version, throughSDK)
				var message struct {
					Result struct {
						Content           []struct{ Text string }
						StructuredContent json.RawMessage
					}
				}
				if err := json.Unmarshal([]byte(got.Body), &message); err != nil || len(message.Result.Content) != 1 {
					t.Fatalf("%v: %s", err, got.Body)
				}
				text := message.Result.Content[0].Text
				switch {
				case tt.whole && text != string(message.Result.StructuredContent):
					t.Errorf("the text is not the JSON: %s", text)
				case !tt.whole && text != "shoes":
					t.Errorf("the text is %q, want the handler's message", text)
				}
				answer, ok := mcp.ExtractAnswer(json.RawMessage(got.Body))
				if !ok || tt.arguments == good && string(answer.Body) != string(message.Result.StructuredContent) {
					t.Errorf("%t, extracted %s from %s", ok, answer.Body, got.Body)
				}
			})
		}
	}
}
