package adservertest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Transport is an [http.RoundTripper] with trouble on the line: it is put below the
// http.Client of an adapter that speaks HTTP.
type Transport struct {
	Base    http.RoundTripper
	Trouble *Trouble

	mu   sync.Mutex
	read map[string]*recorded
}

type recorded struct {
	status int
	header http.Header
	body   []byte
}

var errCut = errors.New("the connection was cut, as the test wants it")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	fault := t.Trouble.next()
	if fault == Throttled {
		drain(req)
		return (&recorded{http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, []byte(`{}`)}).response(req), nil
	}
	if fault == Stale && req.Method == http.MethodGet {
		t.mu.Lock()
		was := t.read[req.URL.String()]
		t.mu.Unlock()
		if was != nil {
			return was.response(req), nil
		}
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	got, err := t.send(req, body)
	if err != nil {
		return nil, err
	}
	switch fault {
	case AnswerLost:
		return nil, errCut
	case Duplicated:
		if got, err = t.send(req, body); err != nil {
			return nil, err
		}
	case CutShort:
		resp := got.response(req)
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(got.body[:len(got.body)/2]), cut{}))
		return resp, nil
	}
	if req.Method == http.MethodGet {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.read == nil {
			t.read = map[string]*recorded{}
		}
		t.read[req.URL.String()] = got
	}
	return got.response(req), nil
}

func (t *Transport) send(req *http.Request, body []byte) (*recorded, error) {
	again := req.Clone(req.Context())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := t.Base.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return &recorded{resp.StatusCode, resp.Header, answer}, err
}

func (r *recorded) response(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: r.status, Status: http.StatusText(r.status), Header: r.header.Clone(), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: -1,
	}
}

func drain(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, errCut }
