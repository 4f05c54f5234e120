package mcp_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// BenchmarkBareCall is one tools/call through the whole handler, without a
// network. Run it with -benchmem for bytes and allocations a call.
func BenchmarkBareCall(b *testing.B) {
	h := mcp.NewHandler(newAgent(b), mcp.Options{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(getProducts)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body.String())
		}
	}
}

// BenchmarkAgent is the same call without the transport.
func BenchmarkAgent(b *testing.B) {
	a := newAgent(b)
	req := agent.Request{Operation: "get_products", Arguments: []byte(`{"buying_mode":"brief","brief":"shoes"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if r := a.Do(b.Context(), req); r.Error != nil {
			b.Fatal(r.Error)
		}
	}
}
