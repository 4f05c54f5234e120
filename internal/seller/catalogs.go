package seller

import (
	"context"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/catalog"
	"github.com/upfront-media/upfront/internal/store"
)

// pictorial are channels whose ads can be made of a catalog's items.
var pictorial = []string{"display", "native", "social", "retail_media", "search", "email", "app", "dooh"}

// catalogTypes are the types of catalog that the product shows ads from: those it
// names, or any where it runs on a channel of pictures and names none.
func (p *Product) catalogTypes() []string {
	if p.CatalogTypes != nil || !slices.ContainsFunc(p.Channels, func(c string) bool { return slices.Contains(pictorial, c) }) {
		return p.CatalogTypes
	}
	return []string{
		"offering", "product", "inventory", "store", "promotion", "hotel", "flight",
		"job", "vehicle", "real_estate", "education", "destination", "app",
	}
}

// bindCatalogs ties a package to catalogs of the account, and refuses references
// that would leave it nothing to show.
func (s *Service) bindCatalogs(ctx context.Context, q *store.Queries, c *checks, at string, product *Product, accountID string, p *Package, refs []adcp.Catalog, h *holdings) error {
	p.Catalogs = refs
	for i := range refs {
		ref, at := &refs[i], fmt.Sprintf("%s.catalogs[%d]", at, i)
		if ref.CatalogID == nil || len(ref.Items) > 0 || ref.URL != nil {
			c.unsupported(at, "catalogs inside a package", "Hand the catalog in with sync_catalogs, then name its catalog_id.", true)
			continue
		}
		held, ok := h.catalogs[*ref.CatalogID]
		switch {
		case !ok:
			c.refuse(refusal(adcp.CodeInvalidRequest, at+".catalog_id", "The account has no such catalog.").
				WithSuggestion("Hand it in with sync_catalogs on this account first."))
			continue
		case held.About.Type != ref.Type:
			c.refuse(refusal(adcp.CodeInvalidRequest, at+".type", "The catalog is of type %s.", held.About.Type).
				WithSuggestion("Send the type that the catalog was handed in with."))
			continue
		case product != nil && !slices.Contains(product.catalogTypes(), string(ref.Type)):
			c.refuse(refusal(adcp.CodeInvalidRequest, at+".type", "Product %s shows no ads from catalogs of type %s.", product.ID, ref.Type).
				WithSuggestion("Choose a product whose catalog_types have it.").
				WithDetails(map[string]any{"accepted_values": product.catalogTypes()}))
			continue
		case ref.Query != nil:
			c.unsupported(at+".query", "choosing items in words", "Choose them with ids, gtins, tags or category.", true)
			continue
		}
		items, err := s.catalogs.Items(ctx, q, accountID, held.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(items, func(i catalog.Item) bool { return serves(&i) && catalog.Selects(ref, &i) }) {
			c.refuse(refusal(adcp.CodeInvalidRequest, at, "The reference takes in no item that was approved.").
				WithSuggestion("Look at the catalog's item_issues with sync_catalogs, and at ids, gtins, tags and category."))
		}
	}
	return nil
}

// serves tells whether ads may show the item.
func serves(i *catalog.Item) bool {
	return i.Status == adcp.CatalogItemStatusApproved || i.Status == adcp.CatalogItemStatusWarning
}

// shows tells whether the package shows items of the account's catalog.
func (p *Package) shows(catalogID string) bool {
	return slices.ContainsFunc(p.Catalogs, func(c adcp.Catalog) bool { return adcp.Val(c.CatalogID) == catalogID })
}

// catalogInUse lists the media buys not yet over that show a catalog.
func (s *Service) catalogInUse(ctx context.Context, accountID, catalogID string) ([]string, error) {
	return s.usedBy(ctx, accountID, func(p *Package) bool { return p.shows(catalogID) })
}

// Catalogs are what buyers have handed in of what they sell.
func (s *Service) Catalogs() *catalog.Service { return s.catalogs }
