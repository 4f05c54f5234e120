package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

// Signer makes signers for requests of a release such as "3.1", which cover their
// body's digest as the other side's policy says. [SigningKey] is one.
type Signer interface {
	RequestSigner(release string, digest signing.DigestPolicy) (*signing.Signer, error)
}

// SigningKey is a [Signer] with one key: what [signing.NewSigner] takes, of which
// Profile and Digest are filled in.
type SigningKey signing.SignerConfig

// RequestSigner implements [Signer].
func (k SigningKey) RequestSigner(release string, digest signing.DigestPolicy) (*signing.Signer, error) {
	cfg := signing.SignerConfig(k)
	cfg.Profile, cfg.Digest = signing.RequestProfile(release), digest
	return signing.NewSigner(cfg)
}

type signerKey struct{}

// sign makes the call's requests signed ones where the agent verifies signatures
// and asks for one on the operation; and on every operation where the client has
// nothing else to show who it is.
func (c *Client) sign(ctx context.Context, op *adcp.Operation, sent []byte, release string, known *Capabilities) (context.Context, error) {
	if c.cfg.Signer == nil || known == nil {
		return ctx, nil
	}
	policy, err := signing.NewPolicy(known.Response.RequestSigning)
	if err != nil {
		// What cannot be met as a whole is met as far as it goes: it is verified.
		policy.Supported = known.Response.RequestSigning.Supported
	}
	if !policy.Supported || c.cfg.Token != "" && !policy.Wants(signing.Invocation{Operation: op.Name}, sent) {
		return ctx, nil
	}
	signer, err := c.cfg.Signer.RequestSigner(release, policy.Digest)
	if err != nil {
		return ctx, fmt.Errorf("the request cannot be signed: %w", err)
	}
	return context.WithValue(ctx, signerKey{}, signer), nil
}

// signatures signs each request of a call that is to be signed, so that one that
// is sent again has a nonce of its own.
type signatures struct{ base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (s signatures) RoundTrip(r *http.Request) (*http.Response, error) {
	signer, _ := r.Context().Value(signerKey{}).(*signing.Signer)
	if signer == nil {
		return s.base.RoundTrip(r)
	}
	return (&signing.Transport{Signer: signer, Base: s.base}).RoundTrip(r)
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] reach the transport.
func (s signatures) CloseIdleConnections() {
	if closer, ok := s.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// signing is the configuration with an HTTP client that can sign.
func (cfg Config) signing() Config {
	if cfg.Signer == nil {
		return cfg
	}
	own := http.Client{}
	if cfg.HTTPClient != nil {
		own = *cfg.HTTPClient
	}
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = signatures{own.Transport}
	cfg.HTTPClient = &own
	return cfg
}
