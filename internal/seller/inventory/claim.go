package inventory

import (
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// Day is a calendar day in UTC, counted from 1970-01-01.
type Day int64

// DayOf is the day that t lies in.
func DayOf(t time.Time) Day {
	const day = 24 * 60 * 60
	seconds := t.Unix()
	if seconds < 0 {
		seconds -= day - 1
	}
	return Day(seconds / day)
}

// Start is the day's first instant.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Capacity is what may be promised of a product: impressions a day.
type Capacity struct {
	Product string
	// PerDay is all of it. Where the seller knows which country has how much,
	// Countries says so, and PerDay is not used: each country is its own supply.
	PerDay    int64
	Countries []CountryCapacity
}

// CountryCapacity is one country's part of a [Capacity].
type CountryCapacity struct {
	Country string
	PerDay  int64
}

// Whole is the [Claim.Share] that is everything: shares are in millionths.
const Whole = 1_000_000

// Claim is what somebody wants reserved of a product.
type Claim struct {
	Product string
	// Start and End bound the flight; End is not part of it.
	Start, End time.Time
	// Impressions are spread evenly over the flight.
	Impressions int64
	// Share, above zero, takes this part of every day that the flight touches
	// instead, in millionths: a takeover takes [Whole].
	Share int64
	// Countries narrow where the impressions may come from; empty is everywhere.
	Countries []string
}

// Same tells whether two claims reserve the same.
func (c Claim) Same(d Claim) bool {
	return c.Product == d.Product && c.Start.Equal(d.Start) && c.End.Equal(d.End) &&
		c.Impressions == d.Impressions && c.Share == d.Share && slices.Equal(c.Countries, d.Countries)
}

// days are the first and the last day that the claim is spread over.
func (c Claim) days() (first, last Day) {
	first, last = DayOf(c.Start), DayOf(c.End.Add(-1))
	if c.Share > 0 || first >= last {
		return first, max(first, last)
	}
	const half = 12 * time.Hour
	late := c.Start.Sub(first.Start()) > half
	early := c.End.Sub(last.Start()) < half
	switch {
	case late && early && last == first+1:
		// The flight is around one midnight: the day that has more of it counts.
		if last.Start().Sub(c.Start) >= c.End.Sub(last.Start()) {
			return first, first
		}
		return last, last
	case late && early:
		return first + 1, last - 1
	case late:
		return first + 1, last
	case early:
		return first, last - 1
	}
	return first, last
}

// within is the part of a capacity a day that the claim's hours can have.
func (c Claim) within(perDay int64) int64 {
	return int64(money.Micros(perDay).MulDiv(c.End.Sub(c.Start).Milliseconds(), (24 * time.Hour).Milliseconds()))
}

// Line is so many impressions on each of some days, of a product in a country;
// an empty country is a product whose supply is not told apart.
type Line struct {
	Product string `json:"product"`
	Country string `json:"country,omitzero"`
	// First and Last are both included.
	First  Day   `json:"first"`
	Last   Day   `json:"last"`
	PerDay int64 `json:"per_day"`
}

// Impressions is what the line adds up to.
func (l Line) Impressions() int64 { return l.PerDay * int64(l.Last-l.First+1) }

// Sum is what lines add up to.
func Sum(lines []Line) int64 {
	var n int64
	for _, l := range lines {
		n += l.Impressions()
	}
	return n
}

// Shortage says that a claim cannot be met.
type Shortage struct {
	Product string
	// Wanted was claimed; Left is the most that the same claim could have had.
	Wanted, Left int64
}

func (s *Shortage) Error() string {
	return fmt.Sprintf("product %s has %d impressions left of the %d wanted", s.Product, s.Left, s.Wanted)
}
