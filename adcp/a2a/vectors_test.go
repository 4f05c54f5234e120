package a2a_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// readVectors decodes one of the protocol's published vector files, or skips
// the test where they are not at hand.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	spec := os.Getenv("ADCP_SPEC")
	if spec == "" {
		spec = filepath.Join("..", "..", "..", "shared", "adcp")
	}
	b, err := os.ReadFile(filepath.Join(spec, "3.1.19", "test-vectors", "wire", name))
	if err != nil {
		if os.Getenv("ADCP_SPEC_REQUIRED") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the protocol's vectors are not at hand; set ADCP_SPEC to their directory: %v", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// decoded is JSON as values.
func decoded(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestPublishedResponseExtraction(t *testing.T) {
	t.Parallel()
	var file struct {
		Vectors []struct {
			ID       string          `json:"id"`
			Status   string          `json:"status"`
			Response json.RawMessage `json:"response"`
			Want     json.RawMessage `json:"expected_data"`
			Error    string          `json:"expected_error_type"`
		} `json:"vectors"`
	}
	readVectors(t, "a2a-response-extraction.json", &file)
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			data, err := a2a.Extract(v.Response)
			switch v.Error {
			case "":
				if err != nil {
					t.Fatal(err)
				}
			case "wrapper_detected":
				if !errors.Is(err, a2a.ErrWrapped) {
					t.Fatalf("got %v, want the wrapper found", err)
				}
			default:
				t.Fatalf("the vector expects %q, which this test does not know", v.Error)
			}
			if diff := cmp.Diff(decoded(t, v.Want), decoded(t, data)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			answer, ok := a2a.ExtractAnswer(v.Response)
			if ok && answer.Status != v.Status {
				t.Errorf("status %q, want %q", answer.Status, v.Status)
			}
		})
	}
}

func TestPublishedTransportErrors(t *testing.T) {
	t.Parallel()
	var file struct {
		Vectors []struct {
			ID        string          `json:"id"`
			Transport string          `json:"transport"`
			Response  json.RawMessage `json:"response"`
			Want      json.RawMessage `json:"expected_error"`
		} `json:"vectors"`
	}
	readVectors(t, "transport-error-mapping.json", &file)
	played := 0
	for _, v := range file.Vectors {
		if v.Transport != "a2a" {
			continue // those of MCP are package adcp/mcp's
		}
		played++
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			answer, ok := a2a.ExtractAnswer(v.Response)
			if !ok || !answer.IsError {
				t.Fatalf("not read as a failed task: %+v", answer)
			}
			if diff := cmp.Diff(decoded(t, v.Want), decoded(t, answer.Error)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if played == 0 {
		t.Fatal("no vectors for A2A")
	}
}

// TestExtractionBeyondTheVectors holds the rules that no vector plays.
func TestExtractionBeyondTheVectors(t *testing.T) {
	t.Parallel()
	data := `{"artifacts":[{"parts":[{"data":{"a":1}}]}],"status":{"message":{"parts":[{"data":{"m":1}},{"data":{"m":2}}]},"state":`
	for name, tt := range map[string]struct{ in, want string }{
		"A nested envelope":              {`{"task":{"task":` + data + `"completed"}}}}`, ""},
		"An envelope beside other names": {`{"task":` + data + `"completed"}},"x":1}`, ""},
		"An envelope with its kind":      {`{"task":` + data + `"completed"}}}`, `{"a":1}`},
		"An unknown state":               {data + `"TASK_STATE_DREAMING"}}`, ""},
		"A state with blanks":            {data + `" completed"}}`, ""},
		"A state beyond ASCII":           {data + `"completed\u212a"}}`, ""},
		"A state in capitals":            {data + `"COMPLETED"}}`, `{"a":1}`},
		"A state that is no text":        {data + `7}}`, ""},
		"Interim: the first of many":     {data + `"working"}}`, `{"m":1}`},
		"Artifacts without data":         {`{"artifacts":[{"parts":[{"text":"x"}]}],"status":{"state":"completed","message":{"parts":[{"data":{"m":1}}]}}}`, `{"m":1}`},
		"A wrapper among other fields":   {`{"artifacts":[{"parts":[{"data":{"response":{},"status":"x"}}]}],"status":{"state":"completed"}}`, `{"response":{},"status":"x"}`},
		"Data that is a list":            {`{"artifacts":[{"parts":[{"data":[1]}]}],"status":{"state":"completed"}}`, ""},
		"A bare message":                 {`{"message":{"parts":[{"data":{"a":1}}]}}`, ""},
		"Not an object":                  {`[1]`, ""},
		"Nothing":                        {``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := a2a.Extract(json.RawMessage(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestErrorsAreReadFromEverywhere(t *testing.T) {
	t.Parallel()
	const e = `{"code":"BUDGET_TOO_LOW","message":"More."}`
	for name, tt := range map[string]struct{ in, want string }{
		"A second artifact":       {`{"status":{"state":"failed"},"artifacts":[{"parts":[]},{"parts":[{"data":{"adcp_error":` + e + `}}]}]}`, e},
		"A rejected task":         {`{"status":{"state":"TASK_STATE_REJECTED"},"artifacts":[{"parts":[{"data":{"adcp_error":` + e + `}}]}]}`, e},
		"Only the task's errors":  {`{"status":{"state":"failed"},"artifacts":[{"parts":[{"data":{"errors":[` + e + `]}}]}]}`, e},
		"A JSON-RPC error":        {`{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"x","data":{"adcp_error":` + e + `}}}`, e},
		"One with a list of data": {`{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"x","data":[{"@type":"y"},{"adcp_error":` + e + `}]}}`, e},
		"A task that succeeded":   {`{"status":{"state":"completed"},"artifacts":[{"parts":[{"data":{"adcp_error":` + e + `}}]}]}`, ""},
		"A code that is no text":  {`{"status":{"state":"failed"},"artifacts":[{"parts":[{"data":{"adcp_error":{"code":7}}}]}]}`, ""},
		"An empty code":           {`{"status":{"state":"failed"},"artifacts":[{"parts":[{"data":{"adcp_error":{"code":""}}}]}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := a2a.ExtractAnswer(json.RawMessage(tt.in))
			if !ok || string(got.Error) != tt.want || got.Body != nil {
				t.Errorf("got %+v, %v, want %s", got, ok, tt.want)
			}
		})
	}
}
