package demo

import (
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
)

// Document is the outcome of a demonstration, as `upfront demo --json` prints
// it. Amounts are decimal strings. The same brief and seed give the same bytes.
type Document struct {
	CampaignID string      `json:"campaign_id"`
	State      buyer.State `json:"state"`
	Brief      brief.Brief `json:"brief"`
	Plan       buyer.Plan  `json:"plan"`
	// MediaBuys has one entry for each seller that booked, NotBooked one for each
	// that was asked to and did not.
	MediaBuys []buyer.BuyReport     `json:"media_buys"`
	NotBooked []buyer.BuyReport     `json:"not_booked"`
	Delivery  []buyer.DeliveryTotal `json:"delivery"`
	Totals    buyer.Totals          `json:"totals"`
	// LeftOut names the sellers that were not considered or did not book, and why.
	LeftOut []buyer.LeftOut `json:"left_out"`
}

func newDocument(b brief.Brief, r buyer.Report) Document {
	d := Document{
		CampaignID: r.CampaignID, State: r.State, Brief: b,
		MediaBuys: r.MediaBuys, NotBooked: r.NotBooked, Delivery: r.Delivery, Totals: r.Totals, LeftOut: r.LeftOut,
	}
	if r.Plan != nil {
		d.Plan = *r.Plan
	}
	return d
}
