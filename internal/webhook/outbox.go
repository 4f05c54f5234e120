package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
)

// Kinds of the jobs that deliver.
const (
	jobLane  = "webhook_lane"
	jobSweep = "webhook_sweep"
)

// How delivery paces itself.
const (
	// GiveUpAfter is how long a notification is tried.
	GiveUpAfter = 24 * time.Hour
	// DefaultRetryAfter follows the first failure; the pause doubles up to
	// DefaultRetryAtMost.
	DefaultRetryAfter  = 5 * time.Second
	DefaultRetryAtMost = time.Hour
	// attempt is how long an attempt may take, and lease how long it is waited for:
	// one of a process that died is made again after that.
	attempt = egress.DefaultTimeout
	lease   = attempt + 5*time.Second
	// leasedPause is how soon a second job of a lane looks again.
	leasedPause = 2 * time.Second
	// sweepEvery is how often to look for lanes whose job was lost.
	sweepEvery = time.Minute
	// Letters are kept for a while once they have ended: what was delivered for
	// those who ask, what was given up to be replayed.
	keepDelivered = 7 * 24 * time.Hour
	keepDead      = 30 * 24 * time.Hour
)

// Signer signs a webhook with the agent's published key, as [signing.Signer] does
// under [signing.Webhook].
type Signer interface {
	Sign(m *signing.Message) error
}

// Config is what an outbox needs.
type Config struct {
	// Tenant keys what is stored. Required.
	Tenant string
	// Store keeps the notifications; Queue, on the same database and not yet
	// started, delivers them. Both required.
	Store *store.DB
	Queue *job.Queue
	// Clock tells when to try again and when to give up. Required.
	Clock clock.Clock
	// Secrets seals what receivers have entrusted to us. Required, and the same for
	// all processes on the database.
	Secrets *secret.Box
	// Signer signs for receivers that asked for no other scheme. Where nil, such
	// registrations are refused.
	Signer Signer
	// AllowLoopback, for development and the sandbox only, lets webhooks go to
	// this machine, over http too.
	AllowLoopback bool
	// RetryAfter and RetryAtMost are the pause after a first failure, and after many;
	// [DefaultRetryAfter] and [DefaultRetryAtMost] where zero.
	RetryAfter, RetryAtMost time.Duration
	// Forms are other forms of payloads that registrations may ask for, by name.
	Forms map[string]Form
	// Guard decides which addresses may be called; one by AllowLoopback where nil.
	Guard *egress.Guard
	// Jitter varies a pause, so that what failed together is not tried together;
	// give or take a fifth where nil.
	Jitter func(pause time.Duration) time.Duration
	// Logger receives warnings; nothing is logged where nil.
	Logger *slog.Logger
}

// Form writes a payload in another form than the protocol's own. The receiver's token
// then goes into the header [TokenHeader].
type Form func(p adcp.MCPWebhookPayload) ([]byte, error)

// TokenHeader carries the token of registrations with a [Form] of their own, as A2A
// has it.
const TokenHeader = "X-A2A-Notification-Token" //nolint:gosec // a header's name

// Outbox delivers a tenant's webhooks. It is safe for concurrent use, also by
// several processes on one database.
type Outbox struct {
	*Letters
	cfg    Config
	client *http.Client
}

// New makes an outbox and registers its work on the queue.
func New(cfg Config) (*Outbox, error) {
	switch {
	case cfg.Tenant == "":
		return nil, errors.New("webhook: Config.Tenant is empty")
	case cfg.Store == nil:
		return nil, errors.New("webhook: Config.Store is missing")
	case cfg.Queue == nil:
		return nil, errors.New("webhook: Config.Queue is missing")
	case cfg.Clock == nil:
		return nil, errors.New("webhook: Config.Clock is missing")
	case cfg.Secrets == nil:
		return nil, errors.New("webhook: Config.Secrets is missing")
	}
	cfg.RetryAfter = cmp.Or(max(cfg.RetryAfter, 0), DefaultRetryAfter)
	cfg.RetryAtMost = max(cmp.Or(max(cfg.RetryAtMost, 0), DefaultRetryAtMost), cfg.RetryAfter)
	if cfg.Guard == nil {
		cfg.Guard = egress.New(egress.Config{AllowLoopback: cfg.AllowLoopback})
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(d time.Duration) time.Duration {
			return d - d/5 + rand.N(2*d/5+1) //nolint:gosec // it spreads attempts, and is no secret
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	o := &Outbox{Letters: OpenLetters(cfg.Store, cfg.Tenant, cfg.Clock), cfg: cfg, client: cfg.Guard.Client()}
	job.Register(cfg.Queue, jobLane, o.work, job.Timeout(10*time.Minute))
	job.Register(cfg.Queue, jobSweep, o.sweep)
	job.Every(cfg.Queue, sweepEvery, jobSweep, sweepJob{})
	return o, nil
}

// The schemes a receiver can ask for. Asking for none is the first.
const (
	schemeSignature = "RFC9421"
	schemeHMAC      = "HMAC-SHA256"
	schemeBearer    = "Bearer"
)

// Check tells a caller what is wrong with a registration, so that it hears of it
// when it registers and not by silence. The field names begin with at, such as
// "push_notification_config". Nil is good, and so is no registration.
func (o *Outbox) Check(at string, c *adcp.PushNotificationConfig) *adcp.Error {
	if c == nil {
		return nil
	}
	if err := o.cfg.Guard.Check(c.URL); err != nil {
		reason, _ := strings.CutPrefix(err.Error(), egress.ErrForbidden.Error()+": ")
		return adcp.NewError(adcp.CodeValidationError, at+".url", "Webhooks cannot go to this address: "+reason+".").
			WithSuggestion("Name a receiver by a public https URL.")
	}
	scheme, secret, err := schemeOf(c)
	switch {
	case err != nil:
		return adcp.NewError(adcp.CodeValidationError, at+".authentication", "Webhooks cannot be authenticated this way: "+err.Error()+".").
			WithSuggestion("Name one scheme, Bearer or HMAC-SHA256, or leave authentication out.")
	case scheme == schemeSignature && o.cfg.Signer == nil:
		return adcp.NewError(adcp.CodeUnsupportedFeature, at+".authentication", "This agent has no key to sign webhooks with.").
			WithSuggestion("Name a scheme in authentication, Bearer or HMAC-SHA256.")
	case scheme == schemeSignature:
		return nil
	}
	if _, err := o.shared(scheme, secret); err != nil {
		return adcp.NewError(adcp.CodeValidationError, at+".authentication.credentials", "These credentials cannot be used: "+err.Error()+".")
	}
	return nil
}

func schemeOf(c *adcp.PushNotificationConfig) (scheme, secret string, err error) {
	if c.Authentication == nil {
		return schemeSignature, "", nil
	}
	if len(c.Authentication.Schemes) == 1 {
		if scheme = string(c.Authentication.Schemes[0]); slices.Contains([]string{schemeHMAC, schemeBearer}, scheme) {
			return scheme, c.Authentication.Credentials, nil
		}
	}
	return "", "", errors.New("there must be one scheme, Bearer or HMAC-SHA256")
}

// headerSigner is a scheme with a shared secret.
type headerSigner interface {
	Sign(header http.Header, body []byte) error
}

func (o *Outbox) shared(scheme, secret string) (headerSigner, error) {
	cfg := signing.SharedSecretConfig{Secret: secret, Clock: o.cfg.Clock}
	if scheme == schemeHMAC {
		return signing.NewHMAC(cfg)
	}
	return signing.NewBearer(cfg)
}

// receiverOf is the origin that a URL belongs to, which has one breaker.
func receiverOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port, nil
}

// work delivers what is due in a lane, and comes again for what is due later.
func (o *Outbox) work(ctx context.Context, args laneJob) error {
	if args.Tenant != o.cfg.Tenant {
		return job.Cancel(errors.New("the webhook is another tenant's"))
	}
	wait, err := o.deliverLane(ctx, args.Lane)
	if err != nil {
		return err
	}
	if wait > 0 {
		// The clock may be faster than the machine's: do not sleep long.
		return job.Later(min(wait, sweepEvery))
	}
	return nil
}

type laneJob struct {
	Tenant string `json:"tenant"`
	Lane   string `json:"lane"`
}

type sweepJob struct{}

func (o *Outbox) sweep(ctx context.Context, _ sweepJob) error {
	_, err := o.DeliverDue(ctx)
	return errors.Join(err, o.prune(ctx))
}

// prune drops letters that have been kept long enough, and the registrations whose
// last ones they were.
func (o *Outbox) prune(ctx context.Context) error {
	now := o.cfg.Clock.Now()
	err := o.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		for status, keep := range map[Status]time.Duration{Delivered: keepDelivered, Dead: keepDead} {
			if _, err := tx.PruneWebhookNotifications(ctx, store.PruneWebhookNotificationsParams{
				Tenant: o.cfg.Tenant, Status: string(status), Before: store.Micros(now.Add(-keep)),
			}); err != nil {
				return err
			}
		}
		_, err := tx.PruneWebhookRegistrations(ctx, o.cfg.Tenant)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop old webhooks: %w", err)
	}
	return nil
}
