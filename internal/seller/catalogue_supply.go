package seller

import "fmt"

// Supply is the inventory that the built-in ad server has for a product. It may
// be less than the forecast promises: inventory runs short in real life too.
// Buyers never see it, except for the rates, which shape the forecast.
type Supply struct {
	// DailyUnits is the mean number of impressions a day.
	DailyUnits int64
	// Hours weighs the 24 hours of a UTC day; empty is flat.
	Hours []int64
	// Weekdays weighs the seven days from Monday; empty is flat.
	Weekdays []int64
	// Variance is how far an hour may fall either side of its mean.
	Variance Rate
	// Shortfall is the part of DailyUnits that does not turn up.
	Shortfall Rate
	// ImpressionsPerPlay is how many people one play or spot meets; 0 where plays
	// are not counted.
	ImpressionsPerPlay int64
	// Viewable, Click, Complete, View and Convert are the rates at which an
	// impression becomes the unit that vcpm, cpc, cpcv, cpv and cpa count.
	Viewable, Click, Complete, View, Convert Rate
}

// ImpressionsPerPoint is how many impressions a rating point stands for; 0 where
// the product is not sold by points.
func (p *Product) ImpressionsPerPoint() int64 {
	for _, o := range p.Pricing {
		if o.Parameters.ImpressionsPerPoint > 0 {
			return o.Parameters.ImpressionsPerPoint
		}
	}
	return 0
}

func readSupply(n yamlNode) Supply {
	o := n.object("daily_units", "hours", "weekdays", "variance", "shortfall", "impressions_per_play",
		"viewable", "click", "complete", "view", "convert")
	if !o.present() {
		return Supply{}
	}
	return Supply{
		DailyUnits:         o.field("daily_units").need("write how many impressions a day there are").positive(),
		Hours:              o.field("hours").weights(24, "hour of a UTC day"),
		Weekdays:           o.field("weekdays").weights(7, "day of the week from Monday"),
		Variance:           o.field("variance").rate(),
		Shortfall:          o.field("shortfall").rate(),
		ImpressionsPerPlay: o.field("impressions_per_play").count(),
		Viewable:           o.field("viewable").rate(),
		Click:              o.field("click").rate(),
		Complete:           o.field("complete").rate(),
		View:               o.field("view").rate(),
		Convert:            o.field("convert").rate(),
	}
}

// checkRates reports prices that nothing could ever be charged for: a price a
// click needs impressions that are clicked.
func checkRates(n yamlNode, p *Product) {
	if !n.present() {
		return
	}
	if p.Supply.Complete > p.Supply.View {
		n.fail("has complete above view", "raise view: whoever saw the end saw the beginning")
	}
	counted := map[string]struct {
		rate  Rate
		field string
	}{
		"vcpm": {p.Supply.Viewable, "viewable"}, "cpc": {p.Supply.Click, "click"}, "cpcv": {p.Supply.Complete, "complete"},
		"cpv": {p.Supply.View, "view"}, "cpa": {p.Supply.Convert, "convert"},
	}
	for _, o := range p.Pricing {
		if c, ok := counted[string(o.Model)]; ok && c.rate == 0 {
			n.fail(fmt.Sprintf("has no %s, so the price %s could never be charged", c.field, o.ID), "write the rate of impressions that do")
		}
		if ipp := o.Parameters.ImpressionsPerPoint; ipp != 0 && ipp != p.ImpressionsPerPoint() {
			n.fail(fmt.Sprintf("the price %s counts points in another universe", o.ID), "use one impressions_per_point for a product")
		}
	}
}

// weights reads a fixed number of whole weights that are not all zero.
func (n yamlNode) weights(size int, each string) []int64 {
	if !n.present() {
		return nil
	}
	var out []int64
	var sum int64
	for _, item := range n.list() {
		w := item.count()
		if w > 10_000 {
			item.fail("is too large for a weight", "write at most 10000")
		}
		out, sum = append(out, w), sum+w
	}
	if len(out) != size || sum == 0 {
		n.fail(fmt.Sprintf("has %d weights adding up to %d", len(out), sum), fmt.Sprintf("write %d, one for each %s, not all zero", size, each))
	}
	return out
}
