package brief

import (
	"strings"
	"sync"
	"unicode"

	"github.com/kljensen/snowball/english"
)

// stopWords carry no meaning for finding products: the words of every brief.
var stopWords = wordSet(`a an the and or of for in on to at by with from as is are was were be been it its this that these those we
	our us you your they their i me my will would want wants need needs should can could may must not no do does have has had
	all any more most than then so such some very into over under per about across up out if which who whom what when where
	campaign campaigns ad ads advert adverts advertising advertise advertiser brief budget plan media run runs buy buys
	usd eur gbp jpy brl aud cad dollars euros pounds yen cpm march april june july january february august september october november december
	day days week weeks month months year people reach target also please next one two three`)

// phrases are names of one thing in several words or spellings. A text that has
// one is read as having the thing too, beside the words themselves.
var phrases = map[string]string{
	"connected tv": "ctv", "connected television": "ctv", "streaming tv": "ctv", "streaming television": "ctv", "smart tv": "ctv",
	"smart tvs": "ctv", "tv streaming": "ctv", "ott": "ctv", "bvod": "ctv", "avod": "ctv", "streaming video": "ctv",
	"television": "tv", "linear": "lineartv", "linear tv": "lineartv", "linear_tv": "lineartv", "broadcast tv": "lineartv", "broadcast television": "lineartv",
	"free to air": "lineartv", "cable tv": "lineartv",
	"out of home": "ooh", "outdoor": "ooh", "billboard": "ooh", "billboards": "ooh", "posters": "ooh",
	"digital out of home": "dooh", "digital outdoor": "dooh", "digital billboards": "dooh", "digital screens": "dooh",
	"online video": "olv", "pre roll": "olv", "preroll": "olv", "outstream": "olv", "instream": "olv", "in stream": "olv",
	"streaming audio": "streamingaudio", "streaming_audio": "streamingaudio", "digital audio": "streamingaudio", "music streaming": "streamingaudio",
	"streaming music": "streamingaudio", "online radio": "streamingaudio",
	"retail media": "retailmedia", "retail_media": "retailmedia", "sponsored products": "retailmedia", "commerce media": "retailmedia",
	"brand safe": "brandsafety", "brand safety": "brandsafety", "brand_safety": "brandsafety",
	"app installs": "appinstall", "app install": "appinstall", "app downloads": "appinstall",
	"foot traffic": "footfall", "store visits": "footfall", "business to business": "b2b", "decision makers": "b2b",
	"incremental sales": "saleslift", "sales lift": "saleslift", "sales uplift": "saleslift",
}

// kin are groups of words about one thing. A query finds the others of its
// group too, at less weight: a brief for runners finds the athletics page.
var kin = []string{
	`run runner running jog jogger jogging athletic athletics athlete marathon sport sports fitness trail`,
	`sport sports fitness gym workout athletic athletics health`,
	`hike hiking hiker outdoors trail mountain camping climbing`,
	`cycle cycling cyclist bike bicycle`,
	`football soccer league match`,
	`cook cooking cooks food recipe recipes kitchen grocery groceries foodie`,
	`grocery groceries supermarket shopper shoppers basket household`,
	`drink drinks beverage beverages soft beer coffee tea`,
	`car cars auto automotive vehicle driver drivers motoring`,
	`travel traveller travellers traveler travelers holiday holidays tourism flight airline hotel`,
	`commute commuter commuters train rail metro station transit`,
	`business b2b professional professionals executive executives enterprise finance`,
	`finance financial bank banking investor investors money`,
	`game games gaming gamer gamers esports console`,
	`family families parent parents kids household mum mums`,
	`beauty skincare cosmetics makeup fashion`,
	`fashion clothing apparel style shoes footwear`,
	`footwear shoes shoe running sneakers`,
	`home garden diy furniture interior homeowners homeowner`,
	`music song songs concert playlist audio streamingaudio`,
	`audio streamingaudio podcast radio listen listener listeners`,
	`podcast podcasts`,
	`video olv ctv tv`, `tv ctv lineartv`, `ooh dooh screens`,
	`awareness brand launch`, `sales saleslift purchase purchases conversion conversions retailmedia`,
	`footfall store stores shop shops local nearby`,
	`news current affairs politics`, `tech technology software gadgets electronics`,
	`app mobile smartphone appinstall`, `student students university young youth`,
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// term is a word of a text and the stem that it is found by.
type term struct{ word, stem string }

// terms reads the words of a text: lower case, stemmed, without stop words and
// bare numbers, and with the names of things said in several words.
func terms(text string) []term {
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_'
	})
	var out []term
	for i := 0; i < len(words); i++ {
		phrase, n := phraseAt(words[i:])
		if n > 0 {
			out = append(out, term{strings.Join(words[i:i+n], " "), phrase})
			if n > 1 {
				for _, w := range words[i : i+n] {
					out = appendTerm(out, w)
				}
			}
			i += n - 1
			continue
		}
		out = appendTerm(out, words[i])
	}
	return out
}

// phraseAt finds the longest known phrase that words begin with.
func phraseAt(words []string) (thing string, n int) {
	for n = min(longestPhrase()[words[0]], len(words)); n > 0; n-- {
		if thing, ok := phrases[strings.Join(words[:n], " ")]; ok {
			return thing, n
		}
	}
	return "", 0
}

// longestPhrase is the greatest number of words in a phrase, by its first word.
var longestPhrase = sync.OnceValue(func() map[string]int {
	out := map[string]int{}
	for phrase := range phrases {
		words := strings.Fields(phrase)
		out[words[0]] = max(out[words[0]], len(words))
	}
	return out
})

func appendTerm(list []term, word string) []term {
	if stopWords[word] || len(word) < 2 || isNumber(word) {
		return list
	}
	return append(list, term{word, english.Stem(word, false)})
}

func isNumber(word string) bool {
	return strings.IndexFunc(word, func(c rune) bool { return !unicode.IsDigit(c) }) < 0
}
