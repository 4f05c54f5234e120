package seller

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/upfront-media/upfront/internal/money"
)

// maxCatalogueErrors is how many problems are told at once; more would only scroll.
const maxCatalogueErrors = 20

// CatalogueError is one thing that is wrong in a catalogue file.
type CatalogueError struct {
	// Line is where it is in the file, from 1.
	Line int
	// Path is where it is in the document, such as "products[2].pricing[0].currency".
	Path string
	// Problem says what is wrong; Fix says what to write instead.
	Problem, Fix string
}

// Error implements error on one line: "line 41: products[2].name: is empty; give it a name".
func (e *CatalogueError) Error() string {
	s := fmt.Sprintf("line %d: %s: %s", e.Line, e.Path, e.Problem)
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

// CatalogueErrors are all the problems found in a catalogue file, at most 20.
type CatalogueErrors []*CatalogueError

// Error implements error with a line for each problem.
func (es CatalogueErrors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems to errors.As.
func (es CatalogueErrors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// yamlReader collects problems while a document is read, so that an author sees
// all of them at once.
type yamlReader struct{ problems CatalogueErrors }

// yamlNode is a place in the document. The YAML node is nil where the document
// has nothing at that place; every reading method then gives the zero value, so
// an optional field needs no test and a required one is asked for with need.
type yamlNode struct {
	r    *yamlReader
	path string
	line int
	node *yaml.Node
}

func (n yamlNode) fail(problem, fix string) {
	if len(n.r.problems) < maxCatalogueErrors {
		n.r.problems = append(n.r.problems, &CatalogueError{Line: n.line, Path: n.path, Problem: problem, Fix: fix})
	}
}

func (n yamlNode) present() bool { return n.node != nil }

// need reports a missing value.
func (n yamlNode) need(fix string) yamlNode {
	if !n.present() {
		n.fail("is missing", fix)
	}
	return n
}

func (n yamlNode) at(path string, node *yaml.Node) yamlNode {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	c := yamlNode{r: n.r, path: path, line: n.line, node: node}
	if node != nil {
		c.line = node.Line
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
			c.node = nil
		}
	}
	return c
}

// yamlObject is a mapping whose keys have been checked.
type yamlObject struct {
	yamlNode
	values map[string]*yaml.Node
}

// object reads a mapping that may hold only the known keys.
func (n yamlNode) object(known ...string) yamlObject {
	o := yamlObject{yamlNode: n, values: map[string]*yaml.Node{}}
	if !n.present() {
		return o
	}
	if n.node.Kind != yaml.MappingNode {
		n.fail("is not a mapping", "write its fields one a line as `field: value`")
		return o
	}
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		key, value := n.node.Content[i], n.node.Content[i+1]
		field := n.at(n.join(key.Value), key)
		switch _, twice := o.values[key.Value]; {
		case !slices.Contains(known, key.Value):
			field.fail("is not a known field", "the fields here are "+strings.Join(known, ", "))
		case twice:
			field.fail("is written twice", "keep one of them")
		default:
			o.values[key.Value] = value
		}
	}
	return o
}

func (n yamlNode) join(key string) string {
	if n.path == "" {
		return key
	}
	return n.path + "." + key
}

func (o yamlObject) field(name string) yamlNode { return o.at(o.join(name), o.values[name]) }

// list reads a sequence, item by item.
func (n yamlNode) list() []yamlNode {
	if !n.present() {
		return nil
	}
	if n.node.Kind != yaml.SequenceNode {
		n.fail("is not a list", "write it as [a, b] or one `- item` a line")
		return nil
	}
	items := make([]yamlNode, len(n.node.Content))
	for i, c := range n.node.Content {
		items[i] = n.at(fmt.Sprintf("%s[%d]", n.path, i), c)
	}
	return items
}

// scalar is the text of a single value exactly as it was written, so that a
// number never passes through a float.
func (n yamlNode) scalar() (string, bool) {
	if !n.present() {
		return "", false
	}
	if n.node.Kind != yaml.ScalarNode {
		n.fail("is not a single value", "write one value")
		return "", false
	}
	return n.node.Value, true
}

// text reads words for people, at most limit bytes.
func (n yamlNode) text(limit int) string {
	s, ok := n.scalar()
	if !ok {
		return ""
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		n.fail("is empty", "write some text or leave the field out")
	case !utf8.ValidString(s):
		n.fail("is not valid UTF-8", "save the file as UTF-8")
	case len(s) > limit:
		n.fail(fmt.Sprintf("is %d bytes long", len(s)), fmt.Sprintf("use at most %d", limit))
	}
	return s
}

// matching reads a value of a certain form.
func (n yamlNode) matching(re *regexp.Regexp, form string) string {
	s, ok := n.scalar()
	if ok && !re.MatchString(s) {
		n.fail(fmt.Sprintf("%q does not have the right form", s), "write "+form)
	}
	return s
}

// oneOf reads a value of a closed list.
func (n yamlNode) oneOf(allowed []string) string {
	s, ok := n.scalar()
	if ok && !slices.Contains(allowed, s) {
		n.fail(fmt.Sprintf("%q is not known", s), "use one of "+strings.Join(allowed, ", "))
	}
	return s
}

// each reads a list without repeats with one of the methods above.
func (n yamlNode) each(read func(yamlNode) string) []string {
	var out []string
	for _, item := range n.list() {
		s := read(item)
		if slices.Contains(out, s) {
			item.fail(fmt.Sprintf("%q is listed twice", s), "keep one of them")
			continue
		}
		out = append(out, s)
	}
	return out
}

// flag reads true or false.
func (n yamlNode) flag() bool {
	s, ok := n.scalar()
	if !ok {
		return false
	}
	if s != "true" && s != "false" {
		n.fail(fmt.Sprintf("%q is neither true nor false", s), "write true or false")
	}
	return s == "true"
}

// maxCount bounds whole numbers, so that they can be multiplied by days and rates.
const maxCount = 1_000_000_000_000

// count reads a whole number from zero to a million million. Digits may be
// grouped with underscores: 1_200_000.
func (n yamlNode) count() int64 {
	s, ok := n.scalar()
	if !ok {
		return 0
	}
	c, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil || c < 0 || c > maxCount {
		n.fail(fmt.Sprintf("%q is not a whole number from 0 to %d", s, int64(maxCount)), "write digits, such as 250000")
		return 0
	}
	return c
}

// amount reads money of at least zero, exactly.
func (n yamlNode) amount() money.Micros {
	s, ok := n.scalar()
	if !ok {
		return 0
	}
	m, err := money.Parse(strings.ReplaceAll(s, "_", ""))
	switch {
	case err != nil:
		n.fail(err.Error(), "write a decimal number such as 24.50")
		return 0
	case m < 0:
		n.fail(fmt.Sprintf("%s is below zero", s), "write an amount of at least zero")
		return 0
	}
	return m
}

// rate reads a proportion from 0 to 1 with at most six decimal places.
func (n yamlNode) rate() Rate {
	s, ok := n.scalar()
	if !ok {
		return 0
	}
	m, err := money.Parse(s)
	if err != nil || m < 0 || m > money.Unit {
		n.fail(fmt.Sprintf("%q is not a proportion", s), "write a number from 0 to 1 with at most six decimal places, such as 0.72")
		return 0
	}
	return Rate(m)
}

var durationForm = regexp.MustCompile(`^([0-9]{1,4})(m|h|d)$`)

// duration reads minutes, hours or days: 30m, 48h, 10d.
func (n yamlNode) duration() time.Duration {
	s, ok := n.scalar()
	if !ok {
		return 0
	}
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		n.fail(fmt.Sprintf("%q is not a length of time", s), "write minutes, hours or days, such as 30m, 48h or 10d")
		return 0
	}
	count, _ := strconv.Atoi(m[1]) // at most four digits: it fits
	return time.Duration(count) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
}
