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
	version string
	// products are those for everybody, and own what single principals have besides;
	// see [Service.Stock].
	products map[string]*Product
	own      map[string]map[string]*Product
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
	s.selling.Lock()
	defer s.selling.Unlock()
	return s.sell(c, s.selling.stock)
}

// sell puts a catalogue on the shelf, and what single principals have besides. The
// lock on what is sold must be held.
func (s *Service) sell(base *Catalogue, stock map[string]Stock) error {
	next, err := s.stackShelf(base, stock)
	if err != nil {
		return err
	}
	return s.open(next, base, stock)
}

// open sells from a shelf from the next call on.
func (s *Service) open(next *shelf, base *Catalogue, stock map[string]Stock) error {
	if s.supply != nil {
		var changed []*Product
		before := s.shelves.Load()
		for _, p := range base.Products {
			if before == nil || before.digests[p] == "" {
				changed = append(changed, p)
			}
		}
		if err := s.supply(changed); err != nil {
			return fmt.Errorf("seller: supply: %w", err)
		}
	}
	s.selling.base, s.selling.stock = base, stock
	s.shelves.Store(next)
	return nil
}

// stackShelf makes a shelf of a catalogue and what single principals have besides,
// and checks what was not on the shelf before.
func (s *Service) stackShelf(base *Catalogue, stock map[string]Stock) (*shelf, error) {
	c := base.with(stock)
	version, err := digest(c, s.agentURL)
	if err != nil {
		return nil, fmt.Errorf("seller: catalogue: %w", err)
	}
	next := &shelf{
		Catalogue: c, version: version, products: make(map[string]*Product, len(c.Products)), own: map[string]map[string]*Product{},
		digests: make(map[*Product]string, len(c.Products)),
		phrases: make(map[*Product]phrases, len(c.Products)),
		index:   indexProducts(c.Products), lists: new(productLists), items: new(productItems),
	}
	for _, f := range c.Formats {
		format := f.wire(s.agentURL)
		if err := validate("core/format.json", format); err != nil {
			return nil, fmt.Errorf("seller: catalogue: format %s: %w", f.ID, err)
		}
		next.formats = append(next.formats, format)
	}
	before := s.shelves.Load()
	for _, p := range c.Products {
		next.put(p)
		next.phrases[p] = phrasesOf(p)
		if before != nil && before.digests[p] != "" {
			next.digests[p] = before.digests[p]
			continue
		}
		shown := view{agentURL: s.agentURL}.product(p, p.Pricing)
		if err := validate("core/product.json", shown); err != nil {
			return nil, fmt.Errorf("seller: catalogue: product %s: %w", p.ID, err)
		}
		// A flight shows more of the last two.
		if next.digests[p], err = digest(shown, p.Forecast, p.Supply); err != nil {
			return nil, fmt.Errorf("seller: catalogue: product %s: %w", p.ID, err)
		}
	}
	return next, nil
}

// put finds the product its place: a principal's own products have identifiers of
// their own, so that two principals may have different ones of one name.
func (f *shelf) put(p *Product) {
	f.private = f.private || len(p.Principals) > 0
	if !p.Own {
		f.products[p.ID] = p
		return
	}
	for _, principal := range p.Principals {
		if f.own[principal] == nil {
			f.own[principal] = map[string]*Product{}
		}
		f.own[principal][p.ID] = p
	}
}

// shelf is what the agent sells from now. A call takes it once.
func (s *Service) shelf() *shelf { return s.shelves.Load() }

// bought finds the product of a package that was bought already, whoever may buy
// it now.
func (f *shelf) bought(p *Package) (*Product, bool) {
	if p.OwnedBy != "" {
		product, ok := f.own[p.OwnedBy][p.ProductID]
		return product, ok
	}
	product, ok := f.products[p.ProductID]
	return product, ok
}

// offered finds a product that the principal may buy.
func (f *shelf) offered(principal, id string) (*Product, bool) {
	if p, ok := f.own[principal][id]; ok {
		return p, true
	}
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

// runsForeign tells whether some product runs that format of another agent.
func (f *shelf) runsForeign(ref adcp.FormatReference) bool {
	return slices.ContainsFunc(f.Products, func(p *Product) bool { return p.acceptsForeign(ref) })
}
