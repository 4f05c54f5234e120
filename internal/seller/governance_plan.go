package seller

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

// plannedDelivery is the media buy as the seller would run it (AdCP 3.1,
// core/planned-delivery).
func (b *MediaBuy) plannedDelivery(shelf *shelf) *adcp.PlannedDelivery {
	start, end := b.Flight()
	d := &adcp.PlannedDelivery{
		StartTime: &start, EndTime: &end, TotalBudget: new(number(b.Budget())), Currency: new(string(b.Currency)),
		Geo: new(adcp.PlannedDeliveryGeo),
	}
	var audiences []string
	for i := range b.Packages {
		p := &b.Packages[i]
		if p.Canceled {
			continue
		}
		countries := p.Targeting.Countries
		if product, ok := shelf.Product(p.ProductID); ok {
			for _, c := range product.Channels {
				d.Channels = include(d.Channels, adcp.MediaChannel(c))
			}
			for _, r := range product.Regions {
				d.Geo.Regions = include(d.Geo.Regions, r)
			}
			if len(countries) == 0 {
				countries = product.Countries
			}
		}
		for _, c := range countries {
			d.Geo.Countries = include(d.Geo.Countries, c)
		}
		for _, a := range p.Targeting.Audiences {
			audiences = include(audiences, a.ID)
		}
	}
	slices.Sort(d.Geo.Countries)
	if len(audiences) > 0 {
		d.AudienceSummary = new("People in the advertiser's audiences " + strings.Join(audiences, ", "))
	}
	d.FrequencyCap = b.sharedCap()
	return d
}

// sharedCap is the frequency cap that all packages have alike; nil where they differ.
func (b *MediaBuy) sharedCap() *adcp.FrequencyCap {
	var shared *adserver.FrequencyCap
	for i := range b.Packages {
		f := b.Packages[i].Targeting.FrequencyCap
		if f == nil || shared != nil && *f != *shared {
			return nil
		}
		shared = f
	}
	if shared == nil || shared.MaxImpressions == 0 {
		return nil
	}
	w := &adcp.FrequencyCap{MaxImpressions: new(shared.MaxImpressions)}
	if shared.Per != "" {
		w.Per = new(adcp.ReachUnit(shared.Per))
	}
	w.Window = &adcp.Duration{Interval: 1, Unit: adcp.DurationUnitCampaign}
	if shared.Window > 0 {
		w.Window = &adcp.Duration{Interval: int64(shared.Window / time.Minute), Unit: adcp.DurationUnitMinutes}
	}
	return w
}

// show puts what the governance agent said into an answer: its token for the
// envelope, and its conditions and findings for people.
func (g *Governance) show(token **string, ext *json.RawMessage) {
	if g == nil {
		return
	}
	if g.Context != "" {
		*token = new(g.Context)
	}
	if len(g.Conditions)+len(g.Findings) == 0 {
		return
	}
	doc, err := json.Marshal(map[string]any{"governance": map[string]any{
		"plan_id": g.PlanID, "check_id": g.CheckID, "verdict": g.Verdict, "conditions": g.Conditions, "findings": g.Findings,
	}})
	if err == nil {
		*ext = doc
	}
}
