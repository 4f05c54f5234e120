package seller

import (
	"cmp"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// The most that each part of a product's score can bring. Words weigh more than
// everything else together; the rest decides between products that fit alike.
const (
	scoreWords    = 1000
	scorePlace    = 150 // how much of it delivers in the wanted countries
	scoreChannel  = 150 // how much of it is in the wanted channels
	scoreDelivery = 100 // whether it is of the preferred delivery type
	scorePrice    = 50  // how easily the budget buys it
)

// channelWords are what people call a channel besides its name.
var channelWords = map[string]string{
	"display":         "display banner banners digital web",
	"olv":             "online video pre-roll digital video",
	"ctv":             "ctv connected tv television streaming video ott",
	"linear_tv":       "linear tv television broadcast",
	"radio":           "radio audio broadcast",
	"streaming_audio": "streaming audio music digital audio",
	"podcast":         "podcast podcasts audio",
	"dooh":            "digital out-of-home outdoor dooh screens billboards",
	"ooh":             "out-of-home outdoor ooh billboards posters",
	"retail_media":    "retail media shopping commerce",
	"social":          "social media",
	"search":          "search",
	"gaming":          "gaming games",
	"cinema":          "cinema",
	"print":           "print newspapers magazines",
	"email":           "email newsletter",
}

// indexProducts makes the products findable by words.
func indexProducts(products []*Product) *brief.Index {
	docs := make([]brief.Document, len(products))
	for i, p := range products {
		var called []string
		for _, c := range p.Channels {
			called = append(called, channelWords[c])
		}
		docs[i] = brief.Document{ID: p.ID, Fields: []brief.Field{
			{Text: p.Name, Weight: 3},
			{Text: strings.Join(p.Keywords, ". "), Weight: 3},
			{Text: strings.Join(called, ". "), Weight: 2},
			{Text: strings.Join(p.Tags, ". "), Weight: 2},
			{Text: p.Description, Weight: 1},
		}}
	}
	return brief.NewIndex(docs)
}

// ranked is a candidate with its place in the answer to a brief, and why.
type ranked struct {
	candidate
	score  int64
	reason string
}

// rank orders the candidates by how well they answer the request's brief, best
// first, ties in catalogue order. What the seller has for this buyer alone comes
// before all else, in its own order: it was made to be offered. Where the brief's
// words find something, what they do not find is left out: a brief asks for a
// choice, not for the catalogue.
// Scores are whole numbers, so that the order is the same on every machine.
func (q *query) rank(candidates []candidate) []ranked {
	matches := map[string]brief.Match{}
	for _, m := range q.index.Search(adcp.Val(q.req.Brief), 0) {
		matches[m.ID] = m
	}
	best := 0.0
	for _, c := range candidates {
		best = max(best, matches[c.product.ID].Score)
	}
	out := make([]ranked, 0, len(candidates))
	for _, c := range candidates {
		m, found := matches[c.product.ID]
		if !found && best > 0 && !c.product.Own {
			continue
		}
		r := ranked{candidate: c, score: q.fit(c)}
		if found {
			r.score += int64(m.Score / best * scoreWords)
		}
		r.reason = q.reason(c, m.Terms)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b ranked) int {
		switch {
		case a.product.Own && b.product.Own:
			return cmp.Compare(a.order, b.order)
		case a.product.Own:
			return -1
		case b.product.Own:
			return 1
		}
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.order, b.order))
	})
	return out
}

// fit scores everything but the words.
func (q *query) fit(c candidate) int64 {
	var score int64
	if f := q.req.Filters; f != nil {
		if len(f.Countries) > 0 {
			score += c.product.shareIn(f.Countries).Of(scorePlace)
		}
		if len(f.Channels) > 0 {
			wanted := 0
			for _, channel := range c.product.Channels {
				if slices.Contains(f.Channels, adcp.MediaChannel(channel)) {
					wanted++
				}
			}
			score += int64(scoreChannel * wanted / max(1, len(c.product.Channels)))
		}
	}
	if i := slices.Index(q.req.PreferredDeliveryTypes, c.product.deliveryType()); i >= 0 {
		score += int64(scoreDelivery / (i + 1))
	}
	if q.budget > 0 && !q.hidePrices {
		score += q.ease(c)
	}
	return score
}

// ease is full where the budget buys the product ten times over, and half where
// it does once.
func (q *query) ease(c candidate) int64 {
	best := int64(0)
	for _, o := range c.prices {
		if string(o.Currency) != q.req.Filters.BudgetRange.Currency {
			continue
		}
		switch least := o.Least(); {
		case least <= q.budget/10:
			best = max(best, scorePrice)
		case least <= q.budget:
			best = max(best, scorePrice/2)
		}
	}
	return best
}

// shareIn is the part of a product's delivery that lies in the countries, as far
// as the seller says; else the part of its countries.
func (p *Product) shareIn(countries []string) Rate {
	var share Rate
	for _, s := range p.shares() {
		if slices.Contains(countries, s.Country) {
			share += s.Share
		}
	}
	if len(p.shares()) > 0 {
		return share
	}
	within := 0
	for _, c := range p.Countries {
		if slices.Contains(countries, c) {
			within++
		}
	}
	return Whole * Rate(within) / Rate(max(1, len(p.Countries)))
}

// maxReasonWords is how many of the matched words a reason names.
const maxReasonWords = 4

// phrases are the parts of a product's reason that no request changes.
type phrases struct {
	channels, countries, closing string
	// prices are by the pricing option's identifier.
	prices map[string]string
}

func phrasesOf(p *Product) phrases {
	out := phrases{channels: list(p.Channels), countries: list(p.Countries), closing: ".", prices: map[string]string{}}
	for _, o := range p.Pricing {
		out.prices[o.ID] = o.Spoken()
	}
	if p.Approval == ApprovalManual {
		out.closing = ", and a person confirms it."
	}
	if p.Guaranteed {
		out.closing = "; delivery is reserved" + out.closing
	}
	return out
}

// reason says in a sentence why the product is offered. The words in it are the
// brief's own, but only those that the product's text has, or has close to it.
func (q *query) reason(c candidate, terms []string) string {
	said := q.phrases[c.product]
	var why strings.Builder
	why.Grow(240)
	if len(terms) == 0 {
		why.WriteString("Nothing in the brief speaks for or against it")
	} else {
		why.WriteString("Matches the brief on ")
		terms = terms[:min(len(terms), maxReasonWords)]
		for i, t := range terms {
			switch {
			case i > 0 && i == len(terms)-1:
				why.WriteString(" and ")
			case i > 0:
				why.WriteString(", ")
			}
			why.WriteString(`"` + t + `"`)
		}
	}
	places := said.countries
	if f := q.req.Filters; f != nil && len(f.Countries) > 0 {
		places = list(slices.DeleteFunc(slices.Clone(c.product.Countries), func(c string) bool { return !slices.Contains(f.Countries, c) }))
	}
	why.WriteString("; " + said.channels + " in " + places)
	if !q.hidePrices {
		if o, ok := q.headline(c); ok {
			why.WriteString("; " + said.prices[o.ID])
		}
	}
	why.WriteString(said.closing)
	return why.String()
}

// headline is the price that a reason names: the first in the budget's currency,
// else the first.
func (q *query) headline(c candidate) (*PricingOption, bool) {
	if f := q.req.Filters; f != nil && f.BudgetRange != nil {
		for i := range c.prices {
			if string(c.prices[i].Currency) == f.BudgetRange.Currency {
				return &c.prices[i], true
			}
		}
	}
	if len(c.prices) == 0 {
		return nil, false
	}
	return &c.prices[0], true
}

// Spoken is the price in words: "22.00 USD per thousand impressions".
func (o PricingOption) Spoken() string {
	price := money.Amount{Micros: o.Fixed, Currency: o.Currency}.String()
	if o.Auction {
		price = "bids from " + money.Amount{Micros: o.Floor, Currency: o.Currency}.String()
	}
	unit := map[adserver.PricingModel]string{
		adserver.CPM: "per thousand impressions", adserver.VCPM: "per thousand viewable impressions",
		adserver.CPC: "a click", adserver.CPCV: "a completed view", adserver.CPV: "a view",
		adserver.CPP: "a rating point", adserver.CPA: "a conversion", adserver.FlatRate: "for the whole flight",
	}[o.Model]
	if o.Model == adserver.TimeRate {
		unit = "a " + string(o.Parameters.TimeUnit)
	}
	return price + " " + unit
}

// list joins texts as a sentence does: "a, b and c".
func list(texts []string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:len(texts)-1], ", ") + " and " + texts[len(texts)-1]
}
