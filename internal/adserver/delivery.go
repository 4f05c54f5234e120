package adserver

import (
	"time"

	"github.com/upfront-media/upfront/internal/money"
)

// Metrics counts what was delivered. Every number is exact and can be added up.
type Metrics struct {
	Impressions         int64 `json:"impressions,omitzero"`
	ViewableImpressions int64 `json:"viewable_impressions,omitzero"`
	Clicks              int64 `json:"clicks,omitzero"`
	// Views reached the publisher's threshold; CompletedViews the end. Each
	// completed view is a view.
	Views          int64 `json:"views,omitzero"`
	CompletedViews int64 `json:"completed_views,omitzero"`
	Conversions    int64 `json:"conversions,omitzero"`
	// Plays are spots aired or plays on a screen.
	Plays int64 `json:"plays,omitzero"`
	// GRPs are gross rating points in millionths: 2,500,000 is 2.5 points.
	GRPs int64 `json:"grps,omitzero"`
	// Spend is in the order's currency.
	Spend money.Micros `json:"spend,omitzero"`
}

// Plus returns m and o added up.
func (m Metrics) Plus(o Metrics) Metrics {
	return Metrics{
		Impressions:         m.Impressions + o.Impressions,
		ViewableImpressions: m.ViewableImpressions + o.ViewableImpressions,
		Clicks:              m.Clicks + o.Clicks,
		Views:               m.Views + o.Views,
		CompletedViews:      m.CompletedViews + o.CompletedViews,
		Conversions:         m.Conversions + o.Conversions,
		Plays:               m.Plays + o.Plays,
		GRPs:                m.GRPs + o.GRPs,
		Spend:               m.Spend + o.Spend,
	}
}

// Billed is the number of units that model bills out of m: impressions, clicks and
// so on, millionths of a point under [CPP], impressions where time is billed.
func (m Metrics) Billed(model PricingModel) int64 {
	switch model {
	case VCPM:
		return m.ViewableImpressions
	case CPC:
		return m.Clicks
	case CPCV:
		return m.CompletedViews
	case CPV:
		return m.Views
	case CPP:
		return m.GRPs
	case CPA:
		return m.Conversions
	}
	return m.Impressions
}

// HourlyDelivery is what one line item delivered within one hour, or within the
// longer [Step] that was asked for.
type HourlyDelivery struct {
	LineItemID string
	// Hour is the start of the hour, in UTC; of a day its midnight, of the whole the
	// first hour or day that delivered.
	Hour time.Time
	Metrics
	Currency money.Currency
	// Creatives splits the hour by creative, in the order of their identifiers; it adds up
	// to Metrics. It is empty where no creative is assigned or the ad server does not tell.
	Creatives []CreativeDelivery
}

// CreativeDelivery is one creative's part of a line item's delivery.
type CreativeDelivery struct {
	CreativeID string `json:"creative_id"`
	Metrics
}

// Sum adds up rows, which should be of one currency.
func Sum(rows []HourlyDelivery) Metrics {
	var total Metrics
	for i := range rows {
		total = total.Plus(rows[i].Metrics)
	}
	return total
}
