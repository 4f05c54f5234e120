package seller_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller"
)

var states = []seller.State{
	seller.StatePendingCreatives, seller.StatePendingStart, seller.StateActive, seller.StatePaused,
	seller.StateCompleted, seller.StateRejected, seller.StateCanceled,
}

var events = []seller.Event{
	seller.EventCreativesReady, seller.EventFlightBegan, seller.EventFlightBeganHeld, seller.EventPaused,
	seller.EventResumed, seller.EventFlightEnded, seller.EventCanceled, seller.EventRejected,
}

var allActions = []seller.Action{
	seller.ActionPause, seller.ActionResume, seller.ActionCancel, seller.ActionIncreaseBudget, seller.ActionDecreaseBudget,
	seller.ActionReallocateBudget, seller.ActionExtendFlight, seller.ActionShortenFlight, seller.ActionUpdateFlightDates,
	seller.ActionUpdatePacing, seller.ActionUpdateFrequencyCaps, seller.ActionUpdateTargeting,
	seller.ActionUpdateCreativeAssignments, seller.ActionAddPackages, seller.ActionRemovePackages, seller.ActionUpdatePackages,
}

// The rules are the protocol's, as wire.md puts them.
func TestStateTableKeepsTheProtocolsRules(t *testing.T) {
	t.Parallel()
	terminal := []seller.State{seller.StateCompleted, seller.StateRejected, seller.StateCanceled}
	for _, s := range states {
		if s.Terminal() != slices.Contains(terminal, s) {
			t.Errorf("%s: terminal is %v", s, s.Terminal())
		}
		for _, e := range events {
			to, ok := s.After(e)
			if ok && s.Terminal() {
				t.Errorf("%s is terminal and leads to %s", s, to)
			}
			if to == seller.StateRejected && s != seller.StatePendingCreatives && s != seller.StatePendingStart {
				t.Errorf("%s can be rejected", s)
			}
			if ok && to == seller.StatePendingCreatives {
				t.Errorf("%s leads back to pending_creatives", s)
			}
		}
		if to, ok := s.After(seller.EventCanceled); !s.Terminal() && (!ok || to != seller.StateCanceled) {
			t.Errorf("%s cannot be canceled", s)
		}
		for _, held := range []bool{true, false} {
			list := s.Actions(held)
			if s.Terminal() && len(list)+len(s.CoarseActions(held)) > 0 {
				t.Errorf("%s is terminal and allows %v", s, list)
			}
			for _, a := range allActions {
				want := seller.WrongState
				switch {
				case s == seller.StateCanceled && a == seller.ActionCancel:
					want = seller.AlreadyCanceled
				case s.Terminal():
					want = seller.Ended
				case slices.Contains(list, a):
					want = seller.Allowed
				}
				if got := s.Permits(a, held); got != want {
					t.Errorf("%s in %s (held %v): verdict %d, want %d", a, s, held, got, want)
				}
			}
			if !s.Terminal() && s.Permits("no_such_action", held) != seller.NotOffered {
				t.Errorf("%s offers what is no action", s)
			}
		}
	}
	for s, want := range map[seller.State][]seller.Action{
		seller.StatePendingStart: {"pause", "cancel", "update_budget", "update_dates", "update_packages", "sync_creatives", "add_packages"},
		seller.StateActive:       {"pause", "cancel", "update_budget", "update_dates", "update_packages", "sync_creatives", "add_packages"},
		seller.StatePaused:       {"resume", "cancel", "update_budget", "update_dates", "update_packages", "sync_creatives", "add_packages"},
	} {
		if got := s.CoarseActions(s == seller.StatePaused); !slices.Equal(got, want) {
			t.Errorf("valid_actions of %s are %v, want %v", s, got, want)
		}
	}
	if got := seller.StatePendingCreatives.Actions(true); !slices.Contains(got, seller.ActionResume) || slices.Contains(got, seller.ActionPause) {
		t.Errorf("a held buy that waits for creatives offers %v, want resume and not pause", got)
	}
}

// model is what a media buy should be, by the table alone.
type model struct {
	state    seller.State
	held     bool
	revision int64
	budget   int64
	end      time.Time
}

// TestRandomOperationsFollowTheTable sends random operations to a real seller
// and holds every answer against the table: what it allows is done, what it does
// not is refused with the code for it and changes nothing, terminal states stay,
// and the revision rises with each change and only then.
func TestRandomOperationsFollowTheTable(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	h.upload("spot", "audio_30s")
	left := 15 // sequences: each is a dozen calls of a real agent
	rapid.Check(t, func(rt *rapid.T) {
		if left--; left < 0 {
			return
		}
		now := h.clock.Now()
		start := now.Add(24 * time.Hour).Truncate(time.Hour)
		m := model{state: seller.StatePendingCreatives, revision: 1, budget: 1000, end: start.Add(48 * time.Hour)}
		created := h.book(with(h.order(radio("1000")), object{"start_time": start, "end_time": m.end}))
		id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			op := rapid.SampledFrom([]string{"pause", "resume", "cancel", "raise", "lower", "assign", "wait", "wait"}).Draw(rt, "op")
			if op == "wait" {
				h.advance(h.clock.Now().Add(time.Duration(rapid.IntRange(6, 40).Draw(rt, "hours")) * time.Hour))
				m.pass(h.clock.Now(), start)
			} else {
				h.try(rt, &m, id, pkg, op, start)
			}
			got := h.buy(id)
			if string(got.Status) != string(m.state) || got.Revision != m.revision || got.TotalBudget != adcp.Decimal(fmt.Sprint(m.budget)) {
				rt.Fatalf("after %s: %s at revision %d with %s, want %+v", op, got.Status, got.Revision, got.TotalBudget, m)
			}
			var list []seller.Action
			for _, a := range got.AvailableActions {
				list = append(list, seller.Action(a.Action))
			}
			if !slices.Equal(list, m.state.Actions(m.held)) {
				rt.Fatalf("after %s: available_actions %v, want %v", op, list, m.state.Actions(m.held))
			}
		}
	})
}

// pass lets time go by in the model.
func (m *model) pass(now, start time.Time) {
	move := func(e seller.Event) {
		if to, ok := m.state.After(e); ok {
			m.state, m.revision = to, m.revision+1
		}
	}
	if !now.Before(start) && m.state == seller.StatePendingStart {
		if m.held {
			move(seller.EventFlightBeganHeld)
		} else {
			move(seller.EventFlightBegan)
		}
	}
	if !now.Before(m.end) {
		if m.state == seller.StatePendingCreatives {
			move(seller.EventRejected)
		} else {
			move(seller.EventFlightEnded)
		}
	}
}

// try asks for a change and checks the answer against the model.
func (h *house) try(rt *rapid.T, m *model, id, pkg, op string, start time.Time) {
	changes, action, noop := object{}, seller.Action(""), false
	switch op {
	case "pause", "resume":
		changes["paused"], action, noop = op == "pause", seller.Action(op), m.held == (op == "pause")
	case "cancel":
		changes["canceled"], action = true, seller.ActionCancel
	case "raise":
		changes["packages"], action = []object{{"package_id": pkg, "budget": m.budget + 100}}, seller.ActionIncreaseBudget
	case "lower":
		// Far above what two days of radio can spend.
		changes["packages"], action = []object{{"package_id": pkg, "budget": m.budget - 1}}, seller.ActionDecreaseBudget
	case "assign":
		changes["packages"] = []object{{"package_id": pkg, "creative_assignments": []object{{"creative_id": "spot"}}}}
		action = seller.ActionUpdateCreativeAssignments
	}
	verdict := m.state.Permits(action, m.held)
	if noop && !m.state.Terminal() {
		verdict = seller.Allowed
	}
	r := h.do(h.t, "buyer", "update_media_buy", h.update(id, changes))
	codes := map[seller.Verdict]adcp.ErrorCode{
		seller.WrongState: adcp.CodeActionNotAllowed, seller.Ended: adcp.CodeInvalidState, seller.AlreadyCanceled: adcp.CodeNotCancellable,
	}
	if want, ok := codes[verdict]; ok {
		if r.Error == nil || r.Error.Code != want {
			rt.Fatalf("%s in %s: %v, want %s", op, m.state, r.Error, want)
		}
		return
	}
	if op == "lower" && r.Error != nil && r.Error.Code == adcp.CodeBudgetTooLow {
		return // it has spent that much
	}
	if r.Error != nil {
		rt.Fatalf("%s in %s (held %v): refused with %v", op, m.state, m.held, r.Error)
	}
	if noop {
		return
	}
	m.revision++
	move := func(e seller.Event) {
		if to, ok := m.state.After(e); ok {
			m.state = to
		}
	}
	switch op {
	case "pause":
		m.held = true
		move(seller.EventPaused)
	case "resume":
		m.held = false
		move(seller.EventResumed)
	case "cancel":
		move(seller.EventCanceled)
	case "raise":
		m.budget += 100
	case "lower":
		m.budget--
	case "assign":
		move(seller.EventCreativesReady)
		if !h.clock.Now().Before(start) {
			if m.held {
				move(seller.EventFlightBeganHeld)
			} else {
				move(seller.EventFlightBegan)
			}
		}
	}
}
