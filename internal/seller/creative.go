package seller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Creative is a creative in an account's library.
type Creative struct {
	AccountID string `json:"account_id"`
	ID        string `json:"id"`
	// Status is the creative's own, whatever it is assigned to.
	Status adcp.CreativeStatus `json:"status"`
	// Asset is the creative as the buyer sent it.
	Asset     adcp.CreativeAsset `json:"asset"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
	Revision  int64              `json:"revision"`
}

func (c *Creative) format() adcp.FormatReference { return adcp.Val(c.Asset.FormatID) }

func creativeOf(r store.Creative) (*Creative, error) {
	c := &Creative{
		AccountID: r.AccountID, ID: r.CreativeID, Status: adcp.CreativeStatus(r.Status),
		CreatedAt: store.Time(r.CreatedAt), UpdatedAt: store.Time(r.UpdatedAt), Revision: r.Revision,
	}
	if err := json.Unmarshal([]byte(r.Document), &c.Asset); err != nil {
		return nil, fmt.Errorf("creative %s: %w", r.CreativeID, err)
	}
	return c, nil
}

// library reads an account's creatives, by identifier.
func (s *Service) library(ctx context.Context, q *store.Queries, accountID string) (map[string]*Creative, error) {
	rows, err := q.CreativesOfAccount(ctx, store.CreativesOfAccountParams{Tenant: s.tenant, AccountID: accountID})
	if err != nil {
		return nil, fmt.Errorf("creatives of %s: %w", accountID, err)
	}
	library := make(map[string]*Creative, len(rows))
	for _, r := range rows {
		if library[r.CreativeID], err = creativeOf(r); err != nil {
			return nil, err
		}
	}
	return library, nil
}

// saveCreative writes the creative into the library, new or over what is there.
func (s *Service) saveCreative(ctx context.Context, tx *store.Tx, c *Creative, actor, flow string) error {
	doc, err := json.Marshal(c.Asset)
	if err != nil {
		return err
	}
	key := store.CreativeParams{Tenant: s.tenant, AccountID: c.AccountID, CreativeID: c.ID}
	f := c.format()
	current, err := row(tx.Creative(ctx, key))
	revision, kind := int64(1), "creative.created"
	switch {
	case errors.Is(err, errNoRow):
		err = tx.InsertCreative(ctx, store.InsertCreativeParams{
			Tenant: s.tenant, AccountID: c.AccountID, CreativeID: c.ID, Name: c.Asset.Name,
			FormatAgentURL: f.AgentURL, FormatID: f.ID, Status: string(c.Status), Document: string(doc),
			CreatedAt: store.Micros(c.UpdatedAt), UpdatedAt: store.Micros(c.UpdatedAt),
		})
	case err == nil:
		revision, kind = current.Revision+1, "creative.updated"
		err = one(tx.UpdateCreative(ctx, store.UpdateCreativeParams{
			Name: c.Asset.Name, FormatAgentURL: f.AgentURL, FormatID: f.ID, Status: string(c.Status),
			Document: string(doc), UpdatedAt: store.Micros(c.UpdatedAt),
			Tenant: s.tenant, AccountID: c.AccountID, CreativeID: c.ID, Revision: current.Revision,
		}))
	}
	if err != nil {
		return fmt.Errorf("save creative %s: %w", c.ID, err)
	}
	if doc, err = json.Marshal(map[string]any{"account_id": c.AccountID, "status": c.Status}); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: eventID(c.AccountID+"/"+c.ID, kind, revision), At: c.UpdatedAt,
		Kind: kind, Subject: c.ID, FlowID: flow, Actor: actor, Document: doc,
	})
}

// review is the rule that stands in for a person: a creative of a known format
// that brings what the format demands is approved; anything else is refused with
// what is missing. A person's own review would start here.
func (s *Service) review(at string, a *adcp.CreativeAsset) []adcp.Error {
	c := new(checks)
	c.unsupported(at+".format_kind", "canonical formats", "Name a format with format_id.", a.FormatKind != nil || a.FormatID == nil)
	c.unsupported(at+".inputs", "generative formats", "Leave inputs out.", len(a.Inputs) > 0)
	if a.FormatID == nil || a.FormatKind != nil {
		return c.all()
	}
	if s.shelf().runsForeign(*a.FormatID) {
		return c.all() // what it demands is known to its own agent
	}
	if !s.ownFormat(*a.FormatID) {
		c.refuse(refusal(adcp.CodeUnsupportedFeature, at+".format_id", "This seller does not accept that format.").
			WithSuggestion("Use a format_id of list_creative_formats, without parameters."))
		return c.all()
	}
	format, _ := s.shelf().Format(a.FormatID.ID)
	for _, want := range format.Assets {
		field := at + ".assets." + want.ID
		types, err := typesOf(a.Assets[want.ID])
		switch {
		case err != nil:
			c.add(adcp.CodeValidationError, field, "Asset %s cannot be read.", want.ID)
		case len(types) == 0 && want.Required:
			c.refuse(refusal(adcp.CodeValidationError, field, "Format %s needs the asset %s, of type %s.", format.ID, want.ID, want.Type).
				WithSuggestion("Add the asset; list_creative_formats says what each format needs."))
		case slices.ContainsFunc(types, func(t string) bool { return t != want.Type }):
			c.add(adcp.CodeValidationError, field, "Asset %s is %s; format %s needs %s.", want.ID, types[0], format.ID, want.Type)
		}
	}
	if len(format.Assets) == 0 {
		return c.all() // it takes whatever comes
	}
	for _, have := range slices.Sorted(maps.Keys(a.Assets)) {
		if !slices.ContainsFunc(format.Assets, func(f FormatAsset) bool { return f.ID == have }) {
			c.add(adcp.CodeValidationError, at+".assets."+have, "Format %s has no asset %s.", format.ID, have)
		}
	}
	return c.all()
}

// typesOf lists the asset_type of the one asset, or of each in a list.
func typesOf(raw json.RawMessage) ([]string, error) {
	type asset struct {
		Type string `json:"asset_type"`
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil, nil
	case raw[0] == '[':
		var list []asset
		err := json.Unmarshal(raw, &list)
		types := make([]string, len(list))
		for i := range list {
			types[i] = list[i].Type
		}
		return types, err
	}
	var one asset
	err := json.Unmarshal(raw, &one)
	return []string{one.Type}, err
}

// all is every refusal as an item's list of errors.
func (c *checks) all() []adcp.Error {
	var list []adcp.Error
	for _, e := range c.found {
		list = append(list, *e)
	}
	return list
}

// assign replaces a package's creatives by those of the request. Creatives that
// stay keep the date they were assigned on.
func (s *Service) assign(c *checks, field string, p *Package, library map[string]*Creative, wanted []adcp.CreativeAssignment, now time.Time) {
	product, _ := s.shelf().bought(p)
	var list []Assignment
	for i, w := range wanted {
		at := fmt.Sprintf("%s[%d]", field, i)
		c.unsupported(at+".placement_refs", "placing a creative", "Leave placement_refs out.", len(w.PlacementRefs) > 0)
		c.unsupported(at+".placement_ids", "placing a creative", "Leave placement_ids out.", len(w.PlacementIDs) > 0)
		if slices.ContainsFunc(list, func(a Assignment) bool { return a.CreativeID == w.CreativeID }) {
			c.add(adcp.CodeValidationError, at+".creative_id", "The creative is assigned twice to one package.")
			continue
		}
		a, problem := s.assignment(at, p, product, library[w.CreativeID], w.CreativeID, w.Weight, now)
		if problem != nil {
			c.refuse(problem)
			continue
		}
		list = append(list, a)
	}
	p.Creatives = list
}

// assignment checks one creative for a package.
func (s *Service) assignment(at string, p *Package, product *Product, creative *Creative, creativeID string, weight *adcp.Decimal, now time.Time) (Assignment, *adcp.Error) {
	a := Assignment{CreativeID: creativeID, AssignedAt: now}
	if creative == nil || creative.Status == adcp.CreativeStatusArchived {
		return a, refusal(adcp.CodeCreativeNotFound, at+".creative_id", "There is no such creative.").
			WithSuggestion("Upload it with sync_creatives, or find yours with list_creatives.")
	}
	if !p.accepts(product, creative.format()) {
		return a, refusal(adcp.CodeValidationError, at+".creative_id", "The package does not run the creative's format, %s.", creative.format().ID).
			WithSuggestion("Assign a creative in one of the package's formats.")
	}
	if weight != nil {
		m, err := money.Parse(string(*weight))
		if err != nil || m < 0 || m > 100*money.Unit {
			return a, refusal(adcp.CodeValidationError, at+".weight", "The weight is not a number from 0 to 100.")
		}
		a.Weight = new(int64(m))
	}
	a.Approved = creative.Status == adcp.CreativeStatusApproved
	if i := slices.IndexFunc(p.Creatives, func(x Assignment) bool { return x.CreativeID == creativeID && x.ReleasedAt.IsZero() }); i >= 0 {
		a.AssignedAt = p.Creatives[i].AssignedAt
	}
	return a, nil
}
