package a2a

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp/agent"
)

// refuse answers before dispatch: a JSON-RPC error that carries the
// protocol's error, and the caller's context where there was one.
func (h *handler) refuse(w http.ResponseWriter, status int, id json.RawMessage, code int64, resp agent.Response) {
	message := "refused"
	if resp.Error != nil {
		message = resp.Error.Message
	}
	var b bytes.Buffer
	b.WriteString(`{"jsonrpc":"2.0","id":`)
	b.Write(replyID(id))
	b.WriteString(`,"error":`)
	e, _ := json.Marshal(struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}{code, message})
	b.Write(e[:len(e)-1])
	b.WriteString(`,"data":`)
	b.Write(resp.Body)
	b.WriteString("}}")
	writeJSON(w, status, b.Bytes())
}

// replyID is a request's id as an answer repeats it: a text or a number.
func replyID(id json.RawMessage) json.RawMessage {
	if len(id) == 0 || id[0] == '{' || id[0] == '[' {
		return json.RawMessage("null")
	}
	return id
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// ownerOf is whose a call is. A credential that is narrowed has tasks of its
// own: it must not read what another of the same principal has asked.
func ownerOf(sender agent.Requester) Owner {
	caller, c := sender.Caller, sender.Credential
	owner := Owner{Tenant: caller.Tenant, Principal: caller.Principal}
	if caller.Permission != nil {
		sum := sha256.Sum256([]byte(c.Scheme + "\x00" + c.Value))
		owner.Narrowed = hex.EncodeToString(sum[:])
	}
	return owner
}

// hostAllowed holds the Host header to the names the agent is known by, and
// an agent on a loopback address to loopback names.
func (h *handler) hostAllowed(r *http.Request) bool {
	host := hostname(r.Host)
	if len(h.opts.Hosts) > 0 {
		return slices.ContainsFunc(h.opts.Hosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return !ok || !isLoopback(hostname(local.String())) || isLoopback(host)
}

// originAllowed lets programs through, which send no Origin, and of web pages
// only those of the agent's own host, of this machine when the agent is on it,
// or of the origins named in the options.
func (h *handler) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.ContainsFunc(h.opts.Origins, func(allowed string) bool { return strings.EqualFold(allowed, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return isLoopback(u.Hostname()) && isLoopback(hostname(r.Host))
}

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func isJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/json", "application/a2a+json":
		return true
	}
	return false
}

// accepts tells whether the answer's content type is acceptable; no header
// accepts everything. A caller of a stream may ask for either type, since an
// error comes as JSON.
func accepts(accept []string, stream bool) bool {
	if len(accept) == 0 {
		return true
	}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		mediaType, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(mediaType)) {
		case "*/*", "":
			return true
		case "application/*", "application/json", "application/a2a+json":
			if !stream {
				return true
			}
		case "text/*", "text/event-stream":
			if stream {
				return true
			}
		}
	}
	return false
}
