package seller

import (
	"context"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/internal/money"
)

// draft is a plan being changed: its lines' weights add up to [allSteps], or to
// nothing where it has none.
type draft struct {
	lines []planLine
	// pool are the products that may be taken in, best first.
	pool   []offer
	budget money.Micros
	// notes say what could not be done.
	notes []string
}

// take adds the best product of the pool that belongs to the target; false where
// there is none.
func (pl *planner) take(ctx context.Context, d *draft, t target) (bool, error) {
	wanted := slices.DeleteFunc(slices.Clone(d.pool), func(o offer) bool { return !t.holds(o.product) })
	manual := func(p *Product) int {
		if p.Approval == ApprovalManual {
			return 1
		}
		return 0
	}
	if !slices.ContainsFunc(d.lines, func(l planLine) bool { return manual(l.product) == 1 }) {
		// A plan that no person need confirm stays one, where it can.
		slices.SortStableFunc(wanted, func(a, b offer) int { return manual(a.product) - manual(b.product) })
	}
	for _, o := range pl.suited(wanted) {
		if slices.ContainsFunc(d.lines, func(l planLine) bool { return l.product.ID == o.product.ID }) {
			continue
		}
		l, ok := pl.priced(o)
		if !ok {
			continue
		}
		if ok, err := pl.bound(ctx, &l); err != nil {
			return false, err
		} else if ok {
			d.lines = append(d.lines, l)
			return true, nil
		}
	}
	return false, nil
}

// adjust makes one adjustment; false says that it cannot be made.
func (pl *planner) adjust(ctx context.Context, d *draft, a adjustment) (bool, error) {
	switch a.kind {
	case adjustScale:
		d.budget = min(money.Micros(a.share.Of(int64(d.budget))).Floor(pl.currency), maxBudget)
		return true, nil
	case adjustTotal:
		d.budget = a.amount
		return true, nil
	case adjustEven:
		for i := range d.lines {
			d.lines[i].weight = 1
		}
		d.normalise()
		return true, nil
	case adjustCombine, adjustCap:
		return true, nil
	}
	if !a.to.none() && !d.has(a.to) {
		if ok, err := pl.take(ctx, d, a.to); err != nil || !ok && a.kind != adjustLess {
			return false, err
		}
	}
	all := d.part(target{}, true)
	switch a.kind {
	case adjustSet:
		d.give(a.to, int64(a.share/shareStep)-d.part(a.to, false))
	case adjustMove:
		d.move(a.from, a.to, min(int64(a.share/shareStep), d.part(a.from, false)))
	case adjustDrop:
		if !d.has(a.from) {
			return true, nil // it is not there
		}
		if !a.to.none() {
			d.move(a.from, a.to, d.part(a.from, false))
		}
		return d.drop(func(l planLine) bool { return a.from.holds(l.product) }), nil
	case adjustOnly:
		return d.drop(func(l planLine) bool { return !a.to.holds(l.product) }), nil
	case adjustMore:
		d.give(a.to, min(max(d.part(a.to, false)/2, all/10), all-d.part(a.to, false)))
	case adjustLess:
		d.give(a.to, -d.part(a.to, false)/2)
	}
	return true, nil
}

// has tells whether a line belongs to the target.
func (d *draft) has(t target) bool {
	return slices.ContainsFunc(d.lines, func(l planLine) bool { return t.holds(l.product) })
}

// part is what the lines of the target have, or all of them.
func (d *draft) part(t target, all bool) int64 {
	var n int64
	for _, l := range d.lines {
		if all || t.holds(l.product) {
			n += l.weight
		}
	}
	return n
}

// give moves steps to the target's lines from all others, or back where they are
// negative, each side in proportion.
func (d *draft) give(t target, steps int64) {
	d.spread(steps, func(l planLine) bool { return t.holds(l.product) })
	d.spread(-steps, func(l planLine) bool { return !t.holds(l.product) })
	d.normalise()
}

// move moves steps from one target's lines to another's.
func (d *draft) move(from, to target, steps int64) {
	d.spread(-steps, func(l planLine) bool { return from.holds(l.product) })
	d.spread(steps, func(l planLine) bool { return to.holds(l.product) })
	d.normalise()
}

// spread adds steps to the lines of one side, in proportion to what they have.
func (d *draft) spread(steps int64, side func(planLine) bool) {
	weights := make([]int64, len(d.lines))
	found := int64(0)
	for i, l := range d.lines {
		if side(l) {
			weights[i] = max(l.weight, 1)
			found += l.weight
		}
	}
	if steps < 0 {
		steps = max(steps, -found)
	}
	sign := int64(1)
	if steps < 0 {
		sign = -1
	}
	if !slices.ContainsFunc(weights, func(w int64) bool { return w > 0 }) {
		return
	}
	for i, m := range money.Split(money.Micros(sign*steps), weights, 1) {
		d.lines[i].weight = max(d.lines[i].weight+sign*int64(m), 0)
	}
}

// drop leaves lines out, but never all of them.
func (d *draft) drop(out func(planLine) bool) bool {
	left := slices.DeleteFunc(slices.Clone(d.lines), out)
	if len(left) == 0 {
		return false
	}
	d.lines = left
	d.normalise()
	return true
}

// normalise makes the weights add up to all steps, and lets lines go that have
// none, unless none has any.
func (d *draft) normalise() {
	if d.part(target{}, true) == 0 {
		for i := range d.lines {
			d.lines[i].weight = 1
		}
	}
	d.lines = slices.DeleteFunc(d.lines, func(l planLine) bool { return l.weight <= 0 })
	weights := make([]int64, len(d.lines))
	for i, l := range d.lines {
		weights[i] = l.weight
	}
	for i, m := range money.Split(money.Micros(allSteps), weights, 1) {
		d.lines[i].weight = int64(m)
	}
}

// refined makes a new plan out of an earlier one. The request's filters win over
// what the earlier plan went by; only names the products that it may use, where
// the buyer named any, and omit those that it may not.
func (pl *planner) refined(ctx context.Context, base *Proposal, d *draft, adjustments []adjustment, only, omit []string) (*Proposal, []string, error) {
	for i := range base.Allocations {
		a := &base.Allocations[i]
		l := planLine{product: a.Product, price: a.Price, bid: a.Bid, weight: int64(a.Share / shareStep)}
		gone := "is no longer sold at this price"
		if today, ok := pl.shelf().offered(base.Principal, a.Product.ID); ok {
			if o, ok := pl.priced(offer{product: today, prices: today.Pricing}); ok {
				l.product, l.price, l.bid, l.thousand, gone = o.product, o.price, o.bid, o.thousand, ""
			}
		}
		if gone == "" {
			if ok, err := pl.bound(ctx, &l); err != nil {
				return nil, nil, err
			} else if !ok {
				gone = "has nothing left for this flight and these countries"
			}
		}
		if gone != "" {
			d.notes = append(d.notes, fmt.Sprintf("%s %s.", a.Product.ID, gone))
			continue
		}
		d.lines = append(d.lines, l)
	}
	d.normalise()
	d.drop(func(l planLine) bool { return slices.Contains(omit, l.product.ID) })
	if len(only) > 0 {
		if err := pl.confine(ctx, d, only); err != nil {
			return nil, nil, err
		}
	}
	// What is to be a certain share is made so last, so that nothing moves it after.
	slices.SortStableFunc(adjustments, func(a, b adjustment) int { return a.turn() - b.turn() })
	failed := 0
	for _, a := range adjustments {
		ok, err := pl.adjust(ctx, d, a)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			failed++
			d.notes = append(d.notes, "Nothing that is left can be had for: "+a.Spoken()+".")
		}
	}
	if failed > 0 && failed == len(adjustments) && len(only)+len(omit) == 0 {
		return nil, d.notes, nil
	}
	if len(d.lines) == 0 {
		return nil, append(d.notes, "Nothing of the plan can be bought now."), nil
	}
	wanted := slices.Clone(d.lines)
	p, ok := pl.fill(pl.proposalOf(base.Strategy, base.Name), d.lines, d.budget)
	if !ok {
		return nil, append(d.notes, "No product can be bought with that budget."), nil
	}
	p.Refines = base.ID
	if !p.asWanted(wanted) {
		d.notes = append(d.notes, "The shares are as near as minimum spends and what is left allow.")
	}
	if p.Budget != d.budget {
		d.notes = append(d.notes, fmt.Sprintf("The plan is for %s.", money.Amount{Micros: p.Budget, Currency: p.Currency}))
	}
	return p, d.notes, nil
}

// confine keeps a plan to some products, and takes in those that it does not have.
func (pl *planner) confine(ctx context.Context, d *draft, only []string) error {
	for _, id := range only {
		t := target{products: []string{id}}
		if d.has(t) {
			continue
		}
		if ok, err := pl.take(ctx, d, t); err != nil {
			return err
		} else if ok {
			d.lines[len(d.lines)-1].weight = allSteps / int64(len(d.lines))
		}
	}
	d.drop(func(l planLine) bool { return !slices.Contains(only, l.product.ID) })
	return nil
}

// asWanted tells whether the plan has the lines as they were wanted, to half a point.
func (p *Proposal) asWanted(lines []planLine) bool {
	if len(lines) != len(p.Allocations) {
		return false
	}
	for i, l := range lines {
		if off := int64(p.Allocations[i].Share/shareStep) - l.weight; off > allSteps/200 || off < -allSteps/200 {
			return false
		}
	}
	return true
}

// turn is when the adjustment is made: what goes first, shares last.
func (a adjustment) turn() int {
	switch a.kind {
	case adjustOnly, adjustDrop:
		return 0
	case adjustSet:
		return 2
	}
	return 1
}

// Spoken is the adjustment in a few words.
func (a adjustment) Spoken() string {
	name := func(t target) string {
		switch {
		case len(t.products) > 0:
			return list(t.products)
		case len(t.channels) > 0:
			return list(t.channels)
		}
		return t.delivery
	}
	switch a.kind {
	case adjustSet:
		return fmt.Sprintf("%s for %s", a.share.percent(), name(a.to))
	case adjustMove:
		return fmt.Sprintf("from %s to %s", name(a.from), name(a.to))
	case adjustDrop:
		return "without " + name(a.from)
	}
	return string(a.kind) + " " + name(a.to)
}
