package brief

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/money"
)

func TestAmountsAreReadExactly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"$150,000", "150000.00 USD"},
		{"150k USD", "150000.00 USD"},
		{"USD 150k", "150000.00 USD"},
		{"US$ 1.2 million", "1200000.00 USD"},
		{"1.2 million dollars", "1200000.00 USD"},
		{"150.000,50 €", "150000.50 EUR"},
		{"€40.000", "40000.00 EUR"},
		{"€ 40 000", "40000.00 EUR"},
		{"CHF 90'000", "90000.00 CHF"},
		{"£75k", "75000.00 GBP"},
		{"£0.29", "0.29 GBP"},
		{"¥12,000,000", "12000000 JPY"},
		{"1200万円", "12000000 JPY"},
		{"R$ 500 mil", "500000.00 BRL"},
		{"1,5 milhão reais", "1500000.00 BRL"},
		{"A$320,000", "320000.00 AUD"},
		{"$80,000 CAD", "80000.00 CAD"},
		{"2 bn JPY", "2000000000 JPY"},
		{"₹50 lakh", "5000000.00 INR"},
		{"1,234,567.89 USD", "1234567.89 USD"},
		{"12.000 KWD", "12.000 KWD"},
		{"-5,000 EUR", "-5000.00 EUR"},
		{"$-5,000", "-5000.00 USD"},
	} {
		m, c, problem := readAmount(&node{kind: kindString, text: tt.in}, "", nil)
		if got := (money.Amount{Micros: m, Currency: c}).String(); got != tt.want || problem != "" {
			t.Errorf("%q = %s (%s), want %s", tt.in, got, problem, tt.want)
		}
	}
	for _, bad := range []string{"1,23,456 USD", "1.2.3 EUR", "5 mil EUR", "five EUR", "12,34.5 USD", "0,0000001 USD", "", "USD", "9e99", "99999999999 million EUR"} {
		if m, c, problem := readAmount(&node{kind: kindString, text: bad}, "", nil); problem == "" {
			t.Errorf("%q read as %d %s, want a refusal", bad, m, c)
		}
	}
}

func TestASignOfSeveralCurrenciesNeedsItsMarket(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sign string
		said       []money.Currency
		countries  []string
		want       money.Currency
	}{
		{"dollars are of the US where nothing says otherwise", "$", nil, nil, "USD"},
		{"dollars in the US", "$", nil, []string{"US"}, "USD"},
		{"dollars in Europe", "$", nil, []string{"DE"}, "USD"},
		{"dollars in Canada are undecided", "$", nil, []string{"CA"}, ""},
		{"dollars in the US and Canada are undecided", "$", nil, []string{"US", "CA"}, ""},
		{"dollars in Canada with CAD named", "$", []money.Currency{"CAD"}, []string{"CA"}, "CAD"},
		{"dollars with two dollars named", "$", []money.Currency{"CAD", "USD"}, nil, ""},
		{"the yen sign", "¥", nil, []string{"JP"}, "JPY"},
		{"the yen sign in China is undecided", "¥", nil, []string{"CN"}, ""},
		{"crowns of one country", "kr", nil, []string{"SE"}, "SEK"},
		{"crowns of no country", "kr", nil, nil, ""},
		{"pesos of no country", "pesos", nil, nil, ""},
		{"a code", "BRL", nil, []string{"US"}, "BRL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := settle(signCurrencies(tt.sign), tt.said, tt.countries)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("settle(%s) = %q, %v; want %q", tt.sign, got, ok, tt.want)
			}
		})
	}
}

func TestEveryCurrencyInUseIsKnownToMoney(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"XXX", "XTS", "XAU", "DEM", "usd", "US", ""} {
		if _, ok := tender(bad); ok {
			t.Errorf("%q taken for a currency in use", bad)
		}
	}
	for sign, list := range currencySigns {
		for _, c := range list {
			if _, ok := tender(string(c)); !ok {
				t.Errorf("%s stands for %s, which is not in use", sign, c)
			}
		}
	}
}

func TestDaysAreReadInManyForms(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2027-03-01": "2027-03-01", "2027-3-1": "2027-03-01", "2027/03/01": "2027-03-01", "1 March 2027": "2027-03-01",
		"1st of March 2027": "2027-03-01", "March 1, 2027": "2027-03-01", "Mar 1 2027": "2027-03-01", "1. 3. 2027": "2027-03-01",
		"01.03.2027": "2027-03-01", "13/03/2027": "2027-03-13", "03/13/2027": "2027-03-13", "2027-03-01T00:00:00Z": "2027-03-01",
		"29 February 2028": "2028-02-29", "31 may 2027": "2027-05-31",
	} {
		if got, problem := readDay(in); problem != "" || got.String() != want {
			t.Errorf("readDay(%q) = %s (%s), want %s", in, got, problem, want)
		}
	}
	for in, want := range map[string]string{
		"2027-02-29": "is not a day of the calendar", "31 April 2027": "is not a day of the calendar", "1 March": "has no year",
		"03/04/2027": "can be read as day/month and as month/day", "March 2027": "is not a day", "tomorrow": "is not a day",
		"2027-03-01T10:00:00Z": "is not a day", "": "is not a day", "1 March 2027 to 3 March 2027": "is not a day", "0000-00-00": "is not a day",
	} {
		if got, problem := readDay(in); problem != want {
			t.Errorf("readDay(%q) = %s, %q; want %q", in, got, problem, want)
		}
	}
}

func TestFlightsAreReadFromPlainWords(t *testing.T) {
	t.Parallel()
	today := Date{2026, 11, 22}
	for in, want := range map[string]string{
		"from 1 March to 31 March 2027":                      "2027-03-01 2027-03-31",
		"March 1–31, 2027":                                   "2027-03-01 2027-03-31",
		"1-31 March 2027":                                    "2027-03-01 2027-03-31",
		"March 1 - April 15, 2027":                           "2027-03-01 2027-04-15",
		"from 2027-03-01 until 2027-03-31":                   "2027-03-01 2027-03-31",
		"2027-03-01/2027-03-31 no, 2027-03-01 to 2027-03-31": "2027-03-01 2027-03-31",
		"for four weeks starting 1 March 2027":               "2027-03-01 2027-03-28",
		"starting on Monday, 1 March 2027 for 30 days":       "2027-03-01 2027-03-30",
		"one month from 15 March 2027":                       "2027-03-15 2027-04-14",
		"one month from 31 January 2027":                     "2027-01-31 2027-02-27",
		"a six-week flight beginning on 1 March 2027":        "2027-03-01 2027-04-11",
		"in Q2 2027":                           "2027-04-01 2027-06-30",
		"Q2-Q3 2027":                           "2027-04-01 2027-09-30",
		"H2 2027":                              "2027-07-01 2027-12-31",
		"in the third quarter of 2027":         "2027-07-01 2027-09-30",
		"March to May 2027":                    "2027-03-01 2027-05-31",
		"November to January 2028":             "2027-11-01 2028-01-31",
		"during March 2027":                    "2027-03-01 2027-03-31",
		"next month":                           "2026-12-01 2026-12-31",
		"next week":                            "2026-11-23 2026-11-29",
		"next quarter":                         "2027-01-01 2027-03-31",
		"15 December to 15 January 2028":       "2027-12-15 2028-01-15",
		"between 1 April 2027 and 14 May 2027": "2027-04-01 2027-05-14",
		"Start date: 2027-03-01. Then it goes on. End date: 2027-03-31":         "2027-03-01 2027-03-31",
		"It starts on 1 March 2027 and ends on 31 March 2027":                   "2027-03-01 2027-03-31",
		"12/03/2027 to 25/03/2027":                                              "2027-03-12 2027-03-25",
		"Run 1 March to 31 March 2027. Assets are due by 15 February 2027":      "2027-03-01 2027-03-31",
		"Live 1 March 2027 to 31 March 2027; we report on 15 April 2027":        "2027-03-01 2027-03-31",
		"You may use 25 words. The campaign runs in March 2027, for one month.": "2027-03-01 2027-03-31",
	} {
		r := &textReader{
			text: in, lower: lowerASCII(in), taken: make([]bool, len(in)), opts: Options{Now: today.Time()},
			b: Brief{Notes: in, Sources: map[string]Quote{}},
		}
		r.flight()
		if got := r.b.Start.String() + " " + r.b.End.String(); got != want || len(r.problems) > 0 {
			t.Errorf("%q = %s (%v), want %s", in, got, r.problems, want)
		}
	}
}

func TestFrequencyCapsAreReadFromPlainWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]FrequencyCap{
		"no more than 3 times a day":                        {3, 24},
		"No more than 3 impressions per person per day":     {3, 24},
		"frequency cap: 3/day":                              {3, 24},
		"Frequency cap of 2 per user per 12 hours":          {2, 12},
		"capped at three a week":                            {3, 168},
		"at most 5 exposures per week":                      {5, 168},
		"at most twice a day":                               {2, 24},
		"max 4 impressions per household every 7 days":      {4, 168},
		"nobody should see it more than 6 times in a month": {6, 720},
		"3 times a day":                                     {3, 24},
	} {
		if got, ok := findFrequencyCap(in); !ok || got.cap != want {
			t.Errorf("%q = %+v, %v; want %+v", in, got.cap, ok, want)
		}
	}
	for _, none := range []string{"we post 3 times a day on our blog", "up to $3 per day", "call us any day", ""} {
		if got, ok := findFrequencyCap(none); ok {
			t.Errorf("%q read as the cap %+v", none, got.cap)
		}
	}
}

func TestPlacesAreFoundByCodeAndName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"US": "US", "us": "US", "uk": "GB", "USA": "US", "U.S.": "US", "United States": "US", "the Netherlands": "NL", "Côte d’Ivoire": "CI",
		"US-CA": "US-CA", "us-ca": "US-CA", "California": "US-CA", "Bavaria": "DE-BY", "Baden-Wurttemberg": "DE-BW", "são paulo": "BR-SP", "Tokyo": "JP-13",
		"New South Wales": "AU-NSW", "Scotland": "GB-SCT", "IT-25": "IT-25", "Paris": "FR-75C",
	} {
		if got, ok := places().lookUp(in); !ok || got != want {
			t.Errorf("lookUp(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, bad := range []string{"ZZ", "XK", "EU", "US-ZZ", "US-", "Narnia", "", "UN", "DE-BYX1"} {
		if got, ok := places().lookUp(bad); ok {
			t.Errorf("lookUp(%q) = %q, want nothing", bad, got)
		}
	}
	for in, want := range map[string]string{"501": "nielsen_dma:501", "nielsen_dma:803": "nielsen_dma:803", "Chicago DMA": "nielsen_dma:602", "London": "uk_itl1:TLI"} {
		if got, ok := places().lookUpMetro(in); !ok || got != want {
			t.Errorf("lookUpMetro(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestEverydayWordsNameProtocolChannels(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"audio": {"streaming_audio", "podcast", "radio"}, "video": {"olv", "ctv"}, "TV": {"linear_tv", "ctv"}, "outdoor": {"dooh", "ooh"},
		"retail": {"retail_media"}, "ooh": {"ooh"}, "OLV": {"olv"}, "linear tv": {"linear_tv"}, "Retail Media": {"retail_media"},
		"podcasts": {"podcast"}, "display ads": {"display"}, "streaming": {"ctv", "streaming_audio"}, "connected TV": {"ctv"},
	} {
		got, ok := channelsFor(in)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("channelsFor(%q) (-want +got):\n%s", in, diff)
		}
	}
	for word, list := range channelWords {
		for _, c := range list {
			if got, ok := channelsFor(c); !ok || len(got) != 1 || got[0] != c {
				t.Errorf("%q stands for %q, which is no channel", word, c)
			}
		}
	}
}
