package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// shopKey opens the shop of [openShop].
const shopKey = "a-key-for-the-shop-of-the-tests"

// exampleCatalogue is a catalogue of the demonstration.
func exampleCatalogue(tb testing.TB) *seller.Catalogue {
	tb.Helper()
	f, err := examples.Catalogues.Open("catalogues/northlight.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	catalogue, err := seller.LoadCatalogue(f)
	if err != nil {
		tb.Fatal(err)
	}
	return catalogue
}

// openShop runs the whole sales agent with a catalogue of the demonstration on
// SQLite, and gives the address of its MCP endpoint.
func openShop(tb testing.TB, now clock.Clock, options ...func(*SalesConfig)) string {
	tb.Helper()
	web := httptest.NewUnstartedServer(nil)
	cfg := SalesConfig{
		Tenant: "sales", PublicURL: "http://" + web.Listener.Addr().String(), Catalogue: exampleCatalogue(tb),
		Store:      store.Config{Path: filepath.Join(tb.TempDir(), "sales.db")},
		Clock:      now,
		Principals: []account.Principal{{Name: "acme", KeySHA256: account.HashKey(shopKey), Sandbox: true}},
	}
	for _, o := range options {
		o(&cfg)
	}
	sales, err := NewSales(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	web.Config.Handler = sales.Handler()
	web.Start()
	tb.Cleanup(func() {
		web.Close()
		if err := sales.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return web.URL + endpointMCP
}

// post sends one JSON-RPC message with the shop's key and gives the answer's body.
func post(tb testing.TB, c *http.Client, url, message string) []byte {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url, strings.NewReader(message))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+shopKey)
	resp, err := c.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("HTTP %d, %v: %s", resp.StatusCode, err, body)
	}
	return body
}
