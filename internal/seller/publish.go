package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/upfront-media/upfront/internal/store"
)

// The refusals of a change of the catalogue, besides [CatalogueErrors].
var (
	// ErrNoProduct: the catalogue has no product of that identifier.
	ErrNoProduct = errors.New("the catalogue has no such product")
	// ErrStaleRevision: the product has changed since the revision that was named.
	ErrStaleRevision = errors.New("the product has changed since")
	// ErrLastProduct: a catalogue sells at least one product.
	ErrLastProduct = errors.New("it is the last product, and a seller sells at least one")
	// errCatalogueMoved: another process changed the catalogue first.
	errCatalogueMoved = errors.New("the catalogue was changed by somebody else at the same time")
)

// Published is a product of the catalogue in the database.
type Published struct {
	*Product
	// Document is the product in the catalogue's own form, as JSON.
	Document json.RawMessage
	// Position orders the products; Revision counts the product's changes from 1.
	Position, Revision int64
	ChangedAt          time.Time
	ChangedBy          string
}

// Edit says who changes the catalogue, and how.
type Edit struct {
	// By is the person, as the change is recorded.
	By string
	// DryRun checks everything and changes nothing.
	DryRun bool
	// Revision, where set, is the one that the product must still have.
	Revision *int64
}

// Changes tells what an edit changes, by product identifiers in catalogue order.
type Changes struct {
	Added, Changed, Removed []string
	Unchanged               int
	// Revision is the catalogue's, after the edit.
	Revision int64
}

// PublishedProducts lists the catalogue in its order, at most limit products from after a
// position. It needs a store.
func (s *Service) PublishedProducts(ctx context.Context, after int64, limit int) ([]Published, error) {
	rows, err := s.db.Read().CatalogueProducts(ctx, store.CatalogueProductsParams{Tenant: s.tenant, AfterPosition: after, MaxRows: int64(limit)})
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	head := s.selling.catalogue()
	out := make([]Published, len(rows))
	for i, r := range rows {
		if out[i], err = publishedOf(r, head); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PublishedProduct is one product of the catalogue, or [ErrNoProduct].
func (s *Service) PublishedProduct(ctx context.Context, productID string) (Published, error) {
	r, err := s.db.Read().CatalogueProduct(ctx, store.CatalogueProductParams{Tenant: s.tenant, ProductID: productID})
	switch {
	case errors.Is(err, store.ErrNoRow):
		return Published{}, ErrNoProduct
	case err != nil:
		return Published{}, fmt.Errorf("catalogue: %w", err)
	}
	return publishedOf(r, s.selling.catalogue())
}

func publishedOf(r store.CatalogueProduct, head *Catalogue) (Published, error) {
	p, err := productOf(r, head)
	return Published{
		Product: p, Document: json.RawMessage(r.Document), Position: r.Position, Revision: r.Revision,
		ChangedAt: store.Time(r.ChangedAt), ChangedBy: r.ChangedBy,
	}, err
}

// productOf reads a product that was published.
func productOf(r store.CatalogueProduct, head *Catalogue) (*Product, error) {
	root, err := jsonNode([]byte(r.Document))
	if err != nil {
		return nil, fmt.Errorf("catalogue: product %s: %w", r.ProductID, err)
	}
	p, err := readProductDocument(root, head)
	if err != nil {
		return nil, fmt.Errorf("catalogue: product %s: %w", r.ProductID, err)
	}
	p.document = ""
	return p, nil
}

// ExportCatalogue writes the whole catalogue as YAML that [LoadCatalogue] reads.
func (s *Service) ExportCatalogue(ctx context.Context) ([]byte, error) {
	head, err := s.db.Read().CatalogueHead(ctx, s.tenant)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	rows, err := s.db.Read().CatalogueProducts(ctx, store.CatalogueProductsParams{Tenant: s.tenant, AfterPosition: math.MinInt64, MaxRows: math.MaxInt32})
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	root, err := jsonNode([]byte(head.Document))
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, r := range rows {
		n, err := jsonNode([]byte(r.Document))
		if err != nil {
			return nil, fmt.Errorf("catalogue: product %s: %w", r.ProductID, err)
		}
		list.Content = append(list.Content, n)
	}
	root.Content = append(root.Content, mapping(0, "products", list).Content...)
	return yaml.Marshal(root)
}

// PublishProduct adds a product, or replaces the one of its identifier. The
// document is JSON or YAML in the catalogue's own form; what is wrong with it is
// told as [CatalogueErrors].
func (s *Service) PublishProduct(ctx context.Context, productID string, document []byte, e Edit) (Changes, error) {
	root, err := parseDocument(document)
	if err != nil {
		return Changes{}, CatalogueErrors{{Line: 1, Problem: err.Error(), Fix: "write the product as a JSON object or as YAML"}}
	}
	return s.edit(ctx, e, func(now *Catalogue) (*edition, error) {
		p, err := readProductDocument(root, now)
		if err != nil {
			return nil, err
		}
		if p.ID != productID {
			return nil, CatalogueErrors{{Line: root.Line, Path: "id", Problem: fmt.Sprintf("%q is not the product of the address", p.ID), Fix: "write " + productID}}
		}
		return now.edition().put(p), nil
	}, productID)
}

// WithdrawProduct takes a product out of the catalogue. Media buys on it keep the
// terms that they were booked on.
func (s *Service) WithdrawProduct(ctx context.Context, productID string, e Edit) (Changes, error) {
	return s.edit(ctx, e, func(now *Catalogue) (*edition, error) {
		i := slices.IndexFunc(now.Products, func(p *Product) bool { return p.ID == productID })
		switch {
		case i < 0:
			return nil, ErrNoProduct
		case len(now.Products) == 1:
			return nil, ErrLastProduct
		}
		next := now.edition()
		next.products = slices.Delete(next.products, i, i+1)
		return next, nil
	}, productID)
}

// Import says how a file is to be read.
type Import struct {
	// Keep lets products stay that the file does not have.
	Keep bool
	// CSV files are rate cards; others are YAML as [LoadCatalogue] reads it, or its
	// like in JSON.
	CSV bool
	// Card says what a rate card does not.
	Card RateCard
}

// ImportCatalogue makes a file the catalogue: all of it, or nothing where something
// is wrong, which is told as [CatalogueErrors].
func (s *Service) ImportCatalogue(ctx context.Context, text []byte, in Import, e Edit) (Changes, error) {
	return s.edit(ctx, e, func(now *Catalogue) (*edition, error) {
		var file *Catalogue
		var err error
		if in.CSV {
			file, err = in.Card.read(text, now)
		} else {
			file, err = readFile(text)
		}
		if err != nil {
			return nil, err
		}
		return file.replacing(now, in.Keep)
	}, "")
}

func readFile(text []byte) (*Catalogue, error) {
	root, err := parseDocument(text)
	if err != nil {
		return nil, CatalogueErrors{{Line: 1, Problem: err.Error(), Fix: "write a catalogue as upfront catalogue export prints it"}}
	}
	return catalogueOf(root)
}

// replacing is the file in the place of what is sold now.
func (c *Catalogue) replacing(now *Catalogue, keep bool) (*edition, error) {
	next := &edition{head: c, products: c.Products}
	switch {
	case !keep:
		return next, nil
	case c.Domain != now.Domain:
		return nil, CatalogueErrors{{Line: 1, Path: "seller.domain", Problem: fmt.Sprintf("is not %s, whose products are to stay", now.Domain), Fix: "write it, or let the file replace the whole catalogue"}}
	}
	named := make(map[string]bool, len(c.Products))
	for _, p := range c.Products {
		named[p.ID] = true
	}
	var missing CatalogueErrors
	next.products = nil
	for _, p := range now.Products {
		if named[p.ID] {
			continue
		}
		for _, id := range p.FormatIDs {
			if _, ok := c.Format(id); !ok {
				missing = append(missing, &CatalogueError{Line: 1, Path: "formats", Problem: fmt.Sprintf("has no %q, which the product %s runs", id, p.ID), Fix: "add it to standard_formats or formats"})
			}
		}
		next.products = append(next.products, p)
	}
	if len(missing) > 0 {
		return nil, missing[:min(len(missing), maxCatalogueErrors)]
	}
	next.products = append(next.products, c.Products...)
	return next, nil
}
