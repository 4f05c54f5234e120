package signing

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Message is an HTTP request as the profiles see it, either way: what is to be
// signed or what came in. The body is the bytes on the wire, never a document
// that was decoded and encoded again.
type Message struct {
	Method string
	// URL is the whole target, with scheme and host, as it is sent or was received.
	URL string
	// Authority is the Host header or :authority as received. Empty takes the URL's.
	Authority string
	Header    http.Header
	Body      []byte

	// Invocations are what the body asks for, so that the verifier's policy can
	// tell whether a signature is needed; see [JSONRPCInvocations].
	Invocations []Invocation
	// Authenticated says that the caller has shown another credential that this
	// operation accepts, such as a bearer token. Policy then lets the message
	// come unsigned; a signature that is there is verified all the same.
	Authenticated bool
	// AgentURL names the agent that must have signed, where it is known before:
	// the seller that a webhook was registered with, or the agent that the
	// caller's other credential belongs to. Empty leaves it to the key source.
	AgentURL string
}

// ErrBodyTooLarge is what [NewMessage] returns for a body above the limit.
var ErrBodyTooLarge = errors.New("the request's body is larger than the limit")

// NewMessage reads an incoming request, its body up to limit bytes, and gives
// the request a fresh copy of the body. The target is rebuilt from what came in
// and never from r.URL, which routers rewrite: from the request line and the
// Host header. Origins are the public origins of this server, such as
// "https://seller.example.com"; with any given, a request for another host is
// refused with an [Error] (which has no code until the verifier sees it) and
// the scheme is the origin's, so that TLS may end before this process. With
// none, the scheme is https where r.TLS says so.
func NewMessage(r *http.Request, limit int64, origins ...string) (*Message, error) {
	body, err := readBody(r, limit)
	if err != nil {
		return nil, err
	}
	return messageOf(r, body, origins)
}

// messageOf is [NewMessage] for a body that was read before.
func messageOf(r *http.Request, body []byte, origins []string) (*Message, error) {
	m := &Message{Method: r.Method, Authority: r.Host, Header: r.Header, Body: body}
	if r.RequestURI == "" { // Never was on a wire.
		m.URL = r.URL.String()
		return m, nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if len(origins) > 0 {
		// One host may have an origin with TLS and one without.
		i := slices.IndexFunc(origins, func(origin string) bool {
			return serves(origin, r.Host) && strings.HasPrefix(origin, scheme+"://")
		})
		if i < 0 {
			i = slices.IndexFunc(origins, func(origin string) bool { return serves(origin, r.Host) })
		}
		if i < 0 {
			return nil, refuse(ReasonTargetURI, "the Host header names none of this server's origins")
		}
		scheme, _, _ = strings.Cut(origins[i], "://")
	}
	m.URL = scheme + "://" + r.Host + r.RequestURI
	if !strings.HasPrefix(r.RequestURI, "/") { // The request line has the whole target.
		m.URL = r.RequestURI
	}
	return m, nil
}

// serves tells whether an origin answers under a Host header.
func serves(origin, host string) bool {
	u, err := split(origin)
	if err != nil {
		return false
	}
	own, err := canonicalAuthority(u.scheme, u.authority)
	if err != nil {
		return false
	}
	asked, err := canonicalAuthority(u.scheme, host)
	return err == nil && asked == own
}

// readBody reads at most limit bytes and puts them back.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, ErrBodyTooLarge
	}
	r.Body = newBody(body)
	return body, nil
}

// field is a header's value as a signature base has it: lines trimmed and
// joined. ok is false where the header is absent.
func (m *Message) field(name string) (value string, ok bool) {
	lines := m.lines(name)
	if len(lines) == 0 {
		return "", false
	}
	trimmed := make([]string, len(lines))
	for i, line := range lines {
		trimmed[i] = strings.Trim(line, " \t")
	}
	return strings.Join(trimmed, ", "), true
}

// signed tells whether either header of a signature is there.
func (m *Message) signed() bool {
	return len(m.lines("Signature")) > 0 || len(m.lines("Signature-Input")) > 0
}

// lines are a header's values whatever the case of its name, since a Message
// may be made by hand.
func (m *Message) lines(name string) []string {
	if lines := m.Header.Values(name); len(lines) > 0 {
		return lines
	}
	for key, lines := range m.Header {
		if strings.EqualFold(key, name) && len(lines) > 0 {
			return lines
		}
	}
	return nil
}

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }
