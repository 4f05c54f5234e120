package brief

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// label is a line such as "Budget: 40,000 EUR".
type label struct {
	key   string // lower case
	value span
}

var labelLine = regexp.MustCompile(`(?m)^[ \t>*•#–-]*([A-Za-z][A-Za-z /&-]{0,30}?)[*_]*[ \t]*:[*_]*[ \t]*(\S.*)$`)

// labelled finds the values of lines with one of these labels.
func (r *textReader) labelled(keys ...string) []span {
	var out []span
	for _, l := range r.labels {
		if slices.Contains(keys, l.key) {
			out = append(out, l.value)
		}
	}
	return out
}

// capitalised is a run of words that begin with capitals, as names do.
const capitalised = `\p{Lu}[\p{L}\p{N}'’&-]*(?:[ ](?:(?:&|of|de|da|do|del|di|van|von)[ ])?\p{Lu}[\p{L}\p{N}'’&-]*){0,4}`

// advertiserForms say who advertises, the surest first.
var advertiserForms = []*regexp.Regexp{
	regexp.MustCompile(`\b(?:[Oo]ur|[Tt]he|[Aa]) client(?: is|,)? (` + capitalised + `)`),
	regexp.MustCompile(`\b[Oo]n behalf of (` + capitalised + `)`),
	regexp.MustCompile(`\b(?:[Ww]e are|[Tt]his is|[Ww]e're|[Ww]e at|[Hh]ere is) (` + capitalised + `)`),
	regexp.MustCompile(`(?m)(?:^|[.!?] )(` + capitalised + `)(?: (?:is|are|has|wants?|needs?|would|plans?|launches|seeks|will|opens|introduces|relaunches|brings|sells|makes|promotes|advertises|asks)\b|, (?:an?|the|which|who|our|maker|your)\b)`),
	regexp.MustCompile(`\b(?:campaign|brief|plan|launch|proposal|burst|flight|push|ads|advertising|media|promotion)\b[^.\n]{0,30}? for (` + capitalised + `)`),
	regexp.MustCompile(`\A[^.\n]*\b[Ff]or (?:the )?(` + capitalised + `)`),
	regexp.MustCompile(`\A[^.\n]*\bby (` + capitalised + `)`),
	regexp.MustCompile(`\b(?:[Ll]aunch(?:ing)?|[Ii]ntroduc(?:e|ing)|[Pp]romot(?:e|ing))(?: of)? (?:the |our )?(?:new )?(` + capitalised + `)`),
}

// notNames are words that begin sentences of a brief with a capital.
var notNames = strings.Fields(`We Our The This That It Please Hi Hello Dear Campaign Launch A An In From Budget I Need Looking
	Plan Brief Media Target Audience Run There Adults Women Men Goal Objective Objectives Flight Dates Channels KPI KPIs Total
	Creative For No All People Everyone Spend Use Reach Drive Build Young Small Families Parents Households Shoppers Drivers
	Summer Spring Autumn Winter Christmas Easter Monday Tuesday Wednesday Thursday Friday Saturday Sunday TV CTV OOH DOOH B2B
	Q1 Q2 Q3 Q4 H1 H2 CPM USD EUR GBP JPY BRL AUD CAD DMA DMAs Results Success Measurement Nothing Each Both Two Three Six One
	They He She You If When Where What Who As At By On To Of And Or But With Connected Streaming Digital Online`)

// title reads the labels, the advertiser and the name.
func (r *textReader) title() {
	for _, at := range labelLine.FindAllStringSubmatchIndex(r.text, 200) {
		r.labels = append(r.labels, label{strings.TrimSpace(r.lower[at[2]:at[3]]), span{at[4], at[5]}})
	}
	for _, s := range r.labelled("advertiser", "client", "brand", "company") {
		r.b.Advertiser = oneLine(strings.Trim(r.words(s), " *_."))
		r.quote("advertiser", s)
		r.take(s)
		break
	}
	if r.b.Advertiser == "" {
		r.findAdvertiser()
	}
	for _, s := range r.labelled("name", "campaign", "campaign name", "title", "project", "subject", "brief", "campaign brief", "media brief") {
		if r.b.Name == "" && utf8.RuneCountInString(r.words(s)) <= 120 {
			r.b.Name = oneLine(strings.Trim(r.words(s), " *_."))
			r.quote("name", s)
		}
	}
	first := r.line(0)
	heading := strings.Trim(strings.TrimSpace(r.words(first)), "#*_= ")
	if r.b.Name == "" && first.end < len(r.text) && utf8.RuneCountInString(heading) <= 80 && heading != "" &&
		!strings.HasSuffix(heading, ".") && !strings.HasSuffix(heading, ",") && !r.fieldLabel() {
		r.b.Name = oneLine(heading)
		r.quote("name", first)
	}
}

// fieldLabels are the labels that name a field of the brief, so that a first
// line with one is no title.
var fieldLabels = strings.Fields(`advertiser client brand company objective objectives goal goals aim aims budget currency dates date
	flight timing period start end geo geography market markets country countries region regions location locations where audience
	target age ages gender interests kpi kpis channels channel media frequency notes background total when who what`)

// fieldLabel reports whether the text begins with a line that labels a field.
func (r *textReader) fieldLabel() bool {
	if len(r.labels) == 0 || r.line(0).end != r.labels[0].value.end {
		return false
	}
	first, _, _ := strings.Cut(r.labels[0].key, " ")
	return slices.Contains(fieldLabels, first)
}

func (r *textReader) findAdvertiser() {
	const reading = 4000 // an advertiser is named near the top
	top := r.text[:min(len(r.text), reading)]
	for i, form := range advertiserForms {
		for _, at := range form.FindAllStringSubmatchIndex(top, 20) {
			s := span{at[2], at[3]}
			if name := r.words(s); plausibleName(name, i < 3) {
				// "the Brightwater's" is Brightwater.
				s.end -= len(name) - len(trimPossessive(name))
				r.b.Advertiser = r.words(s)
				r.quote("advertiser", s)
				r.takeAll(r.b.Advertiser)
				return
			}
		}
	}
}

// oneLine has single blanks between words.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func trimPossessive(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "'s"), "’s")
}

// takeAll takes every mention of the advertiser, so that a place or a channel in
// its name is not read as one.
func (r *textReader) takeAll(words string) {
	for from := 0; ; {
		i := strings.Index(r.text[from:], words)
		if i < 0 {
			return
		}
		r.take(span{from + i, from + i + len(words)})
		from += i + len(words)
	}
}

// plausibleName keeps words that begin sentences, months, goals, places and
// channels from being read as an advertiser. After words such as "on behalf of"
// a name may begin with any word.
func plausibleName(name string, introduced bool) bool {
	first, _, _ := strings.Cut(name, " ")
	if utf8.RuneCountInString(name) < 2 || slices.Contains(notNames, name) || slices.Contains(notNames, first) && !introduced ||
		monthOf(first) != 0 && falseName(first) {
		return false
	}
	if goals := findGoals(lowerASCII(name)); len(goals) == 1 && goals[0].end-goals[0].start == len(name) {
		return false
	}
	if _, place := places().lookUp(name); place {
		return false
	}
	_, channel := channelsFor(name)
	return !channel
}

// falseName reports whether a word is a month's name in full or in three letters.
func falseName(word string) bool {
	m := monthOf(word).String()
	return strings.EqualFold(word, m) || strings.EqualFold(word, m[:3])
}

// named gives a brief without a title a name: advertiser and goal, or the
// beginning of its first sentence.
func (r *textReader) named() {
	if r.b.Name != "" {
		return
	}
	if r.b.Advertiser != "" && len(r.b.Objectives) > 0 {
		r.b.Name = r.b.Advertiser + " " + strings.ReplaceAll(r.b.Objectives[0], "_", " ")
		r.b.Sources["name"] = r.b.Sources["advertiser"]
		return
	}
	s := r.line(0)
	if hello := greeting.FindString(r.words(s)); len(hello) < s.end-s.start {
		s.start += len(hello)
	}
	if i := strings.Index(r.words(s), ". "); i > 0 {
		s.end = s.start + i
	}
	whole := s.end
	if cut := runeOffset(r.words(s), 80); cut < s.end-s.start {
		s.end = s.start + cut
		if blank := strings.LastIndexFunc(r.words(s), unicode.IsSpace); blank > 0 {
			s.end = s.start + blank
		}
	}
	r.b.Name = strings.TrimRight(oneLine(r.words(s)), ".,:;")
	if s.end < whole {
		r.b.Name += "…"
	}
	r.quote("name", s)
}

// runeOffset is where the first n characters of s end.
func runeOffset(s string, n int) int {
	for at := range s {
		if n == 0 {
			return at
		}
		n--
	}
	return len(s)
}

var greeting = regexp.MustCompile(`^(?:(?:Hi|Hello|Dear|Hey)\b[^,.!\n]{0,40}[,.!]\s*)`)
