package signing

import "net/netip"

// Public tells whether an address may be connected to.
func Public(ip netip.Addr) bool { return public(ip) }

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
