package schemagen_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// mutation makes a document invalid in one place, as far as one schema there says.
type mutation struct {
	path  []any // keys and indexes
	rule  string
	at    string
	drop  bool
	value any
}

// corpus generates documents from schemas. What a choice leads to is counted
// when a document is accepted, and what was chosen least is chosen next, so
// that every member, enum value and arm comes up.
type corpus struct {
	*spec
	rng       *rand.Rand
	kept      map[string]int // how often a choice ended in an accepted document
	tried     map[string]int
	journal   []string
	mutations []mutation
	size      int             // how many values a document may have, roughly
	budget    int             // what is left of it
	promising map[string]bool // places that lead to something still missing
	patterns  map[string]*syntax.Regexp
}

func newCorpus(s *spec, seed uint64) *corpus {
	return &corpus{spec: s, rng: rand.New(rand.NewPCG(seed, 7)), kept: map[string]int{}, tried: map[string]int{}, patterns: map[string]*syntax.Regexp{}}
}

// document makes one document that the schema accepts, and what would break it.
// It reports whether the document has anything that none before it had.
func (c *corpus) document(name string) (v any, mutations []mutation, news bool, err error) {
	for range 40 {
		c.journal, c.mutations, c.budget = c.journal[:0], nil, c.size
		v, ok := c.value([]site{c.site(name)}, nil, 0)
		if !ok || c.schema(name).Validate(v) != nil {
			continue
		}
		for _, choice := range c.journal {
			news = news || c.kept[choice] == 0
			c.kept[choice]++
		}
		return v, c.mutations, news, nil
	}
	return nil, nil, false, fmt.Errorf("no valid document found")
}

// choose picks what led to accepted documents least, then what was tried least.
func (c *corpus) choose(options []string) string {
	best, lowest := "", 0
	for _, i := range c.rng.Perm(len(options)) {
		o := options[i]
		score := c.kept[o]*20 + c.tried[o]
		if c.promising[o] {
			score -= 500
		}
		if best == "" || score < lowest {
			best, lowest = o, score
		}
	}
	c.note(best)
	return best
}

func (c *corpus) note(choice string) {
	c.tried[choice]++
	c.journal = append(c.journal, choice)
}

// value makes a value that all sites accept.
func (c *corpus) value(sites []site, path []any, depth int) (any, bool) {
	if depth > 30 {
		return nil, false
	}
	journal, mutations := len(c.journal), len(c.mutations)
	for attempt := range 14 {
		c.journal, c.mutations = c.journal[:journal], c.mutations[:mutations]
		all := c.expand(sites)
		v, ok := c.candidate(all, path, depth, attempt)
		if ok && c.accepted(all, v) {
			c.breakings(all, path, v)
			return v, true
		}
	}
	return nil, false
}

var conditional = []string{"not", "oneOf", "anyOf", "if", "dependencies", "contains", "propertyNames", "minProperties", "maxProperties", "uniqueItems", "pattern", "format"}

func (c *corpus) accepted(all []site, v any) bool {
	for _, s := range all {
		for _, keyword := range conditional {
			if s.s[keyword] != nil {
				if c.schema(s.at).Validate(v) != nil {
					return false
				}
				break
			}
		}
	}
	return true
}

// expand follows references, takes every part of allOf and one arm of each union and condition.
func (c *corpus) expand(sites []site) []site {
	var all []site
	queue := slices.Clone(sites)
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if ref, ok := s.s["$ref"].(string); ok {
			queue = append(queue, c.site(c.target(s, ref)))
			continue
		}
		all = append(all, s)
		for i := range list(s.s["allOf"]) {
			queue = append(queue, c.below(s, "allOf", strconv.Itoa(i)))
		}
		for _, union := range []string{"oneOf", "anyOf"} {
			var arms []string
			for i := range list(s.s[union]) {
				arms = append(arms, s.at+"/"+union+"/"+strconv.Itoa(i))
			}
			if len(arms) > 0 {
				queue = append(queue, c.site(c.choose(arms)))
			}
		}
		if s.s["if"] != nil {
			switch branch := c.choose([]string{s.at + "/then", s.at + "/else"}); {
			case strings.HasSuffix(branch, "then"):
				queue = append(queue, c.below(s, "if"))
				if s.s["then"] != nil {
					queue = append(queue, c.site(branch))
				}
			case s.s["else"] != nil:
				queue = append(queue, c.site(branch))
			}
		}
	}
	return all
}

func (c *corpus) candidate(all []site, path []any, depth, attempt int) (any, bool) {
	for _, s := range all {
		if v, ok := s.s["const"]; ok {
			c.noteValue(all, v)
			return v, true
		}
	}
	if v, ok := c.enumerated(all); ok {
		c.noteValue(all, v)
		return v, true
	}
	switch t := c.typeOf(all); t {
	case "object":
		return c.object(all, path, depth, attempt)
	case "array":
		return c.array(all, path, depth, attempt)
	case "string":
		return c.text(all)
	case "integer", "number":
		return c.number(all, t == "integer")
	case "boolean":
		return c.rng.IntN(2) == 0, true
	case "null":
		return nil, true
	default:
		return c.anything(), true
	}
}

// noteValue counts a value for every enum that has it.
func (c *corpus) noteValue(all []site, v any) {
	for _, s := range all {
		if s.s["enum"] != nil {
			c.journal = append(c.journal, s.at+"="+fmt.Sprint(v))
		}
	}
}

// enumerated picks of the values that every enum has.
func (c *corpus) enumerated(all []site) (any, bool) {
	var options []string
	values := map[string]any{}
	for _, s := range all {
		enum, ok := s.s["enum"].([]any)
		if !ok {
			continue
		}
		var here []string
		for _, v := range enum {
			key := s.at + "=" + fmt.Sprint(v)
			if options == nil || slices.ContainsFunc(options, func(o string) bool { return fmt.Sprint(values[o]) == fmt.Sprint(v) }) {
				here = append(here, key)
				values[key] = v
			}
		}
		options = here
	}
	if len(options) == 0 {
		return nil, false
	}
	return values[c.choose(options)], true
}

func (c *corpus) typeOf(all []site) string {
	var types []string
	var at string
	for _, s := range all {
		var here []string
		switch t := s.s["type"].(type) {
		case string:
			here = []string{t}
		case []any:
			for _, v := range t {
				here = append(here, v.(string))
			}
		default:
			continue
		}
		if types == nil {
			types, at = here, s.at
		} else {
			types = slices.DeleteFunc(types, func(t string) bool { return !slices.Contains(here, t) })
		}
	}
	for i := range types {
		types[i] = at + " is " + types[i]
	}
	if len(types) > 0 {
		choice := c.choose(types)
		return choice[strings.LastIndexByte(choice, ' ')+1:]
	}
	for _, s := range all {
		switch {
		case s.s["properties"] != nil || s.s["required"] != nil:
			return "object"
		case s.s["items"] != nil:
			return "array"
		case s.s["pattern"] != nil || s.s["format"] != nil:
			return "string"
		}
	}
	return ""
}

// anything is a value for a place that says nothing about it.
func (c *corpus) anything() any {
	options := []any{
		map[string]any{"free": []any{json.Number("1.50"), "x", nil}}, "text", json.Number("7"), json.Number("1e3"), true, []any{map[string]any{"A": false}},
	}
	return options[c.rng.IntN(len(options))]
}

func (c *corpus) array(all []site, path []any, depth, attempt int) (any, bool) {
	low, high, unique := 0, 1000, false
	var items, contains []site
	for _, s := range all {
		low = max(low, limit(s, "minItems", 0))
		high = min(high, limit(s, "maxItems", 1000))
		unique = unique || s.s["uniqueItems"] == true
		if s.s["items"] != nil {
			items = append(items, c.below(s, "items"))
		}
		if s.s["contains"] != nil {
			contains = append(contains, c.below(s, "contains"))
		}
	}
	n := low
	if c.budget > 0 && attempt < 6 {
		n += c.rng.IntN(3)
	}
	n = min(max(n, len(contains)), high)
	out := []any{}
	for i := range n {
		here := slices.Clone(items)
		if i < len(contains) {
			here = append(here, contains[i])
		}
		v, ok := c.value(here, append(slices.Clone(path), i), depth+1)
		if !ok {
			return nil, false
		}
		if unique && slices.ContainsFunc(out, func(o any) bool { return encode(o) == encode(v) }) {
			if len(out) >= low {
				break
			}
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

func (c *corpus) object(all []site, path []any, depth, attempt int) (any, bool) {
	names := map[string]bool{} // true where required
	banned := map[string]bool{}
	least := 0
	for _, s := range all {
		for name := range members(s.s["properties"]) {
			if _, known := names[name]; !known {
				names[name] = false
			}
		}
		for _, name := range list(s.s["required"]) {
			names[name.(string)] = true
		}
		ban(s.s["not"], banned)
		least = max(least, limit(s, "minProperties", 0))
	}
	out := map[string]any{}
	var pick func(name string) bool
	pick = func(name string) bool {
		if _, done := out[name]; done {
			return true
		}
		if banned[name] {
			return false
		}
		sites, ok := c.member(all, name)
		if !ok {
			return false
		}
		c.budget--
		mark := len(c.journal)
		for _, s := range all {
			if _, ok := members(s.s["properties"])[name]; ok {
				c.note(s.at + "/properties/" + escape.Replace(name))
			}
		}
		v, ok := c.value(sites, append(slices.Clone(path), name), depth+1)
		if !ok {
			c.journal = c.journal[:mark]
			return false
		}
		out[name] = v
		for _, s := range all {
			for _, needed := range list(members(s.s["dependencies"])[name]) {
				if !pick(needed.(string)) {
					return false
				}
			}
		}
		return true
	}
	optional := []string{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !names[name] {
			optional = append(optional, name)
		} else if !pick(name) {
			return nil, false
		}
	}
	c.rng.Shuffle(len(optional), func(i, j int) { optional[i], optional[j] = optional[j], optional[i] })
	slices.SortStableFunc(optional, func(a, b string) int { return c.kept[place(all, a)] - c.kept[place(all, b)] })
	for i, name := range optional {
		share := 0.1
		if at := place(all, name); c.promising[at] {
			share = 0.7
		} else if c.kept[at] == 0 {
			share = 0.4
		}
		share /= float64(1 + attempt/2)
		wanted := attempt < 9 && c.budget > 0 && c.rng.Float64() < share || i < least-len(out)
		if wanted && !banned[name] {
			pick(name)
		}
	}
	if attempt < 8 {
		c.unnamed(all, out, path, depth)
	}
	if len(out) == 0 && len(names) == 0 && attempt < 3 { // free form
		out["Free"] = c.anything()
		for _, s := range all {
			if s.s["additionalProperties"] == false || s.s["propertyNames"] != nil {
				delete(out, "Free")
			}
		}
	}
	return out, true
}

// member lists what the sites say of one member; ok is false where one does not allow it.
func (c *corpus) member(all []site, name string) (sites []site, ok bool) {
	for _, s := range all {
		found := false
		if _, ok := members(s.s["properties"])[name]; ok {
			sites, found = append(sites, c.below(s, "properties", name)), true
		}
		for pattern := range members(s.s["patternProperties"]) {
			if regexp.MustCompile(pattern).MatchString(name) {
				sites, found = append(sites, c.below(s, "patternProperties", pattern)), true
			}
		}
		if found {
			continue
		}
		switch extra := s.s["additionalProperties"].(type) {
		case bool:
			if !extra {
				return nil, false
			}
		case map[string]any:
			sites = append(sites, c.below(s, "additionalProperties"))
		}
	}
	return sites, true
}

// unnamed adds a member that the schemas type without naming it.
func (c *corpus) unnamed(all []site, out map[string]any, path []any, depth int) {
	for _, s := range all {
		name, wanted := "extra_one", false
		if _, ok := s.s["additionalProperties"].(map[string]any); ok {
			wanted = true
		}
		for _, pattern := range slices.Sorted(maps.Keys(members(s.s["patternProperties"]))) {
			name, wanted = c.matching(pattern), true
		}
		for _, other := range all {
			if names := members(other.s["propertyNames"]); names != nil {
				v, ok := c.value([]site{c.below(other, "propertyNames")}, nil, depth+1)
				if !ok {
					return
				}
				name, _ = v.(string)
			}
		}
		if sites, ok := c.member(all, name); ok && wanted && name != "" && out[name] == nil {
			if v, ok := c.value(sites, append(slices.Clone(path), name), depth+1); ok {
				out[name] = v
			}
		}
	}
}

// place names a member's first declaration, for counting.
func place(all []site, name string) string {
	for _, s := range all {
		if _, ok := members(s.s["properties"])[name]; ok {
			return s.at + "/properties/" + escape.Replace(name)
		}
	}
	return all[0].at + "/properties/" + name
}

// ban notes the members whose presence a negation refuses.
func ban(not any, banned map[string]bool) {
	m := members(not)
	if required := list(m["required"]); len(required) == 1 && m["properties"] == nil {
		banned[required[0].(string)] = true
	}
	for _, arm := range list(m["anyOf"]) {
		ban(arm, banned)
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func members(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func limit(s site, keyword string, otherwise int) int {
	if n, ok := s.s[keyword].(json.Number); ok {
		i, _ := n.Int64()
		return int(i)
	}
	return otherwise
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
