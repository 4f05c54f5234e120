package seller

import (
	"context"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
)

// draftLife is how long a draft can be refined and finalized, to the end of a
// day, so that the same brief on the same day makes the same plans.
const draftLife = 7 * 24 * time.Hour

// DefaultHoldFor is how long a committed proposal holds its inventory.
const DefaultHoldFor = 72 * time.Hour

// propose answers a brief with plans made of the offers on its first page, which
// are the products that the buyer sees beside them. Callers without a credential
// see no prices and get none.
func (q *query) propose(ctx context.Context, w walk, page []offer) ([]adcp.Proposal, error) {
	if !q.takesOrders() || q.hidePrices || w.from > 0 || q.req.BuyingMode == adcp.GetProductsRequestBuyingModeWholesale {
		return nil, nil
	}
	name, err := digest(w.query, w.size, q.principal)
	if err != nil {
		return nil, err
	}
	if known, ok := q.drafts.get(name, q.now()); ok {
		return known, nil
	}
	since := q.drafts.age()
	pl := &planner{Service: q.Service, queries: q.db.Read(), now: q.now(), wishes: q.readWishes(page)}
	lines, err := pl.lines(ctx, page)
	if err != nil {
		return nil, err
	}
	plans := pl.plans(lines)
	if err := q.saveDrafts(ctx, plans, pl.now); err != nil {
		return nil, err
	}
	shown := q.showProposals(plans)
	q.drafts.put(name, shown, pl.now, since)
	return shown, nil
}

// saveDrafts keeps new plans of the caller, all or none.
func (q *query) saveDrafts(ctx context.Context, plans []*Proposal, now time.Time) error {
	if len(plans) == 0 {
		return nil
	}
	return q.db.Tx(ctx, func(tx *store.Tx) error {
		for _, p := range plans {
			p.Principal = q.principal
			p.ExpiresAt = now.UTC().Truncate(24 * time.Hour).Add(draftLife)
			if p.End.Before(p.ExpiresAt) {
				p.ExpiresAt = p.End
			}
			if err := q.saveDraft(ctx, tx, p, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q *query) showProposals(plans []*Proposal) []adcp.Proposal {
	var out []adcp.Proposal
	for _, p := range plans {
		out = append(out, p.wire(q.Name()))
	}
	return out
}

// draftCache keeps the plans that briefs were answered with a moment ago, so that
// a brief that is sent often is not planned and written down each time. Taking any
// plan further empties it: the next answer is made of what is left.
type draftCache struct {
	mu      sync.Mutex
	entries map[string]draftEntry
	// emptied counts how often it was; what was planned before is not kept.
	emptied int
}

type draftEntry struct {
	shown []adcp.Proposal
	at    time.Time
}

// draftFresh is how old an answer may be: what another process has sold meanwhile
// is not seen for that long. Finalizing always looks at the ledger.
const draftFresh = time.Minute

// maxDraftEntries bounds the cache.
const maxDraftEntries = 512

func (c *draftCache) get(name string, now time.Time) ([]adcp.Proposal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[name]
	if !ok || now.Sub(e.at) >= draftFresh || now.Before(e.at) || e.at.Day() != now.Day() {
		return nil, false
	}
	return e.shown, true
}

func (c *draftCache) age() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.emptied
}

func (c *draftCache) put(name string, shown []adcp.Proposal, now time.Time, since int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.emptied != since {
		return
	}
	if c.entries == nil || len(c.entries) >= maxDraftEntries {
		c.entries = map[string]draftEntry{}
	}
	c.entries[name] = draftEntry{shown, now}
}

func (c *draftCache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
	c.emptied++
}
