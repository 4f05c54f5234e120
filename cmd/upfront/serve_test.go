package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const serveKey = "a-key-of-more-than-twenty-characters"

// lines collects what a program says and hands out what matches a pattern.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	want  *regexp.Regexp
	found chan string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if m := l.want.FindStringSubmatch(l.text.String()); m != nil {
		select {
		case l.found <- m[1]:
		default:
		}
	}
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serving starts `upfront serve` with the example configuration on a free port
// and stops it gracefully when the test ends.
func serving(t *testing.T, args ...string) (address string, said *lines) {
	t.Helper()
	said = &lines{want: regexp.MustCompile(`at (http://\S+)/sales/mcp`), found: make(chan string, 1)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, console{In: strings.NewReader(""), Out: io.Discard, Err: said, Getenv: func(name string) string {
			return map[string]string{"UPFRONT_KEY_ACME": serveKey}[name]
		}}, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, args...))
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("serve ended with code %d: %s", code, said)
		}
	})
	select {
	case address = <-said.found:
	case code := <-ended:
		ended <- code
		t.Fatalf("serve ended with code %d: %s", code, said)
	}
	return address, said
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestServe(t *testing.T) {
	t.Parallel()
	address, said := serving(t, "--config", "../../examples/upfront.yaml")

	t.Run("health", func(t *testing.T) {
		if code, body := get(t, address+"/healthz"); code != http.StatusOK || !strings.Contains(body, `"status":"ok"`) {
			t.Errorf("%d %s", code, body)
		}
	})
	t.Run("a bare tools/call is answered", func(t *testing.T) {
		response, err := http.Post(address+"/sales/mcp", "application/json", strings.NewReader(bareCall))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer struct {
			Result struct {
				StructuredContent struct {
					Status   string `json:"status"`
					Products []struct {
						ProductID      string            `json:"product_id"`
						PricingOptions []json.RawMessage `json:"pricing_options"`
					} `json:"products"`
				} `json:"structuredContent"`
			} `json:"result"`
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		content := answer.Result.StructuredContent
		if content.Status != "completed" || len(content.Products) == 0 {
			t.Fatalf("got %+v", answer)
		}
		for _, p := range content.Products {
			for _, o := range p.PricingOptions {
				if bytes.Contains(o, []byte("price")) && !bytes.Contains(o, []byte("pricing_option_id")) {
					t.Errorf("%s shows a price to a stranger: %s", p.ProductID, o)
				}
			}
		}
	})
	t.Run("call with a key sees prices", func(t *testing.T) {
		got := inProcess(t, "", "call", "--token", serveKey, address+"/sales/mcp", "get_products", `{"buying_mode":"wholesale"}`)
		if got.code != exitOK || !strings.Contains(got.out, `"fixed_price"`) {
			t.Errorf("code %d, %s, %.300s", got.code, got.err, got.out)
		}
	})
	t.Run("call without a key sees none", func(t *testing.T) {
		got := inProcess(t, "", "call", address+"/sales/mcp", "get_products", `{"buying_mode":"wholesale"}`)
		if got.code != exitOK || strings.Contains(got.out, `"fixed_price"`) || strings.Contains(got.out, `"floor_price"`) {
			t.Errorf("code %d, %s, %.300s", got.code, got.err, got.out)
		}
	})
	t.Run("call reads a request from a file and from standard input", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "request.json")
		if err := os.WriteFile(path, []byte(`{"buying_mode":"brief","brief":"streaming TV"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := inProcess(t, "", "call", address+"/sales/mcp", "get_products", "@"+path); got.code != exitOK {
			t.Error(got.err)
		}
		if got := inProcess(t, "{}", "call", address+"/sales/mcp", "get_adcp_capabilities", "-"); got.code != exitOK {
			t.Error(got.err)
		}
	})
	t.Run("metrics count calls by operation", func(t *testing.T) {
		if code, body := get(t, address+"/metrics"); code != http.StatusOK || !strings.Contains(body, `upfront_calls_total{code="ok",operation="get_products"}`) {
			t.Errorf("%d %.500s", code, body)
		}
	})
	t.Run("no secret is logged", func(t *testing.T) {
		if strings.Contains(said.String(), serveKey) {
			t.Error("the key is in the log")
		}
	})
}

const bareCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":{"buying_mode":"brief","brief":"streaming TV for runners"}}}`

func TestServeWithoutConfiguration(t *testing.T) {
	t.Parallel()
	address, said := serving(t)
	if !strings.Contains(said.String(), "nobody can buy") {
		t.Errorf("it does not say that nobody can buy: %s", said)
	}
	if got := inProcess(t, "", "call", "--token", serveKey, address+"/sales/mcp", "get_adcp_capabilities"); got.code != exitFailed {
		t.Errorf("a bad key was accepted: %s", got.out)
	}
}

func TestServeSandbox(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	address, said := serving(t, "--sandbox", "--data", data)
	for _, want := range []string{"SANDBOX", "demo-acme-outdoor-v1", "demo-acme-outdoor-live-v1", filepath.Join(data, "sandbox.log")} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %s: %s", want, said)
		}
	}
	got := inProcess(t, "", "call", "--token", "demo-acme-outdoor-v1", address+"/sales/mcp", "get_products", `{"buying_mode":"wholesale"}`)
	if got.code != exitOK || !strings.Contains(got.out, `"fixed_price"`) {
		t.Errorf("code %d, %s, %.300s", got.code, got.err, got.out)
	}
}

func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	address, _ := serving(t, "--config", "../../examples/upfront.yaml")
	url := address + "/sales/mcp"
	for _, tt := range []struct {
		rule string
		args []string
		want string
	}{
		{"a task is one of the protocol's", []string{url, "get_rich"}, "get_rich"},
		{"a request is an object", []string{url, "get_products", "[]"}, "JSON object"},
		{"a key is needed to buy", []string{url, "list_accounts"}, "AUTH"},
		{"a refusal is printed with its field", []string{"--token", serveKey, url, "get_products", `{"buying_mode":"dream"}`}, "buying_mode"},
		{"an agent must be there", []string{"http://127.0.0.1:1/mcp", "get_products"}, "127.0.0.1:1"},
		{"a file must be there", []string{url, "get_products", "@none.json"}, "none.json"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			got := inProcess(t, "", append([]string{"call"}, tt.args...)...)
			if got.code != exitFailed || !strings.Contains(got.err+got.out, tt.want) {
				t.Errorf("code %d, err %q, out %q; want %q", got.code, got.err, got.out, tt.want)
			}
		})
	}
}

func TestRefusedServe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule string
		args []string
		want string
	}{
		{"a configuration must be there", []string{"--config", "none.yaml"}, "none.yaml"},
		{"its keys must be set", []string{"--config", "../../examples/upfront.yaml"}, "UPFRONT_KEY_ACME"},
		{"an address has a port", []string{"--addr", "localhost"}, "HOST:PORT"},
		{"a database is PostgreSQL", []string{"--database", "mysql://x"}, "postgres://"},
		{"a sandbox is on loopback", []string{"--sandbox", "--addr", "0.0.0.0:0"}, "loopback only"},
		{"a sandbox has no public address", []string{"--sandbox", "--public-url", "https://sales.example.com"}, "no public address"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got := inProcess(t, "", append([]string{"serve"}, tt.args...)...)
			if got.code != exitFailed || !strings.Contains(got.err, tt.want) {
				t.Errorf("code %d, err %q; want %q", got.code, got.err, tt.want)
			}
		})
	}
}
