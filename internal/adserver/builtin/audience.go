package builtin

import (
	"context"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/store"
)

// known is the part of all identifiers by which the ad server knows somebody. Who
// that is depends on the identifier alone, so matching again gives the same.
const known PPM = 700_000

// Match implements [adserver.AudienceHolder]. The ad server makes its people up, as
// it does its supply: it knows seven identifiers in ten.
func (s *AdServer) Match(_ context.Context, identifiers []adserver.Identifier) ([]bool, error) {
	found := make([]bool, len(identifiers))
	for i, id := range identifiers {
		found[i] = mix(hashString(id.Type+":"+id.Value))%uint64(Whole) < uint64(known)
	}
	return found, nil
}

// PutAudience implements [adserver.AudienceHolder]. Hours that have passed are
// delivered first, to the audience as it was.
func (s *AdServer) PutAudience(ctx context.Context, a adserver.Audience) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.deliver(ctx, s.clock.Now().UTC().Truncate(time.Microsecond)); err != nil {
		return err
	}
	return unavailable(ctx, s.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.PutAdserverAudience(ctx, store.PutAdserverAudienceParams{
			Tenant: s.tenant, AudienceID: a.ID, People: a.People, Serves: a.Serves,
		})
	}))
}

// audiences are what the ad server holds, by identifier.
type audiences map[string]store.AdserverAudience

func (s *AdServer) audiences(ctx context.Context, tx *store.Tx) (audiences, error) {
	rows, err := tx.AdserverAudiences(ctx, s.tenant)
	if err != nil {
		return nil, err
	}
	held := make(audiences, len(rows))
	for _, r := range rows {
		held[r.AudienceID] = r
	}
	return held, nil
}

// reach is the part of so many people that the targeting leaves: those in any of
// the audiences to reach, and in none to avoid. Audiences are taken to lie all over
// the product's people, independently of each other.
func (held audiences) reach(t adserver.Targeting, people int64) PPM {
	left := int64(Whole)
	if len(t.Audiences) > 0 {
		left = int64(Whole) - held.outside(t.Audiences, people, true)
	}
	return PPM(mulDiv(left, held.outside(t.AvoidAudiences, people, false), int64(Whole)))
}

// outside is the part of so many people that is in none of the audiences; serving
// says whether those count that may not be served to.
func (held audiences) outside(ids []string, people int64, serving bool) int64 {
	left := int64(Whole)
	for _, id := range ids {
		a := held[id]
		if people <= 0 || serving && !a.Serves {
			continue
		}
		inside := mulDiv(int64(Whole), min(a.People, people), people)
		left = mulDiv(left, int64(Whole)-inside, int64(Whole))
	}
	return left
}

// people is how many different people the product reaches; where that is not said,
// as many as it has impressions on a day.
func (p *product) people() int64 {
	if p.Audience > 0 {
		return p.Audience
	}
	return p.Daily
}
