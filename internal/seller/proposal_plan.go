package seller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
)

// maxPlanned is how many products a plan looks at, best first, and maxLines how
// many a drafted plan takes.
const (
	maxPlanned = 12
	maxLines   = 4
)

// planner makes plans out of offers. It decides by whole numbers only, so that
// the same offers, wishes and ledger give the same plans on every machine.
type planner struct {
	*Service
	queries *store.Queries
	now     time.Time
	wishes
}

// planLine is a product that a plan may take, at the price that suits it best.
type planLine struct {
	product *Product
	price   PricingOption
	bid     money.Micros
	reason  string
	// least and most bound its part of the budget: the price's minimum, and what
	// is there to buy.
	least, most money.Micros
	// thousand is about what a thousand impressions cost.
	thousand money.Micros
	// weight is its part of the budget before least and most are looked at.
	weight int64
}

// lines turns offers into lines: those that the wishes allow and that have
// something left.
func (pl *planner) lines(ctx context.Context, offers []offer) ([]planLine, error) {
	offers = pl.suited(offers)
	pl.leadIn(offers)
	var out []planLine
	for _, o := range offers {
		if pl.dated && pl.start.Before(pl.now.Add(o.product.LeadTime)) {
			continue
		}
		l, ok := pl.priced(o)
		if !ok {
			continue
		}
		if ok, err := pl.bound(ctx, &l); err != nil {
			return nil, err
		} else if ok {
			out = append(out, l)
		}
	}
	return out, nil
}

// bound finds out what the line must and can take; false where it can take nothing.
func (pl *planner) bound(ctx context.Context, l *planLine) (bool, error) {
	if len(pl.countries) > 0 && !overlap(l.product.Countries, pl.countries) {
		return false, nil
	}
	left, err := pl.left(ctx, l.product)
	if err != nil {
		return false, err
	}
	pkg := pl.proposalOf("", "").packageOf(l.allocation(), 0)
	l.least = max(pkg.leastBudget(), pl.currency.Unit())
	l.most = pkg.budgetFor(l.product, left)
	return l.most >= l.least, nil
}

// suited are the best offers that run where and on what the wishes say.
func (pl *planner) suited(offers []offer) []offer {
	fits := func(o offer, channels []string) bool {
		return (len(pl.countries) == 0 || overlap(o.product.Countries, pl.countries)) && (len(channels) == 0 || overlap(o.product.Channels, channels))
	}
	channels := pl.channels
	if !slices.ContainsFunc(offers, func(o offer) bool { return fits(o, channels) }) {
		channels = nil // the brief's words for channels find nothing: they are wishes, not filters
	}
	var out []offer
	for _, o := range offers {
		if fits(o, channels) && len(out) < maxPlanned {
			out = append(out, o)
		}
	}
	return out
}

// leadIn moves a flight that nobody named to when every product can start.
func (pl *planner) leadIn(offers []offer) {
	if pl.dated {
		return
	}
	for _, o := range offers {
		if earliest := pl.now.Add(o.product.LeadTime); pl.start.Before(earliest) {
			pl.start = earliest.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		}
	}
	pl.end = pl.start.AddDate(0, 0, planDays)
}

// priced chooses a product's price: the cheapest fixed price for impressions or
// what follows from them, else the auction that usually ends lowest. Prices for
// a whole flight do not go by parts of a budget and are left to packages.
func (pl *planner) priced(o offer) (planLine, bool) {
	best, found := planLine{}, false
	for _, price := range o.prices {
		if price.Currency != pl.currency || price.Model == adserver.FlatRate || price.Model == adserver.TimeRate {
			continue
		}
		l := planLine{product: o.product, price: price, reason: o.reason}
		unit := price.Fixed
		if price.Auction {
			l.bid = cmp.Or(price.Guidance.P50, price.Guidance.P75, price.Floor)
			unit = l.bid
		}
		units, each := price.counts(o.product)
		if unit <= 0 || units <= 0 || each <= 0 {
			continue
		}
		l.thousand = unit.MulDiv(1000*int64(each), units*int64(Whole))
		better := !found || best.price.Auction && !price.Auction || best.price.Auction == price.Auction && l.thousand < best.thousand
		if better {
			best, found = l, true
		}
	}
	return best, found
}

// left is how many impressions of the product there are to plan with: of a
// guaranteed one what the ledger has left, of another what the forecast expects.
func (pl *planner) left(ctx context.Context, product *Product) (int64, error) {
	countries := pl.proposalOf("", "").countriesOf(product)
	if product.Guaranteed {
		claim := inventory.Claim{Product: product.inLedger(), Start: pl.start, End: pl.end, Countries: countries}
		return pl.ledger().Left(ctx, pl.queries, product.capacity(), claim, pl.now)
	}
	share := Whole
	if len(countries) > 0 {
		share = product.shareIn(countries)
	}
	return product.Forecast.impressions(flight{pl.start, pl.end.AddDate(0, 0, -1)}.days(), share), nil
}

func (l *planLine) allocation() *Allocation {
	return &Allocation{Product: l.product, Price: l.price, Bid: l.bid}
}

func (pl *planner) proposalOf(strategy, name string) *Proposal {
	return &Proposal{Strategy: strategy, Name: name, Currency: pl.currency, Start: pl.start, End: pl.end, Countries: pl.countries}
}

// strategy is a way to choose lines, best first.
type strategy struct {
	name, title string
	keep        func(planLine) bool
	order       func(a, b planLine) int
	// perChannel is how many lines one channel may have; 0 is any number.
	perChannel int
	weights    [maxLines]int64
}

// strategies are the plans that a brief is answered with.
var strategies = []strategy{
	{name: "balanced", title: "Balanced plan", perChannel: 2, weights: [maxLines]int64{40, 30, 20, 10}},
	{name: "reserved", title: "Reserved plan", keep: func(l planLine) bool { return l.product.Guaranteed }, weights: [maxLines]int64{40, 30, 20, 10}},
	{name: "flexible", title: "Flexible plan", keep: func(l planLine) bool { return !l.product.Guaranteed }, weights: [maxLines]int64{40, 30, 20, 10}},
	{
		name: "economical", title: "Economical plan", weights: [maxLines]int64{40, 30, 20, 10},
		order: func(a, b planLine) int { return cmp.Compare(a.thousand, b.thousand) },
	},
}

// maxProposals is how many plans a brief is answered with.
const maxProposals = 3

// plans makes a plan by each strategy, leaving out those that say the same as one
// before. Plans that are booked without waiting for a person come first.
func (pl *planner) plans(lines []planLine) []*Proposal {
	var out []*Proposal
	for _, s := range strategies {
		p, ok := pl.fill(pl.proposalOf(s.name, s.title), s.choose(lines), pl.budget)
		if ok && len(out) < maxProposals && !slices.ContainsFunc(out, p.saysTheSame) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *Proposal) int { return a.persons() - b.persons() })
	return out
}

// persons is 1 where a person decides on an order of the plan, else 0.
func (p *Proposal) persons() int {
	if slices.ContainsFunc(p.Allocations, func(a Allocation) bool { return a.Product.Approval == ApprovalManual }) {
		return 1
	}
	return 0
}

func (s strategy) choose(lines []planLine) []planLine {
	lines = slices.Clone(lines)
	if s.order != nil {
		slices.SortStableFunc(lines, s.order)
	}
	var out []planLine
	taken := map[string]int{}
	for _, l := range lines {
		channel := l.product.Channels[0]
		if len(out) == maxLines || s.keep != nil && !s.keep(l) || s.perChannel > 0 && taken[channel] == s.perChannel {
			continue
		}
		taken[channel]++
		l.weight = s.weights[len(out)]
		out = append(out, l)
	}
	return out
}

// saysTheSame tells whether two plans allocate alike.
func (p *Proposal) saysTheSame(q *Proposal) bool {
	return p.Budget == q.Budget && slices.EqualFunc(p.Allocations, q.Allocations, func(a, b Allocation) bool {
		return a.Product.ID == b.Product.ID && a.Price.ID == b.Price.ID && a.Share == b.Share
	})
}

// fill divides the budget over the lines by their weights, within what each must
// and can take. What there is not enough money for, or not enough of, gives way;
// where all lines together cannot take the budget, the plan is for less. A budget
// of zero becomes what a tenth of the scarcest line's impressions would suggest.
func (pl *planner) fill(p *Proposal, lines []planLine, budget money.Micros) (*Proposal, bool) {
	for len(lines) > 0 {
		most, least := money.Micros(0), money.Micros(0)
		for _, l := range lines {
			most, least = min(most+l.most, maxBudget), least+l.least
		}
		total := budget
		if total == 0 {
			total = max(most/10, 2*least).Floor(pl.currency)
		}
		wanted := total
		if total > most {
			total = (most - most/100).Floor(pl.currency)
		}
		shares, tight := shareOut(lines, total, pl.currency.Unit())
		if tight >= 0 {
			lines = slices.Delete(slices.Clone(lines), tight, tight+1)
			continue
		}
		p.Budget = total
		pl.allocate(p, lines, shares)
		if budget > 0 && total < wanted {
			p.Alignment += fmt.Sprintf(" There is not enough left for %s: this takes what there is.", money.Amount{Micros: wanted, Currency: pl.currency})
		}
		return p, true
	}
	return nil, false
}

// allocate writes the lines into the plan.
func (pl *planner) allocate(p *Proposal, lines []planLine, shares []int64) {
	for i := range lines {
		a := lines[i].allocation()
		a.Share = Rate(shares[i]) * shareStep
		p.Allocations = append(p.Allocations, *a)
	}
	var channels []string
	reserved := Rate(0)
	for i, budget := range p.budgets(p.Budget) {
		a := &p.Allocations[i]
		a.Impressions = p.packageOf(a, budget).claim(a.Product).Impressions
		a.Rationale = a.rationale(lines[i].reason)
		for _, c := range a.Product.Channels {
			channels = include(channels, c)
		}
		if a.Product.Guaranteed {
			reserved += a.Share
		}
	}
	p.Description = fmt.Sprintf("%s on %s, none of it reserved.", plural(len(lines), "product"), list(channels))
	if reserved > 0 {
		p.Description = fmt.Sprintf("%s on %s; %s of the budget is for reserved delivery.", plural(len(lines), "product"), list(channels), reserved.percent())
	}
	p.Alignment = pl.spoken(p.Budget)
}

// rationale says why the product is in the plan and what its part buys.
func (a *Allocation) rationale(reason string) string {
	price := a.Price
	if price.Auction {
		price.Auction, price.Fixed = false, a.Bid
	}
	text := fmt.Sprintf("%s of the budget, at %s, for about %d impressions.", a.Share.percent(), price.Spoken(), a.Impressions)
	if reason == "" {
		return text
	}
	return strings.TrimSuffix(reason, ".") + ". " + text
}

// allSteps is all of a budget in the steps that plans tell apart.
const allSteps = int64(Whole / shareStep)

// shareOut divides a budget by the lines' weights into hundredths of a percent,
// within each line's bounds. Where the bounds leave no way, it names the line to
// give up: one that cannot have its minimum, or not even a hundredth of the
// budget, or else the last.
func shareOut(lines []planLine, budget, coin money.Micros) (shares []int64, tight int) {
	lo, hi, weights := make([]int64, len(lines)), make([]int64, len(lines)), make([]int64, len(lines))
	sumLo, sumHi := int64(0), int64(0)
	for i, l := range lines {
		lo[i] = int64(l.least.MulDiv(allSteps, int64(max(budget, 1))))
		if money.Micros(lo[i]).MulDiv(int64(budget), allSteps) < l.least {
			lo[i]++
		}
		// One coin more may go to a line than its share says.
		hi[i] = min(allSteps, int64((l.most-coin).MulDiv(allSteps, int64(max(budget, 1)))))
		if lo[i] > hi[i] || hi[i] < allSteps/100 && len(lines) > 1 {
			return nil, i
		}
		weights[i] = max(l.weight, 1)
		sumLo, sumHi = sumLo+lo[i], sumHi+hi[i]
	}
	if sumLo > allSteps || sumHi < allSteps {
		return nil, len(lines) - 1
	}
	for i, m := range money.Split(money.Micros(allSteps), weights, 1) {
		shares = append(shares, min(max(int64(m), lo[i]), hi[i]))
	}
	for {
		rest := allSteps - sum(shares)
		if rest == 0 {
			return shares, -1
		}
		// Whoever still has room takes its part of what is missing or too much.
		room := make([]int64, len(lines))
		for i := range shares {
			if rest > 0 && shares[i] < hi[i] || rest < 0 && shares[i] > lo[i] {
				room[i] = weights[i]
			}
		}
		sign := rest / max(rest, -rest)
		for i, m := range money.Split(money.Micros(rest*sign), room, 1) {
			shares[i] = min(max(shares[i]+sign*int64(m), lo[i]), hi[i])
		}
	}
}

func sum(list []int64) int64 {
	var n int64
	for _, v := range list {
		n += v
	}
	return n
}
