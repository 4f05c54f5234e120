package conversion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
)

// Config is what the service needs.
type Config struct {
	Tenant string
	Clock  clock.Clock
	Store  *store.DB
	// People, where given, tells whom the ad server knows, for the quality of events.
	People adserver.AudienceHolder
	// Account finds the identifier of the account that a change is asked for on; it
	// refuses accounts that may not change anything.
	Account func(context.Context, *agent.Call, *adcp.AccountReference) (string, error)
	// InUse lists the media buys not yet over with a goal on the source.
	InUse  func(ctx context.Context, accountID, sourceID string) ([]string, error)
	Logger *slog.Logger
}

// Service keeps event sources and events.
type Service struct{ cfg Config }

// New makes the service.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg}
}

// Register puts sync_event_sources and log_event on an agent.
func (s *Service) Register(a *agent.Agent) {
	agent.Handle(a, adcp.SyncEventSources, s.syncSources)
	agent.Handle(a, adcp.LogEvent, s.logEvents)
}

// Source is where events come from: a website, an app, a shop's till.
type Source struct {
	AccountID string `json:"-"`
	ID        string `json:"-"`
	SellerID  string `json:"-"`
	Revision  int64  `json:"-"`
	Name      string `json:"name,omitzero"`
	// EventTypes are those it tells of; all where empty.
	EventTypes   []adcp.EventType   `json:"event_types,omitzero"`
	ActionSource adcp.ActionSource  `json:"action_source,omitzero"`
	Surface      *adcp.EventSurface `json:"surface,omitzero"`
	// Domains are the hosts, with those below them, that its events may come from;
	// all where empty.
	Domains []string `json:"domains,omitzero"`
}

// Tells reports whether the source tells of events of the type.
func (s *Source) Tells(t adcp.EventType) bool {
	return len(s.EventTypes) == 0 || slices.Contains(s.EventTypes, t)
}

// allows tells whether an event may come from the address.
func (s *Source) allows(address string) bool {
	u, err := url.Parse(address)
	if err != nil || len(s.Domains) == 0 {
		return err == nil
	}
	host := strings.ToLower(u.Hostname())
	return slices.ContainsFunc(s.Domains, func(d string) bool {
		d = strings.ToLower(d)
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

func sourceOf(r store.EventSource) (*Source, error) {
	s := &Source{AccountID: r.AccountID, ID: r.EventSourceID, SellerID: r.SellerID, Revision: r.Revision}
	if err := json.Unmarshal([]byte(r.Document), s); err != nil {
		return nil, fmt.Errorf("event source %s: %w", r.EventSourceID, err)
	}
	return s, nil
}

// Sources lists an account's event sources by identifier.
func (s *Service) Sources(ctx context.Context, q *store.Queries, accountID string) (map[string]*Source, error) {
	list, err := s.list(ctx, q, accountID)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Source, len(list))
	for _, src := range list {
		byID[src.ID] = src
	}
	return byID, nil
}

func (s *Service) list(ctx context.Context, q *store.Queries, accountID string) ([]*Source, error) {
	rows, err := q.EventSourcesOfAccount(ctx, store.EventSourcesOfAccountParams{Tenant: s.cfg.Tenant, AccountID: accountID})
	if err != nil {
		return nil, fmt.Errorf("event sources of %s: %w", accountID, err)
	}
	list := make([]*Source, len(rows))
	for i, r := range rows {
		if list[i], err = sourceOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// syncSources serves sync_event_sources. Sources fail one by one. Without any it
// lists those of the account.
func (s *Service) syncSources(ctx context.Context, call *agent.Call, req *adcp.SyncEventSourcesRequest) (*adcp.SyncEventSourcesResponse, error) {
	account, err := s.cfg.Account(ctx, call, &req.Account)
	if err != nil {
		return nil, err
	}
	if adcp.Val(req.DeleteMissing) && len(req.EventSources) == 0 {
		return nil, refusal(adcp.CodeInvalidRequest, "delete_missing", "delete_missing without event_sources would delete them all.")
	}
	dropped, kept, err := s.missing(ctx, account, req)
	if err != nil {
		return nil, err
	}
	var resp *adcp.SyncEventSourcesResponse
	err = s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		resp = &adcp.SyncEventSourcesResponse{Status: adcp.TaskStatusCompleted, EventSources: []adcp.SyncEventSourcesResponseEventSource{}}
		if call.Sandbox {
			resp.Sandbox = new(true)
		}
		current, err := s.Sources(ctx, tx.Queries, account)
		if err != nil {
			return err
		}
		told := map[string]bool{}
		for i := range req.EventSources {
			e := &req.EventSources[i]
			result, err := s.syncSource(ctx, tx, call, account, fmt.Sprintf("event_sources[%d]", i), e, current[e.EventSourceID], told[e.EventSourceID])
			if err != nil {
				return err
			}
			told[e.EventSourceID] = true
			resp.EventSources = append(resp.EventSources, *result)
		}
		for _, id := range dropped {
			told[id] = true
			if err := tx.DeleteEventSource(ctx, store.DeleteEventSourceParams{Tenant: s.cfg.Tenant, AccountID: account, EventSourceID: id}); err != nil {
				return err
			}
			if err := s.event(ctx, tx, call, account, id, adcp.CatalogActionDeleted); err != nil {
				return err
			}
			resp.EventSources = append(resp.EventSources, adcp.SyncEventSourcesResponseEventSource{EventSourceID: id, Action: adcp.CatalogActionDeleted})
		}
		resp.EventSources = append(resp.EventSources, kept...)
		list, err := s.list(ctx, tx.Queries, account)
		for _, src := range list {
			if !told[src.ID] && !slices.ContainsFunc(kept, func(k adcp.SyncEventSourcesResponseEventSource) bool { return k.EventSourceID == src.ID }) {
				resp.EventSources = append(resp.EventSources, *src.result(adcp.CatalogActionUnchanged))
			}
		}
		return err
	})
	return resp, err
}

// missing says which sources delete_missing takes away, and which it cannot
// because goals are on them.
func (s *Service) missing(ctx context.Context, account string, req *adcp.SyncEventSourcesRequest) (dropped []string, kept []adcp.SyncEventSourcesResponseEventSource, err error) {
	if !adcp.Val(req.DeleteMissing) {
		return nil, nil, nil
	}
	list, err := s.list(ctx, s.cfg.Store.Read(), account)
	for _, src := range list {
		if slices.ContainsFunc(req.EventSources, func(e adcp.SyncEventSourcesRequestEventSource) bool { return e.EventSourceID == src.ID }) {
			continue
		}
		buys, err := s.cfg.InUse(ctx, account, src.ID)
		if err != nil {
			return nil, nil, err
		}
		if len(buys) == 0 {
			dropped = append(dropped, src.ID)
			continue
		}
		kept = append(kept, adcp.SyncEventSourcesResponseEventSource{
			EventSourceID: src.ID, Action: adcp.CatalogActionFailed,
			Errors: []adcp.Error{*refusal(adcp.CodeInvalidState, "delete_missing", "Media buys that are not over have goals on event source %s.", src.ID).
				WithSuggestion("Change their goals or cancel them first.").WithDetails(map[string]any{"media_buy_ids": buys})},
		})
	}
	return dropped, kept, err
}

// syncSource creates or changes one source.
func (s *Service) syncSource(ctx context.Context, tx *store.Tx, call *agent.Call, account, at string, e *adcp.SyncEventSourcesRequestEventSource, current *Source, twice bool) (*adcp.SyncEventSourcesResponseEventSource, error) {
	switch {
	case twice:
		return failed(e, refusal(adcp.CodeValidationError, at+".event_source_id", "The event source is twice in the request.")), nil
	case strings.TrimSpace(e.EventSourceID) == "":
		return failed(e, refusal(adcp.CodeValidationError, at+".event_source_id", "The event source has no identifier.")), nil
	}
	next := &Source{
		AccountID: account, ID: e.EventSourceID, SellerID: id.Derive("es", s.cfg.Tenant, account, e.EventSourceID),
		Name: adcp.Val(e.Name), EventTypes: e.EventTypes, ActionSource: adcp.Val(e.ActionSource), Surface: e.Surface, Domains: e.AllowedDomains,
	}
	doc, err := json.Marshal(next)
	if err != nil {
		return nil, err
	}
	now := store.Micros(call.Now)
	action := adcp.CatalogActionCreated
	if current == nil {
		err = tx.InsertEventSource(ctx, store.InsertEventSourceParams{
			Tenant: s.cfg.Tenant, AccountID: account, EventSourceID: next.ID, SellerID: next.SellerID,
			Principal: call.Principal, Document: string(doc), CreatedAt: now, UpdatedAt: now,
		})
	} else {
		action = adcp.CatalogActionUpdated
		before, marshalErr := json.Marshal(current)
		if marshalErr != nil {
			return nil, marshalErr
		}
		if string(before) == string(doc) {
			return next.result(adcp.CatalogActionUnchanged), nil
		}
		var n int64
		if n, err = tx.UpdateEventSource(ctx, store.UpdateEventSourceParams{
			Document: string(doc), UpdatedAt: now, Tenant: s.cfg.Tenant, AccountID: account, EventSourceID: next.ID, Revision: current.Revision,
		}); err == nil && n != 1 {
			err = errors.New("changed by somebody else meanwhile")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("event source %s: %w", next.ID, err)
	}
	return next.result(action), s.event(ctx, tx, call, account, next.ID, action)
}

func failed(e *adcp.SyncEventSourcesRequestEventSource, problem *adcp.Error) *adcp.SyncEventSourcesResponseEventSource {
	return &adcp.SyncEventSourcesResponseEventSource{EventSourceID: e.EventSourceID, Action: adcp.CatalogActionFailed, Errors: []adcp.Error{*problem}}
}

func (s *Service) event(ctx context.Context, tx *store.Tx, call *agent.Call, account, sourceID string, action adcp.CatalogAction) error {
	doc, err := json.Marshal(map[string]any{"event_source_id": sourceID})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		Tenant: s.cfg.Tenant, ID: id.Derive("event", account, call.Principal, call.IdempotencyKey, sourceID), At: call.Now,
		Kind: "event_source." + string(action), Subject: account, Actor: call.Principal, Document: doc,
	})
}

// result is the source as the answer shows it. Events come from the advertiser's
// server, so what there is to install is a call.
func (s *Source) result(action adcp.CatalogAction) *adcp.SyncEventSourcesResponseEventSource {
	call, err := json.Marshal(map[string]any{
		"event_source_id": s.ID, "idempotency_key": "<a new UUID>",
		"events": []map[string]any{{"event_id": "<your identifier>", "event_type": s.example(), "event_time": "<ISO 8601>"}},
	})
	if err != nil {
		call = nil
	}
	w := &adcp.SyncEventSourcesResponseEventSource{
		EventSourceID: s.ID, SellerID: new(s.SellerID), Action: action, EventTypes: s.EventTypes, Surface: s.Surface,
		ManagedBy: new(adcp.SyncEventSourcesResponseEventSourceManagedBy("buyer")),
		Setup: &adcp.SyncEventSourcesResponseEventSourceSetup{
			Snippet: new("log_event " + string(call)), SnippetType: new(adcp.SyncEventSourcesResponseEventSourceSetupSnippetType("server_only")),
			Instructions: new("Nothing is to be put on pages. Call log_event from your server for each event, with hashed user data only; an event_id counts once, whichever source tells of it."),
		},
	}
	if s.Name != "" {
		w.Name = new(s.Name)
	}
	if s.ActionSource != "" {
		w.ActionSource = new(s.ActionSource)
	}
	return w
}

func (s *Source) example() adcp.EventType {
	if len(s.EventTypes) > 0 {
		return s.EventTypes[0]
	}
	return adcp.EventTypePurchase
}

func refusal(code adcp.ErrorCode, field, format string, args ...any) *adcp.Error {
	return adcp.NewError(code, field, fmt.Sprintf(format, args...)).
		WithSuggestion("Correct " + field + " and send the request again with a new idempotency_key.")
}
