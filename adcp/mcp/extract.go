package mcp

import (
	"encoding/json"
	"strings"
)

// Limits of the protocol's extraction rules, in bytes.
const (
	maxTextJSON   = 1 << 20
	maxErrorBytes = 4096
	maxErrorCode  = 64
)

// toolResult is the result of tools/call as it stands on the wire.
type toolResult struct {
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	IsError           bool            `json:"isError"`
}

// isTool tells a tool's result from that of another method.
func (r *toolResult) isTool() bool {
	return r.Content != nil || len(r.StructuredContent) > 0 || r.IsError
}

// success is the task's answer by the protocol's rules of extraction: none in
// an error; the structured content if it is an object; otherwise the first text
// that is a JSON object. An object of nothing but adcp_error is no answer.
func (r *toolResult) success() json.RawMessage {
	if r.IsError {
		return nil
	}
	if fields, ok := object(r.StructuredContent); ok {
		if onlyError(fields) {
			return nil
		}
		return r.StructuredContent
	}
	for _, c := range r.Content {
		if c.Type != "text" || len(c.Text) > maxTextJSON {
			continue
		}
		if fields, ok := object([]byte(c.Text)); ok && !onlyError(fields) {
			return json.RawMessage(c.Text)
		}
	}
	return nil
}

// failure is the adcp_error object by the protocol's rules of extraction: only
// from a result that says it is an error, from the structured content and
// then from texts. One that is malformed or too large is none.
func (r *toolResult) failure() json.RawMessage {
	if !r.IsError {
		return nil
	}
	if fields, ok := object(r.StructuredContent); ok {
		if e, present := fields["adcp_error"]; present {
			return soundError(e)
		}
	}
	for _, c := range r.Content {
		if c.Type != "text" || len(c.Text) > maxTextJSON {
			continue
		}
		if fields, ok := object([]byte(c.Text)); ok {
			if e, present := fields["adcp_error"]; present {
				return soundError(e)
			}
		}
	}
	return r.payloadError()
}

// payloadError is the last resort: a failed answer whose errors stand only in
// the task's own fields.
func (r *toolResult) payloadError() json.RawMessage {
	fields, ok := object(r.StructuredContent)
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(fields["errors"], &list) != nil || len(list) == 0 {
		return nil
	}
	return soundError(list[0])
}

// text is what the tool said to people.
func (r *toolResult) text() string {
	var all []string
	for _, c := range r.Content {
		if c.Type == "text" && c.Text != "" {
			all = append(all, c.Text)
		}
	}
	return strings.Join(all, "\n")
}

// rpcADCPError is the adcp_error in the data of a JSON-RPC error.
func rpcADCPError(data json.RawMessage) json.RawMessage {
	fields, ok := object(data)
	if !ok {
		return nil
	}
	return soundError(fields["adcp_error"])
}

// soundError accepts an error object with a code of the right form and a size
// that is worth reading.
func soundError(raw json.RawMessage) json.RawMessage {
	fields, ok := object(raw)
	if !ok || len(raw) > maxErrorBytes {
		return nil
	}
	var code string
	if json.Unmarshal(fields["code"], &code) != nil || code == "" || len(code) > maxErrorCode {
		return nil
	}
	return raw
}

func onlyError(fields map[string]json.RawMessage) bool {
	_, has := fields["adcp_error"]
	return has && len(fields) == 1
}

func object(raw []byte) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil || fields == nil {
		return nil, false
	}
	return fields, true
}

// ExtractAnswer reads the result of a tools/call request, or a whole JSON-RPC
// response that carries one, by the protocol's rules of extraction. It reports
// false when the document is neither.
func ExtractAnswer(document json.RawMessage) (Answer, bool) {
	if m, ok := parseMessage(document); ok {
		if m.Error != nil {
			e := rpcADCPError(m.Error.Data)
			return Answer{Error: e, IsError: true, Text: m.Error.Message}, true
		}
		document = m.Result
	}
	var r toolResult
	if json.Unmarshal(document, &r) != nil || !r.isTool() {
		return Answer{}, false
	}
	return Answer{Body: r.success(), Error: r.failure(), IsError: r.IsError, Text: r.text()}, true
}
