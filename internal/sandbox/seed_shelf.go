package sandbox

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// seedProduct puts a product on the principal's own shelf. A product without a
// price is shown once it is given one.
func (d *Controller) seedProduct(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		ProductID string          `json:"product_id"`
		Fixture   json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	if d.Seller.HasProduct(p.ProductID) {
		return nil, invalid("params.product_id", "The seller's catalogue has a product %s already.", p.ProductID)
	}
	f := fixture{ID: p.ProductID, Fixture: p.Fixture}
	resp, err := d.seed(ctx, r, kindProduct, f, func() error { return d.stock(ctx, r.call.Principal, kindProduct, f) })
	if err != nil {
		return nil, err
	}
	if err := d.noteSession(ctx, r, p.ProductID); err != nil {
		return nil, err
	}
	return resp, d.restock(ctx, r.call.Principal)
}

// priceMark parts the product from the option in a price's identifier; neither may
// hold it.
const priceMark = "\n"

// seedPricingOption adds a price to a product that was seeded before.
func (d *Controller) seedPricingOption(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		ProductID       string          `json:"product_id"`
		PricingOptionID string          `json:"pricing_option_id"`
		Fixture         json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	_, err = d.Store.Read().SandboxItem(ctx, store.SandboxItemParams{Tenant: d.Tenant, Principal: r.call.Principal, Kind: kindProduct, ItemID: p.ProductID})
	if errors.Is(err, store.ErrNoRow) {
		return nil, notFound("params.product_id", "seeded product", p.ProductID)
	}
	if err != nil {
		return nil, err
	}
	if _, err := seller.WirePrice(p.PricingOptionID, p.Fixture); err != nil {
		return nil, err
	}
	f := fixture{ID: p.ProductID + priceMark + p.PricingOptionID, Fixture: p.Fixture}
	return d.seed(ctx, r, kindPricingOption, f, func() error { return d.stock(ctx, r.call.Principal, kindPricingOption, f) })
}

// seedCreativeFormat adds a creative format of the seller's own.
func (d *Controller) seedCreativeFormat(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		FormatID string          `json:"format_id"`
		Fixture  json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	if d.Seller.HasFormat(p.FormatID) {
		return nil, invalid("params.format_id", "The seller's catalogue has a format %s already.", p.FormatID)
	}
	f := fixture{ID: p.FormatID, Fixture: p.Fixture}
	return d.seed(ctx, r, kindFormat, f, func() error { return d.stock(ctx, r.call.Principal, kindFormat, f) })
}
