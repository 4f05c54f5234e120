package a2a_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp/a2a"
)

var (
	acme  = a2a.Owner{Tenant: "pub", Principal: "acme"}
	other = a2a.Owner{Tenant: "pub", Principal: "other"}
)

func TestMemoryTasks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	put := func(t *testing.T, m *a2a.MemoryTasks, owner a2a.Owner, id string, size int) {
		t.Helper()
		if err := m.Put(ctx, a2a.Task{ID: id, Owner: owner, Body: []byte(strings.Repeat("x", size))}); err != nil {
			t.Fatal(err)
		}
	}
	has := func(m *a2a.MemoryTasks, owner a2a.Owner, id string) bool {
		task, err := m.Get(ctx, owner, id)
		return err == nil && task.ID == id
	}
	t.Run("Somebody else's does not exist", func(t *testing.T) {
		t.Parallel()
		m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{})
		put(t, m, acme, "a", 1)
		_, theirs := m.Get(ctx, other, "a")
		_, none := m.Get(ctx, other, "b")
		_, elsewhere := m.Get(ctx, a2a.Owner{Tenant: "x", Principal: "acme"}, "a")
		if !has(m, acme, "a") || !errors.Is(theirs, a2a.ErrNoTask) || theirs.Error() != none.Error() || elsewhere.Error() != none.Error() {
			t.Errorf("got %v, %v, %v", theirs, none, elsewhere)
		}
	})
	t.Run("An identifier is taken once", func(t *testing.T) {
		t.Parallel()
		m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{})
		put(t, m, acme, "a", 1)
		if m.Put(ctx, a2a.Task{ID: "a", Owner: other}) == nil {
			t.Error("taken over")
		}
	})
	t.Run("A principal's oldest make room for its newest alone", func(t *testing.T) {
		t.Parallel()
		m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{PerOwner: 2})
		put(t, m, other, "o", 1)
		for _, id := range []string{"a", "b", "c"} {
			put(t, m, acme, id, 1)
		}
		if has(m, acme, "a") || !has(m, acme, "b") || !has(m, acme, "c") || !has(m, other, "o") {
			t.Error("forgotten the wrong one")
		}
	})
	t.Run("The oldest of all make room when bytes run out", func(t *testing.T) {
		t.Parallel()
		m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{Bytes: 4000})
		put(t, m, other, "o", 1000)
		put(t, m, acme, "a", 1000)
		put(t, m, acme, "b", 1000)
		if has(m, other, "o") || !has(m, acme, "a") || !has(m, acme, "b") {
			t.Error("forgotten the wrong one")
		}
		put(t, m, acme, "huge", 5000)
		if has(m, acme, "huge") || !has(m, acme, "b") {
			t.Error("an answer above the limit pushed out the others")
		}
	})
}

// TestMemoryTasksStayWithinBounds plays any order of puts.
func TestMemoryTasksStayWithinBounds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		const perOwner, limit = 3, 5000
		m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{PerOwner: perOwner, Bytes: limit})
		puts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) a2a.Task {
			return a2a.Task{
				Owner: a2a.Owner{Principal: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "owner")},
				Body:  make([]byte, rapid.IntRange(0, 2000).Draw(t, "size")),
			}
		})).Draw(t, "puts")
		newest := map[a2a.Owner]string{}
		for i, task := range puts {
			task.ID = fmt.Sprint(i)
			newest[task.Owner] = task.ID
			if err := m.Put(ctx, task); err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, name := range []string{"a", "b", "c"} {
				owner := a2a.Owner{Principal: name}
				tasks, _ := m.List(ctx, owner)
				if len(tasks) > perOwner {
					t.Fatalf("%d tasks of %s", len(tasks), name)
				}
				for j, kept := range tasks {
					total += len(kept.Body)
					if j == 0 && kept.ID != newest[owner] {
						t.Fatalf("%s is the newest of %s, want %s", kept.ID, name, newest[owner])
					}
					if got, err := m.Get(ctx, owner, kept.ID); err != nil || got.ID != kept.ID {
						t.Fatalf("listed and not found: %v", err)
					}
				}
			}
			if total > limit {
				t.Fatalf("%d bytes", total)
			}
		}
	})
}

func TestMemoryTasksFromManySides(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	m := a2a.NewMemoryTasks(a2a.MemoryTasksConfig{PerOwner: 10})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			owner := a2a.Owner{Principal: fmt.Sprint(i % 2)}
			for j := range 100 {
				id := fmt.Sprintf("%d-%d", i, j)
				_ = m.Put(ctx, a2a.Task{ID: id, Owner: owner})
				_, _ = m.Get(ctx, owner, id)
				_, _ = m.List(ctx, owner)
			}
		})
	}
	wg.Wait()
	if tasks, _ := m.List(ctx, a2a.Owner{Principal: "0"}); len(tasks) != 10 {
		t.Errorf("%d tasks", len(tasks))
	}
}

// brokenTasks is a store that is down.
type brokenTasks struct{}

func (brokenTasks) Put(context.Context, a2a.Task) error { return errors.New("disk full") }
func (brokenTasks) Get(context.Context, a2a.Owner, string) (a2a.Task, error) {
	return a2a.Task{}, errors.New("disk gone")
}

func (brokenTasks) List(context.Context, a2a.Owner) ([]a2a.Task, error) {
	return nil, errors.New("disk gone")
}

func TestAStoreThatIsDownDoesNotStopCalls(t *testing.T) {
	t.Parallel()
	s := serve(t, a2a.Options{Tasks: brokenTasks{}})
	_, body := post(t, s, say(a2a.Release10, "create_media_buy", booking), "Authorization", "Bearer acme-key")
	if !strings.Contains(body, "mb_1") {
		t.Errorf("got %s", body)
	}
	for _, ask := range []string{`"method":"GetTask","params":{"id":"id-2"}`, `"method":"ListTasks","params":{}`} {
		_, body := post(t, s, `{"jsonrpc":"2.0","id":1,`+ask+`}`, "Authorization", "Bearer acme-key")
		if !strings.Contains(body, "-32603") || strings.Contains(body, "disk") {
			t.Errorf("got %s", body)
		}
	}
}
