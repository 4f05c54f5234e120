package brief

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/kljensen/snowball/english"
)

// Document is something to find by words, such as a product.
type Document struct {
	ID     string
	Fields []Field
}

// Field is a part of a document and how much a word in it counts; a weight of
// zero counts as one.
type Field struct {
	Text   string
	Weight int
}

// Match is a document that shares words with the query.
type Match struct {
	ID string
	// Score is positive; it orders matches of one query and means nothing else.
	Score float64
	// Terms are the query's words that the document matched, strongest first.
	Terms []string
}

// Index finds documents by words, ranked with BM25 over English stems.
// It is safe for concurrent use once made.
type Index struct {
	ids      []string
	postings map[string][]posting // by stem, in order of document
	tallies  sync.Pool            // of *tally
}

// posting is a document that has a stem, and the stem's BM25 weight in it.
type posting struct {
	doc    int32
	weight float64
}

// The usual constants of BM25: how soon repeating a word stops helping, and how
// much a long document is held against it.
const (
	saturation = 1.2
	lengthBias = 0.75
	kinWeight  = 0.35 // of a word that is only related to the query's word
)

// NewIndex reads docs once; the index does not keep them.
func NewIndex(docs []Document) *Index {
	x := &Index{postings: map[string][]posting{}}
	x.tallies.New = func() any { return &tally{sums: make([]sum, len(docs))} }
	var lengths []float64 // weighted number of terms of each document
	var total float64
	for i, d := range docs {
		uses := map[string]float32{} // weighted number of uses in the document
		var length float64
		for _, f := range d.Fields {
			weight := max(f.Weight, 1)
			for _, t := range terms(f.Text) {
				uses[t.stem] += float32(weight)
				length += float64(weight)
			}
		}
		x.ids = append(x.ids, d.ID)
		lengths = append(lengths, length)
		total += length
		for stem, n := range uses {
			x.postings[stem] = append(x.postings[stem], posting{int32(i), float64(n)})
		}
	}
	average := max(total/float64(max(len(docs), 1)), 1)
	for _, list := range x.postings {
		idf := inverseFrequency(len(docs), len(list))
		for i, p := range list {
			list[i].weight = float64(idf * saturated(p.weight, lengths[p.doc]/average))
		}
	}
	return x
}

// inverseFrequency says how much a stem tells that df of n documents have.
func inverseFrequency(n, df int) float64 {
	return math.Log(1 + float64((float64(n)-float64(df)+0.5)/(float64(df)+0.5)))
}

// saturated is what a number of uses is worth in a document of that length, in
// average documents. Conversions keep processors from fusing steps, so that
// every machine gives the same score.
func saturated(uses, length float64) float64 {
	norm := float64(saturation * (1 - lengthBias + float64(lengthBias*length)))
	return float64(float64(uses*(saturation+1)) / float64(uses+norm))
}

// tally adds up the scores of one search. It is as long as the index and used
// again, so that a search costs what it finds.
type tally struct {
	sums  []sum
	found []int32 // the documents with a sum, in no order
	gains []gain
}

// sum is what is known of a document.
type sum struct {
	score float64
	// best is the greatest weight of the query's term of that number, from 1.
	best float64
	term int32
}

// gain is what a word of the query brought a document.
type gain struct {
	doc   int32
	word  string
	score float64
}

// add counts a weight of a document for a term. Of a word and its kin the best counts.
func (t *tally) add(doc, term int32, weight float64) {
	s := &t.sums[doc]
	switch s.term {
	case term:
		s.best = max(s.best, weight)
		return
	case 0:
		t.found = append(t.found, doc)
	}
	s.term, s.best = term, weight
}

// close adds a term's best weights to the scores.
func (t *tally) close(term int32, word string) {
	for _, doc := range t.found {
		if s := &t.sums[doc]; s.term == term {
			s.score = float64(s.score + s.best)
			t.gains = append(t.gains, gain{doc, word, s.best})
		}
	}
}

// reset makes the tally as good as new.
func (t *tally) reset() {
	for _, doc := range t.found {
		t.sums[doc] = sum{}
	}
	clear(t.gains) // lets go of the query's words
	t.found, t.gains = t.found[:0], t.gains[:0]
}

// Search returns at most limit matches (all when limit is not positive), best
// first, ties by ID. Words related to the query's count too, at less weight.
func (x *Index) Search(query string, limit int) []Match {
	t := x.tallies.Get().(*tally)
	defer func() {
		t.reset()
		x.tallies.Put(t)
	}()
	for n, q := range queryTerms(query) {
		term := int32(n + 1)
		for i, stem := range q.stems {
			weight := 1.0
			if i > 0 {
				weight = kinWeight
			}
			for _, p := range x.postings[stem] {
				t.add(p.doc, term, float64(weight*p.weight))
			}
		}
		t.close(term, q.word)
	}
	// Document by document, and of each the strongest word first.
	slices.SortFunc(t.gains, func(a, b gain) int {
		return cmp.Or(cmp.Compare(a.doc, b.doc), cmp.Compare(b.score, a.score), strings.Compare(a.word, b.word))
	})
	words := make([]string, len(t.gains))
	out := make([]Match, 0, len(t.found))
	for from := 0; from < len(t.gains); {
		doc, to := t.gains[from].doc, from
		for ; to < len(t.gains) && t.gains[to].doc == doc; to++ {
			words[to] = t.gains[to].word
		}
		out = append(out, Match{ID: x.ids[doc], Score: t.sums[doc].score, Terms: words[from:to:to]})
		from = to
	}
	slices.SortFunc(out, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID)) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// queryTerm is a word of the query and the stems that find it, its own first.
type queryTerm struct {
	word  string
	stems []string
}

// queryTerms are the distinct words of a query in order, with their kin.
func queryTerms(query string) []queryTerm {
	var out []queryTerm
	seen := map[string]bool{}
	for _, t := range terms(query) {
		if seen[t.stem] {
			continue
		}
		seen[t.stem] = true
		out = append(out, queryTerm{t.word, append([]string{t.stem}, kinOf()[t.stem]...)})
	}
	return out
}

// kinOf maps a stem to the stems of its groups, in the lexicon's order.
var kinOf = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for _, group := range kin {
		var stems []string
		for w := range strings.FieldsSeq(group) {
			stems = appendNew(stems, english.Stem(w, false))
		}
		for _, s := range stems {
			for _, other := range stems {
				if other != s {
					out[s] = appendNew(out[s], other)
				}
			}
		}
	}
	return out
})
