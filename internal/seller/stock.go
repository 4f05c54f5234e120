package seller

import (
	"maps"
	"slices"
	"sync"
)

// Stock is what a seller has for one principal alone, beside its catalogue.
type Stock struct {
	Products []*Product
	Formats  []*Format
}

// selling is what the seller has on its shelf, kept so that the catalogue and
// the stock of each principal can change one by one.
type selling struct {
	sync.Mutex
	base  *Catalogue
	stock map[string]Stock
	// revision is that of the catalogue in the database which base is; 0 where it is
	// in none. positions are its products' places.
	revision  int64
	positions map[string]int64
}

// Stock makes what is given all that the principal has beside the catalogue, from
// the next call on. Nobody else sees it. A product may go by the name of one that
// another principal has, but not by a name of the catalogue's. Everything is
// checked against the published schemas first; what fails leaves all as it was.
func (s *Service) Stock(principal string, own Stock) error {
	s.selling.Lock()
	defer s.selling.Unlock()
	next := maps.Clone(s.selling.stock)
	if next == nil {
		next = map[string]Stock{}
	}
	for _, p := range own.Products {
		p.Principals, p.Own = []string{principal}, true
	}
	for _, f := range own.Formats {
		f.Principals = []string{principal}
	}
	next[principal] = own
	return s.sell(s.selling.base, next)
}

// with is everybody's own stock and, after it, the catalogue: what is there for one
// buyer alone is shown to that buyer first.
func (c *Catalogue) with(stock map[string]Stock) *Catalogue {
	if len(stock) == 0 {
		return c
	}
	all := *c
	all.Products, all.Formats = nil, slices.Clone(c.Formats)
	for _, principal := range slices.Sorted(maps.Keys(stock)) {
		all.Products = append(all.Products, stock[principal].Products...)
		all.Formats = append(all.Formats, stock[principal].Formats...)
	}
	all.Products = append(all.Products, c.Products...)
	return &all
}

// catalogue is what the seller sells to everybody.
func (s *selling) catalogue() *Catalogue {
	s.Lock()
	defer s.Unlock()
	return s.base
}
