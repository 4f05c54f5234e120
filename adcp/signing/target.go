package signing

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Canonicalize brings a URL to the protocol's one form, in which it is signed
// and compared, and returns it with its authority (host and, unless it is the
// scheme's own, port). Scheme and host become lower case; names in other
// scripts become ASCII as UTS 46 says; user information, default port and
// fragment go; dot segments are resolved and repeated slashes kept; escapes in
// the path are made uniform. The query stays byte for byte: the protocol's text
// also speaks of normalising escapes there, and its published vectors do not.
//
// A malformed authority, an IPv6 zone, an escape that is none and characters
// that may not stand in a URL are errors.
func Canonicalize(raw string) (target, authority string, err error) {
	u, err := split(raw)
	if err != nil {
		return "", "", err
	}
	authority, err = canonicalAuthority(u.scheme, u.authority)
	if err != nil {
		return "", "", err
	}
	path := removeDotSegments(u.path)
	if path == "" {
		path = "/"
	}
	path, err = uniformEscapes(path)
	if err != nil {
		return "", "", err
	}
	return u.scheme + "://" + authority + path + u.query, authority, nil
}

// parts are a URL's as they stand, but for the scheme in lower case and
// without the fragment. The query keeps its question mark.
type parts struct{ scheme, authority, path, query string }

// never are characters that stand nowhere in a URL.
const never = "\"<>\\^`{|}"

func split(raw string) (parts, error) {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest, found := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "https" && scheme != "http" {
		return parts{}, errors.New("the URL must begin with https:// or http://")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	u := parts{scheme: scheme, authority: rest[:end]}
	u.path, u.query = rest[end:], ""
	if i := strings.IndexByte(u.path, '?'); i >= 0 {
		u.path, u.query = u.path[:i], u.path[i:]
	}
	for _, c := range []byte(u.path + u.query) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(never, c) >= 0 {
			return parts{}, errors.New("the URL's path or query holds a character that must be escaped")
		}
	}
	return u, nil
}

func canonicalAuthority(scheme, authority string) (string, error) {
	for _, c := range []byte(authority) {
		if c <= ' ' || c == 0x7f || strings.IndexByte(never, c) >= 0 {
			return "", errors.New("the authority holds a character that no URL has")
		}
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if strings.IndexByte(authority, '@') != i {
			return "", errors.New("the authority holds more than one @")
		}
		authority = authority[i+1:]
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return "", err
	}
	if host == "" {
		return "", errors.New("the authority has no host")
	}
	if host, err = canonicalHost(host); err != nil {
		return "", err
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return host, nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", errors.New("the port is not a number of a port")
	}
	return host + ":" + port, nil
}

// splitPort divides host and port; brackets stay with the host.
func splitPort(authority string) (host, port string, err error) {
	if strings.HasPrefix(authority, "[") {
		host, rest, found := strings.Cut(authority, "]")
		if !found {
			return "", "", errors.New("the IPv6 address has no closing bracket")
		}
		if rest != "" && rest[0] != ':' {
			return "", "", errors.New("the IPv6 address is followed by something that is no port")
		}
		return host + "]", strings.TrimPrefix(rest, ":"), nil
	}
	host, port, _ = strings.Cut(authority, ":")
	if strings.Contains(port, ":") {
		return "", "", errors.New("an IPv6 address must stand in brackets")
	}
	return host, port, nil
}

func canonicalHost(host string) (string, error) {
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal = strings.ToLower(strings.TrimSuffix(literal, "]"))
		if strings.Contains(literal, "%") {
			return "", errors.New("an IPv6 zone means nothing outside its own machine")
		}
		if ip, err := netip.ParseAddr(literal); err != nil || !ip.Is6() {
			return "", errors.New("the brackets hold no IPv6 address")
		}
		return "[" + literal + "]", nil
	}
	if !ascii(host) {
		return internationalHost(host)
	}
	host = strings.ToLower(host)
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" {
			return "", errors.New("the host has an empty label")
		}
		for _, c := range []byte(label) {
			if !unreserved(c) || c == '~' || c == '.' {
				return "", errors.New("the host holds a character that no name has")
			}
		}
	}
	return host, nil
}

// internationalHost is UTS 46, non-transitional, with the flags the protocol names.
func internationalHost(host string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.CheckHyphens(true),
		idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
	out, err := profile.ToASCII(host)
	if err != nil {
		return "", fmt.Errorf("the host is no international name: %w", err)
	}
	return out, nil
}

func ascii(s string) bool {
	for _, c := range []byte(s) {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// removeDotSegments is RFC 3986 section 5.2.4 for a path that is empty or
// begins with a slash. An empty segment is a segment: slashes are not folded.
func removeDotSegments(path string) string {
	if path == "" {
		return ""
	}
	var out []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, segment)
		}
	}
	return "/" + strings.Join(out, "/")
}

// uniformEscapes decodes escapes of unreserved characters and writes the others
// with capital digits.
func uniformEscapes(path string) (string, error) {
	if !strings.Contains(path, "%") {
		return path, nil
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		if i+2 >= len(path) {
			return "", errors.New("the path ends within an escape")
		}
		n, err := strconv.ParseUint(path[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New("the path holds a % that begins no escape")
		}
		if unreserved(byte(n)) {
			b.WriteByte(byte(n))
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String(), nil
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
