package buyer

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// valued is an offer with its price turned into the cost of the brief's outcome.
type valued struct {
	Offer
	channel  string
	currency money.Currency
	rates    Rates
	// unit and per tell what a unit of the price buys: unit/per impressions.
	unit, per int64
	// counts is how many in a million of its outcomes count, under says why not all.
	counts int64
	under  string
	// price is what a unit is expected to cost; bid is what is offered for it in an auction.
	price, bid money.Micros
	// cpm is the expected cost of a thousand impressions, cost that of a thousand outcomes.
	cpm, cost money.Micros
	// least and most bound a line's budget, in whole coins; most is never 0.
	least, most money.Micros
	// capped says what bounds most, for people.
	capped string
	// options is how many usable prices the product had, and others says how they compare.
	options int
	others  string
}

// value turns an offer's price into the cost of the outcome, or says why the
// offer cannot be used. now and the brief decide; no text of the seller does.
func value(in Intent, o Offer, now time.Time) (valued, string) {
	v := valued{Offer: o, currency: in.Budget.Currency}
	if o.Currency != string(in.Budget.Currency) {
		return v, fmt.Sprintf("priced in %s, the brief is in %s; no exchange rate is configured", o.Currency, in.Budget.Currency)
	}
	if !o.ExpiresAt.IsZero() && !o.ExpiresAt.After(now) {
		return v, "the offer expired on " + o.ExpiresAt.UTC().Format(time.DateOnly)
	}
	if !o.BookBy.IsZero() && o.BookBy.Before(now) {
		return v, "it had to be booked by " + o.BookBy.UTC().Format(time.DateOnly)
	}
	if reason := v.fit(in); reason != "" {
		return v, reason
	}
	v.rates = o.rates(v.channel)
	if reason := v.measure(); reason != "" {
		return v, reason
	}
	if reason := v.settlePrice(in); reason != "" {
		return v, reason
	}
	rate := v.rates.of(in.Outcome)
	if rate == 0 {
		return v, fmt.Sprintf("%s brings no %s, which the brief is after", v.channel, in.Outcome)
	}
	v.cpm = scale(v.price, []int64{1000, v.per}, []int64{v.unit})
	v.handicap(in.Floors)
	v.cost = scale(v.price, []int64{million, 1000, v.per, million}, []int64{v.unit, rate, v.counts})
	if v.cpm <= 0 || v.cost <= 0 || v.cost == math.MaxInt64 {
		return v, "its price cannot be compared: " + v.show(v.price) + " for " + v.unitName()
	}
	return v, v.bound(in)
}

// handicap makes an offer whose expected rates stay under the brief's count for
// less, in proportion. Rates that its channel does not have are not held against it.
func (v *valued) handicap(floors Rates) {
	v.counts = million
	var said []string
	for _, r := range []struct {
		floor, rate int64
		what        string
	}{
		{floors.Viewable, v.rates.Viewable, "viewability"},
		{floors.Complete, v.rates.Complete, "completion"},
		{floors.Click, v.rates.Click, "click rate"},
	} {
		if r.rate > 0 && r.rate < r.floor {
			v.counts = int64(money.Micros(v.counts).MulDiv(r.rate, r.floor))
			said = append(said, fmt.Sprintf("expected %s of %s is under the brief's %s", r.what, percent(r.rate), percent(r.floor)))
		}
	}
	if v.counts = max(v.counts, 1); len(said) > 0 {
		v.under = fmt.Sprintf("its %s, so it counts at %s", strings.Join(said, " and its "), percent(v.counts/10_000*10_000))
	}
}

// fit checks where and on what the offer runs.
func (v *valued) fit(in Intent) string {
	switch {
	case len(in.Channels) == 0 && len(v.Channels) == 0:
		v.channel = "display"
	case len(in.Channels) == 0:
		v.channel = v.Channels[0]
	case len(v.Channels) == 0:
		return "it does not say on which channel it runs, and the brief asks for " + listed(in.Channels)
	default:
		i := slices.IndexFunc(v.Channels, func(c string) bool { return slices.Contains(in.Channels, c) })
		if i < 0 {
			return fmt.Sprintf("runs on %s; the brief asks for %s", listed(v.Channels), listed(in.Channels))
		}
		v.channel = v.Channels[i]
	}
	if len(in.Countries) > 0 && len(v.Countries) > 0 &&
		!slices.ContainsFunc(v.Countries, func(c string) bool { return slices.Contains(in.Countries, c) }) {
		return fmt.Sprintf("its inventory is in %s; the brief asks for %s", listed(v.Countries), listed(in.Countries))
	}
	return ""
}

// measure finds how many impressions a unit of the price buys.
func (v *valued) measure() string {
	v.per = 1
	var rate int64
	switch v.Model {
	case ModelCPM:
		v.unit = 1000
		return ""
	case ModelVCPM:
		v.unit, v.per = 1000*million, v.rates.Viewable
		return ""
	case ModelCPP:
		if v.unit = v.ImpressionsPerUnit; v.unit <= 0 {
			return "priced by the rating point without a forecast of impressions and points, so it cannot be compared"
		}
		return ""
	case ModelFlatRate, ModelTime:
		if v.unit = v.Estimated; v.unit <= 0 {
			return fmt.Sprintf("priced for %s without an estimate of impressions, so it cannot be compared", v.unitName())
		}
		if v.Model == ModelTime {
			if v.TimeUnits <= 0 {
				return "sold by time in units that the flight does not fit"
			}
			v.per = v.TimeUnits
		}
		return ""
	case ModelCPC:
		rate = v.rates.Click
	case ModelCPV:
		rate = v.rates.View
	case ModelCPCV:
		rate = v.rates.Complete
	case ModelCPA:
		rate = v.rates.Convert
	default:
		return fmt.Sprintf("its pricing model %q is not known", cut(string(v.Model), 20))
	}
	if rate == 0 {
		return fmt.Sprintf("priced for %s, which %s has no rate for, so it cannot be compared", v.unitName(), v.channel)
	}
	v.unit, v.per = million, rate
	return ""
}

// settlePrice decides what is paid for a unit, within the brief's ceilings.
func (v *valued) settlePrice(in Intent) string {
	ceiling, why := v.ceiling(in)
	if !v.Auction {
		if v.Fixed <= 0 {
			return "its price is zero, which is no price to plan with"
		}
		if ceiling > 0 && v.Fixed > ceiling {
			return v.tooDear(v.Fixed, in, why)
		}
		v.price = v.Fixed
		return ""
	}
	target := v.Guidance50
	if v.BidIsCeiling || target == 0 {
		target = max(v.Guidance75, v.Guidance50)
	}
	if target == 0 {
		target = v.Floor.MulDiv(6, 5)
	}
	target = max(target, v.Floor)
	if target <= 0 {
		return "an auction without a floor or guidance: there is nothing to bid by"
	}
	if ceiling > 0 && v.Floor > ceiling {
		return v.tooDear(v.Floor, in, why)
	}
	if ceiling > 0 {
		target = min(target, ceiling)
	}
	// Bids are in whole coins, as far as the floor lets them be.
	if coins := target.Floor(v.currency); coins >= v.Floor && coins > 0 {
		target = coins
	}
	v.bid, v.price = target, target
	if v.BidIsCeiling && v.Guidance50 > 0 {
		v.price = max(v.Floor, min(target, v.Guidance50))
	}
	return ""
}

// ceiling is the highest price of one unit that the brief allows, and which
// rule of the brief says so; 0 where none does.
func (v *valued) ceiling(in Intent) (money.Micros, string) {
	ceiling, why := in.Ceilings[string(v.Model)], "price"
	if in.MaxCPM > 0 {
		byCPM := scale(in.MaxCPM, []int64{v.unit}, []int64{1000, v.per})
		if ceiling == 0 || byCPM < ceiling {
			ceiling, why = byCPM, "CPM"
		}
	}
	return ceiling, why
}

func (v *valued) tooDear(price money.Micros, in Intent, why string) string {
	kind := "its price"
	if v.Auction {
		kind = "its floor"
	}
	if why != "CPM" {
		return fmt.Sprintf("%s of %s for %s is above the brief's ceiling of %s",
			kind, v.show(price), v.unitName(), v.show(in.Ceilings[string(v.Model)]))
	}
	cpm := scale(price, []int64{1000, v.per}, []int64{v.unit})
	if v.Model == ModelCPM {
		return fmt.Sprintf("%s of %s CPM is above the brief's ceiling of %s", kind, v.show(price), v.show(in.MaxCPM))
	}
	return fmt.Sprintf("%s of %s for %s comes to %s CPM, above the brief's ceiling of %s",
		kind, v.show(price), v.unitName(), v.show(cpm), v.show(in.MaxCPM))
}

// bound finds the least and the most that a line may hold, in whole coins.
func (v *valued) bound(in Intent) string {
	budget, coin := in.Budget.Micros.Floor(v.currency), v.currency.Unit()
	ceil := func(m money.Micros) money.Micros { return -(-m).Floor(v.currency) }
	if v.lump() {
		whole := ceil(v.price)
		if v.Model == ModelTime {
			whole = ceil(v.price.MulDiv(v.TimeUnits, 1))
		}
		v.least, v.most, v.capped = whole, whole, "it is sold whole"
		if whole > budget {
			return fmt.Sprintf("its price of %s for the flight is more than the budget of %s", v.show(whole), v.show(budget))
		}
		if v.MinSpend > whole {
			return fmt.Sprintf("its least spend of %s is more than its price for the flight of %s", v.show(v.MinSpend), v.show(whole))
		}
		if v.MaxSpend > 0 && v.MaxSpend < whole {
			return "the seller's forecast does not reach its price"
		}
		return ""
	}
	v.least, v.most = max(ceil(v.MinSpend), coin), budget
	if v.least > budget {
		return fmt.Sprintf("its least spend of %s is more than the budget of %s", v.show(v.least), v.show(budget))
	}
	if v.Available > 0 {
		if worth := scale(v.price, []int64{v.Available, v.per}, []int64{v.unit}).Floor(v.currency); worth < v.most {
			v.most = worth
			v.capped = fmt.Sprintf("the seller forecasts %s impressions", grouped(v.Available))
		}
	}
	if v.MaxSpend > 0 && v.MaxSpend.Floor(v.currency) < v.most {
		v.most, v.capped = v.MaxSpend.Floor(v.currency), "the seller's forecast ends there"
	}
	if v.most < coin {
		return "nothing of it is available in the flight"
	}
	if v.least > v.most {
		return fmt.Sprintf("its least spend of %s is more than what it has available is worth (%s)", v.show(v.least), v.show(v.most))
	}
	return ""
}

// impressions are what an amount is expected to buy.
func (v *valued) impressions(amount money.Micros) int64 {
	if v.lump() {
		return v.Estimated
	}
	return int64(scale(amount, []int64{v.unit}, []int64{int64(v.price), v.per}))
}

// outcomes are what an amount is expected to bring.
func (v *valued) outcomes(amount money.Micros, o Outcome) int64 {
	return int64(scale(money.Micros(v.impressions(amount)), []int64{v.rates.of(o), v.counts}, []int64{million, million}))
}

func (v *valued) show(m money.Micros) string { return m.Format(v.currency) + " " + string(v.currency) }

// showCost is the cost of the outcome as people say it.
func (v *valued) showCost(o Outcome) string { return v.show(costOf(v.cost, o)) + " per " + o.each() }

// costOf turns the cost of a thousand outcomes into the cost that is told: in
// hundredths of a unit, rounded up, and finer below one unit, so that a cost is
// never told as nothing.
func costOf(thousand money.Micros, o Outcome) money.Micros {
	if o.perThousand() {
		return roundUp(thousand, 10_000)
	}
	each := thousand / 1000
	if thousand%1000 > 0 {
		each++
	}
	if each >= money.Unit {
		return roundUp(each, 10_000)
	}
	return roundUp(each, 100)
}

func roundUp(m, step money.Micros) money.Micros {
	if r := m % step; r > 0 {
		return m + step - r
	}
	return m
}

// unitName says what one unit of the price is.
func (v *valued) unitName() string {
	switch v.Model {
	case ModelCPM:
		return "a thousand impressions"
	case ModelVCPM:
		return "a thousand viewable impressions"
	case ModelCPC:
		return "a click"
	case ModelCPCV:
		return "a completed view"
	case ModelCPV:
		return "a view"
	case ModelCPP:
		return "a rating point"
	case ModelCPA:
		return "an action"
	case ModelTime:
		return "a unit of time"
	}
	return "the flight"
}

// scale is m times the numerators over the denominators, rounded toward zero,
// exact in between and saturating at the range of money.
func scale(m money.Micros, numerators, denominators []int64) money.Micros {
	n, d := big.NewInt(int64(m)), big.NewInt(1)
	for _, x := range numerators {
		n.Mul(n, big.NewInt(x))
	}
	for _, x := range denominators {
		d.Mul(d, big.NewInt(x))
	}
	if d.Sign() <= 0 {
		return 0
	}
	if n.Quo(n, d); n.IsInt64() {
		return money.Micros(n.Int64())
	}
	return math.MaxInt64
}

// listed joins words for people: "ctv, olv and display".
func listed(words []string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// grouped writes a number with its thousands apart: "1,250,000".
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
