package mcp_test

import (
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
func ask(h http.Handler, message, token string, throughSDK bool) answered {
	r := httptest.NewRequest(http.MethodPost, "https://seller.example/", strings.NewReader(message))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
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
			t.Run(rule+"/"+token, func(t *testing.T) {
				t.Parallel()
				h := mcp.NewHandler(newAgent(t), mcp.Options{Hosts: []string{"seller.example"}})
				if rule == "MutatingAndThenReplay" {
					ask(h, call("1", params), token, true)
				}
				short, long := ask(h, call("7", params), token, false), ask(h, call("7", params), token, true)
				if diff := cmp.Diff(long, short); diff != "" {
					t.Errorf("the short way answers otherwise (-SDK +short):\n%s", diff)
				}
			})
		}
	}
	for _, id := range []string{"0", "7", "9007199254740991", "9007199254740993", "-1", "1.0", "1e3", "null", `""`, `"a-1_b.C"`, `"<\u00e9>"`, `{}`, `true`} {
		t.Run("id="+id, func(t *testing.T) {
			t.Parallel()
			h := mcp.NewHandler(newAgent(t), mcp.Options{Hosts: []string{"seller.example"}})
			if diff := cmp.Diff(ask(h, call(id, good), "acme-key", true), ask(h, call(id, good), "acme-key", false)); diff != "" {
				t.Errorf("the short way answers otherwise (-SDK +short):\n%s", diff)
			}
		})
	}
}
