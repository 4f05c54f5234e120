package brief

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// flightCandidate is one way to read the flight from the text.
type flightCandidate struct {
	from, to dayToken
	score    int
}

var (
	connector   = regexp.MustCompile(`^\s*(?:,?\s*(?:to|until|till|through|thru|up to|ending(?: on)?|and ends?(?: on)?|and ending(?: on)?|and runs?(?:ning)? (?:to|until|through)|-|–|—|→|->)|and)\s*(?:and including\s+)?(?:the\s+)?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?$`)
	startCue    = regexp.MustCompile(`(?:\bstart(?:s|ing)?(?: date)?|\bfrom|\bbegin(?:s|ning)?|\blaunch(?:es|ing)?|\blive|\bas of|\bcommenc(?:es|ing)|\bkick(?:s|ing)? off|\bopens?|\bsince)\s*:?\s*(?:(?:on|in|from)\s+)?(?:the\s+)?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?$`)
	endCue      = regexp.MustCompile(`(?:\bend(?:s|ing)?(?: date)?|\buntil|\btill|\bthrough|\bto|\bfinish(?:es|ing)?|\bclos(?:es|ing)|\bwraps? up|\blast day)\s*:?\s*(?:(?:on|in|is)\s+)?(?:the\s+)?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?$`)
	otherDay    = regexp.MustCompile(`(?:\bdue|\bdeadline|\bdeliver(?:ed|y)?|\bassets?|\bproposals?|\brespon(?:d|se|ses)|\bquestions|\breport(?:s|ing)?|\bsign-?off|\bapprov(?:al|ed|e)|\bbefore|\bbirthday|\bfounded|\bsince|\brace|\bconference|\bpremieres?|\bcompared)\b[^.:]{0,40}$`)
	flightWord  = regexp.MustCompile(`\b(?:flight|run|runs|running|dates?|live|campaign|on air|air|period|timing|schedule|burst)\b`)
	periodCue   = regexp.MustCompile(`(?:\bin|\bfor|\bduring|\bthroughout|\bover|\bacross|\bflight|\brun|\bruns|\bof|dates?:|timing:|period:|flight:)\s*(?:the\s+)?(?:whole\s+|full\s+)?(?:(?:month|whole) of\s+)?(?:all of\s+)?$`)
	durationRe  = regexp.MustCompile(`(?i)\b(\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[- ](?:full |calendar |consecutive |whole )?(day|week|fortnight|month|quarter)s?\b(?:[- ]long)?`)
	durationPre = regexp.MustCompile(`(?:\bfor|\blast(?:s|ing)?|\bover|\bruns?|\brunning|\bduration\s*:?|\bduring|\bperiod of|\bflight(?: of)?\s*:?|\bcampaign of|\bburst of|\blength\s*:?)\s*(?:the |a |about )?$`)
	durationEnd = regexp.MustCompile(`^[- ]*(?:long )?(?:flight|campaign|burst|run|period|push|window|sprint)\b|^,?\s*(?:from|starting|beginning|commencing|as of)\b`)
	notDuration = regexp.MustCompile(`^\s*(?:before|prior|ahead|in advance|of lead|old|notice|later)\b`)
	bareYear    = regexp.MustCompile(`\b20\d\d\b`)
)

// duration is a length of time as it stands in the text.
type duration struct {
	span
	n    int
	unit string
}

// last is the last day of a flight of this length that starts on first.
func (d duration) last(first Date) Date {
	switch d.unit {
	case "month":
		return first.AddMonths(d.n).AddDays(-1)
	case "quarter":
		return first.AddMonths(3 * d.n).AddDays(-1)
	}
	return first.AddDays(d.n*map[string]int{"day": 1, "week": 7, "fortnight": 14}[d.unit] - 1)
}

// flight finds the first and the last day of the campaign.
func (r *textReader) flight() {
	tokens := dayTokens(r.text, DateOf(r.opts.Now))
	if len(tokens) > maxMentions {
		r.fail("start_date", fmt.Sprintf("is one of %d days", len(tokens)), "write the brief without its tables")
		return
	}
	r.year = r.soleYear(tokens)
	lengths := r.durations()
	best := r.bestFlights(tokens, lengths)
	switch {
	case len(best) == 0:
		r.noFlight(tokens)
	case len(best) > 1:
		r.fail("start_date", fmt.Sprintf("has more than one reading: %q and %q", shorten(r.words(best[0].span())), shorten(r.words(best[1].span()))),
			"write the flight once, as 2027-03-01 to 2027-03-31")
	default:
		r.setFlight(best[0])
	}
	for _, t := range tokens {
		r.take(t.span)
	}
	for _, d := range lengths {
		r.take(d.span)
	}
}

func (c flightCandidate) span() span {
	return span{min(c.from.start, c.to.start), max(c.from.end, c.to.end)}
}

func (r *textReader) setFlight(c flightCandidate) {
	if problem := cmp.Or(c.from.problem, c.to.problem); problem != "" {
		r.fail("start_date", fmt.Sprintf("%q %s", shorten(r.words(c.span())), problem), "write days as YYYY-MM-DD")
		return
	}
	if c.from.noYear || c.to.noYear {
		r.fail("start_date", fmt.Sprintf("%q has no year", shorten(r.words(c.span()))), "write days with their year, as YYYY-MM-DD")
		return
	}
	r.b.Start, r.b.End = c.from.from, c.to.to
	from, to := c.from.span, c.to.span
	if c.to.length {
		to = c.span()
	}
	r.quote("start_date", from)
	r.quote("end_date", to)
}

// noFlight explains why no flight was found, where there is more to say than
// that the dates are missing; that is said by the check of required fields.
func (r *textReader) noFlight(tokens []dayToken) {
	for _, t := range tokens {
		if otherDay.MatchString(r.before(t.span, 60)) {
			continue
		}
		t = r.dated(t)
		switch {
		case t.problem != "":
			r.fail("start_date", fmt.Sprintf("%q %s", shorten(r.words(t.span)), t.problem), "write days as YYYY-MM-DD")
			return
		case t.noYear:
			r.fail("start_date", fmt.Sprintf("%q has no year", shorten(r.words(t.span))), "write days with their year, as YYYY-MM-DD")
			return
		case t.point && endCue.MatchString(r.before(t.span, 40)):
			r.b.End = t.to
			r.quote("end_date", t.span)
			return
		case t.point:
			r.b.Start = t.from
			r.quote("start_date", t.span)
			return
		}
	}
}

// soleYear is the year that the text names, where it names exactly one; else 0.
func (r *textReader) soleYear(tokens []dayToken) int {
	var years []int
	for _, t := range tokens {
		if !t.noYear {
			years = appendNew(years, t.from.Year, t.to.Year)
		}
	}
	for _, at := range bareYear.FindAllStringIndex(r.text, 50) {
		y, _ := strconv.Atoi(r.text[at[0]:at[1]])
		years = appendNew(years, y)
	}
	if len(years) != 1 {
		return 0
	}
	return years[0]
}

// dated gives a token without a year the one year that the text names.
func (r *textReader) dated(t dayToken) dayToken {
	if !t.noYear || r.year == 0 || t.problem != "" {
		return t
	}
	t.from.Year, t.to.Year, t.noYear = r.year, r.year, false
	if !t.from.exists() || !t.to.exists() {
		t.problem = "is not a day of the calendar"
	}
	return t
}

func (r *textReader) durations() []duration {
	var out []duration
	for _, at := range durationRe.FindAllStringSubmatchIndex(r.text, 200) {
		s := span{at[0], at[1]}
		n, ok := smallNumber(r.text[at[2]:at[3]])
		if !ok || n == 0 || n > 366 || notDuration.MatchString(r.after(s, 20)) {
			continue
		}
		if durationPre.MatchString(r.before(s, 40)) || durationEnd.MatchString(r.after(s, 30)) {
			out = append(out, duration{s, n, strings.ToLower(r.text[at[4]:at[5]])})
		}
	}
	return out
}

// bestFlights ranks every reading and returns the best ones that differ.
func (r *textReader) bestFlights(tokens []dayToken, lengths []duration) []flightCandidate {
	var found []flightCandidate
	add := func(from, to dayToken, score int) {
		from, to = r.dated(from), r.dated(to)
		if flightWord.MatchString(r.before(from.span, 60)) {
			score++
		}
		found = append(found, flightCandidate{from, to, score})
	}
	paired := make([]bool, len(tokens))
	for i := 0; i+1 < len(tokens); i++ {
		a, b := tokens[i], tokens[i+1]
		between := r.lower[a.end:b.start]
		if paired[i] || len(between) > 60 || a.explicit || b.explicit || !connector.MatchString(between) {
			continue
		}
		if strings.TrimSpace(between) == "and" && !strings.HasSuffix(strings.TrimRight(r.before(a.span, 30), " "), "between") {
			continue
		}
		a, b = shareYear(a, b)
		paired[i], paired[i+1] = true, true
		add(a, b, 6)
	}
	var starts, ends []dayToken
	for i, t := range tokens {
		before := r.before(t.span, 60)
		if paired[i] || otherDay.MatchString(before) {
			continue
		}
		switch {
		case !t.point && t.explicit:
			add(t, t, 6)
		case !t.point && periodCue.MatchString(before):
			add(t, t, 4)
		case !t.point:
			add(t, t, 2)
		}
		switch {
		case startCue.MatchString(before):
			starts = append(starts, t)
		case endCue.MatchString(before) && t.point:
			ends = append(ends, t)
		case t.point && len(tokens) == 1:
			starts = append(starts, t)
		}
	}
	if len(starts) == 1 && len(ends) == 1 {
		a, b := shareYear(starts[0], ends[0])
		add(a, b, 6)
	}
	if first, ok := firstOf(starts, lengths); ok && len(lengths) == 1 {
		d := lengths[0]
		first = r.dated(first)
		last := dayToken{span: d.span, to: d.last(first.from), length: true, noYear: first.noYear, problem: first.problem}
		add(first, last, 6)
	}
	return foremost(found)
}

// firstOf is the day a flight of a given length starts on: the one that is cued
// as a start, or the only day of the text. A month can start a flight of months.
func firstOf(starts []dayToken, lengths []duration) (dayToken, bool) {
	if len(starts) != 1 || len(lengths) != 1 {
		return dayToken{}, false
	}
	t := starts[0]
	return t, t.point || lengths[0].unit == "month" || lengths[0].unit == "quarter"
}

// shareYear gives the end of a range without a year the year of the other end,
// across new year where the months run backwards.
func shareYear(a, b dayToken) (dayToken, dayToken) {
	switch {
	case a.noYear && !b.noYear:
		a.from.Year, a.to.Year, a.noYear = b.from.Year, b.from.Year, false
		if b.from.Before(a.from) && b.from.Month < a.from.Month {
			a.from.Year, a.to.Year = a.from.Year-1, a.to.Year-1
		}
	case b.noYear && !a.noYear:
		b.from.Year, b.to.Year, b.noYear = a.from.Year, a.from.Year, false
		if b.from.Month < a.from.Month {
			b.from.Year, b.to.Year = b.from.Year+1, b.to.Year+1
		}
	}
	for _, t := range []*dayToken{&a, &b} {
		if !t.noYear && t.problem == "" && (!t.from.exists() || !t.to.exists()) {
			t.problem = "is not a day of the calendar"
		}
	}
	return a, b
}

// foremost keeps the readings with the highest score, one of each flight.
func foremost(found []flightCandidate) []flightCandidate {
	slices.SortStableFunc(found, func(a, b flightCandidate) int { return b.score - a.score })
	var out []flightCandidate
	for _, c := range found {
		same := slices.ContainsFunc(out, func(o flightCandidate) bool { return o.from.from == c.from.from && o.to.to == c.to.to })
		if c.score == found[0].score && !same {
			out = append(out, c)
		}
	}
	return out
}
