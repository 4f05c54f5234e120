package kevel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// flightDoc is a line item in a flight's custom field.
type flightDoc struct {
	Position int               `json:"p"`
	Item     adserver.LineItem `json:"li"`
}

func refuse(at, field, format string, args ...any) *adserver.Refusal {
	return &adserver.Refusal{Field: at + field, Reason: fmt.Sprintf(format, args...)}
}

// flight maps line item i, or refuses what Kevel cannot hold.
func (a *AdServer) flight(i int, li adserver.LineItem) (flight, error) {
	at := fmt.Sprintf("line_items[%d].", i)
	if r := unsupported(at, li); r != nil {
		return flight{}, r
	}
	f := flight{
		Name: tagged(li.Name, li.ID), StartDateISO: iso(li.Start), EndDateISO: iso(li.End),
		IsActive: !li.Paused && !li.Canceled, Price: json.Number(li.Rate.Literal()),
		CapType: capRevenue, LifetimeCap: int64(li.Budget / money.Unit), Geo: []geo{},
	}
	if utf8.RuneCountInString(f.Name) > maxFlightName {
		return f, refuse(at, "name", "Kevel holds %d characters, the identifier included; shorten the name", maxFlightName)
	}
	for _, step := range []func() *adserver.Refusal{
		func() *adserver.Refusal { return a.place(&f, at, li) },
		func() *adserver.Refusal { return price(&f, at, li) },
		func() *adserver.Refusal { return pace(&f, at, li) },
		func() *adserver.Refusal { return capFrequency(&f, at, li.FrequencyCap) },
	} {
		if r := step(); r != nil {
			return f, r
		}
	}
	for _, country := range li.Targeting.Countries {
		f.Geo = append(f.Geo, geo{CountryCode: country})
	}
	var err error
	if f.CustomFieldsJSON, err = pack(flightDoc{i, li}); err != nil {
		return f, err
	}
	if n := utf8.RuneCountInString(f.CustomFieldsJSON); n > maxCustomFields {
		return f, refuse(at, "targeting.overlay", "Kevel's custom fields hold %d characters and the line item needs %d; shorten its name or targeting", maxCustomFields, n)
	}
	return f, nil
}

// unsupported refuses what Kevel has no place for.
func unsupported(at string, li adserver.LineItem) *adserver.Refusal {
	switch {
	case li.MaxBid != 0:
		return refuse(at, "max_bid", "line items at Kevel have a fixed price; give a rate instead of a bid")
	case li.Floor != 0:
		return refuse(at, "floor", "line items at Kevel have a fixed price; leave the floor out")
	case li.Weight != 0:
		return refuse(at, "weight", "Kevel has no weights among flights; leave it out")
	case len(li.Creatives) > 0:
		return refuse(at, "creatives", "ads are not managed through this adapter yet; assign them in Kevel")
	case len(li.Targeting.Audiences) > 0:
		return refuse(at, "targeting.audiences", "audiences are not held at Kevel; leave them out")
	case len(li.Targeting.AvoidAudiences) > 0:
		return refuse(at, "targeting.avoid_audiences", "audiences are not held at Kevel; leave them out")
	}
	return overlay(at, li.Targeting.Overlay)
}

// overlay refuses targeting that is not also in the line item's own fields.
func overlay(at string, doc json.RawMessage) *adserver.Refusal {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(doc, &keys) != nil {
		return refuse(at, "targeting.overlay", "not a JSON object")
	}
	for key := range keys {
		if key != "geo_countries" && key != "frequency_cap" {
			return refuse(at, "targeting.overlay", "Kevel flights are targeted by geo_countries and frequency_cap; leave %s out", key)
		}
	}
	return nil
}

func (a *AdServer) place(f *flight, at string, li adserver.LineItem) *adserver.Refusal {
	p, ok := a.products[li.ProductID]
	if !ok {
		return refuse(at, "product_id", "%q has no site at Kevel", li.ProductID)
	}
	zone := siteZone{SiteID: p.SiteID}
	if p.ZoneID != 0 {
		zone.ZoneID = &p.ZoneID
	}
	f.SiteZones = []siteZone{zone}
	f.PriorityID = p.PriorityID
	if li.Guaranteed {
		f.PriorityID = p.GuaranteedPriorityID
	}
	if f.PriorityID == 0 {
		return refuse(at, "guaranteed", "%q is not sold so: it has no priority for it at Kevel", li.ProductID)
	}
	return nil
}

var rateTypes = map[adserver.PricingModel]int{adserver.FlatRate: rateFlat, adserver.CPM: rateCPM, adserver.CPC: rateCPC}

func price(f *flight, at string, li adserver.LineItem) *adserver.Refusal {
	var ok bool
	if f.RateType, ok = rateTypes[li.PricingModel]; !ok {
		return refuse(at, "pricing_model", "Kevel sells by cpm, cpc and flat_rate, not by %s", li.PricingModel)
	}
	if !single(li.Rate) {
		return refuse(at, "rate", "Kevel keeps prices in single precision: %s would not be exact; use at most six digits", li.Rate.Literal())
	}
	if li.Budget < money.Unit || li.Budget%money.Unit != 0 || li.Budget/money.Unit > maxRevenue {
		return refuse(at, "budget", "Kevel caps revenue at whole units from 1 to %d; %s is not one", maxRevenue, li.Budget.Literal())
	}
	return nil
}

// single says whether an amount survives being kept in single precision.
func single(m money.Micros) bool {
	v, err := strconv.ParseFloat(m.Literal(), 32)
	if err != nil {
		return false
	}
	back, err := money.Parse(strconv.FormatFloat(v, 'f', -1, 32))
	return err == nil && back == m
}

// pace maps pacing: Kevel spreads towards a goal of impressions or of revenue, and
// does not spread towards a percentage.
func pace(f *flight, at string, li adserver.LineItem) *adserver.Refusal {
	switch {
	case li.Pacing == adserver.PacingFrontLoaded:
		return refuse(at, "pacing", "Kevel paces even or asap")
	case li.Goal > maxGoal:
		return refuse(at, "goal", "%d is above Kevel's %d", li.Goal, maxGoal)
	case li.Pacing == adserver.PacingASAP && li.Goal > 0:
		return refuse(at, "goal", "Kevel cannot stop an asap flight at a number of impressions and at a budget; leave the goal out or pace even")
	case li.Pacing == adserver.PacingASAP:
		f.GoalType, f.Goal = goalPercentage, 100
	case li.Goal > 0:
		f.GoalType, f.Goal = goalImpressions, li.Goal
	default:
		f.GoalType, f.Goal = goalRevenue, f.LifetimeCap
	}
	return nil
}

var freqUnits = []struct {
	unit time.Duration
	kind int
}{{24 * time.Hour, freqDay}, {time.Hour, freqHour}, {time.Minute, freqMinute}}

func capFrequency(f *flight, at string, c *adserver.FrequencyCap) *adserver.Refusal {
	if c == nil {
		return nil
	}
	most, window := c.MaxImpressions, c.Window
	switch {
	case c.Suppress > 0 && c.MaxImpressions > 0:
		return refuse(at, "frequency_cap", "a Kevel flight has one limit; give max_impressions or suppress")
	case c.Suppress > 0:
		most, window = 1, c.Suppress
	}
	if c.Per != "" && c.Per != "devices" {
		return refuse(at, "frequency_cap", "Kevel counts by its user key, which is a device; %q cannot be held", c.Per)
	}
	for _, u := range freqUnits {
		if n := int64(window / u.unit); window > 0 && window%u.unit == 0 {
			f.IsFreqCap, f.FreqCap, f.FreqCapDuration, f.FreqCapType = true, &most, &n, &u.kind
			return nil
		}
	}
	return refuse(at, "frequency_cap", "Kevel wants a window of whole minutes, hours or days")
}

// tagged is a name that people and [name] can tell the identifier from.
func tagged(name, id string) string { return name + " [" + id + "]" }

func untagged(name, id string) string { return strings.TrimSuffix(name, " ["+id+"]") }

// lineItem is what the flight holds: Kevel's own fields say what serves, the custom
// field the rest.
func (a *AdServer) lineItem(f flight, doc flightDoc) (adserver.LineItem, error) {
	li := doc.Item
	was, err := a.flight(doc.Position, li)
	if err != nil {
		// The settings may have changed since: a product that is gone is still held.
		if _, refused := errors.AsType[*adserver.Refusal](err); !refused {
			return li, err
		}
		was = f
	}
	li.Name = untagged(f.Name, li.ID)
	if li.Start, err = parseISO(f.StartDateISO); err != nil {
		return li, unavailable("flight %d: %w", f.ID, err)
	}
	if li.End, err = parseISO(f.EndDateISO); err != nil {
		return li, unavailable("flight %d: %w", f.ID, err)
	}
	if li.Rate, err = money.Parse(f.Price.String()); err != nil {
		return li, unavailable("flight %d: %w", f.ID, err)
	}
	li.Budget = money.Micros(f.LifetimeCap) * money.Unit
	if f.CapType != capRevenue {
		li.Budget = 0 // nothing bounds it
	}
	if f.IsActive {
		li.Paused, li.Canceled = false, false
	} else if !li.Canceled {
		li.Paused = true
	}
	for model, kind := range rateTypes {
		if kind == f.RateType {
			li.PricingModel = model
		}
	}
	if f.GoalType == goalImpressions {
		li.Goal = f.Goal
	} else {
		li.Goal = 0
	}
	if (f.GoalType == goalPercentage) != (li.Pacing == adserver.PacingASAP) {
		li.Pacing = map[bool]adserver.Pacing{true: adserver.PacingASAP, false: adserver.PacingEven}[f.GoalType == goalPercentage]
	}
	li.Targeting.Countries = countries(li.Targeting.Countries, f.Geo)
	if !sameCap(f, was) {
		li.FrequencyCap = frequencyCap(f)
	}
	if f.PriorityID != was.PriorityID {
		li.Guaranteed = !li.Guaranteed
	}
	if !slices.EqualFunc(f.SiteZones, was.SiteZones, sameZone) {
		li.ProductID = "" // it runs elsewhere than its product does
	}
	return li, nil
}

func countries(were []string, held []geo) []string {
	var now []string
	for _, g := range held {
		if g.IsExclude {
			now = append(now, "not "+g.CountryCode)
		} else {
			now = append(now, g.CountryCode)
		}
	}
	if slices.Equal(were, now) {
		return were
	}
	return now
}

func sameZone(a, b siteZone) bool {
	return a.SiteID == b.SiteID && value(a.ZoneID) == value(b.ZoneID) && a.IsExcluded == b.IsExcluded
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func sameCap(a, b flight) bool {
	return a.IsFreqCap == b.IsFreqCap && value(a.FreqCap) == value(b.FreqCap) &&
		value(a.FreqCapDuration) == value(b.FreqCapDuration) && value(a.FreqCapType) == value(b.FreqCapType)
}

func frequencyCap(f flight) *adserver.FrequencyCap {
	if !f.IsFreqCap {
		return nil
	}
	for _, u := range freqUnits {
		if u.kind == value(f.FreqCapType) {
			return &adserver.FrequencyCap{MaxImpressions: value(f.FreqCap), Per: "devices", Window: time.Duration(value(f.FreqCapDuration)) * u.unit}
		}
	}
	return nil
}
