package seller

import "slices"

// State is a media buy's state, by the protocol's enums/media-buy-status.json.
type State string

// The seven states of a media buy; the last three are terminal.
const (
	StatePendingCreatives State = "pending_creatives"
	StatePendingStart     State = "pending_start"
	StateActive           State = "active"
	StatePaused           State = "paused"
	StateCompleted        State = "completed"
	StateRejected         State = "rejected"
	StateCanceled         State = "canceled"
)

// Terminal states have no way out.
func (s State) Terminal() bool { return len(transitions[s]) == 0 }

// Event is something that moves a media buy from one state to another.
type Event string

// The events. A hold is a pause that the buyer asked for before the flight
// could run: it shows as "paused" only once the other obstacles are gone.
const (
	EventCreativesReady  Event = "creatives_ready"
	EventFlightBegan     Event = "flight_began"
	EventFlightBeganHeld Event = "flight_began_held"
	EventPaused          Event = "paused"
	EventResumed         Event = "resumed"
	EventFlightEnded     Event = "flight_ended"
	EventCanceled        Event = "canceled"
	EventRejected        Event = "rejected"
)

// transitions is the state machine: every move there is. A state with no moves
// is terminal; a rejection is only possible before the buy has run.
var transitions = map[State]map[Event]State{
	StatePendingCreatives: {
		EventCreativesReady: StatePendingStart,
		EventCanceled:       StateCanceled,
		EventRejected:       StateRejected,
	},
	StatePendingStart: {
		EventFlightBegan:     StateActive,
		EventFlightBeganHeld: StatePaused,
		EventCanceled:        StateCanceled,
		EventRejected:        StateRejected,
	},
	StateActive: {
		EventPaused:      StatePaused,
		EventFlightEnded: StateCompleted,
		EventCanceled:    StateCanceled,
	},
	StatePaused: {
		EventResumed:     StateActive,
		EventFlightEnded: StateCompleted,
		EventCanceled:    StateCanceled,
	},
	StateCompleted: {},
	StateRejected:  {},
	StateCanceled:  {},
}

// After is the state that the event leads to, and false where it leads nowhere.
func (s State) After(e Event) (State, bool) {
	to, ok := transitions[s][e]
	return to, ok
}

// Action is something a buyer may ask of a media buy, by the protocol's
// enums/media-buy-valid-action.json.
type Action string

// The actions this seller offers.
const (
	ActionPause                     Action = "pause"
	ActionResume                    Action = "resume"
	ActionCancel                    Action = "cancel"
	ActionIncreaseBudget            Action = "increase_budget"
	ActionDecreaseBudget            Action = "decrease_budget"
	ActionReallocateBudget          Action = "reallocate_budget"
	ActionExtendFlight              Action = "extend_flight"
	ActionShortenFlight             Action = "shorten_flight"
	ActionUpdateFlightDates         Action = "update_flight_dates"
	ActionUpdatePacing              Action = "update_pacing"
	ActionUpdateFrequencyCaps       Action = "update_frequency_caps"
	ActionUpdateTargeting           Action = "update_targeting"
	ActionUpdateCreativeAssignments Action = "update_creative_assignments"
	ActionAddPackages               Action = "add_packages"
	ActionRemovePackages            Action = "remove_packages"
	// ActionUpdatePackages stands for what has no finer name: bids, goals, and
	// the pause of a single package.
	ActionUpdatePackages Action = "update_packages"
)

// The coarse names that valid_actions[] of older callers uses.
const (
	coarseBudget    Action = "update_budget"
	coarseDates     Action = "update_dates"
	coarsePackages  Action = "update_packages"
	coarseCreatives Action = "sync_creatives"
)

// when says whether an action is allowed in a state.
type when uint8

const (
	never when = iota
	always
	whenHeld   // the buyer has paused the buy, though it does not show yet
	unlessHeld // the opposite
)

// rule is a row of the table of actions.
type rule struct {
	action Action
	// coarse is the name that stands for the action in valid_actions[].
	coarse                                         Action
	pendingCreatives, pendingStart, active, paused when
	// commits marks what makes the seller promise more than it has promised:
	// where a person approves the product, a person approves that too.
	commits bool
}

// actions is the table of what a buyer may do in which state.
var actions = []rule{
	//                                                pending_creatives, pending_start, active, paused
	{ActionPause, ActionPause, unlessHeld, unlessHeld, always, never, false},
	{ActionResume, ActionResume, whenHeld, whenHeld, never, always, false},
	{ActionCancel, ActionCancel, always, always, always, always, false},
	{ActionIncreaseBudget, coarseBudget, always, always, always, always, true},
	{ActionDecreaseBudget, coarseBudget, always, always, always, always, false},
	{ActionReallocateBudget, coarseBudget, always, always, always, always, true},
	{ActionExtendFlight, coarseDates, always, always, always, always, true},
	{ActionShortenFlight, coarseDates, always, always, always, always, false},
	{ActionUpdateFlightDates, coarseDates, always, always, never, never, true},
	{ActionUpdatePacing, coarsePackages, always, always, always, always, false},
	{ActionUpdateFrequencyCaps, coarsePackages, always, always, always, always, false},
	{ActionUpdateTargeting, coarsePackages, always, always, always, always, false},
	{ActionUpdateCreativeAssignments, coarseCreatives, always, always, always, always, false},
	{ActionAddPackages, ActionAddPackages, always, always, always, always, true},
	{ActionRemovePackages, coarsePackages, always, always, always, always, false},
	{ActionUpdatePackages, coarsePackages, always, always, always, always, false},
}

// Verdict is the table's answer to "may the buyer do this now?".
type Verdict int

const (
	// Allowed actions may go ahead.
	Allowed Verdict = iota
	// WrongState says that the buy is in a state that does not permit the action
	// (ACTION_NOT_ALLOWED, reason wrong_status).
	WrongState
	// Ended says that the buy is terminal (INVALID_STATE).
	Ended
	// AlreadyCanceled answers a cancel of what is canceled (NOT_CANCELLABLE).
	AlreadyCanceled
	// NotOffered says that this seller never does it (UNSUPPORTED_FEATURE).
	NotOffered
)

// Permits looks the action up for a buy in state s; held says that the buyer has
// paused it.
func (s State) Permits(a Action, held bool) Verdict {
	if s.Terminal() {
		if a == ActionCancel && s == StateCanceled {
			return AlreadyCanceled
		}
		return Ended
	}
	i := slices.IndexFunc(actions, func(r rule) bool { return r.action == a })
	if i < 0 {
		return NotOffered
	}
	switch w := actions[i].in(s); {
	case w == always, w == whenHeld && held, w == unlessHeld && !held:
		return Allowed
	}
	return WrongState
}

// in is the column of the row for state s.
func (r rule) in(s State) when {
	switch s {
	case StatePendingCreatives:
		return r.pendingCreatives
	case StatePendingStart:
		return r.pendingStart
	case StateActive:
		return r.active
	case StatePaused:
		return r.paused
	}
	return never
}

// Actions lists what the buyer may do now, in the table's order.
func (s State) Actions(held bool) []Action {
	var list []Action
	for _, row := range actions {
		if s.Permits(row.action, held) == Allowed {
			list = append(list, row.action)
		}
	}
	return list
}

// CoarseActions lists the same in the vocabulary of older callers (valid_actions[]).
func (s State) CoarseActions(held bool) []Action {
	var list []Action
	for _, row := range actions {
		if s.Permits(row.action, held) == Allowed && !slices.Contains(list, row.coarse) {
			list = append(list, row.coarse)
		}
	}
	return list
}

// commits reports whether the action makes the seller promise more.
func (a Action) commits() bool {
	return slices.ContainsFunc(actions, func(r rule) bool { return r.action == a && r.commits })
}
