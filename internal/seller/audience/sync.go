package audience

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/pii"
	"github.com/upfront-media/upfront/internal/store"
)

// maxMembers is how many members one call may bring (AdCP 3.1, sync_audiences).
const maxMembers = 100_000

// sellerID is what the ad server knows an audience by.
func sellerID(tenant, accountID, audienceID string) string {
	return id.Derive("aud", tenant, accountID, audienceID)
}

// sync serves sync_audiences. Audiences fail one by one, and what succeeded commits
// together; raw personal data fails the whole call, with nothing kept of it. Without
// audiences it lists those of the account.
func (s *Service) sync(ctx context.Context, call *agent.Call, req *adcp.SyncAudiencesRequest) (*adcp.SyncAudiencesResponse, error) {
	if e := s.refuseRaw(call.Arguments); e != nil {
		return nil, e
	}
	account, err := s.cfg.Account(ctx, call, &req.Account)
	if err != nil {
		return nil, err
	}
	resp := &adcp.SyncAudiencesResponse{Status: adcp.TaskStatusCompleted, Audiences: []adcp.SyncAudiencesResponseAudience{}}
	if call.Sandbox {
		resp.Sandbox = new(true)
	}
	plans, err := s.plan(ctx, account, req)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.Tx(ctx, func(tx *store.Tx) error { return s.write(ctx, tx, call, account, plans) }); err != nil {
		return nil, err
	}
	for _, p := range plans {
		if p.problem == nil {
			s.placeNow(ctx, account, p.id)
		}
	}
	resp.Audiences, err = s.results(ctx, account, plans)
	return resp, err
}

// refuseRaw refuses a request in which anything looks like unhashed personal data.
func (s *Service) refuseRaw(arguments json.RawMessage) *adcp.Error {
	var raw struct {
		Audiences json.RawMessage `json:"audiences"`
	}
	// The request has passed its schema; what cannot be read has no audiences.
	_ = json.Unmarshal(arguments, &raw)
	// Names, descriptions and tags are for people; they are looked at like the rest.
	found := pii.Find(raw.Audiences, "audiences", "audience_id", "name")
	if found == nil {
		return nil
	}
	return adcp.NewError(adcp.CodeValidationError, found.Field, fmt.Sprintf("%s looks like %s. Members are named by hashed identifiers only; nothing of this request was kept.", found.Field, found.Kind)).
		WithSuggestion("Normalize, hash with SHA-256 and send hashed_email or hashed_phone; leave everything else out.")
}

// plan is what one entry of a request comes to.
type plan struct {
	id       string
	entry    *adcp.SyncAudiencesRequestAudience
	add      []member
	remove   []string
	deleted  bool
	uploaded int64
	action   adcp.CatalogAction
	problem  *adcp.Error
}

// plan looks at the entries and has the ad server match the members that they add.
func (s *Service) plan(ctx context.Context, account string, req *adcp.SyncAudiencesRequest) ([]*plan, error) {
	var plans []*plan
	total, seen := 0, map[string]bool{}
	for i := range req.Audiences {
		e := &req.Audiences[i]
		at := fmt.Sprintf("audiences[%d]", i)
		p := &plan{id: e.AudienceID, entry: e, deleted: adcp.Val(e.Delete), uploaded: int64(len(e.Add))}
		total += len(e.Add) + len(e.Remove)
		switch {
		case seen[e.AudienceID]:
			p.problem = refusal(adcp.CodeValidationError, at+".audience_id", "The audience is twice in the request.")
		case strings.TrimSpace(e.AudienceID) == "":
			p.problem = refusal(adcp.CodeValidationError, at+".audience_id", "The audience has no identifier.")
		case adcp.Val(e.AudienceType) == adcp.SyncAudiencesRequestAudienceAudienceTypeLookalikeSeed:
			p.problem = adcp.NewError(adcp.CodeUnsupportedFeature, at+".audience_type", "This seller does not model audiences that are alike.").
				WithSuggestion("Send the people themselves, as an audience of type crm.")
		case p.deleted:
			p.uploaded = 0
			if err := s.planDeletion(ctx, account, at, p); err != nil {
				return nil, err
			}
		default:
			for j := range e.Add {
				p.add = append(p.add, memberOf(&e.Add[j]))
			}
			for j := range e.Remove {
				p.remove = append(p.remove, keyOf(e.Remove[j].ExternalID))
			}
		}
		seen[e.AudienceID] = true
		plans = append(plans, p)
	}
	if total > maxMembers {
		return nil, refusal(adcp.CodeValidationError, "audiences", "The request has %d members; one may have %d.", total, maxMembers)
	}
	if adcp.Val(req.DeleteMissing) {
		var err error
		if plans, err = s.planMissing(ctx, account, plans, seen); err != nil {
			return nil, err
		}
	}
	return plans, s.match(ctx, plans)
}

// planDeletion refuses to take an audience away that a media buy counts on.
func (s *Service) planDeletion(ctx context.Context, account, at string, p *plan) error {
	buys, err := s.cfg.InUse(ctx, account, p.id)
	if err == nil && len(buys) > 0 {
		p.problem = refusal(adcp.CodeInvalidState, at+".delete", "The audience is targeted by media buys that are not over.").
			WithSuggestion("Change their targeting or cancel them first.").
			WithDetails(map[string]any{"media_buy_ids": buys})
	}
	return err
}

// planMissing adds the deletion of what the request leaves out.
func (s *Service) planMissing(ctx context.Context, account string, plans []*plan, seen map[string]bool) ([]*plan, error) {
	list, err := s.list(ctx, s.cfg.Store.Read(), account)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if seen[a.ID] {
			continue
		}
		p := &plan{id: a.ID, entry: new(adcp.SyncAudiencesRequestAudience), deleted: true}
		if err := s.planDeletion(ctx, account, "delete_missing", p); err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// match has the ad server say which members it knows.
func (s *Service) match(ctx context.Context, plans []*plan) error {
	for _, p := range plans {
		if p.problem != nil || len(p.add) == 0 {
			continue
		}
		ids, whose, kind := questions(p.add)
		found, err := s.cfg.AdServer.Match(ctx, ids)
		if err != nil {
			return fmt.Errorf("match audience %s: %w", p.id, err)
		}
		for i, ok := range found {
			if ok {
				p.add[whose[i]].matched |= 1 << kind[i]
			}
		}
	}
	return nil
}

// write changes the books, and has what changed carried to the ad server.
func (s *Service) write(ctx context.Context, tx *store.Tx, call *agent.Call, account string, plans []*plan) error {
	current, err := s.Of(ctx, tx.Queries, account)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if p.problem != nil {
			continue
		}
		if p.deleted {
			err = s.remove(ctx, tx, account, p)
		} else {
			err = s.upsert(ctx, tx, call, account, p, current[p.id])
		}
		if err != nil {
			return fmt.Errorf("audience %s: %w", p.id, err)
		}
		if p.action == adcp.CatalogActionUnchanged {
			continue
		}
		if err := job.Enqueue(ctx, tx, jobPlace, placeJob{account, p.id}); err != nil {
			return err
		}
		if err := s.event(ctx, tx, call, account, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) remove(ctx context.Context, tx *store.Tx, account string, p *plan) error {
	p.action = adcp.CatalogActionDeleted
	return errors.Join(
		tx.DeleteAudienceMembers(ctx, store.DeleteAudienceMembersParams{Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id}),
		tx.DeleteAudience(ctx, store.DeleteAudienceParams{Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id}),
	)
}

// upsert creates or changes an audience. What was suspended stays so.
func (s *Service) upsert(ctx context.Context, tx *store.Tx, call *agent.Call, account string, p *plan, current *Audience) error {
	changed, err := s.writeMembers(ctx, tx, account, p)
	if err != nil {
		return err
	}
	next := p.described(current)
	doc, err := json.Marshal(next.About)
	if err != nil {
		return err
	}
	now := store.Micros(call.Now)
	if current == nil {
		p.action = adcp.CatalogActionCreated
		return tx.InsertAudience(ctx, store.InsertAudienceParams{
			Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id, SellerID: sellerID(s.cfg.Tenant, account, p.id),
			Principal: call.Principal, Name: next.Name, Status: string(adcp.AudienceStatusProcessing),
			StatusAt: now, Document: string(doc), CreatedAt: now, SyncedAt: now,
		})
	}
	before, err := json.Marshal(current.About)
	if err != nil {
		return err
	}
	if changed == 0 && next.Name == current.Name && string(doc) == string(before) {
		p.action = adcp.CatalogActionUnchanged
		return nil
	}
	p.action = adcp.CatalogActionUpdated
	status := adcp.AudienceStatusProcessing
	if current.Status == adcp.AudienceStatusSuspended {
		status = current.Status
	}
	n, err := tx.UpdateAudience(ctx, store.UpdateAudienceParams{
		Name: next.Name, Status: string(status), Document: string(doc), SyncedAt: now,
		Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id, Revision: current.Revision,
	})
	return errors.Join(err, unless(err != nil || n == 1))
}

// described is the audience as the entry describes it; what the entry leaves out
// stays.
func (p *plan) described(current *Audience) Audience {
	next := Audience{Name: p.id}
	if current != nil {
		next = *current
	}
	e := p.entry
	if e.Name != nil {
		next.Name = *e.Name
	}
	if e.Description != nil {
		next.About.Description = *e.Description
	}
	if e.AudienceType != nil {
		next.About.Type = *e.AudienceType
	}
	if e.Tags != nil {
		next.About.Tags = e.Tags
	}
	if e.ConsentBasis != nil {
		next.About.ConsentBasis = *e.ConsentBasis
	}
	return next
}

// writeMembers adds and removes members, and says how many rows changed. Whoever is
// to be added and removed is removed.
func (s *Service) writeMembers(ctx context.Context, tx *store.Tx, account string, p *plan) (changed int64, err error) {
	leaving := make(map[string]bool, len(p.remove))
	for _, key := range p.remove {
		leaving[key] = true
		n, err := tx.DeleteAudienceMember(ctx, store.DeleteAudienceMemberParams{Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id, Member: key})
		if err != nil {
			return 0, err
		}
		changed += n
	}
	for _, m := range p.add {
		if leaving[m.key] {
			continue
		}
		n, err := tx.PutAudienceMember(ctx, store.PutAudienceMemberParams{
			Tenant: s.cfg.Tenant, AccountID: account, AudienceID: p.id, Member: m.key, Submitted: m.submitted, Matched: m.matched,
		})
		if err != nil {
			return 0, err
		}
		changed += n
	}
	return changed, nil
}

func (s *Service) event(ctx context.Context, tx *store.Tx, call *agent.Call, account string, p *plan) error {
	doc, err := json.Marshal(map[string]any{"audience_id": p.id, "added": len(p.add), "removed": len(p.remove)})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.cfg.Tenant, ID: id.Derive("event", account, call.Principal, call.IdempotencyKey, p.id), At: call.Now,
		Kind: "audience." + string(p.action), Subject: account, Actor: call.Principal, Document: doc,
	})
}

// results are the audiences of the account: first those of the request, in its
// order, then the others.
func (s *Service) results(ctx context.Context, account string, plans []*plan) ([]adcp.SyncAudiencesResponseAudience, error) {
	q := s.cfg.Store.Read()
	list, err := s.list(ctx, q, account)
	if err != nil {
		return nil, err
	}
	out := []adcp.SyncAudiencesResponseAudience{}
	told := map[string]bool{}
	tell := func(id string, action adcp.CatalogAction, uploaded int64) error {
		i := slices.IndexFunc(list, func(a *Audience) bool { return a.ID == id })
		if i < 0 {
			return nil
		}
		c, err := s.counts(ctx, q, account, id)
		out = append(out, s.result(list[i], action, uploaded, c))
		return err
	}
	for _, p := range plans {
		told[p.id] = true
		switch {
		case p.problem != nil:
			out = append(out, adcp.SyncAudiencesResponseAudience{AudienceID: p.id, Action: adcp.CatalogActionFailed, Errors: []adcp.Error{*p.problem}})
		case p.deleted:
			out = append(out, adcp.SyncAudiencesResponseAudience{AudienceID: p.id, Action: p.action})
		default:
			if err := tell(p.id, p.action, p.uploaded); err != nil {
				return nil, err
			}
		}
	}
	for _, a := range list {
		if !told[a.ID] {
			if err := tell(a.ID, adcp.CatalogActionUnchanged, 0); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// result is an audience as the answer shows it.
func (s *Service) result(a *Audience, action adcp.CatalogAction, uploaded int64, c counts) adcp.SyncAudiencesResponseAudience {
	w := adcp.SyncAudiencesResponseAudience{
		AudienceID: a.ID, Name: new(a.Name), SellerID: new(a.SellerID), Action: action, Status: new(a.Status),
		UploadedCount: new(uploaded), TotalUploadedCount: new(c.members), LastSyncedAt: new(a.SyncedAt.UTC().Truncate(time.Second)),
	}
	switch a.Status {
	case adcp.AudienceStatusReady:
		w.MatchedCount, w.EffectiveMatchRate = new(c.matched), new(rate(c.matched, c.members))
		for i, kind := range kinds {
			if n := c.submittedBy[i]; n > 0 {
				w.MatchBreakdown = append(w.MatchBreakdown, adcp.SyncAudiencesResponseAudienceMatchBreakdownItem{
					IDType: kind, Submitted: n, Matched: c.matchedBy[i], MatchRate: rate(c.matchedBy[i], n),
				})
			}
		}
	case adcp.AudienceStatusTooSmall:
		w.MinimumSize = new(s.cfg.MinimumSize)
	}
	return w
}

// rate is n of d with six decimals, rounded down.
func rate(n, d int64) adcp.Decimal {
	if d == 0 {
		return "0"
	}
	return adcp.Decimal(money.Micros(n).MulDiv(int64(money.Unit), d).Literal())
}

func refusal(code adcp.ErrorCode, field, format string, args ...any) *adcp.Error {
	return adcp.NewError(code, field, fmt.Sprintf(format, args...)).
		WithSuggestion("Correct " + field + " and send the request again with a new idempotency_key.")
}
