package schemagen

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// bundle is the published schema bundle, prose removed, by name: the path below
// the bundle's root, such as "core/product.json".
type bundle struct {
	prefix  string // what a published $id has before the name
	schemas map[string]*object
	names   []string // sorted
	tasks   []task   // sorted by name
	codes   []errorCode
}

// task is a row of the bundle's manifest.
type task struct {
	name, request, response string
	async                   []string
}

type errorCode struct{ code, recovery string }

// prose lists the keywords that describe and do not constrain.
var prose = map[string]bool{
	"$schema": true, "$id": true, "$comment": true, "description": true, "examples": true, "default": true,
	"deprecated": true, "readOnly": true, "writeOnly": true, "enumDescriptions": true, "enumMetadata": true,
	"notes": true, "discriminator": true, "errorMessage": true, "version": true, "lastUpdated": true,
	"vocabulary": true, "governance": true, "architecture": true, "usage_notes": true,
}

// Keywords that hold schemas by name, one schema, or a list of schemas.
var (
	schemaMaps  = []string{"properties", "patternProperties", "definitions", "$defs", "dependencies"}
	schemaOnes  = []string{"items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"}
	schemaLists = []string{"allOf", "anyOf", "oneOf", "items"}
)

// load reads every schema under the root of fsys.
func load(fsys fs.FS) (*bundle, error) {
	b := &bundle{schemas: map[string]*object{}}
	if err := b.readManifest(fsys); err != nil {
		return nil, err
	}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		v, err := decodeJSON(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		o, ok := v.(*object)
		// A document without a type or a union is a registry, not a schema, and
		// one whose $id names another file is a copy of it.
		if !ok || o.text("$id") != b.prefix+name || !isSchema(o) {
			return nil
		}
		b.schemas[name] = b.strip(name, o)
		b.names = append(b.names, name)
		return nil
	})
	slices.Sort(b.names)
	return b, err
}

func isSchema(o *object) bool {
	return o.has("type") || o.has("oneOf") || o.has("anyOf") || o.has("allOf")
}

func (b *bundle) readManifest(fsys fs.FS) error {
	data, err := fs.ReadFile(fsys, "manifest.json")
	if err != nil {
		return err
	}
	v, err := decodeJSON(data)
	if err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	manifest, _ := v.(*object)
	b.prefix = strings.TrimSuffix(manifest.text("$schema"), "manifest.schema.json")
	tools := manifest.object("tools")
	if tools == nil || b.prefix == "" {
		return fmt.Errorf("manifest.json: no tools or no $schema")
	}
	for _, name := range tools.keys {
		t := tools.object(name)
		b.tasks = append(b.tasks, task{name, t.text("request_schema"), t.text("response_schema"), t.texts("async_response_schemas")})
	}
	slices.SortFunc(b.tasks, func(x, y task) int { return strings.Compare(x.name, y.name) })
	codes := manifest.object("error_codes")
	for _, code := range codes.names() {
		b.codes = append(b.codes, errorCode{code, codes.object(code).text("recovery")})
	}
	slices.SortFunc(b.codes, func(x, y errorCode) int { return strings.Compare(x.code, y.code) })
	return nil
}

// strip copies a schema without its prose and with every reference in the form
// "core/product.json" or "brand.json#/definitions/logo". Titles stay, because
// types are named from them.
func (b *bundle) strip(file string, s *object) *object {
	out := newObject()
	for _, key := range s.keys {
		v := s.values[key]
		switch {
		case prose[key] || strings.HasPrefix(key, "x-"):
		case key == "$ref":
			out.set(key, b.reference(file, v.(string)))
		case slices.Contains(schemaMaps, key):
			m := newObject()
			for _, name := range v.(*object).keys {
				m.set(name, b.stripAny(file, v.(*object).values[name]))
			}
			out.set(key, m)
		case slices.Contains(schemaOnes, key), slices.Contains(schemaLists, key):
			out.set(key, b.stripAny(file, v))
		default:
			out.set(key, v)
		}
	}
	return out
}

func (b *bundle) stripAny(file string, v any) any {
	switch v := v.(type) {
	case *object:
		return b.strip(file, v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = b.stripAny(file, item)
		}
		return list
	default:
		return v
	}
}

func (b *bundle) reference(file, ref string) string {
	if strings.HasPrefix(ref, "#") {
		return file + ref
	}
	return strings.TrimPrefix(ref, b.prefix)
}

// resolve finds what a reference names.
func (b *bundle) resolve(ref string) (*object, error) {
	file, pointer, _ := strings.Cut(ref, "#")
	var at any = b.schemas[file]
	if b.schemas[file] == nil {
		return nil, fmt.Errorf("reference to unknown schema %q", ref)
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if part == "" {
			continue
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := at.(type) {
		case *object:
			at = v.get(part)
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(v) {
				return nil, fmt.Errorf("reference %q does not resolve", ref)
			}
			at = v[i]
		}
	}
	o, ok := at.(*object)
	if !ok {
		return nil, fmt.Errorf("reference %q does not resolve", ref)
	}
	return o, nil
}

// references lists the files that a schema refers to.
func references(v any, visit func(file string)) {
	switch v := v.(type) {
	case *object:
		for _, key := range v.keys {
			if ref, ok := v.values[key].(string); ok && key == "$ref" {
				file, _, _ := strings.Cut(ref, "#")
				visit(file)
				continue
			}
			references(v.values[key], visit)
		}
	case []any:
		for _, item := range v {
			references(item, visit)
		}
	}
}

// reach returns the roots and everything they refer to, sorted.
func (b *bundle) reach(roots []string) []string {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(name string) {
		if seen[name] || b.schemas[name] == nil {
			return
		}
		seen[name] = true
		references(b.schemas[name], walk)
	}
	for _, root := range roots {
		walk(root)
	}
	return slices.DeleteFunc(slices.Clone(b.names), func(name string) bool { return !seen[name] })
}

// roots are the documents that types and structural schemas are written for:
// every task's request, response and asynchronous responses, what travels by
// webhook, error details, and the two documents a domain publishes about itself.
func (b *bundle) roots() []string {
	roots := []string{"adagents.json", "brand.json"}
	for _, t := range b.tasks {
		roots = append(roots, t.request, t.response)
		roots = append(roots, t.async...)
	}
	for _, name := range b.names {
		if strings.Contains(name, "webhook") || strings.Contains(name, "-async-response-") ||
			strings.HasPrefix(name, "error-details/") {
			roots = append(roots, name)
		}
	}
	return roots
}
