package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// openProcess runs the sales agent on a database that others may run on too.
func openProcess(t *testing.T, cfg store.Config) (*Sales, string) {
	t.Helper()
	box, err := secret.New(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	sales, err := NewSales(t.Context(), SalesConfig{
		Tenant: "sales", PublicURL: "http://sales.test", Catalogue: exampleCatalogue(t), Store: cfg, Clock: clock.System{},
		Principals: []account.Principal{{Name: "acme", KeySHA256: account.HashKey(shopKey)}},
		Webhooks:   &WebhookConfig{Secrets: box, AllowLoopback: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = sales.Handler()
	web.Config.RegisterOnShutdown(sales.EndStreams)
	web.Start()
	t.Cleanup(func() {
		sales.EndStreams()
		web.Close()
		if err := sales.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return sales, web.URL + endpointA2A
}

// An order that a person signs is placed with one process, followed with another,
// asked about and signed in either, and told of in A2A's own form.
func TestAnOrderIsFollowedOverA2AByTwoProcesses(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			told := make(chan string, 10)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Header.Get("Authorization") != "Bearer 0123456789abcdef0123456789abcdef" {
					t.Errorf("%v, authorization %q", err, r.Header.Get("Authorization"))
				}
				told <- string(body)
			}))
			t.Cleanup(receiver.Close)
			cfg := storetest.Config(t, dialect)
			one, first := openProcess(t, cfg)
			two, second := openProcess(t, cfg)
			jo := account.Staff{Name: "jo@northlight.example", Roles: []account.Role{account.RoleSales}}

			placed := string(post(t, http.DefaultClient, first, `{"jsonrpc":"2.0","id":1,"method":"message/send","params":{`+
				`"configuration":{"blocking":false,"pushNotificationConfig":{"url":"`+receiver.URL+`","authentication":{"schemes":["Bearer"],"credentials":"0123456789abcdef0123456789abcdef"}}},`+
				`"message":{"kind":"message","role":"user","messageId":"m1","parts":[{"kind":"data","data":{"skill":"create_media_buy","input":{`+
				`"idempotency_key":"order-over-a2a-0001","account":{"brand":{"domain":"acme.example"},"operator":"acme.example"},`+
				`"brand":{"domain":"acme.example"},"start_time":"2036-03-01T00:00:00Z","end_time":"2036-04-01T00:00:00Z",`+
				`"packages":[{"product_id":"nl_ctv_live_sport","pricing_option_id":"cpm_usd","budget":20000}]}}}]}}}`))
			var task struct {
				Result struct {
					ID     string `json:"id"`
					Status struct {
						State string `json:"state"`
					} `json:"status"`
				} `json:"result"`
			}
			if err := json.Unmarshal([]byte(placed), &task); err != nil || task.Result.Status.State != "submitted" {
				t.Fatalf("placed: %s", placed)
			}
			id := task.Result.ID

			states := follow(t, second, id)
			wait := func(want string) {
				t.Helper()
				if got := <-states; !strings.Contains(got, want) {
					t.Fatalf("followed to %s, want %s", got, want)
				}
			}
			wait(`"submitted"`)
			if err := one.service.Ask(t.Context(), id, jo, "Is the final all right too?"); err != nil {
				t.Fatal(err)
			}
			wait(`"input-required"`)
			answered := string(post(t, http.DefaultClient, first, `{"jsonrpc":"2.0","id":2,"method":"message/send","params":{"message":{"kind":"message","role":"user","messageId":"m2","taskId":"`+id+`","parts":[{"kind":"text","text":"Yes."}]}}}`))
			if !strings.Contains(answered, `"state":"submitted"`) {
				t.Fatalf("answered: %s", answered)
			}
			wait(`"submitted"`)
			if err := two.service.Approve(t.Context(), id, jo, ""); err != nil {
				t.Fatal(err)
			}
			for got := ""; !strings.Contains(got, `"completed"`); {
				var open bool
				if got, open = <-states; !open {
					t.Fatal("the stream ended before the task")
				}
			}
			asked, done := <-told, <-told
			if !strings.Contains(asked, `"kind":"status-update"`) || !strings.Contains(asked, "Is the final all right too?") {
				t.Errorf("told %s", asked)
			}
			answer, err := a2a.Extract(json.RawMessage(done))
			if err != nil || !strings.Contains(done, `"kind":"task"`) || !strings.Contains(string(answer), `"media_buy_id"`) {
				t.Errorf("told %s: %s, %v", done, answer, err)
			}
		})
	}
}

// follow joins a task in A2A 0.3 and gives its events' data as they come.
func follow(t *testing.T, url, id string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"jsonrpc":"2.0","id":9,"method":"tasks/resubscribe","params":{"id":"`+id+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+shopKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- data
			}
		}
	}()
	return events
}
