package signing

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Covered components that the profiles name.
const (
	componentMethod    = "@method"
	componentTarget    = "@target-uri"
	componentAuthority = "@authority"
	componentType      = "content-type"
	componentDigest    = "content-digest"
)

// signature is one labelled signature, read or to be written.
type signature struct {
	label      string
	components []string
	params     []param
	value      []byte // nil until made

	created, expires           int64
	nonce, keyid, alg, tag     string
	hasCreated, hasExpires     bool
	hasNonce, hasKeyID, hasAlg bool
	hasTag                     bool
}

// input is the member's value in Signature-Input, and the last line of the base.
func (s *signature) input() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, c := range s.components {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(c))
	}
	b.WriteByte(')')
	for _, p := range s.params {
		b.WriteString(";" + p.name)
		if p.kind != kindBoolean || p.text != "?1" {
			b.WriteString("=" + p.text)
		}
	}
	return b.String()
}

// base is what is signed: RFC 9421 section 2.5. The components must be there.
func (s *signature) base(m *Message, target, authority string) ([]byte, *Error) {
	var b strings.Builder
	for _, c := range s.components {
		var value string
		switch c {
		case componentMethod:
			value = m.Method
		case componentTarget:
			value = target
		case componentAuthority:
			value = authority
		default:
			var ok bool
			if value, ok = m.field(c); !ok {
				return nil, refuse(ReasonIncomplete, "the covered header %s is absent", c)
			}
			if strings.ContainsAny(value, "\r\n") || !ascii(value) {
				return nil, refuse(ReasonHeader, "the covered header %s holds a character that no header has", c)
			}
		}
		b.WriteString(quote(c) + ": " + value + "\n")
	}
	b.WriteString(`"@signature-params": ` + s.input())
	return []byte(b.String()), nil
}

// readSignature is the verifier's first step: both headers, as one pair, in
// strict grammar, and the one signature that counts. That is sig1, or the only
// one there is; further signatures belong to others and are left alone.
func readSignature(p Profile, m *Message) (*signature, *Error) {
	input, hasInput := m.field("Signature-Input")
	value, hasValue := m.field("Signature")
	if !hasInput || !hasValue {
		return nil, refuse(ReasonHeader, "Signature and Signature-Input come together or not at all")
	}
	inputs, err := parseDictionary(input)
	if err != nil {
		return nil, &Error{Reason: ReasonHeader, Detail: "Signature-Input", Err: err}
	}
	values, err := parseDictionary(value)
	if err != nil {
		return nil, &Error{Reason: ReasonHeader, Detail: "Signature", Err: err}
	}
	for _, in := range inputs {
		if !in.isList {
			return nil, refuse(ReasonHeader, "a member of Signature-Input is no list of components")
		}
	}
	for _, v := range values {
		if v.isList {
			return nil, refuse(ReasonHeader, "a member of Signature is no byte sequence")
		}
	}
	in, refused := chosen(inputs)
	if refused != nil {
		return nil, refused
	}
	i := slices.IndexFunc(values, func(v member) bool { return v.name == in.name })
	if i < 0 {
		return nil, refuse(ReasonHeader, "Signature has no member %s", in.name)
	}
	s := &signature{label: in.name, params: in.params}
	if s.value, err = p.decode(values[i].bytes); err != nil {
		return nil, &Error{Reason: ReasonHeader, Detail: "Signature", Err: err}
	}
	for _, c := range in.list {
		if len(c.params) > 0 {
			return nil, refuse(ReasonHeader, "the profile has no component with parameters")
		}
		if slices.Contains(s.components, c.text) {
			return nil, refuse(ReasonHeader, "a component is covered twice")
		}
		s.components = append(s.components, c.text)
	}
	return s, s.readParams()
}

func chosen(inputs []member) (member, *Error) {
	if i := slices.IndexFunc(inputs, func(m member) bool { return m.name == label }); i >= 0 {
		return inputs[i], nil
	}
	if len(inputs) != 1 {
		return member{}, refuse(ReasonHeader, "none of the signatures is labelled %s", label)
	}
	return inputs[0], nil
}

// label is what the profile calls the signature that counts.
const label = "sig1"

// readParams takes the parameters of the profile; each has one type.
func (s *signature) readParams() *Error {
	for _, p := range s.params {
		want := kindString
		switch p.name {
		case "created":
			want, s.created, s.hasCreated = kindInteger, p.num, true
		case "expires":
			want, s.expires, s.hasExpires = kindInteger, p.num, true
		case "nonce":
			s.nonce, s.hasNonce = p.str, true
		case "keyid":
			s.keyid, s.hasKeyID = p.str, true
		case "alg":
			s.alg, s.hasAlg = p.str, true
		case "tag":
			s.tag, s.hasTag = p.str, true
		default:
			continue
		}
		if p.kind != want {
			return refuse(ReasonHeader, "the parameter %s has the wrong type", p.name)
		}
	}
	return nil
}

// missing names the first of the six parameters that is not there.
func (s *signature) missing() string {
	for _, p := range []struct {
		name string
		ok   bool
	}{
		{"created", s.hasCreated},
		{"expires", s.hasExpires},
		{"nonce", s.hasNonce},
		{"keyid", s.hasKeyID},
		{"alg", s.hasAlg},
		{"tag", s.hasTag},
	} {
		if !p.ok {
			return p.name
		}
	}
	return ""
}

func (s *signature) covers(component string) bool { return slices.Contains(s.components, component) }

// singleValued refuses covered headers whose value could be read in two ways.
// Content-Type has one value; Content-Digest has each algorithm once.
func (s *signature) singleValued(p Profile, m *Message) *Error {
	if s.covers(componentType) {
		lines := m.lines("Content-Type")
		if len(lines) > 1 {
			return refuse(ReasonHeader, "Content-Type is given more than once")
		}
		if len(lines) == 1 {
			if _, _, err := mime.ParseMediaType(lines[0]); err != nil {
				return &Error{Reason: ReasonHeader, Detail: "Content-Type", Err: err}
			}
		}
	}
	if s.covers(componentDigest) {
		if len(m.lines("Content-Digest")) > 1 {
			return refuse(ReasonHeader, "Content-Digest is given more than once")
		}
		if value, ok := m.field("Content-Digest"); ok {
			if _, err := readDigests(p, value); err != nil {
				return &Error{Reason: ReasonHeader, Detail: "Content-Digest", Err: err}
			}
		}
	}
	return nil
}

// write puts the finished signature into the headers.
func (s *signature) write(p Profile, h http.Header) {
	h.Set("Signature-Input", s.label+"="+s.input())
	h.Set("Signature", s.label+"=:"+p.encode(s.value)+":")
}

func integerParam(name string, n int64) param {
	return param{name: name, kind: kindInteger, num: n, text: strconv.FormatInt(n, 10)}
}

func stringParam(name, s string) param {
	return param{name: name, kind: kindString, str: s, text: quote(s)}
}
