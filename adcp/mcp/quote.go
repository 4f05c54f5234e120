package mcp

import "slices"

// quoting tells for each byte of JSON text how it stands in a JSON string: the
// low byte is what is written, the high byte is 1 where a backslash goes first.
var quoting = func() (t [256]uint16) {
	for c := range t {
		t[c] = uint16(c)
	}
	for c, letter := range map[byte]byte{'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't'} {
		t[c] = 1<<8 | uint16(letter)
	}
	return t
}()

// appendQuoted appends JSON text as a JSON string, escaping what must be and no
// more. The text is JSON that the agent has written or checked: valid UTF-8, and
// of the control characters it has white space only.
//
// A quotation mark comes every few bytes, and nobody can guess where: so there
// is no branch on the byte.
func appendQuoted(dst, text []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 2*len(text)+2)
	out := dst[:cap(dst)]
	out[n] = '"'
	n++
	for _, c := range text {
		q := quoting[c]
		out[n] = '\\'
		n += int(q >> 8)
		out[n] = byte(q)
		n++
	}
	out[n] = '"'
	return out[:n+1]
}
