package client_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

// colleague is an agent of a fan-out that answers after a time, or refuses.
type colleague struct {
	name    int
	takes   time.Duration
	refuses bool
}

var errRefused = errors.New("no")

// office counts what is asked in it, and how much of it at once.
type office struct{ running, most, calls atomic.Int64 }

func (o *office) ask(ctx context.Context, a *colleague) (int, error) {
	o.calls.Add(1)
	now := o.running.Add(1)
	defer o.running.Add(-1)
	for seen := o.most.Load(); now > seen && !o.most.CompareAndSwap(seen, now); seen = o.most.Load() {
	}
	// Half a second keeps an answer and a deadline apart.
	select {
	case <-time.After(a.takes + time.Second/2):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if a.refuses {
		return 0, errRefused
	}
	return a.name, nil
}

// Whatever the agents do: each is asked once, never more at a time than
// allowed, each has its own time, and the results stand in the agents' order.
func TestFanOutKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		timeout := time.Duration(rapid.IntRange(0, 20).Draw(r, "timeout")) * time.Second
		parallel := rapid.IntRange(0, 12).Draw(r, "parallel")
		agents := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) *colleague {
			return &colleague{
				takes:   time.Duration(rapid.IntRange(0, 40).Draw(r, "takes")) * time.Second,
				refuses: rapid.Bool().Draw(r, "refuses"),
			}
		}), 0, 30).Draw(r, "agents")
		for i, a := range agents {
			a.name = i
		}
		var office office
		var got []client.Asked[*colleague, int]
		synctest.Test(t, func(t *testing.T) {
			got = client.FanOut(t.Context(), agents, client.FanOutConfig{Timeout: timeout, Parallel: parallel}, office.ask)
		})
		allowed := int64(parallel)
		if allowed == 0 {
			allowed = client.DefaultParallel
		}
		if len(got) != len(agents) || office.calls.Load() != int64(len(agents)) || office.most.Load() > allowed {
			r.Fatalf("%d results and %d calls for %d agents, %d at once of %d allowed",
				len(got), office.calls.Load(), len(agents), office.most.Load(), allowed)
		}
		for i, a := range agents {
			var want error
			switch {
			case timeout > 0 && a.takes >= timeout:
				want = context.DeadlineExceeded
			case a.refuses:
				want = errRefused
			}
			if got[i].Agent != a || !errors.Is(got[i].Err, want) || want == nil && got[i].Answer != a.name {
				r.Fatalf("result %d is %+v, want of agent %d, error %v", i, got[i], i, want)
			}
		}
	})
}

func TestFanOutAsksNobodyOnceItsContextHasEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var calls int
	got := client.FanOut(ctx, []string{"a", "b", "c"}, client.FanOutConfig{Parallel: 1}, func(context.Context, string) (string, error) {
		calls++
		cancel()
		return "answered", nil
	})
	if calls != 1 || got[0].Err != nil || got[0].Answer != "answered" {
		t.Errorf("%d asked, first %+v", calls, got[0])
	}
	for _, r := range got[1:] {
		if !errors.Is(r.Err, context.Canceled) || r.Agent == "" {
			t.Errorf("got %+v, want an agent that was not asked", r)
		}
	}
}

func TestFanOutOverAgentsGivesPartialResults(t *testing.T) { overBoth(t, testFanOutOverAgents) }

func testFanOutOverAgents(t *testing.T) {
	t.Parallel()
	one, gone, two := newSeller(t), newSeller(t), newSeller(t)
	gone.Close()
	agents := []*client.Client{one.client(t), gone.client(t), two.client(t)}
	got := client.FanOut(t.Context(), agents, client.FanOutConfig{Timeout: time.Minute},
		func(ctx context.Context, c *client.Client) (*adcp.GetProductsResponse, error) {
			return c.GetProducts(ctx, brief())
		})
	if got[0].Err != nil || got[0].Answer == nil || got[2].Err != nil || got[2].Answer == nil {
		t.Errorf("those that are there did not answer: %v, %v", got[0].Err, got[2].Err)
	}
	wantKind(t, got[1].Err, client.Unreachable)
}
