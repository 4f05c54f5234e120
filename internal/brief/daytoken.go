package brief

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dayToken is a day or a period as it stands in a text.
type dayToken struct {
	span
	from, to Date
	point    bool   // one day rather than a period
	explicit bool   // a period written with both its ends, or as a quarter
	noYear   bool   // Year is zero in from and to
	length   bool   // an end that was counted from a length of time
	order    byte   // of a day with slashes: 'd' day first, 'm' month first, '?' either
	problem  string // why it cannot be read, empty when it can
}

const (
	monthPattern = `(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?`
	dayPattern   = `\d{1,2}(?:st|nd|rd|th)?\b`
	yearPattern  = `(?:,?\s+(\d{4})\b)?`
	toPattern    = `\s*(?:-|–|—|to|until|till|through|thru)\s*`
	weekday      = `(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?`
)

// dayForms are the ways to write days, the more particular ones first; each
// turns its match into a token.
var dayForms = []struct {
	re   *regexp.Regexp
	read func(m []string, now Date) dayToken
}{
	{regexp.MustCompile(`\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b`), func(m []string, _ Date) dayToken {
		return day(m[1], m[2], m[3])
	}},
	{regexp.MustCompile(`(?i)\b(` + dayPattern + `)(?:\s+of)?` + toPattern + weekday + `(?:the\s+)?(` + dayPattern + `)\s+(?:of\s+)?(` + monthPattern + `)` + yearPattern), func(m []string, _ Date) dayToken {
		return sameMonth(m[1], m[2], m[3], m[4])
	}},
	{regexp.MustCompile(`(?i)\b(` + monthPattern + `)\s+(` + dayPattern + `)` + toPattern + `(` + dayPattern + `)` + yearPattern), func(m []string, _ Date) dayToken {
		return sameMonth(m[2], m[3], m[1], m[4])
	}},
	{regexp.MustCompile(`(?i)\b(` + dayPattern + `)\s+(?:of\s+)?(` + monthPattern + `)` + yearPattern), func(m []string, _ Date) dayToken {
		return day(m[3], m[2], m[1])
	}},
	{regexp.MustCompile(`(?i)\b(` + monthPattern + `)\s+(?:the\s+)?(` + dayPattern + `)` + yearPattern), func(m []string, _ Date) dayToken {
		return day(m[3], m[1], m[2])
	}},
	{regexp.MustCompile(`\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b`), func(m []string, _ Date) dayToken {
		return day(m[3], m[2], m[1])
	}},
	{regexp.MustCompile(`\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b`), func(m []string, _ Date) dayToken {
		return slashed(m[1], m[2], m[3])
	}},
	{regexp.MustCompile(`(?i)\b(` + monthPattern + `)` + toPattern + `(` + monthPattern + `),?\s+(\d{4})\b`), func(m []string, _ Date) dayToken {
		from, to := months(m[1], m[3], 1), months(m[2], m[3], 1)
		if to.from.Before(from.from) {
			from.from.Year--
		}
		return dayToken{from: from.from, to: to.to, explicit: true, problem: from.problem + to.problem}
	}},
	{regexp.MustCompile(`(?i)\b(` + monthPattern + `),?\s+(\d{4})\b`), func(m []string, _ Date) dayToken {
		return months(m[1], m[2], 1)
	}},
	{regexp.MustCompile(`(?i)\bq([1-4])(?:` + toPattern + `q([1-4]))?,?\s+(?:of\s+)?(\d{4})\b`), func(m []string, _ Date) dayToken {
		return quarters(m[1], m[2], m[3])
	}},
	{regexp.MustCompile(`(?i)\b(?:the\s+)?(first|second|third|fourth|last)\s+quarter(?:\s+of)?\s+(\d{4})\b`), func(m []string, _ Date) dayToken {
		q := map[string]string{"first": "1", "second": "2", "third": "3", "fourth": "4", "last": "4"}[strings.ToLower(m[1])]
		return quarters(q, "", m[2])
	}},
	{regexp.MustCompile(`(?i)\bh([12])\s+(?:of\s+)?(\d{4})\b`), func(m []string, _ Date) dayToken {
		t := months(map[string]string{"1": "1", "2": "7"}[m[1]], m[2], 6)
		t.explicit = true
		return t
	}},
	{regexp.MustCompile(`(?i)\bnext\s+(week|month|quarter|year)\b`), func(m []string, now Date) dayToken {
		return next(strings.ToLower(m[1]), now)
	}},
	{regexp.MustCompile(`(?i)\b(today|tomorrow)\b`), func(m []string, now Date) dayToken {
		d := now
		if strings.EqualFold(m[1], "tomorrow") {
			d = now.AddDays(1)
		}
		return dayToken{from: d, to: d, point: true}
	}},
}

// dayTokens finds the days and periods of a text in order. now decides what
// "next month" is.
func dayTokens(text string, now Date) []dayToken {
	taken := make([]bool, len(text))
	var out []dayToken
	for _, form := range dayForms {
		for _, at := range form.re.FindAllStringSubmatchIndex(text, -1) {
			s := span{at[0], at[1]}
			if slices.Contains(taken[s.start:s.end], true) || falseMonth(text[s.start:s.end]) {
				continue
			}
			m := make([]string, len(at)/2)
			for i := range m {
				if at[2*i] >= 0 {
					m[i] = text[at[2*i]:at[2*i+1]]
				}
			}
			token := form.read(m, now)
			token.span = s
			out = append(out, token)
			for i := s.start; i < s.end; i++ {
				taken[i] = true
			}
		}
	}
	slices.SortFunc(out, func(a, b dayToken) int { return a.start - b.start })
	return inOneOrder(out)
}

// inOneOrder reads 12/03/2027 as the other days with slashes of the same text
// must be read: beside 25/03/2027 it is 12 March.
func inOneOrder(tokens []dayToken) []dayToken {
	has := func(order byte) bool {
		return slices.ContainsFunc(tokens, func(t dayToken) bool { return t.order == order })
	}
	if has('d') == has('m') {
		return tokens
	}
	for i := range tokens {
		t := &tokens[i]
		if t.order != '?' {
			continue
		}
		t.problem = ""
		if has('m') {
			t.from.Month, t.from.Day = time.Month(t.from.Day), int(t.from.Month)
			t.to = t.from
		}
	}
	return tokens
}

// falseMonth tells the verbs may and mar from the months: "15 may" is no day
// without a year.
func falseMonth(words string) bool { return verbs.MatchString(words) && !fourDigits.MatchString(words) }

var (
	verbs      = regexp.MustCompile(`\b(?:may|mar|march)\b`)
	fourDigits = regexp.MustCompile(`\d{4}`)
)

func ordinal(s string) int {
	n, _ := strconv.Atoi(strings.TrimRight(strings.ToLower(s), "stndrh"))
	return n
}

// monthOf reads a month's number or English name; 0 when it is none.
func monthOf(s string) time.Month {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Month(n)
	}
	s = strings.ToLower(s)
	for m := time.January; m <= time.December; m++ {
		if len(s) >= 3 && strings.HasPrefix(strings.ToLower(m.String()), s[:3]) {
			return m
		}
	}
	return 0
}

func day(year, month, dayOf string) dayToken {
	y, _ := strconv.Atoi(year)
	d := Date{y, monthOf(month), ordinal(dayOf)}
	t := dayToken{from: d, to: d, point: true, noYear: year == ""}
	check := d
	if t.noYear {
		check.Year = 2028 // a leap year, so that 29 February is judged with its year
	}
	if !check.exists() {
		t.problem = "is not a day of the calendar"
	}
	return t
}

func sameMonth(first, last, month, year string) dayToken {
	a, b := day(year, month, first), day(year, month, last)
	return dayToken{from: a.from, to: b.from, explicit: true, noYear: a.noYear, problem: cmp.Or(a.problem, b.problem)}
}

// slashed reads 13/03/2027 and 03/13/2027, and refuses to choose for 03/04/2027.
func slashed(a, b, year string) dayToken {
	x, y := ordinal(a), ordinal(b)
	if len(year) == 2 {
		year = "20" + year
	}
	t := day(year, b, a)
	t.order = 'd'
	switch {
	case x <= 12 && y <= 12 && x != y:
		t.problem, t.order = "can be read as day/month and as month/day", '?'
	case x == y:
		t.order = 0
	case y > 12:
		t = day(year, a, b)
		t.order = 'm'
	}
	return t
}

func months(month, year string, n int) dayToken {
	y, _ := strconv.Atoi(year)
	first := Date{y, monthOf(month), 1}
	return dayToken{from: first, to: first.AddMonths(n).AddDays(-1)}
}

func quarters(first, last, year string) dayToken {
	a, _ := strconv.Atoi(first)
	b := a
	if last != "" {
		b, _ = strconv.Atoi(last)
	}
	t := months(strconv.Itoa(3*a-2), year, 3*(b-a+1))
	t.explicit = true
	if b < a {
		t.problem = "runs backwards"
	}
	return t
}

func next(period string, now Date) dayToken {
	switch period {
	case "week":
		monday := now.AddDays(7 - (int(now.Time().Weekday())+6)%7)
		return dayToken{from: monday, to: monday.AddDays(6)}
	case "month":
		first := Date{now.Year, now.Month, 1}.AddMonths(1)
		return dayToken{from: first, to: first.AddMonths(1).AddDays(-1)}
	case "quarter":
		first := Date{now.Year, (now.Month-1)/3*3 + 1, 1}.AddMonths(3)
		return dayToken{from: first, to: first.AddMonths(3).AddDays(-1)}
	}
	return dayToken{from: Date{now.Year + 1, 1, 1}, to: Date{now.Year + 1, 12, 31}}
}

var midnight = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})[Tt ]00:00(?::00(?:\.0+)?)?(?:Z|z|\+00:00)?$`)

// readDay reads a field that holds one day, in any of the forms above but with
// its year; problem is empty when it could.
func readDay(s string) (d Date, problem string) {
	s = strings.TrimSpace(s)
	if m := midnight.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	tokens := dayTokens(s, Date{})
	if len(tokens) != 1 || tokens[0].span != (span{0, len(s)}) || !tokens[0].point || tokens[0].from.Year < 1000 && !tokens[0].noYear {
		return Date{}, "is not a day"
	}
	switch t := tokens[0]; {
	case t.problem != "":
		return Date{}, t.problem
	case t.noYear:
		return Date{}, "has no year"
	default:
		return t.from, ""
	}
}
