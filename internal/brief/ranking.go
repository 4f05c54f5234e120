package brief

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
type Index struct{}

// NewIndex reads docs once; the index does not keep them.
func NewIndex(docs []Document) *Index { return &Index{} }

// Search returns at most limit matches (all when limit is not positive), best
// first, ties by ID.
func (x *Index) Search(query string, limit int) []Match { return nil }
