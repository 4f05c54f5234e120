package adcp

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestOperationTable(t *testing.T) {
	t.Parallel()
	ops := Operations()
	if len(ops) != 64 {
		t.Errorf("got %d operations, want 64", len(ops))
	}
	access := map[string]Access{
		"get_adcp_capabilities": AccessPublic, "list_creative_formats": AccessPublic, "get_products": AccessPublic,
		"comply_test_controller": AccessSandbox,
	}
	seen := map[string]bool{}
	for _, op := range ops {
		want := access[op.Name]
		if want == "" {
			want = AccessAccount
		}
		if op.Access != want {
			t.Errorf("%s: access %s, want %s", op.Name, op.Access, want)
		}
		if seen[op.Name] || op.Summary == "" || strings.Contains(op.Summary, "\n") || !strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: named twice or without a summary on one line", op.Name)
		}
		seen[op.Name] = true
		for _, name := range []string{op.RequestSchema, op.ResponseSchema} {
			if schemaLines()[name] == "" {
				t.Errorf("%s: no schema %s", op.Name, name)
			}
		}
		if found, ok := OperationNamed(op.Name); !ok || found != op {
			t.Errorf("%s is not found by its name", op.Name)
		}
	}
	if _, ok := OperationNamed("drop_tables"); ok {
		t.Error("an operation that does not exist was found")
	}
}

func TestInputSchemaListsEveryMember(t *testing.T) {
	t.Parallel()
	for _, op := range Operations() {
		var schema struct {
			Type                 string
			Properties           map[string]map[string]any
			Required             []string
			AdditionalProperties bool
		}
		text := InputSchema(op)
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatalf("%s: %v", op.Name, err)
		}
		if schema.Type != "object" || !schema.AdditionalProperties || schema.Required != nil {
			t.Errorf("%s: the input schema is not permissive: %s", op.Name, text)
		}
		request := reflect.TypeOf(op.NewRequest()).Elem()
		for i := range request.NumField() {
			if name, _, _ := strings.Cut(request.Field(i).Tag.Get("json"), ","); schema.Properties[name] == nil {
				t.Errorf("%s: %s is not listed", op.Name, name)
			}
		}
		for _, e := range requestEnvelope {
			if schema.Properties[e.name] == nil {
				t.Errorf("%s: %s is not listed", op.Name, e.name)
			}
		}
		if len(text) > 4000 {
			t.Errorf("%s: the input schema has %d bytes", op.Name, len(text))
		}
	}
	var got struct{ Properties map[string]map[string]any }
	if err := json.Unmarshal(InputSchema(CreateMediaBuy.Operation), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"idempotency_key": "string", "packages": "array", "account": "object", "context": "object",
		"paused": "boolean", "adcp_major_version": "integer", "end_time": "string",
	} {
		if got.Properties[name]["type"] != want {
			t.Errorf("%s has type %v, want %s", name, got.Properties[name]["type"], want)
		}
	}
}
