package schemagen_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// covered reports what the corpus never reached of the members, enum values and
// arms that the schemas declare.
func covered(t *testing.T, s *spec, docs []document, kept map[string]int) {
	seen := map[string]bool{}
	var all []string
	var walk func(at site)
	walk = func(at site) {
		if seen[at.at] {
			return
		}
		seen[at.at] = true
		if ref, ok := at.s["$ref"].(string); ok {
			file, _, _ := strings.Cut(at.at, "#")
			if strings.HasPrefix(ref, "#") {
				ref = file + ref
			}
			walk(s.site(strings.TrimPrefix(ref, "/schemas/"+release+"/")))
			return
		}
		for name := range members(at.s["properties"]) {
			p := s.below(at, "properties", name)
			all = append(all, p.at)
			walk(p)
		}
		for _, key := range []string{"items", "additionalProperties", "contains"} {
			if members(at.s[key]) != nil {
				walk(s.below(at, key))
			}
		}
		for pattern := range members(at.s["patternProperties"]) {
			walk(s.below(at, "patternProperties", pattern))
		}
		for i := range list(at.s["allOf"]) {
			walk(s.below(at, "allOf", strconv.Itoa(i)))
		}
		for _, union := range []string{"oneOf", "anyOf"} {
			for i := range list(at.s[union]) {
				arm := s.below(at, union, strconv.Itoa(i))
				all = append(all, arm.at)
				walk(arm)
			}
		}
		for _, v := range list(at.s["enum"]) {
			all = append(all, at.at+"="+fmt.Sprint(v))
		}
	}
	for _, d := range docs {
		walk(s.site(d.schema))
	}
	var missed []string
	for _, choice := range all {
		if kept[choice] == 0 {
			missed = append(missed, choice)
		}
	}
	slices.Sort(missed)
	t.Logf("%d of %d members, enum values and arms were reached", len(all)-len(missed), len(all))
	for _, m := range missed[:min(len(missed), 400)] {
		t.Log(m)
	}
}
