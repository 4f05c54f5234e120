package brief

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var audienceFields = []string{"age", "gender", "geo", "metros", "interests"}

func (r *typedReader) audience(n *node) {
	v := n.get("target_audience")
	if v == nil {
		return
	}
	if v.kind != kindMap {
		r.fail("target_audience", "is "+v.kind.String(), "write a mapping with "+strings.Join(audienceFields, ", "))
		return
	}
	r.known(v, "target_audience", audienceFields)
	a := &r.b.Audience
	if age := v.get("age"); age != nil {
		a.Ages = r.ages(age)
	}
	if gender := v.get("gender"); gender != nil {
		a.Gender = r.gender(gender)
	}
	a.Geo = r.placesIn(v, "geo", places().lookUp, func(word string) (string, string) {
		problem := fmt.Sprintf("%q is not a country or region", shorten(word))
		if near := places().nearest(word); near != "" && len(word) > 3 {
			return problem, "did you mean " + near + "?"
		}
		return problem, "write ISO 3166 codes, such as US, DE or US-CA"
	})
	a.Metros = r.placesIn(v, "metros", places().lookUpMetro, func(word string) (string, string) {
		return fmt.Sprintf("%q is not a known metro area", shorten(word)), "write a Nielsen market code, such as nielsen_dma:501 for New York"
	})
	a.Interests = r.lines(v, "target_audience", "interests")
}

func (r *typedReader) placesIn(n *node, key string, lookUp func(string) (string, bool), refuse func(string) (problem, fix string)) []string {
	v := n.get(key)
	if v == nil {
		return nil
	}
	field := join("target_audience", key)
	var out, words []string
	items, paths := v.items(field)
	for i, item := range items {
		if !item.scalar() {
			r.fail(paths[i], "is "+item.kind.String(), "write one place")
			continue
		}
		parts := []string{item.text}
		if _, whole := lookUp(item.text); !whole {
			parts = strings.Split(item.text, ",")
		}
		for _, part := range parts {
			code, ok := lookUp(part)
			if !ok {
				problem, fix := refuse(strings.TrimSpace(part))
				r.fail(paths[i], problem, fix)
				continue
			}
			out = appendNew(out, code)
		}
		words = append(words, item.text)
	}
	r.source(field, strings.Join(words, ", "), field)
	return out
}

const ageFix = `write a range, such as "25-54" or "18+"`

func (r *typedReader) ages(n *node) []AgeRange {
	const field = "target_audience.age"
	if n.kind == kindMap {
		r.known(n, field, []string{"min", "max"})
		age, ok := AgeRange{}, true
		text := ""
		for _, e := range n.keys {
			years, err := strconv.Atoi(e.value.text)
			ok = ok && err == nil
			if e.key == "min" {
				age.Min = years
			} else {
				age.Max = years
			}
			text = strings.TrimSpace(text + " " + e.key + " " + e.value.text)
		}
		r.source(field, text, field)
		if !ok {
			r.fail(field, "is not a range of years", ageFix)
			return nil
		}
		return r.checkAges(field, []AgeRange{age})
	}
	items, paths := n.items(field)
	// Two numbers in a list are the two ends of one range.
	if len(items) == 2 && items[0].kind == kindNumber && items[1].kind == kindNumber {
		low, err1 := strconv.Atoi(items[0].text)
		high, err2 := strconv.Atoi(items[1].text)
		r.source(field, items[0].text+", "+items[1].text, field)
		if err1 == nil && err2 == nil {
			return r.checkAges(field, []AgeRange{{low, high}})
		}
	}
	var out []AgeRange
	var words []string
	for i, item := range items {
		words = append(words, item.text)
		for part := range strings.SplitSeq(item.text, ",") {
			age, limited, ok := readAge(part)
			if !ok || item.kind != kindString {
				r.fail(paths[i], fmt.Sprintf("%q is not a range of ages", shorten(item.text)), ageFix)
				break
			}
			if limited {
				out = append(out, age)
			}
		}
	}
	r.source(field, strings.Join(words, ", "), field)
	return r.checkAges(field, out)
}

func (r *typedReader) checkAges(field string, ages []AgeRange) []AgeRange {
	for _, a := range ages {
		if a.Min < 0 || a.Min > 120 || a.Max < 0 || a.Max > 120 || a.Max != 0 && a.Max < a.Min || a == (AgeRange{}) {
			r.fail(field, fmt.Sprintf("%s is not a range of ages", a), ageFix)
			return nil
		}
	}
	return mergeAges(ages)
}

var (
	ageBetween = regexp.MustCompile(`^(?:ages?|aged|adults|between|p|a)?\s*(\d{1,3})\s*(?:-|–|—|to|and|\.\.)\s*(\d{1,3})(?:\s*(?:years?( old)?|yrs?))?$`)
	ageFrom    = regexp.MustCompile(`^(?:ages?|aged|adults|p|a)?\s*(\d{1,3})\s*(?:\+|plus|and over|and older|and up|or over|or older|years and older|-\s*$)$`)
	ageOver    = regexp.MustCompile(`^(?:over|above)\s*(\d{1,3})s?$`)
	ageUnder   = regexp.MustCompile(`^(?:under|below)\s*(\d{1,3})s?$`)
	ageAny     = regexp.MustCompile(`^(?:all|any|everyone|all ages)$`)
)

// readAge reads "25-54", "18+", "over 50" or "under 35"; limited is false for "all".
func readAge(s string) (age AgeRange, limited, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	number := func(digits string) int { n, _ := strconv.Atoi(digits); return n }
	if m := ageBetween.FindStringSubmatch(s); m != nil {
		return AgeRange{number(m[1]), number(m[2])}, true, true
	}
	if m := ageFrom.FindStringSubmatch(s); m != nil {
		return AgeRange{Min: number(m[1])}, true, true
	}
	if m := ageOver.FindStringSubmatch(s); m != nil {
		return AgeRange{Min: number(m[1])}, true, true
	}
	if m := ageUnder.FindStringSubmatch(s); m != nil && number(m[1]) > 0 {
		return AgeRange{Max: number(m[1]) - 1}, true, true
	}
	return AgeRange{}, false, ageAny.MatchString(s)
}

// mergeAges sorts ranges and joins those that touch: 18-24 and 25-34 are 18-34.
func mergeAges(ages []AgeRange) []AgeRange {
	slices.SortFunc(ages, func(a, b AgeRange) int { return a.Min - b.Min })
	var out []AgeRange
	for _, a := range ages {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].Max != 0 && a.Min > out[last].Max+1:
			out = append(out, a)
		case a.Max == 0:
			out[last].Max = 0
		case out[last].Max != 0:
			out[last].Max = max(out[last].Max, a.Max)
		}
	}
	return out
}

var genders = map[string]string{
	"female": "female", "females": "female", "woman": "female", "women": "female", "f": "female", "w": "female",
	"male": "male", "males": "male", "man": "male", "men": "male", "m": "male",
	"nonbinary": "nonbinary", "non-binary": "nonbinary",
	"all": "all", "any": "all", "both": "all", "everyone": "all", "all genders": "all", "men and women": "all", "women and men": "all",
}

func (r *typedReader) gender(n *node) string {
	const field, fix = "target_audience.gender", "write female, male, nonbinary or all"
	items, paths := n.items(field)
	var found, words []string
	for i, item := range items {
		g, ok := genders[strings.ToLower(strings.TrimSpace(item.text))]
		if !ok || item.kind != kindString {
			r.fail(paths[i], fmt.Sprintf("%q is not a gender that can be addressed", shorten(item.text)), fix)
			continue
		}
		found, words = appendNew(found, g), append(words, item.text)
	}
	r.source(field, strings.Join(words, ", "), field)
	switch {
	case len(found) == 0:
		return ""
	case len(found) == 1:
		return found[0]
	case slices.Contains(found, "all") || slices.Contains(found, "female") && slices.Contains(found, "male"):
		return "all"
	}
	r.fail(field, fmt.Sprintf("%q leaves out a part that cannot be left out", strings.Join(words, ", ")), fix)
	return ""
}
