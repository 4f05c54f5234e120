package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// Config is what the service needs.
type Config struct {
	Tenant string
	Clock  clock.Clock
	Store  *store.DB
	// Account finds the identifier of the account that a change is asked for on; it
	// refuses accounts that may not change anything.
	Account func(context.Context, *agent.Call, *adcp.AccountReference) (string, error)
	// InUse lists the media buys not yet over with a package that shows the catalog.
	InUse func(ctx context.Context, accountID, catalogID string) ([]string, error)
}

// Service keeps catalogs.
type Service struct{ cfg Config }

// New makes the service.
func New(cfg Config) *Service { return &Service{cfg} }

// Register puts sync_catalogs on an agent.
func (s *Service) Register(a *agent.Agent) { agent.Handle(a, adcp.SyncCatalogs, s.sync) }

// Catalog is a feed of one type on an account.
type Catalog struct {
	AccountID, ID string
	PlatformID    string
	// About is everything but the items.
	About     adcp.Catalog
	Revision  int64
	CreatedAt time.Time
	SyncedAt  time.Time
}

// Item is one thing that a catalog has.
type Item struct {
	ID      string
	Status  adcp.CatalogItemStatus
	Reasons []string
	// Document is the item as it came.
	Document json.RawMessage
}

func catalogOf(r store.BuyerCatalog) (*Catalog, error) {
	c := &Catalog{
		AccountID: r.AccountID, ID: r.CatalogID, PlatformID: r.PlatformID,
		Revision: r.Revision, CreatedAt: store.Time(r.CreatedAt), SyncedAt: store.Time(r.SyncedAt),
	}
	if err := json.Unmarshal([]byte(r.Document), &c.About); err != nil {
		return nil, fmt.Errorf("catalog %s: %w", r.CatalogID, err)
	}
	return c, nil
}

// Of lists an account's catalogs by identifier.
func (s *Service) Of(ctx context.Context, q *store.Queries, accountID string) (map[string]*Catalog, error) {
	list, err := s.list(ctx, q, accountID)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Catalog, len(list))
	for _, c := range list {
		byID[c.ID] = c
	}
	return byID, nil
}

func (s *Service) list(ctx context.Context, q *store.Queries, accountID string) ([]*Catalog, error) {
	rows, err := q.BuyerCatalogs(ctx, store.BuyerCatalogsParams{Tenant: s.cfg.Tenant, AccountID: accountID})
	if err != nil {
		return nil, fmt.Errorf("catalogs of %s: %w", accountID, err)
	}
	list := make([]*Catalog, len(rows))
	for i, r := range rows {
		if list[i], err = catalogOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Items lists a catalog's items in the order they came in.
func (s *Service) Items(ctx context.Context, q *store.Queries, accountID, catalogID string) ([]Item, error) {
	rows, err := q.BuyerCatalogItems(ctx, store.BuyerCatalogItemsParams{Tenant: s.cfg.Tenant, AccountID: accountID, CatalogID: catalogID})
	if err != nil {
		return nil, fmt.Errorf("items of %s: %w", catalogID, err)
	}
	list := make([]Item, len(rows))
	for i, r := range rows {
		list[i] = Item{ID: r.ItemID, Status: adcp.CatalogItemStatus(r.Status), Document: json.RawMessage(r.Document)}
		if r.Reasons != "" {
			if err := json.Unmarshal([]byte(r.Reasons), &list[i].Reasons); err != nil {
				return nil, fmt.Errorf("item %s: %w", r.ItemID, err)
			}
		}
	}
	return list, nil
}

// Selects tells whether a reference to the catalog takes in the item: all of them
// where it names neither identifiers, numbers, tags nor a category.
func Selects(ref *adcp.Catalog, i *Item) bool {
	var doc struct {
		GTIN     string   `json:"gtin"`
		Tags     []string `json:"tags"`
		Category string   `json:"category"`
		SKU      string   `json:"sku"`
	}
	if json.Unmarshal(i.Document, &doc) != nil {
		return false
	}
	switch {
	case len(ref.IDs) > 0 && !slices.Contains(ref.IDs, i.ID) && !slices.Contains(ref.IDs, doc.SKU),
		len(ref.GTINs) > 0 && !slices.Contains(ref.GTINs, doc.GTIN),
		len(ref.Tags) > 0 && !slices.ContainsFunc(ref.Tags, func(t string) bool { return slices.Contains(doc.Tags, t) }),
		ref.Category != nil && *ref.Category != doc.Category:
		return false
	}
	return true
}

// ErrUnknown reports a catalog or an item that does not exist.
var ErrUnknown = errors.New("there is no such catalog item")

// SetItemStatus moves an item to a status, as the seller's people do who look at
// it, with the reasons that the buyer is told.
func (s *Service) SetItemStatus(ctx context.Context, accountID, catalogID, itemID string, status adcp.CatalogItemStatus, reasons []string) error {
	doc, err := reasonsDocument(reasons)
	if err != nil {
		return err
	}
	return s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.SetBuyerCatalogItemStatus(ctx, store.SetBuyerCatalogItemStatusParams{
			Status: string(status), Reasons: doc, Tenant: s.cfg.Tenant, AccountID: accountID, CatalogID: catalogID, ItemID: itemID,
		})
		if err == nil && n != 1 {
			err = ErrUnknown
		}
		return err
	})
}

func reasonsDocument(reasons []string) (string, error) {
	if len(reasons) == 0 {
		return "", nil
	}
	doc, err := json.Marshal(reasons)
	return string(doc), err
}
