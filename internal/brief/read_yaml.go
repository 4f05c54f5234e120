package brief

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML parses one YAML document without giving values any meaning, so
// nothing is expanded and no number is rounded.
func parseYAML(content []byte) (doc *yaml.Node, err error) {
	// The parser reports malformed input by panicking inside and recovering;
	// what it does not recover from must not take the program with it.
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(content))
	doc = new(yaml.Node)
	if err := dec.Decode(doc); err != nil {
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, err
		}
		return nil, errSecondDocument
	}
	return doc.Content[0], nil
}

var errSecondDocument = errors.New("yaml: a second document follows")

// yamlError words a parser's error for the author.
func yamlError(err error) *Error {
	if errors.Is(err, errSecondDocument) {
		return &Error{"brief", "holds more than one YAML document", "keep one and take out the line with ---"}
	}
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	return &Error{"brief", "is not valid YAML: " + shorten(what), "correct the YAML, or write the brief in plain words"}
}

// yamlTree turns a parsed document into our tree. Anchors, aliases and tags are
// refused: a brief has no use for them, and aliases can grow without bound.
func (r *nodeReader) yamlTree(y *yaml.Node, path string, depth int) (*node, *Error) {
	if err := r.enter(path, depth); err != nil {
		return nil, err
	}
	if y.Anchor != "" || y.Kind == yaml.AliasNode {
		return nil, &Error{pathOr(path), fmt.Sprintf("uses a YAML anchor or alias at line %d", y.Line), "write the value out in full"}
	}
	if y.Style&yaml.TaggedStyle != 0 {
		return nil, &Error{pathOr(path), fmt.Sprintf("has the YAML tag %s at line %d", shorten(y.Tag), y.Line), "write the value without a tag"}
	}
	switch y.Kind {
	case yaml.MappingNode:
		return r.yamlMap(y, path, depth)
	case yaml.SequenceNode:
		n := &node{kind: kindList}
		for i, c := range y.Content {
			v, err := r.yamlTree(c, index(path, i), depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, v)
		}
		return n, nil
	}
	if err := checkText(pathOr(path), y.Value); err != nil {
		return nil, err
	}
	n := &node{kind: kindString, text: y.Value}
	switch y.ShortTag() {
	case "!!null":
		n.kind = kindNull
	case "!!bool":
		n.kind = kindBool
	case "!!int", "!!float":
		n.kind = kindNumber
	}
	return n, nil
}

func (r *nodeReader) yamlMap(y *yaml.Node, path string, depth int) (*node, *Error) {
	n, seen := &node{kind: kindMap}, map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" {
			return nil, &Error{pathOr(path), fmt.Sprintf("has a key at line %d that is not plain text", k.Line), "write field names as the typed brief shows"}
		}
		if err := checkKey(seen, path, k.Value); err != nil {
			return nil, err
		}
		v, err := r.yamlTree(y.Content[i+1], join(path, k.Value), depth+1)
		if err != nil {
			return nil, err
		}
		n.keys = append(n.keys, entry{k.Value, v})
	}
	return n, nil
}
