package buyer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/money"
)

var planNow = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func usd(whole int64) money.Micros { return money.Micros(whole) * money.Unit }

// cents is an amount in hundredths of a unit.
func cents(n int64) money.Micros { return money.Micros(n) * 10_000 }

// intent is a brief for a month in the US, for impressions, in dollars.
func intent(budget int64) Intent {
	return Intent{
		Name: "Spring", Advertiser: "Acme", BrandDomain: "acme.example",
		Budget: money.Amount{Micros: usd(budget), Currency: "USD"},
		Start:  time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC),
		Outcome: OutcomeImpressions, Countries: []string{"US"},
	}
}

func offer(seller, product, channel string, cpm money.Micros) Offer {
	return Offer{
		Seller: seller, ProductID: product, PricingOptionID: "p1", Product: product, Channels: []string{channel},
		Model: ModelCPM, Currency: "USD", Fixed: cpm,
	}
}

func plan(t *testing.T, in Intent, offers ...Offer) (Plan, []planned) {
	t.Helper()
	p, lines, err := makePlan(in, "camp_1", found{offers: offers}, planNow)
	if err != nil {
		t.Fatal(err)
	}
	return p, lines
}

// reasonFor is why a plan does not hold a product, or "" where it does.
func reasonFor(t *testing.T, in Intent, o Offer) string {
	t.Helper()
	_, _, err := makePlan(in, "camp_1", found{offers: []Offer{o}}, planNow)
	if err == nil {
		return ""
	}
	var none *NoSellerError
	if !errors.As(err, &none) || !errors.Is(err, ErrNoSeller) || len(none.Rejected) != 1 {
		t.Fatalf("want one rejection, got %v", err)
	}
	return none.Rejected[0].Reason
}

func TestOffersAreRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	base := func() (Intent, Offer) { return intent(10_000), offer("a", "p", "ctv", usd(20)) }
	for _, tt := range []struct {
		rule   string
		change func(*Intent, *Offer)
		want   string
	}{
		{"OtherCurrency", func(_ *Intent, o *Offer) { o.Currency = "EUR" }, "priced in EUR, the brief is in USD; no exchange rate is configured"},
		{"Expired", func(_ *Intent, o *Offer) { o.ExpiresAt = planNow }, "expired on 2027-03-01"},
		{"BookingClosed", func(_ *Intent, o *Offer) { o.BookBy = planNow.Add(-time.Hour) }, "had to be booked by"},
		{"OtherChannel", func(in *Intent, _ *Offer) { in.Channels = []string{"podcast", "radio"} }, "runs on ctv; the brief asks for podcast and radio"},
		{"ChannelUnsaid", func(in *Intent, o *Offer) { in.Channels, o.Channels = []string{"ctv"}, nil }, "does not say on which channel"},
		{"OtherCountry", func(_ *Intent, o *Offer) { o.Countries = []string{"DE"} }, "inventory is in DE; the brief asks for US"},
		{"AboveCPMCeiling", func(in *Intent, _ *Offer) { in.MaxCPM = usd(15) }, "its price of 20.00 USD CPM is above the brief's ceiling of 15.00 USD"},
		{"FloorAboveCeiling", func(in *Intent, o *Offer) { in.MaxCPM, o.Auction, o.Fixed, o.Floor = usd(15), true, 0, usd(16) }, "its floor of 16.00 USD CPM is above"},
		{"ConvertedAboveCeiling", func(in *Intent, o *Offer) { in.MaxCPM, o.Model, o.Fixed = usd(15), ModelCPCV, cents(10) }, "comes to 95.00 USD CPM, above the brief's ceiling of 15.00 USD"},
		{"AboveModelCeiling", func(in *Intent, o *Offer) {
			in.Ceilings, o.Model, o.Fixed = map[string]money.Micros{"cpcv": cents(2)}, ModelCPCV, cents(3)
		}, "above the brief's ceiling of 0.02 USD"},
		{"FreeOfCharge", func(_ *Intent, o *Offer) { o.Fixed = 0 }, "price is zero"},
		{"NothingToBidBy", func(_ *Intent, o *Offer) { o.Fixed, o.Auction = 0, true }, "nothing to bid by"},
		{"MinimumAboveBudget", func(_ *Intent, o *Offer) { o.MinSpend = usd(10_001) }, "least spend of 10001.00 USD is more than the budget"},
		{"MinimumAboveAvailability", func(_ *Intent, o *Offer) { o.MinSpend, o.Available = usd(3_000), 100_000 }, "more than what it has available is worth (2000.00 USD)"},
		{"NothingAvailable", func(_ *Intent, o *Offer) { o.Available, o.Fixed = 1, cents(1) }, "nothing of it is available"},
		{"NoClicksOnTheChannel", func(in *Intent, o *Offer) { in.Outcome, o.Channels = OutcomeClicks, []string{"ooh"} }, "ooh brings no clicks"},
		{"PointsWithoutForecast", func(_ *Intent, o *Offer) { o.Model = ModelCPP }, "priced by the rating point without a forecast"},
		{"FlatWithoutEstimate", func(_ *Intent, o *Offer) { o.Model = ModelFlatRate }, "without an estimate of impressions"},
		{"FlatAboveBudget", func(_ *Intent, o *Offer) { o.Model, o.Estimated, o.Fixed = ModelFlatRate, 1_000_000, usd(20_000) }, "more than the budget"},
		{"ClicksOnAClicklessChannel", func(_ *Intent, o *Offer) { o.Model, o.Channels = ModelCPC, []string{"ooh"} }, "priced for a click, which ooh has no rate for"},
		{"UnknownModel", func(_ *Intent, o *Offer) { o.Model = "cpx" }, `pricing model "cpx" is not known`},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			in, o := base()
			tt.change(&in, &o)
			if got := reasonFor(t, in, o); !strings.Contains(got, tt.want) {
				t.Errorf("reason %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestOneOfferTakesTheBudget(t *testing.T) {
	t.Parallel()
	p, lines := plan(t, intent(10_000), offer("a", "p", "ctv", usd(20)))
	if p.Planned != "10000.00" || p.Unallocated != "0.00" || p.UnallocatedReason != "" {
		t.Errorf("planned %s, left %s (%s)", p.Planned, p.Unallocated, p.UnallocatedReason)
	}
	if l := lines[0].line; l.Impressions != 500_000 || l.EffectiveCPM != "20.00" || l.Price != "20.00" || l.Bid != "" {
		t.Errorf("line %+v", l)
	}
}

func TestTheCheaperOfTwoPricesIsTakenAndSaid(t *testing.T) {
	t.Parallel()
	clicks, thousand := offer("a", "p", "olv", cents(900)), offer("a", "p", "olv", usd(20))
	clicks.Model, clicks.PricingOptionID = ModelCPC, "p0"
	in := intent(10_000)
	p, _ := plan(t, in, clicks, thousand)
	if l := p.Lines[0]; l.PricingOptionID != "p1" || !strings.Contains(l.Reason, "The best of its 2 prices; the next comes to") {
		t.Errorf("took %s: %s", l.PricingOptionID, l.Reason)
	}
}

func TestTheSamePriceOnTwoTermsIsRefused(t *testing.T) {
	t.Parallel()
	_, _, err := makePlan(intent(10_000), "c", found{offers: []Offer{offer("a", "p", "ctv", usd(20)), offer("a", "p", "ctv", usd(10))}}, planNow)
	if err == nil || !strings.Contains(err.Error(), "offered twice under one identifier") {
		t.Errorf("got %v", err)
	}
	// The same terms twice are one offer.
	plan(t, intent(10_000), offer("a", "p", "ctv", usd(20)), offer("a", "p", "ctv", usd(20)))
}

func TestBidsStayBetweenFloorAndCeiling(t *testing.T) {
	t.Parallel()
	o := offer("a", "p", "ctv", 0)
	o.Auction, o.Floor, o.Guidance50, o.Guidance75 = true, usd(10), usd(14), usd(18)
	in := intent(10_000)
	for _, tt := range []struct {
		rule    string
		ceiling bool
		max     money.Micros
		want    string
	}{
		{"MedianWhereExact", false, 0, "14.00"},
		{"HigherWhereACeiling", true, 0, "18.00"},
		{"NeverAboveTheBrief", true, usd(12), "12.00"},
		{"NeverBelowTheFloor", false, usd(10), "10.00"},
	} {
		in.MaxCPM, o.BidIsCeiling = tt.max, tt.ceiling
		if p, _ := plan(t, in, o); p.Lines[0].Bid != tt.want || p.Lines[0].Price != "" {
			t.Errorf("%s: bid %s (price %q), want %s", tt.rule, p.Lines[0].Bid, p.Lines[0].Price, tt.want)
		}
	}
}

func TestAFlatPriceIsBoughtWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	flat := offer("a", "takeover", "ctv", usd(3_333))
	flat.Model, flat.Estimated = ModelFlatRate, 400_000
	p, lines := plan(t, intent(10_000), flat, offer("b", "p", "olv", usd(12)), offer("c", "q", "podcast", usd(18)))
	i := slices.IndexFunc(lines, func(l planned) bool { return l.line.ProductID == "takeover" })
	if i < 0 || lines[i].line.Budget != "3333.00" || lines[i].line.Impressions != 400_000 {
		t.Fatalf("lines %+v", p.Lines)
	}
	if p.Unallocated != "0.00" {
		t.Errorf("left %s: %s", p.Unallocated, p.UnallocatedReason)
	}
}

func TestATimePriceIsThePriceOfItsUnits(t *testing.T) {
	t.Parallel()
	o := offer("a", "screens", "dooh", usd(700))
	o.Model, o.TimeUnits, o.Estimated = ModelTime, 5, 900_000
	p, _ := plan(t, intent(10_000), o)
	if l := p.Lines[0]; l.Budget != "3500.00" || l.EffectiveCPM != "3.89" {
		t.Errorf("line %+v", l)
	}
	if p.Unallocated != "6500.00" || p.UnallocatedReason == "" {
		t.Errorf("left %s (%q), want the rest with a reason", p.Unallocated, p.UnallocatedReason)
	}
}

func TestTheBudgetIsSpreadOverSellersAndChannels(t *testing.T) {
	t.Parallel()
	var offers []Offer
	for i, s := range []string{"a", "b", "c"} {
		for j, c := range []string{"ctv", "olv", "podcast"} {
			offers = append(offers, offer(s, fmt.Sprintf("%s-%s", s, c), c, usd(int64(10+5*i+3*j))))
		}
	}
	_, lines := plan(t, intent(100_000), offers...)
	bySeller, byChannel := map[string]money.Micros{}, map[string]money.Micros{}
	for _, l := range lines {
		bySeller[l.line.Seller] += l.budget
		byChannel[l.line.Channel] += l.budget
	}
	for s, m := range bySeller {
		if m > usd(50_000) {
			t.Errorf("seller %s has %s of 100000", s, m)
		}
	}
	for c, m := range byChannel {
		if m > usd(60_000) {
			t.Errorf("channel %s has %s of 100000", c, m)
		}
	}
	if len(bySeller) < 2 || len(byChannel) < 2 {
		t.Errorf("sellers %v, channels %v", bySeller, byChannel)
	}
}

func TestChannelSharesAreHonoured(t *testing.T) {
	t.Parallel()
	in := intent(100_000)
	in.Channels, in.Shares = []string{"ctv", "podcast"}, map[string]int64{"ctv": 7_000, "podcast": 3_000}
	_, lines := plan(t, in, offer("a", "tv", "ctv", usd(20)), offer("b", "tv2", "ctv", usd(22)), offer("b", "pod", "podcast", usd(9)))
	got := map[string]money.Micros{}
	for _, l := range lines {
		got[l.line.Channel] += l.budget
	}
	want := map[string]money.Micros{"ctv": usd(70_000), "podcast": usd(30_000)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBePlacedIsExplained(t *testing.T) {
	t.Parallel()
	o := offer("a", "p", "ctv", usd(20))
	o.Available = 100_000
	p, _ := plan(t, intent(10_000), o)
	if p.Planned != "2000.00" || p.Unallocated != "8000.00" || !strings.Contains(p.UnallocatedReason, "100,000 impressions") {
		t.Errorf("planned %s, left %s: %s", p.Planned, p.Unallocated, p.UnallocatedReason)
	}
}

func TestNoOfferAtAllSaysSo(t *testing.T) {
	t.Parallel()
	_, _, err := makePlan(intent(10), "c", found{leftOut: []LeftOut{{"a", "did not answer within 2s"}}}, planNow)
	if !errors.Is(err, ErrNoSeller) || !strings.Contains(err.Error(), "a: did not answer within 2s") {
		t.Errorf("got %v", err)
	}
}

// world draws a brief and what sellers offer for it.
func world(t *rapid.T) (Intent, []Offer) {
	currency := rapid.SampledFrom([]money.Currency{"USD", "EUR", "JPY", "KWD"}).Draw(t, "currency")
	channels := []string{"ctv", "olv", "display", "podcast", "dooh", "retail_media"}
	in := intent(1)
	in.Budget = money.Amount{Micros: money.Micros(rapid.Int64Range(1, 3_000_000_000).Draw(t, "coins")) * currency.Unit(), Currency: currency}
	in.Outcome = rapid.SampledFrom([]Outcome{OutcomeImpressions, OutcomeViewable, OutcomeClicks, OutcomeCompletedViews, OutcomeActions}).Draw(t, "outcome")
	if rapid.Bool().Draw(t, "ceiling") {
		in.MaxCPM = money.Micros(rapid.Int64Range(1, 60).Draw(t, "cpm")) * money.Unit
	}
	if rapid.Bool().Draw(t, "channel list") {
		in.Channels = rapid.SliceOfNDistinct(rapid.SampledFrom(channels), 1, 3, rapid.ID).Draw(t, "channels")
	}
	amountUpTo := func(name string, most int64) money.Micros {
		return money.Micros(rapid.Int64Range(0, most).Draw(t, name))
	}
	var offers []Offer
	for i := range rapid.IntRange(0, 14).Draw(t, "offers") {
		o := Offer{
			Seller:          rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "seller"),
			ProductID:       fmt.Sprintf("p%d", rapid.IntRange(0, 9).Draw(t, "product")),
			PricingOptionID: fmt.Sprintf("o%d", i),
			Channels:        rapid.SliceOfNDistinct(rapid.SampledFrom(channels), 1, 3, rapid.ID).Draw(t, "on"),
			Model:           ModelCPM, Currency: string(currency),
			Fixed:      money.Micros(rapid.Int64Range(1, 40).Draw(t, "price")) * money.Unit,
			Guaranteed: rapid.Bool().Draw(t, "guaranteed"),
		}
		if rapid.Bool().Draw(t, "odd") {
			o.Model = rapid.SampledFrom([]PricingModel{ModelCPM, ModelVCPM, ModelCPC, ModelCPCV, ModelCPV, ModelCPP, ModelCPA, ModelFlatRate, ModelTime}).Draw(t, "model")
			o.Fixed = amountUpTo("odd price", 40_000_000)
			o.Currency = rapid.SampledFrom([]string{string(currency), string(currency), "CHF"}).Draw(t, "in")
			o.Estimated, o.TimeUnits, o.ImpressionsPerUnit = rapid.Int64Range(0, 9_000_000).Draw(t, "estimated"), 4, 12_000
			if o.lump() {
				o.Fixed = amountUpTo("whole", int64(in.Budget.Micros)/2)
			} else if o.Auction = rapid.Bool().Draw(t, "auction"); o.Auction {
				o.Floor, o.Guidance50, o.Fixed = amountUpTo("floor", 20_000_000), amountUpTo("median", 40_000_000), 0
				o.BidIsCeiling = rapid.Bool().Draw(t, "ceiling bid")
			}
		}
		if rapid.Bool().Draw(t, "minimum") {
			o.MinSpend = amountUpTo("least", int64(in.Budget.Micros)/2)
		}
		if rapid.Bool().Draw(t, "forecast") {
			// Around what the budget buys, so that it sometimes binds.
			o.Available = int64(amountUpTo("available", max(int64(in.Budget.Micros)/10_000, 10)))
		}
		offers = append(offers, o)
	}
	return in, offers
}

// TestAnyPlanKeepsWithinEveryLimit plans 1,000 random briefs over random offers.
func TestAnyPlanKeepsWithinEveryLimit(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, anyPlan)
		})
	}
}

func anyPlan(t *rapid.T) {
	in, offers := world(t)
	p, lines, err := makePlan(in, "camp_1", found{offers: offers}, planNow)
	shuffled := rapid.Permutation(offers).Draw(t, "order")
	again, _, errAgain := makePlan(in, "camp_1", found{offers: shuffled}, planNow)
	if diff := cmp.Diff(p, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		t.Fatalf("another order gives another plan: %v, %v\n%s", err, errAgain, diff)
	}
	if err != nil {
		var none *NoSellerError
		if !errors.As(err, &none) {
			t.Fatal(err)
		}
		for _, r := range none.Rejected {
			if r.Reason == "" {
				t.Fatalf("%+v has no reason", r)
			}
		}
		return
	}
	checkPlan(t, in, offers, p, lines)
}

func checkPlan(t *rapid.T, in Intent, offers []Offer, p Plan, lines []planned) {
	var sum money.Micros
	settled := map[string]bool{}
	for i, l := range lines {
		sum += l.budget
		settled[l.line.Seller+" "+l.line.ProductID] = true
		if l.line != p.Lines[i] {
			t.Fatalf("line %d is told otherwise: %+v, %+v", i, l.line, p.Lines[i])
		}
		if got, err := l.line.Amount(); err != nil || got != (money.Amount{Micros: l.budget, Currency: in.Budget.Currency}) {
			t.Fatalf("line %d says %v, %v; holds %s", i, got, err, l.budget)
		}
		if l.budget <= 0 || l.budget%in.Budget.Currency.Unit() != 0 {
			t.Fatalf("%s is no whole number of coins of %s", l.budget, in.Budget.Currency)
		}
		if l.budget < l.MinSpend {
			t.Fatalf("%s is less than the least spend %s", l.budget, l.MinSpend)
		}
		if l.Available > 0 && !l.lump() && l.line.Impressions > l.Available {
			t.Fatalf("%d impressions of %d available", l.line.Impressions, l.Available)
		}
		if in.MaxCPM > 0 && l.cpm > in.MaxCPM {
			t.Fatalf("CPM %s over the ceiling %s", l.cpm, in.MaxCPM)
		}
		if l.Auction && l.bid < l.Floor {
			t.Fatalf("bid %s under the floor %s", l.bid, l.Floor)
		}
		if len(in.Channels) > 0 && !slices.Contains(in.Channels, l.line.Channel) {
			t.Fatalf("channel %s is not in %v", l.line.Channel, in.Channels)
		}
		if !strings.Contains(l.line.Reason, "of the budget") {
			t.Fatalf("reason %q does not say the share", l.line.Reason)
		}
	}
	if sum > in.Budget.Micros || sum.Format(in.Budget.Currency) != p.Planned {
		t.Fatalf("lines add up to %s, planned says %s, the budget is %s", sum, p.Planned, in.Budget)
	}
	if (sum < in.Budget.Micros) != (p.UnallocatedReason != "") {
		t.Fatalf("%s of %s placed; reason for the rest %q", sum, in.Budget, p.UnallocatedReason)
	}
	for _, r := range p.Rejected {
		if r.Reason == "" || settled[r.Seller+" "+r.ProductID] {
			t.Fatalf("rejection %+v", r)
		}
		settled[r.Seller+" "+r.ProductID] = true
	}
	for _, o := range offers {
		if !settled[o.Seller+" "+o.ProductID] {
			t.Fatalf("%s of %s is neither taken nor rejected", o.ProductID, o.Seller)
		}
	}
}

func TestTheSplitIsTheBestOnSmallCases(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := problem{quanta: rapid.Int64Range(1, 7).Draw(t, "quanta")}
		for range rapid.IntRange(1, 3).Draw(t, "sellers") {
			p.sellerCap = append(p.sellerCap, rapid.Int64Range(0, p.quanta).Draw(t, "seller cap"))
		}
		for range rapid.IntRange(1, 3).Draw(t, "channels") {
			p.channelCap = append(p.channelCap, rapid.Int64Range(0, p.quanta).Draw(t, "channel cap"))
		}
		for range rapid.IntRange(1, 5).Draw(t, "slots") {
			s := slot{
				seller: rapid.IntRange(0, len(p.sellerCap)-1).Draw(t, "seller"), channel: rapid.IntRange(0, len(p.channelCap)-1).Draw(t, "channel"),
				rate: rapid.Int64Range(1, worth).Draw(t, "rate"), half: rapid.Int64Range(1, 8).Draw(t, "half"), least: rapid.Int64Range(1, 5).Draw(t, "least"),
			}
			s.most = rapid.Int64Range(s.least, 8).Draw(t, "most")
			p.slots = append(p.slots, s)
		}
		got, exact := p.solve()
		if !exact {
			t.Fatal("a small case was not searched to the end")
		}
		if value, ok := p.check(got); !ok || value != p.bruteForce() {
			t.Fatalf("%+v\ngot %v worth %d (allowed: %v), the best is worth %d", p, got, value, ok, p.bruteForce())
		}
	})
}

// check says what a split is worth and whether it is allowed.
func (p problem) check(x []int64) (value int64, ok bool) {
	var sum int64
	sellers, channels := make([]int64, len(p.sellerCap)), make([]int64, len(p.channelCap))
	for i, s := range p.slots {
		if x[i] != 0 && (x[i] < s.least || x[i] > s.most) {
			return 0, false
		}
		sum += x[i]
		sellers[s.seller] += x[i]
		channels[s.channel] += x[i]
		value += p.valueOf(i, x[i])
	}
	for i, n := range sellers {
		if n > p.sellerCap[i] {
			return 0, false
		}
	}
	for i, n := range channels {
		if n > p.channelCap[i] {
			return 0, false
		}
	}
	return value, sum <= p.quanta
}

// bruteForce tries every split.
func (p problem) bruteForce() (best int64) {
	x := make([]int64, len(p.slots))
	var try func(i int, left int64)
	try = func(i int, left int64) {
		if i == len(x) {
			if value, ok := p.check(x); ok {
				best = max(best, value)
			}
			return
		}
		for k := int64(0); k <= min(left, p.slots[i].most); k++ {
			x[i] = k
			try(i+1, left-k)
		}
		x[i] = 0
	}
	try(0, p.quanta)
	return best
}
