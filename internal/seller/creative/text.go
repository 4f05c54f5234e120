package creative

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"

	"github.com/upfront-media/upfront/adcp"
)

func (c *checker) text(field string, r *adcp.FormatAssetRequirements, a *asset) {
	field += ".content"
	c.between(field, "length", " characters", new(int64(utf8.RuneCountInString(a.Content))), r.MinLength, r.MaxLength)
	c.between(field, "number of lines", "", new(int64(strings.Count(strings.TrimRight(a.Content, "\n"), "\n")+1)), r.MinLines, r.MaxLines)
	if len(r.AllowedValues) > 0 && !slices.Contains(r.AllowedValues, a.Content) {
		c.refuse(adcp.CodeCreativeValueNotAllowed, field, "Send one of "+strings.Join(r.AllowedValues, ", ")+".", "%q is not one of the values that the format takes.", short(a.Content))
		c.accepting(map[string]any{"allowed_values": r.AllowedValues})
	}
	if r.CharacterPattern != nil {
		// The protocol's patterns are those of ECMAScript. One that does not compile is
		// the publisher's mistake, not the buyer's.
		if re, err := regexp2.Compile(*r.CharacterPattern, regexp2.ECMAScript); err == nil {
			if ok, err := re.MatchString(a.Content); err == nil && !ok {
				c.refuse(adcp.CodeValidationError, field, "Use only characters that the pattern allows.", "The text does not match %s.", *r.CharacterPattern)
				c.accepting(map[string]any{"accepted": *r.CharacterPattern})
			}
		}
	}
	lower := strings.ToLower(a.Content)
	for _, term := range r.ProhibitedTerms {
		if strings.Contains(lower, strings.ToLower(term)) {
			c.refuse(adcp.CodeValidationError, field, "Leave the term out.", "The text holds %q, which the format does not take.", term)
		}
	}
}

// link checks where an ad leads, or what it calls.
func (c *checker) link(field string, r *adcp.FormatAssetRequirements, a *asset) {
	field += ".url"
	u, err := url.Parse(plain(a.URL))
	if err != nil || u.Scheme == "" || u.Scheme == "https" && u.Host == "" {
		c.https(field, a.URL)
		return
	}
	accepted := []string{"https"}
	for _, p := range r.Protocols {
		if !slices.Contains(accepted, string(p)) {
			accepted = append(accepted, string(p))
		}
	}
	if len(r.Protocols) > 0 && !slices.Contains(names(r.Protocols), "https") {
		accepted = accepted[1:]
	}
	if !slices.Contains(accepted, strings.ToLower(u.Scheme)) {
		c.notAmong(field, "the address's scheme", u.Scheme, accepted)
	}
	host := strings.ToLower(u.Hostname())
	if len(r.AllowedDomains) > 0 && !slices.ContainsFunc(r.AllowedDomains, func(d string) bool { return within(host, d) }) {
		c.notAmong(field, "the address's domain", host, r.AllowedDomains)
	}
	c.between(field, "length", " characters", new(int64(utf8.RuneCountInString(a.URL))), r.MinLength, r.MaxLength)
	if r.MacroSupport != nil && !*r.MacroSupport && macro.MatchString(a.URL) {
		c.refuse(adcp.CodeValidationError, field, "Write the address out.", "The format fills in no macros.")
	}
}

// macro is how universal macros and those of VAST are written.
var macro = regexp.MustCompile(`\{[A-Z][A-Z0-9_]*\}|\[[A-Z][A-Z0-9_]*\]`)

// within tells whether a host is a domain or under it.
func within(host, domain string) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "*."))
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// reference is a resource that a document loads.
var reference = regexp.MustCompile(`(?i)(?:\bsrc\s*=\s*["']?|url\(\s*["']?|@import\s+["']|\bfetch\(\s*["'])((?:https?:)?//[^"'\s)>]+)`)

func (c *checker) html(field string, r *adcp.FormatAssetRequirements, a *asset) {
	field += ".content"
	if strings.TrimSpace(a.Content) == "" {
		c.refuse(adcp.CodeValidationError, field, "Send the document.", "The document is empty.")
		return
	}
	c.fileSize(field, r, new(int64(len(a.Content))))
	c.resources(field, r, a.Content)
}

func (c *checker) javascript(field string, r *adcp.FormatAssetRequirements, a *asset) {
	field += ".content"
	if strings.TrimSpace(a.Content) == "" {
		c.refuse(adcp.CodeValidationError, field, "Send the script.", "The script is empty.")
		return
	}
	c.fileSize(field, r, new(int64(len(a.Content))))
	c.resources(field, r, a.Content)
	if r.StrictModeRequired != nil && *r.StrictModeRequired && !strings.Contains(a.Content, `"use strict"`) && !strings.Contains(a.Content, `'use strict'`) {
		c.refuse(adcp.CodeValidationError, field, `Begin with "use strict".`, "The format needs strict mode.")
	}
}

// resources checks what a document loads: over https, and from nowhere else where the
// format says so.
func (c *checker) resources(field string, r *adcp.FormatAssetRequirements, content string) {
	for _, m := range reference.FindAllStringSubmatch(content, -1) {
		u, err := url.Parse(plain(m[1]))
		if err != nil {
			continue
		}
		host := strings.ToLower(u.Hostname())
		switch {
		case u.Scheme == "http":
			c.refuse(adcp.CodeValidationError, field, "Load it over https.", "It loads %s without encryption.", short(m[1]))
		case r.ExternalResourcesAllowed != nil && !*r.ExternalResourcesAllowed && !slices.ContainsFunc(r.AllowedExternalDomains, func(d string) bool { return within(host, d) }):
			c.refuse(adcp.CodeValidationError, field, "Put it into the document.", "It loads %s; the format takes documents that load nothing from elsewhere.", short(m[1]))
			c.accepting(map[string]any{"allowed_external_domains": r.AllowedExternalDomains})
		case len(r.AllowedExternalDomains) > 0 && !slices.ContainsFunc(r.AllowedExternalDomains, func(d string) bool { return within(host, d) }):
			c.notAmong(field, "the domain that it loads from", host, r.AllowedExternalDomains)
		}
	}
}
