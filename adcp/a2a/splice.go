package a2a

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"sync"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
)

// The SDK holds data as Go values and writes them anew: numbers become floats,
// white space and escapes change. The protocol wants amounts exact and the
// caller's context back byte for byte. So what passes through the SDK is a
// mark, and the answer takes the mark's place in what the SDK has written.

// mark is a random text that no caller can know.
type mark string

func newMark() mark {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return mark(hex.EncodeToString(b))
}

// held are the answers that wait for their places, of one call.
type held struct {
	mu     sync.Mutex
	bodies []json.RawMessage
}

// part is a data part that stands for the body until it is written.
func (m mark) part(h *held, body json.RawMessage) *sdk.Part {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, body)
	return sdk.NewDataPart(map[string]any{string(m): len(h.bodies) - 1})
}

// splice puts the bodies in the places of the marks.
func (m mark) splice(written []byte, h *held) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	open := []byte(`{"` + string(m) + `":`)
	var out []byte
	for {
		before, rest, ok := bytes.Cut(written, open)
		if !ok {
			break
		}
		number, after, ok := bytes.Cut(rest, []byte("}"))
		i, err := strconv.Atoi(string(number))
		if !ok || err != nil || i < 0 || i >= len(h.bodies) {
			break
		}
		out = append(append(out, before...), h.bodies[i]...)
		written = after
	}
	if out == nil {
		return written
	}
	return append(out, written...)
}

// answerWriter stands between the SDK and the caller: it puts the bodies in,
// and says in A2A 0.3 what was asked in it. One JSON document is kept until it
// is whole; the events of a stream are passed on one by one, each of which the
// SDK writes at once.
type answerWriter struct {
	http.ResponseWriter
	mark mark
	call *call

	status  int
	stream  bool
	written bytes.Buffer
}

// WriteHeader implements [http.ResponseWriter].
func (a *answerWriter) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	mediaType, _, _ := mime.ParseMediaType(a.Header().Get("Content-Type"))
	if a.stream = mediaType == "text/event-stream"; a.stream {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements [http.ResponseWriter].
func (a *answerWriter) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.stream {
		return a.written.Write(p)
	}
	out := p
	if data, ok := bytes.CutPrefix(p, []byte("data: ")); ok {
		data = a.finished(bytes.TrimRight(data, "\n"))
		// White space in a body may hold line ends, which end a line of data.
		out = append([]byte("data: "), bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r"), []byte(" ")), []byte("\n"), []byte("\ndata: "))...)
		out = append(out, "\n\n"...)
	}
	if _, err := a.ResponseWriter.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush implements [http.Flusher].
func (a *answerWriter) Flush() {
	if f, ok := a.ResponseWriter.(http.Flusher); ok && a.stream {
		f.Flush()
		return
	}
	if a.stream {
		_ = http.NewResponseController(a.ResponseWriter).Flush()
	}
}

// finished is one JSON-RPC response as the caller gets it.
func (a *answerWriter) finished(doc []byte) []byte {
	if a.call.old {
		doc = from10(doc, a.call)
	}
	return a.mark.splice(doc, &a.call.held)
}

// finish writes out a document that was kept.
func (a *answerWriter) finish() {
	if a.stream {
		return
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	body := a.finished(bytes.TrimRight(a.written.Bytes(), "\n"))
	a.Header().Set("Content-Length", strconv.Itoa(len(body)))
	writeJSON(a.ResponseWriter, a.status, body)
}
