package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// onslaught is how much the two processes are made to bear.
type onslaught struct {
	keys, calls, kills int
	// killEvery is the longest that both processes live between two kills.
	killEvery time.Duration
	patience  time.Duration
}

// size is the short form, unless UPFRONT_TEST_PROCESSES=full asks for the whole.
func size() onslaught {
	if os.Getenv("UPFRONT_TEST_PROCESSES") == "full" {
		return onslaught{keys: 1000, calls: 10_000, kills: 20, killEvery: 5 * time.Second, patience: 15 * time.Minute}
	}
	return onslaught{keys: 100, calls: 1000, kills: 5, killEvery: 2 * time.Second, patience: 2 * time.Minute}
}

// TestTwoProcessesAreKilledAndNothingIsLostOrDoubled sends create_media_buy to two
// processes of the program on one PostgreSQL, each key many times and to both, while
// one or the other is killed with SIGKILL and started again, and the buyer's receiver
// of webhooks fails half the time. Afterwards there is one media buy for each key, what
// was answered "submitted" was told by webhook and handled once, and nothing is left
// half done.
func TestTwoProcessesAreKilledAndNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the program twice and kills it, which takes about half a minute")
	}
	n := size()
	cfg := storetest.Config(t, store.PostgreSQL)
	ctx, cancel := context.WithTimeout(t.Context(), n.patience)
	defer cancel()
	mailbox := openInbox(t)
	pair := startPair(t, cfg.URL)
	b := &shopper{t: t, pair: pair, inbox: mailbox.URL}
	b.open(ctx)

	calls := make([]int, n.calls)
	for i := range calls {
		calls[i] = i % n.keys
	}
	rand.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	began := time.Now()
	calling, done := context.WithCancel(ctx)
	killed := make(chan int, 1)
	go func() { killed <- pair.killAtRandom(calling, ctx, n) }()
	answers := b.order(ctx, calls)
	took := time.Since(began)
	done()
	kills := <-killed
	t.Logf("%d calls with %d keys in %.1f s, %.0f a second, with %d kills and %d calls sent again",
		n.calls, n.keys, took.Seconds(), float64(n.calls)/took.Seconds(), kills, b.again.Load())

	books := openBooks(ctx, t, cfg.URL)
	books.settle(ctx)
	t.Logf("nothing is in flight %.1f s after the first call; %d webhooks were sent, %d failed, %d handled",
		time.Since(began).Seconds(), mailbox.came.Load(), mailbox.failed.Load(), mailbox.handled())
	check(ctx, t, n, answers, books, mailbox)
}

// check compares what was answered, what is in the books, and what was told.
func check(ctx context.Context, t *testing.T, n onslaught, answers map[int][]answer, books *books, inbox *inbox) {
	t.Helper()
	buys := books.column(ctx, "SELECT media_buy_id FROM media_buys")
	orders := books.column(ctx, "SELECT order_id FROM adserver_orders WHERE NOT canceled")
	if len(buys) != n.keys {
		t.Errorf("there are %d media buys for %d keys", len(buys), n.keys)
	}
	slices.Sort(buys)
	slices.Sort(orders)
	if !slices.Equal(buys, orders) {
		t.Errorf("the ad server holds %d orders, which are not the %d media buys", len(orders), len(buys))
	}
	submitted := 0
	for key := range n.keys {
		list := answers[key]
		if len(list) == 0 {
			t.Errorf("key %d: no answer", key)
			continue
		}
		for _, a := range list[1:] {
			if a != list[0] {
				t.Errorf("key %d was answered %+v, and %+v", key, list[0], a)
			}
		}
		told := inbox.told(operationID(key))
		bought := list[0].MediaBuyID
		switch {
		case list[0].Status == "submitted":
			submitted++
			if len(told) != 1 || told[0].TaskID != list[0].TaskID {
				t.Errorf("key %d was answered with task %s and told %d times: %+v", key, list[0].TaskID, len(told), told)
				continue
			}
			bought = told[0].MediaBuyID
		case len(told) > 1 || len(told) == 1 && told[0].MediaBuyID != bought:
			// Once is right where a process died before the buyer had its answer:
			// who cannot know whether it did tells it.
			t.Errorf("key %d was answered %+v and told %+v", key, list[0], told)
		}
		if _, ok := slices.BinarySearch(buys, bought); !ok {
			t.Errorf("key %d bought %q, which is not in the books", key, bought)
		}
	}
	if submitted < n.keys/3 {
		t.Errorf("%d of %d keys were answered submitted; half of them ask for what a person signs", submitted, n.keys)
	}
	if dead := books.column(ctx, "SELECT event_id FROM webhook_notifications WHERE status = 'dead'"); len(dead) > 0 {
		t.Errorf("%d webhooks were given up", len(dead))
	}
	if kept := books.column(ctx, "SELECT registration_id FROM webhook_registrations"); len(kept) > 0 {
		t.Errorf("the secrets of %d registrations are kept, which nobody needs", len(kept))
	}
	for _, secret := range []string{inboxSecret} {
		if found := books.mentions(ctx, secret); len(found) > 0 {
			t.Errorf("the receiver's secret is in the clear in %v", found)
		}
	}
}

// books is the database behind both processes.
type books struct {
	t    *testing.T
	conn *pgx.Conn
}

func openBooks(ctx context.Context, t *testing.T, url string) *books {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &books{t, conn}
}

func (b *books) column(ctx context.Context, query string, args ...any) []string {
	b.t.Helper()
	rows, err := b.conn.Query(ctx, query, args...)
	if err != nil {
		b.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// inFlight is what must come to an end by itself: claims on idempotency keys, tasks,
// letters, and jobs but those that come again and again.
var inFlight = map[string]string{
	"idempotency keys": "SELECT key FROM idempotency_records WHERE NOT finished",
	"tasks":            "SELECT task_id FROM seller_tasks WHERE status NOT IN ('completed', 'failed', 'rejected', 'canceled')",
	"letters":          "SELECT event_id FROM webhook_notifications WHERE status = 'pending'",
	"jobs": "SELECT kind || ' ' || state::text FROM river_job WHERE kind IN ('seller_traffic', 'webhook_lane')" +
		" AND state NOT IN ('completed', 'cancelled', 'discarded')",
	"jobs given up": "SELECT kind || ' ' || COALESCE(errors[1]::text, '') FROM river_job WHERE state IN ('cancelled', 'discarded')",
	"held buys":     "SELECT media_buy_id FROM media_buys WHERE pending_task <> ''",
}

// settle waits until nothing is in flight.
func (b *books) settle(ctx context.Context) {
	b.t.Helper()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		var left []string
		for what, query := range inFlight {
			if list := b.column(context.WithoutCancel(ctx), query); len(list) > 0 {
				left = append(left, fmt.Sprintf("%d %s, such as %s", len(list), what, list[0]))
			}
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			b.t.Fatalf("still in flight: %s", strings.Join(left, "; "))
		}
	}
}

// mentions are the text columns that hold a text anywhere.
func (b *books) mentions(ctx context.Context, text string) []string {
	b.t.Helper()
	columns := b.column(ctx, `SELECT format('SELECT %L FROM %I WHERE %I::text LIKE %L LIMIT 1', table_name || '.' || column_name, table_name, column_name, '%' || $1::text || '%')
		FROM information_schema.columns WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'json', 'character varying')`, text)
	var found []string
	for _, query := range columns {
		found = append(found, b.column(ctx, query)...)
	}
	return found
}

// answer is what of an answer must be the same each time.
type answer struct{ Status, TaskID, MediaBuyID string }

func readAnswer(raw json.RawMessage) (a answer, err error) {
	var fields struct {
		Status     string `json:"status"`
		TaskID     string `json:"task_id"`
		MediaBuyID string `json:"media_buy_id"`
	}
	err = json.Unmarshal(raw, &fields)
	return answer(fields), err
}

func operationID(key int) string { return fmt.Sprintf("op_%d", key) }

// answers collects by key.
type answers struct {
	mu  sync.Mutex
	all map[int][]answer
}

func (a *answers) add(key int, got answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[key] = append(a.all[key], got)
}
