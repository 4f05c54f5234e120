package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

func TestRESTIsForStaffAndNotForBuyers(t *testing.T) {
	t.Parallel()
	at := store.Config{Path: t.TempDir() + "/sales.db"}
	now := clock.NewSimulated(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	url := strings.TrimSuffix(openShop(t, now, func(c *SalesConfig) { c.Store = at }), endpointMCP) + "/api/v1/me"
	db, err := store.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, _, err := account.NewDesk(account.DeskConfig{Store: db, Tenant: salesTenant}).
		Add(t.Context(), account.NewStaff{Name: "maria", Roles: []account.Role{account.RoleSales}})
	if err != nil {
		t.Fatal(err)
	}
	for rule, test := range map[string]struct {
		key    string
		status int
	}{"AStaffKey": {key, 200}, "NoKey": {"", 401}, "ABuyersKey": {shopKey, 401}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.key != "" {
			req.Header.Set("Authorization", "Bearer "+test.key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status {
			t.Errorf("%s: got %d %s, want %d", rule, resp.StatusCode, body, test.status)
		}
	}
}
