package signing

import "strings"

// BaseOf is the signature base of a message that bears a signature.
func BaseOf(p Profile, m *Message) (string, error) {
	sig, refused := readSignature(p, m)
	if refused != nil {
		return "", refused
	}
	target, authority, err := Canonicalize(m.URL)
	if err != nil {
		return "", err
	}
	base, refused := sig.base(m, target, authority)
	if refused != nil {
		return "", refused
	}
	return string(base), nil
}

// Field reads a structured field and writes it again.
func Field(s string) (string, error) {
	members, err := parseDictionary(s)
	if err != nil {
		return "", err
	}
	var out []string
	for _, m := range members {
		text := m.name + "=:" + m.bytes + ":"
		sig := signature{params: m.params}
		for _, i := range m.list {
			sig.components = append(sig.components, i.text)
		}
		if m.isList {
			text = m.name + "=" + sig.input()
		}
		out = append(out, text)
	}
	return strings.Join(out, ", "), nil
}

// Told is how names from outside are told.
func Told(names []string) string { return told(names) }

// CanonicalPlan is what a plan's hash is over.
func CanonicalPlan(plan []byte) ([]byte, error) { return canonicalPlan(plan) }
