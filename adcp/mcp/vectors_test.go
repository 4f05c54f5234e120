package mcp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/mcp"
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

// decoded is JSON as values, numbers kept as they are written.
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
			Response json.RawMessage `json:"response"`
			Want     json.RawMessage `json:"expected_data"`
		} `json:"vectors"`
	}
	readVectors(t, "mcp-response-extraction.json", &file)
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			answer, ok := mcp.ExtractAnswer(v.Response)
			if !ok {
				t.Fatal("not read as a tool's answer")
			}
			if diff := cmp.Diff(decoded(t, v.Want), decoded(t, answer.Body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
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
		if v.Transport != "mcp" {
			continue // those of A2A are package adcp/a2a's
		}
		played++
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			answer, ok := mcp.ExtractAnswer(v.Response)
			if !ok {
				t.Fatal("not read as a tool's answer")
			}
			if diff := cmp.Diff(decoded(t, v.Want), decoded(t, answer.Error)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if played == 0 {
		t.Fatal("no vectors for MCP")
	}
}
