package brief_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

func TestTheFlightIncludesItsLastDay(t *testing.T) {
	t.Parallel()
	b := brief.Brief{Start: brief.Date{Year: 2027, Month: 3, Day: 1}, End: brief.Date{Year: 2027, Month: 3, Day: 31}}
	if got, want := b.StartTime(), time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("StartTime = %v, want %v", got, want)
	}
	if got, want := b.EndTime(), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("EndTime = %v, want %v", got, want)
	}
	if got := b.Days(); got != 31 {
		t.Errorf("Days = %d, want 31", got)
	}
}

func TestAFlightMayStartTodayAndLastADay(t *testing.T) {
	t.Parallel()
	b := mustParse(t, "name: Today\nbudget: 5000\ncurrency: USD\nstart_date: 2026-11-22\nend_date: 2026-11-22\nnotes: x\n")
	if b.Days() != 1 {
		t.Errorf("Days = %d, want 1", b.Days())
	}
}

func TestMaxCPMIsTheLowerOfPriceAndTarget(t *testing.T) {
	t.Parallel()
	price := &brief.PriceRange{Model: "cpm", Max: 25 * money.Unit}
	target := []brief.KPI{{Metric: "cpm", Target: "22.5", Unit: "USD"}}
	for _, tt := range []struct {
		name string
		b    brief.Brief
		want money.Micros
	}{
		{"neither", brief.Brief{}, 0},
		{"a price range", brief.Brief{Price: price}, 25 * money.Unit},
		{"a target", brief.Brief{KPIs: target}, 22_500_000},
		{"both", brief.Brief{Price: price, KPIs: target}, 22_500_000},
		{"a price of clicks", brief.Brief{Price: &brief.PriceRange{Model: "cpc", Max: money.Unit}}, 0},
	} {
		got, ok := tt.b.MaxCPM()
		if got != tt.want || ok != (tt.want > 0) {
			t.Errorf("%s: MaxCPM = %v, %v; want %v", tt.name, got, ok, tt.want)
		}
	}
}

func TestGoalsAreReadFromObjectives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		objectives []string
		want       []brief.Goal
	}{
		{[]string{"Brand awareness among runners", "sales"}, []brief.Goal{brief.GoalAwareness, brief.GoalSales}},
		{[]string{"app_installs"}, []brief.Goal{brief.GoalAppInstalls}},
		{[]string{"Store visits and online sales", "Sales"}, []brief.Goal{brief.GoalFootfall, brief.GoalSales}},
		{[]string{"Make people smile"}, nil},
		{
			[]string{"qualified leads", "website traffic", "loyalty", "consideration", "engagement"},
			[]brief.Goal{brief.GoalLeads, brief.GoalTraffic, brief.GoalLoyalty, brief.GoalConsideration, brief.GoalEngagement},
		},
	} {
		if diff := cmp.Diff(tt.want, brief.Brief{Objectives: tt.objectives}.Goals()); diff != "" {
			t.Errorf("goals of %q (-want +got):\n%s", tt.objectives, diff)
		}
	}
}

func TestCountriesAreThoseOfAllPlaces(t *testing.T) {
	t.Parallel()
	b := brief.Brief{Audience: brief.Audience{Geo: []string{"US-CA", "DE", "US"}, Metros: []string{"nielsen_dma:501", "uk_itl1:TLI"}}}
	if diff := cmp.Diff([]string{"DE", "GB", "US"}, b.Countries()); diff != "" {
		t.Errorf("countries (-want +got):\n%s", diff)
	}
}

func TestCostsAreCeilingsAndResultsAreFloors(t *testing.T) {
	t.Parallel()
	for metric, want := range map[string]bool{"cpm": true, "cost_per_lead": true, "frequency": true, "ctr": false, "reach": false, "roas": false} {
		if got := (brief.KPI{Metric: metric}).AtMost(); got != want {
			t.Errorf("%s: AtMost = %v, want %v", metric, got, want)
		}
	}
}

func TestABriefThatNobodyServesIsAGoodBrief(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/no-seller.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if b := mustParse(t, string(content)); b.Budget.Currency != "ISK" || len(b.Channels) != 2 {
		t.Errorf("read as %s", document(t, b))
	}
}

func TestAPrintedPlainBriefKeepsItsSources(t *testing.T) {
	t.Parallel()
	b := mustParse(t, "Fleetfoot: spring\n\nAwareness in Germany for 40.000 € from 1 to 31 March 2027, on podcasts.")
	again := mustParse(t, document(t, b))
	if diff := cmp.Diff(b, again); diff != "" {
		t.Errorf("read differently (-want +got):\n%s", diff)
	}
	if _, err := parse(`{"name":"x","budget":"5 EUR","start_date":"2027-03-01","end_date":"2027-03-01","notes":"some words",
		"sources":{"budget":{"words":"other","start":5,"end":10}}}`); err == nil {
		t.Error("a source that does not quote the notes was accepted")
	}
}

func TestFactsShowWhatWasUnderstood(t *testing.T) {
	t.Parallel()
	b := mustParse(t, "Awareness for Fleetfoot in Germany: 40.000 € from 1 to 31 March 2027, podcasts, up to 15 € CPM, viewability 70%.")
	got := map[string]string{}
	for _, f := range b.Facts() {
		got[f.Field] = f.Value
		if f.Source.Words == "" {
			t.Errorf("%s has no source", f.Field)
		}
	}
	for field, want := range map[string]string{"budget": "40000.00 EUR", "price_range": "CPM up to 15.00 EUR", "channels": "podcast", "target_audience.geo": "DE", "kpis": "viewability at least 70 %"} {
		if got[field] != want {
			t.Errorf("%s = %q, want %q", field, got[field], want)
		}
	}
}

func TestReadMakesDoWithWhatThereIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
	b, problems := brief.Read([]byte("Premium video across sports. Q2 flight, $50K budget. Adults 25-54, US and Canada."), brief.Options{Now: now})
	if b.Budget.Micros != 50_000_000_000 || b.Budget.Currency != "" || len(problems) != 1 {
		t.Errorf("read %v with %v, want 50000 without a currency, since the dollars may be Canadian", b.Budget, problems)
	}
	if got := b.Countries(); !slices.Equal(got, []string{"CA", "US"}) {
		t.Errorf("read %v", got)
	}
	if b, problems := brief.Read([]byte("\x00"), brief.Options{Now: now}); len(problems) == 0 {
		t.Errorf("read %+v", b)
	}
}

func TestChannelsOfAPhrase(t *testing.T) {
	t.Parallel()
	for phrase, want := range map[string][]string{"CTV": {"ctv"}, "online video": {"olv"}, "banner ads": {"display"}, "cheese": nil} {
		if got := brief.Channels(phrase); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", phrase, got, want)
		}
	}
}
