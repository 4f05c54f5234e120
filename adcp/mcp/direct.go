package mcp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/upfront-media/upfront/adcp/agent"
)

// A bare tools/call needs nothing of what the SDK keeps for sessions, streams
// and negotiation, which costs a quarter of a megabyte of garbage a call. Such a
// call, and nothing else, goes to the agent directly and is answered in the very
// bytes that would have come through the SDK; a test holds the two together.

// sdkHeaders are headers that mean something to the SDK: a request with one of
// them goes there.
var sdkHeaders = []string{"Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Last-Event-Id", "Origin", "Sec-Fetch-Site"}

// plainVersions are the releases of MCP in which a tools/call is read and
// answered alike. Later ones have rules of their own, which are the SDK's to keep.
var plainVersions = []string{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}

// bare tells whether the request may go around the SDK as far as HTTP goes.
// Without hosts in the options the SDK's rule for loopback addresses is needed,
// and none may.
func (h *handler) bare(r *http.Request) bool {
	if len(h.opts.Hosts) == 0 {
		return false
	}
	for _, name := range sdkHeaders {
		if _, there := r.Header[name]; there {
			return false
		}
	}
	version, there := r.Header[versionHeader]
	return !there || len(version) == 1 && slices.Contains(plainVersions, version[0])
}

// readBare reads a valid document as a bare call: a tools/call of an operation
// that is served, without anything besides its name and arguments.
func (h *handler) readBare(body []byte) (envelope, bool) {
	var message [4]json.RawMessage
	if !fields(body, message[:], `"jsonrpc"`, `"id"`, `"method"`, `"params"`) ||
		string(message[0]) != `"2.0"` || !plainID(message[1]) || string(message[2]) != `"tools/call"` {
		return envelope{}, false
	}
	var params [2]json.RawMessage
	if !fields(message[3], params[:], `"name"`, `"arguments"`) || params[1][0] != '{' {
		return envelope{}, false
	}
	msg := envelope{ID: message[1], Method: "tools/call"}
	msg.Params.Arguments = params[1]
	if json.Unmarshal(params[0], &msg.Params.Name) != nil {
		return envelope{}, false
	}
	_, served := h.agent.Serves(msg.Params.Name)
	return msg, served
}

// fields finds the values of an object that has exactly these members, each
// once, in a valid document. The names are as they are written, in quotes.
func fields(doc []byte, values []json.RawMessage, names ...string) bool {
	i := skipSpace(doc, 0)
	if doc[i] != '{' {
		return false
	}
	for i = skipSpace(doc, i+1); doc[i] != '}'; {
		end := skipValue(doc, i)
		at := slices.Index(names, string(doc[i:end]))
		i = skipSpace(doc, skipSpace(doc, end)+1) // past the colon
		end = skipValue(doc, i)
		if at < 0 || values[at] != nil {
			return false
		}
		values[at] = json.RawMessage(doc[i:end])
		if i = skipSpace(doc, end); doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
	return !slices.ContainsFunc(values, func(v json.RawMessage) bool { return v == nil })
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\t' || doc[i] == '\r' || doc[i] == '\n') {
		i++
	}
	return i
}

// skipValue is the index after the value at i of a valid document.
func skipValue(doc []byte, i int) int {
	open := 0
	for ; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			for i++; doc[i] != '"'; i++ {
				if doc[i] == '\\' {
					i++
				}
			}
			if open == 0 {
				return i + 1
			}
		case '{', '[':
			open++
		case '}', ']':
			if open == 0 {
				return i
			}
			if open--; open == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if open == 0 {
				return i
			}
		}
	}
	return i
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
func (h *handler) answer(w http.ResponseWriter, r *http.Request, caller agent.Caller, msg envelope) {
	space := spaces.Get().(*[answerSpace]byte)
	defer spaces.Put(space)
	resp := h.agent.DoAs(r.Context(), caller, agent.Request{
		Operation: msg.Params.Name, Arguments: msg.Params.Arguments, Buffer: space[:0],
	})
	header := w.Header()
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("Content-Type", "application/json")
	whole := wantsJSONText(r.Header)
	compose(w, http.StatusOK, len(resp.Body)+512, func(dst []byte) []byte {
		dst = append(dst, `{"jsonrpc":"2.0","id":`...)
		dst = append(dst, msg.ID...)
		dst = append(dst, `,"result":{"content":[{"type":"text","text":`...)
		dst = appendText(dst, &resp, whole)
		dst = append(dst, `}],"structuredContent":`...)
		dst = append(dst, resp.Body...)
		if resp.Error != nil {
			dst = append(dst, `,"isError":true`...)
		}
		return append(dst, `}}`...)
	})
}
