package adcp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Releases are the releases of the protocol that this package speaks, lowest
// first. The last is the default.
func Releases() []string { return []string{"3.0", "3.1"} }

// release is a parsed MAJOR.MINOR with an optional pre-release.
type release struct {
	major, minor int
	pre          string
}

// parseRelease reads "3.1" or "3.1-beta.2"; a patch number is refused, because
// patches are not negotiated.
func parseRelease(text string) (release, bool) {
	number, pre, hasPre := strings.Cut(text, "-")
	major, minor, ok := strings.Cut(number, ".")
	if !ok || hasPre && pre == "" {
		return release{}, false
	}
	r := release{pre: pre}
	for _, part := range []struct {
		text string
		to   *int
	}{{major, &r.major}, {minor, &r.minor}} {
		if part.text == "" || leadingDigits(part.text) != len(part.text) || len(part.text) > 4 {
			return release{}, false
		}
		n, err := strconv.Atoi(part.text)
		if err != nil {
			return release{}, false
		}
		*part.to = n
	}
	return r, true
}

// compare orders releases; a pre-release comes before its release.
func (r release) compare(o release) int {
	c := cmp.Or(cmp.Compare(r.major, o.major), cmp.Compare(r.minor, o.minor))
	switch {
	case c != 0 || r.pre == o.pre:
		return c
	case r.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	return strings.Compare(r.pre, o.pre)
}

// Negotiate chooses the release to serve, of those supported, from what a
// request says in adcp_version and adcp_major_version. That is the release it
// names, else the highest below that in the same major version. A request that
// names a major version only gets the highest release of it, and one that names
// nothing the highest of all. A pre-release is served to whoever names it
// exactly, and to nobody else. Where nothing fits, or where the two members
// disagree, the error is VERSION_UNSUPPORTED with the supported releases in its
// details.
func Negotiate(adcpVersion *string, major *int64, supported []string) (served string, err *Error) {
	var pin release
	if adcpVersion != nil {
		var ok bool
		if pin, ok = parseRelease(*adcpVersion); !ok {
			return "", unsupported("adcp_version", "must be a release such as 3.1, without a patch number", supported)
		}
		if major != nil && *major != int64(pin.major) {
			return "", unsupported("adcp_major_version", "contradicts adcp_version; send the same major version in both, or adcp_version alone", supported)
		}
		if slices.Contains(supported, *adcpVersion) {
			return *adcpVersion, nil
		}
	}
	best := release{major: -1}
	for _, text := range supported {
		r, ok := parseRelease(text)
		fits := ok && r.pre == ""
		switch {
		case adcpVersion != nil:
			fits = fits && pin.pre == "" && r.major == pin.major && r.compare(pin) <= 0
		case major != nil:
			fits = fits && int64(r.major) == *major
		}
		if fits && r.compare(best) > 0 {
			best, served = r, text
		}
	}
	switch {
	case served != "":
		return served, nil
	case adcpVersion != nil:
		return "", unsupported("adcp_version", "names a release that is not spoken here", supported)
	default:
		return "", unsupported("adcp_major_version", "names a major version that is not spoken here", supported)
	}
}

// HighestCommon is the release a caller should name: the highest of ours that
// is also theirs. ok is false where there is none.
func HighestCommon(ours, theirs []string) (common string, ok bool) {
	best := release{major: -1}
	for _, text := range ours {
		if r, valid := parseRelease(text); valid && slices.Contains(theirs, text) && r.compare(best) > 0 {
			best, common = r, text
		}
	}
	return common, common != ""
}

// MajorOf is the major version of a release, or 0 for what is none.
func MajorOf(text string) int64 {
	r, _ := parseRelease(text)
	return int64(r.major)
}

func unsupported(field, message string, supported []string) *Error {
	var majors []int64
	for _, text := range supported {
		if m := MajorOf(text); !slices.Contains(majors, m) {
			majors = append(majors, m)
		}
	}
	return NewError(CodeVersionUnsupported, field, field+" "+message).
		WithSuggestion(fmt.Sprintf("Name one of the supported releases: %s.", strings.Join(supported, ", "))).
		WithDetails(VersionUnsupportedDetails{SupportedVersions: supported, SupportedMajors: majors})
}
