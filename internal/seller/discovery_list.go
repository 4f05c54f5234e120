package seller

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/upfront-media/upfront/adcp"
)

// productList is everything that answers a request, before it is cut into pages.
// It is shared between calls and never changed.
type productList struct {
	offers      []offer
	diagnostics *adcp.GetProductsResponseFilterDiagnostics
	// version names the list's content.
	version string
}

// maxLists is how many lists a generation of [productLists] holds.
const maxLists = 32

// productLists keeps the last lists that were worked out, by the name of their
// query, which names the catalogue, what is asked and whether prices are shown.
// Buyers read a rate card often, and page by page.
type productLists struct {
	mu         sync.Mutex
	young, old map[string]*productList
}

func (l *productLists) get(name string) *productList {
	l.mu.Lock()
	defer l.mu.Unlock()
	if list := l.young[name]; list != nil {
		return list
	}
	list := l.old[name]
	if list != nil {
		l.keep(name, list)
	}
	return list
}

func (l *productLists) put(name string, list *productList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(name, list)
}

// keep must be called with the lock held.
func (l *productLists) keep(name string, list *productList) {
	if l.young == nil || len(l.young) >= maxLists {
		l.young, l.old = map[string]*productList{}, l.young
	}
	l.young[name] = list
}

// timeless tells that the list does not depend on when it is asked for.
func (q *query) timeless() bool {
	f := q.req.Filters
	return f == nil || f.StartDate == nil && f.EndDate == nil
}

// offering is what the caller is shown of what it may buy.
func (q *query) offering() []*Product {
	if q.shown == nil {
		return q.offer(q.principal)
	}
	var list []*Product
	for _, id := range q.shown {
		if p, ok := q.own[q.principal][id]; ok {
			list = append(list, p)
		}
	}
	return list
}

// list works out what answers the query of that name, or gives what was worked
// out before.
func (q *query) list(name string) *productList {
	if q.timeless() {
		if known := q.lists.get(name); known != nil {
			return known
		}
	}
	candidates, diagnostics := filterProducts(q.offering(), q.filters(), q.prices)
	offers := make([]offer, 0, len(candidates))
	if q.req.BuyingMode == adcp.GetProductsRequestBuyingModeBrief {
		for _, r := range q.rank(candidates) {
			offers = append(offers, offer{r.product, r.prices, r.reason})
		}
	} else {
		for _, c := range candidates {
			offers = append(offers, offer{product: c.product, prices: c.prices})
		}
	}
	list := &productList{offers: offers, diagnostics: diagnostics, version: q.listVersion(offers)}
	if q.timeless() {
		q.lists.put(name, list)
	}
	return list
}

// listVersion names what is shown of the offers: which they are, what they are
// made of, and how they are shown.
func (q *query) listVersion(offers []offer) string {
	h := sha256.New()
	part := func(text string) {
		var size [8]byte
		h.Write(binary.BigEndian.AppendUint64(size[:0], uint64(len(text))))
		_, _ = io.WriteString(h, text)
	}
	part(fmt.Sprint(q.hidePrices, q.flight.known(), q.flight.days(), q.countries))
	for _, o := range offers {
		part(q.digests[o.product])
		part(o.priceKey())
		part(o.reason)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
