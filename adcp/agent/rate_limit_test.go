package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// wall is a clock that a test moves.
type wall struct {
	mu  sync.Mutex
	now time.Time
}

func (w *wall) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *wall) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// limited is an agent with the limits, and the clock they go by.
func limited(t *testing.T, limit agent.RateLimit) (*bundle, *wall) {
	t.Helper()
	clock := &wall{now: morning}
	limit.Now = clock.Now
	return setup(t, func(c *agent.Config) { c.RateLimit = limit }), clock
}

// wantLimited checks a refusal for going too fast.
func wantLimited(t *testing.T, r agent.Response, seconds string) {
	t.Helper()
	switch {
	case r.Error == nil || r.Error.Code != adcp.CodeRateLimited:
		t.Fatalf("not refused: %s", r.Body)
	case r.Error.RetryAfter == nil || string(*r.Error.RetryAfter) != seconds:
		t.Errorf("retry_after %v, want %s", r.Error.RetryAfter, seconds)
	case r.Error.RecoveryClass() != adcp.ErrorRecoveryTransient:
		t.Errorf("recovery %q", r.Error.RecoveryClass())
	case r.HTTPStatus != http.StatusOK:
		t.Errorf("HTTP %d: the protocol carries this in its own envelope", r.HTTPStatus)
	}
}

func TestRequestsAreLimitedByPrincipal(t *testing.T) {
	t.Parallel()
	b, clock := limited(t, agent.RateLimit{Requests: agent.Rate{PerSecond: 0.5, Burst: 2}})
	for range 2 {
		if r := do(b, "get_products", brief, acme); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	wantLimited(t, do(b, "get_products", brief, acme), "2")
	if r := do(b, "get_products", brief, nova); r.Error != nil {
		t.Errorf("another principal: %v", r.Error)
	}
	for range 2 {
		if r := do(b, "get_products", brief, none); r.Error != nil {
			t.Errorf("the anonymous: %v", r.Error)
		}
	}
	wantLimited(t, do(b, "get_products", brief, none), "2")
	clock.pass(time.Second)
	wantLimited(t, do(b, "get_products", brief, acme), "1")
	clock.pass(time.Second)
	if r := do(b, "get_products", brief, acme); r.Error != nil {
		t.Errorf("after retry_after: %v", r.Error)
	}
	clock.pass(time.Hour)
	for range 2 {
		if r := do(b, "get_products", brief, acme); r.Error != nil {
			t.Errorf("after a rest: %v", r.Error)
		}
	}
	wantLimited(t, do(b, "get_products", brief, acme), "2")
}

func TestRateLimitComesBehindIdempotency(t *testing.T) {
	t.Parallel()
	b, clock := limited(t, agent.RateLimit{Requests: agent.Rate{PerSecond: 1, Burst: 1}})
	first := variant(t, nil)
	if r := do(b, "create_media_buy", first, acme); r.Error != nil {
		t.Fatal(r.Error)
	}
	if r := do(b, "create_media_buy", first, acme); !r.Replayed {
		t.Errorf("a replay was counted: %s", r.Body)
	}
	if got := code(t, do(b, "create_media_buy", variant(t, map[string]any{"po_number": "7"}), acme)); got != adcp.CodeIdempotencyConflict {
		t.Errorf("a conflict was counted: %q", got)
	}
	if got := code(t, do(b, "create_media_buy", `{}`, acme)); got != adcp.CodeInvalidRequest {
		t.Errorf("an invalid request was counted: %q", got)
	}

	second := variant(t, map[string]any{"idempotency_key": "key-that-was-too-fast"})
	wantLimited(t, do(b, "create_media_buy", second, acme), "1")
	wantLimited(t, do(b, "create_media_buy", second, acme), "1")
	clock.pass(time.Second)
	if r := do(b, "create_media_buy", second, acme); r.Error != nil || r.Replayed {
		t.Errorf("the refusal was remembered under the key: %s", r.Body)
	}
	if b.runs() != 2 {
		t.Errorf("%d runs", b.runs())
	}
}

func TestFreshKeysAreLimitedByAccount(t *testing.T) {
	t.Parallel()
	b, clock := limited(t, agent.RateLimit{
		Reads: agent.Rate{PerSecond: 1, Burst: 2}, Writes: agent.Rate{PerSecond: 1, Burst: 1},
	})
	write := func(n int, account string) agent.Response {
		return do(b, "create_media_buy", variant(t, map[string]any{
			"idempotency_key": fmt.Sprintf("fresh-key-of-test-%02d", n), "account": map[string]any{"account_id": account},
		}), acme)
	}
	read := func(n int) agent.Response {
		return do(b, "get_products", fmt.Sprintf(`{"buying_mode":"wholesale","idempotency_key":"fresh-key-to-read-%02d"}`, n), acme)
	}
	if r := write(1, "acc_1"); r.Error != nil {
		t.Fatal(r.Error)
	}
	wantLimited(t, write(2, "acc_1"), "1")
	wantLimited(t, write(1, "acc_1"), "1") // a retry waits like the rest
	if r := write(2, "acc_2"); r.Error != nil {
		t.Errorf("another account: %v", r.Error)
	}
	for n := range 2 {
		if r := read(n); r.Error != nil {
			t.Errorf("reads have a limit of their own: %v", r.Error)
		}
	}
	wantLimited(t, read(2), "1")
	clock.pass(time.Second)
	for range 3 {
		if r := write(1, "acc_1"); !r.Replayed {
			t.Errorf("a replay used a token up: %s", r.Body)
		}
	}
	if r := write(3, "acc_1"); r.Error != nil {
		t.Errorf("after a second: %v", r.Error)
	}
	if r := do(b, "get_products", brief, acme); r.Error != nil {
		t.Errorf("a read without a key: %v", r.Error)
	}
}

// Run with the race detector: exactly the burst gets through.
func TestRateLimitUnderConcurrency(t *testing.T) {
	t.Parallel()
	b, clock := limited(t, agent.RateLimit{Requests: agent.Rate{PerSecond: 1, Burst: 50}})
	var mu sync.Mutex
	served := 0
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				clock.pass(0)
				r := b.Do(context.Background(), agent.Request{Operation: "get_products", Arguments: []byte(brief), Credential: acme})
				if r.Error == nil {
					mu.Lock()
					served++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if served != 50 {
		t.Errorf("%d served, want 50", served)
	}
}

func ExampleRateLimit() {
	a := agent.New(agent.Config{
		Name: "seller", Version: "1.0.0", Clock: noon{}, Authenticator: agent.AuthenticatorFunc(keys),
		RateLimit: agent.RateLimit{
			Requests: agent.Rate{PerSecond: 0.1, Burst: 1},
			Reads:    agent.DefaultKeyReads, Writes: agent.DefaultKeyWrites,
		},
	})
	agent.Handle(a, adcp.GetMediaBuys, func(context.Context, *agent.Call, *adcp.GetMediaBuysRequest) (*adcp.GetMediaBuysResponse, error) {
		return &adcp.GetMediaBuysResponse{MediaBuys: []adcp.GetMediaBuysResponseMediaBuy{}}, nil
	})
	request := agent.Request{Operation: "get_media_buys", Credential: agent.Credential{Scheme: "bearer", Value: "buyers-key"}}
	for range 2 {
		if r := a.Do(context.Background(), request); r.Error != nil {
			fmt.Println(r.Error.Code, "retry after", *r.Error.RetryAfter, "seconds")
		} else {
			fmt.Println("served")
		}
	}
	// Output:
	// served
	// RATE_LIMITED retry after 10 seconds
}
