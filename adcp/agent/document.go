package agent

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/upfront-media/upfront/adcp"
)

// document is a request as far as the pipeline reads it: the fields that every
// operation shares. The rest is the schema's and the handler's.
type document struct {
	// raw is the request as it came, a JSON object.
	raw json.RawMessage
	// members are the top-level fields in the order they came.
	members []member
	// context is the caller's echo, byte for byte, or nil.
	context        json.RawMessage
	account        json.RawMessage
	idempotencyKey text
	adcpVersion    text
	// majorVersion is adcp_major_version; 0 is absent and -1 no integer.
	majorVersion int64
	// buffer is where the answer may be written, or nil.
	buffer []byte
}

// text is a string field that may be absent, or no string at all.
type text struct {
	value          string
	present, valid bool
}

// member is one top-level field of an object: its name and its bytes.
type member struct {
	name  string
	value json.RawMessage
}

// decode reads the shared fields. On an error the document still holds what
// could be read, so that the refusal can echo the context. A field that
// appears twice is refused: two readers of such a document can disagree on
// what it says.
func decode(raw json.RawMessage, maxDepth int) (document, *adcp.Error) {
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	doc := document{raw: raw}
	if !utf8.Valid(raw) {
		return doc, invalid("", "The request is not valid UTF-8.", "Encode the request as UTF-8.")
	}
	if depth(raw) > maxDepth {
		return doc, invalid("", "The request nests deeper than "+strconv.Itoa(maxDepth)+" levels.", "Flatten the request.")
	}
	if !json.Valid(raw) {
		return doc, invalid("", "The request is not valid JSON.", "Send one JSON object.")
	}
	members, object := scan(raw)
	if !object {
		return doc, invalid("", "The arguments are not a JSON object.", "Send one JSON object.")
	}
	doc.members = members
	seen := make(map[string]bool, len(members))
	var twice string
	for _, m := range members {
		if seen[m.name] && twice == "" {
			twice = m.name
		}
		seen[m.name] = true
		switch m.name {
		case "context":
			doc.context = m.value
		case "account":
			doc.account = m.value
		case "idempotency_key":
			doc.idempotencyKey = asText(m.value)
		case "adcp_version":
			doc.adcpVersion = asText(m.value)
		case "adcp_major_version":
			n, err := strconv.ParseInt(string(m.value), 10, 64)
			if err != nil || n <= 0 {
				n = -1
			}
			doc.majorVersion = n
		}
	}
	if twice == "context" {
		doc.context = nil
	}
	if twice != "" {
		return doc, invalid(name(twice), "A field appears twice in the request.", "Send each field once.")
	}
	return doc, nil
}

// name makes a field's name fit for an error: callers choose names, and an
// error does not repeat arbitrary lengths of what they chose.
func name(s string) string {
	if len(s) > 100 || !utf8.ValidString(s) {
		return ""
	}
	return s
}

func asText(raw json.RawMessage) text {
	t := text{present: true}
	if json.Unmarshal(raw, &t.value) == nil && len(raw) > 0 && raw[0] == '"' {
		t.valid = true
	}
	return t
}

// depth is how deep arrays and objects nest, counted without recursion and
// before anything is parsed.
func depth(raw []byte) int {
	var now, most int
	var inString, escaped bool
	for _, c := range raw {
		switch {
		case escaped:
			escaped = false
		case inString:
			switch c {
			case '\\':
				escaped = true
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if now++; now > most {
				most = now
			}
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}

// scan splits a valid JSON object into its top-level fields without decoding
// their values. It reports false for any other valid JSON.
func scan(raw []byte) ([]member, bool) { return scanFirst(raw, len(raw)) }

// scanFirst is scan for the first fields, at most so many.
func scanFirst(raw []byte, most int) ([]member, bool) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return nil, false
	}
	var members []member
	for i = space(raw, i+1); i < len(raw) && raw[i] != '}' && len(members) < most; {
		end := value(raw, i)
		var m member
		if json.Unmarshal(raw[i:end], &m.name) != nil {
			return nil, false
		}
		i = space(raw, end)
		i = space(raw, i+1) // over the colon
		end = value(raw, i)
		m.value = json.RawMessage(raw[i:end])
		members = append(members, m)
		i = space(raw, end)
		if i < len(raw) && raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
	return members, true
}

// space is the index of the first byte at or after i that is no white space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}

// value is the index behind the JSON value that begins at i.
func value(raw []byte, i int) int {
	var open int
	for ; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
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
		case ',', ' ', '\t', '\n', '\r', ':':
			if open == 0 {
				return i
			}
		}
	}
	return i
}
