package brief

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	placeWord    = regexp.MustCompile(`[\p{L}][\p{L}\p{M}'’.-]*`)
	isoRegion    = regexp.MustCompile(`\b[A-Z]{2}-[A-Z0-9]{1,3}\b`)
	notMarket    = regexp.MustCompile(`\b(?:except|excluding|exclude|outside|not in|but not|without|other than|made in|based in|headquartered in|imported from|brewed in|sourced from|founded in|offices? in|born in|team in)\s+(?:the )?(?:[a-z]+(?:,| and| or)\s+)*$`)
	inPlace      = regexp.MustCompile(`(?:\b(?:in|across|around|of|for|and|near|metro|greater|within)|,|:|/|\()\s*(?:the |greater )?$`)
	countryFirst = regexp.MustCompile(`^\s*(?:\(|:|,? states?(?: of|:)|—|–|-)\s*(?:the )?$`)
	countryLast  = regexp.MustCompile(`^(?:,|\s*\()\s*(?:the )?$`)
	byDMA        = regexp.MustCompile(`\b(?:by|per|each|at|every) dmas?\b|\bdma[- ]level\b`)
	anyDMA       = regexp.MustCompile(`\b(?:dmas?|metros?|metro areas?|designated market areas?)\b`)
	demonymLead  = regexp.MustCompile(`\b(German|French|Japanese|Brazilian|Australian|British|Canadian|American|Spanish|Italian|Mexican|Indian|Dutch|Irish)\s+(?:market|consumers|households|homes|adults|women|men|shoppers|viewers|listeners|commuters|drivers|gamers|parents|families|audiences?|buyers|cities|customers|mothers|travell?ers|runners|students|people)\b`)
)

var demonyms = map[string]string{
	"German": "DE", "French": "FR", "Japanese": "JP", "Brazilian": "BR", "Australian": "AU", "British": "GB", "Canadian": "CA",
	"American": "US", "Spanish": "ES", "Italian": "IT", "Mexican": "MX", "Indian": "IN", "Dutch": "NL", "Irish": "IE",
}

// codesInProse are the two-letter codes that are read outside of lists of
// places, where IN, IT, NO and others are words.
var codesInProse = []string{"US", "UK", "GB", "DE", "FR", "JP", "BR", "AU", "NZ"}

// place is a place as it stands in the text.
type place struct {
	span
	code  string
	metro bool
}

// places reads countries, regions and metro areas.
func (r *textReader) places() {
	var found []place
	for _, at := range isoRegion.FindAllStringIndex(r.text, 200) {
		code, ok := places().lookUp(r.text[at[0]:at[1]])
		if ok && places().subdivisions[code] && r.free(span{at[0], at[1]}) {
			found = append(found, place{span{at[0], at[1]}, code, false})
			r.take(span{at[0], at[1]})
		}
	}
	found = append(found, r.namedPlaces()...)
	slices.SortFunc(found, func(a, b place) int { return a.start - b.start })
	r.unknownPlaces(found)
	if len(found) == 0 {
		for _, at := range demonymLead.FindAllStringSubmatchIndex(r.text, 20) {
			found = append(found, place{span{at[2], at[3]}, demonyms[r.text[at[2]:at[3]]], false})
		}
	}
	found = r.georgia(withoutQualifiers(found, r.lower))
	for _, p := range found {
		if p.metro {
			r.b.Audience.Metros = appendNew(r.b.Audience.Metros, p.code)
			r.quoteOne("target_audience.metros", p.code, p.span)
			continue
		}
		r.b.Audience.Geo = appendNew(r.b.Audience.Geo, p.code)
		r.quoteOne("target_audience.geo", p.code, p.span)
	}
}

// placeLists are the values of lines that list markets.
func (r *textReader) placeLists() []span {
	return r.labelled("geo", "geos", "geography", "market", "markets", "country", "countries", "region", "regions", "location", "locations", "territory", "territories")
}

// unknownPlaces refuses what stands in a list of markets and is no place. In
// running text a word that is no place is just a word.
func (r *textReader) unknownPlaces(found []place) {
	for _, l := range r.placeLists() {
		for _, item := range r.listItems(l) {
			known := slices.ContainsFunc(found, func(p place) bool { return p.start < item.end && item.start < p.end })
			word := strings.Trim(r.words(item), " .")
			if known || word == "" || len(strings.Fields(word)) > 3 {
				continue
			}
			fix := "write ISO 3166 codes, such as US, DE or US-CA"
			if near := places().nearest(word); near != "" && len(word) > 3 {
				fix = "did you mean " + near + "?"
			}
			r.fail("target_audience.geo", fmt.Sprintf("%q is not a country or region", shorten(word)), fix)
		}
	}
}

func (r *textReader) namedPlaces() []place {
	lists := r.placeLists()
	inList := func(s span) bool {
		return slices.ContainsFunc(lists, func(l span) bool { return l.start <= s.start && s.end <= l.end })
	}
	words := placeWord.FindAllStringIndex(r.text, -1)
	var found []place
	for i := 0; i < len(words); i++ {
		first, _ := utf8.DecodeRuneInString(r.text[words[i][0]:])
		if !unicode.IsUpper(first) || r.taken[words[i][0]] || !beginsPlace(r.text[words[i][0]:words[i][1]]) {
			continue
		}
		longest := 6
		if !firstWords()[firstWord(r.text[words[i][0]:words[i][1]])] {
			longest = 1
		}
		for n := min(longest, len(words)-i); n > 0; n-- {
			s := span{words[i][0], words[i+n-1][1]}
			if s.end-s.start > 60 {
				continue
			}
			if p, ok := r.placeAt(s, inList(s)); ok {
				found = append(found, p)
				r.take(p.span)
				i += n - 1
				break
			}
		}
	}
	return found
}

// beginsPlace is a quick look whether any name of a place begins with a word.
func beginsPlace(word string) bool {
	_, ok := firstWords()[firstWord(word)]
	return ok || len(word) <= 3 || strings.Contains(word, "-")
}

func firstWord(name string) string {
	w, _, _ := strings.Cut(strings.ReplaceAll(fold(name), ",", " "), " ")
	return w
}

// placeAt reads a stretch as a place if it is one and the sentence means it as a market.
func (r *textReader) placeAt(s span, inList bool) (place, bool) {
	words := strings.TrimRight(r.words(s), ".’'")
	if !strings.HasSuffix(r.words(s), ".S.") && !strings.HasSuffix(r.words(s), ".K.") && !strings.HasSuffix(r.words(s), ".C.") {
		s.end = s.start + len(words)
	}
	words = trimPossessive(words)
	if code, rest, ok := strings.Cut(words, "-"); ok && slices.Contains(codesInProse, code) && strings.ToLower(rest) == rest {
		words, s.end = code, s.start+len(code)
	}
	code, isPlace := places().lookUp(words)
	metro, isMetro := places().lookUpMetro(words)
	isMetro = isMetro && !plainNumber(words)
	if !isPlace && !isMetro || notMarket.MatchString(r.before(s, 60)) {
		return place{}, false
	}
	sentence := r.before(s, 120) + r.lower[s.start:s.end] + r.after(s, 120)
	metroTalk := anyDMA.MatchString(byDMA.ReplaceAllString(sentence, ""))
	if isMetro && (metroTalk || !isPlace && inPlace.MatchString(r.before(s, 30))) {
		return place{s, metro, true}, true
	}
	short := utf8.RuneCountInString(words) <= 4
	switch {
	case !isPlace || len(code) > 2 && strings.EqualFold(code, words):
		return place{}, false // codes of regions are read by their form
	case len(words) == 2:
		return place{s, code, false}, words == strings.ToUpper(words) && (inList || slices.Contains(codesInProse, words))
	case short && len(code) > 2 && !inList && !slices.Contains([]string{"Ohio", "Utah", "Iowa"}, words):
		return place{}, false
	case len(strings.ReplaceAll(words, ".", "")) <= 3 && words != strings.ToUpper(words):
		return place{}, false
	}
	return place{s, code, false}, true
}

func plainNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// withoutQualifiers takes out countries that only say where a region is:
// "Texas, US" and "US (Texas, Ohio)" are Texas and Ohio.
func withoutQualifiers(found []place, text string) []place {
	drop := make([]bool, len(found))
	inside := func(region, country place) bool {
		return len(country.code) == 2 && !country.metro && (strings.HasPrefix(region.code, country.code+"-") ||
			region.metro && slices.Contains(metroCountries([]string{region.code}), country.code))
	}
	for i := 0; i+1 < len(found); i++ {
		between := text[found[i].end:found[i+1].start]
		if inside(found[i+1], found[i]) && countryFirst.MatchString(between) {
			drop[i] = true
		}
		if inside(found[i], found[i+1]) && countryLast.MatchString(between) {
			drop[i+1] = true
		}
	}
	var out []place
	for i, p := range found {
		if !drop[i] {
			out = append(out, p)
		}
	}
	return out
}

// georgia refuses to choose between the country and the state where no other
// place of the brief is in the United States.
func (r *textReader) georgia(found []place) []place {
	us := slices.ContainsFunc(found, func(p place) bool { return strings.HasPrefix(p.code, "US") || strings.HasPrefix(p.code, "nielsen") })
	for i, p := range found {
		if p.code != "GE" || r.words(p.span) != "Georgia" {
			continue
		}
		if !us {
			r.fail("target_audience.geo", `"Georgia" is a country and a state of the US`, "write GE or US-GA")
		}
		found[i].code = "US-GA"
	}
	return found
}
