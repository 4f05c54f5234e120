package a2a_test

import (
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// TestPushNotificationsReachTheAgent sends configurations as both releases of
// A2A and the protocol's documentation write them, to a handler that tells what
// it was given.
func TestPushNotificationsReachTheAgent(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{PushNotifications: true})
	order := strings.Replace(booking, `"p1"`, `"pushed"`, 1)
	configured := func(params string, release, order string) string {
		return strings.Replace(say(release, "create_media_buy", order), `"params":{`, `"params":{`+params+`,`, 1)
	}
	const token = "a-token-of-some-length"
	for name, tt := range map[string]struct{ params, order, want string }{
		"As 1.0 has it": {
			`"configuration":{"taskPushNotificationConfig":{"id":"c1","url":"https://buyer.example/hook","token":"` + token + `","authentication":{"scheme":"bearer","credentials":"0123456789abcdef0123456789abcdef"}}}`, order,
			`{"url":"https://buyer.example/hook","token":"` + token + `","authentication":{"schemes":["Bearer"],"credentials":"0123456789abcdef0123456789abcdef"}}`,
		},
		"As 0.3 has it": {
			`"configuration":{"blocking":true,"pushNotificationConfig":{"url":"https://buyer.example/hook","operation_id":"op_1","authentication":{"schemes":["HMAC-SHA256"],"credentials":"0123456789abcdef0123456789abcdef"}}}`, order,
			`{"url":"https://buyer.example/hook","operation_id":"op_1","authentication":{"schemes":["HMAC-SHA256"],"credentials":"0123456789abcdef0123456789abcdef"}}`,
		},
		"Beside the message, as the guide has it": {
			`"pushNotificationConfig":{"url":"https://buyer.example/hook","operation_id":"op_1"}`, order,
			`{"url":"https://buyer.example/hook","operation_id":"op_1"}`,
		},
		"The request's own stands": {
			`"pushNotificationConfig":{"url":"https://buyer.example/hook"}`,
			strings.Replace(order, `{"idem`, `{"push_notification_config":{"url":"https://buyer.example/hook","operation_id":"own"},"idem`, 1),
			`{"url":"https://buyer.example/hook","operation_id":"own"}`,
		},
		"Two of them":                       {`"pushNotificationConfig":{"url":"https://buyer.example/hook"}`, strings.Replace(order, `{"idem`, `{"push_notification_config":{"url":"https://buyer.example/other"},"idem`, 1), "-32602"},
		"Without an address":                {`"pushNotificationConfig":{"token":"x"}`, order, "-32602"},
		"Of another kind":                   {`"pushNotificationConfig":[1]`, order, "-32602"},
		"With arguments that are no object": {`"pushNotificationConfig":{"url":"https://buyer.example/hook"}`, `[1]`, "INVALID_REQUEST"},
		"Without arguments":                 {`"pushNotificationConfig":{"url":"https://buyer.example/hook"}`, `null`, "idempotency_key"},
	} {
		for _, release := range releases {
			t.Run(release+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, a2a.Options{PushNotifications: true}) // its own, for the orders share a key
				_, body := post(t, s, configured(tt.params, release, tt.order), "Authorization", "Bearer acme-key")
				want := tt.want
				if strings.HasPrefix(want, "{") {
					want = `"message":"` + strings.ReplaceAll(want, `"`, `\"`) + `"`
				}
				if !strings.Contains(body, want) {
					t.Errorf("got %s\nwant %s", body, want)
				}
			})
		}
	}
	t.Run("The card says so", func(t *testing.T) {
		t.Parallel()
		_, body := request(t, "GET", s.URL+"/.well-known/agent-card.json", "")
		if !strings.Contains(body, `"pushNotifications":true`) {
			t.Errorf("got %s", body)
		}
	})
}

func TestTheCardIsWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{})
	elsewhere := serve(t, a2a.Options{URL: "/sales/a2a"})
	for base, path := range map[string]string{s.URL: "/sales/a2a", elsewhere.URL: ""} {
		_, body := request(t, "GET", base+path+"/.well-known/agent-card.json", "")
		if want := `"url":"` + base + `/sales/a2a"`; strings.Count(body, want) != 4 {
			t.Errorf("got %s, want %s for both releases, in both forms", body, want)
		}
	}
}
