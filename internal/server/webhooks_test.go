package server

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

func TestProcessesWithAnotherSecretKeyAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
		box := func(b byte) *secret.Box {
			x, err := secret.New(bytes.Repeat([]byte{b}, secret.KeySize))
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		keep := func(b byte) error { return keepKey(t.Context(), db, "sales", box(b), now) }
		if err := keep(1); err != nil {
			t.Fatal(err)
		}
		if err := keep(2); err != nil {
			t.Errorf("nothing is sealed yet, and a new key is refused: %v", err)
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.InsertWebhookRegistration(t.Context(), store.InsertWebhookRegistrationParams{
				Tenant: "sales", RegistrationID: "task_1", URL: "https://buyer.example/", Sealed: box(2).Seal("x", "y"),
			})
		}); err != nil {
			t.Fatal(err)
		}
		if err := keep(2); err != nil {
			t.Error(err)
		}
		if err := keep(1); err == nil || !strings.Contains(err.Error(), "secret_key_file") {
			t.Errorf("a key that opens nothing is taken: %v", err)
		}
		if err := keepKey(t.Context(), db, "other", box(1), now); err != nil {
			t.Errorf("another tenant's key counts: %v", err)
		}
	})
}

func TestSecretKeysFromSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := Settings{Data: dir}.secrets(environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Settings{Webhooks: WebhookSettings{SecretKeyFile: filepath.Join(dir, "secret.key")}}.secrets(environ(nil))
	if err != nil || again.ID() != made.ID() {
		t.Errorf("the file has another key: %v", err)
	}
	s := Settings{Webhooks: WebhookSettings{SecretKeyEnv: "K"}}
	if _, err := s.secrets(environ(map[string]string{"K": "short"})); err == nil || !strings.Contains(err.Error(), "variable K") {
		t.Errorf("got %v", err)
	}
	if _, err := s.secrets(environ(map[string]string{"K": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})); err != nil {
		t.Error(err)
	}
}

// TestOnlyVerifiableSignaturesArePromised registers without a scheme of its own,
// which asks for a signature under the published key.
func TestOnlyVerifiableSignaturesArePromised(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, address string
		loopback      bool
		ok            bool
	}{
		{"a published key signs", "https://sales.example", false, true},
		{"on this machine it signs too", "http://127.0.0.1:8080", true, true},
		{"a key that nobody can read does not", "http://sales.example", false, false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			keys, err := Settings{Data: t.TempDir()}.signingKeys(environ(nil), clock.System{})
			if err != nil {
				t.Fatal(err)
			}
			self, err := newSelf(tt.address, keys)
			if err != nil {
				t.Fatal(err)
			}
			box, err := Settings{Data: t.TempDir()}.secrets(environ(nil))
			if err != nil {
				t.Fatal(err)
			}
			sales, err := NewSales(t.Context(), SalesConfig{
				Tenant: "sales", PublicURL: tt.address, Catalogue: exampleCatalogue(t), Clock: clock.System{}, Self: self,
				Store:    store.Config{Path: filepath.Join(t.TempDir(), "sales.db")},
				Webhooks: &WebhookConfig{Secrets: box, AllowLoopback: tt.loopback},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer sales.Close(context.WithoutCancel(t.Context()))
			err = sales.db.Tx(t.Context(), func(tx *store.Tx) error {
				return sales.outbox.Register(t.Context(), tx, webhook.Registration{
					ID: "task_1", Receiver: adcp.PushNotificationConfig{URL: "https://buyer.example/hook"},
				})
			})
			if (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
