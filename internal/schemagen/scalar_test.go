package schemagen_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp/syntax"
	"strings"
)

// text makes a string of the right length, pattern and format.
func (c *corpus) text(all []site) (any, bool) {
	low, high := 0, 60
	var pattern, format string
	for _, s := range all {
		low = max(low, limit(s, "minLength", 0))
		high = min(high, limit(s, "maxLength", 60))
		if p, ok := s.s["pattern"].(string); ok {
			pattern = p
		}
		if f, ok := s.s["format"].(string); ok {
			format = f
		}
	}
	if format != "" {
		return c.formatted(format), true
	}
	if pattern != "" {
		for range 50 {
			if s := c.matching(pattern); len(s) >= low && (high == 60 || len(s) <= high) {
				return s, true
			}
		}
		return nil, false
	}
	letters := []rune("abc XYZ é09_-<\"\\/👍")
	n := low + c.rng.IntN(max(high-low, 0)+1)
	if c.rng.IntN(4) > 0 {
		n = min(n, low+8)
	}
	var b strings.Builder
	for range n {
		b.WriteRune(letters[c.rng.IntN(len(letters))])
	}
	return b.String(), true
}

func (c *corpus) formatted(format string) string {
	n := c.rng.IntN(28) + 1
	switch format {
	case "date-time":
		zone := []string{"Z", "+02:00", "-07:30", ".125Z"}[c.rng.IntN(4)]
		return fmt.Sprintf("2027-03-%02dT%02d:30:00%s", n, n%24, zone)
	case "date":
		return fmt.Sprintf("2027-03-%02d", n)
	case "uri":
		return fmt.Sprintf("https://example.com/p/%d?q=1#f", n)
	case "uri-template":
		return fmt.Sprintf("https://example.com/p/%d", n)
	case "uuid":
		return fmt.Sprintf("0190a6e2-0000-7000-8000-0000000000%02d", n)
	case "email":
		return fmt.Sprintf("someone+%d@example.com", n)
	case "hostname":
		return fmt.Sprintf("h%d.example.com", n)
	}
	panic("format " + format)
}

// lookahead patterns cannot be parsed here; these strings match them.
var lookahead = map[string][]string{
	`^P(?!$)(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?$`: {"P1D", "P1Y2M", "PT36H", "P3DT1H30M"},
}

// matching makes a string that a pattern matches.
func (c *corpus) matching(pattern string) string {
	if known := lookahead[pattern]; known != nil {
		return known[c.rng.IntN(len(known))]
	}
	re := c.patterns[pattern]
	if re == nil {
		var err error
		if re, err = syntax.Parse(pattern, syntax.Perl); err != nil {
			panic(err)
		}
		c.patterns[pattern] = re
	}
	var b strings.Builder
	c.write(&b, re)
	if strings.Contains(pattern, "https://") {
		b.WriteString("example.com/a")
	}
	return b.String()
}

func (c *corpus) write(b *strings.Builder, re *syntax.Regexp) {
	repeat := func(low, high int) {
		for range low + c.rng.IntN(high-low+1) {
			c.write(b, re.Sub[0])
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		i := c.rng.IntN(len(re.Rune)/2) * 2
		b.WriteRune(re.Rune[i] + rune(c.rng.IntN(int(re.Rune[i+1]-re.Rune[i])+1)))
	case syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		b.WriteByte('x')
	case syntax.OpCapture:
		c.write(b, re.Sub[0])
	case syntax.OpStar:
		repeat(0, 3)
	case syntax.OpPlus:
		repeat(1, 3)
	case syntax.OpQuest:
		repeat(0, 1)
	case syntax.OpRepeat:
		high := re.Max
		if high < 0 || high > re.Min+4 {
			high = re.Min + 4
		}
		repeat(re.Min, high)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			c.write(b, sub)
		}
	case syntax.OpAlternate:
		c.write(b, re.Sub[c.rng.IntN(len(re.Sub))])
	}
}

// number makes a number between the limits, in one of JSON's notations.
func (c *corpus) number(all []site, whole bool) (any, bool) {
	low, high := big.NewRat(-1000, 1), big.NewRat(1_000_000, 1)
	var openLow, openHigh, limited bool
	for _, s := range all {
		for keyword, at := range map[string]**big.Rat{"minimum": &low, "exclusiveMinimum": &low, "maximum": &high, "exclusiveMaximum": &high} {
			n, ok := s.s[keyword].(json.Number)
			if !ok {
				continue
			}
			r, _ := new(big.Rat).SetString(n.String())
			*at = r
			openLow = openLow || keyword == "exclusiveMinimum"
			openHigh = openHigh || keyword == "exclusiveMaximum"
			limited = limited || strings.HasSuffix(strings.ToLower(keyword), "maximum")
		}
	}
	if high.Cmp(low) < 0 {
		high = new(big.Rat).Add(low, big.NewRat(1_000_000, 1))
	}
	edge := c.rng.IntN(8)
	switch {
	case edge == 0 && !openLow:
		return json.Number(decimal(low, whole)), true
	case edge == 1 && !openHigh && limited:
		return json.Number(decimal(high, whole)), true
	case edge == 2 && !limited && low.Cmp(big.NewRat(123450, 1)) < 0:
		if whole {
			return json.Number("9007199254740993"), true // beyond what a float holds
		}
		return json.Number([]string{"1.2345e5", "123450.000", "9007199254740993.01"}[c.rng.IntN(3)]), true
	}
	span := new(big.Rat).Sub(high, low)
	v := new(big.Rat).Mul(span, big.NewRat(int64(c.rng.IntN(999)+1), 1000))
	v.Add(v, low)
	if whole {
		q := new(big.Int).Quo(v.Num(), v.Denom())
		if v.SetInt(q); v.Cmp(low) <= 0 {
			v.Add(low, big.NewRat(1, 1))
			if v.Cmp(high) > 0 {
				v.Set(low)
			}
		}
	}
	return json.Number(decimal(v, whole)), true
}

func decimal(r *big.Rat, whole bool) string {
	if whole || r.IsInt() {
		return new(big.Int).Quo(r.Num(), r.Denom()).String()
	}
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

// anotherValue is the mutation that puts one of an enum's values for another.
const anotherValue = "another value"

// breakings lists what would make v invalid at its place.
func (c *corpus) breakings(all []site, path []any, v any) {
	add := func(s site, rule string, value any) {
		c.mutations = append(c.mutations, mutation{path: path, rule: rule, at: s.at, value: value})
	}
	for _, s := range all {
		for _, name := range list(s.s["required"]) {
			at := append(append([]any{}, path...), name)
			c.mutations = append(c.mutations, mutation{path: at, rule: "required", at: s.at + "/" + name.(string), drop: true})
		}
		if s.s["type"] != nil {
			wrong := any("wrong")
			if _, ok := v.(string); ok {
				wrong = json.Number("12")
			}
			add(s, "type", wrong)
			if n, ok := v.(json.Number); ok {
				add(s, "type", n.String()) // a number in quotes is no number
				if s.s["type"] == "integer" {
					add(s, "type", json.Number("1.5"))
				}
			}
		}
		if s.s["enum"] != nil || s.s["const"] != nil {
			add(s, "enum", "no_such_value")
		}
		for _, other := range list(s.s["enum"]) {
			if at := s.at + "=" + fmt.Sprint(other); c.kept[at] == 0 {
				c.mutations = append(c.mutations, mutation{path: path, rule: anotherValue, at: at, value: other})
			}
		}
		if s.s["pattern"] != nil {
			add(s, "pattern", "\u00e9\u0001 \u00e9")
		}
		if s.s["format"] != nil {
			add(s, "format", "not a "+fmt.Sprint(s.s["format"]))
		}
		for _, keyword := range []string{"minimum", "exclusiveMinimum"} {
			if n, ok := s.s[keyword].(json.Number); ok {
				r, _ := new(big.Rat).SetString(n.String())
				add(s, "range", json.Number(decimal(r.Sub(r, big.NewRat(1, 1)), false)))
			}
		}
		for _, keyword := range []string{"maximum", "exclusiveMaximum"} {
			if n, ok := s.s[keyword].(json.Number); ok {
				r, _ := new(big.Rat).SetString(n.String())
				add(s, "range", json.Number(decimal(r.Add(r, big.NewRat(1, 1)), false)))
			}
		}
		if n := limit(s, "maxLength", 0); n > 0 && n < 5000 {
			add(s, "length", strings.Repeat("a", n+1))
		}
		if limit(s, "minLength", 0) > 0 {
			add(s, "length", "")
		}
		if limit(s, "minItems", 0) > 0 {
			add(s, "items", []any{})
		}
	}
}

// mutated is a copy of v with one place changed; ok is false where the place is not there.
func mutated(v any, m mutation) (any, bool) {
	if len(m.path) == 0 {
		return m.value, !m.drop
	}
	rest := m
	rest.path = m.path[1:]
	switch key := m.path[0].(type) {
	case string:
		o, ok := v.(map[string]any)
		if _, there := o[key]; !ok || !there {
			return nil, false
		}
		out := map[string]any{}
		for name, member := range o {
			out[name] = member
		}
		if m.drop && len(m.path) == 1 {
			delete(out, key)
			return out, true
		}
		changed, ok := mutated(o[key], rest)
		out[key] = changed
		return out, ok
	case int:
		l, ok := v.([]any)
		if !ok || key >= len(l) {
			return nil, false
		}
		out := append([]any{}, l...)
		changed, ok := mutated(l[key], rest)
		out[key] = changed
		return out, ok
	}
	return nil, false
}
