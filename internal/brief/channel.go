package brief

import (
	"slices"
	"strings"
)

// channelNames are the protocol's channels (enums/channels.json, 3.1), in its order.
var channelNames = []string{
	"display", "olv", "social", "search", "ctv", "linear_tv", "radio", "streaming_audio", "podcast",
	"dooh", "ooh", "print", "cinema", "email", "gaming", "retail_media", "influencer", "affiliate",
	"product_placement", "sponsored_intelligence",
}

// channelWords are everyday words and the protocol channels they stand for.
// Words that mean other things in a sentence ("search", "social", "print") are
// read from lists of channels by their protocol name, and in sentences only in
// the longer forms here.
var channelWords = map[string][]string{
	"audio":                   {"streaming_audio", "podcast", "radio"},
	"audio streaming":         {"streaming_audio"},
	"digital audio":           {"streaming_audio", "podcast"},
	"streaming audio":         {"streaming_audio"},
	"streaming music":         {"streaming_audio"},
	"music streaming":         {"streaming_audio"},
	"online audio":            {"streaming_audio"},
	"online radio":            {"streaming_audio"},
	"internet radio":          {"streaming_audio"},
	"streaming radio":         {"streaming_audio"},
	"streaming":               {"ctv", "streaming_audio"},
	"radio":                   {"radio"},
	"am/fm":                   {"radio"},
	"podcast":                 {"podcast"},
	"podcasts":                {"podcast"},
	"video":                   {"olv", "ctv"},
	"online video":            {"olv"},
	"digital video":           {"olv", "ctv"},
	"in-stream video":         {"olv"},
	"instream video":          {"olv"},
	"outstream":               {"olv"},
	"outstream video":         {"olv"},
	"mobile video":            {"olv"},
	"web video":               {"olv"},
	"in-app video":            {"olv"},
	"pre-roll":                {"olv"},
	"preroll":                 {"olv"},
	"tv":                      {"linear_tv", "ctv"},
	"television":              {"linear_tv", "ctv"},
	"connected tv":            {"ctv"},
	"connected television":    {"ctv"},
	"streaming tv":            {"ctv"},
	"tv streaming":            {"ctv"},
	"smart tv":                {"ctv"},
	"smart tvs":               {"ctv"},
	"streaming video":         {"ctv"},
	"video streaming":         {"ctv"},
	"ott":                     {"ctv"},
	"bvod":                    {"ctv"},
	"avod":                    {"ctv"},
	"fast channels":           {"ctv"},
	"linear tv":               {"linear_tv"},
	"linear television":       {"linear_tv"},
	"linear":                  {"linear_tv"},
	"broadcast tv":            {"linear_tv"},
	"broadcast television":    {"linear_tv"},
	"free-to-air":             {"linear_tv"},
	"free-to-air tv":          {"linear_tv"},
	"cable tv":                {"linear_tv"},
	"classic tv":              {"linear_tv"},
	"outdoor":                 {"dooh", "ooh"},
	"out-of-home":             {"dooh", "ooh"},
	"out of home":             {"dooh", "ooh"},
	"billboard":               {"dooh", "ooh"},
	"billboards":              {"dooh", "ooh"},
	"digital out-of-home":     {"dooh"},
	"digital out of home":     {"dooh"},
	"digital outdoor":         {"dooh"},
	"digital screens":         {"dooh"},
	"digital billboards":      {"dooh"},
	"posters":                 {"ooh"},
	"retail":                  {"retail_media"},
	"retail media":            {"retail_media"},
	"retail media networks":   {"retail_media"},
	"sponsored products":      {"retail_media"},
	"display":                 {"display"},
	"display banners":         {"display"},
	"banners":                 {"display"},
	"banner":                  {"display"},
	"banner ads":              {"display"},
	"native ads":              {"display"},
	"native":                  {"display"},
	"social":                  {"social"},
	"social media":            {"social"},
	"paid social":             {"social"},
	"search":                  {"search"},
	"paid search":             {"search"},
	"search ads":              {"search"},
	"sem":                     {"search"},
	"cinema":                  {"cinema"},
	"movie theaters":          {"cinema"},
	"print":                   {"print"},
	"newspapers":              {"print"},
	"magazines":               {"print"},
	"newsletter":              {"email"},
	"newsletters":             {"email"},
	"in-game":                 {"gaming"},
	"in-game ads":             {"gaming"},
	"influencers":             {"influencer"},
	"creators":                {"influencer"},
	"affiliates":              {"affiliate"},
	"product placement":       {"product_placement"},
	"sponsored intelligence":  {"sponsored_intelligence"},
	"ai assistants":           {"sponsored_intelligence"},
	"chat assistants":         {"sponsored_intelligence"},
	"print media":             {"print"},
	"e-mail":                  {"email"},
	"digital display":         {"display"},
	"programmatic display":    {"display"},
	"web display":             {"display"},
	"outdoor screens":         {"dooh"},
	"digital ooh":             {"dooh"},
	"roadside screens":        {"dooh"},
	"station screens":         {"dooh"},
	"screens in stations":     {"dooh"},
	"street screens":          {"dooh"},
	"gym screens":             {"dooh"},
	"screens in gyms":         {"dooh"},
	"airport screens":         {"dooh"},
	"digital signage":         {"dooh"},
	"in-store screens":        {"retail_media", "dooh"},
	"commerce media":          {"retail_media"},
	"on-site retail media":    {"retail_media"},
	"retailer media":          {"retail_media"},
	"retail media placements": {"retail_media"},
}

// tooCommon are channel words that mean other things in a sentence. There they
// count only beside another channel or the word channel.
var tooCommon = []string{
	"audio", "video", "streaming", "linear", "outdoor", "posters", "retail", "display", "social", "search", "sem",
	"print", "newsletter", "newsletters", "newspapers", "magazines", "creators", "influencers", "affiliates", "email", "e-mail",
	"gaming", "influencer", "affiliate", "banner", "native", "cinema", "digital screens",
}

// Channels are the protocol's channels that a word or phrase stands for, such as
// olv and ctv for "video"; none where it is no channel.
func Channels(phrase string) []string {
	found, _ := channelsFor(phrase)
	return found
}

// channelsFor maps a protocol name or an everyday word to protocol channels.
func channelsFor(word string) ([]string, bool) {
	w := strings.ToLower(oneLine(word))
	if name := strings.NewReplacer(" ", "_", "-", "_").Replace(w); slices.Contains(channelNames, name) {
		return []string{name}, true
	}
	for _, suffix := range []string{"", " ads", " advertising", " spots"} {
		if trimmed, ok := strings.CutSuffix(w, suffix); ok {
			if found, known := channelWords[trimmed]; known {
				return found, true
			}
		}
	}
	return nil, false
}

// appendNew adds those values that list does not hold yet, in order.
func appendNew[T comparable](list []T, values ...T) []T {
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}
