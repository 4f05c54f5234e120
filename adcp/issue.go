package adcp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Bounds on what a refusal says back.
const (
	maxIssues        = 20
	maxPointerLength = 200
	maxListed        = 12
)

var (
	escapePointer   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")
)

// issuesOf lists what is wrong, at least one issue, in a stable order.
func issuesOf(err *jsonschema.ValidationError) []ErrorIssue {
	issues := leaves(err)
	slices.SortFunc(issues, func(a, b ErrorIssue) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Keyword, b.Keyword), strings.Compare(a.Message, b.Message))
	})
	issues = slices.CompactFunc(issues, func(a, b ErrorIssue) bool {
		return a.Pointer == b.Pointer && a.Keyword == b.Keyword && a.Message == b.Message
	})
	if len(issues) > maxIssues {
		issues = issues[:maxIssues]
	}
	return issues
}

// leaves walks the library's tree of errors down to what a caller can correct.
func leaves(err *jsonschema.ValidationError) []ErrorIssue {
	at := err.InstanceLocation
	switch k := err.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		var out []ErrorIssue
		for _, cause := range err.Causes {
			out = append(out, leaves(cause)...)
		}
		return out
	case *kind.AnyOf:
		return closest(at, "anyOf", err.Causes)
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return issue(at, "oneOf", "fits more than one of the allowed forms; leave out the members of all but one")
		}
		return closest(at, "oneOf", err.Causes)
	case *kind.Required:
		return each(at, k.Missing, "required", "is required")
	case *kind.Dependency:
		return each(at, k.Missing, "dependencies", "is required where "+clip(k.Prop)+" is present")
	case *kind.AdditionalProperties:
		return each(at, k.Properties, "additionalProperties", "is not a member the protocol allows here; leave it out")
	case *kind.PropertyNames:
		return each(at, []string{k.Property}, "propertyNames", "has a name that is not allowed here")
	}
	keyword, message := describe(err.ErrorKind)
	return issue(at, keyword, message)
}

// describe says what is wrong with a value that breaks one keyword.
func describe(k jsonschema.ErrorKind) (keyword, message string) {
	switch k := k.(type) {
	case *kind.Type:
		return "type", "must be " + strings.Join(k.Want, " or ") + ", not " + k.Got
	case *kind.Const:
		return "const", "must be " + literal(k.Want)
	case *kind.Enum:
		return "enum", "must be one of " + literals(k.Want)
	case *kind.Format:
		return "format", "must be " + formatHint(k.Want)
	case *kind.Pattern:
		return "pattern", "must match the pattern " + k.Want
	case *kind.MinLength:
		return "minLength", "must have at least " + count(k.Want, "character") + ", not " + strconv.Itoa(k.Got)
	case *kind.MaxLength:
		return "maxLength", "must have at most " + count(k.Want, "character") + ", not " + strconv.Itoa(k.Got)
	case *kind.Minimum:
		return "minimum", "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "maximum", "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "exclusiveMinimum", "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "exclusiveMaximum", "must be less than " + number(k.Want)
	case *kind.MinItems:
		return "minItems", "must have at least " + count(k.Want, "item") + ", not " + strconv.Itoa(k.Got)
	case *kind.MaxItems:
		return "maxItems", "must have at most " + count(k.Want, "item") + ", not " + strconv.Itoa(k.Got)
	case *kind.MinProperties:
		return "minProperties", "must have at least " + count(k.Want, "member") + ", not " + strconv.Itoa(k.Got)
	case *kind.MaxProperties:
		return "maxProperties", "must have at most " + count(k.Want, "member") + ", not " + strconv.Itoa(k.Got)
	case *kind.UniqueItems:
		return "uniqueItems", fmt.Sprintf("has equal items at %d and %d; each may stand once", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "contains", "has none of the items that one must be"
	case *kind.Not:
		return "not", "combines members or values that exclude each other"
	case *kind.FalseSchema:
		return "not", "is not allowed here; leave it out"
	}
	if path := k.KeywordPath(); len(path) > 0 {
		return path[0], "breaks the schema's rule " + path[0]
	}
	return "schema", "does not match the schema"
}

// closest picks, of the forms a value may have, the one that it most likely
// was meant to have, and returns what is wrong with it as that.
func closest(at []string, keyword string, arms []*jsonschema.ValidationError) []ErrorIssue {
	if names, ok := alternatives(at, arms); ok {
		return issue(at, keyword, "needs one of "+strings.Join(names, ", "))
	}
	var best []ErrorIssue
	lowest := -1
	for _, arm := range arms {
		found := leaves(arm)
		if score := distance(at, found); lowest < 0 || score < lowest {
			best, lowest = found, score
		}
	}
	if len(best) == 0 {
		return issue(at, keyword, "fits none of the allowed forms")
	}
	return best
}

// alternatives is the case in which every form only lacks one member.
func alternatives(at []string, arms []*jsonschema.ValidationError) ([]string, bool) {
	var names []string
	for _, arm := range arms {
		k, ok := arm.ErrorKind.(*kind.Required)
		if !ok || len(k.Missing) != 1 || !slices.Equal(arm.InstanceLocation, at) {
			return nil, false
		}
		names = append(names, k.Missing[0])
	}
	return names, len(names) > 1
}

// distance is how far a value is from a form: a wrong type of the value itself
// is farthest, then a wrong discriminator, then the number of complaints.
func distance(at []string, found []ErrorIssue) int {
	base := pointer(at)
	score := 0
	for _, i := range found {
		inner := strings.TrimPrefix(i.Pointer, base)
		switch {
		case i.Keyword == "type" && inner == "":
			score += 10_000
		case (i.Keyword == "const" || i.Keyword == "enum") && strings.Count(inner, "/") <= 1:
			score += 100
		default:
			score++
		}
	}
	return score
}

func issue(at []string, keyword, message string) []ErrorIssue {
	return []ErrorIssue{{Pointer: clip(pointer(at)), Keyword: keyword, Message: message}}
}

func each(at, names []string, keyword, message string) []ErrorIssue {
	var out []ErrorIssue
	for _, name := range names {
		out = append(out, issue(append(slices.Clone(at), name), keyword, message)...)
	}
	return out
}

// pointer writes a place as an RFC 6901 JSON Pointer.
func pointer(at []string) string {
	var b strings.Builder
	for _, token := range at {
		b.WriteByte('/')
		b.WriteString(escapePointer.Replace(token))
	}
	return b.String()
}

// fieldPath writes a JSON Pointer the way "field" does: packages[0].budget. The
// document tells an index from a name.
func fieldPath(doc any, pointer string) string {
	if pointer == "" {
		return ""
	}
	var b strings.Builder
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = unescapePointer.Replace(token)
		switch v := doc.(type) {
		case []any:
			b.WriteString("[" + token + "]")
			doc = nil
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(v) {
				doc = v[i]
			}
			continue
		case map[string]any:
			doc = v[token]
		default:
			doc = nil
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String()
}

// clip shortens what came from the document.
func clip(s string) string {
	if len(s) <= maxPointerLength {
		return s
	}
	s = s[:maxPointerLength]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func literal(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func literals(values []any) string {
	var list []string
	for _, v := range values[:min(len(values), maxListed)] {
		list = append(list, literal(v))
	}
	text := strings.Join(list, ", ")
	if more := len(values) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

func formatHint(format string) string {
	switch format {
	case "date-time":
		return "a date and time such as 2027-03-01T00:00:00Z"
	case "date":
		return "a date such as 2027-03-01"
	case "uri":
		return "an absolute URI such as https://example.com/page"
	case "email":
		return "an email address"
	case "uuid":
		return "a UUID"
	case "hostname":
		return "a host name such as example.com"
	}
	return "a valid " + format
}
