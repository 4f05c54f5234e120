package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// jobTraffic is the kind of the jobs that carry tasks to the ad server.
const jobTraffic = "seller_traffic"

type trafficJob struct {
	TaskID string `json:"task_id"`
}

// Change is what a task is to make true: media buys as they are to be.
type Change struct {
	// Actor asked for it.
	Actor string      `json:"actor"`
	Buys  []BuyChange `json:"buys"`
	// Context is the request's own, to go into the answer.
	Context json.RawMessage `json:"context,omitzero"`
	// Webhook says that somebody asked to be told of the task's end: the
	// registration is named like the task.
	Webhook bool `json:"webhook,omitzero"`
	// Prompt says that the call is answered submitted, however soon the task ends.
	Prompt bool `json:"prompt,omitzero"`
	// Pushes are told of it besides, each under a registration of its own.
	Pushes []Push `json:"pushes,omitzero"`
	// PushCount is how many there have been.
	PushCount int `json:"push_count,omitzero"`
	// History is what the sales desk asked the buyer and was told.
	History []agent.TaskExchange `json:"history,omitzero"`
	// Signatures are those that the change took, or takes.
	Signatures []Signature `json:"signatures,omitzero"`
	// Note goes into the answer for people.
	Note string `json:"note,omitzero"`
	// Creatives is the answer of a sync_creatives, ready but for the ad server's word.
	Creatives json.RawMessage `json:"creatives,omitzero"`
	// Library are the creatives that it writes into the account's library.
	Library []*Creative `json:"library,omitzero"`
}

// BuyChange is one media buy's part of a [Change].
type BuyChange struct {
	// Buy is as it is to be; its Revision is the one that the change was made on.
	Buy *MediaBuy `json:"buy"`
	New bool      `json:"new,omitzero"`
	// Done says what the change does, for the buy's history.
	Done []HistoryEntry `json:"done,omitzero"`
	// Affected are the packages that it touches.
	Affected []string `json:"affected,omitzero"`
	// Added is how many packages, the last ones, an update adds.
	Added int `json:"added,omitzero"`
	// Reports, where given, says how its delivery is to be reported.
	Reports *ReportOrder `json:"reports,omitzero"`
	// Proposal is the committed proposal that a new media buy takes up, if any.
	Proposal string `json:"proposal,omitzero"`
	// Reserved is what the change does to the ledger of inventory.
	Reserved []reservation `json:"reserved,omitzero"`
}

// outcome is the buy as the ad server is to hold it from decided on, and what
// happens to it.
func (c BuyChange) outcome(actor string, decided time.Time) (*MediaBuy, []HistoryEntry) {
	b, done := c.Buy.Clone(), append([]HistoryEntry(nil), c.Done...)
	if c.New {
		b.begin(decided)
		return b, append([]HistoryEntry{{Actor: actor, Action: "created", Summary: b.summary()}}, done...)
	}
	b.UpdatedAt = decided
	for _, e := range b.settle(decided) {
		done = append(done, HistoryEntry{Actor: "seller", Action: eventAction[e]})
	}
	return b, done
}

// eventAction names events in a media buy's history, by the protocol's words
// where it has them.
var eventAction = map[Event]string{
	EventCreativesReady:  "creatives_ready",
	EventFlightBegan:     "activated",
	EventFlightBeganHeld: "paused",
	EventPaused:          "paused",
	EventResumed:         "resumed",
	EventFlightEnded:     "completed",
	EventCanceled:        "canceled",
	EventRejected:        "rejected",
}

func (b *MediaBuy) summary() string {
	plural := "s"
	if len(b.Packages) == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d package%s, %s %s", len(b.Packages), plural, b.Budget().Format(b.Currency), b.Currency)
}

// traffic carries a task to the ad server. Only when the ad server holds all of
// it, read back, are the books changed and the task completed, in one transaction.
// It may run any number of times for one task. Whatever keeps it from an end, it is
// tried again: an order is not given up because something was down for long.
func (s *Service) traffic(ctx context.Context, j trafficJob) error {
	err := s.carry(ctx, j.TaskID)
	switch {
	case err == nil:
		s.patience.forget(j.TaskID)
		s.bell.Ring(j.TaskID)
		return nil
	case errors.Is(err, errNoRow):
		return job.Cancel(err)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	pause := s.patience.next(j.TaskID)
	s.log.WarnContext(ctx, "a change has not reached the ad server yet", "task", j.TaskID, "again_in", pause, "error", err)
	return job.Later(pause)
}

func (s *Service) carry(ctx context.Context, taskID string) error {
	t, err := s.task(ctx, s.db.Read(), taskID)
	if err != nil || t.Status != adcp.TaskStatusWorking {
		return err
	}
	for i, c := range t.Change.Buys {
		if err := s.governAgain(ctx, t, c); err != nil {
			if refused, ok := errors.AsType[*adcp.Error](err); ok {
				return s.fail(ctx, t, refused)
			}
			return err
		}
		b, _ := c.outcome(t.Change.Actor, t.DecidedAt)
		err := s.push(ctx, b.Order())
		if refused, ok := errors.AsType[*adserver.Refusal](err); ok {
			s.log.WarnContext(ctx, "the ad server refused a change", "task", t.ID, "field", refused.Field, "reason", refused.Reason)
			if err := s.undo(ctx, t); err != nil {
				return fmt.Errorf("undo after a refusal: %w", err)
			}
			return s.fail(ctx, t, refusedBy(refused, i))
		}
		if err != nil {
			return err
		}
	}
	return s.complete(ctx, t)
}

// pushRounds is how often a push is tried before it is left to the queue.
const pushRounds = 3

// push makes the ad server hold exactly the order, and reads it back. Success
// means that the ad server has been seen to hold it.
func (s *Service) push(ctx context.Context, order adserver.Order) error {
	var last error
	for range pushRounds {
		if last = s.adServer.Apply(ctx, order); last != nil {
			if _, refused := errors.AsType[*adserver.Refusal](last); refused || ctx.Err() != nil {
				return last
			}
			continue
		}
		held, err := s.adServer.Read(ctx, order.ID)
		if err != nil {
			last = err
			continue
		}
		differences := adserver.Diff(order, held)
		if len(differences) == 0 {
			return nil
		}
		last = fmt.Errorf("%w: it does not show the order yet: %s", adserver.ErrUnavailable, strings.Join(differences, "; "))
	}
	return last
}

// undo takes back what a refused task may have left at the ad server: a new order
// is canceled, a changed one is put back to what the books say.
func (s *Service) undo(ctx context.Context, t *Task) error {
	for _, c := range t.Change.Buys {
		var order adserver.Order
		if c.New {
			held, err := s.adServer.Read(ctx, c.Buy.ID)
			if errors.Is(err, adserver.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			order = held
			order.Canceled = true
		} else {
			b, err := s.mediaBuy(ctx, s.db.Read(), c.Buy.ID)
			if err != nil {
				return err
			}
			order = b.Order()
		}
		if err := s.push(ctx, order); err != nil {
			return err
		}
	}
	return nil
}

// refusedBy tells a buyer what the ad server found wrong, in the request's words.
func refusedBy(r *adserver.Refusal, buy int) *adcp.Error {
	field := strings.NewReplacer("line_items[", "packages[", ".max_bid", ".bid_price", ".rate", ".bid_price",
		".start", ".start_time", ".end", ".end_time", ".goal", ".impressions").Replace(r.Field)
	if buy > 0 || !strings.HasPrefix(field, "packages[") {
		field = ""
	}
	return refusal(adcp.CodeValidationError, field, "The ad server refused the change: %s.", strings.TrimSuffix(r.Reason, ".")).
		WithSuggestion("Change what is named and send the request again with a new idempotency_key.")
}

// complete writes down what the ad server now holds.
func (s *Service) complete(ctx context.Context, t *Task) error {
	t.spent = map[string]money.Micros{}
	for _, c := range t.Change.Buys {
		if c.New || !c.Buy.State.Terminal() {
			continue
		}
		var err error
		if t.spent[c.Buy.ID], err = s.spentOn(ctx, c.Buy.ID); err != nil {
			return err
		}
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		copied := *t
		return s.completeIn(ctx, tx, &copied)
	})
}

// completeIn makes the task's outcome true and completes it, in one transaction.
func (s *Service) completeIn(ctx context.Context, tx *store.Tx, t *Task) error {
	t.UpdatedAt = latest(t.DecidedAt, s.now())
	if err := s.confirmReserved(ctx, tx, t); err != nil {
		return err
	}
	bought := make([]*MediaBuy, len(t.Change.Buys))
	for i, c := range t.Change.Buys {
		b, done := c.outcome(t.Change.Actor, t.DecidedAt)
		kind := "media_buy.created"
		if !c.New {
			b.PendingTask, kind = t.ID, "media_buy.updated"
		}
		if err := s.saveChange(ctx, tx, b, c.New, kind, t.ID, t.Change.Actor, done); err != nil {
			return err
		}
		if err := s.settleCommitment(ctx, tx, b, b.owed(t.spent[b.ID]), t.ID, t.UpdatedAt); err != nil {
			return err
		}
		if err := s.startReports(ctx, tx, b, c.Reports); err != nil {
			return err
		}
		bought[i] = b
	}
	for _, c := range t.Change.Library {
		if err := s.tellCreative(ctx, tx, t, c); err != nil {
			return err
		}
		if err := s.saveCreative(ctx, tx, c, t.Change.Actor, t.ID); err != nil {
			return err
		}
	}
	var err error
	if t.Result, err = s.result(ctx, tx.Queries, t, bought); err != nil {
		return err
	}
	actor := "ad_server"
	if len(bought) == 0 {
		actor = "seller"
	}
	return s.finish(ctx, tx, t, adcp.TaskStatusCompleted, actor, "")
}

// saveChange writes a media buy, its history and its event.
func (s *Service) saveChange(ctx context.Context, tx *store.Tx, b *MediaBuy, isNew bool, kind, flow, actor string, done []HistoryEntry) error {
	if b.State.Terminal() {
		b.finish(b.UpdatedAt)
		if err := s.releaseReserved(ctx, tx, b); err != nil {
			return err
		}
		if err := s.endReports(ctx, tx, b); err != nil {
			return err
		}
	}
	if err := s.saveMediaBuy(ctx, tx, b, isNew); err != nil {
		return err
	}
	if err := s.saveHistory(ctx, tx, b, done); err != nil {
		return err
	}
	return s.appendMediaBuyEvent(ctx, tx, b, kind, flow, actor, done)
}

// result is the operation's answer.
func (s *Service) result(ctx context.Context, q *store.Queries, t *Task, bought []*MediaBuy) (json.RawMessage, error) {
	switch t.Type {
	case adcp.CreateMediaBuy.Name:
		a, err := row(q.SellerAccount(ctx, store.SellerAccountParams{Tenant: s.tenant, Principal: t.Principal, AccountID: t.AccountID}))
		if err != nil {
			return nil, err
		}
		account, err := accountOf(a)
		if err != nil {
			return nil, err
		}
		return json.Marshal(s.createdResponse(bought[0], account, t.Change.Context))
	case adcp.UpdateMediaBuy.Name:
		resp := s.updatedResponse(bought[0], t.Change.Buys[0].Affected, t.Change.Context)
		resp.Message = optional(t.Change.Note)
		return json.Marshal(resp)
	case adcp.SyncCreatives.Name:
		return t.Change.Creatives, nil
	}
	return json.RawMessage("{}"), nil
}

// fail ends the task with an error; the media buys stay as they were.
func (s *Service) fail(ctx context.Context, t *Task, problem *adcp.Error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t := *t
		t.Error, t.UpdatedAt = problem, latest(t.DecidedAt, s.now())
		if err := s.release(ctx, tx, &t); err != nil {
			return err
		}
		return s.finish(ctx, tx, &t, adcp.TaskStatusFailed, "ad_server", problem.Message)
	})
}

// release lets the media buys and the inventory go that the task holds.
func (s *Service) release(ctx context.Context, tx *store.Tx, t *Task) error {
	if err := s.undoReserved(ctx, tx, t); err != nil {
		return err
	}
	for _, c := range t.Change.Buys {
		if c.New {
			continue
		}
		if err := one(tx.ReleaseMediaBuy(ctx, store.ReleaseMediaBuyParams{
			Tenant: s.tenant, MediaBuyID: c.Buy.ID, PendingTask: t.ID,
		})); err != nil {
			return fmt.Errorf("release media buy %s: %w", c.Buy.ID, err)
		}
	}
	return nil
}

// now is the agent's time, as exact as the books keep it.
func (s *Service) now() time.Time { return micro(s.clock.Now()) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// patience is how long tasks wait before the ad server is asked again: longer
// each time, by this process's count.
type patience struct {
	mu    sync.Mutex
	tried map[string]int
}

const maxPause = 30 * time.Second

func (p *patience) next(taskID string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tried == nil {
		p.tried = map[string]int{}
	}
	n := min(p.tried[taskID], 10)
	p.tried[taskID]++
	return min(maxPause, 100*time.Millisecond<<n)
}

func (p *patience) forget(taskID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tried, taskID)
}
