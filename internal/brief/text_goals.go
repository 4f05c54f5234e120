package brief

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

func sortSpans(found []foundGoal) {
	slices.SortStableFunc(found, func(a, b foundGoal) int { return a.start - b.start })
}

var notGoal = regexp.MustCompile(`\b(?:not|no|rather than|instead of|without|nor)\s+(?:just |only |for |about )?(?:[a-z]+ )?$|\b(?:last year'?s?|previous|current|existing)\s+$`)

// notGoalAfter are words behind "sales" and its kin that make them something else.
var notGoalAfter = regexp.MustCompile(`^[- ](?:team|house|houses|person|people|contact|agent|agents|manager|tax|quiz|director|lead)\b`)

// objectives reads the goals that the text names. A text with a line of
// objectives names them there and nowhere else.
func (r *textReader) objectives() {
	keep := func(found []foundGoal, offset int) {
		for _, f := range found {
			s := span{f.start + offset, f.end + offset}
			if notGoal.MatchString(r.before(s, 40)) || notGoalAfter.MatchString(r.after(s, 16)) {
				continue
			}
			r.b.Objectives = appendNew(r.b.Objectives, string(f.goal))
			r.quoteOne("objectives", string(f.goal), s)
		}
	}
	for _, s := range r.labelled("objective", "objectives", "goal", "goals", "aim", "aims", "primary objective", "primary goal") {
		keep(findGoals(r.lower[s.start:s.end]), s.start)
	}
	if len(r.b.Objectives) == 0 {
		keep(findGoals(r.lower), 0)
	}
}

var (
	safetyLead  = regexp.MustCompile(`\b(?:brand[- ]saf(?:e|ety)|brand[- ]suitab(?:le|ility)|garm)\b`)
	safetyAvoid = regexp.MustCompile(`\b(?:avoid|exclude|excluding|no|never|not|nothing|without|away from|keep (?:[a-z]+ ){0,3}(?:away|out|off|clear))\b[^.;,\n]{0,60}?\b(?:news|politics|political|violence|violent|adult content|gambling|betting|alcohol|tobacco|hate|religious|religion|war|conflict|crime|user-generated|ugc|made[- ]for[- ]advertising|mfa|tragedy|tragedies|terrorism|drugs|profanity|misinformation|weapons|piracy|clickbait|scares?|children'?s?)\b`)
	statement   = regexp.MustCompile(`[^.;\n]+`)
)

// brandSafety keeps the statements that say where the ads must not be, as the
// author wrote them.
func (r *textReader) brandSafety() {
	for _, at := range statement.FindAllStringIndex(r.lower, -1) {
		s := trimmed(r.text, at[0], at[1])
		words := r.lower[s.start:s.end]
		avoid := safetyAvoid.FindStringIndex(words)
		switch lead := safetyLead.FindStringIndex(words); {
		case len(words) > 400 || lead == nil && avoid == nil:
			continue
		case lead == nil:
			s.start += avoid[0]
		case safetyLabel.MatchString(words):
			s.start += len(safetyLabel.FindString(words))
		}
		r.b.BrandSafety = appendNew(r.b.BrandSafety, strings.Trim(oneLine(r.words(s)), "-*• "))
		r.quote("brand_safety", s)
		if len(r.b.BrandSafety) == 20 {
			return
		}
	}
}

var safetyLabel = regexp.MustCompile(`^[-*•> ]*brand[- ](?:safety|suitability)[*_]*\s*:[*_]*\s*`)

const measureWhat = `(?:incremental (?:store )?sales|sales (?:up)?lift|incrementality|brand (?:up)?lift|ad recall|footfall|foot traffic|store visits|conversion lift|brand search lift|attribution|geo(?:graphic)?[- ](?:holdouts?|lift|tests?|experiments?)|matched[- ]markets?(?: tests?)?|marketing[- ]mix)`

var (
	measureTopic = regexp.MustCompile(`\b` + measureWhat + `\b`)
	measureVerb  = regexp.MustCompile(`\b(?:measur(?:e|ed|es|ing|ement)|stud(?:y|ies)|lift|uplift|report(?:s|ed|ing)?|track(?:ed|ing)?|prove|proof|holdouts?|tests?|experiments?|attribution)\b`)
	measureBy    = regexp.MustCompile(`\b(?:by|per|at)\s+(dma|region|state|store|postcode|zip code|zip|market|city|week|channel|prefecture|retailer)(?:s\b|\b| level)|\b(dma|region|state|store)[- ]level\b`)
)

// measureMetrics maps what is measured to the protocol's metric.
var measureMetrics = []struct{ word, metric string }{
	{"incremental", "incremental_sales_lift"},
	{"sales lift", "incremental_sales_lift"},
	{"sales uplift", "incremental_sales_lift"},
	{"brand search", "brand_search_lift"},
	{"brand lift", "brand_lift"},
	{"brand uplift", "brand_lift"},
	{"ad recall", "brand_lift"},
	{"footfall", "foot_traffic"},
	{"foot traffic", "foot_traffic"},
	{"store visits", "foot_traffic"},
	{"conversion lift", "conversion_lift"},
}

// readMeasurement reads what is measured and by what from one statement.
func readMeasurement(words string) Measurement {
	m := Measurement{Words: oneLine(words)}
	lower := lowerASCII(m.Words)
	for _, known := range measureMetrics {
		if strings.Contains(lower, known.word) {
			m.Metric = known.metric
			break
		}
	}
	if by := measureBy.FindStringSubmatch(lower); by != nil {
		m.By = cmp.Or(by[1], by[2])
	}
	return m
}

// measurement reads statements that say how results are to be measured. The
// words kept are from the topic to the end of the breakdown.
func (r *textReader) measurement() {
	for _, at := range statement.FindAllStringIndex(r.lower, -1) {
		words := r.lower[at[0]:at[1]]
		topic := measureTopic.FindStringIndex(words)
		by := measureBy.FindStringIndex(words)
		if topic == nil || by == nil && !measureVerb.MatchString(words) {
			continue
		}
		s := span{at[0] + topic[0], at[0] + topic[1]}
		if by != nil && by[1]-topic[0] < 160 && by[1] > topic[0] {
			s.end = at[0] + max(topic[1], by[1])
		}
		if verb := measureVerb.FindStringIndex(words); verb != nil && verb[0] < topic[0] && topic[0]-verb[0] < 40 {
			s.start = at[0] + verb[0]
		}
		m := readMeasurement(r.words(s))
		if !slices.ContainsFunc(r.b.Measurement, func(o Measurement) bool { return o.Metric == m.Metric && o.By == m.By }) {
			r.b.Measurement = append(r.b.Measurement, m)
			r.quote("measurement", s)
		}
		if len(r.b.Measurement) == 10 {
			return
		}
	}
}
