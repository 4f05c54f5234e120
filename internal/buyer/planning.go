package buyer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
)

// found is what discovery brought: offers, products that were no good as they
// came, and sellers that could not be asked.
type found struct {
	offers   []Offer
	rejected []Rejection
	leftOut  []LeftOut
}

// planned is a line of the plan with what booking needs of its offer.
type planned struct {
	valued
	line   Line
	budget money.Micros
}

// shortlist is how many products of one seller on one channel are weighed
// against each other; the dearer ones could only be taken if all these ran out.
const shortlist = 12

// makePlan splits the budget over what was found. It is a pure function of its
// arguments, whatever the order of the offers. The error is a [*NoSellerError];
// the plan then holds no lines, and why.
func makePlan(in Intent, campaignID string, f found, now time.Time) (Plan, []planned, error) {
	usable, rejected := weigh(in, f.offers, now)
	rejected = append(rejected, f.rejected...)
	usable, dearer := shorten(usable)
	rejected = append(rejected, dearer...)

	var a allocated
	if len(usable) > 0 {
		a = allocate(in, usable)
	}
	r := reasoning{in: in, offers: usable, allocated: a}
	var lines []planned
	for i, v := range usable {
		if a.amounts[i] == 0 {
			rejected = append(rejected, Rejection{v.Seller, v.ProductID, r.passedOver(v)})
			continue
		}
		lines = append(lines, planned{valued: v, line: r.line(campaignID, i), budget: a.amounts[i]})
	}
	slices.SortFunc(lines, func(x, y planned) int {
		return cmp.Or(cmp.Compare(y.budget, x.budget), strings.Compare(x.line.Seller, y.line.Seller), strings.Compare(x.line.ProductID, y.line.ProductID))
	})
	sortRejections(rejected)
	leftOut := slices.Clone(f.leftOut)
	sortLeftOut(leftOut)
	c, budget, total := in.Budget.Currency, in.Budget.Micros, a.total()
	plan := Plan{
		Currency: string(c), Budget: budget.Format(c), Planned: total.Format(c), Unallocated: (budget - total).Format(c),
		Outcome: string(in.Outcome), Assumptions: []string{}, Lines: []Line{},
		Rejected: append([]Rejection{}, rejected...), LeftOut: append([]LeftOut{}, leftOut...),
	}
	if len(lines) == 0 {
		plan.UnallocatedReason = "no offer fits"
		return plan, nil, &NoSellerError{LeftOut: leftOut, Rejected: rejected}
	}
	plan.UnallocatedReason, plan.Method, plan.Assumptions = r.unallocated(), a.method(in.Outcome), r.assumptions()
	for _, l := range lines {
		plan.Lines = append(plan.Lines, l.line)
	}
	return plan, lines, nil
}

func sortRejections(r []Rejection) {
	slices.SortFunc(r, func(x, y Rejection) int {
		return cmp.Or(strings.Compare(x.Seller, y.Seller), strings.Compare(x.ProductID, y.ProductID), strings.Compare(x.Reason, y.Reason))
	})
}

func sortLeftOut(l []LeftOut) {
	slices.SortFunc(l, func(x, y LeftOut) int {
		return cmp.Or(strings.Compare(x.Seller, y.Seller), strings.Compare(x.Reason, y.Reason))
	})
}

// weigh values every price of every product and keeps each product's best, in
// canonical order. Products without a usable price are rejected with the reasons.
func weigh(in Intent, offers []Offer, now time.Time) (usable []valued, rejected []Rejection) {
	for _, options := range byProduct(offers) {
		seller, product := options[0].Seller, options[0].ProductID
		if ambiguous(options) {
			rejected = append(rejected, Rejection{seller, product, "offered twice under one identifier, on different terms"})
			continue
		}
		var good []valued
		var reasons []string
		for _, o := range options {
			v, reason := value(in, o, now)
			if reason == "" {
				good = append(good, v)
				continue
			}
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
		if len(good) == 0 {
			rejected = append(rejected, Rejection{seller, product, strings.Join(reasons[:min(len(reasons), 3)], "; ")})
			continue
		}
		slices.SortStableFunc(good, func(x, y valued) int {
			return cmp.Or(cmp.Compare(x.cost, y.cost), cmp.Compare(x.least, y.least), cmp.Compare(y.most, x.most),
				strings.Compare(x.PricingOptionID, y.PricingOptionID))
		})
		best := good[0]
		best.options = len(options)
		switch {
		case len(good) > 1:
			best.others = fmt.Sprintf("the best of its %d prices; the next comes to %s", len(options), good[1].showCost(in.Outcome))
		case len(options) > 1:
			best.others = fmt.Sprintf("the only one of its %d prices that can be used", len(options))
		}
		usable = append(usable, best)
	}
	return usable, rejected
}

// byProduct groups offers by seller and product, each group and the groups
// themselves in canonical order, equal offers once.
func byProduct(offers []Offer) (groups [][]Offer) {
	key := func(o Offer) string { return fmt.Sprintf("%#v", o) }
	sorted := slices.Clone(offers)
	slices.SortFunc(sorted, func(x, y Offer) int {
		return cmp.Or(strings.Compare(x.Seller, y.Seller), strings.Compare(x.ProductID, y.ProductID),
			strings.Compare(x.PricingOptionID, y.PricingOptionID), strings.Compare(key(x), key(y)))
	})
	for i, o := range sorted {
		if i > 0 && key(sorted[i-1]) == key(o) {
			continue
		}
		if last := len(groups) - 1; last >= 0 && groups[last][0].Seller == o.Seller && groups[last][0].ProductID == o.ProductID {
			groups[last] = append(groups[last], o)
			continue
		}
		groups = append(groups, []Offer{o})
	}
	return groups
}

// ambiguous reports whether one price of a product was offered on two terms, so
// that booking it would not say which was meant.
func ambiguous(options []Offer) bool {
	for i := 1; i < len(options); i++ {
		if options[i].PricingOptionID == options[i-1].PricingOptionID {
			return true
		}
	}
	return false
}

// shorten keeps the cheapest products of each seller on each channel.
func shorten(usable []valued) (kept []valued, dearer []Rejection) {
	type shelf struct{ seller, channel string }
	costs := map[shelf][]money.Micros{}
	for _, v := range usable {
		s := shelf{v.Seller, v.channel}
		costs[s] = append(costs[s], v.cost)
	}
	room := map[shelf]int{}
	for s := range costs {
		slices.Sort(costs[s])
		room[s] = shortlist
	}
	for _, v := range usable {
		s := shelf{v.Seller, v.channel}
		if list := costs[s]; len(list) > shortlist && (v.cost > list[shortlist-1] || room[s] == 0) {
			dearer = append(dearer, Rejection{
				v.Seller, v.ProductID,
				fmt.Sprintf("dearer than %d other products of this seller on %s", shortlist, v.channel),
			})
			continue
		}
		room[s]--
		kept = append(kept, v)
	}
	return kept, dearer
}

// lineID names a line by what it buys.
func lineID(campaignID, seller, productID string) string {
	return id.Derive("line", campaignID, seller, productID)
}
