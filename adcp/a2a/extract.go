package a2a

import (
	"encoding/json"
	"errors"
	"strings"
)

// Limits of the protocol's extraction rules, in bytes.
const (
	maxErrorBytes = 4096
	maxErrorCode  = 64
)

// ErrWrapped is the error of [Extract] for an answer that the other side has
// put inside {"response": …}, which the protocol forbids.
var ErrWrapped = errors.New("the answer is wrapped in an object of its own")

// task is a task, or an update of one, as it stands on the wire of either
// release of A2A.
type task struct {
	ID        string `json:"id"`
	TaskID    string `json:"taskId"`
	ContextID string `json:"contextId"`
	Status    struct {
		State   string `json:"state"`
		Message struct {
			Parts []wirePart `json:"parts"`
		} `json:"message"`
	} `json:"status"`
	Artifacts []struct {
		Parts []wirePart `json:"parts"`
	} `json:"artifacts"`
	// Parts are those of a bare message.
	Parts []wirePart `json:"parts"`
}

type wirePart struct {
	Text string          `json:"text"`
	Data json.RawMessage `json:"data"`
}

// object gives the part's data when it is an object.
func (p wirePart) object() (map[string]json.RawMessage, bool) { return object(p.Data) }

// envelopes are the members of which a stream's event or a 1.0 result has one.
var envelopes = []string{"task", "message", "statusUpdate", "artifactUpdate"}

// readTask reads a task, out of its envelope if it is in one. An envelope in an
// envelope is none.
func readTask(document json.RawMessage) (*task, bool) {
	fields, ok := object(document)
	if !ok {
		return nil, false
	}
	if len(fields) == 1 {
		for _, name := range envelopes {
			inner, ok := object(fields[name])
			if !ok {
				continue
			}
			for _, again := range envelopes {
				if _, nested := inner[again]; nested {
					return nil, false
				}
			}
			document = fields[name]
		}
	}
	t := new(task)
	if json.Unmarshal(document, t) != nil {
		return nil, false
	}
	return t, true
}

// Extract reads the protocol's answer out of a task, a stream's event or a push
// notification, of A2A 1.0 or 0.3, by the protocol's rules of extraction: from
// a task that has ended, the last data part of the first artifact, and without
// any the first of the status message; from one that has not, the first of the
// status message. It is nil where there is none. What it returns may be a
// refusal; see [ExtractAnswer].
func Extract(document json.RawMessage) (json.RawMessage, error) {
	t, ok := readTask(document)
	if !ok {
		return nil, nil
	}
	return t.data()
}

func (t *task) data() (json.RawMessage, error) {
	status := statusOf(t.Status.State)
	if status == "" {
		return nil, nil
	}
	if final(status) && len(t.Artifacts) > 0 {
		parts := t.Artifacts[0].Parts
		for i := len(parts) - 1; i >= 0; i-- {
			fields, ok := parts[i].object()
			if !ok {
				continue
			}
			if _, wrapper := object(fields["response"]); wrapper && len(fields) == 1 {
				return nil, ErrWrapped
			}
			return parts[i].Data, nil
		}
	}
	for _, p := range t.Status.Message.Parts {
		if _, ok := p.object(); ok {
			return p.Data, nil
		}
	}
	return nil, nil
}

// failed tells whether the task has ended without an answer.
func (t *task) failed() bool {
	status := statusOf(t.Status.State)
	return final(status) && status != "completed"
}

// failure is the adcp_error object of a task that has failed: from any artifact,
// then from the status message, then the first of the answer's own errors. One
// that is malformed or too large is none.
func (t *task) failure() json.RawMessage {
	if !t.failed() {
		return nil
	}
	var parts []wirePart
	for _, a := range t.Artifacts {
		parts = append(parts, a.Parts...)
	}
	parts = append(parts, t.Status.Message.Parts...)
	for _, p := range parts {
		if fields, ok := p.object(); ok {
			if e, present := fields["adcp_error"]; present {
				return soundError(e)
			}
		}
	}
	data, err := t.data()
	if err != nil {
		return nil
	}
	fields, _ := object(data)
	var list []json.RawMessage
	if json.Unmarshal(fields["errors"], &list) != nil || len(list) == 0 {
		return nil
	}
	return soundError(list[0])
}

// text is what the agent said to people.
func (t *task) text() string {
	var all []string
	add := func(parts []wirePart) {
		for _, p := range parts {
			if p.Text != "" {
				all = append(all, p.Text)
			}
		}
	}
	for _, a := range t.Artifacts {
		add(a.Parts)
	}
	add(t.Status.Message.Parts)
	add(t.Parts)
	return strings.Join(all, "\n")
}

// answer is what the task says, as a caller reads it.
func (t *task) answer() (Answer, error) {
	a := Answer{
		IsError: t.failed(), Error: t.failure(), Text: t.text(),
		Status: statusOf(t.Status.State), TaskID: t.ID, ContextID: t.ContextID,
	}
	if a.TaskID == "" {
		a.TaskID = t.TaskID
	}
	data, err := t.data()
	if err != nil || a.IsError {
		return a, err
	}
	if fields, ok := object(data); ok && !onlyError(fields) {
		a.Body = data
	}
	return a, nil
}

// ExtractAnswer reads a task, a stream's event or a push notification, or a
// whole JSON-RPC response that carries one, by the protocol's rules of
// extraction. It reports false when the document is none of them.
func ExtractAnswer(document json.RawMessage) (Answer, bool) {
	if m, ok := parseResponse(document); ok {
		if m.Error != nil {
			return Answer{Error: rpcADCPError(m.Error.Data), IsError: true, Text: m.Error.Message}, true
		}
		document = m.Result
	}
	t, ok := readTask(document)
	if !ok || statusOf(t.Status.State) == "" && t.Parts == nil {
		return Answer{}, false
	}
	a, err := t.answer()
	return a, err == nil
}

// rpcADCPError is the adcp_error in the data of a JSON-RPC error. Graders and
// gateways put it there as an object; A2A 1.0 makes the data a list.
func rpcADCPError(data json.RawMessage) json.RawMessage {
	if fields, ok := object(data); ok {
		return soundError(fields["adcp_error"])
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	for _, item := range list {
		if fields, ok := object(item); ok {
			if e := soundError(fields["adcp_error"]); e != nil {
				return e
			}
		}
	}
	return nil
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
