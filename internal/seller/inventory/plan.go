package inventory

import (
	"math"
	"slices"

	"github.com/upfront-media/upfront/internal/money"
)

// Plan spreads a claim over days and countries so that no day's capacity is
// exceeded, given the lines of all others. Where the claim may come from several
// countries, each gives in proportion to what it has left. What own lines hold
// already stays possible, even where the capacity has shrunk since. Days before
// today are past and not looked at.
//
// The lines add up to the claim exactly; a claim of a share takes its part of
// every day. The error is a [*Shortage].
func Plan(capacity Capacity, claim Claim, others, own []Line, today Day) ([]Line, error) {
	cells := capacity.cells(claim)
	first, last := claim.days()
	if claim.Share > 0 {
		return capacity.planShare(claim, cells, first, last, others, own, today)
	}
	left := capacity.left(cells, claim, others, own, today)
	if total := sum(left); claim.Impressions > total {
		return nil, &Shortage{Product: claim.Product, Wanted: claim.Impressions, Left: total}
	}
	var lines []Line
	for i, n := range money.Split(money.Micros(claim.Impressions), left, 1) {
		lines = append(lines, spread(claim.Product, cells[i].Country, first, last, int64(n))...)
	}
	return lines, nil
}

// Left is the most impressions that the claim could have.
func Left(capacity Capacity, claim Claim, others, own []Line, today Day) int64 {
	claim.Share = 0
	return sum(capacity.left(capacity.cells(claim), claim, others, own, today))
}

// left is the most that the claim could have of each supply.
func (c Capacity) left(cells []CountryCapacity, claim Claim, others, own []Line, today Day) []int64 {
	first, last := claim.days()
	left := make([]int64, len(cells))
	for i, cell := range cells {
		w := c.window(cell, first, last, others, own, today)
		left[i] = min(w.evenly(), max(claim.within(cell.PerDay), w.own))
	}
	return left
}

func sum(list []int64) int64 {
	var n int64
	for _, v := range list {
		n += v
	}
	return n
}

// planShare takes a part of every day.
func (c Capacity) planShare(claim Claim, cells []CountryCapacity, first, last Day, others, own []Line, today Day) ([]Line, error) {
	var lines []Line
	short := &Shortage{Product: claim.Product}
	fits := true
	for _, cell := range cells {
		need := int64(money.Micros(cell.PerDay).MulDiv(claim.Share, Whole))
		w := c.window(cell, first, last, others, own, today)
		least := w.least()
		fits = fits && least >= need && need > 0
		short.Wanted += need * int64(last-first+1)
		short.Left += min(least, need) * int64(last-first+1)
		lines = append(lines, Line{Product: claim.Product, Country: cell.Country, First: first, Last: last, PerDay: need})
	}
	if !fits || len(cells) == 0 {
		return nil, short
	}
	return lines, nil
}

// cells are the supplies that the claim may draw on.
func (c Capacity) cells(claim Claim) []CountryCapacity {
	if len(c.Countries) == 0 {
		return []CountryCapacity{{PerDay: c.PerDay}}
	}
	if len(claim.Countries) == 0 {
		return c.Countries
	}
	return slices.DeleteFunc(slices.Clone(c.Countries), func(cell CountryCapacity) bool {
		return !slices.Contains(claim.Countries, cell.Country)
	})
}

// spread is n impressions evenly over the days; the first days take what is left over.
func spread(product, country string, first, last Day, n int64) []Line {
	each, more := n/int64(last-first+1), Day(n%int64(last-first+1))
	var lines []Line
	if more > 0 {
		lines = append(lines, Line{Product: product, Country: country, First: first, Last: first + more - 1, PerDay: each + 1})
	}
	if each > 0 {
		lines = append(lines, Line{Product: product, Country: country, First: first + more, Last: last, PerDay: each})
	}
	return lines
}

// window is what is free of one supply on each day of a flight.
type window struct {
	free []int64
	own  int64 // what the owner's lines add up to within it
}

// endless is what a day that is past has free.
const endless = math.MaxInt64

// window looks at one supply. A line that was told apart by other countries than
// today's counts against every supply, since it may come from each.
func (c Capacity) window(cell CountryCapacity, first, last Day, others, own []Line, today Day) window {
	known := func(country string) bool {
		return slices.ContainsFunc(c.Countries, func(cell CountryCapacity) bool { return cell.Country == country })
	}
	taken := perDay(first, last, others, func(l Line) bool { return l.Country == cell.Country || !known(l.Country) })
	mine := perDay(first, last, own, func(l Line) bool { return l.Country == cell.Country })
	w := window{free: make([]int64, last-first+1)}
	for i := range w.free {
		w.own += mine[i]
		w.free[i] = max(cell.PerDay-taken[i], mine[i], 0)
		if first+Day(i) < today {
			w.free[i] = endless
		}
	}
	return w
}

// perDay adds up by day those lines that count.
func perDay(first, last Day, lines []Line, counts func(Line) bool) []int64 {
	out := make([]int64, last-first+2)
	for _, l := range lines {
		if l.Last < first || l.First > last || !counts(l) {
			continue
		}
		out[max(l.First, first)-first] += l.PerDay
		out[min(l.Last, last)-first+1] -= l.PerDay
	}
	for i := 1; i < len(out); i++ {
		out[i] += out[i-1]
	}
	return out[:len(out)-1]
}

// least is what is free on the fullest day.
func (w window) least() int64 { return slices.Min(w.free) }

// evenly is the largest number that [spread] fits into the window: as many a day
// as the fullest day takes, and one more on each day before it.
func (w window) evenly() int64 {
	least := w.least()
	if least == endless {
		return endless
	}
	return least*int64(len(w.free)) + int64(slices.Index(w.free, least))
}

// Cover is the least that holds both a and b: on each day the larger of the two.
// It is what is reserved while it is open which of them comes true.
func Cover(a, b []Line) []Line {
	type supply struct{ product, country string }
	var supplies []supply
	for _, l := range slices.Concat(a, b) {
		if s := (supply{l.Product, l.Country}); !slices.Contains(supplies, s) {
			supplies = append(supplies, s)
		}
	}
	every := func(Line) bool { return true }
	var out []Line
	for _, s := range supplies {
		of := func(lines []Line) []Line {
			return slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return l.Product != s.product || l.Country != s.country })
		}
		inA, inB := of(a), of(b)
		var edges []Day
		for _, l := range slices.Concat(inA, inB) {
			edges = append(edges, l.First, l.Last+1)
		}
		slices.Sort(edges)
		edges = slices.Compact(edges)
		for i := range len(edges) - 1 {
			at := edges[i]
			n := max(perDay(at, at, inA, every)[0], perDay(at, at, inB, every)[0])
			if n > 0 {
				out = append(out, Line{Product: s.product, Country: s.country, First: at, Last: edges[i+1] - 1, PerDay: n})
			}
		}
	}
	return out
}
