package agent

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

type still struct{}

func (still) Now() time.Time { return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC) }

// leased is a memory store that counts renewals and can lose the claim.
type leased struct {
	*MemoryIdempotency
	renewals atomic.Int32
	renewed  chan struct{}
	lost     atomic.Bool
}

func (l *leased) Renew(ctx context.Context, scope IdempotencyScope) error {
	defer func() { l.renewed <- struct{}{} }()
	l.renewals.Add(1)
	if l.lost.Load() {
		return ErrClaimLost
	}
	return l.MemoryIdempotency.Renew(ctx, scope)
}

func leaseSetup(h Handler[adcp.CreateMediaBuyRequest, adcp.CreateMediaBuyResponse], timeout time.Duration) (*Agent, *leased, chan time.Time) {
	store := &leased{MemoryIdempotency: NewMemoryIdempotency(MemoryConfig{}), renewed: make(chan struct{}, 10)}
	a := New(Config{
		Clock: still{}, Idempotency: store, HandlerTimeout: timeout,
		Authenticator: AuthenticatorFunc(func(context.Context, Credential) (Caller, error) {
			return Caller{Tenant: "t", Principal: "p"}, nil
		}),
	})
	beats := make(chan time.Time)
	a.ticker = func(time.Duration) (<-chan time.Time, func()) { return beats, func() {} }
	Handle(a, adcp.CreateMediaBuy, h)
	return a, store, beats
}

var leaseRequest = Request{Operation: "create_media_buy", Arguments: json.RawMessage(`{
	"idempotency_key":"key-0123456789abcdef","account":{"account_id":"acc_1"},"brand":{"domain":"acme.example"},
	"start_time":"asap","end_time":"2026-12-01T00:00:00Z",
	"packages":[{"product_id":"p1","budget":1000,"pricing_option_id":"cpm"}]}`)}

func TestTheClaimIsRenewedWhileTheHandlerRuns(t *testing.T) {
	t.Parallel()
	var store *leased
	var beats chan time.Time
	a, store, beats := leaseSetup(func(context.Context, *Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		for range 3 {
			beats <- time.Time{}
			<-store.renewed
		}
		return &adcp.CreateMediaBuyResponse{Status: adcp.TaskStatusSubmitted, TaskID: new("task_1")}, nil
	}, time.Minute)
	if r := a.Do(context.Background(), leaseRequest); r.Error != nil || store.renewals.Load() != 3 {
		t.Errorf("%d renewals: %s", store.renewals.Load(), r.Body)
	}
	select {
	case beats <- time.Time{}:
		t.Error("the heart still beats after the answer")
	default:
	}
}

func TestAHandlerThatLostItsClaimIsStopped(t *testing.T) {
	t.Parallel()
	var store *leased
	var beats chan time.Time
	a, store, beats := leaseSetup(func(ctx context.Context, _ *Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		store.lost.Store(true)
		beats <- time.Time{}
		<-ctx.Done()
		return nil, ctx.Err()
	}, time.Minute)
	if r := a.Do(context.Background(), leaseRequest); r.Error == nil || r.Error.Code != adcp.CodeIdempotencyInFlight {
		t.Errorf("got %s", r.Body)
	}
}

func TestAHandlerThatHangsGivesUpItsClaim(t *testing.T) {
	t.Parallel()
	a, _, _ := leaseSetup(func(ctx context.Context, _ *Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, time.Millisecond)
	for range 2 {
		// The second call runs the handler again: the first has released the key.
		if r := a.Do(context.Background(), leaseRequest); r.Error == nil || r.Error.Code != adcp.CodeServiceUnavailable {
			t.Errorf("got %s", r.Body)
		}
	}
}
