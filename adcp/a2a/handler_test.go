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
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
)

var morning = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// reading is the permission of a key that only reads.
type reading struct{}

func (*reading) MayCall(op *adcp.Operation) *adcp.Error {
	if op.Mutating {
		return adcp.NewError(adcp.CodeReadOnlyScope, "", "The credential is for reading only.")
	}
	return nil
}

func (*reading) SeesAccount(string) bool { return true }
func (*reading) Reach() string           { return "" }

// readingToken is the same of an OAuth token.
type readingToken struct{ reading }

func (*readingToken) ScopesFor(*adcp.Operation) []string { return []string{"adcp", "adcp:buy"} }

// newAgent is a small agent: products without prices for everybody, bookings
// for principals, a brief that panics, orders that wait for a signature, and an
// operation of the sandbox.
func newAgent(t testing.TB) *agent.Agent {
	t.Helper()
	a := agent.New(agent.Config{
		Name: "test-agent", Version: "1.0", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			switch c {
			case agent.Credential{}:
				return agent.Caller{Tenant: "pub", Anonymous: true}, nil
			case agent.Credential{Scheme: "bearer", Value: "acme-key"}, agent.Credential{Scheme: "basic", Value: "YWNtZTprZXk="}:
				return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
			case agent.Credential{Scheme: "bearer", Value: "other-key"}:
				return agent.Caller{Tenant: "pub", Principal: "other"}, nil
			case agent.Credential{Scheme: "bearer", Value: "sandbox-key"}:
				return agent.Caller{Tenant: "pub", Principal: "tester", Sandbox: true}, nil
			case agent.Credential{Scheme: "bearer", Value: "reading-key"}:
				return agent.Caller{Tenant: "pub", Principal: "acme", Permission: &reading{}}, nil
			case agent.Credential{Scheme: "bearer", Value: "reading-token"}:
				return agent.Caller{Tenant: "pub", Principal: "acme", Permission: &readingToken{}}, nil
			case agent.Credential{Scheme: "bearer", Value: "broken"}:
				return agent.Caller{}, errors.New("key store down")
			}
			return agent.Caller{}, agent.ErrBadCredential
		}),
	})
	var mu sync.Mutex
	created := 0
	agent.Handle(a, adcp.GetProducts, func(_ context.Context, _ *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		if adcp.Val(req.Brief) == "panic" {
			panic("asked to")
		}
		return &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic), Message: req.Brief}, nil
	})
	agent.Handle(a, adcp.CreateMediaBuy, func(_ context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		switch req.Packages[0].ProductID {
		case "unknown":
			return nil, adcp.NewError(adcp.CodeProductNotFound, "packages[0].product_id", "There is no such product.").
				WithSuggestion("Ask get_products for what can be bought.")
		case "signed":
			return &adcp.CreateMediaBuyResponse{
				Status: "submitted", TaskID: new("task_submitted"), Message: new("A person has to sign this order."),
			}, nil
		case "pushed":
			// What the request was told over A2A, for the test to see.
			push, _ := json.Marshal(req.PushNotificationConfig)
			return nil, adcp.NewError(adcp.CodeInvalidRequest, "", string(push))
		}
		mu.Lock()
		defer mu.Unlock()
		created++
		return &adcp.CreateMediaBuyResponse{
			MediaBuyID: new(fmt.Sprintf("mb_%d", created)), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart),
			ConfirmedAt: adcp.Some(call.Now), Revision: new(int64(1)), Packages: []adcp.Package{},
			TotalBudget: new(adcp.Decimal("12345678901234.567890")), Currency: new("USD"),
		}, nil
	})
	agent.HandleTasks(a, fixedTasks{})
	agent.Handle(a, adcp.ComplyTestController, func(context.Context, *agent.Call, *adcp.ComplyTestControllerRequest) (*adcp.ComplyTestControllerResponse, error) {
		return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "", "No scenarios.")
	})
	return a
}

// fixedTasks has a task of acme's for every state, which stands as it is.
type fixedTasks struct{}

func (fixedTasks) Task(_ context.Context, tenant, id string) (*agent.Task, error) {
	status, ours := strings.CutPrefix(id, "task_")
	if !ours {
		return nil, agent.ErrNoTask
	}
	task := &agent.Task{
		Tenant: tenant, ID: id, Principal: "acme", Type: "create_media_buy", Status: adcp.TaskStatus(status),
		CreatedAt: morning, UpdatedAt: morning, CompletedAt: morning, Revision: 1,
	}
	switch status {
	case "completed":
		task.Result = json.RawMessage(`{"media_buy_id":"mb_9","confirmed_at":"2026-11-02T09:00:00Z","revision":1,"packages":[],"total_budget":1000.10,"currency":"USD"}`)
	case "failed", "rejected":
		task.Error = adcp.NewError("TERMS_REJECTED", "", "Not this time.")
	default:
		task.Message = "A person has to sign this order."
	}
	return task, nil
}

func (fixedTasks) Tasks(context.Context, string, string) ([]*agent.Task, error) { return nil, nil }

// counted makes identifiers that a test can foresee.
func counted() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("id-%d", n)
	}
}

func serve(t *testing.T, o a2a.Options) *httptest.Server {
	t.Helper()
	if o.NewID == nil {
		o.NewID = counted()
	}
	if o.Now == nil {
		o.Now = stopped(morning).Now
	}
	s := httptest.NewServer(a2a.NewHandler(newAgent(t), o))
	t.Cleanup(s.Close)
	return s
}

// post sends a body as curl would: with its own Accept header and nothing of A2A's.
func post(t *testing.T, s *httptest.Server, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return request(t, http.MethodPost, s.URL, body, headers...)
}

func request(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	for i := 0; i+1 < len(headers); i += 2 {
		switch name := headers[i]; {
		case name == "Host":
			req.Host = headers[i+1]
		case headers[i+1] == "":
			req.Header.Del(name)
		case name == "Accept" || name == "Content-Type":
			req.Header.Set(name, headers[i+1])
		default:
			req.Header.Add(name, headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// say is a message to a skill in either release of A2A.
func say(release, skill, input string) string {
	if release == a2a.Release03 {
		return `{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"kind":"message","messageId":"m1","role":"user","parts":[{"kind":"data","data":{"skill":"` + skill + `","input":` + input + `}}]}}}`
	}
	return `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"data":{"skill":"` + skill + `","input":` + input + `}}]}}}`
}

const (
	shoes   = `{"buying_mode":"brief","brief":"shoes"}`
	booking = `{"idempotency_key":"key-0123456789abcdef","account":{"account_id":"a"},"brand":{"domain":"acme.example"},"start_time":"asap","end_time":"2026-12-01T00:00:00Z","packages":[{"product_id":"p1","budget":1000.10,"pricing_option_id":"c"}]}`
)

var releases = []string{a2a.Release10, a2a.Release03}

func TestBareCall(t *testing.T) {
	t.Parallel()
	body := `{"adcp_version":"3.1","status":"completed","products":[],"cache_scope":"public","message":"shoes"}`
	want := map[string]string{
		a2a.Release10: `{"jsonrpc":"2.0","id":1,"result":{"task":{"id":"id-2","artifacts":[{"artifactId":"result","name":"result","parts":[{"data":` + body + `}]}],"contextId":"id-1","status":{"state":"TASK_STATE_COMPLETED","timestamp":"2026-11-02T09:00:00Z"}}}}`,
		a2a.Release03: `{"jsonrpc":"2.0","id":1,"result":{"kind":"task","id":"id-2","contextId":"id-1","status":{"state":"completed","timestamp":"2026-11-02T09:00:00.000Z"},"artifacts":[{"artifactId":"result","name":"result","parts":[{"kind":"data","data":` + body + `}]}]}}`,
	}
	for _, release := range releases {
		for name, headers := range map[string][]string{
			"As curl sends it": nil,
			"No Accept":        {"Accept", ""},
			"JSON only":        {"Accept", "application/json"},
			"A2A's own type":   {"Content-Type", "application/a2a+json"},
			"With charset":     {"Content-Type", "application/json; charset=utf-8"},
			"With a release":   {"A2A-Version", "1.0"},
			"In the old one":   {"A2A-Version", "0.3"},
		} {
			t.Run(release+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, a2a.Options{})
				resp, body := post(t, s, say(release, "get_products", shoes), headers...)
				if resp.StatusCode != http.StatusOK || body != want[release] {
					t.Errorf("got %d %s\nwant %s", resp.StatusCode, body, want[release])
				}
				if got := resp.Header.Get("Content-Type"); got != "application/json" {
					t.Errorf("content type %q", got)
				}
			})
		}
	}
}

func TestBytesSurviveTheTransport(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			s := serve(t, a2a.Options{})
			_, body := post(t, s, say(release, "get_products", `{"buying_mode":"brief","brief":"x","context":{"b": 1.50,"a":"<&é>\u00e9","n":12345678901234567890}}`))
			if want := `"context":{"b": 1.50,"a":"<&é>\u00e9","n":12345678901234567890}}`; !strings.Contains(body, want) {
				t.Errorf("got %s, want %s", body, want)
			}
			_, body = post(t, s, say(release, "create_media_buy", booking), "Authorization", "Bearer acme-key")
			if !strings.Contains(body, `"total_budget":12345678901234.567890,`) {
				t.Errorf("the amount lost digits: %s", body)
			}
		})
	}
}
