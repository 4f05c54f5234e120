package seller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// refinement is a get_products request in refine mode being answered. It goes by
// the request and by what was answered before and kept; there is no session.
type refinement struct {
	*query
	call *agent.Call
	// name is the query's own.
	name string
	// offers are the products of the answer, in its order.
	offers    []offer
	proposals []*Proposal
	applied   []adcp.GetProductsResponseRefinementAppliedItem
	// include and omit are what product entries name; wide are the adjustments of
	// entries for the request as a whole.
	include, omit []string
	wide          []adjustment
	// pool are all products that the filters leave.
	pool []offer
}

// checkRefine refuses what the schema cannot: entries that are named twice, and
// finalize beside anything else.
func checkRefine(req *adcp.GetProductsRequest) *adcp.Error {
	if req.Brief != nil {
		return adcp.NewError(adcp.CodeInvalidRequest, "brief", "A refinement takes no brief.").
			WithSuggestion("Say what is to change in refine, or use buying_mode brief.")
	}
	if len(req.Refine) == 0 {
		return adcp.NewError(adcp.CodeInvalidRequest, "refine", "buying_mode refine needs entries in refine.").
			WithSuggestion("Name the products and proposals to go on with, and what is to change.")
	}
	finals := 0
	seen := map[string]bool{}
	for i, e := range req.Refine {
		name, field := adcp.Val(e.ProductID), "product_id"
		if e.Scope == adcp.GetProductsRequestRefineItemScopeProposal {
			name, field = adcp.Val(e.ProposalID), "proposal_id"
		}
		if key := field + " " + name; name != "" && seen[key] {
			return adcp.NewError(adcp.CodeInvalidRequest, fmt.Sprintf("refine[%d].%s", i, field), "The same one is named twice.").
				WithSuggestion("Put all that concerns one product or proposal into one entry.")
		} else if name != "" {
			seen[key] = true
		}
		if finalizes(e) {
			finals++
		}
	}
	if finals > 0 && finals < len(req.Refine) {
		i := slices.IndexFunc(req.Refine, func(e adcp.GetProductsRequestRefineItem) bool { return !finalizes(e) })
		return adcp.NewError(adcp.CodeInvalidRequest, fmt.Sprintf("refine[%d]", i), "finalize goes with no other entries: it commits, it does not refine.").
			WithSuggestion("Refine first, and finalize the resulting proposals with a call of its own.")
	}
	return nil
}

func finalizes(e adcp.GetProductsRequestRefineItem) bool {
	return adcp.Val(e.Action) == adcp.GetProductsRequestRefineItemActionFinalize
}

// refine answers get_products in refine mode.
func (q *query) refine(ctx context.Context, call *agent.Call, w walk) (*adcp.GetProductsResponse, []adcp.Item, error) {
	r := &refinement{query: q, call: call, name: w.query, applied: make([]adcp.GetProductsResponseRefinementAppliedItem, len(q.req.Refine))}
	for i, e := range q.req.Refine {
		r.applied[i] = adcp.GetProductsResponseRefinementAppliedItem{
			Scope:  adcp.GetProductsResponseRefinementAppliedItemScope(e.Scope),
			Status: adcp.GetProductsResponseRefinementAppliedItemStatusApplied, ProductID: e.ProductID, ProposalID: e.ProposalID,
		}
	}
	var err error
	if finalizes(q.req.Refine[0]) {
		err = r.finalize(ctx)
	} else {
		err = r.change(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	page, pagination := pageOf(w, r.offers)
	if err := q.lookUpLeft(ctx, page); err != nil {
		return nil, nil, err
	}
	products, err := q.itemsOf(page)
	if err != nil {
		return nil, nil, err
	}
	if products == nil {
		products = []adcp.Item{}
	}
	return &adcp.GetProductsResponse{
		Status: adcp.TaskStatusCompleted, RefinementApplied: r.applied, Proposals: q.showProposals(r.proposals),
		Pagination: pagination, CacheScope: new(adcp.GetProductsResponseCacheScopeAccount),
	}, products, nil
}

// finalize commits to the proposals, all or none.
func (r *refinement) finalize(ctx context.Context) error {
	if r.hidePrices {
		return errProposalNotFound("refine[0].proposal_id")
	}
	ids, fields := make([]string, len(r.req.Refine)), make([]string, len(r.req.Refine))
	for i, e := range r.req.Refine {
		ids[i], fields[i] = adcp.Val(e.ProposalID), fmt.Sprintf("refine[%d].proposal_id", i)
	}
	var err error
	if r.proposals, err = r.commit(ctx, r.call, ids, fields); err != nil {
		return err
	}
	for i, p := range r.proposals {
		held := "Prices are firm"
		if p.reserves() {
			held += " and inventory is held"
		}
		r.note(i, "%s until %s; buy it with create_media_buy.", held, stamp(p.ExpiresAt))
		r.show(p)
	}
	return nil
}

// change composes the answer to entries that do not commit.
func (r *refinement) change(ctx context.Context) error {
	r.pool = r.list(r.name).offers
	for i, e := range r.req.Refine {
		if e.Scope == adcp.GetProductsRequestRefineItemScopeProduct {
			r.product(i, e)
		}
	}
	if len(r.include)+len(r.omit) == 0 && !slices.ContainsFunc(r.req.Refine, func(e adcp.GetProductsRequestRefineItem) bool {
		return e.Scope != adcp.GetProductsRequestRefineItemScopeProduct
	}) {
		return refusal(adcp.CodeProductNotFound, "refine[0].product_id", "There is no such product.").
			WithSuggestion("Find products with get_products in brief or wholesale mode.")
	}
	var asks []string
	combine := false
	for i, e := range r.req.Refine {
		if e.Scope == adcp.GetProductsRequestRefineItemScopeRequest {
			asks = append(asks, adcp.Val(e.Ask))
			combine = r.request(i, adcp.Val(e.Ask)) || combine
		}
	}
	for i, e := range r.req.Refine {
		if e.Scope == adcp.GetProductsRequestRefineItemScopeProposal {
			if err := r.proposalEntry(ctx, i, e); err != nil {
				return err
			}
		}
	}
	// A wish to combine the products at hand is no wish for others.
	if atHand := combine && len(r.include) > 0 && len(r.wide) == 0; len(asks) > 0 && !atHand {
		r.answer(strings.Join(asks, ". "))
	}
	if combine && len(r.proposals) == 0 {
		return r.combine(ctx)
	}
	return nil
}

// product answers an entry for one product.
func (r *refinement) product(i int, e adcp.GetProductsRequestRefineItem) {
	p, ok := r.offered(r.principal, adcp.Val(e.ProductID))
	if !ok {
		r.fail(i, "There is no such product.")
		return
	}
	switch adcp.Val(e.Action) {
	case adcp.GetProductsRequestRefineItemActionOmit:
		r.omit = append(r.omit, p.ID)
		r.offers = slices.DeleteFunc(r.offers, func(o offer) bool { return o.product == p })
		return
	case adcp.GetProductsRequestRefineItemActionMoreLikeThis:
		r.add(p)
		n := r.similar(p, adcp.Val(e.Ask))
		if n == 0 {
			r.partly(i, "Nothing else here is like it.")
		} else {
			r.note(i, "%s like it.", plural(n, "product"))
		}
	default:
		r.add(p)
		if ask := adcp.Val(e.Ask); ask != "" {
			r.partly(i, "%s", r.onProduct(p, ask))
		}
	}
	r.include = append(r.include, p.ID)
	if !slices.ContainsFunc(r.pool, func(o offer) bool { return o.product == p }) {
		r.partly(i, "It does not meet the filters of the request.")
	}
}

// onProduct answers an ask about a single product, which is sold as it is listed.
func (r *refinement) onProduct(p *Product, ask string) string {
	text := fmt.Sprintf("%s is sold as it is listed: its formats and prices are what can be had.", p.Name)
	adjustments, _ := readAsk(ask, r.offering())
	for _, a := range adjustments {
		if a.kind == adjustTotal {
			text += " A budget is set with its package, or with filters.budget_range for a proposal."
		}
	}
	return text
}

// maxSimilar is how many products more_like_this adds.
const maxSimilar = 3

// similar adds the products that are most like p, and tells how many.
func (r *refinement) similar(p *Product, ask string) int {
	words := strings.Join(append([]string{p.Name, strings.Join(p.Keywords, " "), strings.Join(p.Tags, " ")}, ask), ". ")
	n := 0
	for _, m := range r.index.Search(words, 0) {
		i := slices.IndexFunc(r.pool, func(o offer) bool { return o.product.ID == m.ID })
		if n == maxSimilar || i < 0 || r.has(r.pool[i].product) || r.omits(m.ID) {
			continue
		}
		r.offers = append(r.offers, r.pool[i])
		n++
	}
	return n
}

// omits tells whether an entry of the request leaves the product out.
func (r *refinement) omits(productID string) bool {
	return slices.ContainsFunc(r.req.Refine, func(e adcp.GetProductsRequestRefineItem) bool {
		return adcp.Val(e.ProductID) == productID && adcp.Val(e.Action) == adcp.GetProductsRequestRefineItemActionOmit
	})
}

// request reads an entry for the request as a whole. It reports whether a plan of
// the products is wanted.
func (r *refinement) request(i int, ask string) bool {
	adjustments, unread := readAsk(ask, r.offering())
	combine := false
	for _, a := range adjustments {
		switch a.kind {
		case adjustCombine:
			combine = true
		case adjustCap:
			r.note(i, "Every product takes a frequency cap, sent with its package as targeting_overlay.frequency_cap.")
		default:
			r.wide = append(r.wide, a)
		}
	}
	r.unread(i, len(adjustments), unread)
	return combine
}

// proposalEntry answers an entry for one proposal.
func (r *refinement) proposalEntry(ctx context.Context, i int, e adcp.GetProductsRequestRefineItem) error {
	field := fmt.Sprintf("refine[%d].proposal_id", i)
	if r.hidePrices {
		return errProposalNotFound(field)
	}
	base, err := r.proposal(ctx, r.db.Read(), r.principal, adcp.Val(e.ProposalID))
	switch {
	case errors.Is(err, errNoRow):
		return errProposalNotFound(field)
	case err != nil:
		return err
	}
	if adcp.Val(e.Action) == adcp.GetProductsRequestRefineItemActionOmit {
		return nil
	}
	if problem := base.finalizable(r.now(), field); problem != nil && base.State != ProposalCommitted {
		return problem
	} else if problem != nil && problem.Code == adcp.CodeProposalExpired {
		return problem
	}
	adjustments, unread := readAsk(adcp.Val(e.Ask), r.offering())
	r.unread(i, len(adjustments), unread)
	adjustments = append(adjustments, r.wide...)
	if len(adjustments)+len(r.include)+len(r.omit) == 0 && r.req.Filters == nil {
		r.proposals = append(r.proposals, base)
		r.show(base)
		return nil
	}
	pl := r.planner(base)
	p, notes, err := pl.refined(ctx, base, &draft{pool: r.pool, budget: pl.budget}, adjustments, r.include, r.omit)
	if err != nil {
		return err
	}
	if len(notes) > 0 {
		r.partly(i, "%s", strings.Join(notes, " "))
	}
	if p == nil {
		r.fail(i, "%s", strings.Join(notes, " "))
		r.proposals = append(r.proposals, base)
		r.show(base)
		return nil
	}
	if err := r.saveDrafts(ctx, []*Proposal{p}, pl.now); err != nil {
		return err
	}
	r.note(i, "The refined plan is proposal %s; %s is as it was.", p.ID, base.ID)
	r.proposals = append(r.proposals, p)
	r.show(p)
	return nil
}

// planner goes by the earlier plan, as far as the request's filters do not say
// otherwise.
func (r *refinement) planner(base *Proposal) *planner {
	w := wishes{budget: base.Budget, currency: base.Currency, start: base.Start, end: base.End, dated: true, countries: base.Countries}
	before := w
	w.filter(r.req.Filters, r.flight, r.budget)
	w.channels = nil
	if w.budget == 0 || w.currency != before.currency && w.budget == before.budget {
		w.budget = 0 // an amount of another currency means nothing here
	}
	w.place(r.asOf)
	return &planner{Service: r.Service, queries: r.db.Read(), now: r.now(), wishes: w}
}

// answer adds the products that the asks for the whole speak for.
func (r *refinement) answer(ask string) {
	matched := map[string]int{}
	for i, m := range r.index.Search(ask, 0) {
		matched[m.ID] = len(r.Products) - i
	}
	found := slices.DeleteFunc(slices.Clone(r.pool), func(o offer) bool {
		return r.has(o.product) || r.omits(o.product.ID) || slices.ContainsFunc(r.wide, func(a adjustment) bool {
			return a.kind == adjustOnly && !a.to.holds(o.product) || a.kind == adjustDrop && a.from.holds(o.product)
		})
	})
	slices.SortStableFunc(found, func(a, b offer) int { return r.wish(b.product, matched) - r.wish(a.product, matched) })
	r.offers = append(r.offers, found...)
}

// wish orders products by what the asks want more or less of, then by their words.
func (r *refinement) wish(p *Product, matched map[string]int) int {
	n := matched[p.ID]
	for _, a := range r.wide {
		if !a.to.holds(p) {
			continue
		}
		switch a.kind {
		case adjustMore, adjustSet, adjustMove:
			n += len(r.Products) + 1
		case adjustLess:
			n -= len(r.Products) + 1
		}
	}
	return n
}

// combine answers with plans of the products at hand.
func (r *refinement) combine(ctx context.Context) error {
	if r.hidePrices {
		return nil
	}
	pl := &planner{Service: r.Service, queries: r.db.Read(), now: r.now(), wishes: r.readWishes(r.offers)}
	lines, err := pl.lines(ctx, r.offers[:min(len(r.offers), defaultPage)])
	if err != nil {
		return err
	}
	r.proposals = pl.plans(lines)
	return r.saveDrafts(ctx, r.proposals, pl.now)
}

// add shows a product, with all the prices that the filters leave of it.
func (r *refinement) add(p *Product) {
	if r.has(p) {
		return
	}
	prices := r.prices(p)
	if len(prices) == 0 {
		prices = r.showable(p.Pricing)
	}
	r.offers = append(r.offers, offer{product: p, prices: prices})
}

// show adds a plan's products: an allocation's product is always in the answer.
func (r *refinement) show(p *Proposal) {
	for _, a := range p.Allocations {
		if today, ok := r.offered(r.principal, a.Product.ID); ok && !r.has(today) {
			r.offers = append(r.offers, offer{product: today, prices: r.showable(today.Pricing)})
		}
	}
}

func (r *refinement) has(p *Product) bool {
	return slices.ContainsFunc(r.offers, func(o offer) bool { return o.product == p })
}

// unread says what could not be read of an ask.
func (r *refinement) unread(i, read int, unread []string) {
	if len(unread) == 0 {
		return
	}
	quoted := make([]string, len(unread))
	for j, u := range unread {
		quoted[j] = `"` + clip(u, 80) + `"`
	}
	r.partly(i, "This seller does not act on %s.", list(quoted))
	if read == 0 {
		r.applied[i].Status = adcp.GetProductsResponseRefinementAppliedItemStatusUnable
	}
}

// clip shortens a text for people.
func clip(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return s
}

// note adds to what is said about an entry; partly and fail say that it was not
// all done, or nothing of it.
func (r *refinement) note(i int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if before := adcp.Val(r.applied[i].Notes); before != "" {
		text = before + " " + text
	}
	r.applied[i].Notes = &text
}

func (r *refinement) partly(i int, format string, args ...any) {
	if r.applied[i].Status == adcp.GetProductsResponseRefinementAppliedItemStatusApplied {
		r.applied[i].Status = adcp.GetProductsResponseRefinementAppliedItemStatusPartial
	}
	r.note(i, format, args...)
}

func (r *refinement) fail(i int, format string, args ...any) {
	r.applied[i].Status = adcp.GetProductsResponseRefinementAppliedItemStatusUnable
	if r.applied[i].Notes == nil {
		r.note(i, format, args...)
	}
}
