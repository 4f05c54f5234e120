package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// errTooLarge ends the reading of an answer above the limit.
var errTooLarge = errors.New("the answer is larger than the limit")

// wire is the HTTP transport below the SDK: it adds the credential, bounds
// what is read, and keeps the bytes of an answer for the call that asked for them.
type wire struct {
	next  http.RoundTripper
	token string
	limit int64
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	next := w.next
	if next == nil {
		next = http.DefaultTransport
	}
	seen, _ := req.Context().Value(captureKey{}).(*capture)
	seen.begin()
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	seen.head(resp)
	if resp.ContentLength > w.limit {
		seen.fault(errTooLarge)
		resp.Body.Close()
		return nil, errTooLarge
	}
	resp.Body = &boundedBody{body: resp.Body, left: w.limit, seen: seen}
	return resp, nil
}

// boundedBody reads at most left bytes, tells them to a capture, and fails beyond.
type boundedBody struct {
	body io.ReadCloser
	left int64
	seen *capture
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		b.seen.fault(errTooLarge)
		return 0, errTooLarge
	}
	b.left -= int64(n)
	b.seen.write(p[:n])
	if err != nil && err != io.EOF {
		b.seen.fault(err)
	}
	return n, err
}

func (b *boundedBody) Close() error { return b.body.Close() }

type captureKey struct{}

// capture keeps what one HTTP exchange brought. The SDK reads on goroutines of
// its own, so it is locked; a nil capture keeps nothing.
type capture struct {
	mu         sync.Mutex
	status     int
	mediaType  string
	retryAfter time.Duration
	body       bytes.Buffer
	err        error
}

func (c *capture) begin() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.mediaType, c.retryAfter, c.err = 0, "", 0, nil
	c.body.Reset()
}

func (c *capture) head(resp *http.Response) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = resp.StatusCode
	c.mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		c.retryAfter = time.Duration(min(s, 3600)) * time.Second
	}
}

func (c *capture) write(p []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body.Write(p)
}

func (c *capture) fault(err error) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// message is a JSON-RPC response as far as a call needs it.
type message struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
}

type rpcError struct {
	Code    int64           `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// response finds the JSON-RPC response among the bytes kept.
func (c *capture) response() (message, bool) {
	body := c.body.Bytes()
	if !utf8.Valid(body) {
		return message{}, false
	}
	if c.mediaType != "text/event-stream" {
		return parseMessage(body)
	}
	var last message
	var found bool
	for _, data := range events(body) {
		if m, ok := parseMessage(data); ok {
			last, found = m, true
		}
	}
	return last, found
}

func parseMessage(body []byte) (message, bool) {
	var m message
	if json.Unmarshal(body, &m) != nil || (len(m.Result) == 0 && m.Error == nil) {
		return message{}, false
	}
	return m, true
}

// events splits a stream of server-sent events into the data of each.
func events(body []byte) [][]byte {
	var all [][]byte
	var data []byte
	lines := bufio.NewReader(bytes.NewReader(body))
	for {
		line, err := lines.ReadBytes('\n')
		line = bytes.TrimRight(line, "\r\n")
		if rest, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
		}
		if (len(line) == 0 || err != nil) && data != nil {
			all, data = append(all, data), nil
		}
		if err != nil {
			return all
		}
	}
}

// answer is the tool's answer, when a whole one arrived: a result, or a
// JSON-RPC error that carries an error of the protocol's own.
func (c *capture) answer() (Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.response()
	if !ok || c.err != nil {
		return Answer{}, false
	}
	if m.Error != nil {
		if e := rpcADCPError(m.Error.Data); e != nil {
			return Answer{Error: e, IsError: true, HTTPStatus: c.status}, true
		}
		return Answer{}, false
	}
	var r toolResult
	if c.status != http.StatusOK || json.Unmarshal(m.Result, &r) != nil || !r.isTool() {
		return Answer{}, false
	}
	return Answer{
		Body:       r.success(),
		Error:      r.failure(),
		IsError:    r.IsError,
		Text:       r.text(),
		HTTPStatus: c.status,
	}, true
}

// failure says why there is no answer. The handshake's refusal counts as the
// call's, so an error of the protocol's own is looked for here too.
func (c *capture) failure(ctx context.Context, err error) (Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &Failure{HTTPStatus: c.status, RetryAfter: c.retryAfter, Err: err}
	m, isMessage := c.response()
	if isMessage && m.Error != nil {
		if e := rpcADCPError(m.Error.Data); e != nil {
			return Answer{Error: e, IsError: true, HTTPStatus: c.status}, nil
		}
	}
	switch {
	case errors.Is(c.err, errTooLarge) || errors.Is(err, errTooLarge):
		f.Reason, f.Err = ReasonTooLarge, errTooLarge
	case ctx.Err() != nil:
		f.Reason, f.Err = ReasonTimeout, ctx.Err()
		if errors.Is(ctx.Err(), context.Canceled) {
			f.Reason = ReasonUnreachable
		}
	case c.status == http.StatusUnauthorized || c.status == http.StatusForbidden:
		f.Reason, f.Err = ReasonUnauthorized, nil
	case c.status >= 300:
		f.Reason, f.Err = ReasonRefused, fmt.Errorf("the server answered %s", http.StatusText(c.status))
	case c.status == 0 || c.err != nil:
		f.Reason = ReasonUnreachable
		if c.err != nil {
			f.Err = c.err
		}
	case isMessage && m.Error != nil:
		f.Reason, f.RPCCode = ReasonRefused, m.Error.Code
		f.Err = fmt.Errorf("JSON-RPC error %d: %s", m.Error.Code, strings.TrimSpace(m.Error.Message))
	case c.mediaType != "application/json" && c.mediaType != "text/event-stream":
		f.Reason, f.Err = ReasonMalformed, fmt.Errorf("the answer's content type is %q", c.mediaType)
	case !utf8.Valid(c.body.Bytes()):
		f.Reason, f.Err = ReasonMalformed, errors.New("the answer is not valid UTF-8")
	default:
		f.Reason = ReasonMalformed
	}
	return Answer{}, f
}
