package brief

import (
	"fmt"
	"strconv"
)

// kind is what a part of a document is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindMap
)

// String is the kind in words, for messages.
func (k kind) String() string {
	return [...]string{"empty", "true or false", "a number", "text", "a list", "a mapping"}[k]
}

// node is a part of a JSON or YAML document. Scalars keep the text they were
// written with, so no number passes through a float.
type node struct {
	kind kind
	text string
	list []*node
	keys []entry
}

type entry struct {
	key   string
	value *node
}

// maxDepth is how deep a brief may nest; the typed brief needs four levels.
const maxDepth = 12

// nodeReader checks what both forms must hold while a tree is built.
type nodeReader struct{ nodes int }

// maxNodes bounds the parts of one document.
const maxNodes = 20_000

func (r *nodeReader) enter(path string, depth int) *Error {
	if r.nodes++; r.nodes > maxNodes {
		return &Error{"brief", fmt.Sprintf("has more than %d parts", maxNodes), "keep the fields of a brief and put the rest elsewhere"}
	}
	if depth > maxDepth {
		return &Error{pathOr(path), fmt.Sprintf("is nested deeper than %d levels", maxDepth), "write it as the typed brief shows, with plain values"}
	}
	return nil
}

// checkKey refuses a key that the mapping has already.
func checkKey(seen map[string]bool, path, key string) *Error {
	if err := checkText(join(path, shorten(key)), key); err != nil {
		return err
	}
	if seen[key] {
		return &Error{join(path, shorten(key)), "is there twice", "keep one of them"}
	}
	seen[key] = true
	return nil
}

// join is the path of a key inside the mapping at path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of an element of the list at path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func pathOr(path string) string {
	if path == "" {
		return "brief"
	}
	return path
}

// get finds the value of a key; nil when it is absent or null.
func (n *node) get(key string) *node {
	for _, e := range n.keys {
		if e.key == key && e.value.kind != kindNull {
			return e.value
		}
	}
	return nil
}

// scalar reports whether n is one value with a text.
func (n *node) scalar() bool { return n.kind == kindString || n.kind == kindNumber }

// items are the elements of a list, or n itself where one value stands for a list of one.
func (n *node) items(path string) ([]*node, []string) {
	if n.kind != kindList {
		return []*node{n}, []string{path}
	}
	paths := make([]string, len(n.list))
	for i := range n.list {
		paths[i] = index(path, i)
	}
	return n.list, paths
}
