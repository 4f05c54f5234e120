package brief

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// maxYears is the longest flight that is taken for one campaign.
const maxYears = 5

// budgetLimit is the largest budget that is not taken for a slip of the pen:
// ten billion, or a million million where the coin is small.
func budgetLimit(c money.Currency) money.Micros {
	small := []money.Currency{"JPY", "KRW", "VND", "IDR", "IRR", "CLP", "COP", "PYG", "UGX", "LAK", "KHR", "UZS", "GNF", "LBP", "HUF"}
	if c.Scale() == 0 || slices.Contains(small, c) {
		return 1_000_000_000_000 * money.Unit
	}
	return 10_000_000_000 * money.Unit
}

// check finds what is missing and what cannot be, beyond what the readers found
// already; a field that has an error gets no second one.
func (b Brief) check(now time.Time, already Errors) Errors {
	var out Errors
	fail := func(field, problem, fix string) {
		if !already.mentions(field) && !out.mentions(field) {
			out = append(out, &Error{field, problem, fix})
		}
	}
	if b.Name == "" {
		fail("name", "is missing", "name the campaign")
	}
	if len(b.Objectives) == 0 && strings.TrimSpace(b.Notes) == "" && !already.mentions("notes") {
		fail("objectives", "is missing, and so is notes", "say what the campaign is for in one of them")
	}
	b.checkBudget(fail, already)
	b.checkFlight(fail, DateOf(now), already)
	return out
}

func (b Brief) checkBudget(fail func(field, problem, fix string), already Errors) {
	const write = "write an amount above zero, such as 150000"
	_, said := b.Sources["budget"]
	switch m := b.Budget.Micros; {
	case m < 0:
		fail("budget", "is negative", write)
	case m == 0 && said:
		fail("budget", "is zero", write)
	case m == 0:
		fail("budget", "is missing", "write the amount and its currency, such as 150000 USD")
	case b.Budget.Currency != "" && m > budgetLimit(b.Budget.Currency):
		fail("budget", fmt.Sprintf("is %s, more than any one campaign spends", b.Budget), "check the number of zeros")
	}
	if b.Budget.Currency == "" && !already.mentions("budget") {
		fail("currency", "is missing", "write the budget's ISO 4217 code, such as USD, EUR or JPY")
	}
}

func (b Brief) checkFlight(fail func(field, problem, fix string), today Date, already Errors) {
	if b.Start.IsZero() {
		fail("start_date", "is missing", "write the first day, as 2027-03-01")
	}
	if b.End.IsZero() && !already.mentions("start_date") {
		fail("end_date", "is missing", "write the last day, as 2027-03-31")
	}
	if b.Start.IsZero() || b.End.IsZero() {
		return
	}
	if b.Start.Before(today) {
		fail("start_date", fmt.Sprintf("%s is in the past; today is %s", b.Start, today), "write today or a later day")
	}
	if b.End.Before(b.Start) {
		fail("end_date", fmt.Sprintf("%s is before start_date %s", b.End, b.Start), "write the same or a later day")
	} else if !b.End.Before(b.Start.AddMonths(12 * maxYears)) {
		fail("end_date", fmt.Sprintf("%s is more than %d years after start_date %s", b.End, maxYears, b.Start), "split the flight into campaigns")
	}
}

// mentions reports whether a field has an error already.
func (e Errors) mentions(field string) bool {
	return slices.ContainsFunc(e, func(one *Error) bool { return one.Field == field || strings.HasPrefix(one.Field, field+".") })
}

// sortErrors puts errors in the order of the typed brief's fields; those of
// unknown fields and of the whole document come first.
func sortErrors(list Errors) {
	rank := func(e *Error) int {
		top, _, _ := strings.Cut(e.Field, ".")
		top, _, _ = strings.Cut(top, "[")
		return slices.Index(briefFields, top)
	}
	slices.SortStableFunc(list, func(a, b *Error) int { return rank(a) - rank(b) })
}
