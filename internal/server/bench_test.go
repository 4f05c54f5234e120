package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/upfront-media/upfront/internal/clock"
)

// wholeList asks for what a buyer asks first.
const wholeList = `"buying_mode":"brief","brief":"streaming TV for runners in the US"`

// BenchmarkGetProducts measures get_products with a catalogue of the
// demonstration on SQLite, over HTTP, with two clients a processor: through our
// MCP endpoint, through a bare JSON echo of an answer of the same size, and
// through the MCP SDK's own server with a tool that answers the same text. Run
// it with
//
//	go test ./internal/server -run '^$' -bench GetProducts -benchmem
//
// Bytes, allocations and processor time a call include the client's, which is
// the same for all. On a machine that has other work besides, req/s says little:
// req/s-alone is what the processor time would allow on all processors, and the
// ratios, how many of our calls go into one of the other's, are of processor time
// in the same run.
func BenchmarkGetProducts(b *testing.B) {
	// As the program sets it for itself: see tuneMemory.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	url := openShop(b, clock.System{})
	answer := post(b, http.DefaultClient, url, getProducts(wholeList))
	l := load{messages: []string{getProducts(wholeList)}, release: "2025-11-25"}

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
	var echoed, trivially time.Duration
	b.Run("echo", func(b *testing.B) { echoed = l.measure(b, echo.URL) })

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
	b.Run("sdk", func(b *testing.B) { trivially = l.measure(b, trivial.URL) })
	l.echo, l.sdk = echoed, trivially

	// A caller that names no release of MCP gets the JSON as text as well.
	unnamed := l
	unnamed.release = ""
	b.Run("upfront", func(b *testing.B) { l.measure(b, url) })
	b.Run("upfront-json-text", func(b *testing.B) { unnamed.measure(b, url) })
	for _, asked := range []struct {
		name     string
		messages []string
	}{
		{"upfront-wholesale", []string{getProducts(`"buying_mode":"wholesale"`)}},
		{"upfront-page", []string{getProducts(wholeList + `,"pagination":{"max_results":5}`)}},
		{"upfront-dated", []string{getProducts(wholeList + `,"filters":{"start_date":"2036-03-01","end_date":"2036-03-31"}`)}},
		{"upfront-briefs", manyBriefs()},
	} {
		l.messages = asked.messages
		b.Run(asked.name, func(b *testing.B) { l.measure(b, url) })
	}
}

func getProducts(arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_products","arguments":{` + arguments + `}}}`
}

// manyBriefs are more briefs than an agent keeps the lists of, so that each is
// read and ranked anew.
func manyBriefs() []string {
	var out []string
	for _, kind := range []string{"Streaming TV", "Short video", "Digital screens", "Radio and podcasts", "Display banners", "A sponsorship"} {
		for _, whom := range []string{"runners", "young families", "commuters", "people who cook", "football fans", "new parents", "students"} {
			for _, what := range []string{"running shoes", "an electric car", "harvest juice", "a savings account", "a museum's late opening", "school supplies"} {
				out = append(out, getProducts(fmt.Sprintf(
					`"buying_mode":"brief","brief":"%s for %s in the US and Canada: we launch %s this spring, with a budget of 150,000 dollars, brand safe and with measurable reach."`,
					kind, whom, what)))
			}
		}
	}
	return out
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

// load is what is sent, and how fast others answer it.
type load struct {
	// messages are sent in turn.
	messages []string
	// release is the release of MCP that the caller names, or "".
	release string
	// echo and sdk are the processor time of a call of the two to compare with.
	echo, sdk time.Duration
}

// measure sends the messages from two clients a processor, on connections that
// stay open, and reports how fast they are answered and what that takes. It
// returns the processor time of a call.
func (l *load) measure(b *testing.B, url string) time.Duration {
	b.Helper()
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	defer c.CloseIdleConnections()
	b.SetParallelism(2)
	b.ReportAllocs()
	var sent, read atomic.Int64
	used := processorTime()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n, err := l.call(c, url, l.messages[int(sent.Add(1))%len(l.messages)])
			if err != nil {
				b.Error(err)
				return
			}
			read.Add(n)
		}
	})
	each := (processorTime() - used) / time.Duration(b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(runtime.GOMAXPROCS(0))/each.Seconds(), "req/s-alone")
	b.ReportMetric(float64(each.Nanoseconds())/1000, "cpu-µs/op")
	b.ReportMetric(float64(read.Load())/float64(b.N)/1024, "kB-answer")
	b.ReportMetric(residentMB(), "MB-resident")
	if l.echo > 0 && l.sdk > 0 {
		b.ReportMetric(l.echo.Seconds()/each.Seconds(), "x-echo")
		b.ReportMetric(l.sdk.Seconds()/each.Seconds(), "x-sdk")
	}
	return each
}

func (l *load) call(c *http.Client, url, message string) (int64, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(message))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+shopKey)
	if l.release != "" {
		req.Header.Set("Mcp-Protocol-Version", l.release)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, errors.New(resp.Status)
	}
	return io.Copy(io.Discard, resp.Body)
}

// processorTime is what the process has used of its processors, which other
// work on the machine does not change.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
