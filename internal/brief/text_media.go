package brief

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

var (
	lengthNumbers = `\d{1,3}(?:\s*(?:,|/|and|&|or|-|–|to|\+)\s*:?\d{1,3})*`
	adLengthWords = regexp.MustCompile(`:?\b(` + lengthNumbers + `)[ -]?(?:s|sec|secs|second|seconds|″|")[ -]*(?:long )?(?:(?:(?:pre-roll|connected tv|ctv|tv|video|audio|radio|online|mobile|vertical|non-skippable|skippable|host-read|creative|animated) )*(?:video|spot|ad|audio|film|creative|cut|version|commercial|pre-roll|bumper|asset|execution|host-read|read|tvc|radio)s?\b)`)
	adLengthShort = regexp.MustCompile(`(?:\b|:)(\d{1,3}(?:\s*(?:,|/|and|&|or|\+)\s*:?\d{1,3})*)(?:s\b|″|")`)
	adLengthLabel = regexp.MustCompile(`\b(?:lengths?|durations? of (?:spots|ads)|spots? of|ads? of|versions? of|cuts? of)\s*:?\s*(` + lengthNumbers + `)\s*(?:s|sec|secs|seconds?)\b`)
	digitsRe      = regexp.MustCompile(`\d+`)
)

// usualLengths are lengths that spots have; a bare "15s" counts only if it is one.
var usualLengths = []int{5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 75, 90, 120}

// adLengths reads "6 and 15 second video", "30s spots" and ":15".
func (r *textReader) adLengths() {
	for i, re := range []*regexp.Regexp{adLengthWords, adLengthLabel, adLengthShort} {
		for _, at := range re.FindAllStringSubmatchIndex(r.lower, 50) {
			s := span{at[0], at[1]}
			if !r.free(s) {
				continue
			}
			var lengths []int
			for _, digits := range digitsRe.FindAllString(r.text[at[2]:at[3]], 10) {
				n, _ := strconv.Atoi(digits)
				lengths = append(lengths, n)
			}
			odd := func(n int) bool { return n < 1 || n > 600 || i == 2 && !slices.Contains(usualLengths, n) }
			if slices.ContainsFunc(lengths, odd) {
				continue
			}
			r.b.AdLengths = appendNew(r.b.AdLengths, lengths...)
			r.quote("ad_lengths", s)
			r.take(span{at[2], at[3]})
		}
	}
	slices.Sort(r.b.AdLengths)
}

type foundCap struct {
	span
	cap FrequencyCap
}

const (
	capNumber = `(\d{1,3}|one|once|two|twice|three|four|five|six|seven|eight|nine|ten|twelve)`
	capPerson = `(?:\s*(?:per|for each|a|each) (?:user|person|viewer|listener|household|device|head|individual))?`
	capPeriod = `\s*,?\s*(?:a|an|per|each|every|in|in any|within|in a|over|/)\s*(?:any |rolling )?(\d{1,3})?[ -]?(hours?|h|days?|weeks?|months?)\b`
)

var capForms = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(?:no more (?:often )?than|not more (?:often )?than|at most|max(?:imum)?(?: of)?|up to|capp?(?:ed)?(?: it)?(?: at| of)?|limit(?:ed)?(?: of| to| it to)?|never more than)\s*` + capNumber + `\s*(?:x|times|impressions?|exposures?|views?|ads?|contacts?|plays?|spots?|ad views?|showings?)` + capPerson + capPeriod),
	regexp.MustCompile(`(?i)(?:no more (?:often )?than|at most|max(?:imum)?|not more (?:often )?than)\s*(once|twice)` + capPerson + capPeriod),
	regexp.MustCompile(`(?i)(?:frequency(?: cap(?:ped)?)?|capped|freq\.? cap|f-?cap)\s*(?:is|of|at|:|to)?\s*` + capNumber + `\s*(?:x|times|impressions?|exposures?|views?|ads?|contacts?|plays?)?` + capPerson + capPeriod),
	regexp.MustCompile(`(?i)\b(?:nobody|no one|never|not|nor)\b[^.;\n]{0,40}\bmore (?:often )?than\s*` + capNumber + `\s*(?:x|times|impressions?|exposures?)?` + capPerson + capPeriod),
	regexp.MustCompile(`(?i)^` + capNumber + `\s*(?:x|times|impressions?|exposures?)?` + capPerson + capPeriod + `$`),
	regexp.MustCompile(`(?i)\b` + capNumber + `\s*(?:x|times|impressions?|exposures?)` + capPerson + capPeriod + `\s*(?:frequency cap|cap|max(?:imum)?|per person|per user|at most)`),
}

// findFrequencyCap reads "no more than 3 times a day" and its kin.
func findFrequencyCap(text string) (foundCap, bool) {
	for _, re := range capForms {
		at := re.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		most, ok := smallNumber(text[at[2]:at[3]])
		periods := 1
		if at[4] >= 0 {
			periods, _ = strconv.Atoi(text[at[4]:at[5]])
		}
		unit := strings.TrimSuffix(strings.ToLower(text[at[6]:at[7]]), "s")
		hours := periods * map[string]int{"hour": 1, "h": 1, "day": 24, "week": 7 * 24, "month": 30 * 24}[unit]
		if ok && most > 0 && hours > 0 && hours <= 366*24 {
			return foundCap{span{at[0], at[1]}, FrequencyCap{most, hours}}, true
		}
	}
	return foundCap{}, false
}

func (r *textReader) frequencyCap() {
	if found, ok := findFrequencyCap(r.text); ok {
		limit := found.cap
		r.b.FrequencyCap = &limit
		r.quote("frequency_cap", found.span)
		r.take(found.span)
	}
}

// channelPattern matches any channel word, longer ones first.
var channelPattern = sync.OnceValue(func() *regexp.Regexp {
	var words []string
	for w := range channelWords {
		words = append(words, regexp.QuoteMeta(w))
	}
	for _, name := range channelNames {
		words = append(words, regexp.QuoteMeta(name))
	}
	slices.SortFunc(words, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return regexp.MustCompile(`\b(?:` + strings.Join(slices.Compact(words), "|") + `)\b`)
})

var (
	channelList = regexp.MustCompile(`\b(?:channels?|media(?: mix)?|formats?|inventory|placements?|on|for|via|through|across|using|use|buy|with|mix of|burst|ads?|spots|and|plus|or)\b\s*:?\s*(?:some |mostly |mainly |primarily |both |premium )?$|[,/+&(:]\s*$`)
	channelTail = regexp.MustCompile(`^(?:-only|-first)?\s*(?:,|/|\+|&|and\b|plus\b|ads?\b|advertising\b|campaign\b|spots?\b|inventory\b|channels?\b|placements?\b|media\b|burst\b|only\b|buy\b|launch\b|impressions?\b|networks?\b|first\b)`)
	channelNext = regexp.MustCompile(`^(?:\s*$|[,.;:)/&+!?]|\s+(?:and|or|plus|on|for|in|at|to|from|with|across|while|during|as|beside|only|where|is|are|carries|first|when|around)\b)`)
	noChannel   = regexp.MustCompile(`\b(?:no|not|without|excluding|exclude|except|skip|avoid|nor|never|leave out|anything but|instead of|rather than)\s+(?:on |in |any |for |buy |use |run on )?(?:[a-z -]+(?:,| or| and)\s+)*$`)
)

// channels reads the channels asked for. Where the text only says which ones it
// does not want, the others are meant.
func (r *textReader) channels() {
	var wanted, refused []string
	var refusal span
	lists := r.labelled("channel", "channels", "media", "media mix", "channel mix", "formats", "media channels")
	inList := func(s span) bool {
		return slices.ContainsFunc(lists, func(l span) bool { return l.start <= s.start && s.end <= l.end })
	}
	for _, at := range channelPattern().FindAllStringIndex(r.lower, 500) {
		s := span{at[0], at[1]}
		word := r.lower[s.start:s.end]
		before, after := r.before(s, 60), r.after(s, 30)
		if !r.free(s) || len(lists) > 0 && !inList(s) && !noChannel.MatchString(before) || strings.HasSuffix(before, "@") || strings.HasPrefix(r.lower[s.end:], "'") {
			continue
		}
		if slices.Contains(tooCommon, word) && !inList(s) && (!channelList.MatchString(before) || !channelNext.MatchString(after)) &&
			!channelTail.MatchString(after) && !r.ownChannel(s, word) {
			continue
		}
		found, _ := channelsFor(word)
		if noChannel.MatchString(before) {
			refused = appendNew(refused, found...)
			refusal = s
			continue
		}
		wanted = appendNew(wanted, found...)
		for _, c := range found {
			r.quoteOne("channels", c, s)
		}
	}
	wanted = slices.DeleteFunc(wanted, func(c string) bool { return slices.Contains(refused, c) })
	for _, c := range refused {
		delete(r.b.Sources, "channels."+c)
	}
	if len(wanted) == 0 && len(refused) > 0 {
		for _, c := range channelNames {
			if !slices.Contains(refused, c) {
				wanted = append(wanted, c)
			}
		}
		refusal.start = max(0, refusal.start-len(r.before(refusal, 30)))
		r.quote("channels", refusal)
	}
	r.b.Channels = wanted
	for _, l := range lists {
		r.unknownChannels(l)
	}
}

// unknownChannels refuses what stands in a list of channels and is none.
func (r *textReader) unknownChannels(list span) {
	for _, item := range r.listItems(list) {
		word := strings.Trim(r.lower[item.start:item.end], " .")
		if word == "" || len(strings.Fields(word)) > 2 || channelPattern().MatchString(word) || strings.ContainsAny(word, "0123456789") {
			continue
		}
		r.fail("channels", fmt.Sprintf("%q is not a channel", shorten(word)), channelFix(word))
	}
}

// ownChannel reports whether an ambiguous word stands alone in a list line, or
// follows an ad length ("6 and 15 second video").
func (r *textReader) ownChannel(s span, word string) bool {
	line := r.line(s.start)
	if strings.Trim(r.lower[line.start:line.end], " \t-*•") == word {
		return true
	}
	before := strings.TrimRight(r.before(s, 20), " -")
	return strings.HasSuffix(before, "second") || strings.HasSuffix(before, "sec") || strings.HasSuffix(before, "seconds") ||
		len(before) > 1 && before[len(before)-1] == 's' && before[len(before)-2] >= '0' && before[len(before)-2] <= '9'
}
