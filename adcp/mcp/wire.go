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

// malformed is the error of an answer that is not MCP's.
type malformed string

func (m malformed) Error() string { return string(m) }

// wire is the HTTP transport below the SDK. It adds the credential and bounds
// what is read. An answer is read whole before the SDK sees it, whether it
// came as JSON or as a stream of events, and must be the response to the very
// request: the SDK would wait for the right one until the time is over. Its
// bytes are kept for the call that asked, because the SDK decodes numbers into
// floats and amounts must keep their digits.
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
	id, err := requestID(req)
	if err != nil {
		return nil, err
	}
	resp, err := next.RoundTrip(req)
	if err != nil {
		seen.keep(nil, nil, err)
		return nil, err
	}
	if id == nil {
		// A notification, or the end of a session: nothing in the answer counts.
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, w.limit), resp.Body}
		seen.keep(resp, nil, nil)
		return resp, nil
	}
	body, err := w.read(resp, id)
	resp.Body.Close()
	seen.keep(resp, body, err)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Type", "application/json")
	return resp, nil
}

// requestID is the id of the JSON-RPC request in a body, or nil for a
// notification and for no body.
func requestID(req *http.Request) (json.RawMessage, error) {
	if req.Body == nil || req.GetBody == nil {
		return nil, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var msg struct {
		ID json.RawMessage `json:"id"`
	}
	_ = json.Unmarshal(b, &msg)
	return msg.ID, nil
}

// read takes in the answer to the request of that id.
func (w *wire) read(resp *http.Response, id json.RawMessage) ([]byte, error) {
	if resp.ContentLength > w.limit {
		return nil, errTooLarge
	}
	limited := &io.LimitedReader{R: resp.Body, N: w.limit + 1}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	ok := resp.StatusCode == http.StatusOK
	if ok && mediaType == "text/event-stream" {
		return readEvents(limited, id)
	}
	if ok && mediaType != "application/json" {
		return nil, malformed(fmt.Sprintf("the answer's content type is %q", mediaType))
	}
	body, err := io.ReadAll(limited)
	switch {
	case limited.N <= 0:
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case !ok:
		// The SDK looks for a JSON-RPC error here, and so do we.
		return body, nil
	case !utf8.Valid(body):
		return nil, malformed("the answer is not valid UTF-8")
	}
	m, ok := parseMessage(body)
	if !ok {
		return nil, malformed("the answer is not a JSON-RPC response")
	}
	if !m.answers(id) {
		return nil, malformed("the answer is to another request")
	}
	return body, nil
}

// readEvents takes server-sent events until the answer is among them. Whatever
// else the server sends, such as reports of progress, is passed over.
func readEvents(r *io.LimitedReader, id json.RawMessage) ([]byte, error) {
	lines := bufio.NewReader(r)
	var data []byte
	for {
		line, err := lines.ReadBytes('\n')
		if r.N <= 0 {
			return nil, errTooLarge
		}
		line = bytes.TrimRight(line, "\r\n")
		if rest, found := bytes.CutPrefix(line, []byte("data:")); found {
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
		}
		if (len(line) == 0 || err != nil) && data != nil {
			if !utf8.Valid(data) {
				return nil, malformed("the answer is not valid UTF-8")
			}
			if m, ok := parseMessage(data); ok && m.answers(id) {
				return data, nil
			}
			data = nil
		}
		switch {
		case err == io.EOF:
			return nil, malformed("the stream ended without an answer")
		case err != nil:
			return nil, err
		}
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

// answers tells whether the response is to the request of that id. An error
// may come without one, from a server that could not read it.
func (m message) answers(id json.RawMessage) bool {
	return bytes.Equal(m.ID, id) || m.Error != nil && (len(m.ID) == 0 || string(m.ID) == "null")
}

func parseMessage(body []byte) (message, bool) {
	var m message
	if json.Unmarshal(body, &m) != nil || (len(m.Result) == 0 && m.Error == nil) {
		return message{}, false
	}
	return m, true
}

type captureKey struct{}

// capture keeps what the last HTTP exchange of a call brought. The SDK sends on
// goroutines of its own, so it is locked; a nil capture keeps nothing.
type capture struct {
	mu         sync.Mutex
	status     int
	retryAfter time.Duration
	body       []byte
	err        error
}

func (c *capture) keep(resp *http.Response, body []byte, err error) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.retryAfter, c.body, c.err = 0, 0, body, err
	if resp == nil {
		return
	}
	c.status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		c.retryAfter = time.Duration(min(s, 3600)) * time.Second
	}
}

// answer is the tool's answer, when a whole one arrived: a result, or an error
// that carries one of the protocol's own.
func (c *capture) answer() (Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := parseMessage(c.body)
	if !ok || c.err != nil {
		return Answer{}, false
	}
	if m.Error != nil {
		// The handshake's refusal is the call's as well.
		e := rpcADCPError(m.Error.Data)
		return Answer{Error: e, IsError: true, HTTPStatus: c.status}, e != nil
	}
	var r toolResult
	if c.status != http.StatusOK || json.Unmarshal(m.Result, &r) != nil || !r.isTool() {
		return Answer{}, false
	}
	return Answer{Body: r.success(), Error: r.failure(), IsError: r.IsError, Text: r.text(), HTTPStatus: c.status}, true
}

// failure says why there is no answer.
func (c *capture) failure(ctx context.Context, err error) *Failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &Failure{HTTPStatus: c.status, RetryAfter: c.retryAfter, Err: err}
	if c.err != nil {
		f.Err = c.err
	}
	m, isMessage := parseMessage(c.body)
	var odd malformed
	switch {
	case errors.Is(c.err, errTooLarge):
		f.Reason = ReasonTooLarge
	case errors.As(c.err, &odd):
		f.Reason = ReasonMalformed
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		f.Reason, f.Err = ReasonTimeout, ctx.Err()
	case ctx.Err() != nil:
		f.Reason, f.Err = ReasonUnreachable, ctx.Err()
	case c.err != nil || c.status == 0:
		f.Reason = ReasonUnreachable
	case c.status == http.StatusUnauthorized || c.status == http.StatusForbidden:
		f.Reason, f.Err = ReasonUnauthorized, nil
	case isMessage && m.Error != nil:
		f.Reason, f.RPCCode = ReasonRefused, m.Error.Code
		f.Err = fmt.Errorf("JSON-RPC error %d: %s", m.Error.Code, strings.TrimSpace(m.Error.Message))
	case c.status >= 300:
		f.Reason, f.Err = ReasonRefused, fmt.Errorf("the server answered %s", http.StatusText(c.status))
	default:
		f.Reason = ReasonMalformed
	}
	return f
}
