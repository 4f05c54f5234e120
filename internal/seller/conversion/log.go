package conversion

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller/pii"
	"github.com/upfront-media/upfront/internal/store"
)

// logEvents serves log_event. Events fail one by one; raw personal data fails the
// whole call, with nothing kept of it. An event that its source has told of already
// is taken again without counting again.
func (s *Service) logEvents(ctx context.Context, call *agent.Call, req *adcp.LogEventRequest) (*adcp.LogEventResponse, error) {
	custom, refused := look(call.Arguments)
	if refused != nil {
		return nil, refused
	}
	src, err := s.source(ctx, call, req.EventSourceID)
	if err != nil {
		return nil, err
	}
	resp := &adcp.LogEventResponse{Status: adcp.TaskStatusCompleted, EventsReceived: new(int64(len(req.Events)))}
	if call.Sandbox {
		resp.Sandbox = new(true)
	}
	var good []int
	for i := range req.Events {
		if code, problem := src.problem(&req.Events[i]); problem != "" {
			resp.PartialFailures = append(resp.PartialFailures, adcp.LogEventResponsePartialFailure{
				EventID: req.Events[i].EventID, Code: string(code), Message: problem,
			})
			continue
		}
		good = append(good, i)
	}
	resp.EventsProcessed = new(int64(len(good)))
	quality, err := s.quality(ctx, req.Events)
	if err != nil {
		return nil, err
	}
	resp.MatchQuality = &quality
	if req.TestEventCode != nil {
		resp.Warnings = append(resp.Warnings, "These are test events: they were checked and not kept.")
		return resp, nil
	}
	known := int64(0)
	if err := s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		known = 0
		for _, i := range good {
			n, err := s.insert(ctx, tx, call, src, &req.Events[i], custom[i])
			if err != nil {
				return err
			}
			known += 1 - n
		}
		return s.logged(ctx, tx, call, src, int64(len(good))-known)
	}); err != nil {
		return nil, err
	}
	if known > 0 {
		resp.Warnings = append(resp.Warnings, fmt.Sprintf("%d of the events were known from this source already and do not count again.", known))
	}
	return resp, nil
}

// look gives the custom_data of each event as it came, or refuses the request where
// anything in it looks like unhashed personal data.
func look(arguments json.RawMessage) ([]json.RawMessage, *adcp.Error) {
	var raw struct {
		Events []json.RawMessage `json:"events"`
	}
	_ = json.Unmarshal(arguments, &raw) // it has passed its schema
	custom := make([]json.RawMessage, len(raw.Events))
	for i, e := range raw.Events {
		// What probabilistic matching may use is not kept; addresses of pages and names
		// of products are no people.
		found := pii.Find(e, fmt.Sprintf("events[%d]", i), "event_id", "event_source_url", "client_ip", "client_user_agent", "click_id", "surface", "content_name", "content_ids", "contents", "order_id")
		if found != nil {
			return nil, refusal(adcp.CodeValidationError, found.Field, "%s looks like %s. Events carry hashed user data only; nothing of this request was kept.", found.Field, found.Kind).
				WithSuggestion("Normalize, hash with SHA-256 and send user_match.hashed_email or user_match.hashed_phone; leave everything else out.")
		}
		var doc struct {
			CustomData json.RawMessage `json:"custom_data"`
		}
		_ = json.Unmarshal(e, &doc)
		custom[i] = doc.CustomData
	}
	return custom, nil
}

// source finds where the events come from: on the account that the request names,
// or the principal's only source of that name.
func (s *Service) source(ctx context.Context, call *agent.Call, sourceID string) (*Source, error) {
	account := ""
	if call.Account != nil {
		var err error
		if account, err = s.cfg.Account(ctx, call, call.Account); err != nil {
			return nil, err
		}
	}
	rows, err := s.cfg.Store.Read().EventSourcesNamed(ctx, store.EventSourcesNamedParams{Tenant: s.cfg.Tenant, Principal: call.Principal, EventSourceID: sourceID})
	if err != nil {
		return nil, fmt.Errorf("event source: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r store.EventSource) bool {
		return account != "" && r.AccountID != account || !call.SeesAccount(r.AccountID)
	})
	switch len(rows) {
	case 0:
		return nil, adcp.NewError(adcp.CodeReferenceNotFound, "event_source_id", "There is no such event source.").
			WithSuggestion("Declare it with sync_event_sources first.")
	case 1:
		return sourceOf(rows[0])
	}
	return nil, adcp.NewError(adcp.CodeAccountAmbiguous, "event_source_id", "Several of your accounts have an event source of that name.").
		WithSuggestion("Send account along, as for sync_event_sources.")
}

// problem is why the source cannot tell of the event, or "".
func (s *Source) problem(e *adcp.Event) (adcp.ErrorCode, string) {
	switch {
	case !s.Tells(e.EventType):
		return adcp.CodeValidationError, fmt.Sprintf("The event source does not tell of %s; add it to its event_types with sync_event_sources.", e.EventType)
	case e.EventType == adcp.EventTypeCustom && adcp.Val(e.CustomEventName) == "":
		return adcp.CodeValidationError, "An event of type custom needs custom_event_name."
	case e.EventSourceURL == nil && adcp.Val(e.ActionSource) == adcp.ActionSourceWebsite:
		return adcp.CodeValidationError, "An event from a website needs event_source_url."
	case e.EventSourceURL != nil && !s.allows(*e.EventSourceURL):
		return adcp.CodePermissionDenied, "event_source_url is not within the event source's allowed_domains."
	}
	return "", ""
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, call *agent.Call, src *Source, e *adcp.Event, custom json.RawMessage) (int64, error) {
	n, err := tx.InsertConversionEvent(ctx, store.InsertConversionEventParams{
		Tenant: s.cfg.Tenant, AccountID: src.AccountID, EventSourceID: src.ID, EventType: string(e.EventType), EventID: e.EventID,
		CustomName: adcp.Val(e.CustomEventName), OccurredAt: store.Micros(e.EventTime), Document: string(custom), LoggedAt: store.Micros(call.Now),
	})
	if err != nil {
		return 0, fmt.Errorf("event %s: %w", e.EventID, err)
	}
	return n, nil
}

func (s *Service) logged(ctx context.Context, tx *store.Tx, call *agent.Call, src *Source, n int64) error {
	if n == 0 {
		return nil
	}
	doc, err := json.Marshal(map[string]any{"event_source_id": src.ID, "events": n})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.cfg.Tenant, ID: id.Derive("event", src.AccountID, src.ID, call.Principal, call.IdempotencyKey), At: call.Now,
		Kind: "conversions.logged", Subject: src.AccountID, Actor: call.Principal, Document: doc,
	})
}

// quality is the part of the events whose person the ad server knows.
func (s *Service) quality(ctx context.Context, events []adcp.Event) (adcp.Decimal, error) {
	var ids []adserver.Identifier
	var whose []int
	matched := make([]bool, len(events))
	for i := range events {
		m := events[i].UserMatch
		if m == nil {
			continue
		}
		ask := func(kind string, value *string) {
			if value != nil {
				ids, whose = append(ids, adserver.Identifier{Type: kind, Value: *value}), append(whose, i)
			}
		}
		ask("hashed_email", m.HashedEmail)
		ask("hashed_phone", m.HashedPhone)
		for j := range m.UIDs {
			ask(string(m.UIDs[j].Type), &m.UIDs[j].Value)
		}
	}
	if s.cfg.People == nil || len(ids) == 0 {
		return "0", nil
	}
	found, err := s.cfg.People.Match(ctx, ids)
	if err != nil {
		return "", fmt.Errorf("match events: %w", err)
	}
	n := int64(0)
	for i, ok := range found {
		if ok && !matched[whose[i]] {
			matched[whose[i]] = true
			n++
		}
	}
	return adcp.Decimal(money.Micros(n).MulDiv(int64(money.Unit), int64(len(events))).Literal()), nil
}
