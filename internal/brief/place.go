package brief

import (
	"embed"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed gazetteer/*.txt
var gazetteerFiles embed.FS

// gazetteer knows places by code and by name. Names are folded with [fold].
type gazetteer struct {
	countries    map[string]string // code → first name
	names        map[string]string // folded name → ISO 3166-1 or 3166-2 code
	metros       map[string]string // folded name → "system:code"
	metroNames   map[string]string // "system:code" → first name
	subdivisions map[string]bool   // known ISO 3166-2 codes
	complete     map[string]bool   // countries whose subdivisions are all listed
}

var places = sync.OnceValue(readGazetteer)

func readGazetteer() *gazetteer {
	g := &gazetteer{
		countries: map[string]string{}, names: map[string]string{}, metros: map[string]string{},
		metroNames: map[string]string{}, subdivisions: map[string]bool{},
		complete: map[string]bool{"US": true, "CA": true, "DE": true, "JP": true, "BR": true, "AU": true},
	}
	eachPlace("gazetteer/countries.txt", func(code string, names []string) {
		g.countries[code] = names[0]
		for _, n := range names {
			g.names[fold(n)] = code
		}
	})
	eachPlace("gazetteer/subdivisions.txt", func(code string, names []string) {
		g.subdivisions[code] = true
		for _, n := range names {
			// A country keeps its name: Georgia is one, and a state.
			if _, taken := g.names[fold(n)]; !taken {
				g.names[fold(n)] = code
			}
		}
	})
	eachPlace("gazetteer/metros.txt", func(code string, names []string) {
		g.metroNames[code] = names[0]
		for _, n := range names {
			g.metros[fold(n)] = code
		}
	})
	return g
}

// firstWords are the first words of all names, for a quick look at a text.
var firstWords = sync.OnceValue(func() map[string]bool {
	first := map[string]bool{}
	for name := range places().names {
		first[firstWord(name)] = true
	}
	for name := range places().metros {
		first[firstWord(name)] = true
	}
	return first
})

func eachPlace(file string, each func(code string, names []string)) {
	content, err := gazetteerFiles.ReadFile(file)
	if err != nil {
		panic("brief: " + err.Error()) // embedded when built, so it cannot be missing
	}
	for line := range strings.Lines(string(content)) {
		if code, names, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			each(code, strings.Split(names, "|"))
		}
	}
}

// plain takes the marks off the letters that names of places are often written without.
var plain = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ã", "a", "å", "a", "ä", "a", "é", "e", "è", "e", "ê", "e",
	"í", "i", "î", "i", "ó", "o", "ô", "o", "õ", "o", "ö", "o", "ú", "u", "ü", "u", "ç", "c", "ñ", "n", "ō", "o", "ū", "u",
	"’", "'", ".", "", "‐", "-", "–", "-")

// fold makes spellings of one name equal: case, accents, dots and blanks.
func fold(s string) string {
	s = plain.Replace(strings.ToLower(oneLine(s)))
	return strings.TrimPrefix(s, "the ")
}

var (
	countryForm     = regexp.MustCompile(`^[A-Z]{2}$`)
	subdivisionForm = regexp.MustCompile(`^([A-Z]{2})-([A-Z0-9]{1,3})$`)
	metroForm       = regexp.MustCompile(`^(?:(?:nielsen_dma:|DMA[ -]?|US-DMA-))?([5-8][0-9]{2})$`)
)

// lookUp finds the ISO code of a place written as a code or as an English name.
func (g *gazetteer) lookUp(place string) (string, bool) {
	code := strings.ToUpper(strings.TrimSpace(place))
	if code == "UK" {
		code = "GB"
	}
	if strings.HasPrefix(code, "UK-") {
		code = "GB-" + code[3:]
	}
	if countryForm.MatchString(code) {
		_, known := g.countries[code]
		return code, known
	}
	if m := subdivisionForm.FindStringSubmatch(code); m != nil {
		if _, known := g.countries[m[1]]; !known || g.complete[m[1]] && !g.subdivisions[code] {
			return "", false
		}
		return code, true
	}
	found, ok := g.names[fold(place)]
	return found, ok
}

// lookUpMetro finds a metro area by code ("501", "nielsen_dma:501") or by name.
func (g *gazetteer) lookUpMetro(place string) (string, bool) {
	place = strings.TrimSpace(place)
	if _, known := g.metroNames[place]; known {
		return place, true
	}
	if m := metroForm.FindStringSubmatch(place); m != nil {
		return "nielsen_dma:" + m[1], true
	}
	name := strings.TrimSuffix(fold(place), " dma")
	code, ok := g.metros[name]
	return code, ok
}

// nearest is the country name closest to what was written, for the message
// that refuses it; empty when none is close.
func (g *gazetteer) nearest(place string) string {
	names := make([]string, 0, len(g.countries))
	for _, name := range g.countries {
		names = append(names, name)
	}
	slices.Sort(names)
	return nearest(place, names)
}

// metroCountries are the countries of metro areas named "system:code".
func metroCountries(metros []string) []string {
	var out []string
	for _, m := range metros {
		switch system, _, _ := strings.Cut(m, ":"); system {
		case "nielsen_dma":
			out = append(out, "US")
		case "uk_itl1":
			out = append(out, "GB")
		}
	}
	return out
}
