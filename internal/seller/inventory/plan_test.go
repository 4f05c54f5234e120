package inventory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/seller/inventory"
)

// at is an instant in March 2027.
func at(day, hour int) time.Time { return time.Date(2027, 3, day, hour, 0, 0, 0, time.UTC) }

func march(day int) inventory.Day { return inventory.DayOf(at(day, 0)) }

func flight(start, end time.Time, impressions int64) inventory.Claim {
	return inventory.Claim{Product: "p", Start: start, End: end, Impressions: impressions}
}

func line(country string, first, last int, perDay int64) inventory.Line {
	return inventory.Line{Product: "p", Country: country, First: march(first), Last: march(last), PerDay: perDay}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	hundred := inventory.Capacity{Product: "p", PerDay: 100}
	countries := inventory.Capacity{Product: "p", Countries: []inventory.CountryCapacity{{"US", 80}, {"CA", 20}}}
	for _, tt := range []struct {
		name        string
		capacity    inventory.Capacity
		claim       inventory.Claim
		others, own []inventory.Line
		today       int
		want        []inventory.Line
		left        int64 // where it is refused
	}{
		{
			name: "EvenlyOverTheDays", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 1000),
			want: []inventory.Line{line("", 1, 10, 100)},
		},
		{
			name: "TheFirstDaysTakeTheRest", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 503),
			want: []inventory.Line{line("", 1, 3, 51), line("", 4, 10, 50)},
		},
		{name: "OneTooMany", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 1001), left: 1000},
		{
			name: "FlightsThatDoNotOverlapDoNotMeet", capacity: hundred, claim: flight(at(11, 0), at(13, 0), 200),
			others: []inventory.Line{line("", 1, 10, 100)}, want: []inventory.Line{line("", 11, 12, 100)},
		},
		{
			name: "TheFullestDayDecides", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 101),
			others: []inventory.Line{line("", 5, 5, 90)}, left: 104, // ten a day, and one more on the four days before the fifth
			want: []inventory.Line{line("", 1, 1, 11), line("", 2, 10, 10)},
		},
		{
			name: "AFullDayLeavesWhatFitsBeforeIt", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 105),
			others: []inventory.Line{line("", 5, 5, 90)}, left: 104,
		},
		{
			name: "DaysThatArePastDoNotCount", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 1000), today: 6,
			others: []inventory.Line{line("", 1, 5, 100)}, want: []inventory.Line{line("", 1, 10, 100)},
		},
		{
			name: "LessThanHalfADayCountsForNothing", capacity: hundred, claim: flight(at(1, 13), at(4, 0), 200),
			want: []inventory.Line{line("", 2, 3, 100)},
		},
		{name: "NoMoreThanTheHoursHave", capacity: hundred, claim: flight(at(1, 0), at(1, 6), 26), left: 25},
		{
			name: "AroundMidnight", capacity: hundred, claim: flight(at(1, 22), at(2, 4), 25),
			want: []inventory.Line{line("", 2, 2, 25)},
		},
		{
			name: "CountriesGiveByWhatTheyHaveLeft", capacity: countries, claim: flight(at(1, 0), at(2, 0), 50),
			others: []inventory.Line{line("US", 1, 1, 40)},
			want:   []inventory.Line{line("US", 1, 1, 34), line("CA", 1, 1, 16)},
		},
		{
			name: "OneCountryIsItsOwnSupply", capacity: countries, claim: inventory.Claim{Product: "p", Start: at(1, 0), End: at(2, 0), Impressions: 21, Countries: []string{"CA"}},
			left: 20,
		},
		{
			name: "TheOwnLinesDoNotStandInTheWay", capacity: hundred, claim: flight(at(1, 0), at(11, 0), 1000),
			own: []inventory.Line{line("", 1, 10, 90)}, want: []inventory.Line{line("", 1, 10, 100)},
		},
		{
			name: "WhatIsHeldStaysThoughTheCapacityShrank", capacity: inventory.Capacity{Product: "p", PerDay: 10}, claim: flight(at(1, 0), at(11, 0), 900),
			own: []inventory.Line{line("", 1, 10, 90)}, want: []inventory.Line{line("", 1, 10, 90)},
		},
		{
			name: "ATakeoverTakesEveryDayItTouches", capacity: countries, claim: inventory.Claim{Product: "p", Start: at(1, 23), End: at(3, 1), Share: inventory.Whole},
			want: []inventory.Line{line("US", 1, 3, 80), line("CA", 1, 3, 20)},
		},
		{
			name: "ATakeoverWantsTheDayToItself", capacity: hundred, claim: inventory.Claim{Product: "p", Start: at(1, 0), End: at(3, 0), Share: inventory.Whole},
			others: []inventory.Line{line("", 2, 2, 1)}, left: 198,
		},
		{
			name: "LinesOfOtherCountriesThanTodaysCountEverywhere", capacity: countries, claim: flight(at(1, 0), at(2, 0), 81), left: 80,
			others: []inventory.Line{line("", 1, 1, 10)},
		},
		{name: "WithoutCapacityNothing", claim: flight(at(1, 0), at(2, 0), 1), left: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := inventory.Plan(tt.capacity, tt.claim, tt.others, tt.own, march(max(tt.today, 1)))
			if short, ok := errors.AsType[*inventory.Shortage](err); ok {
				if tt.want != nil || short.Left != tt.left {
					t.Fatalf("got %v, want %d left", err, tt.left)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// genLines draws lines of product p in two countries over March.
func genLines(t *rapid.T, label string) []inventory.Line {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) inventory.Line {
		first := rapid.IntRange(1, 30).Draw(t, "first")
		return line(rapid.SampledFrom([]string{"US", "CA"}).Draw(t, "country"), first, rapid.IntRange(first, 31).Draw(t, "last"), rapid.Int64Range(1, 60).Draw(t, "per day"))
	}), 0, 6).Draw(t, label)
}

// on is what the lines take of a country's supply on a day, counted one by one.
func on(lines []inventory.Line, country string, d inventory.Day) int64 {
	var n int64
	for _, l := range lines {
		if l.Country == country && l.First <= d && d <= l.Last {
			n += l.PerDay
		}
	}
	return n
}

// TestAPlanNeverTakesMoreThanThereIs: what is planned adds up to the claim, no
// day exceeds its capacity for it, and what is said to be left is exactly what can be had.
func TestAPlanNeverTakesMoreThanThereIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		caps := map[string]int64{"US": rapid.Int64Range(0, 200).Draw(t, "US"), "CA": rapid.Int64Range(0, 50).Draw(t, "CA")}
		capacity := inventory.Capacity{Product: "p", Countries: []inventory.CountryCapacity{{"US", caps["US"]}, {"CA", caps["CA"]}}}
		others, own := genLines(t, "others"), genLines(t, "own")
		start := rapid.IntRange(24, 24*28).Draw(t, "start hour")
		claim := flight(at(1, start), at(1, start+rapid.IntRange(1, 24*20).Draw(t, "hours")), rapid.Int64Range(0, 6000).Draw(t, "impressions"))
		if rapid.Bool().Draw(t, "only one country") {
			claim.Countries = []string{"CA"}
		}
		today := march(rapid.IntRange(1, 31).Draw(t, "today"))
		left := inventory.Left(capacity, claim, others, own, today)
		got, err := inventory.Plan(capacity, claim, others, own, today)
		if fits := claim.Impressions <= left; fits != (err == nil) {
			t.Fatalf("%d of %d left, but %v", claim.Impressions, left, err)
		}
		if err != nil {
			return
		}
		if n := inventory.Sum(got); n != claim.Impressions {
			t.Fatalf("planned %d of %d", n, claim.Impressions)
		}
		for country, perDay := range caps {
			for d := max(today, march(1)); d <= march(60); d++ {
				mine := on(got, country, d)
				if mine > 0 && on(others, country, d)+mine > perDay && mine > on(own, country, d) {
					t.Fatalf("day %d in %s: %d and %d of %d", d-march(0), country, on(others, country, d), mine, perDay)
				}
			}
		}
	})
}

// TestCoverHoldsEither: on each day the larger of the two, and no more.
func TestCoverHoldsEither(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := genLines(t, "a"), genLines(t, "b")
		c := inventory.Cover(a, b)
		for _, country := range []string{"US", "CA"} {
			for d := march(0); d <= march(32); d++ {
				if got, want := on(c, country, d), max(on(a, country, d), on(b, country, d)); got != want {
					t.Fatalf("day %d in %s: %d, want %d", d-march(0), country, got, want)
				}
			}
		}
	})
}
