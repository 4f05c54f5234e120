package schemagen_test

import (
	"encoding/json"
	"math/big"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// A schema's documents are made until they reach nothing new any more.
const (
	documentsEach = 60
	idleDocuments = 2
	mutationsEach = 20
)

// document is a schema with the Go type that its documents decode into.
type document struct {
	schema string
	fresh  func() any
}

// documents are every schema with a type of its own, and every task's request
// and response with the types that the operation table gives them.
func documents() []document {
	all := slices.Clone(generated)
	for _, op := range adcp.Operations() {
		all = append(all, document{op.RequestSchema, op.NewRequest}, document{op.ResponseSchema, op.NewResponse})
	}
	return all
}

func fresh[T any]() any { return new(T) }

func TestDocumentsAgreeWithThePublishedSchemas(t *testing.T) {
	t.Parallel()
	dir := specDir(t)
	docs := documents()
	const workers = 2
	var mu sync.Mutex
	kept := map[string]int{}
	t.Cleanup(func() { covered(t, newSpec(dir), docs, kept) })
	for w := range workers {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			c := newCorpus(newSpec(dir), uint64(w))
			refused := map[string]int{}
			for i := w; i < len(docs); i += workers {
				agree(t, c, docs[i], refused)
			}
			mu.Lock()
			defer mu.Unlock()
			for choice, n := range c.kept {
				kept[choice] += n
			}
			for _, rule := range []string{"required", "type", "enum", "pattern", "format", "range", "length", "items"} {
				if refused[rule] < 10 {
					t.Errorf("only %d documents were refused for %s", refused[rule], rule)
				}
			}
		})
	}
}

func agree(t *testing.T, c *corpus, d document, refused map[string]int) {
	t.Helper()
	seen := map[string]bool{}
	for i, idle := 0, 0; i < documentsEach && idle < idleDocuments; i++ {
		v, mutations, news, err := c.document(d.schema)
		if err != nil {
			t.Errorf("%s: %v", d.schema, err)
			return
		}
		if idle++; news {
			idle = 0
		}
		doc := encode(v)
		if err := adcp.ValidateDocument(d.schema, []byte(doc)); err != nil {
			t.Errorf("%s: the published schema accepts what ours refuses: %v\n%s", d.schema, err, doc)
			return
		}
		roundTrip(t, d, v, doc)
		if !news && i > 0 {
			continue
		}
		c.rng.Shuffle(len(mutations), func(i, j int) { mutations[i], mutations[j] = mutations[j], mutations[i] })
		sort.SliceStable(mutations, func(i, j int) bool { return !seen[mutations[i].at] && seen[mutations[j].at] })
		for _, m := range mutations[:min(len(mutations), mutationsEach)] {
			broken, ok := mutated(v, m)
			if !ok {
				continue
			}
			seen[m.at] = true
			published := c.schema(d.schema).Validate(broken)
			ours := adcp.ValidateDocument(d.schema, []byte(encode(broken)))
			if (published == nil) != (ours == nil) {
				t.Errorf("%s: %s at %v: published says %v, ours says %v\n%s", d.schema, m.rule, m.path, published, ours, encode(broken))
				return
			}
			if m.rule == "another value" && ours == nil {
				c.kept[m.at]++
			}
			if ours != nil {
				refused[m.rule]++
				checkRefusal(t, d.schema, ours)
			}
		}
	}
}

// checkRefusal holds an answer to what a caller needs of it.
func checkRefusal(t *testing.T, schema string, err error) {
	t.Helper()
	e, ok := err.(*adcp.Error)
	if !ok || e.Code != adcp.CodeValidationError || len(e.Issues) == 0 {
		t.Fatalf("%s: got %#v, want a VALIDATION_ERROR with issues", schema, err)
	}
	for _, i := range e.Issues {
		if i.Message == "" || i.Keyword == "" || i.Pointer != "" && i.Pointer[0] != '/' {
			t.Errorf("%s: issue %+v does not say what and where", schema, i)
		}
	}
	if err := adcp.ValidateDocument("core/error.json", []byte(encode(e))); err != nil {
		t.Errorf("%s: the refusal itself is not valid: %v", schema, err)
	}
}

// roundTrip decodes and re-encodes a document; nothing that the schema names may be lost.
func roundTrip(t *testing.T, d document, v any, doc string) {
	t.Helper()
	to := d.fresh()
	if err := adcp.Unmarshal([]byte(doc), to); err != nil {
		t.Errorf("%s: a valid document does not decode: %v\n%s", d.schema, err, doc)
		return
	}
	data, err := json.Marshal(to)
	if err != nil {
		t.Errorf("%s: %v", d.schema, err)
		return
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var got any
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if at := difference("", v, got); at != "" {
		t.Errorf("%s: %s differs after a round trip\n in: %s\nout: %s", d.schema, at, doc, data)
	}
}

// difference is the place where two documents differ in meaning: numbers by
// value, times as instants. It is "" where they are the same.
func difference(at string, a, b any) string {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok {
			return at + " (kind)"
		}
		for name := range a {
			if _, ok := m[name]; !ok {
				return at + "/" + name + " (lost)"
			}
			if d := difference(at+"/"+name, a[name], m[name]); d != "" {
				return d
			}
		}
		for name := range m {
			if _, ok := a[name]; !ok {
				return at + "/" + name + " (new)"
			}
		}
	case []any:
		l, ok := b.([]any)
		if !ok || len(l) != len(a) {
			return at + " (list)"
		}
		for i := range a {
			if d := difference(at+"/#", a[i], l[i]); d != "" {
				return d
			}
		}
	case json.Number:
		n, ok := b.(json.Number)
		x, _ := new(big.Rat).SetString(a.String())
		y, valid := new(big.Rat).SetString(n.String())
		if !ok || !valid || x.Cmp(y) != 0 {
			return at + " (number)"
		}
	case string:
		if a == b {
			return ""
		}
		x, errX := time.Parse(time.RFC3339, a)
		s, _ := b.(string)
		y, errY := time.Parse(time.RFC3339, s)
		if errX != nil || errY != nil || !x.Equal(y) {
			return at + " (text)"
		}
	default:
		if a != b {
			return at + " (value)"
		}
	}
	return ""
}
