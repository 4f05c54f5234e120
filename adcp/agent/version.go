package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// defaultVersion is the release for callers that name none.
func (a *Agent) defaultVersion() string { return a.cfg.Versions[len(a.cfg.Versions)-1] }

// negotiate picks the release to serve from the request's two pins. A pin of
// the wrong type is malformed rather than unsupported.
func negotiate(doc *document, versions []string) (string, *adcp.Error) {
	var pin *string
	var major *int64
	if doc.adcpVersion.present {
		if !doc.adcpVersion.valid {
			return "", invalid("adcp_version", "adcp_version is not a string.", `Send MAJOR.MINOR, such as "3.1".`)
		}
		pin = &doc.adcpVersion.value
	}
	switch {
	case doc.majorVersion < 0:
		return "", invalid("adcp_major_version", "adcp_major_version is not a positive integer.", "Send 3.")
	case doc.majorVersion > 0:
		major = &doc.majorVersion
	}
	return adcp.Negotiate(pin, major, versions)
}

// bounded keeps an error object within the size that callers look at: first
// the list of issues is shortened, then the details go, then texts are cut.
func bounded(e *adcp.Error) *adcp.Error {
	fits := func(e *adcp.Error) bool {
		b, err := json.Marshal(e)
		return err != nil || len(b) <= maxErrorBytes
	}
	if fits(e) {
		return e
	}
	c := *e
	for len(c.Issues) > 1 {
		c.Issues = c.Issues[:len(c.Issues)/2]
		if fits(&c) {
			return &c
		}
	}
	c.Details = nil
	if fits(&c) {
		return &c
	}
	return adcp.NewError(c.Code, "", fmt.Sprintf("%.256s", strings.ToValidUTF8(c.Message, "")))
}
