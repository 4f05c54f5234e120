// Package tasktest is the suite that every [agent.TaskStore] has to pass.
package tasktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func task(id string) *agent.Task {
	return &agent.Task{
		Tenant: "pub", ID: id, Principal: "acme", AccountID: "acct_1", Type: "create_media_buy",
		Status: adcp.TaskStatusSubmitted, Message: "A person signs.", Context: json.RawMessage(`{"mine":1.50}`),
		CreatedAt: noon, UpdatedAt: noon, Revision: 1,
	}
}

// Run runs the suite. Handles are two or more [agent.TaskStore] on one new memory,
// as several processes have them; a store of one process gives itself twice.
func Run(t *testing.T, open func(t *testing.T) (handles [2]agent.TaskStore)) {
	ctx := context.Background()
	t.Run("a task comes back as it was given, through the other handle", func(t *testing.T) {
		h := open(t)
		want := task("task_1")
		if err := h[0].Create(ctx, want, nil); err != nil {
			t.Fatal(err)
		}
		want.Status, want.Message, want.Revision = adcp.TaskStatusInputRequired, "Which?", 2
		want.History = []agent.TaskExchange{{At: noon, Data: json.RawMessage(`{"message":"Which?"}`)}}
		want.Progress = &adcp.GetTaskStatusResponseProgress{Percentage: new(adcp.Decimal("12.5"))}
		want.UpdatedAt = noon.Add(time.Minute)
		if err := h[1].Update(ctx, want, nil); err != nil {
			t.Fatal(err)
		}
		check(ctx, t, h[0], want)
		want.Status, want.Message, want.Progress, want.Revision = adcp.TaskStatusFailed, "", nil, 3
		want.Error = adcp.NewError(adcp.CodePolicyViolation, "packages[0]", "Not here.").WithSuggestion("Elsewhere.")
		want.CompletedAt = noon.Add(time.Hour)
		if err := h[0].Update(ctx, want, nil); err != nil {
			t.Fatal(err)
		}
		check(ctx, t, h[1], want)
		done := task("task_2")
		done.Status, done.Result, done.HasWebhook = adcp.TaskStatusCompleted, json.RawMessage(`{"media_buy_id":"mb_1","budget":1.10}`), true
		if err := h[0].Create(ctx, done, nil); err != nil {
			t.Fatal(err)
		}
		check(ctx, t, h[1], done)
	})
	t.Run("what is given out is a copy", func(t *testing.T) {
		h := open(t)
		mine := task("task_1")
		if err := h[0].Create(ctx, mine, nil); err != nil {
			t.Fatal(err)
		}
		mine.Message = "changed"
		got, err := h[0].Task(ctx, "pub", "task_1")
		if err != nil {
			t.Fatal(err)
		}
		got.Message, got.History = "changed", append(got.History, agent.TaskExchange{})
		check(ctx, t, h[0], task("task_1"))
	})
	t.Run("an identifier is taken once", func(t *testing.T) {
		h := open(t)
		if err := h[0].Create(ctx, task("task_1"), nil); err != nil {
			t.Fatal(err)
		}
		told := false
		err := h[1].Create(ctx, task("task_1"), func(context.Context) error { told = true; return nil })
		if !errors.Is(err, agent.ErrTaskExists) || told {
			t.Errorf("told %v, %v", told, err)
		}
		other := task("task_1")
		other.Tenant = "elsewhere"
		if err := h[1].Create(ctx, other, nil); err != nil {
			t.Errorf("another tenant's: %v", err)
		}
	})
	t.Run("there is no such task", func(t *testing.T) {
		h := open(t)
		if _, err := h[0].Task(ctx, "pub", "task_1"); !errors.Is(err, agent.ErrNoTask) {
			t.Error(err)
		}
		if err := h[0].Create(ctx, task("task_1"), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := h[0].Task(ctx, "elsewhere", "task_1"); !errors.Is(err, agent.ErrNoTask) {
			t.Errorf("another tenant's: %v", err)
		}
	})
	t.Run("a change of what has changed since is refused", func(t *testing.T) {
		h := open(t)
		if err := h[0].Create(ctx, task("task_1"), nil); err != nil {
			t.Fatal(err)
		}
		next := task("task_1")
		next.Revision = 2
		if err := h[0].Update(ctx, next, nil); err != nil {
			t.Fatal(err)
		}
		told := false
		err := h[1].Update(ctx, next, func(context.Context) error { told = true; return nil })
		if !errors.Is(err, agent.ErrTaskChanged) || told {
			t.Errorf("told %v, %v", told, err)
		}
	})
	t.Run("what cannot be told does not happen", func(t *testing.T) {
		h := open(t)
		broken := errors.New("broken")
		fail := func(context.Context) error { return broken }
		if err := h[0].Create(ctx, task("task_1"), fail); !errors.Is(err, broken) {
			t.Error(err)
		}
		if _, err := h[1].Task(ctx, "pub", "task_1"); !errors.Is(err, agent.ErrNoTask) {
			t.Errorf("it is there: %v", err)
		}
		if err := h[0].Create(ctx, task("task_1"), nil); err != nil {
			t.Fatal(err)
		}
		next := task("task_1")
		next.Revision, next.Message = 2, "changed"
		if err := h[0].Update(ctx, next, fail); !errors.Is(err, broken) {
			t.Error(err)
		}
		check(ctx, t, h[1], task("task_1"))
	})
	t.Run("a principal's tasks are listed oldest first, and nobody else's", func(t *testing.T) {
		h := open(t)
		for i, id := range []string{"task_c", "task_a", "task_b"} {
			one := task(id)
			one.CreatedAt = noon.Add(time.Duration(i) * time.Second)
			if err := h[i%2].Create(ctx, one, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, change := range []func(*agent.Task){func(t *agent.Task) { t.Principal = "nova" }, func(t *agent.Task) { t.Tenant = "elsewhere" }} {
			other := task("task_d")
			change(other)
			if err := h[0].Create(ctx, other, nil); err != nil {
				t.Fatal(err)
			}
		}
		list, err := h[1].Tasks(ctx, "pub", "acme")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, one := range list {
			ids = append(ids, one.ID)
		}
		if diff := cmp.Diff([]string{"task_c", "task_a", "task_b"}, ids); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("of changes at once exactly one is made to a revision", func(t *testing.T) {
		h := open(t)
		engines := [2]*agent.Tasks{}
		for i := range engines {
			engines[i] = agent.NewTasks(agent.TasksConfig{Clock: clock{}, Store: h[i]})
		}
		if err := h[0].Create(ctx, task("task_1"), nil); err != nil {
			t.Fatal(err)
		}
		const each = 10
		var group sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for i := range engines {
			group.Go(func() {
				for n := range each {
					err := engines[i].Work(ctx, "pub", "task_1", fmt.Sprint(n), nil)
					if err != nil && !errors.Is(err, agent.ErrTaskChanged) {
						t.Error(err)
					}
					if err == nil {
						mu.Lock()
						made++
						mu.Unlock()
					}
				}
			})
		}
		group.Wait()
		got, err := h[0].Task(ctx, "pub", "task_1")
		if err != nil || made == 0 || got.Revision != int64(made)+1 {
			t.Errorf("%d changes were made, the task is %+v, %v", made, got, err)
		}
	})
}

type clock struct{}

// Now implements agent.Clock.
func (clock) Now() time.Time { return noon }

func check(ctx context.Context, t *testing.T, s agent.TaskStore, want *agent.Task) {
	t.Helper()
	got, err := s.Task(ctx, want.Tenant, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
