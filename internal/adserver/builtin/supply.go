package builtin

import (
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// PPM is a share in parts per million: 1_000_000 is all of it.
type PPM int64

// Whole is a share of 100 %.
const Whole PPM = 1_000_000

// Supply is what one product can deliver, and how people react to it.
type Supply struct {
	// Daily is the number of impressions available on an average day.
	Daily int64
	// Weekdays weigh the days of the week, Sunday first, relative to the average day,
	// which is [Whole]. All zero means that days are alike.
	Weekdays [7]PPM
	// Hours weigh the hours of the day, in UTC, relative to each other. All zero means
	// that hours are alike.
	Hours [24]int64
	// Variance is how far an hour may be above or below its expected supply and rates.
	Variance PPM
	// Shortfall takes supply away that was counted on. Nil means none.
	Shortfall *Shortfall

	// Rates are how many of the impressions lead to what. A product that does not
	// offer a metric leaves its rate zero; a line item billed by it then delivers nothing.
	Rates Rates
	// Universe is the number of people that rating points are measured against. Zero
	// means that the product has no ratings.
	Universe int64
	// ImpressionsPerPlay is how many people an average spot on air or play on a
	// screen meets. Zero means that plays are not counted.
	ImpressionsPerPlay int64
	// Audience is how many different people or devices the product reaches. It is what
	// frequency caps work on; zero means too many to matter.
	Audience int64
	// Prices are what the product clears at in auctions. A line item without a price for
	// its pricing model and currency clears at its own floor.
	Prices []AuctionPrice
}

// Rates are parts of the impressions.
type Rates struct {
	Viewable PPM // were viewable
	Click    PPM // were clicked
	View     PPM // were watched or heard to the publisher's threshold
	Complete PPM // to the end; at most View
	Convert  PPM // led to a conversion
}

// Shortfall is a time in which part of the supply is missing.
type Shortfall struct {
	// Missing is the part that is not there.
	Missing PPM
	// From and Until bound the time by whole hours; a zero time leaves that side open.
	From, Until time.Time
}

// AuctionPrice says where a product clears under one pricing model: somewhere
// between Floor and Guidance, most often in the middle, anew each hour.
type AuctionPrice struct {
	PricingModel    adserver.PricingModel
	Currency        money.Currency
	Floor, Guidance money.Micros
}

// maxDaily keeps products of supply and weights far from overflow.
const maxDaily = 1_000_000_000_000

// Validate reports what makes no sense, naming the field.
func (s Supply) Validate() error {
	if s.Daily < 0 || s.Daily > maxDaily {
		return fmt.Errorf("daily: %d is not between 0 and %d", s.Daily, int64(maxDaily))
	}
	for i, w := range s.Weekdays {
		if w < 0 || w > 100*Whole {
			return fmt.Errorf("weekdays[%d]: %d is not between 0 and %d", i, w, 100*Whole)
		}
	}
	for i, w := range s.Hours {
		if w < 0 || w > int64(Whole) {
			return fmt.Errorf("hours[%d]: %d is not between 0 and %d", i, w, Whole)
		}
	}
	shares := []struct {
		field string
		share PPM
	}{
		{"variance", s.Variance},
		{"rates.viewable", s.Rates.Viewable},
		{"rates.click", s.Rates.Click},
		{"rates.view", s.Rates.View},
		{"rates.complete", s.Rates.Complete},
		{"rates.convert", s.Rates.Convert},
	}
	if s.Shortfall != nil {
		shares = append(shares, struct {
			field string
			share PPM
		}{"shortfall.missing", s.Shortfall.Missing})
	}
	for _, f := range shares {
		if f.share < 0 || f.share > Whole {
			return fmt.Errorf("%s: %d is not between 0 and %d", f.field, f.share, Whole)
		}
	}
	if s.Rates.Complete > s.Rates.View {
		return fmt.Errorf("rates.complete: %d is above rates.view, %d", s.Rates.Complete, s.Rates.View)
	}
	if s.Universe < 0 || s.ImpressionsPerPlay < 0 || s.Audience < 0 || s.Audience > maxDaily {
		return fmt.Errorf("universe, impressions_per_play and audience must not be below zero, nor audience above %d", int64(maxDaily))
	}
	for i, p := range s.Prices {
		if p.Floor < 0 || p.Guidance < p.Floor {
			return fmt.Errorf("prices[%d]: guidance %s is below the floor, %s, or the floor below zero", i, p.Guidance, p.Floor)
		}
	}
	return nil
}

// Expected is the number of impressions that the product is expected to have
// within [from, to), before variance and shortfall.
func (s Supply) Expected(from, to time.Time) int64 {
	p := newProduct("", 0, s)
	var sum int64
	for h := from.UTC().Truncate(time.Hour); h.Before(to); h = h.Add(time.Hour) {
		sum += mulDiv(p.expected(h), int64(within(h, from, to).length()), int64(time.Hour))
	}
	return sum
}

// product is a supply made ready for running hours.
type product struct {
	Supply
	seed uint64 // of the ad server's seed and the product's name
	day  [25]int64
	week [7*24 + 1]int64
}

func newProduct(id string, seed int64, s Supply) *product {
	p := &product{Supply: s, seed: mix(mix(uint64(seed)) ^ hashString(id))}
	if p.Weekdays == [7]PPM{} {
		for i := range p.Weekdays {
			p.Weekdays[i] = Whole
		}
	}
	if p.Hours == [24]int64{} {
		for i := range p.Hours {
			p.Hours[i] = 1
		}
	}
	for i, w := range p.Hours {
		p.day[i+1] = p.day[i] + w
	}
	var most int64
	for d := range 7 {
		for h := range 24 {
			most = max(most, int64(p.Weekdays[d])*p.Hours[h])
		}
	}
	for i := range 7 * 24 {
		w := int64(p.Weekdays[i/24]) * p.Hours[i%24]
		p.week[i+1] = p.week[i]
		if w > 0 {
			p.week[i+1] += max(1, mulDiv(w, curveScale, most))
		}
	}
	return p
}

// curveScale is the weight of the week's strongest hour: small enough for the
// weights of a hundred years' milliseconds to fit an int64.
const curveScale = 10_000

// expected is the supply of the hour that starts at h, before variance and shortfall.
// The hours of a day add up to the day exactly.
func (p *product) expected(h time.Time) int64 {
	if p.day[24] == 0 {
		return 0
	}
	daily := mulDiv(p.Daily, int64(p.Weekdays[h.Weekday()]), int64(Whole))
	i := h.Hour()
	return mulDiv(daily, p.day[i+1], p.day[24]) - mulDiv(daily, p.day[i], p.day[24])
}

// available is the supply that the hour starting at h really has.
func (p *product) available(h time.Time) int64 {
	n := vary(p.expected(h), p.Variance, p.draw(h, "supply"))
	if p.short(h) {
		n = mulDiv(n, int64(Whole-p.Shortfall.Missing), int64(Whole))
	}
	return n
}

func (p *product) short(h time.Time) bool {
	s := p.Shortfall
	return s != nil && !h.Before(s.From) && (s.Until.IsZero() || h.Before(s.Until))
}

// served says whether the product is on sale in the hour at all. At night it may
// have no impressions and still be there for a sponsor; when all of its supply is missing it is not.
func (p *product) served(h time.Time) bool {
	return p.Daily > 0 && (!p.short(h) || p.Shortfall.Missing < Whole)
}

// clearing is the price at which an auction for the product clears in the hour
// that starts at h, for a line item with the given floor.
func (p *product) clearing(h time.Time, model adserver.PricingModel, c money.Currency, floor money.Micros) money.Micros {
	for _, price := range p.Prices {
		if price.PricingModel != model || price.Currency != c {
			continue
		}
		// The mean of two draws makes the middle more likely than the ends.
		d := p.draw(h, "price")
		middle := int64(d>>32%uint64(Whole)+d&0xffffffff%uint64(Whole)) / 2
		spread := mulDiv(int64(price.Guidance-price.Floor), middle, int64(Whole))
		return max(floor, price.Floor+money.Micros(spread))
	}
	return floor
}

// draw is a number that depends on the seed, the product, the hour and what it is for.
func (p *product) draw(h time.Time, what string) uint64 {
	return mix(p.seed ^ mix(uint64(h.Unix())^hashString(what)))
}

// weight is the share of [from, to) in the expected supply, relative to other spans
// of time. It is exact to the millisecond, and the weights of parts add up.
func (p *product) weight(from, to time.Time) int64 {
	from, to = from.Truncate(time.Millisecond), to.Truncate(time.Millisecond)
	if !from.Before(to) {
		return 0
	}
	first, last := from.Truncate(time.Hour), to.Truncate(time.Hour)
	if first.Equal(last) {
		return p.hourWeight(first) * to.Sub(from).Milliseconds()
	}
	w := p.hourWeight(first) * first.Add(time.Hour).Sub(from).Milliseconds()
	w += p.hourWeight(last) * to.Sub(last).Milliseconds()
	return w + p.weights(first.Add(time.Hour), last)*time.Hour.Milliseconds()
}

func hourOfWeek(h time.Time) int { return int(h.Weekday())*24 + h.Hour() }

func (p *product) hourWeight(h time.Time) int64 {
	i := hourOfWeek(h)
	return p.week[i+1] - p.week[i]
}

// weights adds up the weights of the whole hours from first up to last.
func (p *product) weights(first, last time.Time) int64 {
	const hours = 7 * 24
	n := int64(last.Sub(first) / time.Hour)
	w := n / hours * p.week[hours]
	i, rest := hourOfWeek(first), int(n%hours)
	if i+rest <= hours {
		return w + p.week[i+rest] - p.week[i]
	}
	return w + p.week[hours] - p.week[i] + p.week[i+rest-hours]
}
