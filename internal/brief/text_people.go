package brief

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const people = `(?:adults?|women|men|people|females?|males?|parents|mums|moms|dads|viewers|listeners|consumers|shoppers|drivers|gamers|players|runners|commuters|students|professionals|households|audience|demo|buyers|users|fans|everyone|those)`

// ageForms are the ways to write ages; the groups are the lower and upper year.
var ageForms = []struct {
	re          *regexp.Regexp
	under, over bool
}{
	{re: regexp.MustCompile(`\b(?:age[sd]?|` + people + `)[ :,(]*(?:aged?|ages|of|from)?\s*(?:between\s+)?(\d{2})\s*(?:-|–|—|to|and)\s*(\d{2})\b`)},
	{re: regexp.MustCompile(`\b(\d{2})\s*(?:-|–|—|to)\s*(\d{2})s?[- ](?:years?[- ]olds?|yo\b|year[- ]old|` + people + `\b)`)},
	{re: regexp.MustCompile(`\b[afwmp]\s?(\d{2})[-–](\d{2})\b`)},
	{re: regexp.MustCompile(`\b(\d{2})[-–](\d{2})s\b`)},
	{re: regexp.MustCompile(`\b(?:age[sd]?|` + people + `)[ :,(]*(?:aged?|ages|of|over)?\s*(\d{2})\s*(?:\+|plus\b|and (?:over|older|up|above)\b|or (?:over|older)\b)`), over: true},
	{re: regexp.MustCompile(`\b(\d{2})\s?\+\s*(?:` + people + `\b|[.,;)\n]|$)`), over: true},
	{re: regexp.MustCompile(`\b(?:aged over|over the age of|over[- ]|older than)\s?(\d{2})s?\b`), over: true},
	{re: regexp.MustCompile(`\b(?:aged under|under the age of|under[- ]|younger than)\s?(\d{2})s?\b`), under: true},
}

// ages reads every range of ages; several that touch are one.
func (r *textReader) ages() {
	var found []AgeRange
	for _, form := range ageForms {
		for _, at := range form.re.FindAllStringSubmatchIndex(r.lower, 50) {
			s := span{at[0], at[1]}
			if !r.free(s) {
				continue
			}
			low, _ := strconv.Atoi(r.text[at[2]:at[3]])
			age := AgeRange{Min: low}
			switch {
			case form.under:
				age = AgeRange{Max: low - 1}
			case !form.over:
				age.Max, _ = strconv.Atoi(r.text[at[4]:at[5]])
			}
			if !r.plausibleAge(age, s, form.under || form.over) {
				continue
			}
			found = append(found, age)
			r.quote("target_audience.age", s)
			r.take(s)
		}
	}
	r.b.Audience.Ages = mergeAges(found)
}

// plausibleAge keeps ad lengths ("15-30s") and amounts ("under 20 USD") from
// being read as ages.
func (r *textReader) plausibleAge(a AgeRange, s span, open bool) bool {
	words := r.lower[s.start:s.end]
	if open && a.Min < 10 && a.Max < 9 || !open && (a.Max <= a.Min || a.Min < 6) || a.Max > 99 {
		return false
	}
	if a.Min%5 == 0 && a.Max%5 == 0 && strings.HasSuffix(words, "s") && words[0] >= '0' && words[0] <= '9' {
		return false
	}
	if open && (strings.HasPrefix(words, "over") || strings.HasPrefix(words, "under")) && !strings.HasSuffix(words, "s") {
		return strings.Contains(words, "age")
	}
	return true
}

var (
	femaleWords = regexp.MustCompile(`\b(?:women|females?|ladies|mums|moms|mothers|[fw]\d\d[-–]\d\d)\b`)
	maleWords   = regexp.MustCompile(`\b(?:men|males?|dads|fathers|m\d\d[-–]\d\d)\b`)
	bothWords   = regexp.MustCompile(`\b(?:all genders|any gender|(?:men and women|women and men|men & women|women & men|both sexes))\b`)
	// A stress on some people leaves the others in.
	inParticular = regexp.MustCompile(`\b(?:above all|especially|mainly|mostly|particularly|in particular|skew(?:s|ing|ed)?(?: to| towards)?)\s+(?:[a-z]+ )?$`)
	notPerson    = regexp.MustCompile(`^(?:'|’|-|\s?only brands)`)
)

// gender reads who is addressed. Products ("women's shoes") and companies
// ("female-founded") are not people.
func (r *textReader) gender() {
	if at := bothWords.FindStringIndex(r.lower); at != nil {
		r.b.Audience.Gender = "all"
		r.quote("target_audience.gender", span{at[0], at[1]})
		return
	}
	find := func(re *regexp.Regexp) (span, bool) {
		for _, at := range re.FindAllStringIndex(r.lower, 20) {
			if s := (span{at[0], at[1]}); !notPerson.MatchString(r.lower[s.end:]) && !inParticular.MatchString(r.before(s, 40)) {
				return s, true
			}
		}
		return span{}, false
	}
	f, female := find(femaleWords)
	m, male := find(maleWords)
	switch {
	case female && male:
		r.b.Audience.Gender = "all"
		r.quote("target_audience.gender", span{min(f.start, m.start), max(f.end, m.end)})
	case female:
		r.b.Audience.Gender = "female"
		r.quote("target_audience.gender", f)
	case male:
		r.b.Audience.Gender = "male"
		r.quote("target_audience.gender", m)
	}
}

var (
	interestLead  = regexp.MustCompile(`\b(?:interested in|interests?(?: include| are| in|:)|passionate about|keen on|fans of|lovers of|enthusiastic about|who (?:love|like|enjoy|follow|play|practise|practice|care about))\s+`)
	interestEnd   = regexp.MustCompile(`[.;:()\n\d$€£]|,?\s+(?:who|which|that|in the|in|across|with|aged|during|from|on|at|for|living in|using|our|budget|but|as well|starting|we)\b`)
	interestSplit = regexp.MustCompile(`\s*(?:,|/|&|\band\b|\bor\b)\s*`)
	interestNouns = regexp.MustCompile(`\b(?:runners|joggers|cyclists|hikers|swimmers|climbers|gamers|commuters|homeowners|home owners|students|travell?ers|foodies|gardeners|(?:new |young )?parents|families|car drivers|drivers|grocery shoppers|(?:small |mid-size |mid-sized )?business owners|(?:it|business|finance|procurement|hr) decision[- ]makers|first-time buyers|(?:[a-z]+ )(?:fans|lovers|enthusiasts|owners|intenders))\b`)
	emptyWords    = regexp.MustCompile(`^(?:the|of|for|and|to|our|all|with|a|are|those|other|new|who|same|true|first|by|in) `)
)

// bareNouns say nothing without the word in front of them.
var bareNouns = []string{"fans", "lovers", "enthusiasts", "owners", "intenders"}

// interests reads what the audience cares about, in the author's words.
func (r *textReader) interests() {
	var found []string
	for _, at := range interestLead.FindAllStringIndex(r.lower, 20) {
		end := min(len(r.lower), at[1]+160)
		phrase := r.lower[at[1]:end]
		if cut := interestEnd.FindStringIndex(phrase); cut != nil {
			phrase = phrase[:cut[0]]
		}
		for _, item := range interestSplit.Split(phrase, 12) {
			if item = strings.TrimSpace(item); item != "" && len(strings.Fields(item)) <= 4 {
				found = appendNew(found, oneLine(item))
			}
		}
		s := span{at[0], at[1] + len(phrase)}
		r.quote("target_audience.interests", s)
		r.take(s)
	}
	for _, at := range interestNouns.FindAllStringIndex(r.lower, 50) {
		s := span{at[0], at[1]}
		if !r.free(s) {
			continue
		}
		word := emptyWords.ReplaceAllString(r.lower[s.start:s.end], "")
		if strings.Contains(word, " ") || !slices.Contains(bareNouns, word) {
			found = appendNew(found, oneLine(word))
			r.quote("target_audience.interests", s)
		}
	}
	r.b.Audience.Interests = found
}
