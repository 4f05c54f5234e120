package brief

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

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
	b, problems, whole := read(content, opts)
	if whole {
		problems = append(problems, b.check(opts.Now, problems)...)
	}
	if len(problems) > 0 {
		sortErrors(problems)
		return Brief{}, problems
	}
	return b, nil
}

// Read reads as much of a brief as it understands, for who answers briefs and
// must make do with what there is: nothing in it is checked, and what could not be
// read is zero and among the problems.
func Read(content []byte, opts Options) (Brief, Errors) {
	b, problems, _ := read(content, opts)
	return b, problems
}

// read tells with whole that the document itself could be read, so that a field that
// is not there is missing.
func read(content []byte, opts Options) (b Brief, problems Errors, whole bool) {
	text, err := readable(content)
	if err != nil {
		return Brief{}, Errors{err}, false
	}
	tree, form, err := recognise(text)
	if err != nil {
		return Brief{}, Errors{err}, false
	}
	if tree != nil {
		b, problems = readTyped(tree, opts)
	} else {
		b, problems = readText(strings.TrimSpace(string(text)), opts)
	}
	if b.Format == "" {
		b.Format = form
	}
	return b, problems, true
}

// readable checks size and characters before anything else looks at the
// content, and takes off a byte order mark, carriage returns and outer blanks.
func readable(content []byte) ([]byte, *Error) {
	if len(content) > MaxSize {
		return nil, &Error{"brief", fmt.Sprintf("is %d bytes; at most %d KiB are read", len(content), MaxSize>>10), "keep what matters for the campaign and leave attachments out"}
	}
	if !utf8.Valid(content) {
		at := 0
		for at < len(content) {
			r, size := utf8.DecodeRune(content[at:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		line := 1 + bytes.Count(content[:at], []byte("\n"))
		return nil, &Error{"brief", fmt.Sprintf("is not valid UTF-8 at byte %d (line %d)", at, line), "save it as UTF-8 text"}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	if err := checkText("brief", string(content)); err != nil {
		return nil, err
	}
	content = blankStart.ReplaceAll(bytes.TrimRightFunc(content, unicode.IsSpace), nil)
	if len(content) == 0 {
		return nil, &Error{"brief", "is empty", "write what should be advertised, the budget with its currency and the dates"}
	}
	return content, nil
}

// blankStart is the empty lines before the first one, whose indentation stays.
var blankStart = regexp.MustCompile(`^(?:[ \t]*[\n\r])+`)

// checkText refuses characters that nobody writes and that can hide what a
// text says: control characters and marks that turn the direction of writing.
func checkText(field, s string) *Error {
	for i, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			return &Error{field, fmt.Sprintf("has the control character U+%04X at byte %d", r, i), "take it out and save as plain text"}
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return &Error{field, fmt.Sprintf("has the hidden direction mark U+%04X at byte %d", r, i), "take it out"}
		}
	}
	return nil
}

// recognise tells the form by content. The tree is nil for plain text.
func recognise(content []byte) (*node, Format, *Error) {
	switch first := bytes.TrimLeft(content, " \t")[0]; first {
	case '{':
		tree, err := readJSON(content)
		return tree, FormatJSON, err
	case '[':
		if tree, err := readJSON(content); err == nil && tree.kind == kindList {
			return nil, "", &Error{"brief", "is a JSON list", "write one JSON object with the brief's fields"}
		}
	}
	if !fieldLine.Match(content) {
		return nil, FormatText, nil
	}
	doc, err := parseYAML(content)
	if err != nil {
		if yamlIntended(content) {
			return nil, "", yamlError(err)
		}
		return nil, FormatText, nil
	}
	if doc.Kind != yaml.MappingNode || !fieldLike(doc) {
		return nil, FormatText, nil
	}
	var r nodeReader
	tree, bad := r.yamlTree(doc, "", 0)
	return tree, FormatYAML, bad
}

var (
	fieldLine = regexp.MustCompile(`(?m)^[ \t]*["']?([a-z][a-z0-9_]*)["']?[ \t]*:(?:[ \t]|$)`)
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// yamlIntended reports whether text that does not parse as YAML was meant to
// be: its first line is a field of the typed brief and so is another one.
func yamlIntended(content []byte) bool {
	known, first := 0, true
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || line == "---" || strings.HasPrefix(line, "#") {
			continue
		}
		m := fieldLine.FindStringSubmatch(line)
		if m != nil && slices.Contains(briefFields, m[1]) {
			known++
		} else if first {
			return false
		}
		first = false
	}
	return known >= 2
}

// fieldLike reports whether a mapping is a typed brief rather than prose with a
// colon: it has a field of the typed brief, or several keys in the form of fields.
func fieldLike(doc *yaml.Node) bool {
	formed, keys := 0, len(doc.Content)/2
	for i := 0; i+1 < len(doc.Content); i += 2 {
		key := doc.Content[i].Value
		if slices.Contains(briefFields, key) {
			return true
		}
		if fieldName.MatchString(key) {
			formed++
		}
	}
	return keys >= 2 && formed == keys
}
