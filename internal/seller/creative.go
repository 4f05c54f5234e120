package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
	making "github.com/upfront-media/upfront/internal/seller/creative"
	"github.com/upfront-media/upfront/internal/store"
)

// Creative is a creative in an account's library.
type Creative struct {
	AccountID string `json:"account_id"`
	ID        string `json:"id"`
	// Status is the creative's own, whatever it is assigned to.
	Status adcp.CreativeStatus `json:"status"`
	// Asset is the creative as the buyer sent it.
	Asset adcp.CreativeAsset `json:"asset"`
	// Review is how it came to its state.
	Review    Review    `json:"review,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"`
	// uploaded says that the request at hand puts it into the library.
	uploaded bool
}

// Review is a creative's latest change of state.
type Review struct {
	From adcp.CreativeStatus `json:"from,omitzero"`
	At   time.Time           `json:"at,omitzero"`
	// By decided: a colleague's name, or what decides by rule.
	By string `json:"by,omitzero"`
	// Person says that a colleague decided.
	Person bool `json:"person,omitzero"`
	// Code and Reason say why.
	Code   adcp.CreativeEventReasonCode `json:"code,omitzero"`
	Reason string                       `json:"reason,omitzero"`
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
	if r.Review != "" {
		if err := json.Unmarshal([]byte(r.Review), &c.Review); err != nil {
			return nil, fmt.Errorf("review of creative %s: %w", r.CreativeID, err)
		}
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
	review, err := json.Marshal(c.Review)
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
			CreatedAt: store.Micros(c.UpdatedAt), UpdatedAt: store.Micros(c.UpdatedAt), Review: string(review),
		})
	case err == nil:
		revision, kind = current.Revision+1, "creative.updated"
		err = one(tx.UpdateCreative(ctx, store.UpdateCreativeParams{
			Name: c.Asset.Name, FormatAgentURL: f.AgentURL, FormatID: f.ID, Status: string(c.Status),
			Document: string(doc), UpdatedAt: store.Micros(c.UpdatedAt), Review: string(review),
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

// inline puts the creatives that come inside of a package into the library, as
// sync_creatives would, and assigns them to the package. A package is refused whose
// creatives do not fit.
func (s *Service) inline(c *checks, field string, b *MediaBuy, p *Package, library map[string]*Creative, wanted []adcp.CreativeAsset, now time.Time) {
	product, _ := s.shelf().bought(p)
	for i := range wanted {
		asset, at := &wanted[i], fmt.Sprintf("%s[%d]", field, i)
		v := s.examine(at, b.Principal, asset, product)
		if problems := slices.Concat(v.refused, v.broken); len(problems) > 0 {
			c.found = append(c.found, problems...)
			continue
		}
		if slices.ContainsFunc(p.Creatives, func(a Assignment) bool { return a.CreativeID == asset.CreativeID && a.ReleasedAt.IsZero() }) {
			c.add(adcp.CodeValidationError, at+".creative_id", "The creative is assigned twice to one package.")
			continue
		}
		s.upload(library, b.AccountID, asset, now)
		a, problem := s.assignment(at, p, product, library[asset.CreativeID], asset.CreativeID, asset.Weight, now)
		if problem != nil {
			c.refuse(problem)
			continue
		}
		p.Creatives = append(p.Creatives, a)
	}
}

// upload plans to put a creative that has passed examination into the library.
// Where nothing about it is new, it returns nil.
func (s *Service) upload(library map[string]*Creative, accountID string, asset *adcp.CreativeAsset, now time.Time) (next, before *Creative) {
	kept := *asset
	// These concern an upload into a media buy, not the library.
	kept.Weight, kept.PlacementIDs, kept.PlacementRefs, kept.Status = nil, nil, nil, nil
	next = &Creative{
		AccountID: accountID, ID: asset.CreativeID, Asset: kept, CreatedAt: now, UpdatedAt: now, uploaded: true,
		Review: Review{At: now, By: ruled, Code: adcp.CreativeEventReasonCodeReviewPassed},
	}
	before = library[asset.CreativeID]
	next.Status = s.creativeReview.opens(before)
	if before != nil {
		next.CreatedAt, next.Review.From = before.CreatedAt, before.Status
		same := *next
		if same.Status = before.Status; len(changedFields(before, &same)) == 0 && !before.lapsed(s.creativeReview) {
			return nil, before
		}
		if next.Status == before.Status {
			next.Review = before.Review
		}
	}
	library[next.ID] = next
	return next, before
}

// lapsed tells whether sending the creative again as it is has it looked at again: one
// that was rejected or archived.
func (c *Creative) lapsed(r CreativeReview) bool {
	return c.Status != r.opens(c) && (c.Status == adcp.CreativeStatusRejected || c.Status == adcp.CreativeStatusArchived)
}

// ruled decides where no person does.
const ruled = "rules"

// uploaded are the creatives that a request puts into the library, in order.
func uploaded(library map[string]*Creative) []*Creative {
	var list []*Creative
	for _, id := range slices.Sorted(maps.Keys(library)) {
		if library[id].uploaded {
			list = append(list, library[id])
		}
	}
	return list
}

// assignment checks one creative for a package.
func (s *Service) assignment(at string, p *Package, product *Product, creative *Creative, creativeID string, weight *adcp.Decimal, now time.Time) (Assignment, *adcp.Error) {
	a := Assignment{CreativeID: creativeID, AssignedAt: now}
	if creative == nil || creative.Status == adcp.CreativeStatusArchived {
		return a, refusal(adcp.CodeCreativeNotFound, at+".creative_id", "There is no such creative.").
			WithSuggestion("Upload it with sync_creatives, or find yours with list_creatives.")
	}
	if !p.accepts(product, &creative.Asset) {
		return a, refusal(adcp.CodeValidationError, at+".creative_id", "The package does not run the creative's format, %s.", creative.FormatName()).
			WithSuggestion("Assign a creative in one of the package's formats.")
	}
	if product != nil {
		if e := making.Provenance(at, product.Provenance, creative.Asset.Provenance); e != nil {
			return a, e
		}
	}
	if weight != nil {
		m, err := money.Parse(string(*weight))
		if err != nil || m < 0 || m > 100*money.Unit {
			return a, refusal(adcp.CodeValidationError, at+".weight", "The weight is not a number from 0 to 100.")
		}
		a.Weight = new(int64(m))
	}
	if i := slices.IndexFunc(p.Creatives, func(x Assignment) bool { return x.CreativeID == creativeID && x.ReleasedAt.IsZero() }); i >= 0 {
		a.AssignedAt, a.Approval, a.Reason = p.Creatives[i].AssignedAt, p.Creatives[i].Approval, p.Creatives[i].Reason
	}
	a.review(creative)
	return a, nil
}
