package buyer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// reasoning puts into words why a plan is as it is.
type reasoning struct {
	in     Intent
	offers []valued
	allocated
}

// line is the plan's line for one taken offer.
func (r reasoning) line(campaignID string, i int) Line {
	v, amount := r.offers[i], r.amounts[i]
	l := Line{
		ID: lineID(campaignID, v.Seller, v.ProductID), Seller: v.Seller, ProductID: v.ProductID, Product: v.Product,
		PricingOptionID: v.PricingOptionID, PricingModel: string(v.Model), Channel: v.channel, Guaranteed: v.Guaranteed,
		Budget: amount.Format(v.currency), Currency: string(v.currency),
		EffectiveCPM: roundUp(v.cpm, 10_000).Format(v.currency), CostPerOutcome: costOf(v.cost, r.in.Outcome).Format(v.currency),
		Impressions: v.impressions(amount), Outcomes: v.outcomes(amount, r.in.Outcome),
		Reason: sentences(r.fits(v), r.priced(v), r.outcome(v), v.under, v.others, r.share(i)),
	}
	if v.Auction {
		l.Bid = v.bid.Format(v.currency)
	} else {
		l.Price = v.Fixed.Format(v.currency)
	}
	return l
}

// sentences joins what is said into sentences, each with a capital and a stop.
func sentences(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, strings.ToUpper(p[:1])+p[1:]+".")
		}
	}
	return strings.Join(out, " ")
}

func (r reasoning) fits(v valued) string {
	text := "runs on " + v.channel
	if len(r.in.Countries) > 0 {
		in := slices.DeleteFunc(slices.Clone(r.in.Countries), func(c string) bool {
			return len(v.Countries) > 0 && !slices.Contains(v.Countries, c)
		})
		text += " in " + listed(in)
	}
	if slices.Contains(r.in.Channels, v.channel) {
		text += ", as the brief asks"
	}
	if narrower := append(slices.Clone(r.in.Regions), r.in.Metros...); len(narrower) > 0 {
		text += ", asked for within " + listed(narrower)
	}
	if v.Guaranteed {
		text += ", guaranteed"
	}
	return text
}

// priced says the price, what it comes to and how it stands against the ceiling
// and against what others ask on the channel.
func (r reasoning) priced(v valued) string {
	price := v.show(v.price)
	text := ""
	switch {
	case v.Auction && v.BidIsCeiling:
		text = fmt.Sprintf("bids up to %s for %s, expecting %s", v.show(v.bid), v.unitName(), price)
	case v.Auction:
		text = fmt.Sprintf("bids %s for %s (floor %s)", v.show(v.bid), v.unitName(), v.show(v.Floor))
	case v.Model == ModelTime:
		text = fmt.Sprintf("costs %s for each of %d units of time", price, v.TimeUnits)
	default:
		text = fmt.Sprintf("costs %s for %s", price, v.unitName())
	}
	if v.Model != ModelCPM {
		text += fmt.Sprintf(", which %s is %s CPM", r.conversion(v), v.show(roundUp(v.cpm, 10_000)))
	}
	if r.in.MaxCPM > 0 {
		text += fmt.Sprintf(", within the ceiling of %s", v.show(r.in.MaxCPM))
	}
	peers, median := r.median(v.channel)
	if peers > 1 {
		switch diff := int64(scale(v.cpm-median, []int64{100}, []int64{int64(median)})); {
		case diff < 0:
			text += fmt.Sprintf("; %d %% under the median of %d offers on %s", -diff, peers, v.channel)
		case diff > 0:
			text += fmt.Sprintf("; %d %% over the median of %d offers on %s", diff, peers, v.channel)
		default:
			text += fmt.Sprintf("; at the median of %d offers on %s", peers, v.channel)
		}
	}
	return text
}

// conversion says by which rate a price becomes one of a thousand impressions.
func (r reasoning) conversion(v valued) string {
	rate := func(seen, used int64, what string) string {
		if seen > 0 {
			return fmt.Sprintf("at the %s of %s that the seller forecasts", what, percent(used))
		}
		return fmt.Sprintf("at an assumed %s of %s", what, percent(used))
	}
	switch v.Model {
	case ModelVCPM:
		return rate(v.Seen.Viewable, v.rates.Viewable, "viewability")
	case ModelCPC:
		return rate(v.Seen.Click, v.rates.Click, "click rate")
	case ModelCPV:
		return rate(v.Seen.View, v.rates.View, "view rate")
	case ModelCPCV:
		return rate(v.Seen.Complete, v.rates.Complete, "completion rate")
	case ModelCPA:
		return rate(v.Seen.Convert, v.rates.Convert, "conversion rate")
	case ModelCPP:
		return fmt.Sprintf("at the forecast of %s impressions a point", grouped(v.unit))
	}
	return fmt.Sprintf("for an estimated %s impressions", grouped(v.Estimated))
}

// outcome says what the price means for the brief's own aim.
func (r reasoning) outcome(v valued) string {
	return fmt.Sprintf("that is %s", v.showCost(r.in.Outcome))
}

// share says how much of the budget the line takes and what set that.
func (r reasoning) share(i int) string {
	v, amount := r.offers[i], r.amounts[i]
	text := fmt.Sprintf("takes %s of the budget", percent(int64(scale(amount, []int64{10_000}, []int64{int64(r.in.Budget.Micros)}))*100))
	switch {
	case v.lump():
		return text + ": it is sold whole"
	case len(r.offers) == 1:
		if v.most == amount && v.capped != "" {
			return text + ": " + v.capped
		}
		return text + ": it is the only offer that fits"
	case amount >= v.most && v.capped != "":
		return text + ", all that can be had: " + v.capped
	case amount == v.least && v.MinSpend > 0:
		return text + ", the seller's least spend"
	case r.spread.line < 100 && amount+r.quantum > r.lineCap:
		return text + fmt.Sprintf(", the most that one line may take (%d %%)", r.spread.line)
	case r.full(v.Seller, func(o valued) string { return o.Seller }, r.spread.seller):
		return text + fmt.Sprintf("; the seller has its full %d %%", r.spread.seller)
	case len(r.in.Shares) == 0 && r.full(v.channel, func(o valued) string { return o.channel }, r.spread.channel):
		return text + fmt.Sprintf("; the channel has its full %d %%", r.spread.channel)
	case len(r.in.Shares) > 0:
		return text + fmt.Sprintf("; the brief gives %s %s", v.channel, percent(r.in.Shares[v.channel]*100))
	}
	return text + ", up to where more would do as much elsewhere"
}

// full reports whether what shares the key has, but for a quantum, all it may have.
func (r reasoning) full(key string, of func(valued) string, percent int64) bool {
	if percent == 100 {
		return false
	}
	var sum money.Micros
	for i, v := range r.offers {
		if of(v) == key {
			sum += r.amounts[i]
		}
	}
	return sum+r.quantum > r.in.Budget.Micros.MulDiv(percent, 100)
}

// median is the number of usable offers on a channel and the median of their CPM.
func (r reasoning) median(channel string) (int, money.Micros) {
	var cpms []money.Micros
	for _, v := range r.offers {
		if v.channel == channel {
			cpms = append(cpms, v.cpm)
		}
	}
	slices.Sort(cpms)
	if len(cpms) == 0 {
		return 0, 0
	}
	return len(cpms), cpms[len(cpms)/2]
}

// passedOver says why an offer that fits got nothing.
func (r reasoning) passedOver(v valued) string {
	if v.least > r.lineCap {
		what := "least spend"
		if v.lump() {
			what = "price for the flight"
		}
		return fmt.Sprintf("fits, but its %s of %s is more than the %d %% of the budget that one line may take",
			what, v.show(v.least), r.spread.line)
	}
	if len(r.in.Shares) > 0 && r.in.Shares[v.channel] == 0 {
		return fmt.Sprintf("the brief gives %s no share of the budget", v.channel)
	}
	var dearest money.Micros
	for i, o := range r.offers {
		if r.amounts[i] > 0 {
			dearest = max(dearest, o.cost)
		}
	}
	text := fmt.Sprintf("fits, but comes to %s", v.showCost(r.in.Outcome))
	if v.cost > dearest {
		return text + fmt.Sprintf("; the dearest line taken comes to %s", v.show(costOf(dearest, r.in.Outcome)))
	}
	if v.least > r.quantum {
		return text + fmt.Sprintf(" and must take %s or nothing; the same money brings more on the lines taken", v.show(v.least))
	}
	return text + "; the same money brings more on the lines taken, within what one line, seller and channel may take"
}

// unallocated says why something of the budget is left.
func (r reasoning) unallocated() string {
	left := r.in.Budget.Micros - r.total()
	if left == 0 {
		return ""
	}
	if left < r.in.Budget.Currency.Unit() {
		return "less than the currency's smallest coin"
	}
	var bounds []string
	for i, v := range r.offers {
		if r.amounts[i] > 0 && r.amounts[i] >= v.most && v.capped != "" {
			bounds = append(bounds, fmt.Sprintf("%s of %s is bought out (%s)", v.ProductID, v.Seller, v.capped))
		}
	}
	if len(bounds) > 3 {
		bounds = append(bounds[:3], fmt.Sprintf("and %d more", len(bounds)-3))
	}
	if len(r.in.Shares) > 0 {
		bounds = append(bounds, "the brief's channel shares leave no other room")
	}
	if len(bounds) == 0 {
		return "what is left is less than any further line's least spend"
	}
	return strings.Join(bounds, "; ") + "; no other offer that fits can take the rest"
}

// assumptions lists the rates that planning assumed where sellers stated none.
func (r reasoning) assumptions() []string {
	said := []string{}
	note := func(text string) {
		if !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	for _, v := range r.offers {
		if r.in.Outcome == OutcomeImpressions {
			note(fmt.Sprintf("%s: an impression counts %s of one on a television set", v.channel, percent(v.rates.Attention)))
		}
		for _, a := range []struct {
			needed     bool
			seen, used int64
			what       string
		}{
			{v.Model == ModelVCPM || r.in.Outcome == OutcomeViewable || r.in.Floors.Viewable > 0, v.Seen.Viewable, v.rates.Viewable, "viewability"},
			{v.Model == ModelCPC || r.in.Outcome == OutcomeClicks, v.Seen.Click, v.rates.Click, "click rate"},
			{v.Model == ModelCPV, v.Seen.View, v.rates.View, "view rate"},
			{v.Model == ModelCPCV || r.in.Outcome == OutcomeCompletedViews, v.Seen.Complete, v.rates.Complete, "completion rate"},
			{v.Model == ModelCPA || r.in.Outcome == OutcomeActions, v.Seen.Convert, v.rates.Convert, "conversion rate"},
		} {
			if a.needed && a.seen == 0 {
				note(fmt.Sprintf("%s: %s of %s", v.channel, a.what, percent(a.used)))
			}
		}
	}
	slices.Sort(said)
	return said
}
