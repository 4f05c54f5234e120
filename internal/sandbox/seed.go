package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// The kinds of seeds, as they are stored.
const (
	kindProduct       = "product"
	kindPricingOption = "pricing_option"
	kindFormat        = "creative_format"
)

// fixture is a seed's document, for scenarios that take one.
type fixture struct {
	ID      string
	Fixture json.RawMessage
}

// seed plants a fixture once: the same again is welcome and changes nothing,
// another under its identifier is refused.
func (d *Controller) seed(ctx context.Context, r *request, kind string, f fixture, plant func() error) (*adcp.ComplyTestControllerResponse, error) {
	canonical, err := canonical(f.Fixture)
	if err != nil {
		return nil, err
	}
	d.seeding.Lock()
	defer d.seeding.Unlock()
	key := store.SandboxItemParams{Tenant: d.Tenant, Principal: r.call.Principal, Kind: kind, ItemID: f.ID}
	had, err := d.Store.Read().SandboxItem(ctx, key)
	switch {
	case err == nil && had.Document == canonical:
		return seeded("seeded before, with an equivalent fixture"), nil
	case err == nil:
		return nil, invalid("params.fixture", "%s %s was seeded before with another fixture; they differ in %s.", kind, f.ID, differences(had.Document, canonical))
	case !errors.Is(err, store.ErrNoRow):
		return nil, err
	}
	if err := plant(); err != nil {
		return nil, err
	}
	return seeded("seeded"), d.put(ctx, r.call.Principal, kind, f.ID, canonical)
}

func seeded(message string) *adcp.ComplyTestControllerResponse {
	return &adcp.ComplyTestControllerResponse{Success: true, Message: &message}
}

// put writes an item of the principal's, over one of the same name.
func (d *Controller) put(ctx context.Context, principal, kind, id, document string) error {
	return d.Store.Tx(ctx, func(tx *store.Tx) error {
		return tx.PutSandboxItem(ctx, store.PutSandboxItemParams{
			Tenant: d.Tenant, Principal: principal, Kind: kind, ItemID: id, Document: document, CreatedAt: store.Micros(d.Clock.Now()),
		})
	})
}

// canonical is the document in the one form of its content (RFC 8785).
func canonical(document json.RawMessage) (string, error) {
	if len(bytes.TrimSpace(document)) == 0 {
		return "{}", nil
	}
	text, err := jcs.Transform(document)
	if err != nil || text[0] != '{' {
		return "", invalid("params.fixture", "The fixture is not a JSON object.")
	}
	return string(text), nil
}

// differences names the members in which two canonical documents differ.
func differences(a, b string) string {
	var x, y map[string]json.RawMessage
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return "everything"
	}
	names := map[string]bool{}
	for name, value := range x {
		if !bytes.Equal(value, y[name]) {
			names[name] = true
		}
	}
	for name := range y {
		if _, both := x[name]; !both {
			names[name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// restore puts what was seeded for the shelf back on it.
func (d *Controller) restore(ctx context.Context) error {
	principals := map[string]bool{}
	for _, p := range d.Principals {
		principals[p] = true
	}
	for _, kind := range []string{kindProduct, kindFormat} {
		rows, err := d.Store.Read().SandboxItemsOfKind(ctx, store.SandboxItemsOfKindParams{Tenant: d.Tenant, Kind: kind})
		if err != nil {
			return fmt.Errorf("sandbox: seeds: %w", err)
		}
		for _, row := range rows {
			principals[row.Principal] = true
		}
	}
	for _, principal := range slices.Sorted(maps.Keys(principals)) {
		if err := d.stock(ctx, principal, "", fixture{}); err != nil {
			return fmt.Errorf("sandbox: what was seeded for %s: %w", principal, err)
		}
	}
	return nil
}

// stock puts on the shelf all that was seeded for the principal, and one fixture
// more.
func (d *Controller) stock(ctx context.Context, principal, kind string, more fixture) error {
	seeds := func(of string) ([]fixture, error) {
		rows, err := d.Store.Read().SandboxItems(ctx, store.SandboxItemsParams{Tenant: d.Tenant, Principal: principal, Kind: of})
		var list []fixture
		for _, row := range rows {
			list = append(list, fixture{ID: row.ItemID, Fixture: json.RawMessage(row.Document)})
		}
		if of == kind {
			list = append(list, more)
		}
		for _, p := range published[of] {
			if !slices.ContainsFunc(list, func(f fixture) bool { return f.ID == p.ID }) {
				list = append(list, p)
			}
		}
		return list, err
	}
	var own seller.Stock
	formats, err := seeds(kindFormat)
	if err != nil {
		return err
	}
	for _, f := range formats {
		format, err := d.Seller.WireFormat("", f.ID, f.Fixture)
		if err != nil {
			return err
		}
		own.Formats = append(own.Formats, format)
	}
	for _, f := range placeholderFormats {
		format, err := d.Seller.WireFormat(placeholderAgent, f.ID, f.Fixture)
		if err != nil {
			return err
		}
		own.Formats = append(own.Formats, format)
	}
	prices, err := seeds(kindPricingOption)
	if err != nil {
		return err
	}
	products, err := seeds(kindProduct)
	if err != nil {
		return err
	}
	if err := d.sortBySession(ctx, principal, products); err != nil {
		return err
	}
	for _, f := range products {
		p, err := d.product(f, prices)
		if err != nil {
			return err
		}
		if len(p.Pricing) == 0 {
			continue // it comes on the shelf with its first price
		}
		if own.Formats, err = d.withFormats(own.Formats, p); err != nil {
			return err
		}
		own.Products = append(own.Products, p)
	}
	if err := d.Seller.Stock(principal, own); err != nil {
		return invalid("params.fixture", "%v", err)
	}
	return d.Supply(own.Products)
}

// restock puts on the shelf all that was seeded for the principal.
func (d *Controller) restock(ctx context.Context, principal string) error {
	d.seeding.Lock()
	defer d.seeding.Unlock()
	return d.stock(ctx, principal, "", fixture{})
}

func (d *Controller) product(f fixture, prices []fixture) (*seller.Product, error) {
	var own []seller.PricingOption
	for _, price := range prices {
		product, option, _ := strings.Cut(price.ID, priceMark)
		if product != f.ID {
			continue
		}
		o, err := seller.WirePrice(option, price.Fixture)
		if err != nil {
			return nil, err
		}
		own = append(own, o)
	}
	return d.Seller.WireProduct(f.ID, f.Fixture, own)
}

// withFormats adds the formats that the product names and nobody has declared, as
// formats that demand nothing, so that what is sold can be listed.
func (d *Controller) withFormats(formats []*seller.Format, p *seller.Product) ([]*seller.Format, error) {
	named := slices.Clone(p.Foreign)
	for _, id := range p.FormatIDs {
		if !d.Seller.HasFormat(id) {
			named = append(named, adcp.FormatReference{ID: id})
		}
	}
	for _, ref := range named {
		if slices.ContainsFunc(formats, func(f *seller.Format) bool { return f.ID == ref.ID && f.AgentURL == ref.AgentURL }) {
			continue
		}
		f, err := d.Seller.WireFormat(ref.AgentURL, ref.ID, nil)
		if err != nil {
			return nil, err
		}
		formats = append(formats, f)
	}
	return formats, nil
}
