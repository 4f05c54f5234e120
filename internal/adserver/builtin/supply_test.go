package builtin

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/adserver"
)

func TestHoursAddUpToTheDay(t *testing.T) {
	t.Parallel()
	s := Supply{Daily: 1_000_003, Weekdays: [7]PPM{0, Whole, Whole, Whole, Whole, Whole, 2 * Whole}, Hours: [24]int64{7: 3, 8: 5, 20: 11}}
	for day, want := range []int64{1_000_003, 1_000_003, 1_000_003, 1_000_003, 1_000_003, 2_000_006, 0} {
		from := hours(24 * day)
		if got := s.Expected(from, from.Add(24*time.Hour)); got != want {
			t.Errorf("%s has %d, want %d", from.Weekday(), got, want)
		}
	}
	if got := s.Expected(hours(7).Add(30*time.Minute), hours(8)); got != 1_000_003*3/19/2 {
		t.Errorf("half an hour has %d", got)
	}
}

func TestVarianceKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 11, Supply{Daily: 24_000, Variance: 250_000})
	var sum int64
	for n := range 5_000 {
		got := p.available(hours(n))
		if got < 750 || got > 1250 {
			t.Fatalf("hour %d has %d, want 1000 give or take a quarter", n, got)
		}
		sum += got
	}
	if sum < 4_950_000 || sum > 5_050_000 {
		t.Errorf("5000 hours have %d, want about 5000000", sum)
	}
}

func TestSupplyDependsOnSeedProductAndHour(t *testing.T) {
	t.Parallel()
	s := Supply{Daily: 24_000_000, Variance: 500_000}
	seen := map[int64]string{}
	for name, n := range map[string]int64{
		"base":    newProduct("p", 1, s).available(monday),
		"seed":    newProduct("p", 2, s).available(monday),
		"product": newProduct("q", 1, s).available(monday),
		"hour":    newProduct("p", 1, s).available(hours(1)),
	} {
		if other, ok := seen[n]; ok {
			t.Errorf("%s and %s have the same supply", name, other)
		}
		seen[n] = name
	}
	if again := newProduct("p", 1, s).available(monday); seen[again] != "base" {
		t.Errorf("the same hour has another supply, %d", again)
	}
}

func TestShortfallTakesSupplyAway(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 24_000, Shortfall: &Shortfall{Missing: 400_000, From: hours(2), Until: hours(4)}})
	for n, want := range []int64{1000, 1000, 600, 600, 1000} {
		if got := p.available(hours(n)); got != want {
			t.Errorf("hour %d has %d, want %d", n, got, want)
		}
	}
}

func TestWeightsOfPartsAddUp(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 1, Weekdays: [7]PPM{Whole, 1, 0, Whole, Whole, Whole, 3 * Whole}, Hours: [24]int64{1, 0, 9, 5, 12: 1}})
	rapid.Check(t, func(t *rapid.T) {
		cut := func(name string) time.Time {
			return monday.Add(time.Duration(rapid.Int64Range(0, 40*24*60).Draw(t, name)) * time.Minute)
		}
		a, b, c := cut("a"), cut("b"), cut("c")
		if a.After(b) || b.After(c) {
			t.Skip("not in order")
		}
		if p.weight(a, b)+p.weight(b, c) != p.weight(a, c) {
			t.Fatalf("%d + %d is not %d", p.weight(a, b), p.weight(b, c), p.weight(a, c))
		}
	})
	if w := p.weight(monday, monday.Add(maxDuration)); w <= 0 {
		t.Errorf("a hundred years weigh %d", w)
	}
}

const maxDuration = 100 * 366 * 24 * time.Hour

func TestSupplyIsRefused(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Supply{
		"daily":              {Daily: -1},
		"weekdays[2]":        {Weekdays: [7]PPM{2: -1}},
		"hours[3]":           {Hours: [24]int64{3: -1}},
		"variance":           {Variance: Whole + 1},
		"rates.click":        {Rates: Rates{Click: -1}},
		"rates.complete":     {Rates: Rates{View: 1, Complete: 2}},
		"shortfall.missing":  {Shortfall: &Shortfall{Missing: Whole + 1}},
		"universe":           {Universe: -1},
		"prices[0]":          {Prices: []AuctionPrice{{PricingModel: adserver.CPM, Floor: 2, Guidance: 1}}},
		"rates.viewable":     {Rates: Rates{Viewable: Whole + 1}},
		"impressions_per_pl": {ImpressionsPerPlay: -1},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error about %s", s, err, want)
		}
	}
}

func TestMulDivIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(0, math.MaxInt64).Draw(t, "a"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "b")
		c := rapid.Int64Range(1, math.MaxInt64).Draw(t, "c")
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		up := new(big.Int).Add(want, big.NewInt(c-1))
		for _, q := range []*big.Int{want, up} {
			if q.Quo(q, big.NewInt(c)); !q.IsInt64() {
				q.SetInt64(math.MaxInt64)
			}
		}
		if got := mulDiv(a, b, c); got != want.Int64() {
			t.Fatalf("%d*%d/%d = %d, want %d", a, b, c, got, want)
		}
		if got := mulDivUp(a, b, c); got != up.Int64() {
			t.Fatalf("%d*%d/%d up = %d, want %d", a, b, c, got, up)
		}
	})
}

func TestShareGivesNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		available := rapid.Int64Range(0, 10_000).Draw(t, "available")
		var claims []*claim
		var wanted int64
		for range rapid.IntRange(0, 8).Draw(t, "claims") {
			c := &claim{want: rapid.Int64Range(0, 5_000).Draw(t, "want"), need: rapid.Int64Range(0, 1<<60).Draw(t, "need")}
			claims, wanted = append(claims, c), wanted+c.want
		}
		left := share(available, claims, rapid.Uint64().Draw(t, "draw"))
		given := int64(0)
		for _, c := range claims {
			if c.got < 0 || c.got > c.want {
				t.Fatalf("got %d, wanted %d", c.got, c.want)
			}
			given += c.got
		}
		if given+left != available || given != min(wanted, available) {
			t.Fatalf("gave %d and kept %d of %d, wanted were %d", given, left, available, wanted)
		}
	})
}
