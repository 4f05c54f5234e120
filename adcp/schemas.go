package adcp

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaText holds the structural schemas, a line each: the name, a tab, the schema.
//
//go:embed schemas.gen.jsonl
var schemaText string

// schemaScheme makes absolute addresses of schema names for the compiler. It
// loads nothing: names resolve inside schemaText and nowhere else.
const schemaScheme = "adcp:///"

var schemaLines = sync.OnceValue(func() map[string]string {
	lines := map[string]string{}
	for line := range strings.Lines(schemaText) {
		name, schema, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		lines[name] = schema
	}
	return lines
})

type schemaLoader struct{}

// negated is a folder of schemas that the bundle does not have: not/NAME holds
// for what NAME refuses. The library answers a negation without collecting
// errors, so that the cost of refusing a hostile document stays small.
const negated = "not/"

// Load finds a schema for the compiler by its address.
func (schemaLoader) Load(address string) (any, error) {
	name := strings.TrimPrefix(address, schemaScheme)
	if of, ok := strings.CutPrefix(name, negated); ok {
		return map[string]any{"not": map[string]any{"$ref": "/" + of}}, nil
	}
	text, ok := schemaLines()[name]
	if !ok {
		return nil, fmt.Errorf("the bundle has no schema %s", address)
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(text))
}

// schemaSet compiles schemas when they are first needed and keeps them. One
// compiler is shared, so that what several tasks refer to is compiled once; it
// is not safe for concurrent use, what it compiles is.
type schemaSet struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled sync.Map // name to *jsonschema.Schema
}

var schemas = sync.OnceValue(func() *schemaSet {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.UseRegexpEngine(compileRegexp)
	c.UseLoader(schemaLoader{})
	return &schemaSet{compiler: c}
})

func (s *schemaSet) schema(name string) (*jsonschema.Schema, error) {
	if compiled, ok := s.compiled.Load(name); ok {
		return compiled.(*jsonschema.Schema), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := schemaLines()[strings.TrimPrefix(name, negated)]; !ok {
		return nil, fmt.Errorf("the bundle has no schema %q", name)
	}
	compiled, err := s.compiler.Compile(schemaScheme + name)
	if err != nil {
		return nil, fmt.Errorf("compile schema %q: %w", name, err)
	}
	s.compiled.Store(name, compiled)
	return compiled, nil
}
