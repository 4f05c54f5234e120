package seller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// syncCreatives serves sync_creatives: creatives into the library, and onto
// packages. It completes once the ad server holds the assignments.
func (s *Service) syncCreatives(ctx context.Context, call *agent.Call, req *adcp.SyncCreativesRequest) (*adcp.SyncCreativesResponse, error) {
	account, err := s.accountForWrite(ctx, call, &req.Account)
	if err != nil {
		return nil, err
	}
	taskID := s.taskID(call, account.ID)
	_, err = s.task(ctx, s.db.Read(), taskID)
	if err == nil {
		return answer[adcp.SyncCreativesResponse](s.await(ctx, taskID))
	}
	if !errors.Is(err, errNoRow) {
		return nil, err
	}
	c := new(checks)
	s.checkWebhook(c, req.PushNotificationConfig)
	if adcp.Val(req.DeleteMissing) && len(req.CreativeIDs) > 0 {
		c.add(adcp.CodeInvalidRequest, "delete_missing", "delete_missing concerns the whole library; it cannot go with creative_ids.")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	var rehearsed *adcp.SyncCreativesResponse
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		sync, err := s.planSync(ctx, tx.Queries, call, account, req)
		if err != nil {
			return err
		}
		if adcp.Val(req.DryRun) {
			sync.resp.DryRun, rehearsed = new(true), sync.resp
			return nil
		}
		return s.submitSync(ctx, tx, call, account, taskID, req, sync)
	})
	if err != nil || rehearsed != nil {
		return rehearsed, err
	}
	return answer[adcp.SyncCreativesResponse](s.await(ctx, taskID))
}

// creativeSync is a sync as planned: what would change, and what to answer.
type creativeSync struct {
	now     time.Time
	strict  bool
	library map[string]*Creative // as it is to be
	changed []*Creative
	buys    map[string]*MediaBuy // those touched, as they are to be
	touched map[string][]string  // packages touched, by buy
	// broken are the assets that do not fit their formats.
	broken []*adcp.Error
	resp   *adcp.SyncCreativesResponse
}

// planSync works out a sync without changing anything.
func (s *Service) planSync(ctx context.Context, q *store.Queries, call *agent.Call, account *Account, req *adcp.SyncCreativesRequest) (*creativeSync, error) {
	library, err := s.library(ctx, q, account.ID)
	if err != nil {
		return nil, err
	}
	y := &creativeSync{
		now: micro(call.Now), library: library, buys: map[string]*MediaBuy{}, touched: map[string][]string{},
		strict: req.ValidationMode == nil || *req.ValidationMode == adcp.ValidationModeStrict,
		resp:   &adcp.SyncCreativesResponse{Status: adcp.TaskStatusCompleted, Context: req.Context, Creatives: []adcp.SyncCreativesResponseCreative{}},
	}
	included := map[string]bool{}
	for i := range req.Creatives {
		asset := &req.Creatives[i]
		if len(req.CreativeIDs) > 0 && !slices.Contains(req.CreativeIDs, asset.CreativeID) {
			continue
		}
		item := s.syncItem(y, account, fmt.Sprintf("creatives[%d]", i), asset, included[asset.CreativeID])
		included[asset.CreativeID] = true
		y.resp.Creatives = append(y.resp.Creatives, item)
	}
	if y.strict {
		// What a published format rules out breaks a strict sync as a whole.
		if err := (&checks{found: y.broken}).err(); err != nil {
			return nil, err
		}
	}
	if adcp.Val(req.DeleteMissing) {
		if err := s.archiveMissing(ctx, q, y, account, included); err != nil {
			return nil, err
		}
	}
	for i := range req.Assignments {
		if err := s.syncAssignment(ctx, q, y, account, fmt.Sprintf("assignments[%d]", i), &req.Assignments[i]); err != nil {
			return nil, err
		}
	}
	y.holdTogether()
	return y, nil
}

// syncItem plans one creative.
func (s *Service) syncItem(y *creativeSync, account *Account, at string, asset *adcp.CreativeAsset, twice bool) adcp.SyncCreativesResponseCreative {
	item := adcp.SyncCreativesResponseCreative{CreativeID: asset.CreativeID}
	v := s.examine(at, account.Principal, asset, nil)
	item.Warnings = v.warnings
	if twice {
		v.refused = append(v.refused, refusal(adcp.CodeValidationError, at+".creative_id", "The creative is twice in the request."))
	}
	y.broken = append(y.broken, v.broken...)
	if problems := v.all(); len(problems) > 0 {
		item.Action, item.Errors, item.Warnings = adcp.CreativeActionFailed, problems, nil
		return item
	}
	next, before := s.upload(y.library, account.ID, asset, y.now)
	switch {
	case next == nil:
		item.Status, item.Action = new(before.Status), adcp.CreativeActionUnchanged
		return item
	case before == nil:
		item.Action = adcp.CreativeActionCreated
	default:
		item.Action, item.Changes = adcp.CreativeActionUpdated, changedFields(before, next)
	}
	item.Status = new(next.Status)
	y.changed = append(y.changed, next)
	return item
}

// changedFields names the members in which two versions of a creative differ.
func changedFields(before, after *Creative) []string {
	var fields []string
	a, b := members(before.Asset), members(after.Asset)
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(a[k], b[k]) {
			fields = append(fields, k)
		}
	}
	if before.Status != after.Status {
		fields = append(fields, "status")
	}
	return fields
}

// members is the document by member; the order of keys and spaces make no difference.
func members(asset adcp.CreativeAsset) map[string]any {
	raw, err := json.Marshal(asset)
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var m map[string]any
	if decoder.Decode(&m) != nil {
		return nil
	}
	return m
}

// archiveMissing plans to archive what the sync left out. What a package still
// needs stays.
func (s *Service) archiveMissing(ctx context.Context, q *store.Queries, y *creativeSync, account *Account, included map[string]bool) error {
	rows, err := q.CreativeAssignmentsOfAccount(ctx, store.CreativeAssignmentsOfAccountParams{Tenant: s.tenant, AccountID: account.ID})
	if err != nil {
		return fmt.Errorf("assignments of %s: %w", account.ID, err)
	}
	inUse := map[string]bool{}
	for _, r := range rows {
		inUse[r.CreativeID] = inUse[r.CreativeID] || r.ReleasedAt == 0
	}
	for _, id := range slices.Sorted(maps.Keys(y.library)) {
		c := y.library[id]
		if included[id] || c.Status == adcp.CreativeStatusArchived {
			continue
		}
		item := adcp.SyncCreativesResponseCreative{CreativeID: id, Action: adcp.CreativeActionDeleted}
		if inUse[id] {
			item.Action = adcp.CreativeActionFailed
			item.Errors = []adcp.Error{*refusal(adcp.CodeValidationError, "delete_missing", "The creative is assigned to a package that has not ended.").
				WithSuggestion("Take it off its packages with update_media_buy first.")}
		} else {
			archived := *c
			archived.Status, archived.UpdatedAt = adcp.CreativeStatusArchived, y.now
			y.library[id] = &archived
			y.changed = append(y.changed, &archived)
		}
		y.resp.Creatives = append(y.resp.Creatives, item)
	}
	return nil
}

// syncAssignment plans one assignment. It adds to what a package has.
func (s *Service) syncAssignment(ctx context.Context, q *store.Queries, y *creativeSync, account *Account, at string, req *adcp.SyncCreativesRequestAssignment) error {
	i := slices.IndexFunc(y.resp.Creatives, func(c adcp.SyncCreativesResponseCreative) bool { return c.CreativeID == req.CreativeID })
	if i < 0 { // a creative of the library, only assigned here
		item := adcp.SyncCreativesResponseCreative{CreativeID: req.CreativeID, Action: adcp.CreativeActionUnchanged}
		if c := y.library[req.CreativeID]; c != nil {
			item.Status = new(c.Status)
		}
		y.resp.Creatives, i = append(y.resp.Creatives, item), len(y.resp.Creatives)
	}
	item := &y.resp.Creatives[i]
	fail := func(e *adcp.Error) {
		if item.AssignmentErrors == nil {
			item.AssignmentErrors = map[string]string{}
		}
		item.AssignmentErrors[req.PackageID] = string(e.Code) + ": " + e.Message
		if y.library[req.CreativeID] == nil && item.Action == adcp.CreativeActionUnchanged {
			item.Action, item.Errors = adcp.CreativeActionFailed, []adcp.Error{*e}
		}
	}
	if item.Action == adcp.CreativeActionFailed && len(item.AssignmentErrors) == 0 {
		fail(refusal(adcp.CodeValidationError, at+".creative_id", "The creative itself failed."))
		return nil
	}
	if len(req.PlacementIDs) > 0 {
		fail(refusal(adcp.CodeUnsupportedFeature, at+".placement_ids", "This seller does not place creatives."))
		return nil
	}
	b, p, err := s.packageToAssign(ctx, q, y, account, at, req.PackageID)
	if problem, ok := errors.AsType[*adcp.Error](err); ok && problem.Code != adcp.CodeConflict {
		fail(problem)
		return nil
	}
	if err != nil {
		return err
	}
	product, _ := s.shelf().bought(p)
	a, problem := s.assignment(at, p, product, y.library[req.CreativeID], req.CreativeID, req.Weight, y.now)
	if problem != nil {
		fail(problem)
		return nil
	}
	p.Creatives = slices.DeleteFunc(p.Creatives, func(x Assignment) bool { return x.CreativeID == a.CreativeID })
	p.Creatives = append(p.Creatives, a)
	if y.buys[b.ID] = b; !slices.Contains(y.touched[b.ID], p.ID) {
		y.touched[b.ID] = append(y.touched[b.ID], p.ID)
	}
	item.AssignedTo = append(item.AssignedTo, req.PackageID)
	return nil
}

// packageToAssign finds the package among those of the account, in the state that
// this sync has brought it to.
func (s *Service) packageToAssign(ctx context.Context, q *store.Queries, y *creativeSync, account *Account, at, packageID string) (*MediaBuy, *Package, error) {
	notFound := refusal(adcp.CodePackageNotFound, at+".package_id", "There is no such package.").
		WithSuggestion("Find packages with get_media_buys.")
	r, err := row(q.MediaBuyPackage(ctx, store.MediaBuyPackageParams{Tenant: s.tenant, PackageID: packageID}))
	if errors.Is(err, errNoRow) {
		return nil, nil, notFound
	} else if err != nil {
		return nil, nil, err
	}
	b := y.buys[r.MediaBuyID]
	if b == nil {
		if b, err = s.mediaBuy(ctx, q, r.MediaBuyID); err != nil {
			return nil, nil, err
		}
	}
	if b.Principal != account.Principal || b.AccountID != account.ID {
		return nil, nil, notFound
	}
	p, ok := b.Package(packageID)
	switch {
	case !ok:
		return nil, nil, notFound
	case b.PendingTask != "":
		return nil, nil, errPending(b)
	case b.State.Permits(ActionUpdateCreativeAssignments, b.Held) != Allowed:
		return nil, nil, refusal(adcp.CodeInvalidState, at+".package_id", "The media buy is %s.", b.State)
	case p.Canceled:
		return nil, nil, refusal(adcp.CodeInvalidState, at+".package_id", "The package is canceled.")
	}
	return b, p, nil
}

// holdTogether drops everything in a strict sync of which anything failed.
func (y *creativeSync) holdTogether() {
	failed := slices.ContainsFunc(y.resp.Creatives, func(c adcp.SyncCreativesResponseCreative) bool {
		return c.Action == adcp.CreativeActionFailed || len(c.AssignmentErrors) > 0
	})
	if y.strict && failed {
		y.changed, y.buys, y.touched = nil, map[string]*MediaBuy{}, nil
	}
	for i := range y.resp.Creatives {
		item := &y.resp.Creatives[i]
		if y.strict && failed {
			item.AssignedTo, item.Changes = nil, nil
			if item.Action != adcp.CreativeActionFailed {
				item.Action = adcp.CreativeActionFailed
				item.Errors = []adcp.Error{*refusal(adcp.CodeValidationError, "validation_mode", "Nothing was changed: something else in this strict sync failed.").
					WithSuggestion(`Correct what failed, or send validation_mode "lenient".`)}
			}
		}
		if item.Action == adcp.CreativeActionFailed || item.Action == adcp.CreativeActionDeleted {
			item.Status = nil
		}
	}
}

// submitSync sets a planned sync going. Without a package to change there is
// nothing for the ad server, and it is done at once.
func (s *Service) submitSync(ctx context.Context, tx *store.Tx, call *agent.Call, account *Account, taskID string, req *adcp.SyncCreativesRequest, y *creativeSync) error {
	result, err := json.Marshal(y.resp)
	if err != nil {
		return err
	}
	t := &Task{
		ID: taskID, Principal: call.Principal, AccountID: account.ID, Type: call.Operation.Name,
		Status: adcp.TaskStatusWorking, DecidedBy: "seller", DecidedAt: y.now, CreatedAt: y.now, Revision: 1,
		Push:   req.PushNotificationConfig,
		Change: Change{Actor: call.Principal, Context: req.Context, Creatives: result, Library: y.changed},
	}
	for _, id := range slices.Sorted(maps.Keys(y.buys)) {
		c := BuyChange{Buy: y.buys[id], Affected: y.touched[id]}
		for _, p := range y.touched[id] {
			c.Done = append(c.Done, HistoryEntry{Actor: call.Principal, Action: "updated_creatives", PackageID: p})
		}
		t.Change.Buys = append(t.Change.Buys, c)
	}
	if err := s.submit(ctx, tx, t); err != nil || len(t.Change.Buys) > 0 {
		return err
	}
	return s.completeIn(ctx, tx, t)
}
