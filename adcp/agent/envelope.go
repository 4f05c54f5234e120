package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/upfront-media/upfront/adcp"
)

// maxErrorBytes is the greatest adcp_error object that the protocol's callers
// look at; a greater one is cut down before it is sent.
const maxErrorBytes = 4096

// sealInner gives a handler's answer the part of the envelope that belongs to
// its first run and is remembered with it: the release served, and the task
// status where the handler did not set one. With the name of a list, the body
// has that list, empty.
func sealInner(raw []byte, version, list string) (sealed, error) {
	members, object := scan(raw)
	if !object {
		return sealed{}, fmt.Errorf("the handler's answer is not a JSON object")
	}
	var out sealed
	status := json.RawMessage(`"completed"`)
	for _, m := range members {
		if m.name == "status" && len(m.value) > 2 {
			status = m.value
		}
		if m.name == "message" {
			out.message = asText(m.value).value
		}
		if list != "" && m.name == list {
			return sealed{}, fmt.Errorf("the handler answered %s twice: in its response and as items", list)
		}
	}
	b := bytes.NewBuffer(make([]byte, 0, len(raw)+len(list)+64))
	b.WriteString(`{"adcp_version":`)
	b.Write(quote(version))
	b.WriteString(`,"status":`)
	b.Write(status)
	if list != "" {
		b.WriteByte(',')
		b.Write(quote(list))
		b.WriteString(`:[`)
		out.at = b.Len()
		b.WriteByte(']')
	}
	for _, m := range members {
		switch m.name {
		case "adcp_version", "status", "context", "replayed":
			// The envelope's own, whatever a handler put there.
		default:
			b.WriteByte(',')
			b.Write(quote(m.name))
			b.WriteByte(':')
			b.Write(m.value)
		}
	}
	b.WriteByte('}')
	out.body = b.Bytes()
	return out, nil
}

// sealed is what sealInner made.
type sealed struct {
	body []byte
	// at is where the elements of the list go.
	at int
	// message is what the handler says to people, or "".
	message string
}

// served is an inner answer on its way to the caller.
type served struct {
	inner []byte
	// replayed tells that it was given before; kept, that it is remembered and
	// its bytes are not ours alone.
	replayed, kept bool
	// message is what the handler says to people, or "".
	message string
	// items is the length of the list of that name, or 0 where there is none.
	items int
	list  string
}

// summary says what the answer is; see [Response].
func (s served) summary(operation string) string {
	if s.message != "" {
		return s.message
	}
	found := ""
	if s.list != "" {
		found = ", " + strconv.Itoa(s.items) + " " + s.list
	}
	return operation + ": " + statusOf(s.inner) + found + ". The answer is in the structured content."
}

// sealAnswer gives the inner answer what belongs to this very call: the
// caller's context, byte for byte, and the mark of a replay.
func sealAnswer(s served, context json.RawMessage) json.RawMessage {
	if !echoable(context) && !s.replayed {
		return s.inner
	}
	open := s.inner[:len(s.inner)-1]
	if s.kept {
		open = append(make([]byte, 0, len(open)+roomFor(context)), open...)
	}
	if s.replayed {
		open = append(open, `,"replayed":true`...)
	}
	if echoable(context) {
		open = append(append(open, `,"context":`...), context...)
	}
	return append(open, '}')
}

// roomFor is how many bytes sealAnswer may add.
func roomFor(context json.RawMessage) int { return len(context) + len(`,"replayed":true,"context":}`) }

// echoable tells whether a context is given back. The protocol makes it an
// object; anything else was refused by the schema and is not repeated.
func echoable(context json.RawMessage) bool { return len(context) > 0 && context[0] == '{' }

// writeContext echoes the caller's context.
func writeContext(b *bytes.Buffer, context json.RawMessage) {
	if echoable(context) {
		b.WriteString(`,"context":`)
		b.Write(context)
	}
}

// refuse makes the answer that carries a refusal, in both of the protocol's
// layers: adcp_error for transports, errors for readers of the task's answer.
// The registration is nil for what is not served.
func (a *Agent) refuse(r *registration, refusal *adcp.Error, context json.RawMessage, version string) Response {
	refusal = bounded(refusal)
	e, err := json.Marshal(refusal)
	if err != nil {
		// Details that cannot be written are the agent's own mistake.
		a.log.Error("refusal could not be encoded", "code", refusal.Code, "error", err)
		refusal = adcp.NewError(refusal.Code, "", refusal.Message)
		e, _ = json.Marshal(refusal)
	}
	b := bytes.NewBuffer(make([]byte, 0, 2*len(e)+len(context)+128))
	b.WriteString(`{"adcp_version":`)
	b.Write(quote(version))
	b.WriteString(`,"status":"failed"`)
	if r != nil && r.success {
		b.WriteString(`,"success":false`)
	}
	if r != nil && r.refusal != nil {
		a.writeMembers(b, r.refusal(refusal))
	}
	b.WriteString(`,"errors":[`)
	b.Write(e)
	b.WriteString(`],"adcp_error":`)
	b.Write(e)
	writeContext(b, context)
	b.WriteByte('}')
	return Response{Body: b.Bytes(), Error: refusal, HTTPStatus: httpStatus(refusal.Code)}
}

// writeMembers appends members in the order of their names.
func (a *Agent) writeMembers(b *bytes.Buffer, members map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value, err := json.Marshal(members[name])
		if err != nil {
			a.log.Error("refusal could not be encoded", "member", name, "error", err)
			continue
		}
		b.WriteByte(',')
		b.Write(quote(name))
		b.WriteByte(':')
		b.Write(value)
	}
}

// Refuse makes the answer for a call that a transport refuses before it reaches
// the agent, in the same form as any other refusal. The arguments are read for
// their context only.
func (a *Agent) Refuse(refusal *adcp.Error, arguments json.RawMessage) Response {
	return a.refuse(nil, refusal, a.peek(arguments), a.defaultVersion())
}

// peek reads the context of a request that is not going to be served.
func (a *Agent) peek(arguments json.RawMessage) json.RawMessage {
	if int64(len(arguments)) > a.cfg.MaxBody {
		return nil
	}
	doc, _ := decode(arguments, a.cfg.MaxDepth)
	return doc.context
}

// statusOf reads the task status of a body that this package has sealed, where
// it is the second member: the rest, which may be large, is not looked at.
func statusOf(body []byte) string {
	members, _ := scanFirst(body, 2)
	for _, m := range members {
		if m.name == "status" {
			return asText(m.value).value
		}
	}
	return ""
}

func quote(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}

// unavailable is all that a caller learns of a fault inside the agent.
func unavailable() *adcp.Error {
	return adcp.NewError(adcp.CodeServiceUnavailable, "", "The agent cannot answer this call at the moment.").
		WithRetryAfter(5)
}

func invalid(field, message, suggestion string) *adcp.Error {
	return adcp.NewError(adcp.CodeInvalidRequest, field, message).WithSuggestion(suggestion)
}

func tooLarge(limit int64) *adcp.Error {
	return invalid("", fmt.Sprintf("The request is larger than %d bytes.", limit), "Split the request.")
}

// undecodable is for a request that the schema accepts and the Go types do
// not, such as a number outside 64 bits.
func undecodable(err error) *adcp.Error {
	field := ""
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field = name(wrong.Field)
	}
	return invalid(field, "A value of the request cannot be read.", "Send a value of the documented type and range.")
}
