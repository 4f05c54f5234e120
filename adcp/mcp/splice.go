package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync/atomic"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/upfront-media/upfront/adcp/agent"
)

// The SDK writes a tool's answer anew: it takes out white space and escapes
// characters. The protocol wants the caller's context back byte for byte. So
// what passes through the SDK is a mark, and the answer takes the mark's place
// in what the SDK has written. That also spares two copies of a large answer.

// mark is a random text that no caller can know.
type mark string

func newMark() mark {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return mark(hex.EncodeToString(b))
}

func (m mark) text() []byte       { return []byte(`"` + m + `"`) }
func (m mark) structured() []byte { return []byte(`{"` + m + `":0}`) }

// held is the answer that waits for its place. The tool runs on a goroutine of
// the SDK's, which outlives a request that its caller gave up.
type held struct {
	answer atomic.Pointer[agent.Response]
	// typed says that the result is to say that it is complete, which the SDK does not.
	typed atomic.Bool
}

type heldKey struct{}

// result is an answer as a tool's result. The answer itself is held back for splice.
func (m mark) result(h *held, r agent.Response) *sdk.CallToolResult {
	h.answer.Store(&r)
	return &sdk.CallToolResult{
		Content:           []sdk.Content{&sdk.TextContent{Text: string(m)}},
		StructuredContent: json.RawMessage(m.structured()),
		IsError:           r.Error != nil,
	}
}

// splice appends what the SDK has written, with the answer in the places of the
// marks; whole says whether the text is the whole JSON.
func (m mark) splice(dst, written []byte, r *agent.Response, whole, typed bool) []byte {
	before, rest, ok := bytes.Cut(written, m.text())
	if !ok {
		return append(dst, written...)
	}
	between, after, ok := bytes.Cut(rest, m.structured())
	if !ok {
		return append(dst, written...)
	}
	dst = append(dst, before...)
	dst = appendText(dst, r, whole)
	dst = append(dst, between...)
	dst = append(dst, r.Body...)
	if typed {
		dst = append(dst, complete...)
	}
	return append(dst, after...)
}

// deferred is a response writer that keeps what the SDK writes until the
// answer can be put in.
type deferred struct {
	http.ResponseWriter
	status  int
	written bytes.Buffer
}

// WriteHeader implements [http.ResponseWriter].
func (d *deferred) WriteHeader(status int) {
	if d.status == 0 {
		d.status = status
	}
}

// Write implements [http.ResponseWriter].
func (d *deferred) Write(p []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	return d.written.Write(p)
}

// Flush implements [http.Flusher] by keeping on; the answer is one document.
func (d *deferred) Flush() {}

// send writes the whole answer out. Whole says whether the text of a tool's
// result is the whole JSON.
func (d *deferred) send(m mark, h *held, whole bool) {
	if d.status == 0 {
		d.status = http.StatusOK
	}
	written := d.written.Bytes()
	answer := h.answer.Load()
	if answer == nil {
		answer = new(agent.Response)
	}
	compose(d.ResponseWriter, d.status, len(written)+len(answer.Body), func(dst []byte) []byte {
		return m.splice(dst, written, answer, whole, h.typed.Load())
	})
}
