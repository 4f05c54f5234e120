package schemagen_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// A schema's documents are made until they have had every member, enum value
// and arm of its file, or find nothing new for a while.
const (
	documentsEach = 80
	idleDocuments = 5
	mutationsEach = 8
	// reachedShare is the part of all choices, in percent, that the corpus must
	// reach. What is left can hold in no document, or only in rare ones.
	reachedShare = 98
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
	from := newSpec(dir).reach(docs)
	var orphans []string
	for file, choices := range from.choices {
		if !slices.ContainsFunc(docs, func(d document) bool { return d.schema == file }) {
			orphans = append(orphans, choices...)
		}
	}
	slices.Sort(orphans)
	const workers = 2
	var mu sync.Mutex
	kept, refused := map[string]int{}, map[string]int{}
	t.Cleanup(func() { checkReach(t, from.choices, kept, refused) })
	for w := range workers {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			a := agreement{corpus: newCorpus(newSpec(dir), uint64(w)), from: from, orphans: orphans, refused: map[string]int{}}
			for i := w; i < len(docs); i += workers {
				a.check(t, docs[i])
			}
			mu.Lock()
			defer mu.Unlock()
			for choice, n := range a.kept {
				kept[choice] += n
			}
			for rule, n := range a.refused {
				refused[rule] += n
			}
		})
	}
}

// checkReach holds the corpus itself to account: what it must have had.
func checkReach(t *testing.T, choices map[string][]string, kept, refused map[string]int) {
	if t.Failed() {
		return
	}
	for _, rule := range []string{"required", "type", "enum", "pattern", "format", "range", "length", "items"} {
		if refused[rule] < 50 {
			t.Errorf("only %d documents were refused for %s", refused[rule], rule)
		}
	}
	all, reached := 0, 0
	for _, of := range choices {
		left := missed(of, kept)
		all += len(of)
		reached += len(of) - len(left)
		for _, choice := range left {
			t.Logf("not reached: %s", choice)
		}
	}
	t.Logf("%d of %d members, enum values and arms were in an accepted document; refused: %v", reached, all, refused)
	if reached*100 < all*reachedShare {
		t.Errorf("%d of %d choices were reached, want %d%%", reached, all, reachedShare)
	}
}

// agreement compares our validation and types with the published schemas.
type agreement struct {
	*corpus
	from    reach
	orphans []string // choices of schemas that no document is made of directly
	refused map[string]int
}

func (a *agreement) check(t *testing.T, d document) {
	t.Helper()
	left := a.from.choices[d.schema]
	a.size = 60
	for i, idle := 0, 0; i < documentsEach && idle < idleDocuments; i++ {
		a.promising = a.from.promising(slices.Concat(left, missed(a.orphans, a.kept)))
		v, mutations, news, err := a.document(d.schema)
		if err != nil {
			t.Errorf("%s: %v", d.schema, err)
			return
		}
		doc := encode(v)
		if err := adcp.ValidateDocument(d.schema, []byte(doc)); err != nil {
			t.Errorf("%s: the published schema accepts what ours refuses: %v\n%s", d.schema, err, doc)
			return
		}
		roundTrip(t, d, v, doc)
		if news || i == 0 {
			a.breakAll(t, d, v, mutations)
		}
		before := len(left)
		if left = missed(left, a.kept); len(left) == 0 && i > 0 {
			return
		}
		idle, a.size = idle+1, 100
		if len(left) < before {
			idle = 0
		}
	}
}

// breakAll changes a valid document in one place at a time.
func (a *agreement) breakAll(t *testing.T, d document, v any, mutations []mutation) {
	t.Helper()
	a.rng.Shuffle(len(mutations), func(i, j int) { mutations[i], mutations[j] = mutations[j], mutations[i] })
	slices.SortStableFunc(mutations, func(x, y mutation) int { return a.tried[x.rule+x.at] - a.tried[y.rule+y.at] })
	for _, m := range mutations[:min(len(mutations), mutationsEach)] {
		broken, ok := mutated(v, m)
		if !ok {
			continue
		}
		a.tried[m.rule+m.at]++
		published := a.schema(d.schema).Validate(broken)
		ours := adcp.ValidateDocument(d.schema, []byte(encode(broken)))
		switch {
		case (published == nil) != (ours == nil):
			t.Errorf("%s: %s at %v: published says %v, ours says %v\n%s", d.schema, m.rule, m.path, published, ours, encode(broken))
			return
		case ours != nil:
			a.refused[m.rule]++
			checkRefusal(t, d.schema, ours)
		case m.rule == anotherValue:
			roundTrip(t, d, broken, encode(broken))
			a.kept[m.at]++
		}
	}
}

// checkRefusal holds an answer to what a caller needs of it.
func checkRefusal(t *testing.T, schema string, err error) {
	t.Helper()
	var e *adcp.Error
	if !errors.As(err, &e) || e.Code != adcp.CodeInvalidRequest || len(e.Issues) == 0 {
		t.Fatalf("%s: got %#v, want a INVALID_REQUEST with issues", schema, err)
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
