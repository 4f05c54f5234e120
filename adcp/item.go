package adcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Item is an element of a list in an answer, such as a product of get_products,
// that was encoded and checked against its schema once and is sent many times.
// An agent puts such answers together without encoding or checking them anew;
// see HandleList of package agent. An Item is a value and never changes.
type Item struct {
	schema string
	doc    []byte // a JSON object
	member string // what With sets
	text   string // and to what
}

// NewItem encodes v and checks it against a schema of the bundle by its name,
// such as "core/product.json". It fails as [ValidateDocument] does.
//
// Member names a member that With sets on each copy of the item, such as
// "brief_relevance", or is "" for none. It must be any text by the schema, so
// that no text can make the item invalid, and v must leave it out.
func NewItem(schemaName string, v any, member string) (Item, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return Item{}, err
	}
	if len(doc) <= len("{}") || doc[0] != '{' {
		return Item{}, fmt.Errorf("an item is an object with members, not %.20s", doc)
	}
	if err := ValidateDocument(schemaName, doc); err != nil {
		return Item{}, err
	}
	if member != "" {
		judge, err := memberSchema(schemaName, member)
		if err != nil {
			return Item{}, err
		}
		if len(judge) != 1 || judge["type"] != "string" {
			return Item{}, fmt.Errorf("%s: %s is not any text", schemaName, member)
		}
		var there map[string]json.RawMessage
		if err := json.Unmarshal(doc, &there); err != nil {
			return Item{}, err
		}
		if _, twice := there[member]; twice {
			return Item{}, fmt.Errorf("%s: %s is set already", schemaName, member)
		}
	}
	return Item{schema: schemaName, doc: doc, member: member}, nil
}

// With returns the item with its member set to the text. It panics when the
// item was made without one.
func (i Item) With(text string) Item {
	if i.member == "" {
		panic("adcp: this Item was made without a member to set")
	}
	i.text = text
	return i
}

// Schema is the name of the schema that the item was checked against.
func (i Item) Schema() string { return i.schema }

// Size is about how many bytes AppendJSON adds, and seldom less.
func (i Item) Size() int { return len(i.doc) + len(i.member) + len(i.text) + len(`,"":""`) + 8 }

// AppendJSON appends the item's JSON to dst. The zero Item is null.
func (i Item) AppendJSON(dst []byte) []byte {
	if len(i.doc) == 0 {
		return append(dst, "null"...)
	}
	if i.text == "" {
		return append(dst, i.doc...)
	}
	dst = append(dst, i.doc[:len(i.doc)-1]...)
	dst = append(dst, `,"`...)
	dst = append(dst, i.member...)
	dst = append(dst, `":`...)
	return append(appendText(dst, i.text), '}')
}

// appendText appends a text as encoding/json does.
func appendText(dst []byte, text string) []byte {
	for _, c := range []byte(text) {
		if c < ' ' || c >= utf8.RuneSelf || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // a text always encodes
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	for _, c := range []byte(text) {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// MarshalJSON implements [json.Marshaler].
func (i Item) MarshalJSON() ([]byte, error) { return i.AppendJSON(make([]byte, 0, i.Size())), nil }

// ItemSchema names the schema of the elements of a list in an operation's
// response. It fails where a response could be refused for what its elements
// are together, such as how many or which besides which: then an answer is not
// valid for certain when its elements are, and the rest is with an empty list.
func ItemSchema(op *Operation, list string) (string, error) {
	judge, err := memberSchema(op.ResponseSchema, list)
	if err != nil {
		return "", err
	}
	items, _ := judge["items"].(map[string]any)
	ref, _ := items["$ref"].(string)
	name := strings.TrimPrefix(ref, "/")
	if len(judge) != 2 || judge["type"] != "array" || len(items) != 1 || schemaLines()[name] == "" {
		return "", fmt.Errorf("%s does not judge the elements of %s one by one", op.ResponseSchema, list)
	}
	return name, nil
}

// memberSchema is the schema of a member's value, where that is all that a
// document is judged by as far as the value goes: no condition looks into the
// member, and nothing compares the document as a whole.
func memberSchema(schemaName, member string) (map[string]any, error) {
	root, err := schemaDocument(schemaName)
	if err != nil {
		return nil, err
	}
	var found []map[string]any
	if err := sameDocument(root, func(schema map[string]any) error {
		for _, whole := range []string{"const", "enum", "patternProperties", "dependencies", "unevaluatedProperties"} {
			if _, there := schema[whole]; there {
				return fmt.Errorf("%s judges by %s", schemaName, whole)
			}
		}
		if _, another := schema["additionalProperties"].(map[string]any); another {
			return fmt.Errorf("%s judges what it does not name", schemaName)
		}
		properties, _ := schema["properties"].(map[string]any)
		if judge, there := properties[member]; there {
			of, _ := judge.(map[string]any)
			found = append(found, of)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	properties, _ := root["properties"].(map[string]any)
	judge, _ := properties[member].(map[string]any)
	if len(found) != 1 || judge == nil {
		return nil, fmt.Errorf("%s judges %s in %d places", schemaName, member, len(found))
	}
	return judge, nil
}

// sameDocument visits a schema and every schema in it that judges the same
// document rather than a part of it.
func sameDocument(schema map[string]any, visit func(map[string]any) error) error {
	if err := visit(schema); err != nil {
		return err
	}
	var inner []any
	for _, one := range []string{"if", "then", "else", "not"} {
		inner = append(inner, schema[one])
	}
	for _, many := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := schema[many].([]any)
		inner = append(inner, list...)
	}
	for _, s := range inner {
		if s, ok := s.(map[string]any); ok {
			if err := sameDocument(s, visit); err != nil {
				return err
			}
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		of, err := schemaDocument(strings.TrimPrefix(ref, "/"))
		if err != nil {
			return err
		}
		return sameDocument(of, visit)
	}
	return nil
}

func schemaDocument(name string) (map[string]any, error) {
	var doc map[string]any
	text, ok := schemaLines()[name]
	if !ok {
		return nil, fmt.Errorf("the bundle has no schema %q", name)
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	return doc, nil
}
