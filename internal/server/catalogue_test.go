package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

const bannerDocument = `{
  "id": "banner", "name": "Banner", "description": "A clip on the front page \ud83d\ude80.",
  "channels": ["display"], "countries": ["US"], "delivery": "non_guaranteed", "formats": ["video_30s"],
  "pricing": [{"id": "cpm_usd", "model": "cpm", "currency": "USD", "fixed": 10.50}],
  "forecast": {"daily_impressions": 1000}, "supply": {"daily_units": 1000}
}`

// Two processes on one database sell one catalogue: what one publishes the other
// sells from its next tick on, and a third that is started later with its old file.
func TestTheCatalogueIsTheDatabases(t *testing.T) {
	t.Parallel()
	place := store.Config{Path: filepath.Join(t.TempDir(), "sales.db")}
	open := func() *Sales {
		c := exampleCatalogue(t)
		s, err := NewSales(t.Context(), SalesConfig{
			Tenant: "sales", PublicURL: "http://127.0.0.1", Catalogue: c, Store: place, Clock: clock.NewSimulated(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)), OpenREST: false,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
		return s
	}
	one, other := open(), open()
	key := func(name string, role account.Role) string {
		key, _, err := one.staff.Add(t.Context(), account.NewStaff{Name: name, Roles: []account.Role{role}})
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	olu, sal := key("olu", account.RoleAdOps), key("sal", account.RoleSales)
	call := func(key, method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1/api/v1"+path, bytes.NewReader([]byte(body)))
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		one.Handler().ServeHTTP(w, r)
		answer, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(answer)
	}
	for _, tt := range []struct {
		rule, key, method, path, body string
		status                        int
		says                          string
	}{
		{"SalesPublishNothing", sal, http.MethodPut, "/products/banner", bannerDocument, 403, "adops"},
		{"SalesRemoveNothing", sal, http.MethodDelete, "/products/nl_clips", "", 403, "adops"},
		{"SalesImportNothing", sal, http.MethodPost, "/catalogue", "{}", 403, "adops"},
		{"NobodyReads", "none", http.MethodGet, "/products", "", 401, "AUTH"},
		{"AnUnknownField", olu, http.MethodPut, "/products/banner", strings.Replace(bannerDocument, `"countries"`, `"country"`, 1), 422, "line 3, country"},
		{"AnotherIdentifier", olu, http.MethodPut, "/products/poster", bannerDocument, 422, "banner"},
		{"NoDocument", olu, http.MethodPut, "/products/banner", "{", 422, "JSON"},
		{"AnUnknownFormat", olu, http.MethodPut, "/products/banner", strings.Replace(bannerDocument, "video_30s", "skywriting", 1), 422, "not a format"},
		{"AStaleRevision", olu, http.MethodPut, "/products/banner?revision=3", bannerDocument, 409, "changed since"},
		{"ACheck", olu, http.MethodPut, "/products/banner?dry_run=true", bannerDocument, 200, `"added":["banner"]`},
		{"NothingAfterACheck", olu, http.MethodGet, "/products/banner", "", 404, "PRODUCT_NOT_FOUND"},
		{"ANewProduct", olu, http.MethodPut, "/products/banner?revision=0", bannerDocument, 200, `"added":["banner"]`},
		{"TheSameAgain", olu, http.MethodPut, "/products/banner?revision=1", bannerDocument, 200, `"changed":[]`},
		{"AProduct", sal, http.MethodGet, "/products/banner", "", 200, `"fixed":10.50`},
		{"RemoveWhatIsNot", olu, http.MethodDelete, "/products/none", "", 404, "PRODUCT_NOT_FOUND"},
		{"Remove", olu, http.MethodDelete, "/products/nl_clips?revision=1", "", 200, `"removed":["nl_clips"]`},
		{"ImportNoCatalogue", olu, http.MethodPost, "/catalogue", "products: 3", 422, "line 1, seller"},
	} {
		if status, answer := call(tt.key, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(answer, tt.says) {
			t.Errorf("%s: HTTP %d %s, want %d with %q", tt.rule, status, answer, tt.status, tt.says)
		}
	}

	if _, ok := other.service.Catalogue().Product("banner"); ok {
		t.Error("the other process sells the banner before its tick")
	}
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]*Sales{"the one": one, "the other": other, "a later one": open()} {
		c := s.service.Catalogue()
		banner, ok := c.Product("banner")
		if !ok || !strings.HasSuffix(banner.Description, "🚀.") {
			t.Errorf("%s does not sell the banner: %+v", what, banner)
		}
		if _, ok := c.Product("nl_clips"); ok {
			t.Errorf("%s sells what was removed", what)
		}
		if last := c.Products[len(c.Products)-1]; last.ID != "banner" {
			t.Errorf("%s has %s last, want the newest", what, last.ID)
		}
	}
	var list struct{ Products []struct{ ID string } }
	if _, answer := call(sal, http.MethodGet, "/products?limit=3", ""); json.Unmarshal([]byte(answer), &list) != nil || len(list.Products) != 3 {
		t.Errorf("listed %s", answer)
	}
}
