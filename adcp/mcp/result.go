package mcp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/upfront-media/upfront/adcp/agent"
)

// A tool's result has the answer as structured content. The text beside it is
// for those who cannot read that: MCP has structured content since its release
// of 2025-06-18, and wants the same JSON as text for the sake of older callers.
// Callers say their release in a header. Whoever names that release or a later
// one gets a sentence, as the protocol's guide to MCP has it; whoever names none
// or an older one, as a bare POST does, gets the JSON. Refusals are always JSON
// as well, because programs read them out of the text.

// structuredSince is the release of MCP that brought structured content.
const structuredSince = "2025-06-18"

// versionHeader names the release of MCP that a caller speaks.
const versionHeader = "Mcp-Protocol-Version"

// wantsJSONText tells whether the caller may not know structured content.
func wantsJSONText(h http.Header) bool { return h.Get(versionHeader) < structuredSince }

// appendText appends what the answer's text content says, as a JSON string.
func appendText(dst []byte, r *agent.Response, whole bool) []byte {
	if whole || r.Error != nil {
		return appendQuoted(dst, r.Body)
	}
	text, _ := json.Marshal(r.Summary) // a text always encodes
	return append(dst, text...)
}

// buffers are where answers are written before they are sent.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// spaces lend agents the memory for answers of up to that many bytes; greater
// ones take memory of their own.
var spaces = sync.Pool{New: func() any { return new([answerSpace]byte) }}

const answerSpace = 64 << 10

// maxPooled is the greatest buffer that is kept, in bytes: one huge answer must
// not hold its memory for ever.
const maxPooled = 512 << 10

// compose lends a buffer to write, with room for so many bytes, and sends what
// it returns with the status.
func compose(w http.ResponseWriter, status, room int, write func(dst []byte) []byte) {
	buffer := buffers.Get().(*[]byte)
	body := write(slices.Grow((*buffer)[:0], room))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	if cap(body) <= maxPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}
