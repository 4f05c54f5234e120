package schemagen

import (
	"bytes"
	"slices"
	"strconv"
)

// kind is a set of JSON's types.
type kind uint8

const (
	kindObject kind = 1 << iota
	kindArray
	kindString
	kindInteger
	kindNumber
	kindBoolean
	kindNull
)

var kinds = map[string]kind{
	"object": kindObject, "array": kindArray, "string": kindString, "integer": kindInteger,
	"number": kindNumber, "boolean": kindBoolean, "null": kindNull,
}

// node is a schema where it stands. A node with parts is made of several
// schemas that meet in one property: all of them hold (all), or one of them
// (any); weak parts, from conditions, only add names that would be lost.
type node struct {
	schema any // *object or bool
	hint   string
	at     string
	all    []node
	any    []node
	weak   []node
	loose  bool // nothing in it is required
}

// property is a named member of a shape.
type property struct {
	name     string
	node     node
	required bool
	weak     bool // known only from the branch of a condition
}

// shape is what a node amounts to once references are followed, allOf is
// flattened and unions are merged.
type shape struct {
	kinds  kind   // 0 where no type is stated
	free   bool   // true where anything is allowed: {} or true
	ref    string // set while the shape is exactly that of a named schema
	props  []property
	values []node // the schemas of members that have no name of their own
	items  []node
	enum   []string
	named  string // the schema an enum comes from
	format string
	must   map[string]bool // required names
}

func (s *shape) prop(name string) *property {
	for i := range s.props {
		if s.props[i].name == name {
			return &s.props[i]
		}
	}
	return nil
}

// silent reports that a shape says nothing about structure, only, at most, which names are required.
func (s *shape) silent() bool {
	return s.kinds&^kindObject == 0 && len(s.props) == 0 && len(s.values) == 0 && len(s.items) == 0 && s.enum == nil && s.ref == ""
}

// shapeOf works out the shape of a node.
func (g *generator) shapeOf(n node) *shape {
	if n.schema == nil {
		return g.composed(n)
	}
	o, ok := n.schema.(*object)
	if !ok || len(o.keys) == 0 {
		return &shape{free: true}
	}
	if ref := o.text("$ref"); ref != "" {
		return g.referenced(ref)
	}
	s := g.own(o, n)
	for i, part := range o.list("allOf") {
		s = g.both(s, g.shapeOf(node{schema: part, hint: n.hint, at: at(n.at, "allOf", i)}), n.hint)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		var union *shape
		for i, part := range o.list(key) {
			arm := g.shapeOf(node{schema: part, hint: n.hint, at: at(n.at, key, i)})
			if union == nil {
				union = arm
			} else {
				union = g.either(union, arm, n.hint)
			}
		}
		if union != nil {
			s = g.both(s, union, n.hint)
		}
	}
	for _, key := range []string{"then", "else"} {
		if part := o.object(key); part != nil {
			g.weaken(s, g.shapeOf(node{schema: part, hint: n.hint, at: n.at + "/" + key}))
		}
	}
	for _, name := range o.object("dependencies").names() {
		if part := o.object("dependencies").object(name); part != nil {
			g.weaken(s, g.shapeOf(node{schema: part, hint: n.hint, at: n.at + "/dependencies/" + name}))
		}
	}
	return s
}

func (o *object) names() []string {
	if o == nil {
		return nil
	}
	return o.keys
}

// own reads the keywords of a schema itself, without its combinators.
func (g *generator) own(o *object, n node) *shape {
	s := &shape{format: o.text("format"), must: map[string]bool{}}
	if t := o.text("type"); t != "" {
		s.kinds = kinds[t]
	}
	for _, t := range o.texts("type") {
		s.kinds |= kinds[t]
	}
	if s.enum = o.texts("enum"); len(s.enum) > 0 && s.kinds == 0 {
		s.kinds = kindString
	}
	switch c := o.get("const").(type) {
	case string:
		s.kinds, s.enum = kindString, []string{c}
	case bool:
		s.kinds = kindBoolean
	}
	for _, name := range o.texts("required") {
		s.must[name] = true
	}
	for _, name := range o.object("properties").names() {
		schema := o.object("properties").values[name]
		if schema == false {
			continue
		}
		s.props = append(s.props, property{
			name: name, node: node{schema: schema, hint: n.hint + goName(name), at: n.at + "/properties/" + name}, required: s.must[name],
		})
	}
	if v := o.object("additionalProperties"); v != nil && len(v.keys) > 0 {
		s.values = append(s.values, node{schema: v, hint: n.hint + "Value", at: n.at + "/additionalProperties"})
	}
	for _, pattern := range o.object("patternProperties").names() {
		s.values = append(s.values, node{schema: o.object("patternProperties").values[pattern], hint: n.hint + "Value", at: n.at + "/patternProperties"})
	}
	if len(s.props)+len(s.values) > 0 && s.kinds == 0 {
		s.kinds = kindObject
	}
	if v, ok := o.get("items").(*object); ok {
		s.items = []node{{schema: v, hint: singular(n.hint), at: n.at + "/items"}}
	}
	return s
}

func (g *generator) referenced(ref string) *shape {
	if s := g.shapes[ref]; s != nil {
		return s
	}
	o, err := g.bundle.resolve(ref)
	if err != nil {
		g.fail(err)
		return &shape{free: true}
	}
	s := *g.shapeOf(node{schema: o, hint: g.nameOf(ref), at: ref})
	s.props = slices.Clone(s.props)
	for i := range s.props {
		s.props[i].required = s.props[i].required || s.must[s.props[i].name]
	}
	switch {
	case opaque[ref]:
		s = shape{kinds: kindObject}
	case s.kinds&kindObject != 0 && (len(s.props) > 0 || len(s.values) > 0):
		s.ref = ref
	case s.enum != nil && s.named == "":
		s.named = ref
	}
	g.shapes[ref] = &s
	return &s
}

func (g *generator) composed(n node) *shape {
	var s *shape
	for _, part := range n.all {
		if p := g.shapeOf(part); s == nil {
			s = p
		} else {
			s = g.both(s, p, n.hint)
		}
	}
	for _, part := range n.any {
		if p := g.shapeOf(part); s == nil {
			s = p
		} else {
			s = g.either(s, p, n.hint)
		}
	}
	if n.loose && s.ref == "" {
		copied := *s
		s = &copied
		s.must = nil
		s.props = slices.Clone(s.props)
		for i := range s.props {
			s.props[i].required = false
		}
	}
	if len(n.weak) > 0 {
		copied := *s
		s = &copied
		s.props = slices.Clone(s.props)
		before := len(s.props)
		for _, part := range n.weak {
			if len(s.props) > 0 { // a free-form object stays free-form
				g.weaken(s, g.shapeOf(part))
			}
		}
		if len(s.props) > before {
			s.ref = ""
		}
	}
	return s
}

// both is the shape of a value that has two shapes at once; where they differ
// in what only one can name, the first decides.
func (g *generator) both(a, b *shape, hint string) *shape {
	switch {
	case a.ref != "" && (a.ref == b.ref || g.narrows(b, a)):
		return requiring(a, b.must)
	case b.ref != "" && g.narrows(a, b):
		return requiring(b, a.must)
	case a.silent() && a.kinds == 0 && !b.free:
		return requiring(b, a.must)
	case b.free || b.silent() && !a.free:
		return requiring(a, b.must)
	case a.free || a.silent():
		return requiring(b, a.must)
	}
	s := &shape{kinds: a.kinds, format: a.format, enum: a.enum, named: a.named}
	if b.kinds != 0 && (s.kinds == 0 || s.kinds&b.kinds != 0) {
		if s.kinds == 0 {
			s.kinds = b.kinds
		}
		s.kinds &= b.kinds
	}
	if s.format == "" {
		s.format = b.format
	}
	if s.enum == nil {
		s.enum, s.named = b.enum, b.named
	}
	s.must = union(a.must, b.must)
	s.values = append(slices.Clone(a.values), b.values...)
	s.items = merge(a.items, b.items)
	s.props = slices.Clone(a.props)
	for _, p := range b.props {
		mine := s.prop(p.name)
		switch {
		case mine == nil:
			s.props = append(s.props, p)
			continue
		case mine.weak && p.weak:
			mine.node = either(mine.node, p.node)
		case mine.weak:
			mine.node, mine.weak = g.hinted(p.node, mine.node), false
		case p.weak:
			mine.node = g.hinted(mine.node, p.node)
		default:
			mine.node = join(mine.node, p.node, hint+goName(p.name), true)
		}
		mine.required = mine.required || p.required
	}
	for i := range s.props {
		s.props[i].required = s.props[i].required || s.must[s.props[i].name]
	}
	return s
}

// narrows reports that s only limits the values of members that of has anyway.
func (g *generator) narrows(s, of *shape) bool {
	if s.free || s.ref != "" || s.kinds&^of.kinds != 0 || len(s.values)+len(s.items) > 0 {
		return false
	}
	for _, p := range s.props {
		mine := of.prop(p.name)
		if mine == nil {
			return false
		}
		limit := g.shapeOf(p.node)
		if len(limit.props)+len(limit.values)+len(limit.items) > 0 || limit.kinds&^g.shapeOf(mine.node).kinds != 0 {
			return false
		}
	}
	return true
}

// requiring is a with more of its names required. It stays the named shape it
// was unless that changes one of its own members.
func requiring(a *shape, must map[string]bool) *shape {
	changed := false
	for _, p := range a.props {
		changed = changed || must[p.name] && !p.required
	}
	if !changed && (a.ref != "" || len(must) == 0) {
		return a
	}
	s := *a
	s.must = union(a.must, must)
	if a.ref != "" {
		return &s // the type of the reference, whose members stay optional
	}
	s.props = slices.Clone(a.props)
	for i := range s.props {
		s.props[i].required = s.props[i].required || must[s.props[i].name]
	}
	return &s
}

// either is the shape of a value that has one of two shapes.
func (g *generator) either(a, b *shape, hint string) *shape {
	if a.free || b.free {
		return &shape{free: true}
	}
	if a.ref != "" && a.ref == b.ref || a.named != "" && a.named == b.named {
		return a
	}
	s := &shape{kinds: a.kinds | b.kinds, must: map[string]bool{}}
	for name := range a.must {
		if b.must[name] {
			s.must[name] = true
		}
	}
	switch {
	case a.kinds&^kindNull == kindString && b.kinds&^kindNull == kindString:
		eitherString(s, a, b)
	case a.kinds == kindNull:
		s.format, s.enum, s.named, s.ref = b.format, b.enum, b.named, b.ref
	case b.kinds == kindNull:
		s.format, s.enum, s.named, s.ref = a.format, a.enum, a.named, a.ref
	}
	// An object that allows anything beside one that names its members: the
	// struct could not hold the first, so nothing is named.
	if open(a) && len(b.props) > 0 || open(b) && len(a.props) > 0 {
		return s
	}
	s.values = merge(a.values, b.values)
	s.items = mergeItems(a.items, b.items, hint)
	for _, p := range a.props {
		p.required = p.required && s.must[p.name]
		s.props = append(s.props, p)
	}
	for _, p := range b.props {
		if mine := s.prop(p.name); mine == nil {
			p.required = false
			s.props = append(s.props, p)
		} else {
			mine.node, mine.weak = join(mine.node, p.node, hint+goName(p.name), false), mine.weak && p.weak
		}
	}
	return s
}

// open reports an object that is declared as such and names nothing.
func open(s *shape) bool {
	return s.kinds == kindObject && len(s.props) == 0 && len(s.values) == 0 && len(s.must) == 0
}

func eitherString(s, a, b *shape) {
	if a.format == b.format {
		s.format = a.format
	}
	switch {
	case a.enum == nil || b.enum == nil:
	case a.named != "" && subset(b.enum, a.enum):
		s.enum, s.named = a.enum, a.named
	case b.named != "" && subset(a.enum, b.enum):
		s.enum, s.named = b.enum, b.named
	default:
		s.enum = slices.Clone(a.enum)
		for _, v := range b.enum {
			if !slices.Contains(s.enum, v) {
				s.enum = append(s.enum, v)
			}
		}
	}
}

// weaken adds to s the names that only a condition's branch has.
func (g *generator) weaken(s, w *shape) {
	for _, p := range w.props {
		p.required = false
		mine := s.prop(p.name)
		switch {
		case mine == nil:
			p.weak, p.node = true, node{hint: p.node.hint, at: p.node.at, any: []node{p.node}, loose: true}
			s.props = append(s.props, p)
			s.kinds |= kindObject
			s.ref = ""
		case mine.weak:
			mine.node = either(mine.node, p.node)
		default:
			mine.node = g.hinted(mine.node, p.node)
		}
	}
}

// either joins two nodes that are known from conditions only.
func either(a, b node) node {
	return node{hint: a.hint, at: a.at, any: append(parts(a, a.any), parts(b, b.any)...), loose: true}
}

// hinted is n, which learns names from a condition's branch.
func (g *generator) hinted(n, weak node) node {
	if g.shapeOf(weak).props == nil {
		return n
	}
	if len(n.weak) == 0 {
		n = node{hint: n.hint, at: n.at, all: []node{n}}
	}
	n.weak = append(slices.Clone(n.weak), weak)
	return n
}

// join makes one node of two that meet in a property.
func join(a, b node, hint string, all bool) node {
	if same(a, b) {
		return a
	}
	n := node{hint: hint, at: a.at}
	if a.hint == b.hint {
		n.hint = a.hint
	}
	if all {
		n.all = append(parts(a, a.all), parts(b, b.all)...)
	} else {
		n.any = append(parts(a, a.any), parts(b, b.any)...)
		n.any = slices.CompactFunc(n.any, same)
	}
	return n
}

func parts(n node, of []node) []node {
	if n.schema == nil && len(of) > 0 && len(n.weak) == 0 {
		return slices.Clone(of)
	}
	return []node{n}
}

func same(a, b node) bool {
	return a.schema != nil && b.schema != nil && bytes.Equal(untitled(a.schema), untitled(b.schema))
}

func untitled(v any) []byte {
	if o, ok := v.(*object); ok && o.has("title") {
		c := newObject()
		for _, key := range o.keys {
			if key != "title" {
				c.set(key, o.values[key])
			}
		}
		v = c
	}
	return appendJSON(nil, v)
}

func merge(a, b []node) []node {
	out := slices.Clone(a)
	for _, n := range b {
		if !slices.ContainsFunc(out, func(m node) bool { return same(m, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// mergeItems is what the items of one of two lists may be.
func mergeItems(a, b []node, hint string) []node {
	if len(a) == 0 || len(b) == 0 {
		return merge(a, b)
	}
	return []node{join(whole(a), whole(b), singular(hint), false)}
}

// whole makes one node of several that all hold.
func whole(list []node) node {
	if len(list) == 1 {
		return list[0]
	}
	return node{hint: list[0].hint, at: list[0].at, all: list}
}

func union(a, b map[string]bool) map[string]bool {
	out := map[string]bool{}
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}

func subset(a, of []string) bool {
	return !slices.ContainsFunc(a, func(v string) bool { return !slices.Contains(of, v) })
}

func at(place, key string, i int) string { return place + "/" + key + "/" + strconv.Itoa(i) }
