package buyer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/internal/money"
)

// grain is how many quanta a budget is divided into: half a per cent each.
const grain = 200

// crumb is the least part of the budget, in hundredths of a per cent, that is
// worth the work of a line of its own.
const crumb = 200

// spread is how much of the budget, in per cent, one line, one seller and one
// channel may take.
type spread struct{ line, seller, channel int64 }

// spreads are tried in order; the first under which the budget can be placed is
// taken, so that a plan is only as concentrated as it has to be.
var spreads = []spread{{40, 50, 60}, {50, 65, 75}, {65, 80, 90}, {100, 100, 100}}

// allocated is how a budget was given out.
type allocated struct {
	// amounts are in whole coins, one for each offer, zero for those not taken.
	amounts []money.Micros
	spread  spread
	sellers int
	// exact reports that no better split exists within the limits, at this grain.
	exact bool
	// lineCap and quantum are in micros, for reasons.
	lineCap, quantum money.Micros
}

func (a allocated) total() (sum money.Micros) {
	for _, m := range a.amounts {
		sum += m
	}
	return sum
}

// allocate splits the budget over the offers, which are in canonical order, one
// for each product.
func allocate(in Intent, offers []valued) allocated {
	budget := in.Budget.Micros.Floor(in.Budget.Currency)
	coin := in.Budget.Currency.Unit()
	quantum := max((budget / grain).Floor(in.Budget.Currency), coin)
	var best allocated
	for i, limit := range spreads {
		a := allocateWithin(in, offers, limit, budget, quantum)
		if i == 0 || a.total() > best.total() {
			best = a
		}
		// What is left after rounding to quanta is no reason to concentrate more.
		if budget-best.total() <= quantum {
			break
		}
	}
	return best
}

func allocateWithin(in Intent, offers []valued, limit spread, budget, quantum money.Micros) allocated {
	sellers, channels := index(offers, func(v valued) string { return v.Seller }), index(offers, func(v valued) string { return v.channel })
	share := func(of int64, alone bool) int64 {
		if alone {
			return 100
		}
		return of
	}
	limit = spread{share(limit.line, len(offers) == 1), share(limit.seller, len(sellers) == 1), share(limit.channel, len(channels) == 1)}
	p := problem{quanta: int64(budget / quantum)}
	inQuanta := func(percent int64) int64 { return max(p.quanta*percent/100, 1) }
	for range sellers {
		p.sellerCap = append(p.sellerCap, inQuanta(limit.seller))
	}
	for _, c := range channels {
		most := inQuanta(limit.channel)
		if len(in.Shares) > 0 {
			most = p.quanta * in.Shares[c] / 10_000
		}
		p.channelCap = append(p.channelCap, most)
	}
	cheapest := offers[0].cost
	for _, v := range offers {
		cheapest = min(cheapest, v.cost)
	}
	ceil := func(m money.Micros) int64 { return int64((m + quantum - 1) / quantum) }
	for _, v := range offers {
		s := slot{seller: slices.Index(sellers, v.Seller), channel: slices.Index(channels, v.channel)}
		s.rate = max(int64(scale(worth, []int64{int64(cheapest)}, []int64{int64(v.cost)})), 1)
		s.most = min(ceil(v.most), inQuanta(limit.line))
		s.least = min(ceil(v.least), p.quanta)
		if !v.lump() {
			s.least = max(s.least, min(p.quanta*crumb/10_000, ceil(v.most)), 1)
		}
		s.half = max(min(p.quanta/2, ceil(v.most)), 1)
		p.slots = append(p.slots, s)
	}
	quanta, exact := p.solve()
	a := allocated{
		amounts: make([]money.Micros, len(offers)), spread: limit, sellers: len(sellers), exact: exact,
		lineCap: quantum * money.Micros(inQuanta(limit.line)), quantum: quantum,
	}
	for i, x := range quanta {
		if x > 0 {
			a.amounts[i] = max(min(quantum*money.Micros(x), offers[i].most), offers[i].least)
		}
	}
	a.topUp(in, offers, budget)
	return a
}

// topUp gives the coins that were lost to rounding to the lines that make most
// of them, within every limit.
func (a allocated) topUp(in Intent, offers []valued, budget money.Micros) {
	left := budget - a.total()
	bySeller, byChannel := map[string]money.Micros{}, map[string]money.Micros{}
	order := make([]int, 0, len(offers))
	for i, v := range offers {
		bySeller[v.Seller] += a.amounts[i]
		byChannel[v.channel] += a.amounts[i]
		if a.amounts[i] > 0 && !v.lump() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(offers[i].cost, offers[j].cost) })
	for _, i := range order {
		v := offers[i]
		capOf := func(percent int64) money.Micros {
			if percent == 100 {
				return budget
			}
			return budget.MulDiv(percent, 100)
		}
		channelCap := capOf(a.spread.channel)
		if len(in.Shares) > 0 {
			channelCap = budget.MulDiv(in.Shares[v.channel], 10_000)
		}
		more := min(left, v.most-a.amounts[i], capOf(a.spread.line)-a.amounts[i],
			capOf(a.spread.seller)-bySeller[v.Seller], channelCap-byChannel[v.channel]).Floor(in.Budget.Currency)
		if more <= 0 {
			continue
		}
		a.amounts[i] += more
		bySeller[v.Seller] += more
		byChannel[v.channel] += more
		left -= more
	}
}

// method says in words how the split was found.
func (a allocated) method(o Outcome) string {
	text := fmt.Sprintf("most %s for the budget with diminishing returns", o)
	if a.exact {
		text += ", solved exactly in steps of half a per cent"
	} else {
		text += ", the best found within the search's bound"
	}
	if a.spread.line < 100 || a.spread.seller < 100 || a.spread.channel < 100 {
		text += fmt.Sprintf("; at most %d %% on one line, %d %% at one seller, %d %% on one channel",
			a.spread.line, a.spread.seller, a.spread.channel)
	}
	return text
}

// index lists the distinct keys of the offers, sorted.
func index(offers []valued, key func(valued) string) []string {
	var keys []string
	for _, v := range offers {
		keys = append(keys, key(v))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
