package seller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// taskMove is the seller's own task of moving a media buy. No principal owns it,
// so no buyer sees it.
const taskMove = "move_media_buy"

// Move is where the seller's people take a media buy.
type Move struct {
	Principal, MediaBuyID string
	To                    State
	// Reason says why, to the buyer: of a rejection and of a cancellation.
	Reason string
	// Actor moves it.
	Actor string
}

// MoveMediaBuy takes a media buy to a state that its present one leads to, by as
// many steps of the state machine as it takes, and returns that one. Once it
// returns, the ad server holds the buy so. Staying is no move. It refuses with
// MEDIA_BUY_NOT_FOUND, with INVALID_STATE and the details' current_state, and with
// CONFLICT while another change is on its way.
func (s *Service) MoveMediaBuy(ctx context.Context, m Move) (from State, err error) {
	var taskID string
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		taskID = ""
		b, err := s.mediaBuy(ctx, tx.Queries, m.MediaBuyID)
		if errors.Is(err, errNoRow) || err == nil && b.Principal != m.Principal {
			return refusal(adcp.CodeMediaBuyNotFound, "media_buy_id", "There is no such media buy.")
		}
		if err != nil {
			return err
		}
		if from = b.State; from == m.To {
			return nil
		}
		if b.PendingTask != "" {
			return errPending(b)
		}
		if !from.leadsTo(m.To) {
			return errNoMove("media buy", string(from), string(m.To))
		}
		now := s.now()
		b.State, b.Held, b.UpdatedAt = m.To, m.To == StatePaused, now
		switch m.To {
		case StateRejected:
			b.RejectionReason = m.Reason
		case StateCanceled:
			b.Cancellation = &Cancellation{At: now, By: "seller", Reason: m.Reason}
		}
		taskID = id.Derive("task", s.tenant, taskMove, b.ID, fmt.Sprint(b.Revision))
		return s.submit(ctx, tx, &Task{
			ID: taskID, Type: taskMove, AccountID: b.AccountID, Status: adcp.TaskStatusWorking,
			DecidedBy: m.Actor, DecidedAt: now, CreatedAt: now, Revision: 1,
			Change: Change{Actor: m.Actor, Buys: []BuyChange{{
				Buy: b, Done: []HistoryEntry{{Actor: "seller", Action: stateAction[m.To], Summary: m.Reason}},
			}}},
		})
	})
	if err != nil || taskID == "" {
		return from, err
	}
	return from, s.carried(ctx, taskID)
}

// stateAction names the arrival in a state in a media buy's history.
var stateAction = map[State]string{
	StatePendingCreatives: "creatives_needed",
	StatePendingStart:     eventAction[EventCreativesReady],
	StateActive:           eventAction[EventFlightBegan],
	StatePaused:           eventAction[EventPaused],
	StateCompleted:        eventAction[EventFlightEnded],
	StateRejected:         eventAction[EventRejected],
	StateCanceled:         eventAction[EventCanceled],
}

// leadsTo reports whether the state machine has a way from one state to another.
func (s State) leadsTo(to State) bool {
	seen, next := []State{s}, []State{s}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, reached := range transitions[at] {
			if reached == to {
				// An end takes one step: it does not go
				// through states that the buy was never in.
				return !to.Terminal() || at == s
			}
			if !slices.Contains(seen, reached) {
				seen, next = append(seen, reached), append(next, reached)
			}
		}
	}
	return false
}
