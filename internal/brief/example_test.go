package brief_test

import (
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/brief"
)

func ExampleParse() {
	b, err := brief.Parse([]byte("Fleetfoot wants awareness in Germany. Budget: 40.000 € from 1 to 31 March 2027. Podcasts, at no more than 15 € CPM."),
		brief.Options{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Name)
	fmt.Println(b.Budget, "from", b.Start, "to", b.End, b.Channels, b.Audience.Geo)
	fmt.Printf("budget read from %q\n", b.Sources["budget"].Words)
	// Output:
	// Fleetfoot awareness
	// 40000.00 EUR from 2027-03-01 to 2027-03-31 [podcast] [DE]
	// budget read from "40.000 €"
}

func ExampleParse_refused() {
	_, err := brief.Parse([]byte("name: Spring\nbuget: 5000\ncurrency: USD\nstart_date: 2027-03-01\nend_date: 2027-02-01\nnotes: x\n"),
		brief.Options{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
	fmt.Println(err)
	// Output:
	// buget: is not a field of the brief; did you mean budget?
	// budget: is missing; write the amount and its currency, such as 150000 USD
	// end_date: 2027-02-01 is before start_date 2027-03-01; write the same or a later day
}
