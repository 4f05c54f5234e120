package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
)

// The breaker counts attempts over the wire; what it keeps back reaches nobody.
func TestAnOpenBreakerSendsNothing(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}))
	t.Cleanup(web.Close)
	now := morning
	c := client.New(client.Config{
		URL: web.URL, Version: "3.1", Attempts: 1, Now: func() time.Time { return now },
		Breaker: client.BreakerConfig{Failures: 2, Cooldown: time.Minute},
	})
	for range 2 {
		_, err := c.GetProducts(t.Context(), brief())
		wantKind(t, err, client.Refused)
	}
	sent := hits.Load()
	_, err := c.GetProducts(t.Context(), brief())
	wantKind(t, err, client.NotTried)
	var failed *client.Error
	if !errors.As(err, &failed) || failed.RetryAfter != time.Minute || failed.Operation != "get_products" || hits.Load() != sent {
		t.Errorf("got %v after %d of %d requests", err, hits.Load(), sent)
	}
	now = now.Add(time.Minute)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = c.GetProducts(canceled, brief())
	if got := c.Breaker(); got != client.BreakerHalfOpen {
		t.Errorf("a caller that gave up left it %s", got)
	}
	_, err = c.GetProducts(t.Context(), brief())
	wantKind(t, err, client.Refused)
	if got := c.Breaker(); got != client.BreakerOpen {
		t.Errorf("it is %s, want open", got)
	}
}
