package mcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/upfront-media/upfront/adcp/agent"
)

// A bare tools/call needs nothing of what the SDK keeps for sessions, streams
// and negotiation, which costs a quarter of a megabyte of garbage a call. Such a
// call, and nothing else, goes to the agent directly and is answered in the very
// bytes that would have come through the SDK; a test holds the two together.

// sdkHeaders are headers that mean something to the SDK: a request with one of
// them goes there.
var sdkHeaders = []string{
	"Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Last-Event-Id", "Origin", "Sec-Fetch-Site",
}

// bareCall is a tools/call without anything besides a name and arguments.
type bareCall struct {
	id, arguments json.RawMessage
	name          string
}

// bare reads a bare call. Without hosts in the options the SDK's rule for
// loopback addresses is needed, and the call is not bare.
func (h *handler) bare(r *http.Request, body []byte) (bareCall, bool) {
	if len(h.opts.Hosts) == 0 {
		return bareCall{}, false
	}
	for _, name := range sdkHeaders {
		if _, there := r.Header[name]; there {
			return bareCall{}, false
		}
	}
	message, ok := fields(body, "jsonrpc", "id", "method", "params")
	if !ok || string(message[0]) != `"2.0"` || !plainID(message[1]) || string(message[2]) != `"tools/call"` {
		return bareCall{}, false
	}
	params, ok := fields(message[3], "name", "arguments")
	if !ok || params[1][0] != '{' {
		return bareCall{}, false
	}
	call := bareCall{id: message[1], arguments: params[1]}
	if json.Unmarshal(params[0], &call.name) != nil {
		return bareCall{}, false
	}
	_, served := h.agent.Serves(call.name)
	return call, served
}

// fields reads an object that has exactly these members, each once.
func fields(doc []byte, names ...string) ([]json.RawMessage, bool) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	values := make([]json.RawMessage, len(names))
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		at := -1
		for i, name := range names {
			if key == name {
				at = i
			}
		}
		if at < 0 || values[at] != nil || dec.Decode(&values[at]) != nil {
			return nil, false
		}
	}
	for _, v := range values {
		if len(v) == 0 {
			return nil, false
		}
	}
	return values, true
}

// plainID tells whether an id is written in one way only: a natural number
// within the exact range of a double, or a text without anything to escape.
func plainID(id []byte) bool {
	if id[0] != '"' {
		n, err := strconv.ParseUint(string(id), 10, 53)
		return err == nil && strconv.FormatUint(n, 10) == string(id)
	}
	for _, c := range id[1 : len(id)-1] {
		if c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z' {
			if c != '-' && c != '_' && c != '.' {
				return false
			}
		}
	}
	return len(id) <= 130
}

// answer serves a bare call.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, caller agent.Caller, call bareCall) {
	resp := h.agent.DoAs(r.Context(), caller, agent.Request{Operation: call.name, Arguments: call.arguments})
	var b bytes.Buffer
	b.Grow(len(call.id) + 5*len(resp.Body)/2 + 128)
	b.WriteString(`{"jsonrpc":"2.0","id":`)
	b.Write(call.id)
	b.WriteString(`,"result":{"content":[{"type":"text","text":`)
	quoteTo(&b, resp.Body)
	b.WriteString(`}],"structuredContent":`)
	b.Write(resp.Body)
	if resp.Error != nil {
		b.WriteString(`,"isError":true`)
	}
	b.WriteString(`}}`)
	w.Header().Set("Cache-Control", "no-cache, no-transform")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes())
}
