package seller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// wishes are what a plan is to meet, in typed and bounded values. What a filter
// says wins over what the brief's words say.
type wishes struct {
	// budget is zero where nobody has said.
	budget   money.Micros
	currency money.Currency
	// start and end bound the flight; dated says that somebody has named it.
	start, end time.Time
	dated      bool
	countries  []string
	// channels, where any, are the only ones to plan with.
	channels []string
	// notes say what was read and what was assumed, for people.
	notes []string
}

// planDays is the length of a flight that nobody has named.
const planDays = 30

// readWishes reads a request's filters and brief.
func (q *query) readWishes(offers []offer) wishes {
	var b brief.Brief
	if text := adcp.Val(q.req.Brief); text != "" {
		b, _ = brief.Read([]byte(text), brief.Options{Now: q.asOf})
	}
	w := wishes{budget: b.Budget.Micros, currency: b.Budget.Currency, countries: b.Countries(), channels: b.Channels}
	if w.budget > maxBudget || w.budget < 0 {
		w.budget = 0
	}
	if !b.Start.IsZero() && !b.End.IsZero() {
		w.start, w.end, w.dated = b.StartTime(), b.EndTime(), true
	}
	w.filter(q.req.Filters, q.flight, q.budget)
	if w.currency == "" {
		w.currency = commonCurrency(offers)
		if w.budget > 0 {
			w.notes = append(w.notes, fmt.Sprintf("The amount names no single currency and is taken as %s.", w.currency))
		}
	}
	w.place(q.asOf)
	return w
}

// filter lets a request's filters win.
func (w *wishes) filter(f *adcp.ProductFilters, named flight, budget money.Micros) {
	if f == nil {
		return
	}
	if r := f.BudgetRange; r != nil {
		w.currency, w.budget = money.Currency(r.Currency), budget
		if m, err := adcp.Val(r.Min).Micros(); r.Min != nil && r.Max == nil && err == nil {
			w.budget = min(money.Micros(m), maxBudget)
		}
	} else if len(f.PricingCurrencies) > 0 && !slices.Contains(f.PricingCurrencies, string(w.currency)) {
		w.currency = money.Currency(f.PricingCurrencies[0])
	}
	if named.known() {
		w.start, w.end, w.dated = named.start, named.end.AddDate(0, 0, 1), true
	}
	if len(f.Countries) > 0 {
		w.countries = f.Countries
	}
	if len(f.Channels) > 0 {
		w.channels = nil // the candidates are in them already
	}
}

// place puts the flight where it can still run. A flight that is over, or that
// nobody named, becomes the next thirty days; see [plan.leadIn].
func (w *wishes) place(now time.Time) {
	midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	if w.dated && w.end.After(midnight) && w.end.Sub(w.start) <= maxFlight {
		w.start = latest(w.start, midnight)
		return
	}
	w.dated = false
	w.start, w.end = midnight, midnight.AddDate(0, 0, planDays)
	w.notes = append(w.notes, fmt.Sprintf("No dates to plan with are named; the plan is for %d days.", planDays))
}

// commonCurrency is the currency of most first prices, the earliest of equals.
func commonCurrency(offers []offer) money.Currency {
	count := map[money.Currency]int{}
	best := money.Currency("")
	for _, o := range offers {
		if len(o.prices) > 0 {
			count[o.prices[0].Currency]++
		}
	}
	for _, o := range offers {
		if len(o.prices) > 0 && (best == "" || count[o.prices[0].Currency] > count[best]) {
			best = o.prices[0].Currency
		}
	}
	return best
}

// spoken says what the plan goes by.
func (w *wishes) spoken(budget money.Micros) string {
	parts := []string{fmt.Sprintf("Planned for %s from %s to %s", money.Amount{Micros: budget, Currency: w.currency},
		w.start.Format(time.DateOnly), w.end.AddDate(0, 0, -1).Format(time.DateOnly))}
	if len(w.countries) > 0 {
		parts = append(parts, "in "+list(w.countries))
	}
	if len(w.channels) > 0 {
		parts = append(parts, "on "+list(w.channels))
	}
	return strings.Join(append([]string{strings.Join(parts, " ") + "."}, w.notes...), " ")
}
