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

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// peer is a server with the given cards by path. It answers any call with the
// headers that came with it, and notes what it was asked.
type peer struct {
	*httptest.Server
	call func(w http.ResponseWriter, method string, id json.RawMessage) bool

	mu    sync.Mutex
	asked []string
}

func newPeer(t *testing.T, cards map[string]string) *peer {
	t.Helper()
	p := new(peer)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var msg struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.Unmarshal(b, &msg)
		p.mu.Lock()
		p.asked = append(p.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+msg.Method))
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			card, ok := cards[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, strings.ReplaceAll(card, "$HERE", "http://"+r.Host))
			return
		}
		if p.call != nil && p.call(w, msg.Method, msg.ID) {
			return
		}
		said, _ := json.Marshal(map[string]string{
			"version": r.Header.Get("A2A-Version"), "extensions": r.Header.Get("A2A-Extensions"), "credential": r.Header.Get("Authorization"),
		})
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"id":"t","contextId":"c","status":{"state":"completed"},"artifacts":[{"parts":[{"data":%s}]}]}}`, msg.ID, said)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

const (
	iface10 = `{"url":"$HERE/a2a","protocolBinding":"JSONRPC","protocolVersion":"1.0"}`
	iface03 = `{"url":"$HERE/old","protocolBinding":"JSONRPC","protocolVersion":"0.3"}`
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	interfaces := func(list string) string { return `{"supportedInterfaces":[` + list + `]}` }
	const here, root = "/agent/.well-known/agent-card.json", "/.well-known/agent-card.json"
	for name, tt := range map[string]struct {
		cards map[string]string
		path  string // of the configured address
		pin   string
		asked []string
		fails a2a.Reason
	}{
		"The newest release of the card": {
			cards: map[string]string{here: interfaces(iface03 + "," + iface10)}, path: "/agent",
			asked: []string{"GET " + here, "POST /a2a SendMessage"},
		},
		"The only release of the card": {
			cards: map[string]string{here: interfaces(iface03)}, path: "/agent/",
			asked: []string{"GET " + here, "POST /old message/send"},
		},
		"A card of 0.3": {
			cards: map[string]string{here: `{"url":"$HERE/old","protocolVersion":"0.3.0","preferredTransport":"JSONRPC"}`}, path: "/agent",
			asked: []string{"GET " + here, "POST /old message/send"},
		},
		"A card of earlier times": {
			cards: map[string]string{here: `{"url":"$HERE/old","protocolVersion":"0.2.6"}`}, path: "/agent",
			asked: []string{"GET " + here, "POST /old message/send"},
		},
		"The card's own address": {
			cards: map[string]string{here: interfaces(iface10)}, path: here,
			asked: []string{"GET " + here, "POST /a2a SendMessage"},
		},
		"A relative address": {
			cards: map[string]string{here: interfaces(strings.ReplaceAll(iface10, "$HERE", ""))}, path: "/agent",
			asked: []string{"GET " + here, "POST /a2a SendMessage"},
		},
		"The host's card, for an address without a path": {
			cards: map[string]string{root: interfaces(iface10)}, path: "",
			asked: []string{"GET " + root, "POST /a2a SendMessage"},
		},
		"The host's card says the release, the address stays ours": {
			cards: map[string]string{root: interfaces(iface03)}, path: "/agent",
			asked: []string{"GET " + here, "GET " + root, "POST /agent message/send"},
		},
		"A credential stays with its host": {
			cards: map[string]string{here: interfaces(strings.ReplaceAll(iface10, "$HERE", "https://evil.example"))}, path: "/agent",
			asked: []string{"GET " + here, "POST /agent SendMessage"},
		},
		"And with its port": {
			cards: map[string]string{here: interfaces(strings.ReplaceAll(iface10, "$HERE", "http://127.0.0.1:1"))}, path: "/agent",
			asked: []string{"GET " + here, "POST /agent SendMessage"},
		},
		"No card":                     {path: "/agent", asked: []string{"GET " + here, "GET " + root, "POST /agent SendMessage"}},
		"A pinned release, no card":   {path: "/agent", pin: a2a.Release03, asked: []string{"POST /agent message/send"}},
		"A card without an interface": {cards: map[string]string{here: `{}`}, path: "/agent", asked: []string{"GET " + here}, fails: a2a.ReasonMalformed},
		"A card for gRPC alone":       {cards: map[string]string{here: interfaces(strings.ReplaceAll(iface10, "JSONRPC", "GRPC"))}, path: "/agent", asked: []string{"GET " + here}, fails: a2a.ReasonMalformed},
		"A card of the future":        {cards: map[string]string{here: interfaces(strings.ReplaceAll(iface10, "1.0", "2.0"))}, path: "/agent", asked: []string{"GET " + here}, fails: a2a.ReasonMalformed},
		"A card that is none":         {cards: map[string]string{here: `"card"`}, path: "/agent", asked: []string{"GET " + here}, fails: a2a.ReasonMalformed},
		"A huge card":                 {cards: map[string]string{here: strings.Repeat(" ", 1<<16)}, path: "/agent", asked: []string{"GET " + here}, fails: a2a.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, tt.cards)
			c := a2a.Dial(a2a.DialConfig{URL: p.URL + tt.path, Token: "key", Release: tt.pin, MaxAnswer: 1 << 14})
			defer c.Close()
			answer, err := c.Call(context.Background(), "get_products", nil)
			want := tt.asked
			if tt.fails != "" {
				var f *a2a.Failure
				if !errors.As(err, &f) || f.Reason != tt.fails {
					t.Fatalf("got %v, want %s", err, tt.fails)
				}
			} else {
				if err != nil || !strings.Contains(string(answer.Body), `"credential":"Bearer key"`) {
					t.Fatalf("got %s, %v", answer.Body, err)
				}
				if _, err := c.Call(context.Background(), "get_products", nil); err != nil {
					t.Fatal(err)
				}
				want = append(want, want[len(want)-1]) // the second call reads no card
			}
			if diff := cmp.Diff(want, p.heard()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAgentWithoutACardThatKnowsOnlyTheOldRelease(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil)
	p.call = func(w http.ResponseWriter, method string, id json.RawMessage) bool {
		if method == "message/send" {
			return false
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}`, id)
		return true
	}
	c := a2a.Dial(a2a.DialConfig{URL: p.URL})
	for range 2 {
		if _, err := c.Call(context.Background(), "get_products", nil); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /.well-known/agent-card.json", "POST / SendMessage", "POST / message/send", "POST / message/send"}
	got := p.heard()
	for i := range got {
		got[i] = strings.Replace(got[i], "POST  ", "POST / ", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestAnAgentThatHasMovedIsLookedForAgain(t *testing.T) {
	t.Parallel()
	var moved sync.Map
	p := newPeer(t, map[string]string{"/.well-known/agent-card.json": `{"supportedInterfaces":[` + iface10 + `]}`})
	p.call = func(w http.ResponseWriter, _ string, _ json.RawMessage) bool {
		if _, yes := moved.Load("now"); yes {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		return false
	}
	c := a2a.Dial(a2a.DialConfig{URL: p.URL})
	call := func() error {
		_, err := c.Call(context.Background(), "get_products", nil)
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	moved.Store("now", true)
	var f *a2a.Failure
	if err := call(); !errors.As(err, &f) || f.HTTPStatus != http.StatusNotFound {
		t.Fatalf("got %v", err)
	}
	moved.Delete("now")
	if err := call(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /.well-known/agent-card.json", "POST /a2a SendMessage", "POST /a2a SendMessage",
		"GET /.well-known/agent-card.json", "POST /a2a SendMessage",
	}
	if diff := cmp.Diff(want, p.heard()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTheProfileIsActivatedWhereTheCardListsIt(t *testing.T) {
	t.Parallel()
	const profile = "https://adcontextprotocol.org/extensions/adcp/v3"
	for name, tt := range map[string]struct{ card, want string }{
		"Listed":       {`{"supportedInterfaces":[` + iface10 + `],"capabilities":{"extensions":[{"uri":"` + profile + `","required":true}]}}`, profile},
		"Not listed":   {`{"supportedInterfaces":[` + iface10 + `]}`, ""},
		"Only for 0.3": {`{"supportedInterfaces":[` + iface03 + `],"capabilities":{"extensions":[{"uri":"` + profile + `"}]}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, map[string]string{"/.well-known/agent-card.json": tt.card})
			answer, err := a2a.Dial(a2a.DialConfig{URL: p.URL}).Call(context.Background(), "get_products", nil)
			if err != nil || !strings.Contains(string(answer.Body), `"extensions":"`+tt.want+`"`) {
				t.Errorf("got %s, %v", answer.Body, err)
			}
		})
	}
}

func TestCallersShareOneLook(t *testing.T) {
	t.Parallel()
	p := newPeer(t, map[string]string{"/.well-known/agent-card.json": `{"supportedInterfaces":[` + iface10 + `]}`})
	c := a2a.Dial(a2a.DialConfig{URL: p.URL})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := c.Call(context.Background(), "get_products", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(p.heard()); got != 11 {
		t.Errorf("asked %d times, want 11", got)
	}
}

func TestACallThatIsGivenUpWhileTheCardIsRead(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	_, err := a2a.Dial(a2a.DialConfig{URL: s.URL}).Call(ctx, "get_products", nil)
	var f *a2a.Failure
	if !errors.As(err, &f) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNoAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "/a2a", "://", "http://"} {
		_, err := a2a.Dial(a2a.DialConfig{URL: address}).Call(context.Background(), "get_products", nil)
		var f *a2a.Failure
		if !errors.As(err, &f) || !strings.Contains(f.Error(), "not a URL") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
