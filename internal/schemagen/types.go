package schemagen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// generator turns a bundle into Go declarations.
type generator struct {
	bundle *bundle
	files  []string           // the schemas to write, sorted
	shapes map[string]*shape  // by reference
	names  map[string]string  // Go names by reference
	used   map[string]bool    // Go names taken
	types  map[string]*goType // by place
	decls  []*decl
	errs   []error
}

// decl is one Go type to write.
type decl struct {
	file, name, schema string
	inner              bool // a part of its schema, not the whole
	fields             []field
	values             []constant // an enum's
	of                 string     // what a map type holds
}

type field struct{ name, typ, tag string }

type constant struct{ name, value string }

// goType is how a schema is written in Go.
type goType struct {
	expr     string
	ref      bool // nil-able by itself: slice, map, raw
	nullable bool
}

// opaque schemas are unions of whole documents that the reader tells apart by
// other means, such as the task that a webhook reports on; they stay raw.
var opaque = map[string]bool{"core/async-response-data.json": true}

// overrides give a member a hand-written type of package adcp.
var overrides = map[string]string{"core/error.json/properties/code": "ErrorCode"}

// reserved are the names that package adcp declares by hand.
var reserved = []string{
	"Access", "AccessAccount", "AccessPublic", "AccessSandbox", "Decimal", "ErrorCode", "InputSchema", "Negotiate",
	"NewDecimal", "NewError", "Nullable", "Op", "Operation", "OperationNamed", "Operations", "Unmarshal", "Val",
	"ValidateDocument", "ValidateRequest", "ValidateResponse",
}

func newGenerator(b *bundle) *generator {
	g := &generator{bundle: b, shapes: map[string]*shape{}, names: map[string]string{}, used: map[string]bool{}, types: map[string]*goType{}}
	for _, name := range reserved {
		g.used[name] = true
	}
	for _, t := range b.tasks {
		g.used[goName(t.name)] = true
	}
	for _, c := range b.codes {
		g.used["Code"+goName(c.code)] = true
	}
	return g
}

func (g *generator) fail(err error) { g.errs = append(g.errs, err) }

// run declares a type for every schema that the roots reach.
func (g *generator) run() error {
	g.files = g.bundle.reach(g.bundle.roots())
	for _, file := range g.files {
		g.nameOf(file)
	}
	for _, file := range g.files {
		g.typeOf(node{schema: reference(file)})
	}
	slices.SortFunc(g.decls, func(x, y *decl) int { return strings.Compare(x.name, y.name) })
	return errors.Join(g.errs...)
}

func reference(file string) *object {
	o := newObject()
	o.set("$ref", file)
	return o
}

// nameOf is the Go name of a schema: its title, or for a definition inside a
// file the file's name and the definition's.
func (g *generator) nameOf(ref string) string {
	if name := g.names[ref]; name != "" {
		return name
	}
	file, pointer, inner := strings.Cut(ref, "#")
	var name string
	if inner {
		name = g.unique(g.nameOf(file)+goName(pointer[strings.LastIndexByte(pointer, '/')+1:]), "")
	} else {
		folder, _, _ := strings.Cut(file, "/")
		name = g.unique(goName(g.bundle.schemas[file].text("title")), goName(folder))
	}
	g.names[ref] = name
	return name
}

// unique takes a name that is free; where the wanted one is not, with a prefix, then with a number.
func (g *generator) unique(name, prefix string) string {
	if g.used[name] && prefix != "" {
		name = prefix + name
	}
	wanted := name
	for i := 2; g.used[name]; i++ {
		name = fmt.Sprintf("%s%d", wanted, i)
	}
	g.used[name] = true
	return name
}

// typeOf finds or declares the Go type of a node.
func (g *generator) typeOf(n node) goType {
	if o, ok := n.schema.(*object); ok && !o.has("$ref") && o.has("title") {
		n.hint = goName(o.text("title"))
	}
	s := g.shapeOf(n)
	t := goType{expr: "json.RawMessage", ref: true}
	if expr := overrides[n.at]; expr != "" {
		return goType{expr: expr}
	}
	if s.free {
		return t
	}
	t.nullable = s.kinds&kindNull != 0
	switch s.kinds &^ kindNull {
	case kindString:
		t.expr, t.ref = g.stringType(n, s), false
	case kindInteger:
		t.expr, t.ref = "int64", false
	case kindNumber, kindNumber | kindInteger:
		t.expr, t.ref = "Decimal", false
	case kindBoolean:
		t.expr, t.ref = "bool", false
	case kindArray:
		t.expr = "[]json.RawMessage"
		if len(s.items) > 0 {
			t.expr = "[]" + g.element(whole(s.items))
		}
	case kindObject:
		t.expr, t.ref = g.objectType(n, s)
	}
	return t
}

// element is the type of a list's item or a map's value.
func (g *generator) element(n node) string {
	t := g.typeOf(n)
	if t.nullable && !t.ref {
		return "*" + t.expr
	}
	return t.expr
}

func (g *generator) stringType(n node, s *shape) string {
	switch {
	case s.named == "" && len(s.enum) > 1:
		if s.named = g.published(n, s.enum); s.named == "" {
			return g.enum(n.at+"|"+n.hint, n, s)
		}
		s = g.referenced(s.named)
		fallthrough
	case s.named != "":
		return g.enum(s.named, node{hint: g.nameOf(s.named), at: s.named}, s)
	case s.format == "date-time":
		return "time.Time"
	default:
		return "string"
	}
}

// published finds the enum schema that a member could as well refer to, so that
// it needs no type of its own: one that the member is named for and that has all
// of its values, or one of three values or more that has the very same.
func (g *generator) published(n node, values []string) string {
	member := n.at[strings.LastIndexByte(n.at, '/')+1:]
	ref := "enums/" + strings.ReplaceAll(member, "_", "-") + ".json"
	if g.names[ref] != "" && subset(values, g.referenced(ref).enum) {
		return ref
	}
	for _, ref := range g.files {
		if g.bundle.schemas[ref].has("enum") && len(values) > 2 {
			enum := g.bundle.schemas[ref].texts("enum")
			if subset(values, enum) && subset(enum, values) {
				return ref
			}
		}
	}
	return ""
}

func (g *generator) enum(key string, n node, s *shape) string {
	if t := g.types[key]; t != nil {
		return t.expr
	}
	d := g.declare(key, n, s.named)
	for _, value := range s.enum {
		d.values = append(d.values, constant{g.unique(d.name+constantName(value), ""), value})
	}
	return d.name
}

// declare starts a declaration and remembers its name, so that a schema may refer to itself.
func (g *generator) declare(key string, n node, ref string) *decl {
	file, _, inner := strings.Cut(strings.ReplaceAll(n.at, ".json/", ".json#/"), "#")
	d := &decl{file: packageFile(file), schema: file, inner: inner}
	if d.name = g.names[ref]; d.name == "" {
		d.name = g.unique(n.hint, "")
	}
	g.types[key] = &goType{expr: d.name}
	g.decls = append(g.decls, d)
	return d
}

func (g *generator) objectType(n node, s *shape) (expr string, nilable bool) {
	if len(s.props) == 0 && len(s.values) == 0 {
		return "json.RawMessage", true
	}
	key := n.at + "|" + n.hint
	if s.ref != "" {
		key, n = s.ref, node{hint: g.nameOf(s.ref), at: s.ref}
	}
	if t := g.types[key]; t != nil {
		return t.expr, t.ref
	}
	if len(s.values) > 0 {
		if expr := g.mapType(s); expr != "" {
			if s.ref == "" {
				return expr, true
			}
			d := g.declare(key, n, s.ref)
			d.of = expr
			g.types[key].ref = true
			return d.name, true
		}
	}
	d := g.declare(key, n, s.ref)
	taken := map[string]bool{}
	for _, p := range s.props {
		f := g.field(p)
		for i := 2; taken[f.name]; i++ {
			f.name = fmt.Sprintf("%s%d", goName(p.name), i)
		}
		taken[f.name] = true
		d.fields = append(d.fields, f)
	}
	return d.name, false
}

// mapType is the type of an object whose members have no names of their own,
// or where those that have are of the same type as the rest.
func (g *generator) mapType(s *shape) string {
	n := s.values[0]
	if len(s.values) > 1 {
		n = node{hint: n.hint, at: n.at, any: s.values}
	}
	value := g.element(n)
	for _, p := range s.props {
		if g.element(p.node) != value {
			value = "json.RawMessage"
		}
	}
	return "map[string]" + value
}

func (g *generator) field(p property) field {
	t := g.typeOf(p.node)
	f := field{name: goName(p.name), typ: t.expr, tag: p.name}
	switch {
	case t.ref && (p.required || !t.nullable || t.expr == "json.RawMessage"):
	case p.required && t.nullable, !p.required && !t.nullable:
		f.typ = "*" + t.expr
	case !p.required:
		f.typ = "Nullable[" + t.expr + "]"
	}
	if !p.required {
		f.tag += ",omitzero"
	}
	return f
}
