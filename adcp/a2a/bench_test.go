package a2a_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/a2a"
)

// BenchmarkCall is one message through the whole handler, without a network, in
// each release. Run it with -benchmem for bytes and allocations a call; package
// adcp/mcp has the same for its transport.
func BenchmarkCall(b *testing.B) {
	for _, release := range releases {
		b.Run(release, func(b *testing.B) {
			h := a2a.NewHandler(newAgent(b), a2a.Options{})
			body := say(release, "get_products", shoes)
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body.String())
				}
			}
		})
	}
}
