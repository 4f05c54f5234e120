package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// maxItems is how many items one catalog may bring inline.
const maxItems = 10_000

// errDryRun rolls a rehearsal back.
var errDryRun = errors.New("dry run")

// sync serves sync_catalogs. In strict mode one catalog at fault fails all; in
// lenient mode catalogs fail one by one. Items are looked at one by one in both.
// Without catalogs the call lists those of the account.
func (s *Service) sync(ctx context.Context, call *agent.Call, req *adcp.SyncCatalogsRequest) (*adcp.SyncCatalogsResponse, error) {
	if req.PushNotificationConfig != nil {
		return nil, adcp.NewError(adcp.CodeUnsupportedFeature, "push_notification_config", "Catalogs are looked at before the call is answered; there is nothing to tell later.").
			WithSuggestion("Leave push_notification_config out.")
	}
	account, err := s.cfg.Account(ctx, call, &req.Account)
	if err != nil {
		return nil, err
	}
	plans, err := s.plan(ctx, account, req)
	if err != nil {
		return nil, err
	}
	var resp *adcp.SyncCatalogsResponse
	err = s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		resp = &adcp.SyncCatalogsResponse{Status: adcp.TaskStatusCompleted, Catalogs: []adcp.SyncCatalogsResponseCatalog{}}
		if call.Sandbox {
			resp.Sandbox = new(true)
		}
		told := map[string]bool{}
		for _, p := range plans {
			r := &adcp.SyncCatalogsResponseCatalog{CatalogID: p.id, Action: adcp.CatalogActionFailed}
			if p.problem != nil {
				r.Errors = []adcp.Error{*p.problem}
			} else {
				var err error
				if r, err = s.write(ctx, tx, call, account, p); err != nil {
					return fmt.Errorf("catalog %s: %w", p.id, err)
				}
			}
			told[p.id] = true
			resp.Catalogs = append(resp.Catalogs, *r)
		}
		if len(req.Catalogs) == 0 {
			if err := s.others(ctx, tx.Queries, account, told, resp); err != nil {
				return err
			}
		}
		if adcp.Val(req.DryRun) {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		resp.DryRun, err = new(true), nil
	}
	return resp, err
}

// plan is what one entry comes to.
type plan struct {
	id      string
	catalog *adcp.Catalog // nil for one that is to go
	items   []Item
	problem *adcp.Error
}

func (s *Service) plan(ctx context.Context, account string, req *adcp.SyncCatalogsRequest) ([]*plan, error) {
	var plans []*plan
	seen := map[string]bool{}
	for i := range req.Catalogs {
		c := &req.Catalogs[i]
		catalogID := adcp.Val(c.CatalogID)
		if len(req.CatalogIDs) > 0 && !slices.Contains(req.CatalogIDs, catalogID) {
			continue
		}
		p := &plan{id: catalogID, catalog: c, problem: problem(fmt.Sprintf("catalogs[%d]", i), c, seen[catalogID])}
		if p.problem == nil {
			p.items, p.problem = look(fmt.Sprintf("catalogs[%d]", i), c)
		}
		seen[catalogID] = true
		plans = append(plans, p)
	}
	if req.ValidationMode == nil || *req.ValidationMode == adcp.ValidationModeStrict {
		for _, p := range plans {
			if p.problem != nil {
				return nil, p.problem
			}
		}
	}
	if adcp.Val(req.DeleteMissing) {
		return s.planMissing(ctx, account, plans, seen)
	}
	return plans, nil
}

// problem is why a catalog cannot be taken, or nil.
func problem(at string, c *adcp.Catalog, twice bool) *adcp.Error {
	switch {
	case strings.TrimSpace(adcp.Val(c.CatalogID)) == "":
		return refusal(adcp.CodeValidationError, at+".catalog_id", "A catalog needs an identifier to be referenced by.")
	case twice:
		return refusal(adcp.CodeValidationError, at+".catalog_id", "The catalog is twice in the request.")
	case c.URL != nil || c.FeedFormat != nil || len(c.FeedFieldMappings) > 0:
		return adcp.NewError(adcp.CodeUnsupportedFeature, at+".url", "This seller does not fetch feeds.").WithSuggestion("Send the items themselves, in items.")
	case len(c.Items) > maxItems:
		return refusal(adcp.CodeValidationError, at+".items", "The catalog has %d items; one may bring %d.", len(c.Items), maxItems)
	}
	return nil
}

// look reviews a catalog's items.
func look(at string, c *adcp.Catalog) ([]Item, *adcp.Error) {
	items := make([]Item, 0, len(c.Items))
	seen := map[string]bool{}
	for i, raw := range c.Items {
		item := review(c.Type, raw)
		if item.ID == "" {
			return nil, refusal(adcp.CodeValidationError, fmt.Sprintf("%s.items[%d]", at, i), "%s", item.Reasons[0])
		}
		if seen[item.ID] {
			return nil, refusal(adcp.CodeValidationError, fmt.Sprintf("%s.items[%d]", at, i), "The item is twice in the catalog.")
		}
		seen[item.ID] = true
		items = append(items, item)
	}
	return items, nil
}

// planMissing adds the deletion of what the request leaves out, but for what media
// buys show.
func (s *Service) planMissing(ctx context.Context, account string, plans []*plan, seen map[string]bool) ([]*plan, error) {
	list, err := s.list(ctx, s.cfg.Store.Read(), account)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if seen[c.ID] {
			continue
		}
		p := &plan{id: c.ID}
		buys, err := s.cfg.InUse(ctx, account, c.ID)
		if err != nil {
			return nil, err
		}
		if len(buys) > 0 {
			p.problem = refusal(adcp.CodeInvalidState, "delete_missing", "Media buys that are not over show catalog %s.", c.ID).
				WithSuggestion("Change their catalogs or cancel them first.").WithDetails(map[string]any{"media_buy_ids": buys})
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// write makes one entry true that can be taken.
func (s *Service) write(ctx context.Context, tx *store.Tx, call *agent.Call, account string, p *plan) (*adcp.SyncCatalogsResponseCatalog, error) {
	if p.catalog == nil {
		err := errors.Join(
			tx.DeleteBuyerCatalogItems(ctx, store.DeleteBuyerCatalogItemsParams{Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id}),
			tx.DeleteBuyerCatalog(ctx, store.DeleteBuyerCatalogParams{Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id}),
			s.event(ctx, tx, call, account, p.id, adcp.CatalogActionDeleted, 0),
		)
		return &adcp.SyncCatalogsResponseCatalog{CatalogID: p.id, Action: adcp.CatalogActionDeleted}, err
	}
	held, err := s.Of(ctx, tx.Queries, account)
	if err != nil {
		return nil, err
	}
	changes, err := s.changes(ctx, tx.Queries, account, p, held[p.id])
	if err != nil {
		return nil, err
	}
	action := adcp.CatalogActionUpdated
	switch current := held[p.id]; {
	case current == nil:
		action, changes = adcp.CatalogActionCreated, nil
		err = s.insert(ctx, tx, call, account, p)
	case len(changes) == 0:
		action = adcp.CatalogActionUnchanged
	default:
		err = s.update(ctx, tx, call, account, p, current)
	}
	if err == nil && action != adcp.CatalogActionUnchanged {
		if err = s.writeItems(ctx, tx, account, p); err == nil {
			err = s.event(ctx, tx, call, account, p.id, action, len(p.items))
		}
	}
	if err != nil {
		return nil, err
	}
	c, err := tx.BuyerCatalog(ctx, store.BuyerCatalogParams{Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id})
	if err != nil {
		return nil, err
	}
	now, err := catalogOf(c)
	if err != nil {
		return nil, err
	}
	r, err := s.result(ctx, tx.Queries, now, action)
	if err == nil {
		r.Changes = changes
	}
	return r, err
}

// about is the catalog without its items.
func about(c *adcp.Catalog) adcp.Catalog {
	a := *c
	a.Items = nil
	return a
}

// changes names the members in which the entry differs from what is held. Items
// that the entry leaves out stay as they are.
func (s *Service) changes(ctx context.Context, q *store.Queries, account string, p *plan, held *Catalog) ([]string, error) {
	if held == nil {
		return nil, nil
	}
	before, err := members(about(&held.About))
	if err != nil {
		return nil, err
	}
	after, err := members(about(p.catalog))
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if string(before[name]) != string(after[name]) {
			changed = append(changed, name)
		}
	}
	if len(p.items) == 0 {
		return changed, nil
	}
	items, err := s.Items(ctx, q, account, p.id)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(items, p.items, func(a, b Item) bool { return a.ID == b.ID && string(a.Document) == string(b.Document) }) {
		changed = append(changed, "items")
	}
	return changed, nil
}

func members(c adcp.Catalog) (map[string]json.RawMessage, error) {
	doc, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	return m, json.Unmarshal(doc, &m)
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, call *agent.Call, account string, p *plan) error {
	doc, err := json.Marshal(about(p.catalog))
	if err != nil {
		return err
	}
	return tx.InsertBuyerCatalog(ctx, store.InsertBuyerCatalogParams{
		Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id, PlatformID: id.Derive("cat", s.cfg.Tenant, account, p.id),
		Principal: call.Principal, Type: string(p.catalog.Type), Document: string(doc),
		CreatedAt: store.Micros(call.Now), SyncedAt: store.Micros(call.Now),
	})
}

func (s *Service) update(ctx context.Context, tx *store.Tx, call *agent.Call, account string, p *plan, current *Catalog) error {
	doc, err := json.Marshal(about(p.catalog))
	if err != nil {
		return err
	}
	n, err := tx.UpdateBuyerCatalog(ctx, store.UpdateBuyerCatalogParams{
		Type: string(p.catalog.Type), Document: string(doc), SyncedAt: store.Micros(call.Now),
		Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id, Revision: current.Revision,
	})
	if err == nil && n != 1 {
		err = errors.New("changed by somebody else meanwhile")
	}
	return err
}

func (s *Service) writeItems(ctx context.Context, tx *store.Tx, account string, p *plan) error {
	if len(p.items) == 0 {
		return nil
	}
	if err := tx.DeleteBuyerCatalogItems(ctx, store.DeleteBuyerCatalogItemsParams{Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id}); err != nil {
		return err
	}
	for i, item := range p.items {
		reasons, err := reasonsDocument(item.Reasons)
		if err != nil {
			return err
		}
		if err := tx.InsertBuyerCatalogItem(ctx, store.InsertBuyerCatalogItemParams{
			Tenant: s.cfg.Tenant, AccountID: account, CatalogID: p.id, ItemID: item.ID, Position: int64(i),
			Status: string(item.Status), Reasons: reasons, Document: string(item.Document),
		}); err != nil {
			return fmt.Errorf("item %s: %w", item.ID, err)
		}
	}
	return nil
}

func (s *Service) event(ctx context.Context, tx *store.Tx, call *agent.Call, account, catalogID string, action adcp.CatalogAction, items int) error {
	doc, err := json.Marshal(map[string]any{"catalog_id": catalogID, "items": items})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.cfg.Tenant, ID: id.Derive("event", account, call.Principal, call.IdempotencyKey, catalogID), At: call.Now,
		Kind: "catalog." + string(action), Subject: account, Actor: call.Principal, Document: doc,
	})
}

// others adds the account's other catalogs to an answer.
func (s *Service) others(ctx context.Context, q *store.Queries, account string, told map[string]bool, resp *adcp.SyncCatalogsResponse) error {
	list, err := s.list(ctx, q, account)
	if err != nil {
		return err
	}
	for _, c := range list {
		if told[c.ID] {
			continue
		}
		r, err := s.result(ctx, q, c, adcp.CatalogActionUnchanged)
		if err != nil {
			return err
		}
		resp.Catalogs = append(resp.Catalogs, *r)
	}
	return nil
}

// result is a catalog as the answer shows it.
func (s *Service) result(ctx context.Context, q *store.Queries, c *Catalog, action adcp.CatalogAction) (*adcp.SyncCatalogsResponseCatalog, error) {
	items, err := s.Items(ctx, q, c.AccountID, c.ID)
	if err != nil {
		return nil, err
	}
	by := map[adcp.CatalogItemStatus]int64{}
	w := &adcp.SyncCatalogsResponseCatalog{CatalogID: c.ID, Action: action, PlatformID: new(c.PlatformID), LastSyncedAt: new(c.SyncedAt.UTC())}
	for _, i := range items {
		by[i.Status]++
		if i.Status != adcp.CatalogItemStatusApproved {
			w.ItemIssues = append(w.ItemIssues, adcp.SyncCatalogsResponseCatalogItemIssue{ItemID: i.ID, Status: i.Status, Reasons: i.Reasons})
		}
	}
	w.ItemCount = new(int64(len(items)))
	w.ItemsApproved, w.ItemsPending = new(by[adcp.CatalogItemStatusApproved]+by[adcp.CatalogItemStatusWarning]), new(by[adcp.CatalogItemStatusPending])
	w.ItemsRejected = new(by[adcp.CatalogItemStatusRejected])
	return w, nil
}

func refusal(code adcp.ErrorCode, field, format string, args ...any) *adcp.Error {
	return adcp.NewError(code, field, fmt.Sprintf(format, args...)).
		WithSuggestion("Correct " + field + " and send the request again with a new idempotency_key.")
}
