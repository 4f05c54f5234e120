package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
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
	body atomic.Pointer[json.RawMessage]
}

type heldKey struct{}

// result is an answer as a tool's result: structured, and the same JSON as text
// for callers that read only texts. The bytes are held back for splice.
func (m mark) result(h *held, r agent.Response) *sdk.CallToolResult {
	h.body.Store(&r.Body)
	return &sdk.CallToolResult{
		Content:           []sdk.Content{&sdk.TextContent{Text: string(m)}},
		StructuredContent: json.RawMessage(m.structured()),
		IsError:           r.Error != nil,
	}
}

// splice puts the answer in the places of the marks.
func (m mark) splice(written, body []byte) []byte {
	before, rest, ok := bytes.Cut(written, m.text())
	if !ok {
		return written
	}
	between, after, ok := bytes.Cut(rest, m.structured())
	if !ok {
		return written
	}
	var out bytes.Buffer
	out.Grow(len(written) + 5*len(body)/2)
	out.Write(before)
	quoteTo(&out, body)
	out.Write(between)
	out.Write(body)
	out.Write(after)
	return out.Bytes()
}

// quoteTo writes JSON text as a JSON string, escaping what must be and no more.
// The answer is valid UTF-8: it is JSON that the agent has written or checked.
func quoteTo(out *bytes.Buffer, text []byte) {
	out.WriteByte('"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out.Write(text[from:i])
		from = i + 1
		switch c {
		case '"', '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case '\n':
			out.WriteString(`\n`)
		case '\r':
			out.WriteString(`\r`)
		case '\t':
			out.WriteString(`\t`)
		default:
			out.WriteString(`\u00`)
			out.WriteByte("0123456789abcdef"[c>>4])
			out.WriteByte("0123456789abcdef"[c&15])
		}
	}
	out.Write(text[from:])
	out.WriteByte('"')
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

// send writes the whole answer out.
func (d *deferred) send(m mark, h *held) {
	body := d.written.Bytes()
	if answer := h.body.Load(); answer != nil {
		body = m.splice(body, *answer)
	}
	if d.status == 0 {
		d.status = http.StatusOK
	}
	d.Header().Set("Content-Length", strconv.Itoa(len(body)))
	d.ResponseWriter.WriteHeader(d.status)
	_, _ = d.ResponseWriter.Write(body)
}
