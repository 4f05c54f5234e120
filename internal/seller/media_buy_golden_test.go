package seller_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// orderPair is a request to a seller that takes orders, the steps that come
// before it, and the answer, kept under testdata/<task>/exemplary or, where the
// request is refused, under testdata/<task>/refused. The buyer has an account for
// acme.example and the creatives "spot" (audio_30s) and "clip" (video_15s).
type orderPair struct {
	About string `json:"about"`
	// Caller is the principal; "buyer" where empty, nobody where "anonymous".
	Caller   string          `json:"caller,omitempty"`
	Steps    []step          `json:"steps,omitempty"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response,omitempty"`
}

// step is something that happened before: a call, or time that went by.
type step struct {
	Task    string          `json:"task,omitempty"`
	Request json.RawMessage `json:"request,omitempty"`
	// Until is the instant that the clock is moved to.
	Until time.Time `json:"until,omitzero"`
}

// orderTasks are the tasks whose pairs run here.
var orderTasks = []string{
	"create_media_buy", "update_media_buy", "get_media_buys", "get_media_buy_delivery",
	"sync_creatives", "list_creatives", "sync_accounts", "list_accounts", "get_task_status", "list_tasks",
	"sync_audiences", "sync_event_sources", "log_event", "provide_performance_feedback", "sync_catalogs",
	"get_account_financials", "report_usage", "sync_governance",
}

func TestGoldenPairsOfOrders(t *testing.T) {
	t.Parallel()
	// Every house starts from a copy of one database. Refusals without steps
	// leave nothing behind, so they share a house.
	books := sync.OnceValue(func() []byte { return goldenBooks(t) })
	open := func(t testing.TB) *house {
		cfg := storetest.Config(t, store.SQLite)
		if err := os.WriteFile(cfg.Path, books(), 0o600); err != nil {
			t.Fatal(err)
		}
		return openHouse(t, storetest.OpenConfig(t, cfg))
	}
	shared := sync.OnceValue(func() *house { return open(t) })
	for _, task := range orderTasks {
		files, err := filepath.Glob(filepath.Join("testdata", task, "*", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no pairs for %s: %v", task, err)
		}
		for _, file := range files {
			refused := filepath.Base(filepath.Dir(file)) == "refused"
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
				t.Parallel()
				checkOrderPair(t, task, file, refused, open, shared)
			})
		}
	}
}

// goldenBooks is a database with the buyer's account and creatives.
func goldenBooks(t testing.TB) []byte {
	cfg := storetest.Config(t, store.SQLite)
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, db)
	h.account("buyer", "acme.example")
	h.upload("spot", "audio_30s")
	h.upload("clip", "video_15s")
	if err := errors.Join(h.queue.Stop(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	books, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	return books
}

func checkOrderPair(t *testing.T, task, file string, refused bool, open func(testing.TB) *house, shared func() *house) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := orderPair{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Fatal(err)
	}
	h := shared
	if !refused || len(p.Steps) > 0 {
		h = func() *house { return open(t) }
	}
	got := h().play(t, p, task)
	if refusedBody(t, got) != refused {
		t.Fatalf("answered %s, want a refusal: %v", got, refused)
	}
	if *update {
		p.Response = got
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(p); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(decoded(t, p.Response), decoded(t, got)); diff != "" {
		t.Errorf("answer differs (-want +got):\n%s", diff)
	}
}

// play takes the steps of a pair and sends its request every way.
func (h *house) play(t *testing.T, p orderPair, task string) json.RawMessage {
	caller := p.Caller
	switch caller {
	case "":
		caller = "buyer"
	case "anonymous":
		caller = ""
	}
	var known proposals
	for i, s := range p.Steps {
		if !s.Until.IsZero() {
			h.advance(s.Until)
			continue
		}
		r := h.do(t, "buyer", s.Task, known.named(s.Request))
		if r.Error != nil {
			t.Fatalf("step %d: %v", i, r.Error)
		}
		known.note(r.Body)
	}
	return everyWay(t, &h.shop, caller, task, known.named(p.Request))
}
