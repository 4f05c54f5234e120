package builtin

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

func TestCostOfWhatAnAmountBuysNeverExceedsIt(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 1, Rates: rates, Universe: 1_234_567})
	rapid.Check(t, func(t *rapid.T) {
		b := p.billing(rapid.SampledFrom(adserver.PricingModels()).Draw(t, "model"))
		amount := money.Micros(rapid.Int64Range(0, 1<<50).Draw(t, "amount"))
		price := money.Micros(rapid.Int64Range(1000, 1<<40).Draw(t, "price"))
		n := b.buys(amount, price)
		if cost := b.cost(n, price); cost > amount {
			t.Fatalf("%d units at %s cost %s of %s", n, price, cost, amount)
		}
		if cost := b.cost(n+1, price); cost < amount {
			t.Fatalf("%s buys %d units at %s, though one more costs %s", amount, n, price, cost)
		}
	})
}

func TestTimePrice(t *testing.T) {
	t.Parallel()
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		rule       string
		unit       adserver.TimeUnit
		start, end time.Time
		want       money.Micros
	}{
		{"hours", adserver.PerHour, day(6, 1), day(6, 2), units(2400)},
		{"days", adserver.PerDay, day(6, 1), day(6, 11), units(1000)},
		{"part of a week", adserver.PerWeek, day(6, 1), day(6, 1).Add(84 * time.Hour), units(50)},
		{"one month of 28 days", adserver.PerMonth, day(2, 1), day(3, 1), units(100)},
		{"one month of 31 days", adserver.PerMonth, day(1, 1), day(2, 1), units(100)},
		{"a month and half of June", adserver.PerMonth, day(5, 1), day(6, 16), units(150)},
		{"a month from the 31st ends with February", adserver.PerMonth, day(1, 31), day(2, 28), units(100)},
		{"no time", adserver.PerMonth, day(5, 1), day(5, 1), 0},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := timePrice(units(100), tt.unit, tt.start, tt.end); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPriceForTimeKeepsToAChangedFlight(t *testing.T) {
	t.Parallel()
	p := newProduct("p", 1, Supply{Daily: 24_000})
	discard := func(adserver.HourlyDelivery) {}
	li := newLineItem(p, flight(adserver.TimeRate, 10, units(3_000))) // 300 a day
	run([]*lineItem{li}, monday, hours(4*24), discard)
	li.End = hours(6 * 24)
	run([]*lineItem{li}, hours(4*24), hours(8*24), discard)
	if li.total.Spend != units(1_800) {
		t.Errorf("six days at 300 cost %s", li.total.Spend)
	}
	li.End, li.Budget = hours(12*24), units(2_000)
	li.watermark = hours(8 * 24)
	run([]*lineItem{li}, hours(8*24), hours(20*24), discard)
	if li.total.Spend != units(2_000) {
		t.Errorf("spent %s with a budget of 2000", li.total.Spend)
	}
}
