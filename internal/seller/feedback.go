package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// What a buyer says of performance becomes a weight at the ad server, within these
// bounds: nothing is stopped or let run wild by a number.
const (
	asExpected = int64(money.Unit)    // a performance index of 1.0
	leastSaid  = asExpected / 10      // 0.1
	mostSaid   = asExpected * 3       // 3.0
	mostIndex  = money.Unit * 100_000 // beyond it the index is a mistake
)

// providePerformanceFeedback serves provide_performance_feedback: what the buyer
// measured is kept, and moves delivery between packages and creatives. It answers
// once the ad server holds the new weights, or the queue has them to carry.
func (s *Service) providePerformanceFeedback(ctx context.Context, call *agent.Call, req *adcp.ProvidePerformanceFeedbackRequest) (*adcp.ProvidePerformanceFeedbackResponse, error) {
	done := &adcp.ProvidePerformanceFeedbackResponse{Status: adcp.TaskStatusCompleted, Success: new(true)}
	if call.Sandbox {
		done.Sandbox = new(true)
	}
	for range maxRaces {
		b, err := s.mediaBuy(ctx, s.db.Read(), req.MediaBuyID)
		switch {
		case errors.Is(err, errNoRow), err == nil && (b.Principal != call.Principal || !call.SeesAccount(b.AccountID) || call.AccountID != "" && b.AccountID != call.AccountID):
			return nil, errMediaBuyNotFound()
		case err != nil:
			return nil, err
		}
		index, err := feedbackProblems(b, req)
		if err != nil {
			return nil, err
		}
		taskID := s.taskID(call, b.AccountID)
		if _, err := s.task(ctx, s.db.Read(), taskID); err == nil {
			return s.fedBack(ctx, taskID, done) // an earlier run got so far
		}
		t := s.reweigh(call, taskID, b, req, int64(index))
		if t != nil && b.PendingTask != "" {
			return nil, errPending(b)
		}
		err = s.db.Tx(ctx, func(tx *store.Tx) error {
			if err := s.keepFeedback(ctx, tx, call, b, req, int64(index)); err != nil || t == nil {
				return err
			}
			return s.submit(ctx, tx, t)
		})
		switch {
		case errors.Is(err, errRaced):
			continue
		case err != nil || t == nil:
			return done, err
		}
		return s.fedBack(ctx, taskID, done)
	}
	return nil, refusal(adcp.CodeConflict, "media_buy_id", "The media buy keeps changing.").WithSuggestion("Send the feedback again later.")
}

// fedBack waits for the ad server.
func (s *Service) fedBack(ctx context.Context, taskID string, done *adcp.ProvidePerformanceFeedbackResponse) (*adcp.ProvidePerformanceFeedbackResponse, error) {
	t, err := s.await(ctx, taskID)
	if err != nil {
		return nil, err
	}
	if t.Error != nil {
		return nil, t.Error
	}
	return done, nil
}

// feedbackProblems reads the index, or refuses the request.
func feedbackProblems(b *MediaBuy, req *adcp.ProvidePerformanceFeedbackRequest) (money.Micros, error) {
	c := new(checks)
	index, ok := c.amount("performance_index", req.PerformanceIndex)
	if ok && index > mostIndex {
		c.add(adcp.CodeValidationError, "performance_index", "An index of %s cannot be: 1.0 is as expected.", req.PerformanceIndex)
	}
	if !req.MeasurementPeriod.End.After(req.MeasurementPeriod.Start) {
		c.add(adcp.CodeValidationError, "measurement_period.end", "The period ends before it starts.")
	}
	if req.PackageID != nil {
		if _, ok := b.Package(*req.PackageID); !ok {
			c.refuse(refusal(adcp.CodePackageNotFound, "package_id", "The media buy has no such package.").
				WithSuggestion("Find its packages with get_media_buys."))
		}
	}
	if req.CreativeID != nil && !b.assigns(adcp.Val(req.PackageID), *req.CreativeID) {
		c.refuse(refusal(adcp.CodeCreativeNotFound, "creative_id", "The creative is not on that part of the media buy.").
			WithSuggestion("Find its creatives with get_media_buys."))
	}
	return index, c.err()
}

// assigns tells whether a creative is on a package, or on any where it is "".
func (b *MediaBuy) assigns(packageID, creativeID string) bool {
	for _, p := range b.Packages {
		for _, a := range p.Creatives {
			if a.CreativeID == creativeID && (packageID == "" || packageID == p.ID) {
				return true
			}
		}
	}
	return false
}

// reweigh is the task of telling the ad server, or nil where nothing changes there.
// It is nobody's to list: the protocol has no such type of task.
func (s *Service) reweigh(call *agent.Call, taskID string, b *MediaBuy, req *adcp.ProvidePerformanceFeedbackRequest, index int64) *Task {
	if b.State.Terminal() {
		return nil
	}
	next := b.Clone()
	weight := min(max(index, leastSaid), mostSaid)
	var affected []string
	for i := range next.Packages {
		p := &next.Packages[i]
		if p.Canceled || req.PackageID != nil && *req.PackageID != p.ID {
			continue
		}
		if p.hear(adcp.Val(req.CreativeID), weight) {
			affected = append(affected, p.ID)
		}
	}
	if len(affected) == 0 {
		return nil
	}
	now := micro(call.Now)
	return &Task{
		ID: taskID, AccountID: b.AccountID, Type: call.Operation.Name,
		Status: adcp.TaskStatusWorking, DecidedBy: "performance", DecidedAt: now, CreatedAt: now, Revision: 1,
		Change: Change{Actor: call.Principal, Context: req.Context, Buys: []BuyChange{{
			Buy: next, Affected: affected,
			Done: []HistoryEntry{{Actor: call.Principal, Action: "performance_feedback", PackageID: adcp.Val(req.PackageID), Summary: "performance index " + string(req.PerformanceIndex)}},
		}}},
	}
}

// hear takes what is said of the package, or of one of its creatives, and tells
// whether that changes anything.
func (p *Package) hear(creativeID string, weight int64) bool {
	if creativeID == "" {
		changed := p.Performance != weight
		p.Performance = weight
		return changed
	}
	if p.CreativePerformance[creativeID] == weight {
		return false
	}
	p.CreativePerformance = maps.Clone(p.CreativePerformance)
	if p.CreativePerformance == nil {
		p.CreativePerformance = map[string]int64{}
	}
	p.CreativePerformance[creativeID] = weight
	return true
}

// weight is the package's at the ad server. What was guaranteed is not slowed down.
func (p *Package) weight() int64 {
	if p.Guaranteed && p.Performance < asExpected || p.Performance == asExpected {
		return 0
	}
	return p.Performance
}

// performing is a creative's weight in its rotation, moved by what was said of it.
func (p *Package) performing(creativeID string, weight int64) int64 {
	if said, ok := p.CreativePerformance[creativeID]; ok {
		return int64(money.Micros(weight).MulDiv(said, asExpected))
	}
	return weight
}

// keepFeedback writes down what the buyer said, once for a call however often it
// is run.
func (s *Service) keepFeedback(ctx context.Context, tx *store.Tx, call *agent.Call, b *MediaBuy, req *adcp.ProvidePerformanceFeedbackRequest, index int64) error {
	feedbackID := id.Derive("feedback", s.tenant, call.Principal, b.ID, call.IdempotencyKey)
	n, err := tx.InsertPerformanceFeedback(ctx, store.InsertPerformanceFeedbackParams{
		Tenant: s.tenant, FeedbackID: feedbackID, Principal: call.Principal, AccountID: b.AccountID, MediaBuyID: b.ID,
		PackageID: adcp.Val(req.PackageID), CreativeID: adcp.Val(req.CreativeID),
		PeriodStart: store.Micros(req.MeasurementPeriod.Start), PeriodEnd: store.Micros(req.MeasurementPeriod.End),
		Performance: index, MetricType: string(adcp.Val(req.MetricType)), Source: string(adcp.Val(req.FeedbackSource)), GivenAt: store.Micros(call.Now),
	})
	if err != nil || n == 0 {
		return err
	}
	doc, err := json.Marshal(map[string]any{
		"performance_index": req.PerformanceIndex, "package_id": req.PackageID, "creative_id": req.CreativeID,
		"metric_type": req.MetricType, "feedback_source": req.FeedbackSource,
	})
	if err != nil {
		return err
	}
	if err := tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: id.Derive("event", feedbackID), At: call.Now,
		Kind: "media_buy.feedback", Subject: b.ID, Actor: call.Principal, Document: doc,
	}); err != nil {
		return fmt.Errorf("feedback: %w", err)
	}
	return nil
}
