package seller

import (
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/brief"
)

// shelf is a catalogue made ready to be shown and sold from. It is never changed:
// a new catalogue is a new shelf, and a call works with the one it began with.
type shelf struct {
	*Catalogue
	// version names the catalogue's content; a cursor is good for one content.
	version  string
	products map[string]*Product
	// digests name what there is to show of each product.
	digests map[*Product]string
	phrases map[*Product]phrases
	index   *brief.Index
	formats []adcp.Format
	lists   *productLists
	items   *productItems
	// private tells that some products are not for everybody.
	private bool
}

// Sell makes c the catalogue that the agent sells from, from the next call on.
// Every product and format is checked against the published schemas first; a
// catalogue that fails leaves the one before in place. Media buys keep the terms
// that they were booked on.
func (s *Service) Sell(c *Catalogue) error {
	if c == nil {
		return errors.New("seller: there is no catalogue")
	}
	version, err := digest(c, s.agentURL)
	if err != nil {
		return fmt.Errorf("seller: catalogue: %w", err)
	}
	next := &shelf{
		Catalogue: c, version: version, products: make(map[string]*Product, len(c.Products)),
		digests: make(map[*Product]string, len(c.Products)),
		phrases: make(map[*Product]phrases, len(c.Products)),
		index:   indexProducts(c.Products), lists: new(productLists), items: new(productItems),
	}
	for _, f := range c.Formats {
		format := f.wire(s.agentURL)
		if err := validate("core/format.json", format); err != nil {
			return fmt.Errorf("seller: catalogue: format %s: %w", f.ID, err)
		}
		next.formats = append(next.formats, format)
	}
	for _, p := range c.Products {
		shown := view{agentURL: s.agentURL}.product(p, p.Pricing)
		if err := validate("core/product.json", shown); err != nil {
			return fmt.Errorf("seller: catalogue: product %s: %w", p.ID, err)
		}
		// A flight shows more of the last two.
		if next.digests[p], err = digest(shown, p.Forecast, p.Supply); err != nil {
			return fmt.Errorf("seller: catalogue: product %s: %w", p.ID, err)
		}
		next.products[p.ID], next.phrases[p] = p, phrasesOf(p)
		next.private = next.private || len(p.Principals) > 0
	}
	s.shelves.Store(next)
	return nil
}

// shelf is what the agent sells from now. A call takes it once.
func (s *Service) shelf() *shelf { return s.shelves.Load() }

// Product finds a product, whoever may buy it: for what has been bought already.
func (f *shelf) Product(id string) (*Product, bool) {
	p, ok := f.products[id]
	return p, ok
}

// offered finds a product that the principal may buy.
func (f *shelf) offered(principal, id string) (*Product, bool) {
	p, ok := f.products[id]
	return p, ok && p.soldTo(principal)
}

// offer lists what the principal, or nobody in particular, may buy.
func (f *shelf) offer(principal string) []*Product {
	if !f.private {
		return f.Products
	}
	return slices.DeleteFunc(slices.Clone(f.Products), func(p *Product) bool { return !p.soldTo(principal) })
}
