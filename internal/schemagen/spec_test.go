package schemagen_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	release    = "3.1.19"
	specScheme = "spec://"
)

// specDir finds the published protocol: ADCP_SPEC, or beside the module. Where
// it is absent the test is skipped, unless ADCP_SPEC_REQUIRED says that it must be there.
func specDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ADCP_SPEC")
	if dir == "" {
		dir = "../../../shared/adcp"
	}
	dir = filepath.Join(dir, release, "schemas")
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		if os.Getenv("ADCP_SPEC_REQUIRED") == "1" {
			t.Fatalf("the published schemas are required and missing: %v", err)
		}
		t.Skipf("the published schemas are not here (set ADCP_SPEC): %v", err)
	}
	return dir
}

// spec is the published schemas, as the library reads them.
type spec struct {
	dir      string
	docs     map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

func newSpec(dir string) *spec {
	s := &spec{dir: dir, docs: map[string]any{}, compiled: map[string]*jsonschema.Schema{}, compiler: jsonschema.NewCompiler()}
	s.compiler.AssertFormat()
	s.compiler.UseLoader(s)
	s.compiler.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
		return (*ecma)(re), err
	})
	return s
}

type ecma regexp2.Regexp

func (e *ecma) MatchString(s string) bool {
	ok, err := (*regexp2.Regexp)(e).MatchString(s)
	return err == nil && ok
}
func (e *ecma) String() string { return (*regexp2.Regexp)(e).String() }

func (s *spec) Load(address string) (any, error) {
	return s.doc(strings.TrimPrefix(address, specScheme+"/schemas/"+release+"/"))
}

func (s *spec) doc(name string) (any, error) {
	if d, ok := s.docs[name]; ok {
		return d, nil
	}
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := jsonschema.UnmarshalJSON(f)
	s.docs[name] = d
	return d, err
}

func (s *spec) schema(at string) *jsonschema.Schema {
	if c := s.compiled[at]; c != nil {
		return c
	}
	c := s.compiler.MustCompile(specScheme + "/schemas/" + release + "/" + at)
	s.compiled[at] = c
	return c
}

// site is a schema at its place, such as "core/product.json#/properties/name".
type site struct {
	at string
	s  map[string]any
}

var unescape, escape = strings.NewReplacer("~1", "/", "~0", "~"), strings.NewReplacer("~", "~0", "/", "~1")

func (s *spec) site(at string) site {
	file, pointer, _ := strings.Cut(at, "#")
	d, err := s.doc(file)
	if err != nil {
		panic(err)
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if part == "" {
			continue
		}
		switch v := d.(type) {
		case map[string]any:
			d = v[unescape.Replace(part)]
		case []any:
			i, _ := strconv.Atoi(part)
			d = v[i]
		}
	}
	m, _ := d.(map[string]any) // true is no constraint
	if d == false {
		m = map[string]any{"not": map[string]any{}}
	}
	return site{file + "#" + pointer, m}
}

// target is where a reference at a site leads.
func (s *spec) target(from site, ref string) string {
	if strings.HasPrefix(ref, "#") {
		file, _, _ := strings.Cut(from.at, "#")
		return file + ref
	}
	return strings.TrimPrefix(ref, "/schemas/"+release+"/")
}

func (s *spec) below(at site, path ...string) site {
	for i := range path {
		path[i] = escape.Replace(path[i])
	}
	return s.site(at.at + "/" + strings.Join(path, "/"))
}
