package brief

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSON builds the tree of a JSON document. It refuses what encoding/json
// lets pass: a key that is there twice and anything after the object.
func readJSON(content []byte) (*node, *Error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	r := &jsonReader{dec: dec, content: content}
	n, err := r.value("", 0)
	if err != nil {
		return nil, err
	}
	if _, more := dec.Token(); !errors.Is(more, io.EOF) {
		return nil, &Error{"brief", fmt.Sprintf("has something after the JSON object, at line %d", r.line(dec.InputOffset())), "keep one object"}
	}
	return n, nil
}

type jsonReader struct {
	nodeReader
	dec     *json.Decoder
	content []byte
}

func (r *jsonReader) line(offset int64) int {
	return 1 + bytes.Count(r.content[:min(offset, int64(len(r.content)))], []byte("\n"))
}

func (r *jsonReader) broken(err error) *Error {
	var syntax *json.SyntaxError
	at := r.dec.InputOffset()
	if errors.As(err, &syntax) {
		at = syntax.Offset
	}
	problem := fmt.Sprintf("is not valid JSON at line %d: %v", r.line(at), err)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		problem = "is JSON that ends too early"
	}
	return &Error{"brief", problem, "correct the JSON, or write the brief in plain words"}
}

func (r *jsonReader) value(path string, depth int) (*node, *Error) {
	if err := r.enter(path, depth); err != nil {
		return nil, err
	}
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.broken(err)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(path, depth)
		}
		return r.array(path, depth)
	case string:
		if err := checkText(pathOr(path), t); err != nil {
			return nil, err
		}
		return &node{kind: kindString, text: t}, nil
	case json.Number:
		return &node{kind: kindNumber, text: t.String()}, nil
	case bool:
		return &node{kind: kindBool, text: fmt.Sprint(t)}, nil
	}
	return &node{kind: kindNull}, nil
}

func (r *jsonReader) object(path string, depth int) (*node, *Error) {
	n, seen := &node{kind: kindMap}, map[string]bool{}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		key, _ := token.(string)
		if err := checkKey(seen, path, key); err != nil {
			return nil, err
		}
		v, bad := r.value(join(path, key), depth+1)
		if bad != nil {
			return nil, bad
		}
		n.keys = append(n.keys, entry{key, v})
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, r.broken(err)
	}
	return n, nil
}

func (r *jsonReader) array(path string, depth int) (*node, *Error) {
	n := &node{kind: kindList}
	for r.dec.More() {
		v, err := r.value(index(path, len(n.list)), depth+1)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, v)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, r.broken(err)
	}
	return n, nil
}
