package seller

import (
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// readPricing reads a product's prices. An option is fixed where it has `fixed`,
// and an auction otherwise.
func readPricing(n yamlNode) []PricingOption {
	var out []PricingOption
	for _, item := range n.list() {
		o := readPricingOption(item)
		if slices.ContainsFunc(out, func(other PricingOption) bool { return other.ID == o.ID }) && o.ID != "" {
			item.fail(fmt.Sprintf("the id %q is taken by an earlier price", o.ID), "give every price of a product an id of its own")
		}
		if o.Auction && slices.ContainsFunc(out, func(other PricingOption) bool {
			return other.Auction && other.Model == o.Model && other.Currency == o.Currency
		}) {
			item.fail(fmt.Sprintf("is a second %s auction in %s", o.Model, o.Currency), "keep one: a product clears at one price")
		}
		out = append(out, o)
	}
	if n.present() && len(out) == 0 {
		n.fail("is empty", "give the product at least one price")
	}
	return out
}

func readPricingOption(n yamlNode) PricingOption {
	o := n.object("id", "model", "currency", "fixed", "floor", "guidance", "max_bid", "min_spend", "parameters")
	p := PricingOption{
		ID:       o.field("id").need("give the price an id").identifier(),
		Model:    adserver.PricingModel(o.field("model").need("write how it is counted, such as cpm").oneOf(pricingModels)),
		Currency: o.field("currency").need("write its ISO 4217 code, such as USD").currency(),
		MinSpend: o.field("min_spend").amount(),
	}
	if p.MinSpend != p.MinSpend.Floor(p.Currency) && p.Currency != "" {
		o.field("min_spend").fail("is not a whole number of the currency's coins", "write "+p.MinSpend.Floor(p.Currency).Format(p.Currency))
	}
	fixed, floor, guidance := o.field("fixed"), o.field("floor"), o.field("guidance")
	if p.Auction = !fixed.present(); p.Auction {
		p.readAuction(o, floor, guidance)
	} else {
		p.Fixed = fixed.amount()
		if p.Fixed == 0 {
			fixed.fail("is not a price above zero", "write what one unit costs, such as 24.50")
		}
		for _, f := range []yamlNode{floor, guidance, o.field("max_bid")} {
			if f.present() {
				f.fail("does not go with a fixed price", "leave it out, or leave fixed out to hold an auction")
			}
		}
	}
	p.Parameters = readParameters(o.field("parameters"), p.Model)
	return p
}

func (p *PricingOption) readAuction(o yamlObject, floor, guidance yamlNode) {
	if p.Model == adserver.CPA {
		o.fail("cpa has no auction", "write its fixed price")
	}
	p.Floor = floor.need("write fixed for a fixed price, or floor for the least bid of an auction").amount()
	p.MaxBid = o.field("max_bid").flag()
	switch p.Model {
	case adserver.CPP, adserver.FlatRate, adserver.TimeRate:
		if p.MaxBid {
			o.field("max_bid").fail("is not known to this model", "leave it out")
		}
	}
	g := guidance.object("p25", "p50", "p75", "p90")
	p.Guidance = Guidance{
		P25: g.field("p25").amount(), P50: g.field("p50").amount(),
		P75: g.field("p75").amount(), P90: g.field("p90").amount(),
	}
	last := p.Floor
	for _, m := range []money.Micros{p.Guidance.P25, p.Guidance.P50, p.Guidance.P75, p.Guidance.P90} {
		if m != 0 && m < last {
			guidance.fail("does not rise from the floor", "order it as floor <= p25 <= p50 <= p75 <= p90")
			return
		}
		last = max(last, m)
	}
}

func (n yamlNode) currency() money.Currency {
	s, ok := n.scalar()
	if !ok {
		return ""
	}
	c, err := money.ParseCurrency(s)
	if err != nil {
		n.fail(err.Error(), "write its ISO 4217 code in capitals, such as USD")
	}
	return c
}

// readParameters reads what single models need besides a price.
func readParameters(n yamlNode, model adserver.PricingModel) PricingParameters {
	var p PricingParameters
	switch model {
	case adserver.CPV:
		o := n.need("write view_threshold or view_seconds").object("view_threshold", "view_seconds")
		p.ViewThreshold, p.ViewSeconds = o.field("view_threshold").rate(), o.field("view_seconds").count()
		if n.present() && (p.ViewThreshold == 0) == (p.ViewSeconds == 0) {
			n.fail("must say what counts as a view", "write one of view_threshold (0.5) and view_seconds (15)")
		}
	case adserver.CPP:
		o := n.need("write demographic and impressions_per_point").object("demographic_system", "demographic", "min_points", "impressions_per_point")
		p.DemographicSystem = o.field("demographic_system").oneOf(demographicSystems)
		if p.DemographicSystem == "" {
			p.DemographicSystem = demographicSystems[0]
		}
		p.MinPoints = o.field("min_points").count()
		if n.present() {
			p.Demographic = o.field("demographic").need("write the audience that points are counted in, such as P18-49").word()
			p.ImpressionsPerPoint = o.field("impressions_per_point").need("write how many impressions one point stands for").positive()
		}
	case adserver.CPA:
		o := n.need("write event_type").object("event_type")
		if n.present() {
			p.EventType = o.field("event_type").need("write the conversion that is charged, such as purchase").oneOf(eventTypes)
		}
	case adserver.TimeRate:
		o := n.need("write time_unit").object("time_unit", "min_duration", "max_duration")
		p.MinDuration, p.MaxDuration = o.field("min_duration").count(), o.field("max_duration").count()
		if n.present() {
			p.TimeUnit = adserver.TimeUnit(o.field("time_unit").need("write hour, day, week or month").oneOf(timeUnits))
		}
		if p.MaxDuration != 0 && p.MaxDuration < p.MinDuration {
			o.field("max_duration").fail("is below min_duration", "write at least min_duration")
		}
	case adserver.FlatRate:
		if n.present() {
			p.DOOH = readDOOH(n)
		}
	default:
		if n.present() {
			n.fail("are not known to "+string(model), "leave them out")
		}
	}
	return p
}

func readDOOH(n yamlNode) *DOOHParameters {
	o := n.object("share_of_voice", "loop_seconds", "min_plays_per_hour", "venue_package", "daypart", "estimated_impressions")
	return &DOOHParameters{
		ShareOfVoice:         o.field("share_of_voice").need("write the part of the loop, such as 0.125").rate(),
		LoopSeconds:          o.field("loop_seconds").count(),
		MinPlaysPerHour:      o.field("min_plays_per_hour").count(),
		VenuePackage:         o.field("venue_package").word(),
		Daypart:              o.field("daypart").word(),
		EstimatedImpressions: o.field("estimated_impressions").count(),
	}
}

// positive reads a whole number above zero.
func (n yamlNode) positive() int64 {
	c := n.count()
	if n.present() && c == 0 {
		n.fail("is not above zero", "write a whole number of at least 1")
	}
	return c
}

func readForecast(n yamlNode, p *Product) Forecast {
	o := n.object("daily_impressions", "monthly_reach", "reach_unit", "spread", "shares", "method")
	if !o.present() {
		return Forecast{}
	}
	f := Forecast{
		Impressions: o.field("daily_impressions").need("write how many impressions a day are expected").positive(),
		Reach:       o.field("monthly_reach").count(),
		ReachUnit:   o.field("reach_unit").oneOf(reachUnits),
		Spread:      o.field("spread").rate(),
		Method:      o.field("method").oneOf(forecastMethods),
	}
	if (f.Reach == 0) != (f.ReachUnit == "") {
		o.fail("has only one of monthly_reach and reach_unit", "write both or neither")
	}
	if f.Method == "" {
		f.Method = forecastMethods[0]
	}
	if shares := o.field("shares"); shares.present() {
		f.Shares = readShares(shares, p)
	}
	return f
}

// readShares reads the part of each country, which together are all of it.
func readShares(n yamlNode, p *Product) []CountryShare {
	o := n.object(p.Countries...)
	var out []CountryShare
	var sum Rate
	for _, country := range p.Countries {
		if share := o.field(country).rate(); share > 0 {
			out = append(out, CountryShare{Country: country, Share: share})
			sum += share
		}
	}
	if sum != Whole {
		n.fail(fmt.Sprintf("adds up to %s, not 1", money.Micros(sum)), "split 1 over the product's countries")
	}
	return out
}
