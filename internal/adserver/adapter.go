package adserver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Adapter is an ad server as a sales agent sees it. An adapter is safe for
// concurrent use, and keeps this contract:
//
//   - Times are kept to the microsecond, amounts to the micro. Nothing is rounded
//     silently: what cannot be held exactly is refused.
//   - What was delivered is never lost or changed by a later Apply.
//   - Delivery costs no more than a line item's budget, lies within its flight, and
//     stops while the line item or its order is paused or canceled.
//   - Errors are [ErrNotFound], a [*Refusal] (asking again will not help), or wrap
//     [ErrUnavailable] (asking again later may). Any other error is a defect and
//     is treated as unavailable.
type Adapter interface {
	// Apply makes the ad server hold exactly this order: it creates or replaces the
	// order that has its ID. It is idempotent, so that a caller that died before it
	// saw the answer simply applies again. It is all or nothing: after an error the
	// ad server holds what it held before. Success means accepted; only [Adapter.Read]
	// tells what is held.
	//
	// A line item that has delivered cannot be taken out of its order (cancel it
	// instead), change its product, pricing model or start, or get a budget below
	// what it has spent. Canceling an order or a line item is final.
	Apply(ctx context.Context, order Order) error

	// Read returns what the ad server really holds under orderID, or [ErrNotFound].
	// Line items come in the order they were applied in. An ad server may take a while
	// to show an applied order; a caller that finds a difference asks again before it
	// gives up. What Read returns was held at one instant: never half of an Apply.
	Read(ctx context.Context, orderID string) (Order, error)

	// Delivery returns the hours, or longer steps, in which the order's line items
	// delivered, sorted by hour and then by line item. Hours without delivery may be left out. Reports
	// may lag behind the clock by some hours, but an hour that has been reported does
	// not change. Days and the whole add up those hours, exactly. An unknown order is [ErrNotFound]; a known one that has
	// not delivered gives none.
	Delivery(ctx context.Context, query DeliveryQuery) ([]HourlyDelivery, error)
}

// DeliveryQuery selects delivery of one order.
type DeliveryQuery struct {
	OrderID string
	// LineItemIDs limits the answer to these line items; empty means all.
	LineItemIDs []string
	// From is the first hour wanted and To the first not wanted, by the hour's start.
	// A zero time leaves that side open.
	From, To time.Time
	// Step is how much time each row of the answer covers. Who needs no hours should
	// not ask for them: an ad server adds up faster than its caller. [Fold] does it
	// for one that cannot.
	Step Step
}

// ErrNotFound reports an order that the ad server does not hold.
var ErrNotFound = errors.New("ad server holds no such order")

// ErrUnavailable reports a fault that may pass: the ad server cannot be reached, is
// overloaded, or met a concurrent change. The same call may succeed later.
var ErrUnavailable = errors.New("ad server unavailable")

// Refusal is an ad server's permanent no to an order: the same order will be
// refused again until Field is changed.
type Refusal struct {
	// Field is the part of the order at fault, such as "line_items[2].budget".
	Field string
	// Reason says what is wrong and what would be accepted.
	Reason string
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Field == "" {
		return "ad server refused the order: " + r.Reason
	}
	return "ad server refused " + r.Field + ": " + r.Reason
}

func refuse(field, format string, args ...any) *Refusal {
	return &Refusal{Field: field, Reason: fmt.Sprintf(format, args...)}
}
