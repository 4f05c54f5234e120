package seller

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/store"
)

// edition is a catalogue that is to be. Products that are sold already are the
// very ones; the others have their documents.
type edition struct {
	head     *Catalogue
	products []*Product
}

// edition is the catalogue as it is, to be changed.
func (c *Catalogue) edition() *edition {
	return &edition{head: c, products: slices.Clone(c.Products)}
}

// put adds a product, or puts it in the place of the one of its identifier.
func (e *edition) put(p *Product) *edition {
	if i := slices.IndexFunc(e.products, func(o *Product) bool { return o.ID == p.ID }); i >= 0 {
		e.products[i] = p
	} else {
		e.products = append(e.products, p)
	}
	return e
}

// catalogue is what the edition comes to.
func (e *edition) catalogue() *Catalogue {
	c := *e.head
	c.Products = e.products
	return &c
}

// Catalogue is what the seller sells to everybody now.
func (s *Service) Catalogue() *Catalogue { return s.selling.catalogue() }

// OpenCatalogue has the catalogue in the database be what is sold. Where there is
// none yet, the one that the service was made with becomes it. It tells whether
// that one differs from the one that was read first: what is sold is then what
// people have published since. Without a store it does nothing.
func (s *Service) OpenCatalogue(ctx context.Context) (differs bool, err error) {
	if s.db == nil {
		return false, nil
	}
	s.selling.Lock()
	defer s.selling.Unlock()
	first := s.selling.base
	origin, err := digest(first.document, len(first.Products), first.Products)
	if err != nil {
		return false, fmt.Errorf("catalogue: %w", err)
	}
	now := store.Micros(s.now())
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		held, err := tx.CatalogueHead(ctx, s.tenant)
		if err == nil {
			differs = held.Origin != origin
			return nil
		}
		if !errors.Is(err, store.ErrNoRow) {
			return err
		}
		if _, err := tx.InsertCatalogueHead(ctx, store.InsertCatalogueHeadParams{
			Tenant: s.tenant, Document: first.document, Origin: origin, ChangedAt: now, ChangedBy: byConfiguration,
		}); err != nil {
			return err
		}
		for i, p := range first.Products {
			if p.document == "" {
				return fmt.Errorf("product %s was not read from a document", p.ID)
			}
			if err := tx.PutCatalogueProduct(ctx, store.PutCatalogueProductParams{
				Tenant: s.tenant, ProductID: p.ID, Position: int64(i + 1), Document: p.document, ChangedIn: 1, ChangedAt: now, ChangedBy: byConfiguration,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("catalogue: %w", err)
	}
	return differs, s.follow(ctx)
}

// byConfiguration is who published the catalogue that was there first.
const byConfiguration = "configuration"

// followCatalogue takes over what other processes changed in the catalogue.
func (s *Service) followCatalogue(ctx context.Context) error {
	s.selling.Lock()
	defer s.selling.Unlock()
	if s.selling.revision == 0 {
		return nil
	}
	return s.follow(ctx)
}

// follow sells what is in the database. The lock on what is sold must be held.
func (s *Service) follow(ctx context.Context) error {
	held, err := s.db.Read().CatalogueHead(ctx, s.tenant)
	switch {
	case err != nil:
		return fmt.Errorf("catalogue: %w", err)
	case held.Revision == s.selling.revision:
		return nil
	}
	root, err := jsonNode([]byte(held.Document))
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	next, err := readHead(root)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	before, since := s.selling.base, s.selling.revision
	if next.Domain != before.Domain {
		since = 0 // the domain is a part of many products
	}
	rows, err := s.db.Read().CatalogueProductsChanged(ctx, store.CatalogueProductsChangedParams{Tenant: s.tenant, Since: since})
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	sold := make(map[string]*Product, len(before.Products))
	for _, p := range before.Products {
		sold[p.ID] = p
	}
	positions := maps.Clone(s.selling.positions)
	if since == 0 {
		positions = nil
	}
	if positions == nil {
		positions = map[string]int64{}
	}
	for _, r := range rows {
		if r.Removed {
			delete(positions, r.ProductID)
			continue
		}
		positions[r.ProductID] = r.Position
		if p := sold[r.ProductID]; p != nil && p.document == r.Document && next.Domain == before.Domain {
			continue
		}
		if sold[r.ProductID], err = productOf(r, next); err != nil {
			return err
		}
	}
	next.Products = make([]*Product, 0, len(positions))
	for id := range positions {
		next.Products = append(next.Products, sold[id])
	}
	slices.SortFunc(next.Products, func(a, b *Product) int { return cmp.Compare(positions[a.ID], positions[b.ID]) })
	if err := s.sell(next, s.selling.stock); err != nil {
		return err
	}
	s.selling.revision, s.selling.positions = held.Revision, positions
	return nil
}

// editAttempts is how often an edit starts again because another process was first.
const editAttempts = 5

// edit changes the catalogue in the database, and what is sold with it. Where only
// one product may change, only names it.
func (s *Service) edit(ctx context.Context, e Edit, change func(now *Catalogue) (*edition, error), only string) (Changes, error) {
	s.selling.Lock()
	defer s.selling.Unlock()
	if s.selling.revision == 0 {
		return Changes{}, errors.New("seller: the catalogue is in no database")
	}
	for range editAttempts {
		out, err := s.tryEdit(ctx, e, change, only)
		if !errors.Is(err, errCatalogueMoved) {
			return out, err
		}
	}
	return Changes{}, adcp.NewError(adcp.CodeConflict, "", "Others change the catalogue at this moment.").WithSuggestion("Try again.")
}

func (s *Service) tryEdit(ctx context.Context, e Edit, change func(now *Catalogue) (*edition, error), only string) (Changes, error) {
	if err := s.follow(ctx); err != nil {
		return Changes{}, err
	}
	next, err := change(s.selling.base)
	if err != nil {
		return Changes{}, err
	}
	held, err := s.published(ctx, only)
	if err != nil {
		return Changes{}, err
	}
	if e.Revision != nil && held[only].Revision != *e.Revision {
		return Changes{}, ErrStaleRevision
	}
	w := s.compare(next, held)
	shelf, err := s.stackShelf(next.catalogue(), s.selling.stock)
	switch {
	case err != nil:
		return Changes{}, CatalogueErrors{{Line: 1, Problem: err.Error(), Fix: "write what the protocol's schema takes"}}
	case e.DryRun:
		w.changes.Revision = s.selling.revision
		return w.changes, nil
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.write(ctx, tx, e.By, next.head.document, w) }); err != nil {
		return Changes{}, err
	}
	w.changes.Revision = s.selling.revision + 1
	if err := s.open(shelf, next.catalogue(), s.selling.stock); err != nil {
		return Changes{}, err
	}
	s.selling.revision, s.selling.positions = w.changes.Revision, w.positions
	return w.changes, nil
}

// published reads the rows of all products, or of one.
func (s *Service) published(ctx context.Context, only string) (map[string]store.CatalogueProduct, error) {
	var rows []store.CatalogueProduct
	var err error
	if only == "" {
		rows, err = s.db.Read().CatalogueProducts(ctx, store.CatalogueProductsParams{Tenant: s.tenant, AfterPosition: math.MinInt64, MaxRows: math.MaxInt32})
	} else if r, one := s.db.Read().CatalogueProduct(ctx, store.CatalogueProductParams{Tenant: s.tenant, ProductID: only}); one == nil {
		rows = []store.CatalogueProduct{r}
	} else if !errors.Is(one, store.ErrNoRow) {
		err = one
	}
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	out := make(map[string]store.CatalogueProduct, len(rows))
	for _, r := range rows {
		out[r.ProductID] = r
	}
	return out, nil
}

// catalogueWrite is what an edit writes.
type catalogueWrite struct {
	changes   Changes
	puts      []store.PutCatalogueProductParams
	positions map[string]int64
}

// compare finds what an edition changes, and puts in it what is sold already in the
// place of what reads the same.
func (s *Service) compare(next *edition, held map[string]store.CatalogueProduct) catalogueWrite {
	sold := make(map[string]*Product, len(s.selling.base.Products))
	for _, p := range s.selling.base.Products {
		sold[p.ID] = p
	}
	moved := next.head.Domain != s.selling.base.Domain
	w := catalogueWrite{positions: make(map[string]int64, len(next.products))}
	last := int64(0)
	next.products = slices.Clone(next.products)
	for i, p := range next.products {
		before, known := sold[p.ID]
		same := before == p || known && held[p.ID].Document == p.document
		position := s.selling.positions[p.ID]
		if same && !moved {
			next.products[i] = before
		}
		switch {
		case same:
			w.changes.Unchanged++
		case known:
			w.changes.Changed = append(w.changes.Changed, p.ID)
		default:
			w.changes.Added = append(w.changes.Added, p.ID)
		}
		stays := position > last
		if !stays {
			position = last + 1
		}
		last, w.positions[p.ID] = position, position
		if !same || !stays {
			document := p.document
			if before == p {
				document = held[p.ID].Document
			}
			w.puts = append(w.puts, store.PutCatalogueProductParams{Tenant: s.tenant, ProductID: p.ID, Position: position, Document: document})
		}
	}
	for _, p := range s.selling.base.Products {
		if _, stays := w.positions[p.ID]; !stays {
			w.changes.Removed = append(w.changes.Removed, p.ID)
		}
	}
	return w
}

// write writes an edit, unless another process was first.
func (s *Service) write(ctx context.Context, tx *store.Tx, by, head string, w catalogueWrite) error {
	now := s.now()
	rows, err := tx.AdvanceCatalogueHead(ctx, store.AdvanceCatalogueHeadParams{
		Tenant: s.tenant, Revision: s.selling.revision, Document: head, ChangedAt: store.Micros(now), ChangedBy: by,
	})
	switch {
	case err != nil:
		return err
	case rows == 0:
		return errCatalogueMoved
	}
	in := s.selling.revision + 1
	for _, put := range w.puts {
		put.ChangedIn, put.ChangedAt, put.ChangedBy = in, store.Micros(now), by
		if err := tx.PutCatalogueProduct(ctx, put); err != nil {
			return err
		}
	}
	for _, id := range w.changes.Removed {
		if err := tx.RemoveCatalogueProduct(ctx, store.RemoveCatalogueProductParams{
			Tenant: s.tenant, ProductID: id, ChangedIn: in, ChangedAt: store.Micros(now), ChangedBy: by,
		}); err != nil {
			return err
		}
	}
	document, err := json.Marshal(map[string]any{
		"revision": in, "added": w.changes.Added, "changed": w.changes.Changed, "removed": w.changes.Removed,
	})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, At: now, Kind: "catalogue.changed", Subject: s.tenant, Actor: by, Document: document,
	})
}
