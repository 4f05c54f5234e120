package seller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A catalogue and its products are documents in one form, that of the YAML file.
// They are kept and sent as JSON, with the text of every number as its author
// wrote it.

// parseDocument reads a document that is JSON or YAML.
func parseDocument(text []byte) (*yaml.Node, error) {
	if first := bytes.TrimLeft(text, " \t\r\n"); len(first) > 0 && (first[0] == '{' || first[0] == '[') && json.Valid(text) {
		return jsonNode(text)
	}
	return parseYAML(bytes.NewReader(text))
}

// jsonNode reads JSON as the YAML that it is too, with the lines it is on. YAML's
// own reader does not know all of JSON's escapes, and takes far longer.
func jsonNode(text []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	r := &jsonReader{text: text, decoder: d, line: 1}
	n, err := r.value()
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after the document")
	}
	return n, nil
}

type jsonReader struct {
	text    []byte
	decoder *json.Decoder
	// read is how much of the text line was counted over.
	read int64
	line int
}

func (r *jsonReader) next() (json.Token, error) {
	token, err := r.decoder.Token()
	offset := r.decoder.InputOffset()
	r.line += bytes.Count(r.text[r.read:offset], []byte{'\n'})
	r.read = offset
	return token, err
}

func (r *jsonReader) value() (*yaml.Node, error) {
	token, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line}
	switch t := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.decoder.More() {
			if n.Kind == yaml.MappingNode {
				key, err := r.next()
				if err != nil {
					return nil, err
				}
				name, _ := key.(string) // the decoder takes nothing else there
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: r.line})
			}
			child, err := r.value()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err = r.next()
		return n, err
	case string:
		n.Tag, n.Value = "!!str", t
	case json.Number:
		n.Tag, n.Value = "!!int", t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// maxDocumentDepth is far more than a catalogue has; it ends aliases that hold themselves.
const maxDocumentDepth = 20

// nodeJSON writes a node as JSON, which reads the same.
func nodeJSON(n *yaml.Node) (string, error) {
	var out bytes.Buffer
	if err := writeJSON(&out, n, 0); err != nil {
		return "", err
	}
	return out.String(), nil
}

func writeJSON(out *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > maxDocumentDepth {
		return fmt.Errorf("line %d: nested too deep", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return writeJSON(out, n.Alias, depth+1)
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, c, depth+1); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	case yaml.MappingNode:
		out.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				out.WriteByte(',')
			}
			writeString(out, n.Content[i].Value)
			out.WriteByte(':')
			if err := writeJSON(out, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		out.WriteByte('}')
		return nil
	}
	value := n.Value
	switch n.ShortTag() {
	case "!!int":
		value = strings.ReplaceAll(value, "_", "")
		fallthrough
	case "!!float", "!!bool", "!!null":
		if n.ShortTag() == "!!null" {
			value = "null"
		}
		if json.Valid([]byte(value)) {
			out.WriteString(value)
			return nil
		}
	}
	writeString(out, n.Value)
	return nil
}

func writeString(out *bytes.Buffer, s string) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)             // a string always marshals
	out.Truncate(out.Len() - 1) // the encoder ends lines
}

// mapping makes a mapping of what has a value.
func mapping(line int, pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	for i := 0; i+1 < len(pairs); i += 2 {
		if value, _ := pairs[i+1].(*yaml.Node); value != nil {
			m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprint(pairs[i]), Line: line}, value)
		}
	}
	return m
}

// memberOf is what a mapping has under the key; nil where nothing.
func memberOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// headOf is what a catalogue's document holds besides its products.
func headOf(root *yaml.Node) *yaml.Node {
	return mapping(root.Line, "seller", memberOf(root, "seller"), "standard_formats", memberOf(root, "standard_formats"), "formats", memberOf(root, "formats"))
}

// keepDocuments notes of a catalogue that was read without a fault what it was read from.
func (c *Catalogue) keepDocuments(root *yaml.Node) error {
	var err error
	if c.document, err = nodeJSON(headOf(root)); err != nil {
		return err
	}
	for i, item := range memberOf(root, "products").Content {
		if c.Products[i].document, err = nodeJSON(item); err != nil {
			return err
		}
	}
	return nil
}

// readProductDocument reads one product of a catalogue that has its head already.
func readProductDocument(root *yaml.Node, head *Catalogue) (*Product, error) {
	reader := &yamlReader{}
	p := readProduct(yamlNode{r: reader, line: 1}.at("", root), head)
	if err := reader.refusal(); err != nil {
		return nil, err
	}
	var err error
	p.document, err = nodeJSON(root)
	return p, err
}

// readHead reads what a catalogue's document holds besides its products.
func readHead(root *yaml.Node) (*Catalogue, error) {
	reader := &yamlReader{}
	c, _ := readCatalogueHead(yamlNode{r: reader, line: 1}.at("", root))
	if err := reader.refusal(); err != nil {
		return nil, err
	}
	var err error
	c.document, err = nodeJSON(headOf(root))
	return c, err
}

// refusal is the problems that were found, in the order of their lines.
func (r *yamlReader) refusal() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b *CatalogueError) int { return a.Line - b.Line })
	return r.problems
}
