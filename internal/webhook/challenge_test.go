package webhook_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

func TestProve(t *testing.T) {
	t.Parallel()
	c := clock.NewSimulated(monday)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.NewKey("key-1", public)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Webhook, KeyID: "key-1", Key: private, Published: key, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	o := newOutbox(t, storetest.Open(t, store.SQLite), c, func(cfg *webhook.Config) { cfg.Signer = signer })
	challenge := adcp.WebhookChallenge{
		AccountID: "acct_1", SubscriberID: "audit", SellerAgentURL: "https://seller.example/mcp",
		DeliveryAuth: adcp.WebhookChallengeDeliveryAuth{Mode: adcp.WebhookChallengeDeliveryAuthModeRfc9421},
		EventTypes:   []adcp.NotificationType{adcp.NotificationTypeCreativePurged},
	}
	for name, tt := range map[string]struct {
		status int
		answer string
		ok     bool
	}{
		"OK":                {200, `{"challenge":"%s"}`, true},
		"OlderName":         {202, `{"token":"%s"}`, true},
		"ErrOtherValue":     {200, `{"challenge":"%s-"}`, false},
		"ErrBoth":           {200, `{"challenge":"%[1]s","token":"%[1]s"}`, false},
		"ErrMore":           {200, `{"challenge":"%s","ok":true}`, false},
		"ErrOtherName":      {200, `{"echo":"%s"}`, false},
		"ErrNotText":        {200, `{"challenge":["%s"]}`, false},
		"ErrNotJSON":        {200, `%s`, false},
		"ErrStatus":         {500, `{"challenge":"%s"}`, false},
		"ErrRedirect":       {307, `{"challenge":"%s"}`, false},
		"ErrAnswerTooLarge": {200, `{"challenge":"%s"` + strings.Repeat(" ", 1<<20) + `}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				verifier, err := signing.NewVerifier(signing.VerifierConfig{
					Profile: signing.Webhook, Clock: c, Revocations: signing.RevokedKeys(nil),
					Keys: &signing.KeySet{AgentURL: "https://seller.example/mcp", Keys: []*signing.Key{key}},
				})
				if err != nil {
					t.Error(err)
					return
				}
				m, err := signing.NewMessage(r, 1<<20)
				if err == nil {
					_, err = verifier.Verify(r.Context(), m)
				}
				if err != nil {
					t.Errorf("the challenge's signature: %v", err)
				}
				_, value, _ := strings.Cut(string(m.Body), `"challenge":"`)
				value, _, _ = strings.Cut(value, `"`)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, fmt.Sprintf(tt.answer, value))
			}))
			defer srv.Close()
			err := o.Prove(t.Context(), srv.URL, challenge)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, webhook.ErrUnproven) {
				t.Errorf("got %v, want success: %t", err, tt.ok)
			}
		})
	}
	t.Run("ErrForbiddenAddress", func(t *testing.T) {
		t.Parallel()
		if err := o.Prove(t.Context(), "https://10.0.0.1/hook", challenge); !errors.Is(err, webhook.ErrUnproven) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrNoKey", func(t *testing.T) {
		t.Parallel()
		keyless := newOutbox(t, storetest.Open(t, store.SQLite), c, nil)
		if err := keyless.Prove(t.Context(), "https://buyer.example/hook", challenge); !errors.Is(err, webhook.ErrUnproven) {
			t.Errorf("got %v", err)
		}
	})
}
