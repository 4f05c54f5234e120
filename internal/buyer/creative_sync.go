package buyer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// creativeWork is how far the creatives of a booking are, kept with it.
type creativeWork struct {
	// Done says that there is nothing more to bring.
	Done bool `json:"done"`
	// TaskID is the seller's task where it takes them over later.
	TaskID string `json:"task_id,omitempty"`
	// ByPackage are the creatives of each package.
	ByPackage map[string][]string `json:"by_package"`
	// Problems are why something could not be brought, for people.
	Problems []string `json:"problems,omitempty"`
}

func (b *booking) creativeWork() (w creativeWork) {
	// What this package wrote itself: absent before anything was brought.
	_ = json.Unmarshal([]byte(b.Creatives), &w)
	return w
}

// bringCreatives makes and syncs the creatives that a media buy waits for. It
// may be run any number of times: creatives are named by what they are for.
func (s *Service) bringCreatives(ctx context.Context, c *client.Client, b *booking) error {
	w := b.creativeWork()
	switch {
	case w.Done:
		return nil
	case w.TaskID != "":
		return s.followCreatives(ctx, c, b, w)
	}
	needs, err := s.creativeNeeds(ctx, b)
	if err != nil {
		return err
	}
	w = creativeWork{ByPackage: map[string][]string{}}
	if len(needs) == 0 {
		w.Done = true
		return s.noteCreatives(ctx, b, w)
	}
	known, err := s.formats(ctx, c)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return s.later(ctx, b, "creative formats could not be read", err)
	}
	in := b.campaign.intent
	st := studio{campaignID: b.CampaignID, seller: b.Seller, name: in.Name, domain: in.BrandDomain, seconds: in.AdLengths}
	request := adcp.SyncCreativesRequest{Account: s.account(in)}
	for _, packageID := range slices.Sorted(maps.Keys(needs)) {
		made, problem := st.choose(needs[packageID], known)
		if problem != "" {
			w.Problems = append(w.Problems, fmt.Sprintf("package %s: %s", packageID, problem))
			continue
		}
		if !slices.ContainsFunc(request.Creatives, func(have adcp.CreativeAsset) bool { return have.CreativeID == made.CreativeID }) {
			request.Creatives = append(request.Creatives, *made)
		}
		request.Assignments = append(request.Assignments, adcp.SyncCreativesRequestAssignment{CreativeID: made.CreativeID, PackageID: packageID})
		w.ByPackage[packageID] = []string{made.CreativeID}
	}
	if len(request.Creatives) == 0 {
		w.Done = true
		return s.noteCreatives(ctx, b, w)
	}
	return s.syncCreatives(ctx, c, b, w, request)
}

// creativeNeeds are the formats that each package takes, by package.
func (s *Service) creativeNeeds(ctx context.Context, b *booking) (map[string][]FormatID, error) {
	lines, err := s.lines(ctx, s.db.Read(), b)
	if err != nil {
		return nil, err
	}
	needs := map[string][]FormatID{}
	for _, p := range b.packages() {
		formats := p.Formats
		if i := slices.IndexFunc(lines, func(l store.BuyerLine) bool { return l.LineID == p.LineID }); i >= 0 && len(formats) == 0 {
			var t terms
			if err := json.Unmarshal([]byte(lines[i].Document), &t); err != nil {
				return nil, fmt.Errorf("line %s: the stored terms: %w", p.LineID, err)
			}
			formats = t.Formats
		}
		if len(formats) > 0 {
			needs[p.PackageID] = formats
		}
	}
	return needs, nil
}

// formats reads what creative formats a seller takes.
func (s *Service) formats(ctx context.Context, c *client.Client) ([]adcp.Format, error) {
	var known []adcp.Format
	request := adcp.ListCreativeFormatsRequest{Pagination: &adcp.PaginationRequest{MaxResults: new(int64(pageSize))}}
	for range maxPages {
		answer, err := client.Call(ctx, c, adcp.ListCreativeFormats, &request, s.retries())
		if err != nil {
			return nil, err
		}
		known = append(known, answer.Formats...)
		if answer.Pagination == nil || !answer.Pagination.HasMore || adcp.Val(answer.Pagination.Cursor) == "" {
			break
		}
		request.Pagination.Cursor = answer.Pagination.Cursor
	}
	return known, nil
}

// syncCreatives sends creatives with their assignments. The key is derived from
// what is sent: the same creatives are sent once, others are another request.
func (s *Service) syncCreatives(ctx context.Context, c *client.Client, b *booking, w creativeWork, request adcp.SyncCreativesRequest) error {
	content, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("creatives for %s: %w", b.Seller, err)
	}
	request.IdempotencyKey = id.Derive("creatives", b.CampaignID, b.Seller, b.MediaBuyID, digest(content))
	if err := s.step(ctx, "about to bring creatives to "+b.Seller); err != nil {
		return err
	}
	answer, err := client.Call(ctx, c, adcp.SyncCreatives, &request, s.retries())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.step(ctx, "creatives brought to "+b.Seller); err != nil {
		return err
	}
	if refused := refusalOf(err); refused != nil && client.Recovery(refused) != adcp.ErrorRecoveryTransient {
		w.Done, w.ByPackage = true, map[string][]string{}
		w.Problems = append(w.Problems, s.said(err))
		return s.noteCreatives(ctx, b, w)
	}
	if err != nil {
		return s.later(ctx, b, "creatives could not be brought", err)
	}
	if task := adcp.Val(answer.TaskID); len(answer.Creatives) == 0 && token(task) {
		w.TaskID = task
		return s.noteCreatives(ctx, b, w)
	}
	return s.takenCreatives(ctx, b, w, answer)
}

// followCreatives looks at the task by which a seller takes creatives over.
func (s *Service) followCreatives(ctx context.Context, c *client.Client, b *booking, w creativeWork) error {
	account := s.account(b.campaign.intent)
	task, err := client.Look(ctx, c, adcp.SyncCreatives, w.TaskID, &account)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return s.later(ctx, b, "a task could not be looked at", err)
	case task.Err != nil:
		w.Done, w.TaskID, w.ByPackage = true, "", map[string][]string{}
		w.Problems = append(w.Problems, s.taskEnded(task.Err))
		return s.noteCreatives(ctx, b, w)
	case !task.Done() || task.Result == nil:
		return nil
	}
	return s.takenCreatives(ctx, b, w, task.Result)
}

// takenCreatives notes what a seller took and what it did not.
func (s *Service) takenCreatives(ctx context.Context, b *booking, w creativeWork, answer *adcp.SyncCreativesResponse) error {
	for _, item := range answer.Creatives {
		drop := func(packageID, why string) {
			w.Problems = append(w.Problems, fmt.Sprintf("package %s: creative %s: %s", packageID, shown(item.CreativeID, 60), why))
			delete(w.ByPackage, packageID)
		}
		for _, packageID := range slices.Sorted(maps.Keys(w.ByPackage)) {
			if !slices.Contains(w.ByPackage[packageID], item.CreativeID) {
				continue
			}
			if item.Action == adcp.CreativeActionFailed {
				why := "refused without a reason"
				if len(item.Errors) > 0 {
					why = s.said(&item.Errors[0])
				}
				drop(packageID, why)
			} else if why, bad := item.AssignmentErrors[packageID]; bad {
				drop(packageID, shown(why, maxReason))
			}
		}
	}
	w.Done, w.TaskID = true, ""
	return s.noteCreatives(ctx, b, w)
}

func (s *Service) noteCreatives(ctx context.Context, b *booking, w creativeWork) error {
	document, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("creatives of booking %s: %w", b.BookingID, err)
	}
	return s.keep(ctx, b, b.state(), func(tx *store.Tx) error {
		b.Creatives = string(document)
		if len(w.Problems) > 0 {
			b.Reason = "creatives: " + strings.Join(w.Problems, "; ")
		}
		if !w.Done {
			return nil
		}
		return s.event(ctx, tx, "creatives.brought", b.MediaBuyID, b.CampaignID, ActorSystem,
			map[string]any{"seller": b.Seller, "by_package": w.ByPackage, "problems": w.Problems})
	})
}
