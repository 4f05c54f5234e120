package signing

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// DuplicateNames returns the member names that some object of a JSON document
// gives twice, in order of appearance, each once. Names are compared as they
// read, not as they are spelled: "a" and "\u0061" are one. It goes through text
// that is not quite JSON as a lenient reader would, because what matters is
// whether any two readers could see different values; it never fails, and takes
// a document of any depth.
//
// encoding/json keeps the last of two equal names and says nothing.
func DuplicateNames(doc []byte) []string {
	var (
		stack []map[string]bool // an object's names; nil for an array
		out   []string
		told  = map[string]bool{}
		key   bool // whether a string that comes now is a name
	)
	for i := 0; i < len(doc); i++ {
		switch doc[i] {
		case '{':
			stack, key = append(stack, map[string]bool{}), true
		case '[':
			stack, key = append(stack, nil), false
		case '}', ']':
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			key = false
		case ',':
			key = len(stack) > 0 && stack[len(stack)-1] != nil
		case ':':
			key = false
		case '"':
			end := endOfString(doc, i)
			if key {
				names := stack[len(stack)-1]
				name := unescape(doc[i+1 : end])
				if names[name] && !told[name] {
					told[name] = true
					out = append(out, name)
				}
				names[name] = true
				key = false
			}
			i = end
		}
	}
	return out
}

// endOfString is the index of the closing quotation mark, or the end.
func endOfString(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(doc)
}

// unescape reads a string as encoding/json would: what is no UTF-8, and half a
// surrogate pair, becomes the replacement character.
func unescape(raw []byte) string {
	var b strings.Builder
	for i := 0; i < len(raw); {
		if raw[i] != '\\' || i+1 == len(raw) {
			r, n := utf8.DecodeRune(raw[i:])
			b.WriteRune(r)
			i += n
			continue
		}
		c := raw[i+1]
		i += 2
		switch c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, n := hexRune(raw[i:])
			i += n
			if utf16.IsSurrogate(r) {
				low, m := rune(-1), 0
				if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, m = hexRune(raw[i+2:])
				}
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					r, i = pair, i+2+m
				} else {
					r = utf8.RuneError
				}
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func hexRune(raw []byte) (rune, int) {
	if len(raw) < 4 {
		return utf8.RuneError, 0
	}
	n, err := strconv.ParseUint(string(raw[:4]), 16, 16)
	if err != nil {
		return utf8.RuneError, 0
	}
	return rune(n), 4
}

// Bounds of what is told of names that came from outside.
const (
	maxToldNames = 4
	maxToldBytes = 32
)

// told makes names from outside fit for a log: at most four, each cut at its
// first character that does not print and at 32 bytes.
func told(names []string) string {
	var out []string
	for i, name := range names {
		if i == maxToldNames {
			out = append(out, "<..."+strconv.Itoa(len(names)-maxToldNames)+" more>")
			break
		}
		out = append(out, cleanName(name))
	}
	return strings.Join(out, ", ")
}

func cleanName(name string) string {
	for i, r := range name {
		if !printable(r) {
			return "<sanitized:" + strconv.Itoa(i) + ">"
		}
	}
	for len(name) > maxToldBytes {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}

// printable leaves out at least what the protocol names: controls, marks of
// direction, separators of lines, characters without width, byte order marks.
func printable(r rune) bool { return r != utf8.RuneError && strconv.IsPrint(r) }
