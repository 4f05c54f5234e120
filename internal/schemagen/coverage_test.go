package schemagen_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reach is what the roots lead to: the members, enum values and arms that each
// file declares, and from where each place is reached.
type reach struct {
	choices map[string][]string // by file
	parents map[string][]string
}

func (s *spec) reach(roots []document) reach {
	seen := map[string]bool{}
	r := reach{map[string][]string{}, map[string][]string{}}
	add := func(choice string) {
		file, _, _ := strings.Cut(choice, "#")
		r.choices[file] = append(r.choices[file], choice)
	}
	var visit func(at site)
	walk := func(from, to site) {
		r.parents[to.at] = append(r.parents[to.at], from.at)
		visit(to)
	}
	visit = func(at site) {
		if seen[at.at] {
			return
		}
		seen[at.at] = true
		if ref, ok := at.s["$ref"].(string); ok {
			walk(at, s.site(s.target(at, ref)))
			return
		}
		for name := range members(at.s["properties"]) {
			p := s.below(at, "properties", name)
			add(p.at)
			walk(at, p)
		}
		for _, key := range []string{"items", "additionalProperties", "contains"} {
			if members(at.s[key]) != nil {
				walk(at, s.below(at, key))
			}
		}
		for pattern := range members(at.s["patternProperties"]) {
			walk(at, s.below(at, "patternProperties", pattern))
		}
		for i := range list(at.s["allOf"]) {
			walk(at, s.below(at, "allOf", strconv.Itoa(i)))
		}
		for _, union := range []string{"oneOf", "anyOf"} {
			for i := range list(at.s[union]) {
				arm := s.below(at, union, strconv.Itoa(i))
				add(arm.at)
				walk(at, arm)
			}
		}
		for _, v := range list(at.s["enum"]) {
			choice := at.at + "=" + fmt.Sprint(v)
			add(choice)
			r.parents[choice] = []string{at.at}
		}
	}
	for _, d := range roots {
		visit(s.site(d.schema))
	}
	return r
}

// promising are the places that lead to any of the choices.
func (r reach) promising(choices []string) map[string]bool {
	out := map[string]bool{}
	queue := slices.Clone(choices)
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !out[at] {
			out[at] = true
			queue = append(queue, r.parents[at]...)
		}
	}
	return out
}

// missed are the choices that no accepted document had.
func missed(choices []string, kept map[string]int) []string {
	return slices.DeleteFunc(slices.Clone(choices), func(choice string) bool { return kept[choice] > 0 })
}
