package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

var errKilled = errors.New("killed")

// reaper kills processes between two steps. A killed process does nothing more.
type reaper struct {
	mu   sync.Mutex
	dead bool
	kill func(at string) bool
	died int
}

func (r *reaper) step(ctx context.Context, at string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dead && r.kill(at) {
		r.dead = true
		r.died++
	}
	if r.dead {
		return fmt.Errorf("%w at %q", errKilled, at)
	}
	return ctx.Err()
}

// run takes a campaign from brief to end, in a new process after each death.
// Time stands still while no process is alive.
func (b *bench) run(t *testing.T, r *reaper) Report {
	t.Helper()
	ctx := t.Context()
	var s *Service
	alive := func(err error) bool {
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		return err == nil
	}
	s = b.service(t)
	c, err := s.Open(ctx, springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		s = b.service(t)
		if r != nil {
			r.dead, s.step = false, r.step
		}
		c, err = s.Resume(ctx, c.ID)
		if !alive(err) {
			continue
		}
		if c.State == StateAwaitingApproval {
			if err := s.Approve(ctx, c.ID, Approval{Actor: "human:ana", Limit: c.Budget}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if c.State.Terminal() {
			return b.report(t, s, c.ID)
		}
		b.clock.Advance(15 * 24 * time.Hour)
	}
	t.Fatalf("campaign is still %s", c.State)
	return Report{}
}

// difficult makes the sellers decide later, lose an answer and book other terms.
func (b *bench) difficult() {
	b.sellers[0].loseAnswers = 1
	b.sellers[1].change = func(r *adcp.CreateMediaBuyResponse) { r.Packages[0].Budget = new(adcp.Decimal("1")) }
	b.sellers[2].manual, b.sellers[2].decideAt = true, planNow.Add(24*time.Hour)
}

func document(t *testing.T, r Report) string {
	t.Helper()
	out, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestAKillBetweenAnyTwoStepsChangesNothing(t *testing.T) {
	t.Parallel()
	undisturbed := sqlite(t)
	undisturbed.difficult()
	want := document(t, undisturbed.run(t, nil))

	kills := map[string]func() func(string) bool{
		"EveryStepOnce": func() func(string) bool {
			seen := map[string]bool{}
			return func(at string) bool { defer func() { seen[at] = true }(); return !seen[at] }
		},
	}
	for seed := range uint64(5) {
		kills[fmt.Sprintf("Random%d", seed)] = func() func(string) bool {
			random := rand.New(rand.NewPCG(seed, 1))
			return func(string) bool { return random.IntN(5) == 0 }
		}
	}
	for name, kill := range kills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := sqlite(t)
			b.difficult()
			r := &reaper{kill: kill()}
			if diff := cmp.Diff(want, document(t, b.run(t, r))); diff != "" {
				t.Errorf("after %d deaths the report is another:\n%s", r.died, diff)
			}
			if name == "EveryStepOnce" && r.died < 15 {
				t.Errorf("died at %d steps only", r.died)
			}
			for i, f := range b.sellers {
				if diff := cmp.Diff(undisturbed.sellers[i].booked(), f.booked()); diff != "" {
					t.Errorf("%s holds something else: %s", f.name, diff)
				}
				for key, bodies := range f.requests {
					if len(bodies) != 1 {
						t.Errorf("%s was sent different bytes with key %s: %v", f.name, key, bodies)
					}
				}
			}
		})
	}
}

func TestWhateverIsAskedTheStateTableHolds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			b := sqlite(t)
			for _, f := range b.sellers {
				f.manual, f.reject, f.decideAt = random.IntN(3) == 0, random.IntN(2) == 0, planNow.Add(time.Duration(random.IntN(900))*time.Hour)
				f.loseAnswers, f.overspend = random.IntN(3), random.IntN(4) == 0
				if random.IntN(4) == 0 {
					f.refuse = func(*adcp.CreateMediaBuyRequest) error {
						return adcp.NewError(adcp.CodePolicyViolation, "", "no")
					}
				}
			}
			s := b.service(t)
			c, err := s.Open(t.Context(), springBrief(), fmt.Sprint(seed))
			if err != nil {
				t.Fatal(err)
			}
			for range 16 {
				ctx, err := t.Context(), error(nil)
				switch random.IntN(8) {
				case 0:
					_, err = s.Plan(ctx, c.ID)
				case 1, 2:
					limit := c.Budget
					limit.Micros -= money.Micros(random.IntN(2)) * money.Unit
					err = s.Approve(ctx, c.ID, Approval{Actor: "human:ana", Limit: limit})
				case 3:
					if random.IntN(6) == 0 {
						err = s.Reject(ctx, c.ID, "human:ana", "no")
					}
				case 4:
					if random.IntN(6) == 0 {
						err = s.Cancel(ctx, c.ID, "human:ana", "off")
					}
				case 5:
					err = s.Book(ctx, c.ID)
				default:
					_, err = s.Resume(ctx, c.ID)
				}
				if err != nil && !errors.Is(err, ErrState) && !errors.Is(err, ErrAuthority) {
					t.Fatal(err)
				}
				b.clock.Advance(time.Duration(random.IntN(10*24)) * time.Hour)
				checkChanges(t, b.report(t, s, c.ID))
			}
		})
	}
}

// checkChanges holds a campaign's history against the state table.
func checkChanges(t *testing.T, r Report) {
	t.Helper()
	at := State("")
	for _, c := range r.Changes {
		if c.From != at || !c.From.CanBecome(c.To) || c.Actor == "" || c.Reason == "" || c.At.IsZero() {
			t.Fatalf("change %+v after %q", c, at)
		}
		at = c.To
	}
	if at != r.State {
		t.Fatalf("history ends at %s, the campaign is %s", at, r.State)
	}
}

func TestEveryStateEnds(t *testing.T) {
	t.Parallel()
	ends := map[State]bool{}
	for range len(Transitions()) {
		for _, row := range Transitions() {
			if row.To.Terminal() || ends[row.To] {
				ends[row.From] = true
			}
		}
	}
	for _, row := range Transitions() {
		if !ends[row.From] || row.When == "" {
			t.Errorf("no end is reached from %q, or row %+v does not say when", row.From, row)
		}
	}
	for _, s := range []State{StateCompleted, StateRejected, StateFailed, StateCanceled} {
		if !s.Terminal() {
			t.Errorf("%s does not end", s)
		}
	}
	for from, targets := range bookingMoves {
		for _, to := range targets {
			if from == to {
				t.Errorf("booking state %s follows itself", from)
			}
		}
	}
}

func TestTheLedgerRefuses(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	s := b.service(t)
	id := approved(t, s)
	try := func(rule string, want error, work func(ctx context.Context, l *ledger) error) {
		t.Helper()
		err := s.db.Tx(t.Context(), func(tx *store.Tx) error {
			r, err := s.load(t.Context(), tx.Queries, id)
			if err != nil {
				return err
			}
			l, err := s.ledger(t.Context(), tx, &r)
			if err != nil {
				return err
			}
			return work(t.Context(), l)
		})
		if err == nil || (want != nil && !errors.Is(err, want)) {
			t.Errorf("%s: got %v", rule, err)
		}
	}
	p, err := s.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	line := p.Lines[0].ID
	try("MoveThatTheTableDoesNotHold", nil, func(ctx context.Context, l *ledger) error {
		return l.move(ctx, line, Planned, Committed, 1, "x", "y")
	})
	try("MoreThanThereIs", nil, func(ctx context.Context, l *ledger) error {
		return l.move(ctx, line, Planned, Reserved, usd(1_000_000), "x", "y")
	})
	try("LessThanNothing", nil, func(ctx context.Context, l *ledger) error {
		return l.move(ctx, line, Planned, Reserved, -1, "x", "y")
	})
	try("AuthorityBeyondTheBudget", ErrAuthority, func(ctx context.Context, l *ledger) error {
		return l.move(ctx, "", "", Authorised, 1, "x", "y")
	})
	try("MoreThanAuthorised", ErrAuthority, func(ctx context.Context, l *ledger) error {
		if err := l.move(ctx, "extra", "", Planned, usd(20_000), "x", "y"); err != nil {
			return err
		}
		return l.move(ctx, "extra", Planned, Reserved, usd(20_000), "x", "y")
	})
}
