package adcp

import (
	"fmt"
	"unicode/utf8"
)

// Bounds on a document before anything is built from it. They are far above
// what the protocol needs and far below what would hurt.
const (
	maxDocumentBytes  = 16 << 20
	maxDocumentDepth  = 100
	maxDocumentValues = 500_000
)

// measure holds a document to the bounds and counts its values. It reads
// strings, numbers and brackets only; whether it is JSON is the decoder's to say.
func measure(doc []byte) (values int, err error) {
	if len(doc) > maxDocumentBytes {
		return 0, fmt.Errorf("the document is larger than %d bytes", maxDocumentBytes)
	}
	if !utf8.Valid(doc) {
		return 0, fmt.Errorf("the document is not valid UTF-8")
	}
	depth := 0
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case c == '"':
			i = endOfString(doc, i) - 1
		case c == '{' || c == '[':
			values++
			if depth++; depth > maxDocumentDepth {
				return 0, fmt.Errorf("the document is nested deeper than %d levels", maxDocumentDepth)
			}
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		case c == '-' || c >= '0' && c <= '9':
			end := endOfNumber(doc, i)
			if err := checkDecimal(string(doc[i:min(end, i+maxDecimalLength+1)])); err != nil {
				return 0, err
			}
			i = end - 1
		}
		if values > maxDocumentValues {
			return 0, fmt.Errorf("the document has more than %d values", maxDocumentValues)
		}
	}
	return values, nil
}

// endOfString is the index after the string that starts at i, or the
// document's end where the string does not close.
func endOfString(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(doc)
}

// endOfNumber is the index after the characters of a number that starts at i.
func endOfNumber(doc []byte, i int) int {
	for i < len(doc) {
		switch c := doc[i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			i++
		default:
			return i
		}
	}
	return i
}
