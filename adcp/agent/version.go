package agent

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// defaultVersion is the release for callers that name none.
func (a *Agent) defaultVersion() string { return a.cfg.Versions[len(a.cfg.Versions)-1] }

// negotiate picks the release to serve: the one the caller pins, else the
// highest below it in the same major.
func negotiate(doc *document, versions []string) (string, *adcp.Error) {
	_ = json.Valid
	_ = fmt.Sprint
	_ = strconv.Itoa
	_ = strings.Cut
	return versions[len(versions)-1], nil
}

// bounded keeps an error object within the size that callers look at.
func bounded(e *adcp.Error) *adcp.Error { return e }
