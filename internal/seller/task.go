package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/audience"
	"github.com/upfront-media/upfront/internal/seller/catalog"
	"github.com/upfront-media/upfront/internal/seller/conversion"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// DefaultAnswerWithin is how long a call waits for the ad server.
const DefaultAnswerWithin = 5 * time.Second

// pollEvery is how often a waiting call looks whether another process has
// finished its task. Within one process it is told at once.
const pollEvery = 250 * time.Millisecond

// booking is the part of a [Service] that takes orders.
type booking struct {
	db           *store.DB
	adServer     adserver.Adapter
	answerWithin time.Duration
	desk         SalesDesk
	// creativeReview says who looks at creatives.
	creativeReview CreativeReview
	bell           agent.TaskBell
	patience       patience
	webhooks       *webhook.Outbox
	answerAtOnce   func(*adcp.PushNotificationConfig) bool
	billing        []adcp.BillingParty
	relations      map[string]Relation
	standIn        func(ctx context.Context, caller agent.Caller, accountID string) (string, error)
	// audiences is nil where the ad server does not serve by audience.
	audiences *audience.Service
	events    *conversion.Service
	catalogs  *catalog.Service
	// governance is nil where no agents are asked.
	governance *GovernanceConfig
	drafts     draftCache
	holdFor    time.Duration
}

// takeOrders sets the service up to take orders, or leaves it a catalogue.
func (s *Service) takeOrders(c Config) error {
	switch {
	case c.Store == nil && c.Queue == nil && c.AdServer == nil:
		return nil
	case c.Store == nil:
		return errors.New("seller: Config.Store is missing")
	case c.Queue == nil:
		return errors.New("seller: Config.Queue is missing")
	case c.AdServer == nil:
		return errors.New("seller: Config.AdServer is missing")
	case c.SalesDesk.ApproveAfter < 0:
		return errors.New("seller: Config.SalesDesk.ApproveAfter is below zero")
	}
	s.booking = booking{db: c.Store, adServer: c.AdServer, answerWithin: c.AnswerWithin, desk: c.SalesDesk, creativeReview: c.CreativeReview, webhooks: c.Webhooks, answerAtOnce: c.AnswerAtOnce, billing: c.Billing, relations: c.Relations, holdFor: c.HoldFor, standIn: c.StandIn}
	if len(s.billing) == 0 {
		s.billing = defaultBilling()
	}
	if s.holdFor <= 0 {
		s.holdFor = DefaultHoldFor
	}
	if s.answerWithin <= 0 {
		s.answerWithin = DefaultAnswerWithin
	}
	job.Register(c.Queue, jobTraffic, s.traffic)
	s.takeData(c)
	return nil
}

// registerBooking puts the handlers that take orders on the agent.
func (s *Service) registerBooking(a *agent.Agent) {
	if s.db == nil {
		return
	}
	agent.Handle(a, adcp.SyncAccounts, s.syncAccounts)
	agent.Handle(a, adcp.ListAccounts, s.listAccounts)
	agent.Handle(a, adcp.GetAccountFinancials, s.getAccountFinancials)
	agent.Handle(a, adcp.ReportUsage, s.reportUsage)
	agent.Handle(a, adcp.CreateMediaBuy, s.createMediaBuy)
	agent.Handle(a, adcp.UpdateMediaBuy, s.updateMediaBuy)
	agent.Handle(a, adcp.GetMediaBuys, s.getMediaBuys)
	agent.Handle(a, adcp.GetMediaBuyDelivery, s.getMediaBuyDelivery)
	agent.Handle(a, adcp.SyncCreatives, s.syncCreatives)
	agent.Handle(a, adcp.ListCreatives, s.listCreatives)
	if s.audiences != nil {
		s.audiences.Register(a)
	}
	s.events.Register(a)
	s.catalogs.Register(a)
	if s.governance != nil {
		agent.Handle(a, adcp.SyncGovernance, s.syncGovernance)
	}
	agent.Handle(a, adcp.ProvidePerformanceFeedback, s.providePerformanceFeedback)
	agent.HandleTasks(a, s)
}

// Task is a change on its way: from the moment it is accepted until the ad
// server holds it, or until it is refused.
type Task struct {
	ID, Principal, AccountID string
	// Type is the operation that asked for the change, or [taskExpire] for one of
	// the seller's own.
	Type string
	// Status is submitted while a person decides, input-required while that person
	// waits for the buyer's answer, working while the ad server is told, and then
	// completed, failed, rejected or canceled.
	Status adcp.TaskStatus
	// DueAt is when the sales desk's policy decides by itself; zero is never.
	DueAt time.Time
	// DecidedBy and DecidedAt say who let the change go ahead, and when.
	DecidedBy   string
	DecidedAt   time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
	CompletedAt time.Time
	Change      Change
	// Answered says that the call was answered with the task's identifier, so that
	// its end is told by webhook where Push asked for that.
	Answered bool
	// Push, of a task that is to be submitted, says whom to tell of its end, and
	// Reports whom to send its media buy's delivery.
	Push    *adcp.PushNotificationConfig
	Reports *adcp.ReportingWebhook
	// Result is the operation's answer once completed; Error why it failed.
	Result   json.RawMessage
	Error    *adcp.Error
	Revision int64
	// spent is what media buys that the task ends have spent, by identifier.
	spent map[string]money.Micros
}

// taskExpire is the seller's own task of letting a buy go that never started.
// No principal owns it, so no buyer sees it.
const taskExpire = "expire_media_buy"

// taskID names the task of a call, so that a call that is run again after a crash
// finds what its first run left.
func (s *Service) taskID(call *agent.Call, accountID string) string {
	return id.Derive("task", s.tenant, call.Principal, accountID, call.Operation.Name, call.IdempotencyKey)
}

// eventID names an event by what caused it: a step that is run again says it once.
func eventID(subject, kind string, revision int64) string {
	return id.Derive("event", subject, kind, fmt.Sprint(revision))
}

// task reads a task.
func (s *Service) task(ctx context.Context, q *store.Queries, taskID string) (*Task, error) {
	r, err := row(q.SellerTask(ctx, store.SellerTaskParams{Tenant: s.tenant, TaskID: taskID}))
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	return taskOf(r)
}

func taskOf(r store.SellerTask) (*Task, error) {
	t := &Task{
		ID: r.TaskID, Principal: r.Principal, AccountID: r.AccountID, Type: r.TaskType,
		Status: adcp.TaskStatus(r.Status), DueAt: store.Time(r.DueAt),
		DecidedBy: r.DecidedBy, DecidedAt: store.Time(r.DecidedAt), Answered: r.Answered,
		CreatedAt: store.Time(r.CreatedAt), UpdatedAt: store.Time(r.UpdatedAt), CompletedAt: store.Time(r.CompletedAt),
		Revision: r.Revision,
	}
	if err := json.Unmarshal([]byte(r.Document), &t.Change); err != nil {
		return nil, fmt.Errorf("task %s: %w", r.TaskID, err)
	}
	if r.Result != "" {
		t.Result = json.RawMessage(r.Result)
	}
	if r.Error != "" {
		t.Error = new(adcp.Error)
		if err := json.Unmarshal([]byte(r.Error), t.Error); err != nil {
			return nil, fmt.Errorf("task %s: %w", r.TaskID, err)
		}
	}
	return t, nil
}

// submit writes the task down and sets it going, in the transaction that holds
// the media buys it changes: either it waits for the sales desk, or a job takes it
// to the ad server.
func (s *Service) submit(ctx context.Context, tx *store.Tx, t *Task) error {
	t.Answered = t.Status == adcp.TaskStatusSubmitted
	if err := s.registerPush(ctx, tx, t); err != nil {
		return err
	}
	if err := s.registerReports(ctx, tx, t); err != nil {
		return err
	}
	if err := s.reserve(ctx, tx, t); err != nil {
		return err
	}
	for _, c := range t.Change.Buys {
		if err := s.commitChange(ctx, tx, t, c); err != nil {
			return err
		}
	}
	doc, err := json.Marshal(t.Change)
	if err != nil {
		return err
	}
	for _, c := range t.Change.Buys {
		if c.New {
			continue
		}
		if err := one(tx.HoldMediaBuy(ctx, store.HoldMediaBuyParams{
			PendingTask: t.ID, Tenant: s.tenant, MediaBuyID: c.Buy.ID, Revision: c.Buy.Revision,
		})); err != nil {
			return fmt.Errorf("hold media buy %s: %w", c.Buy.ID, err)
		}
	}
	if err := tx.InsertSellerTask(ctx, store.InsertSellerTaskParams{
		Tenant: s.tenant, TaskID: t.ID, Principal: t.Principal, AccountID: t.AccountID, TaskType: t.Type,
		Status: string(t.Status), DueAt: store.Micros(t.DueAt), Document: string(doc),
		DecidedBy: t.DecidedBy, DecidedAt: store.Micros(t.DecidedAt),
		CreatedAt: store.Micros(t.CreatedAt), UpdatedAt: store.Micros(t.CreatedAt), Answered: t.Answered,
	}); err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	if t.Status == adcp.TaskStatusWorking && len(t.Change.Buys) > 0 {
		if err := job.Enqueue(ctx, tx, jobTraffic, trafficJob{TaskID: t.ID}); err != nil {
			return err
		}
	}
	return s.appendTaskEvent(ctx, tx, t, "task."+string(t.Status), t.Change.Actor, "")
}

// finish ends the task, in the transaction that makes its outcome true. Calls that
// wait for it are to be told once that has committed.
func (s *Service) finish(ctx context.Context, tx *store.Tx, t *Task, status adcp.TaskStatus, actor, reason string) error {
	problem := ""
	if t.Error != nil {
		b, err := json.Marshal(t.Error)
		if err != nil {
			return err
		}
		problem = string(b)
	}
	if !agent.TaskMoves(t.Status, status) {
		return fmt.Errorf("finish task %s: it is %s and cannot be %s", t.ID, t.Status, status)
	}
	t.Status = status
	if err := one(tx.FinishSellerTask(ctx, store.FinishSellerTaskParams{
		Status: string(status), Result: string(t.Result), Error: problem,
		DecidedBy: t.DecidedBy, DecidedAt: store.Micros(t.DecidedAt),
		UpdatedAt: store.Micros(t.UpdatedAt), CompletedAt: store.Micros(t.UpdatedAt),
		Tenant: s.tenant, TaskID: t.ID, Revision: t.Revision,
	})); err != nil {
		return fmt.Errorf("finish task %s: %w", t.ID, err)
	}
	if status != adcp.TaskStatusCompleted {
		if err := s.abandonCommitment(ctx, tx, t); err != nil {
			return err
		}
	}
	if err := s.notify(ctx, tx, t); err != nil {
		return err
	}
	return s.appendTaskEvent(ctx, tx, t, "task."+string(status), actor, reason)
}

func (s *Service) appendTaskEvent(ctx context.Context, tx *store.Tx, t *Task, kind, actor, reason string) error {
	doc := map[string]any{"task_type": t.Type}
	if len(t.Change.Buys) == 1 && !t.Change.Buys[0].New {
		doc["media_buy_id"] = t.Change.Buys[0].Buy.ID
	}
	if reason != "" {
		doc["reason"] = reason
	}
	if t.Error != nil {
		doc["code"] = t.Error.Code
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	at := t.UpdatedAt
	if at.IsZero() {
		at = t.CreatedAt
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.tenant, ID: eventID(t.ID, kind, t.Revision), At: at,
		Kind: kind, Subject: t.ID, FlowID: t.ID, Actor: actor, Document: b,
	})
}

// await waits until the task is settled or a person must decide, but no longer
// than the agent answers within. The task is returned as it stands.
func (s *Service) await(ctx context.Context, taskID string) (*Task, error) {
	told, done := s.bell.ListenTask(taskID)
	defer done()
	deadline := time.NewTimer(s.answerWithin)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		t, err := s.task(ctx, s.db.Read(), taskID)
		switch {
		case err == nil && t.Change.Prompt:
			t.Status = adcp.TaskStatusWorking // as it was when it was submitted
			return t, nil
		case err != nil || t.Status != adcp.TaskStatusWorking:
			return t, err
		}
		select {
		case <-told:
		case <-poll.C:
		case <-deadline.C:
			return s.leave(ctx, t)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
