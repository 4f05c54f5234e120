package buyer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// Intent is what planning and booking need from a brief, in typed and bounded
// values. It is stored with the campaign, so that a later reading of the brief
// cannot change a campaign that is under way.
type Intent struct {
	Name       string
	Advertiser string
	// BrandDomain names the advertiser to sellers.
	BrandDomain string
	Budget      money.Amount
	// Start and End are the flight, in UTC; End is the first instant after it.
	Start, End time.Time
	// Outcome is what the money should buy as much of as it can.
	Outcome Outcome
	// Floors are the least rates that the brief's KPIs ask for; 0 where they ask
	// none. An offer that is expected to stay under one counts for less.
	Floors Rates
	// MaxCPM is the highest expected price of a thousand impressions; 0 is no ceiling.
	MaxCPM money.Micros
	// Ceilings are the highest prices of other pricing models, by the model's name.
	Ceilings map[string]money.Micros
	// Channels are the only channels wanted; empty leaves the choice open.
	Channels []string
	// Shares are the parts of the budget, in hundredths of a per cent, that
	// channels may take; empty where the brief sets none.
	Shares map[string]int64
	// Countries, Regions and Metros (as "system:code") are where to deliver.
	Countries, Regions, Metros []string
	FrequencyCap               *brief.FrequencyCap
	// AdLengths are the lengths of the spots that exist, in seconds.
	AdLengths []int
	// Words is the brief for sellers to match their inventory with.
	Words string
}

// maxWords bounds what a seller is sent of a brief's own text.
const maxWords = 4000

// IntentOf reads from a brief what planning needs.
func IntentOf(b brief.Brief) Intent {
	in := Intent{
		Name:         b.Name,
		Advertiser:   b.Advertiser,
		BrandDomain:  brandDomain(b.Advertiser, b.Name),
		Budget:       b.Budget,
		Start:        b.StartTime(),
		End:          b.EndTime(),
		Channels:     slices.Clone(b.Channels),
		Countries:    b.Countries(),
		Metros:       slices.Clone(b.Audience.Metros),
		FrequencyCap: b.FrequencyCap,
		AdLengths:    slices.Clone(b.AdLengths),
		Ceilings:     map[string]money.Micros{},
		Words:        wordsOf(b),
	}
	for _, g := range b.Audience.Geo {
		if len(g) > 2 {
			in.Regions = append(in.Regions, g)
		}
	}
	if ceiling, ok := b.MaxCPM(); ok {
		in.MaxCPM = ceiling
	}
	if b.Price != nil && b.Price.Model != "cpm" && b.Price.Max > 0 {
		in.Ceilings[b.Price.Model] = b.Price.Max
	}
	in.Outcome, in.Floors = outcomeOf(b), floorsOf(b)
	return in
}

// Days is the number of days of the flight, a part of a day counting as one.
func (in Intent) Days() int64 {
	const day = 24 * time.Hour
	return int64((in.End.Sub(in.Start) + day - 1) / day)
}

// wordsOf tells a seller what is wanted. The budget and price ceilings stay
// home: they would only be bid up to.
func wordsOf(b brief.Brief) string {
	var parts []string
	add := func(label string, items ...string) {
		if text := strings.Join(items, ", "); text != "" {
			parts = append(parts, label+": "+text+".")
		}
	}
	add("Objectives", b.Objectives...)
	add("Channels", b.Channels...)
	add("Geography", append(slices.Clone(b.Audience.Geo), b.Audience.Metros...)...)
	add("Interests", b.Audience.Interests...)
	var ages []string
	for _, a := range b.Audience.Ages {
		if a.Max == 0 {
			ages = append(ages, fmt.Sprintf("%d+", a.Min))
		} else {
			ages = append(ages, fmt.Sprintf("%d-%d", a.Min, a.Max))
		}
	}
	add("Ages", ages...)
	add("Gender", b.Audience.Gender)
	add("Brand safety", b.BrandSafety...)
	var lengths []string
	for _, s := range b.AdLengths {
		lengths = append(lengths, fmt.Sprintf("%d s", s))
	}
	add("Spots", lengths...)
	var measured []string
	for _, m := range b.Measurement {
		measured = append(measured, m.Words)
	}
	add("Measurement", measured...)
	text := strings.Join(parts, " ")
	if text == "" {
		text = b.Name
	}
	return cut(text, maxWords)
}

// brandDomain is the domain that names the advertiser to sellers: their own
// where the brief gives one, else a name under .example, which nobody can own.
func brandDomain(advertiser, campaign string) string {
	name := strings.ToLower(strings.TrimSpace(advertiser))
	if name == "" {
		name = strings.ToLower(strings.TrimSpace(campaign))
	}
	if isDomain(name) {
		return name
	}
	slug := slugOf(name)
	if slug == "" {
		slug = "brand"
	}
	return slug + ".example"
}

func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 || len(s) > 253 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, r := range l {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	return true
}

// slugOf keeps letters and digits of s, joined by single hyphens, 40 at most.
func slugOf(s string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
		if out.Len() >= 40 {
			break
		}
	}
	return strings.Trim(out.String(), "-")
}

// cut shortens s to at most limit bytes between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit]
}
