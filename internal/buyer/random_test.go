package buyer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// TestRandomBriefsNeverOverspend runs random briefs at random sellers from brief
// to report: booked never exceeds the budget, delivered never exceeds booked,
// and every line's money is accounted for. UPFRONT_RANDOM_BRIEFS sets how many.
func TestRandomBriefsNeverOverspend(t *testing.T) {
	t.Parallel()
	n := 16
	if more, err := strconv.Atoi(os.Getenv("UPFRONT_RANDOM_BRIEFS")); err == nil {
		n = more
	}
	b := sqlite(t)
	s := b.service(t)
	ended := map[State]int{}
	for seed := range n {
		random := rand.New(rand.NewPCG(uint64(seed), 3))
		b.randomise(random)
		ended[b.play(t, s, random, seed)]++
	}
	if ended[StateCompleted] < n/2 {
		t.Errorf("too few campaigns were completed to mean anything: %v", ended)
	}
}

// randomise gives the sellers other products and other manners.
func (b *bench) randomise(random *rand.Rand) {
	channels := []string{"ctv", "olv", "display", "podcast", "dooh"}
	for _, f := range b.sellers {
		f.mu.Lock()
		f.products = nil
		for i := range random.IntN(4) {
			p := wireProduct(fmt.Sprintf("p%d", i), channels[random.IntN(len(channels))], float64(1+random.IntN(4000))/100)
			option := p["pricing_options"].([]any)[0].(map[string]any)
			switch random.IntN(4) {
			case 0:
				option["min_spend_per_package"] = random.IntN(20_000)
			case 1:
				delete(option, "fixed_price")
				option["floor_price"], option["max_bid"] = 1+random.IntN(20), random.IntN(2) == 0
			}
			f.products = append(f.products, p)
		}
		f.manual, f.reject, f.decideAt = random.IntN(4) == 0, random.IntN(3) == 0, b.clock.Now().Add(24*time.Hour)
		f.overspend, f.loseAnswers, f.refuse, f.change = random.IntN(3) == 0, random.IntN(2), nil, nil
		if random.IntN(8) == 0 {
			f.refuse = func(*adcp.CreateMediaBuyRequest) error { return adcp.NewError(adcp.CodePolicyViolation, "", "no") }
		}
		if random.IntN(8) == 0 {
			f.change = func(r *adcp.CreateMediaBuyResponse) { r.TotalBudget = new(adcp.Decimal("123456789")) }
		}
		f.mu.Unlock()
	}
}

// play runs one random brief to its end and says how it ended.
func (b *bench) play(t *testing.T, s *Service, random *rand.Rand, seed int) State {
	t.Helper()
	br := springBrief()
	br.Name = fmt.Sprintf("Random %d", seed)
	br.Budget.Micros = money.Micros(1+random.IntN(9_000_000)) * 10_000
	br.Start = brief.DateOf(b.clock.Now().AddDate(0, 0, random.IntN(5)))
	br.End = br.Start.AddDays(random.IntN(40))
	c, err := s.Open(t.Context(), br, fmt.Sprint(seed))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if c, err = s.Resume(t.Context(), c.ID); err != nil && c.State != StateBriefed {
			t.Fatal(err)
		}
		if c.State == StateAwaitingApproval {
			if err := s.Approve(t.Context(), c.ID, Approval{Actor: "human:ana", Limit: c.Budget}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if c.State.Terminal() {
			break
		}
		b.clock.Advance(15 * 24 * time.Hour)
	}
	r := b.report(t, s, c.ID) // with every check of the books
	checkChanges(t, r)
	if !r.State.Terminal() {
		t.Errorf("brief %d is still %s", seed, r.State)
	}
	if r.State.Terminal() && r.Totals.Reserved != "0.00" {
		t.Errorf("brief %d ended with %s reserved", seed, r.Totals.Reserved)
	}
	return r.State
}
