package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// twoProducts is a catalogue with a product that is booked at once and one that the
// sales desk signs a second later, with supply for everybody.
const twoProducts = `
seller: {name: Both, description: Radio from two processes., domain: both.example}
standard_formats: [audio_30s]
products:
  - id: plain
    name: Plain
    description: Spots on the radio, booked at once.
    channels: [radio]
    countries: [US]
    delivery: non_guaranteed
    formats: [audio_30s]
    pricing: [{id: cpm_usd, model: cpm, currency: USD, fixed: 10}]
    forecast: {daily_impressions: 100_000_000_000, method: modeled}
    supply: {daily_units: 100_000_000_000}
  - id: signed
    name: Signed
    description: Spots on the radio, signed by a person.
    channels: [radio]
    countries: [US]
    delivery: guaranteed
    approval: manual
    formats: [audio_30s]
    pricing: [{id: cpm_usd, model: cpm, currency: USD, fixed: 10}]
    forecast: {daily_impressions: 100_000_000_000, method: guaranteed}
    supply: {daily_units: 100_000_000_000}
`

// pair is two processes of the program on one database.
type pair struct {
	t         *testing.T
	processes [2]*process
}

type process struct {
	address string
	args    []string
	mu      sync.Mutex
	cmd     *exec.Cmd
	said    bytes.Buffer
}

func startPair(t *testing.T, database string) *pair {
	t.Helper()
	dir := t.TempDir()
	catalogue, config := filepath.Join(dir, "catalogue.yaml"), filepath.Join(dir, "upfront.yaml")
	settings := fmt.Sprintf(`
data: %s
database: %s
public_url: http://127.0.0.1:9
log: {level: warn}
sales: {catalogue: %s, tick: 1s, approval: {after: 1s}}
webhooks: {allow_loopback: true, retry_after: 100ms, retry_at_most: 2s}
rate_limit: {requests: {per_second: 0, burst: 0}, new_reads: {per_second: 0, burst: 0}, new_writes: {per_second: 0, burst: 0}}
principals: [{name: acme, key_env: UPFRONT_KEY_ACME}]
`, filepath.Join(dir, "data"), database, catalogue)
	for path, content := range map[string]string{catalogue: twoProducts, config: settings} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &pair{t: t}
	for i := range p.processes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close() // the process listens there from now on, also when it comes back
		p.processes[i] = &process{address: address, args: []string{"serve", "--config", config, "--addr", address}}
		p.start(p.processes[i])
	}
	t.Cleanup(func() {
		for _, x := range p.processes {
			x.kill()
			if t.Failed() {
				t.Logf("%s said:\n%s", x.address, tail(x.said.String(), 4000))
			}
		}
	})
	return p
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func (p *pair) start(x *process) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cmd = program(context.Background(), x.args...)
	x.cmd.Env = append(x.cmd.Env, "UPFRONT_KEY_ACME="+serveKey)
	x.cmd.Stdout, x.cmd.Stderr = &x.said, &x.said
	if err := x.cmd.Start(); err != nil {
		p.t.Error(err)
	}
}

// kill ends the process with SIGKILL and waits until it is gone.
func (x *process) kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cmd == nil || x.cmd.Process == nil {
		return
	}
	_ = x.cmd.Process.Kill()
	_ = x.cmd.Wait()
	x.cmd = nil
}

// killAtRandom kills one or the other and starts it again: as often as n says, and on
// as long as calls are made.
func (p *pair) killAtRandom(calling, ctx context.Context, n onslaught) (kills int) {
	for calling.Err() == nil || kills < n.kills {
		select {
		case <-time.After(n.killEvery/4 + rand.N(n.killEvery*3/4)):
		case <-ctx.Done():
			return kills
		}
		x := p.processes[rand.N(len(p.processes))]
		x.kill()
		kills++
		p.start(x)
	}
	return kills
}

// shopper calls both processes.
type shopper struct {
	t     *testing.T
	pair  *pair
	inbox string
	again atomic.Int64
}

// open opens the buyer's account, once one of the processes answers.
func (b *shopper) open(ctx context.Context) {
	b.t.Helper()
	if _, err := b.insist(ctx, "sync_accounts", object{
		"idempotency_key": "open-the-account-0001",
		"accounts":        []object{{"brand": object{"domain": "acme.example"}, "operator": "acme.example", "billing": "operator"}},
	}); err != nil {
		b.t.Fatal(err)
	}
}

type object = map[string]any

// request is create_media_buy under a key: always the same for the same key.
func (b *shopper) request(key int) object {
	product := "plain"
	if key%2 == 0 {
		product = "signed"
	}
	return object{
		"idempotency_key": fmt.Sprintf("two-processes-%06d", key),
		"account":         object{"brand": object{"domain": "acme.example"}, "operator": "acme.example"},
		"brand":           object{"domain": "acme.example"},
		"start_time":      "2036-03-05T00:00:00Z", "end_time": "2036-03-15T00:00:00Z",
		"packages": []object{{"product_id": product, "pricing_option_id": "cpm_usd", "budget": 500}},
		"context":  object{"key": key},
		"push_notification_config": object{
			"url": b.inbox + "/hook", "operation_id": operationID(key), "token": "token-of-the-buyer-" + operationID(key),
			"authentication": object{"schemes": []string{"HMAC-SHA256"}, "credentials": inboxSecret},
		},
	}
}

// order makes the calls, twenty at a time, and gives the answers by key.
func (b *shopper) order(ctx context.Context, calls []int) map[int][]answer {
	got := &answers{all: map[int][]answer{}}
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for key := range todo {
				raw, err := b.insist(ctx, "create_media_buy", b.request(key))
				var a answer
				if err == nil {
					a, err = readAnswer(raw)
				}
				if err != nil {
					b.t.Errorf("key %d: %v", key, err)
					continue
				}
				got.add(key, a)
			}
		})
	}
	for _, key := range calls {
		todo <- key
	}
	close(todo)
	wg.Wait()
	return got.all
}

// errAgain says that a call may be made again under its key.
var errAgain = errors.New("to be sent again")

// insist calls one of the processes at random until there is an answer.
func (b *shopper) insist(ctx context.Context, task string, arguments object) (json.RawMessage, error) {
	for {
		raw, err := b.call(ctx, b.pair.processes[rand.N(len(b.pair.processes))].address, task, arguments)
		if !errors.Is(err, errAgain) {
			return raw, err
		}
		b.again.Add(1)
		select {
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

func (b *shopper) call(ctx context.Context, address, task string, arguments object) (json.RawMessage, error) {
	message, err := json.Marshal(object{
		"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": object{"name": task, "arguments": arguments},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/sales/mcp", bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+serveKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAgain, err)
	}
	defer resp.Body.Close()
	var out struct {
		Result struct {
			Answer json.RawMessage `json:"structuredContent"`
		} `json:"result"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%w: HTTP %d: %w", errAgain, resp.StatusCode, err)
	}
	var refused struct {
		Error struct {
			Code, Message, Recovery string
		} `json:"adcp_error"`
	}
	if err := json.Unmarshal(out.Result.Answer, &refused); err != nil {
		return nil, err
	}
	switch {
	case refused.Error.Code == "":
		return out.Result.Answer, nil
	case refused.Error.Recovery == "transient":
		return nil, fmt.Errorf("%w: %s", errAgain, refused.Error.Code)
	}
	return nil, fmt.Errorf("refused: %+v", refused.Error)
}

const inboxSecret = "the-buyers-secret-for-hmac-0123456789"

// inbox is the buyer's receiver of webhooks, which fails half the time: before it has
// looked, or after it has handled the webhook and before the sender hears of it.
type inbox struct {
	*httptest.Server
	came, failed atomic.Int64
	mu           sync.Mutex
	byOperation  map[string][]told
}

type told struct{ TaskID, MediaBuyID string }

func openInbox(t *testing.T) *inbox {
	t.Helper()
	hmac, err := signing.NewHMAC(signing.SharedSecretConfig{Secret: inboxSecret, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	m := &inbox{byOperation: map[string][]told{}}
	receiver, err := client.NewReceiver(client.ReceiverConfig{
		Registration: func(context.Context, *http.Request) (*client.Registration, error) {
			return &client.Registration{Sender: "both", HMAC: hmac}, nil
		},
		Handle: m.handle,
		Seen:   storetest.Open(t, store.PostgreSQL).Seen(store.SeenConfig{Tenant: "buyer"}),
		Refused: func(_ *http.Request, err error) {
			t.Errorf("a webhook was refused: %v", err)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.came.Add(1)
		switch rand.N(4) {
		case 0:
			m.failed.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			http.Error(w, "not now", http.StatusServiceUnavailable)
		case 1:
			m.failed.Add(1)
			receiver.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "lost", http.StatusBadGateway)
		default:
			receiver.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *inbox) handle(_ context.Context, d client.Delivery) error {
	if want := "token-of-the-buyer-" + d.Payload.OperationID; d.Payload.Token == nil || *d.Payload.Token != want {
		return errors.New("the token is wrong")
	}
	a, err := readAnswer(d.Payload.Result)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	op := d.Payload.OperationID
	m.byOperation[op] = append(m.byOperation[op], told{d.Payload.TaskID, a.MediaBuyID})
	return nil
}

func (m *inbox) told(operation string) []told {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byOperation[operation]
}

func (m *inbox) handled() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range m.byOperation {
		n += len(list)
	}
	return n
}
