package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/money"
)

// 1,000 random briefs are played in four markets; in each, atOnce of them run
// side by side and compete for the same supply.
const (
	markets  = 4
	inMarket = 250
	atOnce   = 50
)

var today = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// TestBookedNeverExceedsBudgetNorDeliveredBooked plays random briefs through the
// whole loop, over the wire: planned, approved, booked, delivered, reported.
func TestBookedNeverExceedsBudgetNorDeliveredBooked(t *testing.T) {
	t.Parallel()
	count := inMarket
	if testing.Short() {
		count = atOnce / 2
	}
	for seed := range markets {
		t.Run(fmt.Sprintf("market %d", seed), func(t *testing.T) {
			t.Parallel()
			w, err := openWorld(t.Context(), "world", Config{Data: t.TempDir(), Today: today, Seed: int64(seed)})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := w.close(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			random := rand.New(rand.NewPCG(uint64(seed), 1000))
			var sum outcomes
			for done := 0; done < count; done += atOnce {
				playTogether(t, w, random, min(atOnce, count-done), &sum)
			}
			t.Logf("%+v", sum)
			if sum.booked < count/2 || sum.unserved == 0 || sum.short == 0 {
				t.Errorf("the briefs do not reach enough cases: %+v", sum)
			}
		})
	}
}

// outcomes counts what became of the briefs.
type outcomes struct{ booked, unserved, short int }

func playTogether(t *testing.T, w *world, random *rand.Rand, n int, sum *outcomes) {
	t.Helper()
	ctx := t.Context()
	begin, end := w.clock.Now(), w.clock.Now()
	campaigns := map[string]brief.Brief{}
	for i := range n {
		b := randomBrief(t, random, begin, i)
		campaign, err := w.buyer.Open(ctx, b, fmt.Sprint(begin.Unix(), i))
		if err != nil {
			t.Fatal(err)
		}
		switch _, err := w.buyer.Plan(ctx, campaign.ID); {
		case errors.Is(err, buyer.ErrNoSeller):
			sum.unserved++
			continue
		case err != nil:
			t.Fatal(err)
		}
		if err := w.buyer.Approve(ctx, campaign.ID, buyer.Approval{Actor: "human:test", Limit: b.Budget}); err != nil {
			t.Fatal(err)
		}
		if err := w.buyer.Book(ctx, campaign.ID); err != nil {
			t.Fatal(err)
		}
		campaigns[campaign.ID] = b
		if b.EndTime().After(end) {
			end = b.EndTime()
		}
	}
	// The sales desks decide; creatives are brought; the flights pass; the books are closed.
	for _, at := range []time.Time{begin.Add(deskAnswersAfter), begin.Add(2 * deskAnswersAfter), end, end.AddDate(0, 0, 1)} {
		if err := w.advance(ctx, at); err != nil {
			t.Fatal(err)
		}
		for id := range campaigns {
			if err := w.buyer.Follow(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for id, b := range campaigns {
		report, err := w.buyer.Report(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		check(t, b, report, sum)
	}
}

func check(t *testing.T, b brief.Brief, r buyer.Report, sum *outcomes) {
	t.Helper()
	if !r.State.Terminal() {
		t.Fatalf("campaign %s is still %s: %s", r.CampaignID, r.State, r.Reason)
	}
	micros := func(amount string) money.Micros {
		m, err := money.Parse(amount)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	bought := map[string]money.Micros{}
	var booked, spent money.Micros
	for _, buy := range r.MediaBuys {
		var packages money.Micros
		for _, p := range buy.Packages {
			packages += micros(p.Budget)
		}
		bought[buy.MediaBuyID] = packages
		booked += packages
	}
	for _, d := range r.Delivery {
		spend := micros(d.Spend)
		spent += spend
		if spend > bought[d.MediaBuyID] {
			t.Errorf("%s delivered %v of %v booked", d.MediaBuyID, spend, bought[d.MediaBuyID])
		}
	}
	if booked > b.Budget.Micros {
		t.Errorf("campaign %s booked %v of a budget of %v", r.CampaignID, booked, b.Budget)
	}
	if booked > 0 {
		sum.booked++
	}
	if spent < booked*9/10 {
		sum.short++
	}
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// randomBrief is a brief in any market, of any size, with a flight of up to ten days.
func randomBrief(t *testing.T, random *rand.Rand, now time.Time, i int) brief.Brief {
	t.Helper()
	market := pick(random, [2]string{"US", "USD"}, [2]string{"US", "USD"}, [2]string{"GB", "GBP"}, [2]string{"DE", "EUR"},
		[2]string{"FR", "EUR"}, [2]string{"JP", "JPY"}, [2]string{"BR", "BRL"}, [2]string{"CH", "CHF"}, [2]string{"CA", "USD"})
	start := now.AddDate(0, 0, 1+random.IntN(4))
	typed := map[string]any{
		"name":            fmt.Sprintf("Campaign %d", i),
		"advertiser":      pick(random, "Stridewell", "Harvest & Co", "acme.example"),
		"budget":          fmt.Sprint(100 * (1 + random.IntN(1<<random.IntN(16)))),
		"currency":        market[1],
		"start_date":      start.Format(time.DateOnly),
		"end_date":        start.AddDate(0, 0, random.IntN(10)).Format(time.DateOnly),
		"target_audience": map[string]any{"geo": []string{market[0]}},
		"objectives":      []string{pick(random, "awareness", "sales", "consideration", "traffic")},
	}
	if random.IntN(2) == 0 {
		typed["channels"] = []string{pick(random, "video", "audio", "ctv", "display", "outdoor", "retail"), pick(random, "video", "podcast", "tv")}
	}
	if random.IntN(3) == 0 {
		typed["kpis"] = map[string]any{pick(random, "cpm", "cpc", "ctr", "completion_rate"): pick(random, "0.4", "12", "35")}
	}
	content, err := json.Marshal(typed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := brief.Parse(content, brief.Options{Now: now})
	if err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	return b
}
