package seller

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// product is the document of the product that the line is the first of.
func (row rateRow) product(id string, price *yaml.Node) *yaml.Node {
	same := func(s string) string { return s }
	guaranteed := row.flag("guaranteed")
	delivery, approval, method := "non_guaranteed", "auto", "estimate"
	if guaranteed {
		delivery, approval, method = "guaranteed", "manual", "guaranteed"
	}
	daily := row.number("impressions_a_day")
	if daily == nil {
		row.fail("impressions_a_day", "is empty", "write how many impressions a day there are")
	}
	channels := row.list("channel", func(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "_") })
	countries := row.list("country", strings.ToUpper)
	description := row.cells["description"]
	if description == "" {
		description = fmt.Sprintf("%s: %s in %s.", row.cells["name"], list(valuesOf(channels)), list(valuesOf(countries)))
	}
	var properties *yaml.Node
	if domain, ids := row.text("domain"), row.list("property_ids", same); domain != nil || ids != nil {
		properties = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: row.line, Content: []*yaml.Node{mapping(row.line, "domain", domain, "ids", ids)}}
	}
	return mapping(
		row.line,
		"id", row.value(id), "name", row.text("name"), "description", row.value(description),
		"channels", channels, "properties", properties, "countries", countries, "regions", row.list("regions", strings.ToUpper),
		"delivery", row.value(delivery), "exclusivity", row.text("exclusivity"),
		"approval", row.value(cmp.Or(row.cells["approval"], approval)), "lead_time", row.text("lead_time"),
		"formats", row.list("formats", same),
		"pricing", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: row.line, Content: []*yaml.Node{price}},
		"forecast", mapping(row.line, "daily_impressions", daily, "method", row.value(method)),
		"supply", mapping(row.line, "daily_units", daily),
		"tags", row.list("tags", same), "keywords", row.list("keywords", same),
	)
}

func valuesOf(n *yaml.Node) []string {
	if n == nil {
		return nil
	}
	out := make([]string, len(n.Content))
	for i, c := range n.Content {
		out[i] = c.Value
	}
	return out
}

// flag reads yes or no.
func (row rateRow) flag(column string) bool {
	switch strings.ToLower(row.cells[column]) {
	case "yes", "y", "true", "1", "x":
		return true
	case "", "no", "n", "false", "0":
	default:
		row.fail(column, fmt.Sprintf("%q is neither yes nor no", row.cells[column]), "write yes or no")
	}
	return false
}

// price is the document of the line's price. Its identifier says what it is.
func (row rateRow) price() *yaml.Node {
	model := cmp.Or(strings.ReplaceAll(strings.ToLower(row.cells["price_model"]), " ", "_"), "cpm")
	currency := strings.ToUpper(row.cells["currency"])
	fixed, floor := row.number("price"), row.number("floor")
	kind := "fixed"
	switch {
	case fixed != nil && floor != nil:
		row.fail("floor", "stands beside a price", "write a price, or the floor of an auction; for both write two lines")
	case fixed == nil && floor == nil:
		row.fail("price", "is empty", "write what one unit costs, or a floor")
	case fixed == nil:
		kind = "auction"
	}
	if currency == "" {
		row.fail("currency", "is empty", "write its ISO 4217 code, such as USD")
	}
	return mapping(
		row.line,
		"id", row.value(cmp.Or(row.cells["price_id"], strings.ToLower(model+"_"+kind+"_"+currency))),
		"model", row.value(model), "currency", row.value(currency), "fixed", fixed, "floor", floor,
		"min_spend", row.number("minimum"), "parameters", row.parameters(model),
	)
}

// defaultViewSeconds is what counts as a view where a rate card does not say.
const defaultViewSeconds = "15"

// parameters are what the price's model needs besides.
func (row rateRow) parameters(model string) *yaml.Node {
	var p *yaml.Node
	switch model {
	case "cpv":
		seconds := row.number("view_seconds")
		if seconds == nil {
			seconds = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: defaultViewSeconds, Line: row.line}
		}
		p = mapping(row.line, "view_seconds", seconds)
	case "cpa":
		p = mapping(row.line, "event_type", row.text("event_type"))
	case "time":
		p = mapping(row.line, "time_unit", row.value(cmp.Or(row.cells["time_unit"], "day")))
	case "cpp":
		p = mapping(row.line, "demographic", row.text("demographic"), "impressions_per_point", row.number("impressions_per_point"))
	}
	return p
}

// sameProduct reports what a further line of a product says otherwise than its first.
func (row rateRow) sameProduct(first *yaml.Node) {
	for column, field := range map[string]string{"name": "name", "description": "description"} {
		if said := row.text(column); said != nil && said.Value != memberOf(first, field).Value {
			if column == "description" && row.cells["name"] != memberOf(first, "name").Value {
				continue // told once
			}
			row.fail(column, fmt.Sprintf("is not that of line %d, which is the same product", first.Line), "write the same, or another product")
		}
	}
}

// usualRates are the part of impressions that prices count, where a rate card says
// nothing: the built-in ad server delivers by them.
var usualRates = []struct{ model, rate, value string }{
	{"vcpm", "viewable", "0.7"},
	{"cpc", "click", "0.002"},
	{"cpcv", "complete", "0.75"},
	{"cpv", "view", "0.85"},
	{"cpa", "convert", "0.0005"},
}

// giveRates gives a product the rates that its prices count by.
func giveRates(product *yaml.Node) {
	supply := memberOf(product, "supply")
	add := func(rate, value string) {
		if memberOf(supply, rate) == nil {
			supply.Content = append(supply.Content, mapping(product.Line, rate,
				&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: value, Line: product.Line}).Content...)
		}
	}
	for _, price := range memberOf(product, "pricing").Content {
		for _, usual := range usualRates {
			if model := memberOf(price, "model").Value; model == usual.model {
				add(usual.rate, usual.value)
				if model == "cpcv" {
					add("view", "0.85") // whoever saw the end saw the beginning
				}
			}
		}
	}
}
