package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/id"
)

// Event is a fact that somebody may want to read later: what happened to what, who
// or what decided it, and from which facts.
type Event struct {
	Tenant string // whose fact it is; required
	// Sequence counts the tenant's events 1, 2, 3 … in the order in which they were
	// committed: a reader that asks for what follows the last one it saw misses none.
	// Set by the store.
	Sequence   int64
	ID         string    // UUIDv7; made where empty
	At         time.Time // by the store's clock where zero; kept to the microsecond
	Kind       string    // what happened, such as "media_buy.created"; required
	Subject    string    // identifier of what it happened to
	CampaignID string    // the campaign it belongs to, where there is one
	FlowID     string    // what it was part of, such as one negotiation or one task
	Actor      string    // the principal or component that acted
	Document   json.RawMessage
}

// AppendEvent adds an event to the log, in the transaction that makes it true. An
// event whose ID the tenant's log holds already is left as it is, so a step that is
// run again may name its events by what caused them.
//
// Transactions that append events of one tenant commit one after another: append
// last, after the work that takes time.
func (tx *Tx) AppendEvent(ctx context.Context, e Event) error {
	switch {
	case e.Tenant == "":
		return errors.New("event: tenant is missing")
	case e.Kind == "":
		return errors.New("event: kind is missing")
	case len(e.Document) > 0 && !json.Valid(e.Document):
		return fmt.Errorf("event %s: document is not JSON", e.Kind)
	}
	if e.At.IsZero() {
		e.At = tx.db.clock.Now()
	}
	if e.ID == "" {
		e.ID = id.New()
	} else if known, err := tx.hasEvent(ctx, hasEventParams{Tenant: e.Tenant, EventID: e.ID}); err != nil {
		return fmt.Errorf("event %s: %w", e.Kind, err)
	} else if known {
		return nil
	}
	sequence, err := tx.nextEventSequence(ctx, e.Tenant)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Kind, err)
	}
	document := string(e.Document)
	if document == "" {
		document = "{}"
	}
	if err := tx.insertEvent(ctx, insertEventParams{
		Tenant: e.Tenant, Sequence: sequence, EventID: e.ID, At: Micros(e.At), Kind: e.Kind, Subject: e.Subject,
		CampaignID: e.CampaignID, FlowID: e.FlowID, Actor: e.Actor, Document: document,
	}); err != nil {
		return fmt.Errorf("event %s: %w", e.Kind, err)
	}
	return nil
}

// EventFilter selects events; empty fields select all.
type EventFilter struct {
	After      int64 // only events with a greater Sequence
	Kind       string
	Subject    string
	CampaignID string
	FlowID     string
	Limit      int // at most so many; 1000 where zero
}

const defaultEvents = 1000

// Events lists the tenant's events in the order of their sequence.
func (q *Queries) Events(ctx context.Context, tenant string, f EventFilter) ([]Event, error) {
	if f.Limit <= 0 {
		f.Limit = defaultEvents
	}
	rows, err := q.eventsAfter(ctx, eventsAfterParams{
		Tenant: tenant, After: f.After, Kind: f.Kind, Subject: f.Subject,
		CampaignID: f.CampaignID, FlowID: f.FlowID, MaxRows: int64(f.Limit),
	})
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = Event{
			Tenant: r.Tenant, Sequence: r.Sequence, ID: r.EventID, At: Time(r.At), Kind: r.Kind, Subject: r.Subject,
			CampaignID: r.CampaignID, FlowID: r.FlowID, Actor: r.Actor, Document: json.RawMessage(r.Document),
		}
	}
	return events, nil
}
