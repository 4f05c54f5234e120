package audience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

type placeJob struct {
	AccountID  string `json:"account_id"`
	AudienceID string `json:"audience_id"`
}

// placeAgain is how long an audience waits that the ad server did not take.
const placeAgain = 5 * time.Second

// placeLater is the job: it may run any number of times for one audience.
func (s *Service) placeLater(ctx context.Context, j placeJob) error {
	err := s.place(ctx, j.AccountID, j.AudienceID)
	switch {
	case err == nil, ctx.Err() != nil:
		return errors.Join(err, ctx.Err())
	case errors.Is(err, errRaced):
		return job.Later(0)
	}
	s.cfg.Logger.WarnContext(ctx, "an audience has not reached the ad server yet", "audience", j.AudienceID, "error", err)
	return job.Later(placeAgain)
}

// placeNow tries at once what a job does otherwise, so that answers can tell.
func (s *Service) placeNow(ctx context.Context, accountID, audienceID string) {
	if err := s.place(ctx, accountID, audienceID); err != nil && !errors.Is(err, errRaced) {
		s.cfg.Logger.WarnContext(ctx, "an audience is left to the queue", "audience", audienceID, "error", err)
	}
}

// place makes the ad server hold the audience as the books have it. Only then does
// it stop being processed. One that was deleted is emptied.
func (s *Service) place(ctx context.Context, accountID, audienceID string) error {
	q := s.cfg.Store.Read()
	r, err := q.Audience(ctx, store.AudienceParams{Tenant: s.cfg.Tenant, AccountID: accountID, AudienceID: audienceID})
	if errors.Is(err, store.ErrNoRow) {
		return s.cfg.AdServer.PutAudience(ctx, adserver.Audience{ID: sellerID(s.cfg.Tenant, accountID, audienceID)})
	}
	if err != nil {
		return fmt.Errorf("audience %s: %w", audienceID, err)
	}
	if r.Placed == r.Revision {
		return nil
	}
	a, err := audienceOf(r)
	if err != nil {
		return err
	}
	c, err := s.counts(ctx, q, accountID, audienceID)
	if err != nil {
		return err
	}
	status := s.forced(a)
	if status == "" {
		status = s.settled(a, c.matched)
	}
	if err := s.cfg.AdServer.PutAudience(ctx, adserver.Audience{
		ID: a.SellerID, People: c.matched, Serves: status == adcp.AudienceStatusReady,
	}); err != nil {
		return fmt.Errorf("audience %s: %w", audienceID, err)
	}
	return s.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.PlaceAudience(ctx, store.PlaceAudienceParams{
			Status: string(status), Tenant: s.cfg.Tenant, AccountID: accountID, AudienceID: audienceID, Revision: a.Revision,
		})
		return errors.Join(err, unless(err != nil || n == 1))
	})
}

// forced is the status that somebody has set by hand and no sync has changed since.
func (s *Service) forced(a *Audience) adcp.AudienceStatus {
	if a.Status == adcp.AudienceStatusProcessing {
		return ""
	}
	return a.Status
}
