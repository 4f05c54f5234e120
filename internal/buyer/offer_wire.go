package buyer

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// maxOptions bounds how many prices of one product are read.
const maxOptions = 20

// offersOf reads one product as a seller sent it. A product that is not the
// protocol's is rejected by itself, with the reason, and so is one that cannot
// be named or priced; the seller's other products are not touched by it.
func offersOf(seller string, document json.RawMessage, in Intent) ([]Offer, *Rejection) {
	reject := func(productID, reason string) ([]Offer, *Rejection) {
		return nil, &Rejection{Seller: seller, ProductID: productID, Reason: reason}
	}
	var named struct {
		ProductID json.RawMessage `json:"product_id"`
	}
	var productID string
	_ = json.Unmarshal(document, &named)
	_ = json.Unmarshal(named.ProductID, &productID)
	if !token(productID) {
		return reject(shown(productID, maxName), "its product_id is missing or unfit to be used")
	}
	if err := adcp.ValidateDocument("core/product.json", document); err != nil {
		return reject(productID, "not a product of the protocol: "+shown(err.Error(), maxReason))
	}
	var p adcp.Product
	if err := json.Unmarshal(document, &p); err != nil {
		return reject(productID, "cannot be read: "+shown(err.Error(), maxReason))
	}
	base := Offer{
		Seller: seller, ProductID: productID, Product: shown(p.Name, maxName), Guaranteed: p.DeliveryType == adcp.DeliveryTypeGuaranteed,
		ExpiresAt: adcp.Val(p.ExpiresAt).UTC(), Formats: formatsOf(p.FormatIDs), BookBy: bookBy(p.Installments),
	}
	for _, c := range p.Channels {
		base.Channels = append(base.Channels, string(c))
	}
	var offers []Offer
	reason := "it has no prices"
	for i, option := range p.PricingOptions {
		if i == maxOptions {
			break
		}
		o := base
		if r := o.readPrice(option, in); r != "" {
			reason = r
			continue
		}
		if r := o.readForecast(p.Forecast, in); r != "" {
			return reject(productID, r)
		}
		offers = append(offers, o)
	}
	if len(offers) == 0 {
		return reject(productID, reason)
	}
	return offers, nil
}

// readPrice takes over one pricing option, or says why it cannot be used.
func (o *Offer) readPrice(p adcp.PricingOption, in Intent) string {
	if !token(p.PricingOptionID) {
		return "a price of it has no usable pricing_option_id"
	}
	o.PricingOptionID, o.Model, o.Currency = p.PricingOptionID, PricingModel(p.PricingModel), p.Currency
	o.BidIsCeiling = adcp.Val(p.MaxBid)
	var err error
	read := func(d *adcp.Decimal) money.Micros {
		if d == nil || err != nil {
			return 0
		}
		var m money.Micros
		if m, err = money.Parse(d.String()); err == nil && m < 0 {
			err = fmt.Errorf("%s is below zero", d)
		}
		return m
	}
	o.Fixed, o.Floor, o.MinSpend = read(p.FixedPrice), read(p.FloorPrice), read(p.MinSpendPerPackage)
	o.Auction = p.FixedPrice == nil
	if g := p.PriceGuidance; g != nil {
		o.Guidance50, o.Guidance75 = read(g.P50), read(g.P75)
	}
	if o.Auction && p.FloorPrice == nil && p.PriceGuidance == nil {
		return "it shows no price"
	}
	if parameters := p.Parameters; parameters != nil {
		o.Estimated = bounded(adcp.Val(parameters.EstimatedImpressions))
		if points := parameters.MinPoints; points != nil && o.Model == ModelCPP {
			n, intErr := points.Rat()
			if intErr == nil && n.Sign() > 0 {
				o.MinSpend = max(o.MinSpend, times(max(o.Fixed, o.Floor, o.Guidance75), n))
			}
		}
		if o.Model == ModelTime {
			o.TimeUnits = timeUnits(in.Start, in.End, string(adcp.Val(parameters.TimeUnit)),
				adcp.Val(parameters.MinDuration), adcp.Val(parameters.MaxDuration))
		}
	}
	if err != nil {
		return "a price of it cannot be used: " + shown(err.Error(), maxReason)
	}
	return ""
}

// times is m times r, rounded up.
func times(m money.Micros, r *big.Rat) money.Micros {
	n := new(big.Int).Mul(big.NewInt(int64(m)), r.Num())
	n.Add(n, new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	if n.Quo(n, r.Denom()); n.IsInt64() {
		return money.Micros(n.Int64())
	}
	return 1<<63 - 1
}

// timeUnits is how many units of time the flight takes, a part of one counting
// as one; 0 where the option is not sold for such a flight.
func timeUnits(start, end time.Time, unit string, least, most int64) int64 {
	after := func(n int64) time.Time {
		switch unit {
		case "hour":
			return start.Add(time.Duration(n) * time.Hour)
		case "day":
			return start.AddDate(0, 0, int(n))
		case "week":
			return start.AddDate(0, 0, 7*int(n))
		case "month":
			return start.AddDate(0, int(n), 0)
		}
		return end
	}
	n := int64(1)
	for after(n).Before(end) {
		n++
	}
	whole := n
	if after(n).After(end) {
		whole--
	}
	if whole < least || (most > 0 && n > most) {
		return 0
	}
	return n
}

// maxCount bounds what a seller may forecast, so that arithmetic stays far from
// its limits.
const maxCount = 1_000_000_000_000

func bounded(n int64) int64 { return min(max(n, 0), maxCount) }

// readForecast takes over what the seller expects, for the brief's countries and
// flight: how much there is, and how often an impression becomes something else.
func (o *Offer) readForecast(f *adcp.DeliveryForecast, in Intent) string {
	if f == nil {
		return ""
	}
	o.Countries = forecastCountries(f)
	points := pointsFor(f, o.ProductID, in)
	if len(points) == 0 {
		return ""
	}
	unit := adcp.ForecastRangeUnitSpend
	if f.ForecastRangeUnit != nil {
		unit = *f.ForecastRangeUnit
	}
	sum := func(metric string) (total int64) {
		for _, p := range points {
			total += expected(p.Metrics, metric)
		}
		return bounded(total)
	}
	scale := func(n int64) int64 { return n }
	switch unit {
	case adcp.ForecastRangeUnitDaily:
		scale = func(n int64) int64 { return bounded(int64(money.Micros(n).MulDiv(in.Days(), 1))) }
	case adcp.ForecastRangeUnitWeekly:
		scale = func(n int64) int64 { return bounded(int64(money.Micros(n).MulDiv(in.Days(), 7))) }
	case adcp.ForecastRangeUnitSpend, adcp.ForecastRangeUnitReachFreq, adcp.ForecastRangeUnitClicks,
		adcp.ForecastRangeUnitConversions, adcp.ForecastRangeUnitPackage:
		// Points are steps of one curve, or packages beside each other: the
		// greatest is as far as the forecast goes.
		points = points[len(points)-1:]
	}
	impressions := sum("impressions")
	o.readRates(points, impressions, sum)
	switch unit {
	case adcp.ForecastRangeUnitAvailability, adcp.ForecastRangeUnitDaily, adcp.ForecastRangeUnitWeekly:
		o.Available = scale(impressions)
	case adcp.ForecastRangeUnitSpend:
		if top := points[0].Budget; top != nil && f.Currency == o.Currency {
			if m, err := money.Parse(top.String()); err == nil && m > 0 {
				o.MaxSpend = m
			}
		}
	}
	if o.Estimated == 0 {
		o.Estimated = scale(impressions)
	}
	if o.lump() {
		o.MaxSpend = 0
	}
	if len(in.Countries) > 0 && len(o.Countries) > 0 && !slices.ContainsFunc(o.Countries, func(c string) bool { return slices.Contains(in.Countries, c) }) {
		return fmt.Sprintf("its inventory is in %s; the brief asks for %s", listed(o.Countries), listed(in.Countries))
	}
	return ""
}

// readRates takes over the rates that a forecast implies. A rate is the expected
// number over the expected impressions of the same points.
func (o *Offer) readRates(points []adcp.ForecastPoint, impressions int64, sum func(string) int64) {
	if impressions <= 0 {
		return
	}
	rate := func(metrics ...string) int64 {
		for _, metric := range metrics {
			if n := sum(metric); n > 0 {
				return min(int64(money.Micros(n).MulDiv(million, impressions)), million)
			}
		}
		return 0
	}
	o.Seen = Rates{
		Click: rate("clicks"), View: rate("views"), Complete: rate("completed_views"),
		Convert: rate("conversions", "purchase", "lead", "app_install"),
	}
	if v := points[0].Viewability; v != nil && v.ViewableRate != nil {
		if r, err := middle(*v.ViewableRate).Rat(); err == nil && r.Sign() > 0 {
			r.Mul(r, big.NewRat(million, 1))
			o.Seen.Viewable = min(new(big.Int).Quo(r.Num(), r.Denom()).Int64(), million)
		}
	}
	if points := sum("grps"); points > 0 {
		o.ImpressionsPerUnit = bounded(impressions / points)
	}
}

// pointsFor are the points that say what there is for the brief: the one over
// everything where there is one, else those of the brief's countries. The
// greatest stands last.
func pointsFor(f *adcp.DeliveryForecast, productID string, in Intent) []adcp.ForecastPoint {
	var whole, parts []adcp.ForecastPoint
	for _, p := range f.Points {
		if p.ProductID != nil && *p.ProductID != productID {
			continue
		}
		switch len(p.Dimensions) {
		case 0:
			whole = append(whole, p)
		case 1:
			code, ok := countryOf(p.Dimensions[0])
			if ok && (len(in.Countries) == 0 || slices.Contains(in.Countries, code)) {
				parts = append(parts, p)
			}
		}
	}
	if len(whole) > 0 {
		slices.SortStableFunc(whole, func(a, b adcp.ForecastPoint) int {
			if c := adcp.Val(a.Budget).Cmp(adcp.Val(b.Budget)); c != 0 {
				return c
			}
			return int(min(max(expected(a.Metrics, "impressions")-expected(b.Metrics, "impressions"), -1), 1))
		})
		if adcp.Val(f.ForecastRangeUnit) == adcp.ForecastRangeUnitAvailability || len(whole) == 1 {
			return whole[len(whole)-1:]
		}
		return whole
	}
	return parts
}

func countryOf(d adcp.ForecastPointDimension) (string, bool) {
	if d.Kind != adcp.ForecastPointDimensionKindGeo || d.GeoCode == nil || d.GeoLevel == nil {
		return "", false
	}
	if *d.GeoLevel != adcp.GeographicTargetingLevelCountry || len(*d.GeoCode) != 2 {
		return "", false
	}
	return strings.ToUpper(*d.GeoCode), true
}

// forecastCountries are the countries that a forecast has points for.
func forecastCountries(f *adcp.DeliveryForecast) []string {
	var countries []string
	for _, p := range f.Points {
		for _, d := range p.Dimensions {
			if code, ok := countryOf(d); ok {
				countries = append(countries, code)
			}
		}
	}
	slices.Sort(countries)
	return slices.Compact(countries)
}

// expected is the cautious number of a metric: the low end where there is one,
// since a plan should not rest on more than the seller thinks likely.
func expected(metrics map[string]adcp.ForecastRange, metric string) int64 {
	r, ok := metrics[metric]
	if !ok {
		return 0
	}
	d := r.Low
	if d == nil {
		d = r.Mid
	}
	return floorOf(adcp.Val(d))
}

func middle(r adcp.ForecastRange) adcp.Decimal {
	if r.Mid != nil {
		return *r.Mid
	}
	return adcp.Val(r.Low)
}

// floorOf is a number of the protocol as a whole one, rounded down and bounded.
func floorOf(d adcp.Decimal) int64 {
	r, err := d.Rat()
	if err != nil || r.Sign() <= 0 {
		return 0
	}
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return maxCount
	}
	return bounded(n.Int64())
}

// bookBy is the last deadline by which some installment can still be booked.
func bookBy(installments []adcp.Installment) (last time.Time) {
	for _, i := range installments {
		if i.Deadlines == nil || i.Deadlines.BookingDeadline == nil {
			return time.Time{}
		}
		if by := i.Deadlines.BookingDeadline.UTC(); by.After(last) {
			last = by
		}
	}
	return last
}

// maxFormats bounds how many formats of one product are kept.
const maxFormats = 20

func formatsOf(refs []adcp.FormatReference) (formats []FormatID) {
	for _, r := range refs {
		if len(formats) == maxFormats {
			break
		}
		if !token(r.ID) || !token(r.AgentURL) {
			continue
		}
		f := FormatID{AgentURL: r.AgentURL, ID: r.ID, Width: adcp.Val(r.Width), Height: adcp.Val(r.Height)}
		if r.DurationMs != nil {
			f.DurationMS = r.DurationMs.String()
		}
		formats = append(formats, f)
	}
	return formats
}
