package signing

import (
	"errors"
	"strconv"
	"strings"
)

// Bounds of a structured field, well above anything a signer sends.
const (
	maxField   = 16 << 10
	maxMembers = 32
)

// fieldParser reads the structured fields (RFC 8941) that signatures use:
// dictionaries of inner lists of strings, and of byte sequences. It is strict:
// what the grammar does not allow is an error, and so are a name given twice,
// which the grammar leaves to the reader, and decimals, which nothing here has.
type fieldParser struct {
	s string
	i int
}

// member is one entry of a dictionary: an inner list, or else a byte sequence
// whose text stands in bytes, undecoded.
type member struct {
	name   string
	list   []item
	isList bool
	bytes  string
	params []param
}

// item is one string of an inner list.
type item struct {
	text   string
	params []param
}

// param is a parameter; text is its value as a signature base has it.
type param struct {
	name string
	kind kind
	text string
	str  string
	num  int64
}

type kind int

const (
	kindInteger kind = iota + 1
	kindString
	kindToken
	kindBoolean
	kindBytes
)

var errField = errors.New("not a structured field")

// parseDictionary reads a whole field. A name given twice is an error.
func parseDictionary(s string) ([]member, error) {
	if len(s) > maxField {
		return nil, errors.New("the field is too long")
	}
	p := &fieldParser{s: s}
	p.spaces()
	var out []member
	seen := map[string]bool{}
	for p.i < len(p.s) {
		m, err := p.member()
		if err != nil {
			return nil, err
		}
		if seen[m.name] {
			return nil, errors.New("a name is given twice")
		}
		if seen[m.name] = true; len(seen) > maxMembers {
			return nil, errors.New("the field has too many members")
		}
		out = append(out, m)
		p.optionalSpaces()
		if p.i == len(p.s) {
			return out, nil
		}
		if !p.take(',') {
			return nil, errField
		}
		p.optionalSpaces()
		if p.i == len(p.s) {
			return nil, errors.New("the field ends with a comma")
		}
	}
	return out, nil
}

func (p *fieldParser) member() (m member, err error) {
	if m.name, err = p.key(); err != nil {
		return m, err
	}
	if !p.take('=') {
		return m, errors.New("a member has no value")
	}
	switch {
	case p.take('('):
		m.isList = true
		if m.list, err = p.innerList(); err != nil {
			return m, err
		}
	case p.peek() == ':':
		if m.bytes, err = p.byteSequence(); err != nil {
			return m, err
		}
	default:
		return m, errors.New("a member is neither a list nor a byte sequence")
	}
	m.params, err = p.parameters()
	return m, err
}

func (p *fieldParser) innerList() ([]item, error) {
	var out []item
	for {
		p.spaces()
		if p.take(')') {
			return out, nil
		}
		if len(out) > 0 && p.s[p.i-1] != ' ' {
			return nil, errors.New("items of a list must be apart")
		}
		if len(out) == maxMembers {
			return nil, errors.New("the list is too long")
		}
		text, err := p.str()
		if err != nil {
			return nil, err
		}
		params, err := p.parameters()
		if err != nil {
			return nil, err
		}
		out = append(out, item{text, params})
	}
}

func (p *fieldParser) parameters() ([]param, error) {
	var out []param
	for p.take(';') {
		p.spaces()
		name, err := p.key()
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.name == name {
				return nil, errors.New("a parameter is given twice")
			}
		}
		if len(out) == maxMembers {
			return nil, errors.New("too many parameters")
		}
		v := param{kind: kindBoolean, text: "?1"}
		if p.take('=') {
			if v, err = p.bareItem(); err != nil {
				return nil, err
			}
		}
		v.name = name
		out = append(out, v)
	}
	return out, nil
}

func (p *fieldParser) bareItem() (v param, err error) {
	switch c := p.peek(); {
	case c == '"':
		v.kind = kindString
		v.str, err = p.str()
		v.text = quote(v.str)
	case c == '-' || '0' <= c && c <= '9':
		v.kind = kindInteger
		v.num, err = p.integer()
		v.text = strconv.FormatInt(v.num, 10)
	case c == ':':
		v.kind = kindBytes
		v.text, err = p.byteSequence()
		v.text = ":" + v.text + ":"
	case c == '?':
		if p.i+1 < len(p.s) && (p.s[p.i+1] == '0' || p.s[p.i+1] == '1') {
			v.kind, v.text = kindBoolean, p.s[p.i:p.i+2]
			p.i += 2
			return v, nil
		}
		return v, errField
	case c == '*' || letter(c):
		start := p.i
		for p.i < len(p.s) && (letter(p.s[p.i]) || strings.IndexByte("0123456789!#$%&'*+-.^_`|~:/", p.s[p.i]) >= 0) {
			p.i++
		}
		v.kind, v.text = kindToken, p.s[start:p.i]
	default:
		return v, errField
	}
	return v, err
}

func (p *fieldParser) key() (string, error) {
	start := p.i
	if c := p.peek(); c != '*' && (c < 'a' || c > 'z') {
		return "", errors.New("a name must begin with a small letter")
	}
	for p.i < len(p.s) && ('a' <= p.s[p.i] && p.s[p.i] <= 'z' || strings.IndexByte("0123456789_-.*", p.s[p.i]) >= 0) {
		p.i++
	}
	return p.s[start:p.i], nil
}

func (p *fieldParser) str() (string, error) {
	if !p.take('"') {
		return "", errors.New("a string must stand in quotation marks")
	}
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return b.String(), nil
		case c < 0x20 || c > 0x7e:
			return "", errors.New("a string holds a character it may not")
		case c == '\\':
			if c = p.peek(); c != '"' && c != '\\' {
				return "", errors.New("a string holds an escape that is none")
			}
			p.i++
		}
		b.WriteByte(c)
	}
	return "", errors.New("a string has no end")
}

func (p *fieldParser) integer() (int64, error) {
	start := p.i
	p.take('-')
	digits := p.i
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		p.i++
	}
	if n := p.i - digits; n == 0 || n > 15 || p.peek() == '.' {
		return 0, errors.New("a number is no integer of at most 15 digits")
	}
	return strconv.ParseInt(p.s[start:p.i], 10, 64)
}

// byteSequence returns the text between the colons. Both alphabets of base64
// pass here; which one may stand is the profile's to say.
func (p *fieldParser) byteSequence() (string, error) {
	p.take(':')
	start := p.i
	for p.i < len(p.s) && (letter(p.s[p.i]) || strings.IndexByte("0123456789+/=-_", p.s[p.i]) >= 0) {
		p.i++
	}
	text := p.s[start:p.i]
	if !p.take(':') {
		return "", errors.New("a byte sequence must stand between colons and be base64")
	}
	return text, nil
}

func (p *fieldParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *fieldParser) take(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *fieldParser) spaces() {
	for p.take(' ') {
	}
}

func (p *fieldParser) optionalSpaces() {
	for p.take(' ') || p.take('\t') {
	}
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// quote writes a string as a structured field has it.
func quote(s string) string {
	if !strings.ContainsAny(s, `"\\`) {
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}
