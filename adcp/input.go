package adcp

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// inputs keeps each operation's input schema once made.
var inputs sync.Map // *Operation to json.RawMessage

// requestEnvelope are the members that callers send with every task, whether or
// not its own schema names them.
var requestEnvelope = []struct{ name, jsonType string }{
	{"adcp_version", "string"},
	{"adcp_major_version", "integer"},
	{"idempotency_key", "string"},
	{"context_id", "string"},
	{"context", "object"},
	{"governance_context", "string"},
	{"push_notification_config", "object"},
	{"ext", "object"},
}

// InputSchema returns the JSON Schema that a transport publishes for an
// operation's input. It names every member of the request and its JSON type,
// requires nothing and refuses nothing, because callers drop what a tool does
// not list; [ValidateRequest] is what checks.
func InputSchema(op *Operation) json.RawMessage {
	if schema, ok := inputs.Load(op); ok {
		return schema.(json.RawMessage)
	}
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	listed := map[string]bool{}
	for i := range op.request.NumField() {
		f := op.request.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if i > 0 {
			b.WriteByte(',')
		}
		listed[name] = true
		b.WriteString(literal(name) + ":" + inputType(name, f.Type))
	}
	for _, e := range requestEnvelope {
		if !listed[e.name] {
			b.WriteString("," + literal(e.name) + `:{"type":"` + e.jsonType + `"}`)
		}
	}
	b.WriteString(`},"additionalProperties":true}`)
	schema := json.RawMessage(b.String())
	inputs.Store(op, schema)
	return schema
}

// inputType says of what JSON type a member is, as far as Go's type tells.
func inputType(name string, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	jsonType := ""
	switch {
	case t == reflect.TypeFor[Decimal]():
		jsonType = "number"
	case t == reflect.TypeFor[time.Time]():
		jsonType = "string"
	case t == rawMessage && (name == "context" || name == "ext"):
		jsonType = "object"
	case t == rawMessage || t.Implements(reflect.TypeFor[nullable]()):
		return "{}"
	case t.Kind() == reflect.String:
		jsonType = "string"
	case t.Kind() == reflect.Int64:
		jsonType = "integer"
	case t.Kind() == reflect.Bool:
		jsonType = "boolean"
	case t.Kind() == reflect.Slice:
		jsonType = "array"
	default:
		jsonType = "object"
	}
	return `{"type":"` + jsonType + `"}`
}
