package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/upfront-media/upfront/adcp/egress"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/store"
)

// maxAnswer is how much of an answer is read, to keep the connection; none of it
// is kept, logged or shown.
const maxAnswer = 16 << 10

// Status is where a notification is.
type Status string

// The states: a dead notification was given up and can be replayed.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Dead      Status = "dead"
)

// errTaken says that somebody else changed the row first.
var errTaken = errors.New("webhook: the notification was changed meanwhile")

// errSign is a failure of ours, for which the receiver's breaker does not open.
var errSign = errors.New("the webhook could not be signed")

// refusedError is an answer that is no success.
type refusedError struct{ status int }

func (e refusedError) Error() string { return fmt.Sprintf("the receiver answered status %d", e.status) }

// DeliverDue delivers all that is due by the clock, and tells how many lanes it
// looked at. The queue does the same by itself; this is for those who move the clock.
func (o *Outbox) DeliverDue(ctx context.Context) (int, error) {
	lanes, err := o.cfg.Store.Read().WebhookLanesDue(ctx, store.WebhookLanesDueParams{
		Tenant: o.cfg.Tenant, Now: store.Micros(o.cfg.Clock.Now()),
	})
	if err != nil {
		return 0, fmt.Errorf("webhooks that are due: %w", err)
	}
	var errs []error
	for _, lane := range lanes {
		if _, err := o.deliverLane(ctx, lane); err != nil {
			errs = append(errs, err)
		}
	}
	return len(lanes), errors.Join(errs...)
}

// deliverLane delivers a lane's notifications in their order until one has to
// wait, and tells how long; zero is that nothing is left.
func (o *Outbox) deliverLane(ctx context.Context, lane string) (time.Duration, error) {
	for {
		n, reg, wait, err := o.claim(ctx, lane)
		if err != nil || n == nil {
			return wait, err
		}
		sent := o.send(ctx, n, reg)
		if ctx.Err() != nil {
			// Ours, not the receiver's fault: the lease runs out and it is tried again.
			return 0, ctx.Err()
		}
		if err := o.record(ctx, n, sent); err != nil && !errors.Is(err, errTaken) {
			return 0, err
		}
	}
}

// claim takes the first notification of a lane, if it may be sent now. Otherwise
// there is none, and the time until it may; zero where the lane is empty.
func (o *Outbox) claim(ctx context.Context, lane string) (n *store.WebhookNotification, reg *store.WebhookRegistration, wait time.Duration, err error) {
	err = o.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		n, reg, wait = nil, nil, 0
		for {
			head, err := tx.WebhookLaneHead(ctx, store.WebhookLaneHeadParams{Tenant: o.cfg.Tenant, Lane: lane})
			if errors.Is(err, store.ErrNoRow) {
				return nil
			}
			if err != nil {
				return err
			}
			now := o.cfg.Clock.Now()
			if until := store.Time(head.LeaseUntil); until.After(now) {
				// Most likely somebody is at it, and goes on with the lane.
				wait = min(until.Sub(now), leasedPause)
				return nil
			}
			b, err := o.breaker(ctx, tx, head.Receiver)
			if err != nil {
				return err
			}
			free := b.free()
			if deadline := store.Time(head.DeadlineAt); now.After(deadline) && (head.Attempts > 0 || free.After(now)) {
				if err := o.end(ctx, tx, &head, Dead, now, head.LastError); err != nil {
					return err
				}
				continue
			}
			if due := later(store.Time(head.NextAt), free); due.After(now) {
				wait = due.Sub(now)
				return nil
			}
			r, err := tx.WebhookRegistration(ctx, store.WebhookRegistrationParams{Tenant: o.cfg.Tenant, RegistrationID: head.RegistrationID})
			if err != nil {
				return fmt.Errorf("the registration %s: %w", head.RegistrationID, err)
			}
			if err := b.try(ctx, tx, now); err != nil {
				return err
			}
			head.Attempts++
			head.LeaseUntil = store.Micros(now.Add(lease))
			if err := save(ctx, tx, &head); err != nil {
				return err
			}
			n, reg = &head, &r
			return nil
		}
	})
	if errors.Is(err, errTaken) {
		return nil, nil, time.Second, nil
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("take a webhook: %w", err)
	}
	return n, reg, wait, nil
}

// send makes one attempt. Nil is that the receiver answered 2xx.
func (o *Outbox) send(ctx context.Context, n *store.WebhookNotification, reg *store.WebhookRegistration) error {
	secrets, err := o.open(reg)
	if err != nil {
		return fmt.Errorf("%w: %w", errSign, err)
	}
	body := []byte(n.Body)
	if reg.Form == "" {
		if body, err = withToken(n.Body, secrets.Token); err != nil {
			return fmt.Errorf("%w: %w", errSign, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", egress.ErrForbidden, err)
	}
	if reg.Form != "" && secrets.Token != "" {
		req.Header.Set(TokenHeader, secrets.Token)
	}
	if err := o.sign(req, reg.Scheme, secrets.Secret, body); err != nil {
		return fmt.Errorf("%w: %w", errSign, err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusedError{resp.StatusCode}
	}
	return nil
}

func (o *Outbox) sign(req *http.Request, scheme, secret string, body []byte) error {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "upfront-webhook")
	if scheme == schemeSignature {
		if o.cfg.Signer == nil {
			return errors.New("this agent has no key")
		}
		return o.cfg.Signer.Sign(&signing.Message{Method: req.Method, URL: req.URL.String(), Header: req.Header, Body: body})
	}
	s, err := o.shared(scheme, secret)
	if err != nil {
		return err
	}
	return s.Sign(req.Header, body)
}

// reason is a failure in words of ours: a receiver's text goes nowhere.
func reason(err error) string {
	var refused refusedError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, errSign):
		return errSign.Error()
	case errors.Is(err, egress.ErrForbidden):
		return egress.ErrForbidden.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the receiver did not answer in time"
	}
	return "the receiver could not be reached"
}

// record writes down how an attempt went.
func (o *Outbox) record(ctx context.Context, n *store.WebhookNotification, sent error) error {
	return o.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		now, n := o.cfg.Clock.Now(), *n
		n.Revision++ // The claim's own change.
		b, err := o.breaker(ctx, tx, n.Receiver)
		if err != nil {
			return err
		}
		var refused refusedError
		switch {
		case sent == nil:
			if err := b.succeeded(ctx, tx); err != nil {
				return err
			}
			return o.end(ctx, tx, &n, Delivered, now, "")
		case errors.Is(sent, egress.ErrForbidden), errors.As(sent, &refused) && refused.status == http.StatusGone:
			// Not a fault that passes: the address is wrong, or the receiver wants no more.
			if err := b.settled(ctx, tx); err != nil {
				return err
			}
			return o.end(ctx, tx, &n, Dead, now, reason(sent))
		}
		settle := func() error { return b.failed(ctx, tx, now) }
		if errors.Is(sent, errSign) {
			settle = func() error { return b.settled(ctx, tx) }
		}
		if err := settle(); err != nil {
			return err
		}
		next, deadline := now.Add(o.pause(n.Attempts)), store.Time(n.DeadlineAt)
		if !now.Before(deadline) {
			return o.end(ctx, tx, &n, Dead, now, reason(sent))
		}
		if next.After(deadline) {
			next = deadline // The last attempt.
		}
		n.NextAt, n.LeaseUntil, n.LastError = store.Micros(next), 0, reason(sent)
		return save(ctx, tx, &n)
	})
}

// pause is how long to wait after so many attempts.
func (o *Outbox) pause(attempts int64) time.Duration {
	d := o.cfg.RetryAtMost
	if doublings := max(attempts-1, 0); doublings < 30 {
		d = min(d, o.cfg.RetryAfter<<doublings)
	}
	return o.cfg.Jitter(d)
}

func (o *Outbox) end(ctx context.Context, tx *store.Tx, n *store.WebhookNotification, status Status, now time.Time, why string) error {
	n.Status, n.EndedAt, n.LeaseUntil, n.LastError = string(status), store.Micros(now), 0, why
	if status == Dead {
		o.cfg.Logger.WarnContext(ctx, "a webhook was given up", "event", n.EventID, "receiver", n.Receiver, "attempts", n.Attempts, "reason", why)
	}
	if err := save(ctx, tx, n); err != nil || status == Dead {
		return err
	}
	return o.erase(ctx, tx, n.RegistrationID)
}

func save(ctx context.Context, tx *store.Tx, n *store.WebhookNotification) error {
	changed, err := tx.UpdateWebhookNotification(ctx, store.UpdateWebhookNotificationParams{
		Status: n.Status, Position: n.Position, Attempts: n.Attempts, NextAt: n.NextAt, DeadlineAt: n.DeadlineAt,
		LeaseUntil: n.LeaseUntil, EndedAt: n.EndedAt, LastError: n.LastError,
		Tenant: n.Tenant, EventID: n.EventID, Revision: n.Revision,
	})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", n.EventID, err)
	}
	if changed == 0 {
		return errTaken
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
