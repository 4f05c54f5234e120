package seller_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
)

func corner(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "corner.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLoadCatalogueReadsEveryPart(t *testing.T) {
	t.Parallel()
	c := catalogue(t, "corner")
	if c.Name != "Corner" || c.Domain != "corner.example" || len(c.Products) != 6 || len(c.Formats) != 4 {
		t.Fatalf("got %s, %s, %d products, %d formats", c.Name, c.Domain, len(c.Products), len(c.Formats))
	}
	tv, ok := c.Product("tv_evening")
	if !ok || !tv.Guaranteed || tv.Approval != seller.ApprovalManual || tv.LeadTime.Hours() != 72 || !tv.AcceptsFormat("video_15s") {
		t.Errorf("tv_evening: %+v", tv)
	}
	want := seller.PricingOption{ID: "cpcv_usd", Model: adserver.CPCV, Currency: "USD", Fixed: 28_500}
	if got, _ := tv.PricingOption("cpcv_usd"); got == nil || *got != want {
		t.Errorf("price %+v, want %+v", got, want)
	}
	clips, _ := c.Product("clips_open")
	auction := seller.PricingOption{
		ID: "auction_usd", Model: adserver.CPM, Currency: "USD", Auction: true, Floor: 9 * money.Unit, MaxBid: true, MinSpend: 100 * money.Unit,
		Guidance: seller.Guidance{P25: 10 * money.Unit, P50: 12_500_000, P75: 15 * money.Unit},
	}
	if diff := cmp.Diff(auction, clips.Pricing[0]); diff != "" {
		t.Errorf("auction (-want +got):\n%s", diff)
	}
	if banners, _ := c.Product("banners"); banners.Approval != seller.ApprovalAuto || len(banners.Properties) != 2 || banners.Properties[0].Domain != "corner.example" {
		t.Errorf("banners: %+v", banners)
	}
	if _, ok := c.Product("nothing"); ok {
		t.Error("found a product that is not there")
	}
}

// Each case replaces the first occurrence of a text in testdata/corner.yaml.
func TestLoadCatalogueRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, replace, with, path, problem string }{
		{"UnknownTopField", "formats:\n", "formatz: []\nformats:\n", "formatz", "not a known field"},
		{"UnknownProductField", "    lead_time: 3d", "    leadtime: 3d", "products[0].leadtime", "not a known field"},
		{"UnknownPriceField", "min_spend: 5000", "min: 5000", "products[0].pricing[0].min", "not a known field"},
		{"FieldTwice", "    approval: manual", "    approval: manual\n    approval: auto", "products[0].approval", "written twice"},
		{"NoID", "  - id: tv_evening\n", "  - approval: auto\n", "products[0].id", "is missing"},
		{"IDTaken", "id: clips_open", "id: tv_evening", "products[1]", "taken by an earlier product"},
		{"IDForm", "id: tv_evening", "id: tv evening", "products[0].id", "right form"},
		{"EmptyName", "name: Evening television", `name: ""`, "products[0].name", "is empty"},
		{"ChannelUnknown", "channels: [ctv]", "channels: [tv]", "products[0].channels[0]", `"tv" is not known`},
		{"ChannelTwice", "channels: [ctv]", "channels: [ctv, ctv]", "products[0].channels[1]", "listed twice"},
		{"NoChannels", "channels: [ctv]", "channels: []", "products[0].channels", "is empty"},
		{"ChannelsNotAList", "channels: [ctv]", "channels: ctv", "products[0].channels", "not a list"},
		{"CountryUnknown", "countries: [US, CA]", "countries: [US, QQ]", "products[0].countries[1]", "not a country"},
		{"CountryInSmallLetters", "countries: [US, CA]", "countries: [US, ca]", "products[0].countries[1]", "not a country"},
		{"DeliveryUnknown", "delivery: guaranteed", "delivery: certain", "products[0].delivery", "is not known"},
		{"LeadTimeForm", "lead_time: 3d", "lead_time: 3 days", "products[0].lead_time", "not a length of time"},
		{"FormatUnknown", "formats: [video_15s]", "formats: [video_99s]", "products[0].formats", "not a format of this catalogue"},
		{"StandardFormatUnknown", "standard_formats: [video_15s,", "standard_formats: [video_99s,", "standard_formats", "not a standard format"},
		{"CurrencyUnknown", "currency: USD", "currency: QQQ", "products[0].pricing[0].currency", "ISO 4217"},
		{"CurrencyInSmallLetters", "currency: USD", "currency: usd", "products[0].pricing[0].currency", "capitals"},
		{"PriceBelowZero", "fixed: 24.50", "fixed: -24.50", "products[0].pricing[0].fixed", "below zero"},
		{"PriceZero", "fixed: 24.50", "fixed: 0", "products[0].pricing[0].fixed", "above zero"},
		{"PriceNotANumber", "fixed: 24.50", "fixed: cheap", "products[0].pricing[0].fixed", "not a decimal number"},
		{"PriceTooFine", "fixed: 24.50", "fixed: 24.5000001", "products[0].pricing[0].fixed", "six decimal places"},
		{"PriceInfinite", "fixed: 24.50", "fixed: .inf", "products[0].pricing[0].fixed", "not a decimal number"},
		{"FixedAndFloor", "fixed: 24.50", "fixed: 24.50, floor: 1", "products[0].pricing[0].floor", "does not go with a fixed price"},
		{"NeitherFixedNorFloor", "fixed: 24.50, ", "", "products[0].pricing[0].floor", "is missing"},
		{"MinSpendInPartsOfACoin", "min_spend: 5000", "min_spend: 5000.005", "products[0].pricing[0].min_spend", "whole number of the currency's coins"},
		{"PriceIDTaken", "id: cpm_eur", "id: cpm_usd", "products[0].pricing[1]", "taken by an earlier price"},
		{"ModelUnknown", "model: cpm", "model: cpx", "products[0].pricing[0].model", "is not known"},
		{"GuidanceFalls", "p25: 10, p50: 12.5", "p25: 13, p50: 12.5", "products[1].pricing[0].guidance", "does not rise"},
		{"GuidanceBelowTheFloor", "p25: 10,", "p25: 8,", "products[1].pricing[0].guidance", "does not rise"},
		{"SecondAuction", "id: cpv_usd, model: cpv, currency: USD, fixed: 0.02, parameters: {view_threshold: 0.5}", "id: second, model: cpm, currency: USD, floor: 3", "products[1].pricing[1]", "second cpm auction"},
		{"AuctionPerConversion", "model: cpa, currency: USD, fixed: 30", "model: cpa, currency: USD, floor: 30", "products[2].pricing[2]", "no auction"},
		{"CPVWithoutThreshold", "parameters: {view_threshold: 0.5}", "parameters: {}", "products[1].pricing[1].parameters", "what counts as a view"},
		{"CPVWithTwoThresholds", "parameters: {view_threshold: 0.5}", "parameters: {view_threshold: 0.5, view_seconds: 3}", "products[1].pricing[1].parameters", "what counts as a view"},
		{"CPPWithoutDemographic", "demographic: ABC1 Adults, ", "", "products[3].pricing[0].parameters.demographic", "is missing"},
		{"CPPWithoutImpressionsPerPoint", "impressions_per_point: 300_000", "impressions_per_point: 0", "products[3].pricing[0].parameters.impressions_per_point", "not above zero"},
		{"CPAWithoutEvent", "parameters: {event_type: purchase}", "parameters: {event_type: happiness}", "products[2].pricing[2].parameters.event_type", "is not known"},
		{"TimeUnitUnknown", "time_unit: day", "time_unit: fortnight", "products[4].pricing[1].parameters.time_unit", "is not known"},
		{"DurationsReversed", "max_duration: 14", "max_duration: 1", "products[4].pricing[1].parameters.max_duration", "below min_duration"},
		{"ParametersOfAnotherModel", "fixed: 24.50", "fixed: 24.50, parameters: {time_unit: day}", "products[0].pricing[0].parameters", "not known to cpm"},
		{"NoForecast", "    forecast: {daily_impressions: 400_000, spread: 0.2, method: modeled}\n", "", "products[1].forecast", "is missing"},
		{"ForecastOfNothing", "daily_impressions: 400_000", "daily_impressions: 0", "products[1].forecast.daily_impressions", "not above zero"},
		{"ForecastTooLarge", "daily_impressions: 400_000", "daily_impressions: 9999999999999", "products[1].forecast.daily_impressions", "not a whole number"},
		{"ReachWithoutUnit", "      reach_unit: households\n", "", "products[0].forecast", "only one of monthly_reach and reach_unit"},
		{"SharesDoNotAddUp", "US: 0.9, CA: 0.1", "US: 0.9, CA: 0.2", "products[0].forecast.shares", "adds up to 1.10"},
		{"ShareOfAnotherCountry", "US: 0.9, CA: 0.1", "US: 0.9, MX: 0.1", "products[0].forecast.shares.MX", "not a known field"},
		{"NoSupply", "    supply: {daily_units: 150_000, impressions_per_play: 30}\n", "", "products[4].supply", "is missing"},
		{"RateAboveOne", "variance: 0.1", "variance: 1.1", "products[0].supply.variance", "not a proportion"},
		{"RateTooFine", "variance: 0.1", "variance: 0.1234567", "products[0].supply.variance", "not a proportion"},
		{"TooFewHours", "variance: 0.1", "hours: [1, 2], variance: 0.1", "products[0].supply.hours", "has 2 weights"},
		{"NoWeight", "variance: 0.1", "weekdays: [0, 0, 0, 0, 0, 0, 0], variance: 0.1", "products[0].supply.weekdays", "adding up to 0"},
		{"CompleteAboveView", "view: 0.98", "view: 0.5", "products[0].supply", "complete above view"},
		{"PricedByClickWithoutClicks", "click: 0.002, ", "", "products[2].supply", "could never be charged"},
		{"MetricWeCannotReport", "metrics: [grps]", "metrics: [brand_lift]", "products[3].reporting.metrics[0]", "is not known"},
		{"MeasurementWithoutVendors", "vendors: [panelview.example], ", "", "products[0].measurement.vendors", "is missing"},
		{"PropertiesByIDAndTag", "ids: [news, weather]", "ids: [news], tags: [x]", "products[2].properties[0]", "by ids and by tags"},
		{"DomainForm", "domain: corner.example", "domain: Corner.Example/", "seller.domain", "right form"},
		{"RenderWithoutSize", "min_width: 1200, max_width: 2400, responsive: [width]", "min_width: 1200", "formats[0].renders[0]", "does not say its size"},
		{"AssetTypeUnknown", "type: image", "type: hologram", "formats[0].assets[0].type", "is not known"},
		{"RequirementUnknown", "min_width: 2400", "min_widht: 2400", "formats[0].assets[0].requirements", "unknown field"},
		{"RequirementOfTheWrongKind", "formats: [png]", "formats: png", "formats[0].assets[0].requirements", "cannot unmarshal"},
		{"RequirementThatHoldsItself", "formats: [png]", "formats: &again [*again]", "formats[0].assets[0].requirements.formats[0][0]", "nested too deep"},
		{"CapacityOfWhatIsNotReserved", "forecast: {daily_impressions: 150_000}", "forecast: {daily_impressions: 150_000}\n    capacity: {daily_impressions: 1}", "products[4].capacity", "guaranteed products"},
		{"CapacityOfNothing", "    supply: {daily_units: 900_000", "    capacity: {daily_impressions: 0}\n    supply: {daily_units: 900_000", "products[3].capacity.daily_impressions", "not above zero"},
		{"FormatIDTaken", "id: wallpaper", "id: audio_30s", "formats[0]", "taken by another format"},
		{"ValueWhereAMappingBelongs", "seller:\n  name: Corner\n  description: A corner shop of media.\n  domain: corner.example", "seller: Corner", "seller", "not a mapping"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := corner(t)
			if !strings.Contains(text, tt.replace) {
				t.Fatalf("the catalogue has no %q", tt.replace)
			}
			text = strings.Replace(text, tt.replace, tt.with, 1)
			_, err := seller.LoadCatalogue(strings.NewReader(text))
			var all seller.CatalogueErrors
			if !errors.As(err, &all) {
				t.Fatalf("got %v, want catalogue errors", err)
			}
			i := slices.IndexFunc(all, func(e *seller.CatalogueError) bool {
				return e.Path == tt.path && strings.Contains(e.Problem, tt.problem)
			})
			if i < 0 {
				t.Fatalf("got\n%v\nwant %s: …%s…", all, tt.path, tt.problem)
			}
			if e := all[i]; e.Fix == "" || e.Line < 1 || e.Line > 1+strings.Count(text, "\n") || !strings.HasPrefix(e.Error(), fmt.Sprintf("line %d: %s: ", e.Line, e.Path)) {
				t.Errorf("%v does not say where it is and what to do", e)
			}
		})
	}
}

func TestLoadCatalogueRefusesWhatIsNoCatalogue(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Empty": "", "OnlyComments": "# nothing\n", "NotYAML": "a: [", "AList": "- a", "NoProducts": "seller: {name: A, domain: a.example}\nproducts: []",
		"TooLarge": strings.Repeat("#", 5<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := seller.LoadCatalogue(strings.NewReader(text)); err == nil {
				t.Errorf("read %+v", c)
			}
		})
	}
}

func TestLoadCatalogueSurvivesDamage(t *testing.T) {
	t.Parallel()
	whole := corner(t)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(whole)-1).Draw(t, "from")
		to := rapid.IntRange(from, min(len(whole), from+200)).Draw(t, "to")
		with := rapid.SampledFrom([]string{"", "[", "{", "- ", "\n", "*a", "&a ", "~", "!!binary x", "\xff", ": ", "null"}).Draw(t, "with")
		c, err := seller.LoadCatalogue(strings.NewReader(whole[:from] + with + whole[to:]))
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
	})
}

func TestAllProblemsAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("channels: [ctv]", "channels: [tv]", "fixed: 24.50", "fixed: 0", "countries: [US, GB, DE]", "countries: [XX]").Replace(corner(t))
	_, err := seller.LoadCatalogue(strings.NewReader(text))
	var all seller.CatalogueErrors
	if !errors.As(err, &all) || len(all) != 3 {
		t.Fatalf("got %v, want three problems", err)
	}
	if !slices.IsSortedFunc(all, func(a, b *seller.CatalogueError) int { return a.Line - b.Line }) {
		t.Errorf("out of order:\n%v", all)
	}
	_, err = seller.LoadCatalogue(strings.NewReader(strings.ReplaceAll(corner(t), "currency:", "money:")))
	if !errors.As(err, &all) || len(all) != 20 {
		t.Errorf("got %d problems, want the first 20", len(all))
	}
}

func TestTheExamplesCoverTheMarket(t *testing.T) {
	t.Parallel()
	models, channels, currencies, countries := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	short := 0
	for _, name := range examples {
		c := catalogue(t, name)
		if len(c.Products) < 8 {
			t.Errorf("%s has only %d products", name, len(c.Products))
		}
		for _, p := range c.Products {
			if p.Supply.Shortfall > 0 {
				short++
			}
			of := map[money.Currency]bool{}
			for _, o := range p.Pricing {
				models[string(o.Model)], currencies[string(o.Currency)], of[o.Currency] = true, true, true
			}
			if len(of) < 2 {
				t.Errorf("%s is priced in one currency only", p.ID)
			}
			for _, ch := range p.Channels {
				channels[ch] = true
			}
			for _, country := range p.Countries {
				countries[country] = true
			}
		}
	}
	for what, want := range map[string]struct {
		have map[string]bool
		all  []string
	}{
		"pricing models": {models, []string{"cpm", "vcpm", "cpc", "cpcv", "cpv", "cpp", "cpa", "flat_rate", "time"}},
		"channels":       {channels, []string{"ctv", "linear_tv", "olv", "display", "streaming_audio", "podcast", "radio", "dooh", "ooh", "retail_media"}},
		"currencies":     {currencies, []string{"USD", "EUR", "GBP", "JPY", "BRL"}},
		"countries":      {countries, []string{"US", "CA", "GB", "DE", "FR", "JP", "BR", "AU"}},
	} {
		for _, w := range want.all {
			if !want.have[w] {
				t.Errorf("%s: no %s", what, w)
			}
		}
	}
	if short < 3 {
		t.Errorf("%d products run short, want some", short)
	}
}
