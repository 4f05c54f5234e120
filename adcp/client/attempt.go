package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// firstDelay is the wait before the second attempt when the agent names none;
// it doubles with each attempt.
const firstDelay = 500 * time.Millisecond

// persist sends the same bytes until they are answered, the fault is not a
// passing one, or attempts or patience run out.
func (c *Client) persist(ctx context.Context, op *adcp.Operation, sent json.RawMessage, o options, retrySafe bool) (json.RawMessage, error) {
	left := c.cfg.Patience
	for attempt := 1; ; attempt++ {
		body, err := c.attempt(ctx, op, sent)
		if err == nil {
			return body, nil
		}
		var refusal *adcp.Error
		if errors.As(err, &refusal) && (refusal.Code == adcp.CodeVersionUnsupported || refusal.Code == adcp.CodeAuthMissing && c.cfg.Signer != nil) {
			// The request is not changed in mid-call; the next one knows better.
			c.forget()
		}
		delay, again := c.delay(err, attempt, retrySafe)
		if !again || attempt >= o.attempts || delay > left || ctx.Err() != nil {
			return nil, err
		}
		left -= delay
		if c.cfg.Wait(ctx, delay) != nil {
			return nil, err
		}
	}
}

// delay tells whether a fault may pass and how long to wait for that.
func (c *Client) delay(err error, attempt int, retrySafe bool) (time.Duration, bool) {
	wanted := time.Duration(0)
	var refusal *adcp.Error
	var failed *Error
	switch {
	case errors.As(err, &refusal):
		// A conflict passes only after the caller has read what changed.
		if Recovery(refusal) != adcp.ErrorRecoveryTransient || refusal.Code == adcp.CodeConflict {
			return 0, false
		}
		wanted = RetryAfter(refusal)
	case errors.As(err, &failed):
		// Whether a change took place is unknown; only an agent that keeps keys
		// can be asked again.
		if !failed.Retryable() || !retrySafe {
			return 0, false
		}
		wanted = failed.RetryAfter
	default:
		return 0, false
	}
	if wanted > 0 {
		return wanted + time.Duration(c.cfg.Jitter()*float64(firstDelay)), true
	}
	backoff := firstDelay << min(attempt-1, 6)
	return backoff/2 + time.Duration(c.cfg.Jitter()*float64(backoff/2)), true
}

// attempt is one exchange, if the breaker lets it through.
func (c *Client) attempt(ctx context.Context, op *adcp.Operation, sent json.RawMessage) (json.RawMessage, error) {
	done, refused := c.breaker.admit()
	if refused != nil {
		refused.Operation, refused.URL = op.Name, c.cfg.URL
		return nil, refused
	}
	body, err := c.exchange(ctx, op, sent)
	done(err)
	return body, err
}

func (c *Client) exchange(ctx context.Context, op *adcp.Operation, sent json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	got, err := c.caller.call(ctx, op.Name, sent)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Kind: Unreachable, Err: err}
		}
		e.Operation, e.URL = op.Name, c.cfg.URL
		return nil, e
	}
	return c.read(op, got)
}

// read tells an answer from a refusal.
func (c *Client) read(op *adcp.Operation, got answer) (json.RawMessage, error) {
	switch {
	case got.refusal != nil:
		if refusal, ok := ReadError(got.refusal); ok {
			return nil, refusal
		}
		fallthrough
	case got.isError:
		return nil, &Error{Kind: Failed, Operation: op.Name, URL: c.cfg.URL, HTTPStatus: got.httpStatus, Err: quoted(got.text)}
	case got.body == nil:
		return nil, &Error{
			Kind: Malformed, Operation: op.Name, URL: c.cfg.URL, HTTPStatus: got.httpStatus,
			Err: errors.New("the answer holds no JSON object"),
		}
	}
	if op.Name == adcp.GetTaskStatus.Name {
		// Here the status is that of the task asked about: reading of a failure
		// is not itself one.
		return got.body, nil
	}
	if refusal := failedBody(got.body); refusal != nil {
		return nil, refusal
	}
	return got.body, nil
}

// checkAnswer validates an answer against the published schema of its release.
// The schemas at hand are those of the newest release: what an agent says in
// an older one is decoded, and not checked.
func (c *Client) checkAnswer(op *adcp.Operation, body json.RawMessage, o options) error {
	if o.unchecked {
		return nil
	}
	var head struct {
		Version string `json:"adcp_version"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return err
	}
	served := head.Version
	if served == "" {
		served = o.version
	}
	if served != newestRelease() {
		return nil
	}
	if err := adcp.ValidateResponse(op, body); err != nil {
		// Not wrapped: it is what we found, and not what the agent refused.
		return errors.New("the answer breaks the response schema: " + err.Error())
	}
	return nil
}

func quoted(text string) error {
	text = Clean(text, MaxMessage)
	if text == "" {
		return nil
	}
	return errors.New("it said: " + text)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
