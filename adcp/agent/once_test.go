package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// variant is the create_media_buy request with other bytes for some fields.
func variant(t *testing.T, change map[string]any) string { return string(buy(t, change)) }

func TestAConflictSaysNothingOfTheFirstRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	do(b, "create_media_buy", variant(t, nil), acme)
	r := do(b, "create_media_buy", variant(t, map[string]any{"po_number": "7"}), acme)
	var answer struct {
		Error map[string]any `json:"adcp_error"`
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		t.Fatal(err)
	}
	for name := range answer.Error {
		if name != "code" && name != "message" && name != "recovery" {
			t.Errorf("the conflict carries %s: %s", name, r.Body)
		}
	}
}

func TestAKeyInTheSandboxIsGoodForOneRequestWhateverTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if r := do(b, "create_media_buy", variant(t, nil), tester); code(t, r) != "" {
		t.Fatalf("refused: %s", r.Body)
	}
	other := variant(t, map[string]any{"account": map[string]any{"account_id": "acc_2"}})
	if got := code(t, do(b, "create_media_buy", other, tester)); got != adcp.CodeIdempotencyConflict {
		t.Errorf("another account: %s, want %s", got, adcp.CodeIdempotencyConflict)
	}
	if r := do(b, "create_media_buy", variant(t, nil), tester); !r.Replayed || b.runs() != 1 {
		t.Errorf("the same again: replayed %v after %d runs", r.Replayed, b.runs())
	}
}

func TestSameRequestGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	push := func(credentials string) map[string]any {
		return map[string]any{
			"url":            "https://buyer.example/hook",
			"authentication": map[string]any{"schemes": []string{"Bearer"}, "credentials": credentials},
		}
	}
	first := map[string]any{"push_notification_config": push(strings.Repeat("a", 32))}
	for name, again := range map[string]string{
		"Same bytes": variant(t, first),
		"Other context": variant(t, map[string]any{
			"context":                  map[string]any{"try": 2},
			"push_notification_config": push(strings.Repeat("a", 32)),
		}),
		"Other governance context": variant(t, map[string]any{
			"governance_context":       "token2",
			"push_notification_config": push(strings.Repeat("a", 32)),
		}),
		"Rotated webhook credentials": variant(t, map[string]any{"push_notification_config": push(strings.Repeat("b", 32))}),
		"Other order, space and escapes": `{ "packages":[ {"pricing_option_id":"cpm","budget":1000.0,"product_id":"p\u0031"}],
			"push_notification_config":{"authentication":{"credentials":"` + strings.Repeat("a", 32) + `","schemes":["Bearer"]},"url":"https://buyer.example/hook"},
			"start_time":"asap","end_time":"2026-12-01T00:00:00Z","idempotency_key":"` + key + `",
			"brand":{"domain":"acme.example"},"account":{"account_id":"acc_1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			one := do(b, "create_media_buy", variant(t, first), acme)
			if c := code(t, one); c != "" {
				t.Fatalf("first call refused: %s", one.Body)
			}
			two := do(b, "create_media_buy", again, acme)
			if c := code(t, two); c != "" || !two.Replayed || b.runs() != 1 {
				t.Fatalf("replayed %v after %d runs: %s", two.Replayed, b.runs(), two.Body)
			}
			// The first answer, and behind it the mark and this call's own context.
			want := strings.TrimSuffix(string(one.Body), "}") + `,"replayed":true`
			if strings.Contains(again, `"try"`) {
				want += `,"context":{"try":2}`
			}
			if string(two.Body) != want+"}" {
				t.Errorf("got %s, want %s}", two.Body, want)
			}
		})
	}
}

func TestOtherRequestUnderTheKeyConflicts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{
		"Other value":                {"start_time": "2026-11-20T00:00:00Z"},
		"One field more":             {"po_number": "7"},
		"Other extension":            {"ext": map[string]any{"x": 1}},
		"Other release":              {"adcp_version": "3.1"},
		"Webhook to another address": {"push_notification_config": map[string]any{"url": "https://other.example/hook"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			do(b, "create_media_buy", variant(t, nil), acme)
			r := do(b, "create_media_buy", variant(t, change), acme)
			if got := code(t, r); got != adcp.CodeIdempotencyConflict {
				t.Fatalf("got %q: %s", got, r.Body)
			}
			for _, leak := range []string{"mb_1", "p1", "acme.example", key, `"field"`, `"details"`, `"issues"`} {
				if strings.Contains(string(r.Body), leak) {
					t.Errorf("the conflict echoes %s: %s", leak, r.Body)
				}
			}
			if b.runs() != 1 {
				t.Errorf("%d runs", b.runs())
			}
		})
	}
}

func TestKeysAreScoped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	do(b, "create_media_buy", variant(t, nil), acme)
	if r := do(b, "create_media_buy", variant(t, nil), nova); r.Replayed || code(t, r) != "" {
		t.Errorf("another principal met the key: %s", r.Body)
	}
	if r := do(b, "create_media_buy", variant(t, map[string]any{"account": map[string]any{"account_id": "acc_2"}}), acme); r.Replayed || code(t, r) != "" {
		t.Errorf("another account met the key: %s", r.Body)
	}
	if r := do(b, "get_products", `{"idempotency_key":"`+key+`","buying_mode":"brief","brief":"x"}`, acme); r.Replayed || code(t, r) != "" {
		t.Errorf("another operation met the key: %s", r.Body)
	}
	if b.runs() != 3 {
		t.Errorf("%d runs, want 3", b.runs())
	}
}

type resolver map[string]string

func (r resolver) ResolveAccount(_ context.Context, _ agent.Caller, _ *adcp.Operation, ref *adcp.AccountReference) (string, error) {
	name := adcp.Val(ref.AccountID) + adcp.Val(ref.Operator)
	if name == "down.example" {
		return "", errors.New("table is locked")
	}
	if id, ok := r[name]; ok {
		return id, nil
	}
	return "", adcp.NewError(adcp.CodeAccountNotFound, "account", "No such account.")
}

func TestAccountsAreResolvedBeforeTheKey(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *agent.Config) { c.Accounts = resolver{"acc_1": "acc_1", "agency.example": "acc_1"} })
	natural := map[string]any{"account": map[string]any{"brand": map[string]any{"domain": "acme.example"}, "operator": "agency.example"}}
	if r := do(b, "create_media_buy", variant(t, nil), acme); code(t, r) != "" {
		t.Fatalf("refused: %s", r.Body)
	}
	t.Run("Two names of one account are one scope", func(t *testing.T) {
		if got := code(t, do(b, "create_media_buy", variant(t, natural), acme)); got != adcp.CodeIdempotencyConflict {
			t.Errorf("got %q", got)
		}
	})
	t.Run("Not found", func(t *testing.T) {
		r := do(b, "create_media_buy", variant(t, map[string]any{"account": map[string]any{"account_id": "acc_9"}}), acme)
		if got := code(t, r); got != adcp.CodeAccountNotFound {
			t.Errorf("got %q", got)
		}
	})
	t.Run("A fault of the resolver stays inside", func(t *testing.T) {
		natural := map[string]any{"account": map[string]any{"brand": map[string]any{"domain": "acme.example"}, "operator": "down.example"}}
		r := do(b, "create_media_buy", variant(t, natural), acme)
		if got := code(t, r); got != adcp.CodeServiceUnavailable || strings.Contains(string(r.Body), "locked") {
			t.Errorf("got %q: %s", got, r.Body)
		}
	})
	if b.runs() != 1 {
		t.Errorf("%d runs", b.runs())
	}
}

func TestReadsRememberTheirKeysToo(t *testing.T) {
	t.Parallel()
	request := `{"idempotency_key":"` + key + `","buying_mode":"brief","brief":"x"}`
	t.Run("With a credential", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		do(b, "get_products", request, acme)
		if r := do(b, "get_products", request, acme); !r.Replayed {
			t.Errorf("not replayed: %s", r.Body)
		}
	})
	t.Run("Not for anonymous callers, who share one scope", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		do(b, "get_products", request, none)
		if r := do(b, "get_products", strings.Replace(request, `"x"`, `"y"`, 1), none); r.Replayed || code(t, r) != "" {
			t.Errorf("got %s", r.Body)
		}
	})
}

func TestRefusalsAreNotRemembered(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func() (*adcp.CreateMediaBuyResponse, error){
		"A transient refusal": func() (*adcp.CreateMediaBuyResponse, error) {
			return nil, adcp.NewError(adcp.CodeRateLimited, "", "Slow down.").WithRetryAfter(1)
		},
		"A correctable refusal": func() (*adcp.CreateMediaBuyResponse, error) {
			return nil, adcp.NewError(adcp.CodeBudgetTooLow, "", "More.")
		},
		"A fault": func() (*adcp.CreateMediaBuyResponse, error) { return nil, errors.New("disk full") },
		"A panic": func() (*adcp.CreateMediaBuyResponse, error) { panic("nil map") },
		"A failed task": func() (*adcp.CreateMediaBuyResponse, error) {
			return &adcp.CreateMediaBuyResponse{
				Status: adcp.TaskStatusFailed,
				Errors: []adcp.Error{*adcp.NewError(adcp.CodeBudgetTooLow, "", "More.")},
			}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			books := b.create
			b.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
				return first()
			}
			do(b, "create_media_buy", variant(t, nil), acme)
			b.create = books
			r := do(b, "create_media_buy", variant(t, nil), acme)
			if c := code(t, r); c != "" || r.Replayed || b.runs() != 1 {
				t.Errorf("got %q, replayed %v, %d runs", c, r.Replayed, b.runs())
			}
		})
	}
}

func TestSubmittedTasksAreRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		b.created++
		return &adcp.CreateMediaBuyResponse{Status: adcp.TaskStatusSubmitted, TaskID: new(fmt.Sprint("task_", b.created))}, nil
	}
	do(b, "create_media_buy", variant(t, nil), acme)
	r := do(b, "create_media_buy", variant(t, nil), acme)
	if want := `{"adcp_version":"3.1","status":"submitted","task_id":"task_1","replayed":true}`; string(r.Body) != want {
		t.Errorf("got %s, want %s", r.Body, want)
	}
}

func TestFiftyAtOnceRunOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, release := make(chan struct{}), make(chan struct{})
	books := b.create
	b.create = func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		close(started) // a second run panics here
		<-release
		return books(ctx, call, req)
	}
	request, other := variant(t, nil), variant(t, map[string]any{"po_number": "7"})
	first := make(chan agent.Response)
	go func() { first <- do(b, "create_media_buy", request, acme) }()
	<-started
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if i%5 == 0 {
				if got := code(t, do(b, "create_media_buy", other, acme)); got != adcp.CodeIdempotencyConflict {
					t.Errorf("another request in flight: %q", got)
				}
				return
			}
			r := do(b, "create_media_buy", request, acme)
			if got := code(t, r); got != adcp.CodeIdempotencyInFlight {
				t.Errorf("the same request in flight: %q", got)
			} else if adcp.Val(r.Error.RetryAfter) == "" || *r.Error.Recovery != adcp.ErrorRecoveryTransient {
				t.Errorf("in flight without a time to come back: %s", r.Body)
			}
		})
	}
	wg.Wait()
	close(release)
	if c := code(t, <-first); c != "" {
		t.Fatalf("the first was refused with %s", c)
	}
	for range 50 {
		wg.Go(func() {
			if r := do(b, "create_media_buy", request, acme); !r.Replayed {
				t.Errorf("not replayed: %s", r.Body)
			}
		})
	}
	wg.Wait()
	if b.runs() != 1 {
		t.Errorf("%d runs", b.runs())
	}
}

// faulty is a store that answers as told.
type faulty struct {
	agent.IdempotencyStore
	begin, finish error
	outcome       agent.IdempotencyOutcome
	abandoned     int
}

func (f *faulty) Begin(context.Context, agent.IdempotencyScope, string) (agent.IdempotencyOutcome, []byte, error) {
	return f.outcome, nil, f.begin
}
func (f *faulty) Renew(context.Context, agent.IdempotencyScope) error          { return nil }
func (f *faulty) Finish(context.Context, agent.IdempotencyScope, []byte) error { return f.finish }
func (f *faulty) Abandon(context.Context, agent.IdempotencyScope) error        { f.abandoned++; return nil }

func TestStoreFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		store     faulty
		want      adcp.ErrorCode
		runs      int
		abandoned int
	}{
		"Begin fails: the handler does not run":    {faulty{begin: errors.New("down")}, adcp.CodeServiceUnavailable, 0, 0},
		"Finish fails: the answer is not promised": {faulty{finish: errors.New("down")}, adcp.CodeServiceUnavailable, 1, 1},
		"Finish finds the claim gone":              {faulty{finish: agent.ErrClaimLost}, adcp.CodeIdempotencyInFlight, 1, 0},
		"Expired":                                  {faulty{outcome: agent.Expired}, adcp.CodeIdempotencyExpired, 0, 0},
		"Resumed":                                  {faulty{outcome: agent.Resumed}, "", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *agent.Config) { c.Idempotency = &tt.store })
			books := b.create
			var resumed bool
			b.create = func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
				resumed = call.Resumed
				return books(ctx, call, req)
			}
			if got := code(t, do(b, "create_media_buy", variant(t, nil), acme)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if b.runs() != tt.runs || tt.store.abandoned != tt.abandoned || resumed != (name == "Resumed") {
				t.Errorf("%d runs, %d abandoned, resumed %v", b.runs(), tt.store.abandoned, resumed)
			}
		})
	}
}

func TestACallerThatHangsUpLeavesNothingHalfMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, hangUp := context.WithCancel(context.Background())
	books := b.create
	b.create = func(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		hangUp()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return books(ctx, call, req)
	}
	b.Do(ctx, agent.Request{Operation: "create_media_buy", Arguments: buy(t, nil), Credential: acme})
	if r := do(b, "create_media_buy", variant(t, nil), acme); !r.Replayed {
		t.Errorf("not remembered: %s", r.Body)
	}
}

func TestMemoryIdempotency(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	scope := agent.IdempotencyScope{Tenant: "t", Principal: "p", Account: "a", Operation: "o", Key: key}
	now := morning
	s := agent.NewMemoryIdempotency(agent.MemoryConfig{Now: func() time.Time { return now }, Lease: 5 * time.Second, TTL: time.Hour, Most: 2})
	begin := func(want agent.IdempotencyOutcome, digest, answer string) {
		t.Helper()
		got, response, err := s.Begin(ctx, scope, digest)
		if err != nil || got != want || string(response) != answer {
			t.Errorf("Begin: %v %q %v, want %v %q", got, response, err, want, answer)
		}
	}
	begin(agent.Claimed, "d", "")
	begin(agent.InFlight, "d", "")
	begin(agent.Conflict, "e", "")
	now = now.Add(4 * time.Second)
	if err := s.Renew(ctx, scope); err != nil {
		t.Error(err)
	}
	now = now.Add(4 * time.Second)
	begin(agent.InFlight, "d", "")
	now = now.Add(4 * time.Second)
	begin(agent.Conflict, "e", "") // the lease is over, and the key still means the first request
	begin(agent.Resumed, "d", "")
	if err := s.Finish(ctx, scope, []byte("answer")); err != nil {
		t.Error(err)
	}
	begin(agent.Replay, "d", "answer")
	begin(agent.Conflict, "e", "")
	if err := s.Renew(ctx, scope); !errors.Is(err, agent.ErrClaimLost) {
		t.Errorf("Renew after Finish: %v", err)
	}
	if err := s.Finish(ctx, scope, nil); !errors.Is(err, agent.ErrClaimLost) {
		t.Errorf("Finish twice: %v", err)
	}
	if err := s.Abandon(ctx, scope); err != nil {
		t.Error(err)
	}
	begin(agent.Replay, "d", "answer") // what is answered is not abandoned
	now = now.Add(2 * time.Hour)
	begin(agent.Expired, "d", "")

	// The oldest answers go first when there are too many; keys in flight stay.
	first := scope
	for _, k := range []string{"two", "three"} {
		scope.Key = k
		begin(agent.Claimed, "d", "")
	}
	scope = first
	begin(agent.Claimed, "d", "")
	if err := s.Abandon(ctx, scope); err != nil {
		t.Error(err)
	}
	begin(agent.Claimed, "other", "")
}

func TestCanonicalFormFailures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := do(b, "create_media_buy", variant(t, map[string]any{"ext": json.RawMessage(`{"n":1e999}`)}), acme)
	if got := code(t, r); got == "" {
		t.Errorf("a number without a canonical form was accepted: %s", r.Body)
	}
}
