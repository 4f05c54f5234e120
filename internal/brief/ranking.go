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
	lengths  []float64 // weighted number of terms of each document
	average  float64
	postings map[string][]posting // by stem, in order of document
}

type posting struct {
	doc  int32
	uses float32 // weighted number of uses in the document
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
	var total float64
	for i, d := range docs {
		uses := map[string]float32{}
		var length float64
		for _, f := range d.Fields {
			weight := max(f.Weight, 1)
			for _, t := range terms(f.Text) {
				uses[t.stem] += float32(weight)
				length += float64(weight)
			}
		}
		x.ids = append(x.ids, d.ID)
		x.lengths = append(x.lengths, length)
		total += length
		for stem, n := range uses {
			x.postings[stem] = append(x.postings[stem], posting{int32(i), n})
		}
	}
	if len(docs) > 0 {
		x.average = max(total/float64(len(docs)), 1)
	}
	return x
}

// Search returns at most limit matches (all when limit is not positive), best
// first, ties by ID. Words related to the query's count too, at less weight.
func (x *Index) Search(query string, limit int) []Match {
	type gain struct {
		word  string
		score float64
	}
	scores := map[int32]float64{}
	gains := map[int32][]gain{}
	for _, q := range queryTerms(query) {
		best := map[int32]float64{}
		for i, stem := range q.stems {
			weight := 1.0
			if i > 0 {
				weight = kinWeight
			}
			for _, p := range x.postings[stem] {
				// Conversions keep processors from fusing steps, so that every
				// machine gives the same score.
				best[p.doc] = max(best[p.doc], float64(weight*x.weight(stem, p)))
			}
		}
		for doc, score := range best {
			scores[doc] = float64(scores[doc] + score)
			gains[doc] = append(gains[doc], gain{q.word, score})
		}
	}
	out := make([]Match, 0, len(scores))
	for doc, score := range scores {
		list := gains[doc]
		slices.SortStableFunc(list, func(a, b gain) int { return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.word, b.word)) })
		m := Match{ID: x.ids[doc], Score: score}
		for _, g := range list {
			m.Terms = append(m.Terms, g.word)
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID)) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// weight is the BM25 weight of one stem in one document.
func (x *Index) weight(stem string, p posting) float64 {
	n, df := float64(len(x.ids)), float64(len(x.postings[stem]))
	idf := math.Log(1 + float64((n-df+0.5)/(df+0.5)))
	uses := float64(p.uses)
	norm := float64(saturation * (1 - lengthBias + float64(lengthBias*float64(x.lengths[p.doc]/x.average))))
	return float64(idf * float64(float64(uses*(saturation+1))/float64(uses+norm)))
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
