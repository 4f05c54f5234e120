package conversion

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Claim is a package that events may be credited to: its goals, and when.
type Claim struct {
	// ID names the package. Since is when it was bought; events logged before that
	// are none of its.
	ID       string
	Since    time.Time
	From, To time.Time
	Currency money.Currency
	Goals    []adcp.OptimizationGoal
	// Creatives are those that may have been seen, and from when on.
	Creatives []CreativeClaim
}

// CreativeClaim is a creative in a package's rotation.
type CreativeClaim struct {
	ID   string
	From time.Time
	// To is zero while it is in rotation.
	To time.Time
}

// Credit is one conversion and what it is worth. Value is in the package's
// currency; zero where the event names none, or another currency.
type Credit struct {
	PackageID, CreativeID string
	EventType             adcp.EventType
	At                    time.Time
	Value                 money.Micros
	// ContentIDs are the catalog items that the event is about.
	ContentIDs []string
}

// fact is an event as logged.
type fact struct {
	source, id, custom string
	kind               adcp.EventType
	at, logged         time.Time
	data               json.RawMessage
}

// entry finds the first entry of the claim's event goals that the event is of.
func (c *Claim) entry(f *fact) *adcp.OptimizationGoalEventSource {
	for i := range c.Goals {
		for j := range c.Goals[i].EventSources {
			e := &c.Goals[i].EventSources[j]
			if e.EventSourceID == f.source && e.EventType == f.kind && (f.kind != adcp.EventTypeCustom || adcp.Val(e.CustomEventName) == f.custom) {
				return e
			}
		}
	}
	return nil
}

// Credits says which of the account's events count for which of the claims, in
// order of time. An event counts once, for one package and one creative of it,
// whichever of its sources told of it: the ad server keeps no record of what single
// people saw, so where several may have brought it about a draw decides that always
// comes out alike. An event is a package's only if it happened within its flight and
// was logged after it was bought.
func (s *Service) Credits(ctx context.Context, q *store.Queries, accountID string, claims []Claim) ([]Credit, error) {
	from, to := bounds(claims)
	if from.IsZero() {
		return nil, nil
	}
	rows, err := q.ConversionEvents(ctx, store.ConversionEventsParams{
		Tenant: s.cfg.Tenant, AccountID: accountID, FromAt: store.Micros(from), ToAt: store.Micros(to),
	})
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", accountID, err)
	}
	var credits []Credit
	counted := map[string]bool{}
	for _, r := range rows {
		f := &fact{
			source: r.EventSourceID, id: r.EventID, custom: r.CustomName, kind: adcp.EventType(r.EventType),
			at: store.Time(r.OccurredAt), logged: store.Time(r.LoggedAt), data: json.RawMessage(r.Document),
		}
		c := draw(claims, f)
		if c == nil || counted[r.EventType+"\x00"+r.EventID] {
			continue
		}
		counted[r.EventType+"\x00"+r.EventID] = true
		credits = append(credits, c.credit(f))
	}
	return credits, nil
}

// bounds are the earliest start and the latest end of claims that have event goals.
func bounds(claims []Claim) (from, to time.Time) {
	for i := range claims {
		c := &claims[i]
		if !slices.ContainsFunc(c.Goals, func(g adcp.OptimizationGoal) bool { return len(g.EventSources) > 0 }) {
			continue
		}
		if from.IsZero() || c.From.Before(from) {
			from = c.From
		}
		if c.To.After(to) {
			to = c.To
		}
	}
	return from, to
}

// draw picks the claim that gets the event, or nil.
func draw(claims []Claim, f *fact) *Claim {
	var best *Claim
	var highest uint64
	for i := range claims {
		c := &claims[i]
		if f.at.Before(c.From) || !f.at.Before(c.To) || f.logged.Before(c.Since) || c.entry(f) == nil {
			continue
		}
		if n := lot(f.id, c.ID); best == nil || n > highest {
			best, highest = c, n
		}
	}
	return best
}

// lot is a number that depends on the two names alone.
func lot(event, name string) uint64 {
	sum := sha256.Sum256([]byte(event + "\x00" + name))
	return binary.BigEndian.Uint64(sum[:8])
}

func (c *Claim) credit(f *fact) Credit {
	credit := Credit{PackageID: c.ID, EventType: f.kind, At: f.at}
	var highest uint64
	for _, cr := range c.Creatives {
		if f.at.Before(cr.From) || !cr.To.IsZero() && !f.at.Before(cr.To) {
			continue
		}
		if n := lot(f.id, cr.ID); credit.CreativeID == "" || n > highest {
			credit.CreativeID, highest = cr.ID, n
		}
	}
	var data struct {
		Currency   string   `json:"currency"`
		ContentIDs []string `json:"content_ids"`
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(f.data, &data) != nil || json.Unmarshal(f.data, &members) != nil {
		return credit
	}
	credit.ContentIDs = data.ContentIDs
	e := c.entry(f)
	if e.ValueField == nil || data.Currency != string(c.Currency) {
		return credit
	}
	credit.Value = worth(members[*e.ValueField], e.ValueFactor)
	return credit
}

// worth is value times factor, rounded down to the micro; zero where they are no
// numbers or too large to be money.
func worth(value json.RawMessage, factor *adcp.Decimal) money.Micros {
	v, err := money.Parse(string(value))
	if err != nil {
		return 0
	}
	f := money.Unit
	if factor != nil {
		if f, err = money.Parse(string(*factor)); err != nil {
			return 0
		}
	}
	sign := money.Micros(1)
	if f < 0 {
		sign, f = -1, -f
	}
	return sign * v.MulDiv(int64(f), int64(money.Unit))
}
