package brief

import "time"

// MaxSize is the largest brief that is read, in bytes.
const MaxSize = 256 << 10

// Options is what [Parse] needs to know besides the content.
type Options struct {
	// Now decides what is past and what "next month" means. It is required.
	Now time.Time
}

// Parse reads a brief and checks it. The form is told by content: a JSON
// object, a YAML mapping with the typed brief's fields, otherwise plain text.
// The error is an [Errors] with everything found wrong.
func Parse(content []byte, opts Options) (Brief, error) {
	return Brief{}, Errors{{Field: "brief", Problem: "is empty", Fix: "write what should be advertised, the budget and the dates"}}
}
