package audience

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// DefaultMinimumSize is how many people the ad server must know of an audience
// before it is served to: fewer could be picked out one by one.
const DefaultMinimumSize = 100

// Config is what the service needs.
type Config struct {
	Tenant string
	Clock  clock.Clock
	Store  *store.DB
	// Queue, on the same store and not yet started, carries audiences to the ad server.
	Queue    *job.Queue
	AdServer adserver.AudienceHolder
	// Account finds the identifier of the account that a change is asked for on; it
	// refuses accounts that may not change anything.
	Account func(context.Context, *agent.Call, *adcp.AccountReference) (string, error)
	// InUse lists the media buys not yet over that name the audience.
	InUse func(ctx context.Context, accountID, audienceID string) ([]string, error)
	// MinimumSize is the fewest people that an audience is served to; [DefaultMinimumSize] where zero.
	MinimumSize int64
	Logger      *slog.Logger
}

// Service keeps audiences.
type Service struct{ cfg Config }

// jobPlace is the kind of the jobs that carry audiences to the ad server.
const jobPlace = "seller_audience"

// New makes the service and puts its job on the queue.
func New(cfg Config) *Service {
	if cfg.MinimumSize <= 0 {
		cfg.MinimumSize = DefaultMinimumSize
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg}
	job.Register(cfg.Queue, jobPlace, s.placeLater)
	return s
}

// Register puts sync_audiences on an agent.
func (s *Service) Register(a *agent.Agent) { agent.Handle(a, adcp.SyncAudiences, s.sync) }

// Audience is a list of people on an account.
type Audience struct {
	AccountID, ID string
	// SellerID is what the ad server knows it by.
	SellerID  string
	Principal string
	Name      string
	Status    adcp.AudienceStatus
	// Reason is why it is suspended (enums/impairment-reason-code); From what it was before.
	Reason   adcp.ImpairmentReasonCode
	From     adcp.AudienceStatus
	StatusAt time.Time
	About    About
	Revision int64
	// Placed is the revision that the ad server holds.
	Placed   int64
	SyncedAt time.Time
}

// About is what the buyer says of an audience besides its name.
type About struct {
	Description  string                                        `json:"description,omitzero"`
	Type         adcp.SyncAudiencesRequestAudienceAudienceType `json:"type,omitzero"`
	Tags         []string                                      `json:"tags,omitzero"`
	ConsentBasis adcp.ConsentBasis                             `json:"consent_basis,omitzero"`
}

func audienceOf(r store.Audience) (*Audience, error) {
	a := &Audience{
		AccountID: r.AccountID, ID: r.AudienceID, SellerID: r.SellerID, Principal: r.Principal, Name: r.Name,
		Status: adcp.AudienceStatus(r.Status), Reason: adcp.ImpairmentReasonCode(r.Reason),
		From: adcp.AudienceStatus(r.StatusFrom), StatusAt: store.Time(r.StatusAt),
		Revision: r.Revision, Placed: r.Placed, SyncedAt: store.Time(r.SyncedAt),
	}
	if err := json.Unmarshal([]byte(r.Document), &a.About); err != nil {
		return nil, fmt.Errorf("audience %s: %w", r.AudienceID, err)
	}
	return a, nil
}

// Of lists an account's audiences by identifier.
func (s *Service) Of(ctx context.Context, q *store.Queries, accountID string) (map[string]*Audience, error) {
	list, err := s.list(ctx, q, accountID)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Audience, len(list))
	for _, a := range list {
		byID[a.ID] = a
	}
	return byID, nil
}

func (s *Service) list(ctx context.Context, q *store.Queries, accountID string) ([]*Audience, error) {
	rows, err := q.AudiencesOfAccount(ctx, store.AudiencesOfAccountParams{Tenant: s.cfg.Tenant, AccountID: accountID})
	if err != nil {
		return nil, fmt.Errorf("audiences of %s: %w", accountID, err)
	}
	list := make([]*Audience, len(rows))
	for i, r := range rows {
		if list[i], err = audienceOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// counts are how many members an audience has, by kind of identifier.
type counts struct {
	members, matched       int64
	submittedBy, matchedBy []int64 // by kind, as in kinds
}

func (s *Service) counts(ctx context.Context, q *store.Queries, accountID, audienceID string) (counts, error) {
	c := counts{submittedBy: make([]int64, len(kinds)), matchedBy: make([]int64, len(kinds))}
	rows, err := q.AudienceCounts(ctx, store.AudienceCountsParams{Tenant: s.cfg.Tenant, AccountID: accountID, AudienceID: audienceID})
	if err != nil {
		return c, fmt.Errorf("members of %s: %w", audienceID, err)
	}
	for _, r := range rows {
		c.members += r.Members
		if r.Matched != 0 {
			c.matched += r.Members
		}
		for i := range kinds {
			if r.Submitted&(1<<i) != 0 {
				c.submittedBy[i] += r.Members
			}
			if r.Matched&(1<<i) != 0 {
				c.matchedBy[i] += r.Members
			}
		}
	}
	return c, nil
}

// settled is the status of an audience of that size that the ad server holds. A
// list of people to avoid may be as small as it likes.
func (s *Service) settled(a *Audience, matched int64) adcp.AudienceStatus {
	switch {
	case a.Status == adcp.AudienceStatusSuspended:
		return a.Status
	case matched < s.cfg.MinimumSize && a.About.Type != adcp.SyncAudiencesRequestAudienceAudienceTypeSuppression:
		return adcp.AudienceStatusTooSmall
	}
	return adcp.AudienceStatusReady
}

// ErrUnknown reports an audience that does not exist.
var ErrUnknown = errors.New("there is no such audience")

// SetStatus moves a principal's audience to a status, as the seller's people do
// when they suspend one or let it serve again. It returns the status before and
// the media buys that name it may have changed their health. Account may be empty
// where the principal has one audience of that name only.
func (s *Service) SetStatus(ctx context.Context, principal, account, audienceID string, status adcp.AudienceStatus, reason adcp.ImpairmentReasonCode) (adcp.AudienceStatus, error) {
	var changed *Audience
	var before adcp.AudienceStatus
	err := s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		rows, err := tx.AudiencesNamed(ctx, store.AudiencesNamedParams{Tenant: s.cfg.Tenant, Principal: principal, AudienceID: audienceID})
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r store.Audience) bool { return account != "" && r.AccountID != account })
		if len(rows) != 1 {
			return ErrUnknown
		}
		if changed, err = audienceOf(rows[0]); err != nil {
			return err
		}
		before = changed.Status
		if status != adcp.AudienceStatusSuspended {
			reason = ""
		}
		if n, err := tx.SetAudienceStatus(ctx, store.SetAudienceStatusParams{
			Status: string(status), Reason: string(reason), StatusFrom: string(before), StatusAt: store.Micros(s.cfg.Clock.Now()),
			Tenant: s.cfg.Tenant, AccountID: changed.AccountID, AudienceID: audienceID, Revision: changed.Revision,
		}); err != nil || n != 1 {
			return errors.Join(err, unless(n == 1))
		}
		return job.Enqueue(ctx, tx, jobPlace, placeJob{changed.AccountID, audienceID})
	})
	if err != nil {
		return "", err
	}
	s.placeNow(ctx, changed.AccountID, audienceID)
	return before, nil
}

// errRaced reports that somebody else changed the audience first.
var errRaced = errors.New("changed by somebody else meanwhile")

func unless(ok bool) error {
	if ok {
		return nil
	}
	return errRaced
}

// MinimumSize is the fewest people that an audience is served to.
func (s *Service) MinimumSize() int64 { return s.cfg.MinimumSize }
