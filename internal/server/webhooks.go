package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// WebhookSettings is the part of [Settings] about webhooks on their way out.
type WebhookSettings struct {
	// AllowLoopback lets webhooks go to this machine, over http too. It is for
	// development, and refused where others can reach the agent.
	AllowLoopback bool `koanf:"allow_loopback"`
	// RetryAfter is the pause after a first failure, which doubles up to
	// RetryAtMost. Zero is the outbox's own default.
	RetryAfter  time.Duration `koanf:"retry_after"`
	RetryAtMost time.Duration `koanf:"retry_at_most"`
	// SecretKeyFile holds the key that receivers' secrets are sealed with;
	// secret.key in the data directory, made at the first start, where neither it
	// nor SecretKeyEnv, the name of an environment variable, is set.
	SecretKeyFile string `koanf:"secret_key_file"`
	SecretKeyEnv  string `koanf:"secret_key_env"`
}

func (s Settings) validateWebhooks() error {
	w := s.Webhooks
	switch {
	case w.RetryAfter < 0 || w.RetryAtMost < 0:
		return errors.New("webhooks.retry_after and retry_at_most: use a pause of 0s or more, such as 5s")
	case w.SecretKeyFile != "" && w.SecretKeyEnv != "":
		return errors.New("webhooks: set at most one of secret_key_file and secret_key_env")
	case !w.AllowLoopback:
		return nil
	}
	if host, _, err := net.SplitHostPort(s.Listen); err == nil && !loopback(host) {
		return fmt.Errorf("webhooks.allow_loopback: others can reach %s, and could have this machine call itself; listen on 127.0.0.1, or turn it off", s.Listen)
	}
	if u, err := url.Parse(s.PublicURL); err == nil && s.PublicURL != "" && !loopback(u.Hostname()) {
		return fmt.Errorf("webhooks.allow_loopback: %s is public, and its callers could have this machine call itself; turn it off, or leave out public_url", s.PublicURL)
	}
	return nil
}

// secrets opens what receivers' secrets are sealed with.
func (s Settings) secrets(getenv func(string) string) (*secret.Box, error) {
	var key []byte
	var err error
	switch w := s.Webhooks; {
	case w.SecretKeyEnv != "":
		if key, err = secret.ParseKey(getenv(w.SecretKeyEnv)); err != nil {
			return nil, fmt.Errorf("webhooks.secret_key_env: the variable %s: %w", w.SecretKeyEnv, err)
		}
	case w.SecretKeyFile != "":
		if key, err = secret.LoadKey(w.SecretKeyFile); err != nil {
			return nil, fmt.Errorf("webhooks.secret_key_file: %w", err)
		}
	default:
		if key, err = secret.LoadKey(filepath.Join(s.Data, "secret.key")); err != nil {
			return nil, err
		}
	}
	return secret.New(key)
}

// WebhookConfig is what a sales agent needs to tell buyers by webhook.
type WebhookConfig struct {
	// Secrets seals what receivers entrust to the agent. Required.
	Secrets *secret.Box
	// AllowLoopback, RetryAfter and RetryAtMost are as in [WebhookSettings].
	AllowLoopback           bool
	RetryAfter, RetryAtMost time.Duration
}

// newOutbox makes the agent's outbox, nil where it has none.
func (s *Sales) newOutbox(ctx context.Context, c SalesConfig) (*webhook.Outbox, error) {
	if c.Webhooks == nil {
		return nil, nil
	}
	if err := keepKey(ctx, s.db, c.Tenant, c.Webhooks.Secrets, c.Clock.Now()); err != nil {
		return nil, err
	}
	cfg := webhook.Config{
		Tenant: c.Tenant, Store: s.db, Queue: s.queue, Clock: c.Clock, Logger: s.log,
		Secrets: c.Webhooks.Secrets, AllowLoopback: c.Webhooks.AllowLoopback,
		RetryAfter: c.Webhooks.RetryAfter, RetryAtMost: c.Webhooks.RetryAtMost,
		Forms: map[string]webhook.Form{},
	}
	for name, form := range a2a.PushForms() {
		cfg.Forms[name] = form
	}
	// A signature that nobody can verify is no good, but to who looks at the key
	// on the same machine.
	if c.Self != nil && (c.Self.Published() || c.Webhooks.AllowLoopback) {
		signer, err := c.Self.Keys.WebhookSigner()
		if err != nil {
			return nil, fmt.Errorf("webhook signer: %w", err)
		}
		cfg.Signer = signer
	}
	return webhook.New(cfg)
}

// keepKey refuses a key with which the secrets in the database cannot be opened:
// another process would otherwise fail to sign what this one has promised.
func keepKey(ctx context.Context, db *store.DB, tenant string, box *secret.Box, now time.Time) error {
	return db.Tx(ctx, func(tx *store.Tx) error {
		known, err := tx.SecretKey(ctx, tenant)
		if err == nil && known.KeyID == box.ID() {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNoRow) {
			return fmt.Errorf("secret key: %w", err)
		}
		sealed, err := tx.SealedWebhookRegistrations(ctx, tenant)
		if err != nil {
			return fmt.Errorf("secret key: %w", err)
		}
		if sealed > 0 {
			return fmt.Errorf("the database holds %d secrets of webhook receivers that were sealed with another key (%s, this one is %s): "+
				"give every process the same secret.key, by webhooks.secret_key_file or secret_key_env", sealed, known.KeyID, box.ID())
		}
		if err := tx.SaveSecretKey(ctx, store.SaveSecretKeyParams{Tenant: tenant, KeyID: box.ID(), CreatedAt: store.Micros(now)}); err != nil {
			return fmt.Errorf("secret key: %w", err)
		}
		return nil
	})
}
