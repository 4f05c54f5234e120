package brief

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (r *typedReader) channels(n *node) {
	v := n.get("channels")
	if v == nil {
		return
	}
	var words []string
	items, paths := v.items("channels")
	for i, item := range items {
		if item.kind != kindString {
			r.fail(paths[i], "is "+item.kind.String(), "write the name of a channel")
			continue
		}
		words = append(words, item.text)
		parts := []string{item.text}
		if _, whole := channelsFor(item.text); !whole {
			parts = listWords.Split(item.text, -1)
		}
		for _, part := range parts {
			found, ok := channelsFor(part)
			if !ok {
				r.fail(paths[i], fmt.Sprintf("%q is not a channel", shorten(part)), channelFix(part))
				continue
			}
			r.b.Channels = appendNew(r.b.Channels, found...)
		}
	}
	r.source("channels", strings.Join(words, ", "), "channels")
}

var listWords = regexp.MustCompile(`\s*(?:,|;|\+|&|\band\b)\s*`)

func channelFix(word string) string {
	fix := "use " + strings.Join(channelNames, ", ") + ", or audio, video, tv, outdoor, retail"
	everyday := make([]string, 0, len(channelWords))
	for w := range channelWords {
		everyday = append(everyday, w)
	}
	slices.Sort(everyday)
	if near := nearest(word, append(slices.Clone(channelNames), everyday...)); near != "" {
		return "did you mean " + near + "? " + strings.ToUpper(fix[:1]) + fix[1:]
	}
	return fix
}

func (r *typedReader) frequencyCap(n *node) {
	v := n.get("frequency_cap")
	if v == nil {
		return
	}
	const fix = "write max_impressions and period_hours, such as 3 and 24"
	if v.kind == kindString {
		if found, ok := findFrequencyCap(v.text); ok {
			r.b.FrequencyCap = &found.cap
			r.source("frequency_cap", v.text, "frequency_cap")
			return
		}
	}
	if v.kind != kindMap {
		r.fail("frequency_cap", fmt.Sprintf("%q is not a cap", shorten(v.text)), fix)
		return
	}
	r.known(v, "frequency_cap", []string{"max_impressions", "period_hours"})
	whole := func(key string, most int) int {
		field := "frequency_cap." + key
		item := v.get(key)
		if item == nil {
			r.fail(field, "is missing", fix)
			return 0
		}
		n, err := strconv.Atoi(item.text)
		if err != nil || !item.scalar() || n < 1 || n > most {
			r.fail(field, fmt.Sprintf("%q is not a whole number from 1 to %d", shorten(item.text), most), fix)
			return 0
		}
		return n
	}
	limit := FrequencyCap{whole("max_impressions", 1000), whole("period_hours", 366*24)}
	r.b.FrequencyCap = &limit
	r.source("frequency_cap", fmt.Sprintf("max_impressions %d, period_hours %d", limit.MaxImpressions, limit.PeriodHours), "frequency_cap")
}

// brandSafety reads one requirement, a list, or a mapping of requirements whose
// keys become a part of the words ("exclude: gambling").
func (r *typedReader) brandSafety(n *node) {
	v := n.get("brand_safety")
	if v == nil {
		return
	}
	if v.kind != kindMap {
		r.b.BrandSafety = r.lines(n, "", "brand_safety")
		return
	}
	for _, e := range v.keys {
		items, paths := e.value.items(join("brand_safety", e.key))
		for i, item := range items {
			if item.kind == kindMap || item.kind == kindList {
				r.fail(paths[i], "is "+item.kind.String(), "write one line of text")
				continue
			}
			r.b.BrandSafety = appendNew(r.b.BrandSafety, strings.TrimSpace(e.key+": "+oneLine(item.text)))
		}
	}
	r.source("brand_safety", strings.Join(r.b.BrandSafety, ", "), "brand_safety")
}

var adLengthForm = regexp.MustCompile(`^:?(\d{1,3})\s*(?:s|sec|secs|seconds?|-second|"|″)?$`)

func (r *typedReader) adLengths(n *node) {
	v := n.get("ad_lengths")
	if v == nil {
		return
	}
	var words []string
	items, paths := v.items("ad_lengths")
	for i, item := range items {
		words = append(words, item.text)
		for part := range strings.FieldsFuncSeq(item.text, func(c rune) bool { return c == '/' || c == ',' }) {
			m := adLengthForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(part)))
			seconds := 0
			if m != nil {
				seconds, _ = strconv.Atoi(m[1])
			}
			if seconds < 1 || seconds > 600 || !item.scalar() {
				r.fail(paths[i], fmt.Sprintf("%q is not a length in seconds", shorten(part)), "write whole seconds, such as 6, 15 or 30")
				break
			}
			r.b.AdLengths = appendNew(r.b.AdLengths, seconds)
		}
	}
	slices.Sort(r.b.AdLengths)
	r.source("ad_lengths", strings.Join(words, ", "), "ad_lengths")
}

var measurementFields = []string{"metric", "by", "words"}

func (r *typedReader) measurement(n *node) {
	v := n.get("measurement")
	if v == nil {
		return
	}
	var words []string
	items, paths := v.items("measurement")
	for i, item := range items {
		switch item.kind {
		case kindString:
			r.b.Measurement = appendNew(r.b.Measurement, readMeasurement(item.text))
			words = append(words, item.text)
		case kindMap:
			r.known(item, paths[i], measurementFields)
			m := Measurement{}
			for _, e := range item.keys {
				text := oneLine(e.value.text)
				switch e.key {
				case "metric":
					name, ok := metricName(text)
					if !ok {
						r.fail(paths[i]+".metric", fmt.Sprintf("%q is not the name of a metric", shorten(text)), "write one, such as incremental_sales_lift")
					}
					m.Metric = name
				case "by":
					m.By = text
				case "words":
					m.Words = text
				}
			}
			if m.Words == "" {
				m.Words = strings.TrimSpace(strings.ReplaceAll(m.Metric, "_", " ") + " by " + m.By)
			}
			r.b.Measurement = appendNew(r.b.Measurement, m)
			words = append(words, m.Words)
		default:
			r.fail(paths[i], "is "+item.kind.String(), "write what is to be measured, such as incremental sales by DMA")
		}
	}
	r.source("measurement", strings.Join(words, ", "), "measurement")
}
