package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/upfront-media/upfront/internal/clock"
)

// benchmarkCall asks for what a buyer asks first; pagedCall for a page of it;
// datedCall for what can start on a day, which is worked out anew each time.
const (
	benchmarkCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":` +
		`{"buying_mode":"brief","brief":"streaming TV for runners in the US"}}}`
	pagedCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":` +
		`{"buying_mode":"brief","brief":"streaming TV for runners in the US","pagination":{"max_results":5}}}}`
	datedCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":` +
		`{"buying_mode":"brief","brief":"streaming TV for runners in the US","filters":{"start_date":"2036-03-01","end_date":"2036-03-31"}}}}`
)

// BenchmarkGetProducts measures get_products with a catalogue of the
// demonstration on SQLite, over HTTP, with two clients a processor: through our
// MCP endpoint, through a bare JSON echo of an answer of the same size, and
// through the MCP SDK's own server with a tool that answers the same text. Run
// it with
//
//	go test ./internal/server -run '^$' -bench GetProducts -benchmem
//
// Bytes and allocations a call include the client's, which is the same for all.
func BenchmarkGetProducts(b *testing.B) {
	// As the program sets it for itself: see tuneMemory.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	url := openShop(b, clock.System{})
	answer := post(b, http.DefaultClient, url, benchmarkCall)
	b.Run("upfront", func(b *testing.B) { measure(b, url, benchmarkCall, len(answer)) })
	page, dated := post(b, http.DefaultClient, url, pagedCall), post(b, http.DefaultClient, url, datedCall)
	b.Run("upfront-page", func(b *testing.B) { measure(b, url, pagedCall, len(page)) })
	b.Run("upfront-dated", func(b *testing.B) { measure(b, url, datedCall, len(dated)) })

	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			ID     json.RawMessage `json:"id"`
			Params json.RawMessage `json:"params"`
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	defer echo.Close()
	b.Run("echo", func(b *testing.B) { measure(b, echo.URL, benchmarkCall, len(answer)) })

	var told struct {
		Result struct {
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"result"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		b.Fatal(err)
	}
	trivial := httptest.NewServer(trivialTool("get_products", told.Result.Content[0].Text))
	defer trivial.Close()
	b.Run("sdk", func(b *testing.B) { measure(b, trivial.URL, benchmarkCall, len(answer)) })
}

// trivialTool is the SDK's own server, stateless and in JSON like ours, with one
// tool that always answers the same.
func trivialTool(name, text string) http.Handler {
	server := sdk.NewServer(&sdk.Implementation{Name: "trivial", Version: "1"}, nil)
	server.AddTool(&sdk.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return &sdk.CallToolResult{
				Content: []sdk.Content{&sdk.TextContent{Text: text}}, StructuredContent: json.RawMessage(text),
			}, nil
		})
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server },
		&sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

// measure sends the same call from two clients a processor, on connections that
// stay open, and reports requests a second and what the process takes of memory.
func measure(b *testing.B, url, message string, size int) {
	b.Helper()
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	defer c.CloseIdleConnections()
	b.SetParallelism(2)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(c, url, message); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(residentMB(), "MB-resident")
}

func call(c *http.Client, url, message string) error {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(message))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+shopKey)
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// residentMB is the most memory that the process has held, clients and all; 0
// where the system does not say.
func residentMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kB, _ := strconv.ParseFloat(string(found[1]), 64)
	return kB / 1024
}
