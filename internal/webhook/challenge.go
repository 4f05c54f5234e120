package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/upfront-media/upfront/adcp"
)

// challengeSchema is the schema of what [Outbox.Prove] sends.
const challengeSchema = "core/webhook-challenge.json"

// ErrUnproven is what [Outbox.Prove] wraps where a receiver did not prove itself. It
// never says more than its own words: what a fetch found is nobody's business.
var ErrUnproven = errors.New("the receiver did not prove that it wants this")

// Prove has the receiver at an address prove that it expects what a subscription
// will send there, before anything is sent: it must answer a signed challenge with
// the value in it (AdCP accounts, endpoint proof of control). The challenge's type
// and value are made here. It is one call of at most [egress.DefaultTimeout], and
// always signed with the agent's own key, whatever scheme the subscription names.
func (o *Outbox) Prove(ctx context.Context, address string, c adcp.WebhookChallenge) error {
	if o.cfg.Signer == nil {
		return fmt.Errorf("%w: this agent has no key to sign a challenge with", ErrUnproven)
	}
	c.Type, c.Challenge = "webhook.challenge", "chl_"+rand.Text()+rand.Text()
	body, err := plainJSON(c)
	if err != nil {
		return fmt.Errorf("webhook challenge: %w", err)
	}
	if err := adcp.ValidateDocument(challengeSchema, body); err != nil {
		return fmt.Errorf("webhook challenge: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: the address cannot be called", ErrUnproven)
	}
	if err := o.sign(req, schemeSignature, "", body); err != nil {
		return fmt.Errorf("%w: %w", errSign, err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrUnproven, reason(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s", ErrUnproven, reason(err))
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("%w: %w", ErrUnproven, refusedError{resp.StatusCode})
	case !echoes(answer, c.Challenge):
		return fmt.Errorf("%w: its answer does not hold the challenge", ErrUnproven)
	}
	return nil
}

// echoes tells whether an answer is an object with the challenge as its one member,
// by its name or by the older one.
func echoes(answer []byte, challenge string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil || len(members) != 1 {
		return false
	}
	for name, raw := range members {
		var value string
		if name != "challenge" && name != "token" || json.Unmarshal(raw, &value) != nil {
			return false
		}
		return subtle.ConstantTimeCompare([]byte(value), []byte(challenge)) == 1
	}
	return false
}
