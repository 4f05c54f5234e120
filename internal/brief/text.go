package brief

import (
	"regexp"
	"slices"
	"strings"
)

// textReader reads a brief in plain words with rules, no model. Each rule looks
// for one kind of thing, takes the words it understood so that no other rule
// reads them as something else, and records them as the field's source. What no
// rule reads stays in the notes, which are the whole text.
type textReader struct {
	text     string // the notes with lines joined that were only wrapped, byte for byte
	lower    string // the same with ASCII letters in lower case
	taken    []bool // by byte: already read as something
	year     int    // the only year the text names, or zero
	labels   []label
	prices   []unitPrice
	opts     Options
	b        Brief
	problems Errors
}

// maxMentions is how many numbers or days a brief in plain words may name. One
// with more is a table, in which no rule can tell the budget from the rest.
const maxMentions = 1000

// readText runs the rules in the order in which they claim words: dates, caps
// and ages before amounts, because all four are numbers; places before amounts,
// because they settle what "$" means.
func readText(text string, opts Options) (Brief, Errors) {
	flat := unwrap(text)
	r := &textReader{
		text: flat, lower: lowerASCII(flat), taken: make([]bool, len(text)), opts: opts,
		b: Brief{Notes: text, Sources: map[string]Quote{}},
	}
	r.title()
	r.flight()
	r.adLengths()
	r.frequencyCap()
	r.ages()
	r.places()
	r.money()
	r.rates()
	r.gender()
	r.interests()
	r.channels()
	r.measurement()
	r.objectives()
	r.brandSafety()
	r.named()
	slices.SortFunc(r.b.KPIs, func(a, b KPI) int { return strings.Compare(a.Metric, b.Metric) })
	return r.b, r.problems
}

func (r *textReader) fail(field, problem, fix string) {
	r.problems = append(r.problems, &Error{field, problem, fix})
}

// span is a stretch of the text, end exclusive.
type span struct{ start, end int }

func (r *textReader) words(s span) string { return r.text[s.start:s.end] }

// quote records where a field came from; the first words stay when a field is
// read from several places.
func (r *textReader) quote(field string, s span) {
	for s.start < s.end && strings.IndexByte(" \n\t", r.text[s.start]) >= 0 {
		s.start++
	}
	for s.end > s.start && strings.IndexByte(" \n\t", r.text[s.end-1]) >= 0 {
		s.end--
	}
	if _, there := r.b.Sources[field]; !there && s.end > s.start {
		r.b.Sources[field] = Quote{Words: r.b.Notes[s.start:s.end], Start: s.start, End: s.end}
	}
}

// quoteOne records where a field came from, and where one of its values did.
func (r *textReader) quoteOne(field, value string, s span) {
	r.quote(field, s)
	r.quote(field+"."+value, s)
}

func (r *textReader) take(s span) {
	for i := s.start; i < s.end; i++ {
		r.taken[i] = true
	}
}

func (r *textReader) free(s span) bool { return !slices.Contains(r.taken[s.start:s.end], true) }

// sentenceEnds are where one statement ends and the next begins.
var sentenceEnds = []string{"\n", ". ", "; ", "? ", "! "}

// before is the lower-case text of the same sentence in front of s, at most n bytes.
func (r *textReader) before(s span, n int) string {
	w := r.lower[max(0, s.start-n):s.start]
	for _, end := range sentenceEnds {
		if i := strings.LastIndex(w, end); i >= 0 {
			w = w[i+len(end):]
		}
	}
	return w
}

// after is the lower-case text of the same sentence behind s, at most n bytes.
func (r *textReader) after(s span, n int) string {
	w := r.lower[s.end:min(len(r.lower), s.end+n)]
	for _, end := range sentenceEnds {
		if i := strings.Index(w, end); i >= 0 {
			w = w[:i]
		}
	}
	return w
}

// line is the line that position at lies in.
func (r *textReader) line(at int) span {
	s := span{strings.LastIndexByte(r.text[:at], '\n') + 1, len(r.text)}
	if i := strings.IndexByte(r.text[at:], '\n'); i >= 0 {
		s.end = at + i
	}
	return s
}

// listItems splits a stretch at commas, semicolons, slashes and "and".
func (r *textReader) listItems(s span) []span {
	var out []span
	at := s.start
	for _, sep := range listWords.FindAllStringIndex(r.text[s.start:s.end], 100) {
		out = append(out, trimmed(r.text, at, s.start+sep[0]))
		at = s.start + sep[1]
	}
	return append(out, trimmed(r.text, at, s.end))
}

var structured = regexp.MustCompile(`^[ \t]*(?:$|[-*•#>|]|\d+[.)]\s|[A-Za-z][A-Za-z /&-]{0,30}[*_]*[ \t]*:)`)

// unwrap makes blanks of the line ends that only keep lines short, so that a
// sentence over two lines is one. Paragraphs, lists, labels and short lines
// that are not followed by a small letter stay.
func unwrap(text string) string {
	b := []byte(text)
	start := 0
	for i, c := range b {
		if c != '\n' {
			continue
		}
		rest := text[i+1:]
		next, _, _ := strings.Cut(rest, "\n")
		continued := next != "" && next[0] >= 'a' && next[0] <= 'z' && i > start
		if (i-start >= 60 || continued) && !structured.MatchString(next) {
			b[i] = ' '
		}
		start = i + 1
	}
	return string(b)
}

// lowerASCII keeps offsets, which a full change of case would not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

var numberWords = map[string]int{
	"a": 1, "an": 1, "one": 1, "once": 1, "two": 2, "twice": 2, "three": 3, "four": 4, "five": 5, "six": 6,
	"seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}

// smallNumber reads up to four digits or a word up to twelve.
func smallNumber(word string) (int, bool) {
	if n, ok := numberWords[strings.ToLower(word)]; ok {
		return n, true
	}
	n := 0
	for _, c := range []byte(word) {
		if c < '0' || c > '9' || n > 1000 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, word != ""
}
