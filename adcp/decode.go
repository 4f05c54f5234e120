package adcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// Unmarshal decodes a document into a wire type and reads it exactly as
// validation does, where [json.Unmarshal] does not: a member counts under its
// exact name only ("Budget" is not "budget", and is dropped like any unknown
// member), a member given twice is an error and is not merged, and an integer
// may be written 5.0 or 5e0. Documents from outside are decoded with it, or
// what was validated is not what is read.
func Unmarshal(doc []byte, v any) error {
	if _, err := measure(doc); err != nil {
		return err
	}
	if !json.Valid(doc) {
		return errors.New("the document is not valid JSON")
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return fmt.Errorf("cannot decode into %T: it must be a pointer", v)
	}
	r := reader{doc: doc}
	if _, err := r.value(skipSpace(doc, 0), t.Elem()); err != nil {
		return err
	}
	return json.Unmarshal(r.edited(), v)
}

// reader walks a valid document along a Go type and notes what has to change
// before encoding/json sees it.
type reader struct {
	doc   []byte
	edits []edit // in order of place
}

type edit struct {
	from, to int
	text     string
}

// members are a struct's, by exact name, with the folded names for what
// encoding/json would accept besides.
type members struct {
	types  map[string]reflect.Type
	folded map[string]bool
}

var (
	membersOf   sync.Map // reflect.Type to *members
	rawMessage  = reflect.TypeFor[json.RawMessage]()
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// nullable is what every [Nullable] implements, whatever it holds.
type nullable interface{ holds() reflect.Type }

func (Nullable[T]) holds() reflect.Type { return reflect.TypeFor[T]() }

// value reads the value at i and returns the index after it. A nil type is one
// that is not looked into.
func (r *reader) value(i int, t reflect.Type) (int, error) {
	t = target(t)
	if t == nil {
		return r.skip(i), nil
	}
	switch c := r.doc[i]; {
	case c == '{' && t.Kind() == reflect.Struct:
		return r.object(i, t)
	case c == '{' && t.Kind() == reflect.Map:
		return r.object(i, t)
	case c == '[' && t.Kind() == reflect.Slice:
		return r.list(i, t.Elem())
	case t.Kind() == reflect.Int64 && (c == '-' || c >= '0' && c <= '9'):
		return r.integer(i), nil
	}
	return r.skip(i), nil
}

// target is the type that decides: what a pointer or a Nullable holds, and nil
// for a type that decodes itself.
func target(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t == rawMessage {
		return nil
	}
	if n, ok := reflect.Zero(t).Interface().(nullable); ok {
		return target(n.holds())
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	return t
}

func (r *reader) object(i int, t reflect.Type) (int, error) {
	var known *members
	var seen map[string]bool
	if t.Kind() == reflect.Struct {
		known, seen = structMembers(t), map[string]bool{}
	}
	i = skipSpace(r.doc, i+1)
	for r.doc[i] != '}' {
		end := endOfString(r.doc, i)
		name := key(r.doc[i:end])
		var inner reflect.Type
		switch {
		case known == nil:
			inner = t.Elem()
		case known.types[name] != nil:
			if inner = known.types[name]; seen[name] {
				return 0, fmt.Errorf("%s is given twice", name)
			}
			seen[name] = true
		case known.folded[fold(name)]:
			// One character of another name hides it from encoding/json.
			r.edits = append(r.edits, edit{i + 1, i + 1, "?"})
		}
		i = skipSpace(r.doc, skipSpace(r.doc, end)+1) // past the colon
		var err error
		if i, err = r.value(i, inner); err != nil {
			return 0, err
		}
		i = skipSpace(r.doc, i)
		if r.doc[i] == ',' {
			i = skipSpace(r.doc, i+1)
		}
	}
	return i + 1, nil
}

func (r *reader) list(i int, t reflect.Type) (int, error) {
	i = skipSpace(r.doc, i+1)
	for r.doc[i] != ']' {
		var err error
		if i, err = r.value(i, t); err != nil {
			return 0, err
		}
		i = skipSpace(r.doc, i)
		if r.doc[i] == ',' {
			i = skipSpace(r.doc, i+1)
		}
	}
	return i + 1, nil
}

// integer rewrites a whole number that is written with a point or an exponent.
func (r *reader) integer(i int) int {
	end := endOfNumber(r.doc, i)
	literal := string(r.doc[i:end])
	if strings.ContainsAny(literal, ".eE") {
		if n, ok := new(big.Rat).SetString(literal); ok && n.IsInt() {
			r.edits = append(r.edits, edit{i, end, n.Num().String()})
		}
	}
	return end
}

// skip returns the index after the value at i.
func (r *reader) skip(i int) int {
	depth := 0
	for {
		switch c := r.doc[i]; c {
		case '"':
			i = endOfString(r.doc, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			i++
			if depth == 0 {
				for i < len(r.doc) && !bytes.ContainsRune([]byte(" \t\r\n,:]}"), rune(r.doc[i])) {
					i++
				}
			}
		}
		if depth == 0 {
			return i
		}
	}
}

func (r *reader) edited() []byte {
	if len(r.edits) == 0 {
		return r.doc
	}
	var out []byte
	from := 0
	for _, e := range r.edits {
		out = append(append(out, r.doc[from:e.from]...), e.text...)
		from = e.to
	}
	return append(out, r.doc[from:]...)
}

func structMembers(t reflect.Type) *members {
	if m, ok := membersOf.Load(t); ok {
		return m.(*members)
	}
	m := &members{types: map[string]reflect.Type{}, folded: map[string]bool{}}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		m.types[name] = f.Type
		m.folded[fold(name)] = true
	}
	membersOf.Store(t, m)
	return m
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\t' || doc[i] == '\r' || doc[i] == '\n') {
		i++
	}
	return i
}

// key is the name that a quoted key stands for.
func key(quoted []byte) string {
	if !bytes.ContainsRune(quoted, '\\') {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return string(quoted)
	}
	return name
}

// fold makes names that differ in case only the same, as encoding/json does:
// every letter becomes the first of its forms.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		for {
			next := unicode.SimpleFold(c)
			if next <= c {
				return next
			}
			c = next
		}
	}, name)
}
