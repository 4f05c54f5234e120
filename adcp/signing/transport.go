package signing

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// DefaultMaxBody is the largest body that is read to sign or verify it, in bytes.
const DefaultMaxBody = 16 << 20

// Transport is an [http.RoundTripper] that signs requests on their way out. A
// request that is sent again, by a client or after a redirect, is signed again,
// with a nonce of its own, for the address it then goes to: clients that sign
// had better not follow redirects.
type Transport struct {
	// Signer signs.
	Signer *Signer
	// Base sends; http.DefaultTransport when nil.
	Base http.RoundTripper
	// Signs decides which requests are signed; all when nil. The body is the one
	// that is sent: see [Policy.Signs] and [JSONRPCInvocations].
	Signs func(r *http.Request, body []byte) bool
	// MaxBody is the largest body that is signed; [DefaultMaxBody] when zero. A
	// larger one is not sent.
	MaxBody int64
}

// RoundTrip implements [http.RoundTripper]. The request it is given stays as it
// is, but for its body, which is read.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Signer == nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, errors.New("the transport has no signer")
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	limit := t.MaxBody
	if limit == 0 {
		limit = DefaultMaxBody
	}
	out := r.Clone(r.Context())
	body, err := readBody(out, limit)
	if err != nil {
		return nil, err
	}
	if out.ContentLength = int64(len(body)); len(body) == 0 {
		out.Body = http.NoBody
	}
	out.GetBody = func() (io.ReadCloser, error) { return newBody(body), nil }
	if t.Signs == nil || t.Signs(r, body) {
		host := out.Host
		if host == "" {
			host = out.URL.Host
		}
		// Not URL.String, which escapes hosts in other scripts; the wire has them in ASCII.
		target := out.URL.Scheme + "://" + host + out.URL.RequestURI()
		m := &Message{Method: methodOf(out), URL: target, Header: out.Header, Body: body}
		if err := t.Signer.Sign(m); err != nil {
			return nil, err
		}
	}
	return base.RoundTrip(out)
}

func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// MiddlewareConfig is what [NewMiddleware] takes.
type MiddlewareConfig struct {
	Verifier *Verifier
	// Origins are the public origins of this server; see [NewMessage].
	Origins []string
	// MaxBody is the largest body that is read; [DefaultMaxBody] when zero.
	MaxBody int64
	// Describe completes the message before it is verified, with what the server
	// knows of the request: what it invokes, whether it brings another credential
	// that is good, and which agent must have signed. Nil takes the invocations
	// from the body, by [JSONRPCInvocations], and no other credential.
	Describe func(r *http.Request, m *Message) error
	// Refused is told of every refusal, and of every failed signature that
	// policy only warns about. It is for logs and alarms; the answer is made.
	Refused func(r *http.Request, err error, warning bool)
}

// NewMiddleware verifies requests before a handler sees them. The handler gets
// the body as it came and, in the request's context, who signed:
// [IdentityFrom]. A refusal is answered with status 401 and the code, in
// WWW-Authenticate and as {"error": code}; a body above the limit with 413; a
// fault of ours with 503.
func NewMiddleware(cfg MiddlewareConfig) (func(http.Handler) http.Handler, error) {
	if cfg.Verifier == nil {
		return nil, errors.New("the middleware needs a verifier")
	}
	for _, o := range cfg.Origins {
		if _, err := origin(o); err != nil {
			return nil, err
		}
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Describe == nil {
		cfg.Describe = func(_ *http.Request, m *Message) error {
			m.Invocations = JSONRPCInvocations(m.Body)
			return nil
		}
	}
	if cfg.Refused == nil {
		cfg.Refused = func(*http.Request, error, bool) {}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			verdict, err := cfg.verify(r)
			if err != nil {
				cfg.Refused(r, err, false)
				refuseHTTP(w, err)
				return
			}
			if verdict.Warning != nil {
				cfg.Refused(r, verdict.Warning, true)
			}
			if verdict.Identity != nil {
				r = r.WithContext(context.WithValue(r.Context(), identityKey{}, verdict.Identity))
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

func (cfg *MiddlewareConfig) verify(r *http.Request) (Verdict, error) {
	m, err := NewMessage(r, cfg.MaxBody, cfg.Origins...)
	if err != nil {
		return Verdict{}, cfg.Verifier.named(err, "10")
	}
	if err := cfg.Describe(r, m); err != nil {
		return Verdict{}, cfg.Verifier.named(err, "0")
	}
	return cfg.Verifier.Verify(r.Context(), m)
}

func refuseHTTP(w http.ResponseWriter, err error) {
	status, code := http.StatusServiceUnavailable, "unavailable"
	var refused *Error
	switch {
	case errors.As(err, &refused):
		status, code = http.StatusUnauthorized, refused.Code
		w.Header().Set("WWW-Authenticate", refused.Challenge())
	case errors.Is(err, ErrBodyTooLarge):
		status, code = http.StatusRequestEntityTooLarge, "too_large"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

type identityKey struct{}

// IdentityFrom is who signed the request of that context, if anyone did.
func IdentityFrom(ctx context.Context) (*Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(*Identity)
	return id, ok
}
