package seller

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// targeting reads a targeting overlay: what this seller can hold to is taken, and
// every other restriction refused, since ignoring one would deliver what the
// buyer has excluded.
func (c *checks) targeting(at string, product *Product, p *Package, overlay *adcp.TargetingOverlay) {
	p.Targeting = Targeting{}
	if overlay == nil {
		return
	}
	at += ".targeting_overlay"
	raw, err := json.Marshal(overlay)
	var present map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &present) != nil {
		c.add(adcp.CodeInvalidRequest, at, "The overlay cannot be read.")
		return
	}
	p.Targeting.Overlay = raw
	for _, key := range slices.Sorted(maps.Keys(present)) {
		field := at + "." + key
		switch key {
		case "geo_countries":
			p.Targeting.Countries = c.countries(field, product, overlay.GeoCountries)
		case "geo_regions":
			c.within(field, "regions", product.Regions, overlay.GeoRegions)
		case "frequency_cap":
			p.Targeting.FrequencyCap = c.frequencyCap(field, overlay.FrequencyCap)
		case "audience_include", "audience_exclude":
			// [checks.bindTargeting] looks at them.
		default:
			c.unsupported(field, "targeting by "+key, "Leave "+key+" out, or choose a product that is local to it.", true)
		}
	}
}

// countries narrows the product's countries to those the buyer wants.
func (c *checks) countries(field string, product *Product, wanted []string) []string {
	var both []string
	for _, country := range product.Countries {
		if slices.Contains(wanted, country) {
			both = append(both, country)
		}
	}
	if len(both) == 0 {
		c.refuse(refusal(adcp.CodeValidationError, field, "Product %s delivers in none of these countries.", product.ID).
			WithSuggestion("Choose among the product's countries, or another product.").
			WithDetails(map[string]any{"accepted_values": product.Countries}))
	}
	return both
}

// within accepts a restriction that local inventory meets by itself: everything
// the product has lies within what the buyer wants.
func (c *checks) within(field, what string, local, wanted []string) {
	outside := slices.ContainsFunc(local, func(have string) bool { return !slices.Contains(wanted, have) })
	if len(local) == 0 || outside {
		c.unsupported(field, "restricting this product to some of its "+what, "Choose a product that is local to them.", true)
	}
}

func (c *checks) frequencyCap(field string, f *adcp.FrequencyCap) *adserver.FrequencyCap {
	out := &adserver.FrequencyCap{MaxImpressions: adcp.Val(f.MaxImpressions), Per: string(adcp.Val(f.Per))}
	if f.Window != nil {
		out.Window = c.timespan(field+".window", *f.Window)
	}
	switch {
	case f.Suppress != nil:
		out.Suppress = c.timespan(field+".suppress", *f.Suppress)
	case f.SuppressMinutes != nil:
		minutes, err := money.Parse(string(*f.SuppressMinutes))
		if err != nil || minutes < 0 || minutes > money.Micros(maxFlight/time.Minute)*money.Unit {
			c.add(adcp.CodeValidationError, field+".suppress_minutes", "suppress_minutes is not a number of minutes.")
			return nil
		}
		out.Suppress = time.Duration(minutes.MulDiv(60, 1)) * time.Microsecond
	}
	if *out == (adserver.FrequencyCap{Per: out.Per, Window: out.Window}) {
		c.add(adcp.CodeValidationError, field, "The cap sets neither max_impressions nor suppress.")
		return nil
	}
	return out
}

// timespan is a duration of the protocol; a campaign is zero, the whole flight.
func (c *checks) timespan(field string, d adcp.Duration) time.Duration {
	unit := map[adcp.DurationUnit]time.Duration{
		adcp.DurationUnitSeconds: time.Second, adcp.DurationUnitMinutes: time.Minute,
		adcp.DurationUnitHours: time.Hour, adcp.DurationUnitDays: 24 * time.Hour, adcp.DurationUnitCampaign: 0,
	}
	each, ok := unit[d.Unit]
	if !ok || d.Interval <= 0 || each > 0 && d.Interval > int64(maxFlight/each) {
		c.add(adcp.CodeValidationError, field, "%d %s is not a length of time this seller can keep to.", d.Interval, d.Unit)
		return 0
	}
	return time.Duration(d.Interval) * each
}

func (c *checks) pacing(p *Package, wanted *adcp.Pacing) {
	if wanted != nil {
		p.Pacing = adserver.Pacing(*wanted)
	}
}

// wire is the overlay as the buyer sent it.
func (t Targeting) wire() *adcp.TargetingOverlay {
	if len(t.Overlay) == 0 {
		return nil
	}
	o := new(adcp.TargetingOverlay)
	if json.Unmarshal(t.Overlay, o) != nil {
		return nil
	}
	return o
}

// sameURL compares the addresses of agents: case of scheme and host, a default
// port and a slash at the end make no difference.
func sameURL(a, b string) bool { return canonicalURL(a) == canonicalURL(b) }

func canonicalURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host + cmp.Or(strings.TrimRight(u.Path, "/"), "")
}
