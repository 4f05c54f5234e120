package mcp_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/mcp"
)

var update = flag.Bool("update", false, "write the answers of the golden transcripts anew")

// transcript is a golden conversation: what is posted, and what comes back.
type transcript struct {
	Rule string `json:"rule"`
	// ResourceMetadata is the option of that name of the agent that is called.
	ResourceMetadata string `json:"resource_metadata,omitempty"`

	Exchanges []exchange `json:"exchanges"`
}

type exchange struct {
	Request struct {
		Headers map[string]string `json:"headers,omitempty"`
		Body    json.RawMessage   `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers,omitempty"`
		Body    json.RawMessage   `json:"body,omitempty"`
	} `json:"response"`
}

// TestTranscripts plays every conversation of testdata against a fresh agent.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var ts transcript
			if err := json.Unmarshal(b, &ts); err != nil {
				t.Fatal(err)
			}
			s := serve(t, mcp.Options{ResourceMetadata: ts.ResourceMetadata})
			for i := range ts.Exchanges {
				x := &ts.Exchanges[i]
				var headers []string
				for name, value := range x.Request.Headers {
					headers = append(headers, name, value)
				}
				resp, body := post(t, s, string(x.Request.Body), headers...)
				if *update {
					x.Response.Status, x.Response.Body = resp.StatusCode, json.RawMessage(body)
					x.Response.Headers = kept(resp.Header)
					continue
				}
				if resp.StatusCode != x.Response.Status {
					t.Errorf("exchange %d: status %d, want %d: %s", i, resp.StatusCode, x.Response.Status, body)
				}
				if diff := cmp.Diff(x.Response.Headers, kept(resp.Header)); diff != "" {
					t.Errorf("exchange %d: headers (-want +got):\n%s", i, diff)
				}
				if diff := cmp.Diff(readable(t, x.Response.Body), readable(t, []byte(body))); diff != "" {
					t.Errorf("exchange %d: body (-want +got):\n%s", i, diff)
				}
			}
			if *update {
				out := readable(t, must(json.Marshal(ts)))
				if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// kept are the headers that callers depend on.
func kept(h http.Header) map[string]string {
	var out map[string]string
	for _, name := range []string{"Content-Type", "WWW-Authenticate"} {
		if v := h.Get(name); v != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = v
		}
	}
	return out
}

// readable indents JSON without changing a number or an order.
func readable(t *testing.T, b []byte) string {
	t.Helper()
	if len(bytes.TrimSpace(b)) == 0 {
		return ""
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(b), "", "  "); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return out.String() + "\n"
}
