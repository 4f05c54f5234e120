package client_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/signing"
)

// FuzzReceiver holds that the receiver answers whatever is sent to it, that what
// it hands over was authenticated and is valid, and that a delivery sent twice is
// handed over once.
func FuzzReceiver(f *testing.F) {
	clock := &hand{now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	hmac, err := signing.NewHMAC(signing.SharedSecretConfig{Secret: webhookSecret, Clock: clock})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(webhookBody), "sha256=00", "1763283600", "application/json", true)
	f.Add([]byte(webhookBody), "", "", "application/json; charset=utf-8", false)
	f.Add([]byte(`{"idempotency_key":"whk_0123456789abcdef","idempotency_key":"whk_fedcba9876543210"}`), "sha256=", "-1", "text/plain", true)
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp, contentType string, sign bool) {
		var handled []client.Delivery
		receiver, err := client.NewReceiver(client.ReceiverConfig{
			Registration: func(context.Context, *http.Request) (*client.Registration, error) {
				return &client.Registration{Sender: "https://seller.example/mcp", HMAC: hmac}, nil
			},
			Handle: func(_ context.Context, d client.Delivery) error {
				handled = append(handled, d)
				return nil
			},
			Seen: client.NewMemorySeen(clock.Now, 0), MaxBody: 1 << 16,
		})
		if err != nil {
			t.Fatal(err)
		}
		authentic := sign
		send := func() int {
			req := httptest.NewRequest(http.MethodPost, "https://buyer.example/hooks", bytes.NewReader(body))
			req.Header.Set("Content-Type", contentType)
			if sign {
				if err := hmac.Sign(req.Header, body); err != nil {
					authentic = false
				}
			} else {
				req.Header.Set("X-ADCP-Signature", signature)
				req.Header.Set("X-ADCP-Timestamp", timestamp)
			}
			w := httptest.NewRecorder()
			receiver.ServeHTTP(w, req)
			return w.Code
		}
		first := send()
		second := send()
		_, invalid := client.ParseWebhook(body)
		switch {
		case len(handled) > 1:
			t.Errorf("handed over %d times", len(handled))
		case len(handled) == 1 && (!authentic || invalid != nil):
			t.Errorf("handed over, authentic %t, invalid %v: %q", authentic, invalid, body)
		case len(handled) == 1 && (first >= 300 || second >= 300):
			t.Errorf("handed over and answered %d, then %d", first, second)
		case len(handled) == 0 && first < 300:
			t.Errorf("answered %d and handed nothing over", first)
		}
	})
}
