package buyer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// State is where a campaign is in its life.
type State string

// The states of a campaign.
const (
	// StateBriefed campaigns have a brief and nothing else.
	StateBriefed State = "briefed"
	// StatePlanned campaigns have a plan that nobody has been asked to sign yet.
	StatePlanned State = "planned"
	// StateAwaitingApproval campaigns wait for a person.
	StateAwaitingApproval State = "awaiting_approval"
	// StateApproved campaigns have an authority to spend.
	StateApproved State = "approved"
	// StateBooking campaigns have been sent, or are being sent, to sellers, and
	// at least one seller has not decided.
	StateBooking State = "booking"
	// StateLive campaigns are decided at every seller and booked at one or more.
	StateLive State = "live"
	// StateCompleted campaigns have run; every media buy has ended.
	StateCompleted State = "completed"
	// StateRejected campaigns were refused by a person.
	StateRejected State = "rejected"
	// StateFailed campaigns could not be planned or booked anywhere.
	StateFailed State = "failed"
	// StateCanceled campaigns were called off by a person.
	StateCanceled State = "canceled"
)

// Transition is one row of the state table: where a campaign may go from where.
type Transition struct {
	From, To State
	// When says what brings it about.
	When string
}

// transitions is the whole state machine. There is no way around it: the store
// is written by [Service.transit] only, which asks this table first.
var transitions = []Transition{
	{"", StateBriefed, "a brief is handed in"},
	{StateBriefed, StatePlanned, "sellers have answered and the budget is split"},
	{StateBriefed, StateFailed, "no seller offers anything that fits"},
	{StateBriefed, StateCanceled, "a person calls it off"},
	{StatePlanned, StateAwaitingApproval, "the plan is put before a person"},
	{StatePlanned, StateCanceled, "a person calls it off"},
	{StateAwaitingApproval, StateApproved, "a person signs, with a limit"},
	{StateAwaitingApproval, StateRejected, "a person refuses, with a reason"},
	{StateAwaitingApproval, StateCanceled, "a person calls it off"},
	{StateApproved, StateBooking, "the first reservation is made"},
	{StateApproved, StateCanceled, "a person calls it off"},
	{StateBooking, StateLive, "every seller has decided and one or more have booked"},
	{StateBooking, StateFailed, "every seller has decided and none has booked"},
	{StateLive, StateCompleted, "every media buy has ended"},
}

// Transitions is the state table of campaigns, for readers and for tests.
func Transitions() []Transition { return slices.Clone(transitions) }

// CanBecome reports whether the state table allows s to become next.
func (s State) CanBecome(next State) bool {
	return slices.ContainsFunc(transitions, func(t Transition) bool { return t.From == s && t.To == next })
}

// Terminal reports whether nothing follows the state.
func (s State) Terminal() bool {
	return !slices.ContainsFunc(transitions, func(t Transition) bool { return t.From == s })
}

// Campaign is one brief on its way through the agent.
type Campaign struct {
	// ID is derived from tenant, brief and key, so that handing the same brief
	// in again finds the same campaign.
	ID string
	// Key is what the caller told apart campaigns of one brief with.
	Key        string
	Name       string
	Advertiser string
	State      State
	// Reason is why the campaign is in this state, for people.
	Reason string
	Budget money.Amount
	// Start and End are the flight, in UTC; End is the first instant after it.
	Start, End time.Time
	// Revision rises with every change.
	Revision             int64
	CreatedAt, UpdatedAt time.Time
}

// Change is one transition that happened.
type Change struct {
	From, To State
	At       time.Time
	// Actor is "system", or who did it: "human:ana", "agent:planner".
	Actor  string
	Reason string
}

// ActorSystem is the actor of what the agent does by itself.
const ActorSystem = "system"

// Approval is a person's signature under a plan.
type Approval struct {
	// Actor is who signs, such as "human:ana". Required.
	Actor string
	// Limit is the most that may be spent, in the campaign's currency. It must
	// cover the plan and cannot exceed the brief's budget.
	Limit money.Amount
	// Reason is an optional note that is kept with the approval.
	Reason string
}

// Errors that callers can tell apart.
var (
	// ErrNotFound reports a campaign that this tenant does not have.
	ErrNotFound = errors.New("buyer: no such campaign")
	// ErrState reports a step that the campaign's state does not allow.
	ErrState = errors.New("buyer: the campaign's state does not allow this")
	// ErrAuthority reports spending that no authority covers.
	ErrAuthority = errors.New("buyer: not covered by an authority to spend")
	// ErrNoSeller is what a [NoSellerError] is, for errors.Is.
	ErrNoSeller = errors.New("buyer: no seller can serve the brief")
	// ErrConflict reports that another process changed the campaign meanwhile.
	ErrConflict = errors.New("buyer: the campaign was changed meanwhile; try again")
)

// NoSellerError reports that no offer fits the brief, and why each did not.
type NoSellerError struct {
	LeftOut  []LeftOut
	Rejected []Rejection
}

// Error says it in one line, with the first reasons.
func (e *NoSellerError) Error() string {
	text := "no seller can serve the brief"
	shown := 0
	for _, l := range e.LeftOut {
		if shown < 3 {
			text += fmt.Sprintf("; %s: %s", l.Seller, l.Reason)
		}
		shown++
	}
	for _, r := range e.Rejected {
		if shown < 3 {
			text += fmt.Sprintf("; %s %s: %s", r.Seller, r.ProductID, r.Reason)
		}
		shown++
	}
	if shown > 3 {
		text += fmt.Sprintf("; and %d more", shown-3)
	}
	if shown == 0 {
		text += ": none is configured, or none offered a product"
	}
	return text
}

// Is makes errors.Is(err, ErrNoSeller) true.
func (e *NoSellerError) Is(target error) bool { return target == ErrNoSeller }
