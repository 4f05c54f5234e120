package adserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// Diff says where got, as read from an ad server, differs from the order that
// was wanted: one line a field, such as `line_items[pkg_1].budget: want 500.00, got
// 400.00`. Empty means that the ad server holds the order. What makes no difference is
// not reported: the order of line items and creatives, spaces and key order in
// JSON, time zones, and pacing left empty where it means even.
func Diff(want, got Order) []string {
	var d difference
	d.add("id", want.ID, got.ID)
	d.add("advertiser", want.Advertiser, got.Advertiser)
	d.add("name", want.Name, got.Name)
	d.add("currency", want.Currency, got.Currency)
	d.add("paused", want.Paused, got.Paused)
	d.add("canceled", want.Canceled, got.Canceled)
	held := make(map[string]LineItem, len(got.LineItems))
	for _, li := range got.LineItems {
		held[li.ID] = li
	}
	wanted := make(map[string]bool, len(want.LineItems))
	for _, w := range want.LineItems {
		wanted[w.ID] = true
		g, ok := held[w.ID]
		if !ok {
			d.lines = append(d.lines, fmt.Sprintf("line_items[%s]: not there", w.ID))
			continue
		}
		d.lineItem("line_items["+w.ID+"].", w, g)
	}
	for _, g := range got.LineItems {
		if !wanted[g.ID] {
			d.lines = append(d.lines, fmt.Sprintf("line_items[%s]: there, but not wanted", g.ID))
		}
	}
	return d.lines
}

type difference struct{ lines []string }

func (d *difference) add(field string, want, got any) {
	if want == got {
		return
	}
	d.lines = append(d.lines, fmt.Sprintf("%s: want %s, got %s", field, show(want), show(got)))
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case money.Micros:
		return v.String()
	}
	if s := fmt.Sprint(v); s != "" {
		return s
	}
	return "none"
}

func (d *difference) lineItem(at string, want, got LineItem) {
	d.add(at+"name", want.Name, got.Name)
	d.add(at+"product_id", want.ProductID, got.ProductID)
	d.add(at+"start", instant(want.Start), instant(got.Start))
	d.add(at+"end", instant(want.End), instant(got.End))
	d.add(at+"guaranteed", want.Guaranteed, got.Guaranteed)
	d.add(at+"pricing_model", want.PricingModel, got.PricingModel)
	d.add(at+"time_unit", want.TimeUnit, got.TimeUnit)
	d.add(at+"rate", want.Rate, got.Rate)
	d.add(at+"max_bid", want.MaxBid, got.MaxBid)
	d.add(at+"floor", want.Floor, got.Floor)
	d.add(at+"budget", want.Budget, got.Budget)
	d.add(at+"goal", want.Goal, got.Goal)
	d.add(at+"pacing", effective(want.Pacing), effective(got.Pacing))
	d.add(at+"weight", want.Weight, got.Weight)
	d.add(at+"paused", want.Paused, got.Paused)
	d.add(at+"canceled", want.Canceled, got.Canceled)
	d.add(at+"require_creative", want.RequireCreative, got.RequireCreative)
	d.add(at+"creatives", creatives(want.Creatives), creatives(got.Creatives))
	d.add(at+"frequency_cap", frequencyCap(want.FrequencyCap), frequencyCap(got.FrequencyCap))
	d.add(at+"targeting.countries", set(want.Targeting.Countries), set(got.Targeting.Countries))
	d.add(at+"targeting.audiences", set(want.Targeting.Audiences), set(got.Targeting.Audiences))
	d.add(at+"targeting.avoid_audiences", set(want.Targeting.AvoidAudiences), set(got.Targeting.AvoidAudiences))
	if !sameJSON(want.Targeting.Overlay, got.Targeting.Overlay) {
		d.lines = append(d.lines, fmt.Sprintf("%stargeting.overlay: want %.200s, got %.200s",
			at, want.Targeting.Overlay, got.Targeting.Overlay))
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func effective(p Pacing) Pacing {
	if p == "" {
		return PacingEven
	}
	return p
}

func creatives(list []CreativeWeight) string {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b CreativeWeight) int { return strings.Compare(a.CreativeID, b.CreativeID) })
	var b strings.Builder
	for _, c := range list {
		state := "not approved"
		if c.Approved {
			state = "approved"
		}
		fmt.Fprintf(&b, "(%q weight %d %s)", c.CreativeID, c.Weight, state)
	}
	return b.String()
}

func frequencyCap(f *FrequencyCap) string {
	if f == nil {
		return "none"
	}
	return fmt.Sprintf("%d per %q in %s, %s apart", f.MaxImpressions, f.Per, f.Window, f.Suppress)
}

func set(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// sameJSON compares documents by meaning. Numbers are compared as they are
// written: 1 and 1.0 differ.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return reflect.DeepEqual(meaning(a), meaning(b))
}

func meaning(doc json.RawMessage) any {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return string(doc)
	}
	return v
}
