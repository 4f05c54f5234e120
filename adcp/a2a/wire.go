package a2a

import (
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
	"time"
	"unicode/utf8"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
)

// errTooLarge ends the reading of an answer above the limit.
var errTooLarge = errors.New("the answer is larger than the limit")

// malformed is the error of an answer that is not A2A's.
type malformed string

func (m malformed) Error() string { return string(m) }

// post sends one JSON-RPC request and reads its answer. The SDK's client is not
// used for it: it decodes numbers into floats, reads without a limit, and tells
// no HTTP error from another.
func (c *Caller) post(ctx context.Context, e *endpoint, method string, params []byte) (Answer, error) {
	id, _ := json.Marshal(sdk.NewMessageID())
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","id":%s,"method":%q,"params":`, id, method)
	b.Write(params)
	b.WriteByte('}')
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, &b)
	if err != nil {
		return Answer{}, &Failure{Reason: ReasonUnreachable, Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if e.release == Release10 {
		req.Header.Set("A2A-Version", Release10)
	}
	if e.profile {
		req.Header.Set("A2A-Extensions", extension)
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, failure(ctx, nil, err)
	}
	defer resp.Body.Close()
	body, err := c.read(resp, id)
	if err != nil {
		return Answer{}, failure(ctx, resp, err)
	}
	return answerOf(ctx, resp, body)
}

func (c *Caller) authorize(req *http.Request) {
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
}

// answerOf tells an answer from a failure once the response is whole.
func answerOf(ctx context.Context, resp *http.Response, body []byte) (Answer, error) {
	m, isResponse := parseResponse(body)
	switch {
	case isResponse && m.Error != nil:
		if e := rpcADCPError(m.Error.Data); e != nil {
			return Answer{Error: e, IsError: true, Text: m.Error.Message, HTTPStatus: resp.StatusCode}, nil
		}
		f := failure(ctx, resp, nil)
		if f.Reason != ReasonUnauthorized {
			f.Reason, f.RPCCode = ReasonRefused, m.Error.Code
			f.Err = fmt.Errorf("JSON-RPC error %d: %s", m.Error.Code, strings.TrimSpace(m.Error.Message))
		}
		return Answer{}, f
	case resp.StatusCode != http.StatusOK:
		return Answer{}, failure(ctx, resp, nil)
	}
	t, ok := readTask(m.Result)
	if !ok || statusOf(t.Status.State) == "" && t.Parts == nil {
		return Answer{}, failure(ctx, resp, malformed("the answer is neither a task nor a message"))
	}
	a, err := t.answer()
	if err != nil {
		return Answer{}, failure(ctx, resp, malformed(err.Error()))
	}
	a.HTTPStatus = resp.StatusCode
	return a, nil
}

// read takes in the answer to the request of that id. What comes with another
// status than 200 is read for a JSON-RPC error and need not be one.
func (c *Caller) read(resp *http.Response, id json.RawMessage) ([]byte, error) {
	limited, err := c.limit(resp)
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	ok := resp.StatusCode == http.StatusOK
	if ok && mediaType == "text/event-stream" {
		return readEvents(limited, id)
	}
	if ok && mediaType != "application/json" && mediaType != "application/a2a+json" {
		return nil, malformed(fmt.Sprintf("the answer's content type is %q", mediaType))
	}
	body, err := io.ReadAll(limited)
	switch {
	case limited.N <= 0:
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case !ok:
		return body, nil
	case !utf8.Valid(body):
		return nil, malformed("the answer is not valid UTF-8")
	}
	m, isResponse := parseResponse(body)
	if !isResponse {
		return nil, malformed("the answer is not a JSON-RPC response")
	}
	if !m.answers(id) {
		return nil, malformed("the answer is to another request")
	}
	return body, nil
}

func (c *Caller) limit(resp *http.Response) (*io.LimitedReader, error) {
	if resp.ContentLength > c.cfg.MaxAnswer {
		return nil, errTooLarge
	}
	return &io.LimitedReader{R: resp.Body, N: c.cfg.MaxAnswer + 1}, nil
}

// response is a JSON-RPC response as far as a call needs it.
type response struct {
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
func (m response) answers(id json.RawMessage) bool {
	return bytes.Equal(m.ID, id) || m.Error != nil && (len(m.ID) == 0 || string(m.ID) == "null")
}

func parseResponse(body []byte) (response, bool) {
	var m response
	if json.Unmarshal(body, &m) != nil || (len(m.Result) == 0 && m.Error == nil) {
		return response{}, false
	}
	return m, true
}

// failure says why there is no answer.
func failure(ctx context.Context, resp *http.Response, err error) *Failure {
	f := &Failure{Err: err}
	if resp != nil {
		f.HTTPStatus = resp.StatusCode
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			f.RetryAfter = time.Duration(min(s, 3600)) * time.Second
		}
	}
	var odd malformed
	switch {
	case errors.Is(err, errTooLarge):
		f.Reason = ReasonTooLarge
	case errors.As(err, &odd):
		f.Reason = ReasonMalformed
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		f.Reason, f.Err = ReasonTimeout, ctx.Err()
	case ctx.Err() != nil:
		f.Reason, f.Err = ReasonUnreachable, ctx.Err()
	case err != nil:
		f.Reason = ReasonUnreachable
	case f.HTTPStatus == http.StatusUnauthorized || f.HTTPStatus == http.StatusForbidden:
		f.Reason = ReasonUnauthorized
	default:
		f.Reason, f.Err = ReasonRefused, fmt.Errorf("the server answered %s", http.StatusText(f.HTTPStatus))
	}
	return f
}
